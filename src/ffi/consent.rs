//! Notices, answers and the ledger.

use std::sync::{Arc, Mutex, PoisonError};

use super::error::guard;
use super::{KinoraError, Result};
use crate::consent::{self, Answer, Consent};

/// Whom a consent is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, uniffi::Record)]
pub struct Destination {
    /// The provider's short name.
    pub provider: String,
    /// The short name of who makes the model.
    pub vendor: String,
    /// The region's short name.
    pub region: String,
}

/// A kind of personal data that may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum DataKind {
    /// The photo's pixels; no metadata.
    Photo,
    /// A video's pictures; no sound and no metadata.
    Video,
    /// The words of the prompt.
    Prompt,
    /// Length, size, seed, and the device's network address.
    TechnicalMetadata,
}

/// What a person has to know before they say yes.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Notice {
    /// Whom it is about.
    pub destination: Destination,
    /// The kinds of data that it asks for.
    pub kinds: Vec<DataKind>,
    /// Its lines in the order in which they are shown; the first is the title.
    pub lines: Vec<NoticeLine>,
    /// The version of texts and data sheets.
    pub version: String,
    /// The language of the lines, a BCP 47 tag.
    pub language: String,
    /// SHA-256 of what it says, the same in every language.
    pub hash: String,
}

/// A line of a notice.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct NoticeLine {
    /// What it is: `title`, `what`, `recipient` and so on.
    pub key: String,
    /// The text.
    pub text: String,
}

/// A notice that is being asked about. It is answered once.
#[derive(uniffi::Object)]
pub struct ConsentQuestion {
    notice: Notice,
    question: Mutex<Option<consent::Question>>,
    consent: Consent,
}

/// A person's yes to one notice, while it stands.
#[derive(Debug, uniffi::Object)]
pub struct Grant {
    pub(super) grant: consent::Grant,
}

/// How a destination stands.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum ConsentState {
    /// Nobody has said yes.
    Never,
    /// The person said yes.
    Given {
        /// When that ends by itself, milliseconds since 1970.
        until_ms: i64,
    },
    /// The person took it back.
    Withdrawn {
        /// When, milliseconds since 1970.
        at_ms: i64,
    },
    /// Its time is up.
    Expired {
        /// When that was noticed, milliseconds since 1970.
        at_ms: i64,
    },
    /// The provider's facts or the notice changed: ask again.
    NoticeChanged {
        /// When that was noticed, milliseconds since 1970.
        at_ms: i64,
    },
}

/// A destination and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ConsentOverview {
    /// Whom it is about.
    pub destination: Destination,
    /// How it stands.
    pub state: ConsentState,
}

/// One entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LedgerEntry {
    /// Counted from 0.
    pub number: u64,
    /// When, milliseconds since 1970.
    pub time_ms: i64,
    /// What happened: `opened`, `asked`, `given`, `refused`, `used`, `withdrawn`, `expired`,
    /// `notice_changed`, `cancel_sent`, `delete_sent`.
    pub event: String,
    /// Whom it is about; empty for the ledger itself.
    pub destination: Option<Destination>,
    /// The kinds of data.
    pub kinds: Vec<DataKind>,
}

#[uniffi::export]
impl ConsentQuestion {
    /// What to show.
    pub fn notice(&self) -> Result<Notice> {
        Ok(self.notice.clone())
    }

    /// The person says yes, for so many days (1 to 365), or for 180.
    ///
    /// Fails with `consent.answered` the second time, `consent.notice_changed` when the facts
    /// changed meanwhile.
    #[uniffi::method(default(days = None))]
    pub fn allow(&self, days: Option<u16>) -> Result<Arc<Grant>> {
        guard(|| {
            let answer = days.map_or_else(Answer::yes, Answer::yes_for_days);
            let grant = self.consent.answer(self.take()?, answer)?;
            let grant = grant.ok_or_else(|| KinoraError::host("the answer was no"))?;
            Ok(Arc::new(Grant { grant }))
        })
    }

    /// The person says no. A grant that stood before is withdrawn.
    ///
    /// Fails with `consent.answered` the second time.
    pub fn refuse(&self) -> Result<()> {
        guard(|| {
            self.consent.answer(self.take()?, Answer::no())?;
            Ok(())
        })
    }
}

