//! What a person is told before anything goes.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::kind::{DataKind, Purpose};
use super::sheet::{Destination, Sheets};
use crate::error::Result;

/// The English texts: a key and its text, with `{names}` that are filled in. Their version goes up
/// with every change of meaning, which voids the grants that were given to the old meaning.
const TEXTS_VERSION: u32 = 1;
const TEXTS: &[(&str, &str)] = &[
    ("title", "Send this to {provider}?"),
    (
        "what",
        "What is sent: {kinds}. No location, no file name, no other photo and no contact is sent.",
    ),
    ("kind.photo", "the photo"),
    ("kind.video", "the video without its sound"),
    ("kind.prompt", "your words"),
    ("kind.technical_metadata", "technical data (length, size, seed, and your network address)"),
    ("purpose.make_clip", "Why: to make one clip each time that you ask for it. Nothing else."),
    ("recipient", "Who receives it: {recipient}."),
    ("vendor", "The model is made by {vendor}, who may receive it too."),
    ("place", "Where it is processed: {place}."),
    ("retention", "How long it is kept: {retention}."),
    ("training", "Use for training: {training}."),
    ("deletion", "Deleting it there: {deletion}."),
    (
        "withdraw",
        "You can withdraw this at any time in the app's privacy settings. Nothing more is sent \
         then; what has been sent already cannot be called back.",
    ),
    ("people", "If the photo shows somebody else, ask them first."),
    ("without", "Without it the clip is made on this device and nothing is sent."),
    ("unverified", "(not checked by us)"),
    ("policy", "Their privacy policy: {policy}."),
];

/// Texts of an app's language, by the keys of [`Notice::texts`].
#[derive(Debug, Clone, Default)]
pub struct Translation {
    language: String,
    texts: BTreeMap<String, String>,
}

impl Translation {
    /// `language` is a BCP 47 tag such as `de` or `pt-BR`. A key that is left out stays English.
    pub fn new(
        language: impl Into<String>,
        texts: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self { language: language.into(), texts: texts.into_iter().collect() }
    }
}

/// A notice: what a person has to know before they say yes, from the provider's data sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    destination: Destination,
    kinds: Vec<DataKind>,
    purpose: Purpose,
    version: String,
    language: String,
    lines: Vec<(&'static str, String)>,
    hash: String,
    text_hash: String,
}

impl Notice {
    /// The texts that an app may translate, key and English text.
    pub fn texts() -> &'static [(&'static str, &'static str)] {
        TEXTS
    }

    pub(super) fn build(
        sheets: &Sheets,
        destination: &Destination,
        kinds: &[DataKind],
        purpose: Purpose,
        translation: Option<&Translation>,
    ) -> Result<Self> {
        let lines = fill(sheets, destination, kinds, purpose, translation)?;
        let english = match translation {
            Some(_) => fill(sheets, destination, kinds, purpose, None)?,
            None => lines.clone(),
        };
        let sheet = sheets.provider(&destination.provider)?;
        // The English wording stands for the facts: the hash is the same in every language.
        let mut facts = Sha256::new();
        facts.update(format!("kinora notice {TEXTS_VERSION}\n{destination}\n{}\n", sheet.contact));
        for (key, text) in &english {
            facts.update(format!("{key}\t{text}\n"));
        }
        let mut notice = Self {
            destination: destination.clone(),
            kinds: kinds.to_vec(),
            purpose,
            version: format!("{TEXTS_VERSION}.{}", sheets.version()),
            language: translation.map_or_else(|| "en".to_owned(), |own| own.language.clone()),
            lines,
            hash: crate::digest::hex(&facts.finalize()),
            text_hash: String::new(),
        };
        notice.text_hash = crate::digest::hex(&Sha256::digest(notice.text()));
        Ok(notice)
    }

    /// Whom it is about.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// The kinds of data that it asks for.
    pub fn kinds(&self) -> &[DataKind] {
        &self.kinds
    }

    /// What they are sent for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The version of the texts and of the data sheets, such as `1.1`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The language of [`Notice::lines`], a BCP 47 tag.
    pub fn language(&self) -> &str {
        &self.language
    }

    /// Its lines in the order in which they are shown, with their keys; the first is the title.
    pub fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().map(|(key, text)| (*key, text.as_str()))
    }

    /// All of it as text, a line each.
    pub fn text(&self) -> String {
        let lines: Vec<_> = self.lines.iter().map(|(_, text)| text.as_str()).collect();
        lines.join("\n")
    }

    /// SHA-256 of what it says, in hexadecimal: the same in every language, another one as soon as a
    /// fact or the English text changes. A grant is bound to it.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// SHA-256 of the text as it is shown, for the ledger.
    pub fn text_hash(&self) -> &str {
        &self.text_hash
    }
}

