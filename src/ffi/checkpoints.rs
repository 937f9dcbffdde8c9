//! Jobs of packs that outlive the app.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::Result;
use super::error::guard;
use super::key_store::{ForwardKeys, KeyStore};
use crate::checkpoint;

/// A folder in which jobs of packs keep, sealed under the app's key store, what the next denoise step
/// needs. It is removed when a job has made its clip, was cancelled or was refused.
#[derive(Debug, uniffi::Object)]
pub struct Checkpoints {
    pub(super) checkpoints: checkpoint::Checkpoints,
}

/// A job that was interrupted.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Checkpoint {
    /// Its number, for `Studio.resume_clip`.
    pub id: String,
    /// How long its file is.
    pub bytes: u64,
    /// When its last step was done, milliseconds since 1970.
    pub changed_ms: i64,
}

#[uniffi::export]
impl Checkpoints {
    /// Opens `folder`, which is made where there is none.
    ///
    /// Fails with `checkpoint.folder`.
    #[uniffi::constructor]
    pub fn open(folder: String, key_store: Arc<dyn KeyStore>) -> Result<Arc<Self>> {
        guard(|| {
            let key_store = Arc::new(ForwardKeys::new(key_store));
            let checkpoints = checkpoint::Checkpoints::open(folder, key_store)?;
            Ok(Arc::new(Self { checkpoints }))
        })
    }

    /// The jobs that were interrupted, the latest first; none that are running.
    pub fn list(&self) -> Result<Vec<Checkpoint>> {
        guard(|| Ok(self.checkpoints.list()?.into_iter().map(Into::into).collect()))
    }

    /// Deletes one; one that is not there is no error.
    ///
    /// Fails with `checkpoint.busy` for one whose job is running.
    pub fn remove(&self, id: String) -> Result<()> {
        guard(|| Ok(self.checkpoints.remove(&id)?))
    }

    /// Deletes all but those of running jobs.
    pub fn clear(&self) -> Result<()> {
        guard(|| Ok(self.checkpoints.clear()?))
    }
}

impl From<checkpoint::Checkpoint> for Checkpoint {
    fn from(found: checkpoint::Checkpoint) -> Self {
        let since = found.changed.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { id: found.id, bytes: found.bytes, changed_ms: since.as_millis() as i64 }
    }
}