impl ConsentQuestion {
    pub(super) fn new(consent: &Consent, question: consent::Question) -> Arc<Self> {
        let notice = question.notice().into();
        Arc::new(Self { notice, question: Mutex::new(Some(question)), consent: consent.clone() })
    }

    fn take(&self) -> Result<consent::Question> {
        let mut question = self.question.lock().unwrap_or_else(PoisonError::into_inner);
        question.take().ok_or_else(|| KinoraError::Consent {
            code: "consent.answered".to_owned(),
            reason: "this question was answered: ask again".to_owned(),
            detail: None,
        })
    }
}

#[uniffi::export]
impl Grant {
    /// Its random number.
    pub fn id(&self) -> Result<String> {
        Ok(self.grant.id().to_owned())
    }

    /// Whom it is for.
    pub fn destination(&self) -> Result<Destination> {
        Ok(self.grant.destination().into())
    }

    /// What may be sent.
    pub fn kinds(&self) -> Result<Vec<DataKind>> {
        Ok(self.grant.kinds().iter().copied().map(Into::into).collect())
    }

    /// When it ends by itself, milliseconds since 1970.
    pub fn until_ms(&self) -> Result<i64> {
        Ok(self.grant.until().as_millisecond())
    }
}

impl Destination {
    /// The core's, if the sheets know it.
    pub(super) fn known(&self, consent: &Consent) -> Result<consent::Destination> {
        let Self { provider, vendor, region } = self;
        Ok(consent.sheets().destination(provider, vendor, Some(region))?)
    }
}

impl From<&consent::Destination> for Destination {
    fn from(destination: &consent::Destination) -> Self {
        Self {
            provider: destination.provider().to_owned(),
            vendor: destination.vendor().to_owned(),
            region: destination.region().to_owned(),
        }
    }
}

impl From<&consent::Notice> for Notice {
    fn from(notice: &consent::Notice) -> Self {
        let lines = notice.lines();
        Self {
            destination: notice.destination().into(),
            kinds: notice.kinds().iter().copied().map(Into::into).collect(),
            lines: lines
                .map(|(key, text)| NoticeLine { key: key.to_owned(), text: text.to_owned() })
                .collect(),
            version: notice.version().to_owned(),
            language: notice.language().to_owned(),
            hash: notice.hash().to_owned(),
        }
    }
}

impl From<consent::ConsentState> for ConsentState {
    fn from(state: consent::ConsentState) -> Self {
        use consent::ConsentState as Core;
        match state {
            Core::Never => Self::Never,
            Core::Given { until } => Self::Given { until_ms: until.as_millisecond() },
            Core::Withdrawn { at } => Self::Withdrawn { at_ms: at.as_millisecond() },
            Core::Expired { at } => Self::Expired { at_ms: at.as_millisecond() },
            Core::NoticeChanged { at } => Self::NoticeChanged { at_ms: at.as_millisecond() },
        }
    }
}

impl From<consent::LedgerEvent> for LedgerEntry {
    fn from(event: consent::LedgerEvent) -> Self {
        let kinds = event.about.iter().flat_map(|about| about.kinds.iter().copied());
        Self {
            number: event.number,
            time_ms: event.time.as_millisecond(),
            event: event.event.name().to_owned(),
            kinds: kinds.map(Into::into).collect(),
            destination: event.about.map(|about| Destination {
                provider: about.provider,
                vendor: about.vendor,
                region: about.region,
            }),
        }
    }
}

impl From<DataKind> for consent::DataKind {
    fn from(kind: DataKind) -> Self {
        match kind {
            DataKind::Photo => Self::Photo,
            DataKind::Video => Self::Video,
            DataKind::Prompt => Self::Prompt,
            DataKind::TechnicalMetadata => Self::TechnicalMetadata,
        }
    }
}

impl From<consent::DataKind> for DataKind {
    fn from(kind: consent::DataKind) -> Self {
        match kind {
            consent::DataKind::Photo => Self::Photo,
            consent::DataKind::Video => Self::Video,
            consent::DataKind::Prompt => Self::Prompt,
            consent::DataKind::TechnicalMetadata => Self::TechnicalMetadata,
        }
    }
}

impl std::fmt::Debug for ConsentQuestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConsentQuestion({:?})", self.notice.destination)
    }
}
