//! Long jobs survive: after each denoise step of a pack's clip, what the next step needs is sealed in
//! a folder that the host gave.
//!
//! A checkpoint holds the photo at the clip's size, the prompt, the latents and the scheduler's memory,
//! sealed with AES-256-GCM under a key of its own that the host's [`KeyStore`] wraps. It is replaced as
//! a whole after every step and removed when the job has made its clip, was cancelled, or was refused
//! by a gate. What is left is of a process that was killed, or of a job that failed and may yet
//! succeed, as on a full disk: [`Studio::resume_clip`](crate::Studio::resume_clip) goes on with it.

mod file;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::error::{Detail, Error, Result};
use crate::scratch;
use crate::vault::{DataKey, KeyStore, random};

pub(crate) use file::{Order, State};

/// What a checkpoint's name ends in, and that of the file whose lock says that a job is at it.
const ENDING: &str = "checkpoint";
const HELD: &str = "held";
/// Bytes of the longest checkpoint: hundreds of frames at 4K.
const LONGEST: u64 = 4 << 30;

/// A folder of checkpoints, and the key store that they are sealed under.
#[derive(Clone)]
pub struct Checkpoints {
    folder: PathBuf,
    key_store: Arc<dyn KeyStore>,
}

/// A job that was interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its number.
    pub id: String,
    /// How long its file is.
    pub bytes: u64,
    /// When its last step was done.
    pub changed: SystemTime,
}

impl Checkpoints {
    /// Opens `folder`, which is made where there is none, readable by its owner alone.
    ///
    /// # Errors
    /// `checkpoint.folder`.
    pub fn open(folder: impl Into<PathBuf>, key_store: Arc<dyn KeyStore>) -> Result<Self> {
        let folder = folder.into();
        let open = || {
            scratch::private_folder(&folder)?;
            scratch::sweep(&folder)
        };
        open().map_err(unusable)?;
        Ok(Self { folder, key_store })
    }

    /// The jobs that were interrupted, the latest first. Those that are running are not among them.
    ///
    /// # Errors
    /// `checkpoint.folder`.
    pub fn list(&self) -> Result<Vec<Checkpoint>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(unusable)? {
            let path = entry.map_err(unusable)?.path();
            let Some(id) = id_of(&path) else { continue };
            // It may end just now.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if metadata.is_file() && self.hold(&id).is_ok() {
                let changed = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                found.push(Checkpoint { id, bytes: metadata.len(), changed });
            }
        }
        found.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| a.id.cmp(&b.id)));
        Ok(found)
    }

    /// Deletes one; one that is not there is no error.
    ///
    /// # Errors
    /// `checkpoint.busy` for one whose job is running; `checkpoint.folder`.
    pub fn remove(&self, id: &str) -> Result<()> {
        if !is_id(id) {
            return Ok(());
        }
        let held = self.hold(id)?;
        self.delete(id, held)
    }

    /// Deletes all but those of running jobs.
    ///
    /// # Errors
    /// `checkpoint.folder`.
    pub fn clear(&self) -> Result<()> {
        self.list()?.iter().try_for_each(|found| self.remove(&found.id))
    }

    /// A new checkpoint, for a job that begins.
    ///
    /// # Errors
    /// `checkpoint.*`, `vault.key_store`.
    pub(crate) fn begin(&self, order: Order) -> Result<Keeper> {
        let (key, wrapped) = DataKey::make(&*self.key_store)?;
        let id = crate::digest::hex(&random::<8>()?[..]);
        let held = self.hold(&id)?;
        Ok(Keeper { checkpoints: self.clone(), id, key, wrapped, order, held: Some(held) })
    }

    /// A checkpoint that a job goes on from.
    ///
    /// # Errors
    /// `checkpoint.missing`, `checkpoint.busy`, `checkpoint.damaged`, `checkpoint.version`,
    /// `vault.key_store`.
    pub(crate) fn load(&self, id: &str) -> Result<(Keeper, State)> {
        let missing = || {
            let message =
                format!("there is no checkpoint {id:?}: Checkpoints::list tells which are");
            Error::Request(Detail::new("checkpoint.missing", message))
        };
        if !is_id(id) {
            return Err(missing());
        }
        let held = self.hold(id)?;
        // What the process was writing when it ended.
        _ = scratch::sweep(&self.folder);
        let bytes = scratch::read(&self.path(id), LONGEST).map_err(unusable)?;
        let Some(bytes) = bytes else {
            _ = fs::remove_file(self.held_path(id));
            return Err(missing());
        };
        let (wrapped, sealed) = file::split(&bytes)?;
        let key = DataKey::unwrap(&*self.key_store, wrapped)?;
        let (order, state) = file::open(&key, id, sealed)?;
        let (checkpoints, wrapped) = (self.clone(), wrapped.to_vec());
        let id = id.to_owned();
        Ok((Keeper { checkpoints, id, key, wrapped, order, held: Some(held) }, state))
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.{ENDING}"))
    }

    fn held_path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.{HELD}"))
    }

    /// Keeps others away from a checkpoint, in this process and in others, until it is dropped.
    fn hold(&self, id: &str) -> Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(self.held_path(id)).map_err(unusable)?;
        file.try_lock().map_err(|_| {
            let message = "a job is at this checkpoint: wait for it, or cancel it";
            Error::Request(Detail::new("checkpoint.busy", message))
        })?;
        Ok(file)
    }

    fn delete(&self, id: &str, held: File) -> Result<()> {
        scratch::remove(&self.path(id)).map_err(unusable)?;
        // Closed first: Windows keeps the name of an open file.
        drop(held);
        scratch::remove(&self.held_path(id)).map_err(unusable)
    }
}

impl std::fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoints").finish_non_exhaustive()
    }
}

/// The checkpoint of a running job.
pub(crate) struct Keeper {
    checkpoints: Checkpoints,
    id: String,
    key: DataKey,
    wrapped: Vec<u8>,
    order: Order,
    held: Option<File>,
}

impl Keeper {
    /// What the job makes.
    pub(crate) fn order(&self) -> &Order {
        &self.order
    }

    /// Puts the step that was just done in the place of the one before.
    ///
    /// # Errors
    /// `checkpoint.folder`; the old one is then still there.
    pub(crate) fn keep(&self, done: usize, latents: &[f32], scheduler: &[&[f32]]) -> Result<()> {
        let sealed = file::seal(&self.key, &self.id, &self.order, done, latents, scheduler)?;
        let bytes = file::join(&self.wrapped, &sealed);
        scratch::replace(&self.checkpoints.path(&self.id), &bytes).map_err(unusable)
    }

    /// Deletes it: nothing is left to go on with.
    pub(crate) fn finish(mut self) {
        let Some(held) = self.held.take() else { return };
        if let Err(error) = self.checkpoints.delete(&self.id, held) {
            log::warn!("a checkpoint stays behind: {}", error.code());
        }
    }
}

fn id_of(path: &Path) -> Option<String> {
    let id = path.file_name()?.to_str()?.strip_suffix(ENDING)?.strip_suffix('.')?;
    is_id(id).then(|| id.to_owned())
}

fn is_id(id: &str) -> bool {
    id.len() == 16 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn unusable(error: io::Error) -> Error {
    let message = "the folder of checkpoints cannot be used: make room and check its rights, or give \
                   another one";
    Error::Output(Detail::new("checkpoint.folder", message).because(error))
}
