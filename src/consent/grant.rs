//! Questions, answers and grants.

use jiff::Timestamp;

use super::kind::{DataKind, Purpose};
use super::ledger::About;
use super::notice::Notice;
use super::refused;
use super::sheet::Destination;
use crate::error::{Error, Result};

/// How long a grant lasts unless the answer says otherwise, and at most.
const DAYS: i64 = 180;
const MOST_DAYS: i64 = 365;

/// A notice that is being asked about. It is answered once.
#[derive(Debug)]
pub struct Question {
    notice: Notice,
}

impl Question {
    pub(super) fn new(notice: Notice) -> Self {
        Self { notice }
    }

    /// What to show.
    pub fn notice(&self) -> &Notice {
        &self.notice
    }

    pub(super) fn into_notice(self) -> Notice {
        self.notice
    }
}

/// A person's answer to a [`Question`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    days: Option<i64>,
}

impl Answer {
    /// Yes, for 180 days.
    pub fn yes() -> Self {
        Self { days: Some(DAYS) }
    }

    /// Yes, for so many days, 1 to 365.
    pub fn yes_for_days(days: u16) -> Self {
        Self { days: Some(days.into()) }
    }

    /// No.
    pub fn no() -> Self {
        Self { days: None }
    }

    pub(super) fn days(self) -> Result<Option<i64>> {
        match self.days {
            Some(days) if !(1..=MOST_DAYS).contains(&days) => {
                let message = format!("a grant lasts 1 to {MOST_DAYS} days, not {days}");
                Err(refused("consent.days", message))
            }
            days => Ok(days),
        }
    }
}

/// A person's yes to one notice. It comes out of [`Consent::answer`](super::Consent::answer), or of
/// [`Consent::grant`](super::Consent::grant) as long as it stands; having one is not enough: each
/// use asks the ledger again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    id: String,
    destination: Destination,
    kinds: Vec<DataKind>,
    purpose: Purpose,
    notice: String,
    until: Timestamp,
}

impl Grant {
    pub(super) fn of(id: &str, destination: &Destination, about: &About, until: Timestamp) -> Self {
        Self {
            id: id.to_owned(),
            destination: destination.clone(),
            kinds: about.kinds.clone(),
            purpose: about.purpose,
            notice: about.notice.clone(),
            until,
        }
    }

    /// Its random number.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whom it is for.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// What may be sent.
    pub fn kinds(&self) -> &[DataKind] {
        &self.kinds
    }

    /// What for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The hash of the notice that was agreed to.
    pub fn notice_hash(&self) -> &str {
        &self.notice
    }

    /// When it ends by itself.
    pub fn until(&self) -> Timestamp {
        self.until
    }
}

/// How a destination stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsentState {
    /// Nobody has said yes: not asked yet, or the answer was no.
    Never,
    /// The person said yes.
    Given {
        /// When that ends by itself.
        until: Timestamp,
    },
    /// The person took it back.
    Withdrawn {
        /// When.
        at: Timestamp,
    },
    /// Its time is up.
    Expired {
        /// When that was noticed.
        at: Timestamp,
    },
    /// The provider's facts or the notice changed since: ask again.
    NoticeChanged {
        /// When that was noticed.
        at: Timestamp,
    },
}

impl ConsentState {
    /// Its stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Given { .. } => "given",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Expired { .. } => "expired",
            Self::NoticeChanged { .. } => "notice_changed",
        }
    }
}

/// What a withdrawal can say honestly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawal {
    /// How many submits had gone, whole or in part, under the grant: they cannot be called back.
    pub sent: u64,
    /// Whether something was still being sent after seconds of waiting: the transport did not stop
    /// when it was told to.
    pub still_sending: bool,
}

pub(super) fn about(notice: &Notice) -> About {
    let Destination { provider, vendor, region } = notice.destination().clone();
    About {
        provider,
        vendor,
        region,
        kinds: notice.kinds().to_vec(),
        purpose: notice.purpose(),
        notice: notice.hash().to_owned(),
        notice_version: notice.version().to_owned(),
        text: notice.text_hash().to_owned(),
        language: notice.language().to_owned(),
    }
}

/// The refusal where there is no live grant.
pub(super) fn none(state: &ConsentState, destination: &Destination) -> Error {
    let (code, what) = match state {
        ConsentState::Never | ConsentState::Given { .. } => ("consent.never", "was not given"),
        ConsentState::Withdrawn { .. } => ("consent.withdrawn", "was withdrawn"),
        ConsentState::Expired { .. } => ("consent.expired", "has expired"),
        ConsentState::NoticeChanged { .. } => {
            ("consent.notice_changed", "was given to a notice that has changed")
        }
    };
    let message =
        format!("the consent for {destination} {what}: ask, or make the clip on the device");
    refused(code, message)
}
