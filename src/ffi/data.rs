//! What Kinora holds, and what providers still have.

use super::checkpoints::Checkpoint;
use super::consent::{ConsentOverview, Destination};
use crate::remote;

/// A remote job on this device.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RemoteJob {
    /// Our number for it.
    pub id: String,
    /// The model's id.
    pub model: String,
    /// The provider's region.
    pub region: String,
    /// How far it is known to be.
    pub state: RemoteJobState,
    /// When it was begun, milliseconds since 1970.
    pub begun_ms: i64,
    /// The code of the error that ended it.
    pub error: Option<String>,
    /// What the provider still has.
    pub copies: Copies,
}

/// How far a remote job is known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum RemoteJobState {
    /// The submit was begun; whether it arrived is not known. It can be resumed.
    Sending,
    /// The provider has it. It can be resumed.
    Sent,
    /// The clip is here.
    Done,
    /// It ended otherwise.
    Ended,
}

/// What a provider still has of a job, as far as it can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Copies {
    /// What was sent, and the clip if there is one; they can be deleted.
    Kept,
    /// The provider says that they are deleted.
    Deleted,
    /// They cannot be deleted from here; the notice says when they expire.
    Expire,
}

/// What is in the vault, without the secret.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct VaultEntry {
    /// The provider that it is for.
    pub provider: String,
    /// What it is, such as `api_key`.
    pub purpose: String,
}

/// Everything that is held on this device, and what providers still have. Clips that the
/// app keeps and reports lie in folders of their own, of which `KeptClips` and `ReportQueue` tell.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DataKept {
    /// Destinations that were ever answered.
    pub grants: Vec<ConsentOverview>,
    /// Entries of the ledger.
    pub ledger_entries: u64,
    /// Whether the ledger is whole.
    pub ledger_intact: bool,
    /// What is in the vault.
    pub secrets: Vec<VaultEntry>,
    /// Remote jobs.
    pub jobs: Vec<RemoteJob>,
    /// Records of jobs that cannot be read.
    pub broken_jobs: Vec<String>,
    /// Files in the making that a crash has left; they go when the folder is opened again.
    pub scratch_files: u64,
    /// Jobs of packs that were interrupted; `Studio.data` alone knows them.
    pub checkpoints: Vec<Checkpoint>,
}

/// Something that can be deleted.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum DataItem {
    /// The ledger with all grants.
    Ledger,
    /// One secret.
    Secret {
        /// The provider's short name.
        provider: String,
        /// The purpose.
        purpose: String,
    },
    /// One remote job; its copies at the provider are deleted first where that can be done.
    Job {
        /// Its number.
        id: String,
    },
    /// All of it.
    Everything,
}

/// What a withdrawal has done and what it could not.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Withdrawal {
    /// How many submits had gone under the grant: they cannot be called back.
    pub sent: u64,
    /// Whether something was still being sent after seconds of waiting.
    pub still_sending: bool,
    /// Jobs that had been sent, with what is left of each at the provider.
    pub jobs: Vec<RemoteJob>,
}

impl From<remote::RemoteWithdrawal> for Withdrawal {
    fn from(done: remote::RemoteWithdrawal) -> Self {
        Self {
            sent: done.withdrawal.sent,
            still_sending: done.withdrawal.still_sending,
            jobs: done.jobs.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<remote::RemoteJob> for RemoteJob {
    fn from(job: remote::RemoteJob) -> Self {
        Self {
            id: job.id,
            model: job.model,
            region: job.region,
            state: match job.state {
                remote::RemoteJobState::Sending => RemoteJobState::Sending,
                remote::RemoteJobState::Sent => RemoteJobState::Sent,
                remote::RemoteJobState::Done => RemoteJobState::Done,
                remote::RemoteJobState::Ended => RemoteJobState::Ended,
            },
            begun_ms: job.begun.as_millisecond(),
            error: job.error,
            copies: job.copies.into(),
        }
    }
}

impl From<remote::Copies> for Copies {
    fn from(copies: remote::Copies) -> Self {
        match copies {
            remote::Copies::Kept => Self::Kept,
            remote::Copies::Deleted => Self::Deleted,
            remote::Copies::Expire => Self::Expire,
        }
    }
}

impl From<remote::DataKept> for DataKept {
    fn from(data: remote::DataKept) -> Self {
        let grants = data.grants.into_iter();
        let secrets = data.secrets.into_iter();
        Self {
            grants: grants
                .map(|(destination, state)| ConsentOverview {
                    destination: Destination::from(&destination),
                    state: state.into(),
                })
                .collect(),
            ledger_entries: data.ledger_entries as u64,
            ledger_intact: data.ledger_intact,
            secrets: secrets.map(Into::into).collect(),
            jobs: data.jobs.into_iter().map(Into::into).collect(),
            broken_jobs: data.broken_jobs,
            scratch_files: data.scratch_files as u64,
            checkpoints: data.checkpoints.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<crate::vault::VaultEntry> for VaultEntry {
    fn from(entry: crate::vault::VaultEntry) -> Self {
        Self { provider: entry.provider, purpose: entry.purpose }
    }
}

impl From<DataItem> for remote::DataItem {
    fn from(item: DataItem) -> Self {
        match item {
            DataItem::Ledger => Self::Ledger,
            DataItem::Secret { provider, purpose } => Self::Secret { provider, purpose },
            DataItem::Job { id } => Self::Job { id },
            DataItem::Everything => Self::Everything,
        }
    }
}
