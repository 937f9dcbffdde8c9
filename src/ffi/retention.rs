//! Clips that the app asked Kinora to keep.

use std::sync::Arc;

use super::error::guard;
use super::{Container, KinoraError, Result};
use crate::retention;

/// A clip in the folder of kept clips.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct KeptClip {
    /// Where it lies.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// How long it stays at least, seconds.
    pub seconds_left: u64,
}

/// Clips in a folder, each until its time is over. A clip's age is time that was seen to pass at the
/// sweeps: a clock that is set back makes no clip younger.
#[derive(Debug, uniffi::Object)]
pub struct KeptClips {
    clips: retention::KeptClips,
}

#[uniffi::export]
impl KeptClips {
    /// Opens the folder, makes it where it is not there, and sweeps it. `keep_days`: how long a clip
    /// stays; left out, until the next sweep.
    ///
    /// Fails with `retention.folder` when the folder cannot be used.
    #[uniffi::constructor(default(keep_days = None))]
    pub fn open(folder: String, keep_days: Option<u32>) -> Result<Arc<Self>> {
        guard(|| {
            let retention = keep_days.map_or_else(retention::Retention::default, |days| {
                retention::Retention::Keep(days)
            });
            Ok(Arc::new(Self { clips: retention::KeptClips::open(folder, retention)? }))
        })
    }

    /// Sweeps, and says where a new clip goes.
    pub fn new_path(&self, container: Container) -> Result<String> {
        guard(|| {
            let path = self.clips.place(container.into())?;
            path.into_os_string().into_string().map_err(|_| {
                KinoraError::host("the folder of kept clips has a name that is not Unicode")
            })
        })
    }

    /// Removes the clips whose time is over and says how many they were.
    pub fn sweep(&self) -> Result<u64> {
        guard(|| Ok(self.clips.sweep()? as u64))
    }

    /// The clips, by name.
    pub fn list(&self) -> Result<Vec<KeptClip>> {
        guard(|| {
            let clips = self.clips.list()?.into_iter().map(|clip| KeptClip {
                path: clip.path.to_string_lossy().into_owned(),
                bytes: clip.bytes,
                seconds_left: clip.left.as_secs(),
            });
            Ok(clips.collect())
        })
    }

    /// Removes every clip, due or not, and says how many they were.
    pub fn delete_all(&self) -> Result<u64> {
        guard(|| Ok(self.clips.delete_all()? as u64))
    }
}
