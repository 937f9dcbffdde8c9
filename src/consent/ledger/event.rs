//! One line of a consent's life.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::consent::kind::{DataKind, Purpose};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The ledger was begun.
    Opened,
    /// The notice was shown.
    Asked,
    /// The person said yes.
    Given,
    /// The person said no.
    Refused,
    /// Something was sent under the grant.
    Used,
    /// The person took it back.
    Withdrawn,
    /// Its time was up.
    Expired,
    /// The provider's facts or our notice changed: the grant is void.
    NoticeChanged,
    /// After the end of the grant: the provider was asked to stop a job.
    CancelSent,
    /// The provider was asked to delete what it had of a job.
    DeleteSent,
}

impl EventKind {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Asked => "asked",
            Self::Given => "given",
            Self::Refused => "refused",
            Self::Used => "used",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::NoticeChanged => "notice_changed",
            Self::CancelSent => "cancel_sent",
            Self::DeleteSent => "delete_sent",
        }
    }
}

/// One entry of the ledger. It names no photo, no prompt and no face.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEvent {
    /// Counted from 0.
    pub number: u64,
    /// When, in UTC.
    pub time: Timestamp,
    /// What happened.
    pub event: EventKind,
    /// Whom it is about; without one, the ledger itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
    /// The grant's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// When the grant ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The payload's SHA-256, salted with [`LedgerEvent::principal`] so that nobody else's ledger
    /// shows the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// What the person said of their right to use the photo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rights: Option<String>,
    /// Random, the same for a ledger's whole life, in its first entry: whose consent it is, without
    /// saying who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
}

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The provider's short name.
    pub provider: String,
    /// The vendor's short name.
    pub vendor: String,
    /// The region's short name.
    pub region: String,
    /// The kinds of data.
    pub kinds: Vec<DataKind>,
    /// The purpose.
    pub purpose: Purpose,
    /// SHA-256 of the notice's facts.
    pub notice: String,
    /// The notice's version.
    pub notice_version: String,
    /// SHA-256 of the text that was shown.
    pub text: String,
    /// The language of that text.
    pub language: String,
}

impl LedgerEvent {
    pub(crate) fn new(event: EventKind, about: Option<About>) -> Self {
        Self {
            number: 0,
            time: Timestamp::UNIX_EPOCH,
            event,
            about,
            grant: None,
            until: None,
            payload: None,
            rights: None,
            principal: None,
        }
    }
}
