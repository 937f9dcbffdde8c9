//! Job handles on the disk: what is needed to go on with a job after the app was killed.
//!
//! A record is written before anything is sent and says so; nothing in it names a photo or a
//! prompt.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::failed;
use super::wire::Handle;
use crate::error::{Detail, Error, Result};
use crate::photo::PhotoMarks;
use crate::scratch::{self, FolderLock};

const VERSION: u32 = 1;
const LIMIT: u64 = 64 * 1024;

/// How far a remote job is known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RemoteJobState {
    /// The submit was begun; whether it arrived is not known.
    Sending,
    /// The provider has it.
    Sent,
    /// The clip is here.
    Done,
    /// It ended otherwise.
    Ended,
}

/// What the provider still has of a job, as far as it can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Copies {
    /// What was sent, and the clip if there is one; they can be deleted.
    Kept,
    /// The provider says that they are deleted.
    Deleted,
    /// They cannot be deleted from here; the data sheet says when they expire.
    Expire,
}

/// A remote job on this device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteJob {
    /// Our number for it.
    pub id: String,
    /// The model's id.
    pub model: String,
    /// The provider's region.
    pub region: String,
    /// How far it is known to be.
    pub state: RemoteJobState,
    /// When it was begun.
    pub begun: Timestamp,
    /// The code of the error that ended it.
    pub error: Option<String>,
    /// What the provider still has.
    pub copies: Copies,
}

/// A job's record.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    kinora_job: u32,
    pub(super) id: String,
    pub(super) model: String,
    pub(super) region: String,
    /// Of the payload, in hexadecimal.
    pub(super) sha256: String,
    pub(super) seed: u64,
    pub(super) state: RemoteJobState,
    pub(super) begun: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) handle: Option<Handle>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    pub(super) copies: Copies,
    /// What the photo's file said of where the picture comes from, for the marks of the clip.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    photo_generated: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    photo_manifest: bool,
}

impl Record {
    pub(super) fn new(
        id: &str,
        model: &str,
        region: &str,
        sha256: &[u8; 32],
        seed: u64,
        begun: Timestamp,
    ) -> Self {
        Self {
            kinora_job: VERSION,
            id: id.to_owned(),
            model: model.to_owned(),
            region: region.to_owned(),
            sha256: crate::digest::hex(sha256),
            seed,
            state: RemoteJobState::Sending,
            begun,
            handle: None,
            error: None,
            copies: Copies::Kept,
            photo_generated: false,
            photo_manifest: false,
        }
    }

    pub(super) fn of_photo(self, PhotoMarks { generated, manifest }: PhotoMarks) -> Self {
        Self { photo_generated: generated, photo_manifest: manifest, ..self }
    }

    pub(super) fn photo_marks(&self) -> PhotoMarks {
        PhotoMarks { generated: self.photo_generated, manifest: self.photo_manifest }
    }

    pub(super) fn payload(&self) -> Result<[u8; 32]> {
        let mut out = [0; 32];
        let digits = self.sha256.as_bytes();
        let wrong = || damaged(&self.id);
        if digits.len() != 64 {
            return Err(wrong());
        }
        for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(out)
    }

    pub(super) fn shown(self) -> RemoteJob {
        let Self { id, model, region, state, begun, error, copies, .. } = self;
        RemoteJob { id, model, region, state, begun, error, copies }
    }
}

/// The folder with all records.
pub(super) struct Jobs {
    folder: PathBuf,
}

impl Jobs {
    pub(super) fn open(folder: PathBuf) -> Result<Self> {
        scratch::private_folder(&folder).map_err(|error| io_failed(&folder, error))?;
        Ok(Self { folder })
    }

    /// Writes a record; it is on the disk when this returns.
    pub(super) fn save(&self, record: &Record) -> Result<()> {
        let path = self.path(&record.id)?;
        let bytes = serde_json::to_vec(record).map_err(|error| io_failed(&path, error.into()))?;
        scratch::replace(&path, &bytes).map_err(|error| io_failed(&path, error))
    }

