//! A person's rights over what Kinora holds: see it, take it along, have it deleted.

use serde_json::json;

use super::jobs::{Copies, RemoteJob};
use super::{PARTS, Remote};
use crate::checkpoint::Checkpoint;
use crate::consent::{ConsentState, Destination, Withdrawal};
use crate::error::Result;
use crate::scratch;
use crate::vault::VaultEntry;

/// Everything that a studio holds on this device, and what providers still have, as far as it can be
/// known. Clips that the app keeps and reports lie in folders of their own, of which
/// [`KeptClips`](crate::retention::KeptClips) and [`ReportQueue`](crate::safety::ReportQueue) tell.
#[derive(Debug, Clone, Default)]
pub struct DataKept {
    /// Destinations that were ever answered, with their state.
    pub grants: Vec<(Destination, ConsentState)>,
    /// Entries of the ledger.
    pub ledger_entries: usize,
    /// Whether the ledger is whole.
    pub ledger_intact: bool,
    /// What is in the vault; never the secrets.
    pub secrets: Vec<VaultEntry>,
    /// Remote jobs, with what their providers still have.
    pub jobs: Vec<RemoteJob>,
    /// Records that cannot be read.
    pub broken_jobs: Vec<String>,
    /// Files in the making that a crash has left; they go when the folder is opened again.
    pub scratch_files: usize,
    /// Jobs of packs that were interrupted; [`Studio::data`](crate::Studio::data) alone knows them.
    pub checkpoints: Vec<Checkpoint>,
}

/// Something that can be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataItem {
    /// The ledger with all grants. Running remote jobs end.
    Ledger,
    /// One secret.
    Secret {
        /// The provider's short name.
        provider: String,
        /// The purpose.
        purpose: String,
    },
    /// The record of one remote job; its copies at the provider are deleted first where that can be
    /// done.
    Job {
        /// Its number.
        id: String,
    },
    /// All of it.
    Everything,
}

/// What a withdrawal has done and what it could not.
#[derive(Debug, Clone)]
pub struct RemoteWithdrawal {
    /// What the consent itself says.
    pub withdrawal: Withdrawal,
    /// Jobs that had been sent, with what is left of each at the provider.
    pub jobs: Vec<RemoteJob>,
}

impl Remote {
    /// Withdraws a consent, ends its running jobs at the provider and has copies deleted there where
    /// that can be done.
    ///
    /// # Errors
    /// `consent.ledger_*`. A provider that cannot be asked is no error: its jobs are in the answer.
    pub fn withdraw(&self, destination: &Destination) -> Result<RemoteWithdrawal> {
        let withdrawal = self.inner.consent.withdraw(destination)?;
        let (records, _) = self.inner.jobs.all()?;
        let mut jobs = Vec::new();
        for record in records {
            let own = self.destination(&record.model, Some(&record.region)).ok();
            if own.as_ref() != Some(destination) {
                continue;
            }
            if record.copies == Copies::Kept {
                _ = self.clean_up(&record.id);
            }
            jobs.push(self.inner.jobs.load(&record.id)?.shown());
        }
        Ok(RemoteWithdrawal { withdrawal, jobs })
    }

    /// The remote jobs that this device knows of, oldest first; those that are
    /// [`Sending`](super::RemoteJobState::Sending) or [`Sent`](super::RemoteJobState::Sent) can be
    /// resumed.
    ///
    /// # Errors
    /// `remote.job_file`.
    pub fn jobs(&self) -> Result<Vec<RemoteJob>> {
        Ok(self.inner.jobs.all()?.0.into_iter().map(super::jobs::Record::shown).collect())
    }

