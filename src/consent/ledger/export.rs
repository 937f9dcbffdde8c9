//! The ledger for others: JSON after ISO/IEC TS 27560:2023, and text.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::event::{About, EventKind, LedgerEvent};
use crate::consent::sheet::Sheets;

/// The version of the shape, `schema_version` in the specification.
const SCHEMA: &str = "ISO/IEC TS 27560:2023, Kinora 1";

/// One consent record for each grant, refusal or open question, with its events; field names are
/// those of ISO/IEC TS 27560 as the W3C's Data Privacy Vocabulary group maps them
/// (w3c/dpv, guides/consent-27560).
pub(crate) fn json_27560(
    events: &[LedgerEvent],
    principal: &str,
    sheets: &Sheets,
    intact: bool,
) -> Value {
    let mut records: BTreeMap<String, Record<'_>> = BTreeMap::new();
    for event in events {
        let Some(about) = &event.about else { continue };
        // What is not yet a grant is a record of its own until it becomes one.
        let destination = format!("{}/{}/{}", about.provider, about.vendor, about.region);
        let key = event.grant.clone().unwrap_or(destination);
        records
            .entry(key)
            .or_insert_with(|| Record { about, events: Vec::new() })
            .events
            .push(event);
    }
    let records: Vec<Value> =
        records.iter().map(|(id, record)| record.json(id, principal, sheets)).collect();
    json!({ "schema_version": SCHEMA, "ledger_intact": intact, "records": records })
}

struct Record<'a> {
    about: &'a About,
    events: Vec<&'a LedgerEvent>,
}

impl Record<'_> {
    fn json(&self, id: &str, principal: &str, sheets: &Sheets) -> Value {
        let about = self.about;
        let sheet = sheets.provider(&about.provider).ok();
        let told = |field: &str| -> String {
            let text = sheet.map(|sheet| match field {
                "recipient" => sheet.recipient.clone(),
                "retention" => sheet.retention.clone(),
                "contact" => sheet.contact.clone(),
                _ => String::new(),
            });
            text.unwrap_or_else(|| "unknown: the data sheet is gone".to_owned())
        };
        let named = |found: Option<String>, id: &str| found.unwrap_or_else(|| id.to_owned());
        let place = named(
            sheet.and_then(|sheet| {
                sheet.regions.iter().find(|r| r.id == about.region).map(|r| r.place.clone())
            }),
            &about.region,
        );
        let vendor = named(
            sheet.and_then(|sheet| {
                sheet.vendors.iter().find(|v| v.id == about.vendor).map(|v| v.name.clone())
            }),
            &about.vendor,
        );
        let pii: Vec<Value> = about
            .kinds
            .iter()
            .map(|kind| json!({ "pii_type": kind.name(), "pii_optional": false }))
            .collect();
        let events: Vec<Value> = self.events.iter().map(|event| event_json(event)).collect();
        json!({
            "record_id": id,
            "pii_principal_id": principal,
            "pii_processing": {
                "privacy_notice": { "sha256": about.notice, "version": about.notice_version, "text_sha256": about.text },
                "language": about.language,
                "purposes": [about.purpose.name()],
                "lawful_basis": "consent",
                "pii_information": pii,
                "pii_controllers": [{ "party_name": told("recipient"), "party_role": "recipient", "party_contact": told("contact") }],
                "collection_method": "chosen by the person on this device",
                "processing_method": "video generation by a model",
                "storage_locations": [place.clone()],
                "retention_period": told("retention"),
                "processing_locations": [place],
                "recipient_third_parties": [vendor],
                "withdrawal_method": "in the app's privacy settings, at any time",
            },
            "events": events,
        })
    }
}

fn event_json(event: &LedgerEvent) -> Value {
    let state = match event.event {
        EventKind::Opened | EventKind::Asked => "requested",
        EventKind::Given => "given",
        EventKind::Refused => "refused",
        EventKind::Withdrawn => "withdrawn",
        EventKind::Expired => "expired",
        EventKind::NoticeChanged => "invalidated",
        // What was done under it is not a state of consent; the specification leaves room.
        EventKind::Used => "used",
        EventKind::CancelSent => "cancel_sent",
        EventKind::DeleteSent => "delete_sent",
    };
    let mut out = json!({
        "event_time": event.time.to_string(),
        "event_type": "explicit",
        "event_state": state,
    });
    if let Some(until) = event.until {
        out["validity_duration"] = json!(format!("until {until}"));
    }
    if let Some(payload) = &event.payload {
        out["payload_salted_sha256"] = json!(payload);
    }
    if let Some(rights) = &event.rights {
        out["rights"] = json!(rights);
    }
    out
}

/// One line for each entry, for people.
pub(crate) fn text(events: &[LedgerEvent], intact: bool) -> String {
    let mut out = String::new();
    if !intact {
        out.push_str("This ledger was cut or edited; no grant in it counts any more.\n");
    }
    for event in events {
        let what = match event.event {
            EventKind::Opened => "ledger begun",
            EventKind::Asked => "asked",
            EventKind::Given => "given",
            EventKind::Refused => "refused",
            EventKind::Used => "used: sent",
            EventKind::Withdrawn => "withdrawn",
            EventKind::Expired => "expired",
            EventKind::NoticeChanged => "void: the notice changed",
            EventKind::CancelSent => "asked the provider to stop a job",
            EventKind::DeleteSent => "asked the provider to delete a job",
        };
        // To the second: more is of no use to a person.
        let time = event.time.strftime("%Y-%m-%d %H:%M:%S UTC");
        out.push_str(&format!("{time}  {what}"));
        if let Some(about) = &event.about {
            let kinds: Vec<_> = about.kinds.iter().map(|kind| kind.name()).collect();
            let About { provider, vendor, region, .. } = about;
            out.push_str(&format!("  {provider}/{vendor}/{region}  {}", kinds.join(" + ")));
        }
        if let Some(until) = event.until {
            out.push_str(&format!("  until {}", until.strftime("%Y-%m-%d")));
        }
        out.push('\n');
    }
    out
}