    /// Writes a record that is still there: one that was deleted meanwhile does not come back.
    pub(super) fn update(&self, record: &Record) -> Result<()> {
        let _turn = self.turn()?;
        if self.path(&record.id)?.exists() { self.save(record) } else { Ok(()) }
    }

    /// # Errors
    /// `remote.no_job`, `remote.job_damaged`.
    pub(super) fn load(&self, id: &str) -> Result<Record> {
        let path = self.path(id)?;
        let bytes = scratch::read(&path, LIMIT).map_err(|error| io_failed(&path, error))?;
        let bytes = bytes.ok_or_else(|| no_job(id))?;
        let record: Record = serde_json::from_slice(&bytes).map_err(|_| damaged(id))?;
        if record.kinora_job == VERSION && record.id == id { Ok(record) } else { Err(damaged(id)) }
    }

    pub(super) fn remove(&self, id: &str) -> Result<()> {
        let path = self.path(id)?;
        let _turn = self.turn()?;
        scratch::remove(&path).map_err(|error| io_failed(&path, error))
    }

    /// Whoever looks for a record and then writes it does both before another deletes it.
    fn turn(&self) -> Result<FolderLock> {
        FolderLock::take(&self.folder).map_err(|error| io_failed(&self.folder, error))
    }

    /// All records that can be read, oldest first, and the ids of those that cannot.
    pub(super) fn all(&self) -> Result<(Vec<Record>, Vec<String>)> {
        let entries = fs::read_dir(&self.folder).map_err(|error| io_failed(&self.folder, error))?;
        let (mut records, mut broken) = (Vec::new(), Vec::new());
        for entry in entries {
            let entry = entry.map_err(|error| io_failed(&self.folder, error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(id) = name.strip_suffix(".json") else { continue };
            match self.load(id) {
                Ok(record) => records.push(record),
                Err(_) => broken.push(id.to_owned()),
            }
        }
        records.sort_by(|a, b| (a.begun, &a.id).cmp(&(b.begun, &b.id)));
        Ok((records, broken))
    }

    fn path(&self, id: &str) -> Result<PathBuf> {
        let safe = (1..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if safe { Ok(self.folder.join(format!("{id}.json"))) } else { Err(no_job(id)) }
    }
}

fn no_job(id: &str) -> Error {
    // What is no id of ours is not repeated.
    let known = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let id = if known { id } else { "that" };
    failed("remote.no_job", format!("there is no remote job {id} on this device"))
}

fn damaged(id: &str) -> Error {
    failed(
        "remote.job_damaged",
        format!(
            "the record of job {id} is damaged: delete it; the provider may still have the job"
        ),
    )
}

fn io_failed(path: &Path, error: std::io::Error) -> Error {
    let what = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let message = format!("the record {what} cannot be kept, so nothing is sent: free some space");
    Error::Remote(Detail::new("remote.job_file", message).because(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_damage_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let jobs = Jobs::open(folder.path().join("jobs")).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let mut record = Record::new("kinora-1", "fal/x", "global", &[7; 32], 3, now);
        record.handle = Some(Handle { id: "abc".into(), more: Default::default() });
        jobs.save(&record).unwrap();
        let back = jobs.load("kinora-1").unwrap();
        assert_eq!((back.payload().unwrap(), back.handle), ([7; 32], record.handle));
        let path = folder.path().join("jobs/kinora-1.json");
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(jobs.load("kinora-1").unwrap_err().code(), "remote.job_damaged");
        }
        assert_eq!(jobs.all().unwrap().1, ["kinora-1"]);
        assert_eq!(jobs.load("../x").unwrap_err().code(), "remote.no_job");
        assert_eq!(jobs.load("kinora-2").unwrap_err().code(), "remote.no_job");
    }
}