    /// Everything that is held.
    ///
    /// # Errors
    /// `consent.ledger_read`, `vault.*`, `remote.job_file`.
    pub fn data(&self) -> Result<DataKept> {
        let inner = &*self.inner;
        let intact = inner.consent.is_intact()?;
        let (jobs, broken_jobs) = inner.jobs.all()?;
        Ok(DataKept {
            grants: if intact { inner.consent.overview()? } else { Vec::new() },
            ledger_entries: inner.consent.log()?.len(),
            ledger_intact: intact,
            secrets: inner.vault.entries().or_else(|error| {
                // A damaged vault must not keep the rest from being seen.
                if error.code() == "vault.damaged" { Ok(Vec::new()) } else { Err(error) }
            })?,
            jobs: jobs.into_iter().map(super::jobs::Record::shown).collect(),
            broken_jobs,
            scratch_files: PARTS
                .iter()
                .map(|part| scratch::leftovers(&inner.folder.join(part)).map_or(0, |f| f.len()))
                .sum(),
            checkpoints: Vec::new(),
        })
    }

    /// All of it as JSON, to take along: consent records after ISO/IEC TS 27560, jobs, and the names
    /// of the secrets.
    ///
    /// # Errors
    /// As [`Remote::data`].
    pub fn export(&self) -> Result<String> {
        let data = self.data()?;
        let consents: serde_json::Value =
            serde_json::from_str(&self.inner.consent.export_json()?).unwrap_or_default();
        let jobs: Vec<_> = data
            .jobs
            .iter()
            .map(|job| {
                json!({
                    "id": job.id,
                    "model": job.model,
                    "region": job.region,
                    "state": job.state,
                    "begun": job.begun.to_string(),
                    "error": job.error,
                    "copies_at_the_provider": job.copies,
                })
            })
            .collect();
        let secrets: Vec<_> = data
            .secrets
            .iter()
            .map(|entry| json!({ "provider": entry.provider, "purpose": entry.purpose }))
            .collect();
        let all = json!({ "consents": consents, "jobs": jobs, "secrets": secrets });
        Ok(format!("{all:#}"))
    }

    /// Deletes something; says which jobs' copies stay at their providers until they expire.
    ///
    /// # Errors
    /// `consent.ledger_*`, `vault.*`, `remote.no_job`, `remote.job_file`. Of
    /// [`DataItem::Everything`] as much as possible is deleted before the first error is given.
    pub fn delete(&self, item: &DataItem) -> Result<Vec<RemoteJob>> {
        let inner = &*self.inner;
        match item {
            DataItem::Ledger => inner.consent.erase().map(|()| Vec::new()),
            DataItem::Secret { provider, purpose } => {
                inner.vault.remove(provider, purpose).map(|_| Vec::new())
            }
            DataItem::Job { id } => self.delete_job(id),
            DataItem::Everything => {
                inner.consent.halt();
                let (records, broken) = inner.jobs.all()?;
                let ids = records.into_iter().map(|record| record.id).chain(broken);
                let mut left = Vec::new();
                let mut errors = Vec::new();
                for id in ids {
                    match self.delete_job(&id) {
                        Ok(jobs) => left.extend(jobs),
                        Err(error) => errors.push(error),
                    }
                }
                // The keys go after the jobs, whose copies they delete; the ledger last.
                errors.extend(inner.vault.erase().err());
                errors.extend(inner.consent.erase().err());
                errors.into_iter().next().map_or(Ok(left), Err)
            }
        }
    }

    fn delete_job(&self, id: &str) -> Result<Vec<RemoteJob>> {
        let mut left = Vec::new();
        match self.inner.jobs.load(id) {
            Ok(record) if record.copies == Copies::Kept => {
                // Whether the provider can be asked or not, the person wants the record gone.
                _ = self.clean_up(id);
                let record = self.inner.jobs.load(id)?;
                if record.copies != Copies::Deleted {
                    left.push(record.shown());
                }
            }
            Ok(record) if record.copies == Copies::Expire => left.push(record.shown()),
            Ok(_) => {}
            Err(error) if error.code() == "remote.job_damaged" => {}
            Err(error) => return Err(error),
        }
        self.inner.jobs.remove(id)?;
        Ok(left)
    }

    /// The folder that all of it lies in.
    pub fn folder(&self) -> &std::path::Path {
        &self.inner.folder
    }
}