fn fill(
    sheets: &Sheets,
    destination: &Destination,
    kinds: &[DataKind],
    purpose: Purpose,
    translation: Option<&Translation>,
) -> Result<Vec<(&'static str, String)>> {
    let sheet = sheets.provider(&destination.provider)?;
    let vendor = sheet.vendors.iter().find(|vendor| vendor.id == destination.vendor);
    let region = sheet.regions.iter().find(|region| region.id == destination.region);
    let text = |key: &str| -> String {
        let own = translation.and_then(|own| own.texts.get(key).map(String::as_str));
        let english = || TEXTS.iter().find(|(name, _)| *name == key).map(|(_, text)| *text);
        own.or_else(english).unwrap_or_default().to_owned()
    };
    let marked = |field: &str, value: &str| {
        if sheet.unverified.iter().any(|name| name == field) {
            format!("{value} {}", text("unverified"))
        } else {
            value.to_owned()
        }
    };
    let names: Vec<String> =
        kinds.iter().map(|kind| text(&format!("kind.{}", kind.name()))).collect();
    let mut lines = vec![
        ("title", text("title").replace("{provider}", &sheet.name)),
        ("what", text("what").replace("{kinds}", &names.join(", "))),
        ("purpose", text(&format!("purpose.{}", purpose.name()))),
        (
            "recipient",
            text("recipient").replace("{recipient}", &marked("recipient", &sheet.recipient)),
        ),
    ];
    if sheet.gateway {
        let vendor = vendor.map_or("", |vendor| vendor.name.as_str());
        lines.push(("vendor", text("vendor").replace("{vendor}", vendor)));
    }
    let place = region.map_or("", |region| region.place.as_str());
    lines.extend([
        ("place", text("place").replace("{place}", place)),
        (
            "retention",
            text("retention").replace("{retention}", &marked("retention", &sheet.retention)),
        ),
        ("training", text("training").replace("{training}", &marked("training", &sheet.training))),
        ("deletion", text("deletion").replace("{deletion}", &marked("deletion", &sheet.deletion))),
    ]);
    if kinds.iter().any(|kind| matches!(kind, DataKind::Photo | DataKind::Video)) {
        lines.push(("people", text("people")));
    }
    lines.extend([
        ("withdraw", text("withdraw")),
        ("without", text("without")),
        (
            "policy",
            text("policy").replace("{policy}", &marked("privacy_policy", &sheet.privacy_policy)),
        ),
    ]);
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(sheets: &Sheets, translation: Option<&Translation>) -> Notice {
        let fal = sheets.destination("fal", "kuaishou", None).unwrap();
        let kinds = [DataKind::Photo, DataKind::Prompt];
        Notice::build(sheets, &fal, &kinds, Purpose::MakeClip, translation).unwrap()
    }

    #[test]
    fn it_names_recipient_vendor_place_and_way_out() {
        let text = notice(&Sheets::shipped().unwrap(), None).text();
        for part in ["Features & Labels", "Kuaishou", "United States", "withdraw", "the photo"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains('{'), "{text}");
    }

    #[test]
    fn a_translation_changes_the_text_and_not_the_facts() {
        let sheets = Sheets::shipped().unwrap();
        let german = Translation::new("de", [("title".into(), "An {provider} senden?".into())]);
        let (english, german) = (notice(&sheets, None), notice(&sheets, Some(&german)));
        assert!(german.text().starts_with("An fal senden?"));
        assert_eq!(english.hash(), german.hash());
        assert_ne!(english.text_hash(), german.text_hash());
    }

    #[test]
    fn a_changed_fact_changes_the_hash() {
        let changed = include_str!("sheets.json").replace("after one hour", "after two hours");
        let changed = Sheets::from_json(&changed).unwrap();
        let before = notice(&Sheets::shipped().unwrap(), None);
        assert_ne!(before.hash(), notice(&changed, None).hash());
    }

    #[test]
    fn every_kind_and_purpose_has_a_text() {
        for kind in DataKind::ALL {
            let key = format!("kind.{}", kind.name());
            assert!(TEXTS.iter().any(|(name, _)| *name == key), "{key}");
        }
    }
}
