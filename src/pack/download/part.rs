//! What has come of a file: beside its name, held by one run at a time, put in its place when it is
//! whole and right.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{self, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fault;
use crate::digest::sha256_of;
use crate::error::Result;
use crate::runtime::Cancel;
use crate::scratch;

/// Bytes of the longest notes.
const LONGEST_NOTES: u64 = 16 << 10;

/// What is written down about a part before its first byte: a part without notes is not ours.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Notes {
    /// Of the file that it becomes.
    sha256: String,
    /// The server's name for the state of the file.
    validator: Option<String>,
    /// Bytes of the whole file.
    total: Option<u64>,
}

/// Where a server shall go on.
pub(super) struct Resume {
    pub(super) from: u64,
    pub(super) total: Option<u64>,
    pub(super) validator: String,
}

/// Dropped unfinished it stays for the next run, if there is anything in it.
pub(super) struct PartFile {
    /// Locked while it is open.
    file: File,
    target: PathBuf,
    path: PathBuf,
    notes_path: PathBuf,
    notes: Notes,
    length: u64,
    /// Whether the path is another file's by now, or nobody's.
    gone: bool,
}

/// Whether the right file is at `target` already.
///
/// # Errors
/// `download.write` for what is no file; [`Error::Cancelled`](crate::Error::Cancelled).
pub(super) fn is_there(target: &Path, sha256: &str, cancel: &Cancel) -> Result<bool> {
    match fs::metadata(target) {
        Ok(metadata) if metadata.is_file() => {
            let mut file = File::open(target).map_err(|error| fault::disk(target, error))?;
            Ok(digest(&mut file, target, cancel)? == sha256)
        }
        Ok(_) => Err(fault::theirs(target)),
        // Whatever else it is shows when the part is made.
        Err(_) => Ok(false),
    }
}

impl PartFile {
    /// Opens the part of `target`, or makes it.
    ///
    /// # Errors
    /// `download.busy` where another run holds it; `download.write`, `download.disk_full`.
    pub(super) fn open(target: &Path, sha256: &str) -> Result<Self> {
        let target = path::absolute(target).map_err(|error| fault::disk(target, error))?;
        let named = |ending: &str| {
            let mut name = target.file_name().map(OsStr::to_owned)?;
            name.push(ending);
            Some(target.with_file_name(name))
        };
        let (Some(path), Some(notes_path)) = (named(".part"), named(".part.json")) else {
            return Err(fault::theirs(&target));
        };
        let failed = |error| fault::disk(&path, error);
        let file = hold(&path)?;
        let length = file.metadata().map_err(failed)?.len();
        let json = scratch::read(&notes_path, LONGEST_NOTES).map_err(failed)?;
        if length > 0 && json.is_none() {
            return Err(fault::theirs(&path));
        }
        let notes = json.and_then(|json| serde_json::from_slice::<Notes>(&json).ok());
        let mut part = Self {
            file,
            target,
            path,
            notes_path,
            notes: notes.unwrap_or_default(),
            length,
            gone: false,
        };
        let too_long = part.notes.total.is_some_and(|total| part.length > total);
        if part.notes.sha256 != sha256 || too_long {
            part.notes = Notes { sha256: sha256.to_owned(), ..Notes::default() };
            part.restart()?;
        }
        Ok(part)
    }

    /// Bytes that have come.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Whether nothing is missing: only the sum was not looked at.
    pub(super) fn is_whole(&self) -> bool {
        self.length > 0 && self.notes.total == Some(self.length)
    }

    /// Where to go on; none where that must be the beginning.
    pub(super) fn resume(&self) -> Option<Resume> {
        let validator = self.notes.validator.clone().filter(|_| self.length > 0)?;
        Some(Resume { from: self.length, total: self.notes.total, validator })
    }

    /// Forgets what has come.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.file.set_len(0).map_err(|error| fault::disk(&self.path, error))?;
        self.length = 0;
        Ok(())
    }

    /// Begins with the first byte of a file that has this name and length at the server.
    pub(super) fn begin(&mut self, validator: Option<String>, total: Option<u64>) -> Result<()> {
        self.restart()?;
        self.notes.validator = validator;
        self.notes.total = total;
        self.write_notes()
    }

    /// Adds what came.
    pub(super) fn append(&mut self, piece: &[u8]) -> Result<()> {
        let written =
            self.file.seek(SeekFrom::Start(self.length)).and_then(|_| self.file.write_all(piece));
        match written {
            Ok(()) => self.length += piece.len() as u64,
            Err(error) => {
                // A part of the piece may be there; those bytes are right, too.
                self.length = self.file.metadata().map_or(self.length, |metadata| metadata.len());
                return Err(fault::disk(&self.path, error));
            }
        }
        Ok(())
    }

    /// Writes down that nothing is missing.
    pub(super) fn note_whole(&mut self) -> Result<()> {
        if self.notes.total == Some(self.length) {
            return Ok(());
        }
        self.notes.total = Some(self.length);
        self.write_notes()
    }

    /// Reads the file back and gives it its name.
    ///
    /// # Errors
    /// `download.hash`, and the part is gone then; `download.write`, `download.disk_full`,
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    pub(super) fn finish(mut self, cancel: &Cancel) -> Result<()> {
        let failed = |error| fault::disk(&self.path, error);
        self.file.sync_all().map_err(failed)?;
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        if digest(&mut self.file, &self.path, cancel)? != self.notes.sha256 {
            self.remove();
            return Err(fault::hash(&self.target));
        }
        fs::rename(&self.path, &self.target).map_err(|error| fault::disk(&self.target, error))?;
        self.gone = true;
        if let Some(folder) = self.target.parent() {
            scratch::sync_folder(folder);
        }
        // Left behind it says nothing: the file is there.
        _ = fs::remove_file(&self.notes_path);
        Ok(())
    }

    /// Removes it: what has come is of no use.
    pub(super) fn remove(&mut self) {
        // The part first: a part without notes would be taken for somebody else's.
        if fs::remove_file(&self.path).is_ok() {
            _ = fs::remove_file(&self.notes_path);
        }
        self.gone = true;
    }

    fn write_notes(&self) -> Result<()> {
        let json = serde_json::to_vec(&self.notes).map_err(io::Error::from);
        json.and_then(|json| scratch::replace(&self.notes_path, &json))
            .map_err(|error| fault::disk(&self.notes_path, error))
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        match self.length {
            _ if self.gone => {}
            0 => self.remove(),
            // What looks as if it were here has to be here after a power cut.
            _ => _ = self.file.sync_data(),
        }
    }
}

/// Opens the part and locks it; the lock ends with the process, however that ends.
fn hold(path: &Path) -> Result<File> {
    loop {
        // Not through a link: it could lead to anybody's file.
        if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(fault::theirs(path));
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).map_err(|error| fault::disk(path, error))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(fault::busy(path)),
            // Not every drive has locks.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        // Another run may have given it its name, or removed it, before it was locked here.
        if is_at(&file, path) {
            return Ok(file);
        }
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(held), Ok(there)) = (file.metadata(), fs::symlink_metadata(path)) else { return false };
    (held.dev(), held.ino()) == (there.dev(), there.ino())
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

fn digest(file: &mut File, path: &Path, cancel: &Cancel) -> Result<String> {
    let mut reader = Cancelled { file, cancel };
    let digest = sha256_of(&mut reader, &mut |_| Ok(()));
    // A cancel is what ended it, whatever the reader said.
    cancel.check()?;
    digest.map_err(|error| fault::disk(path, error))
}

/// Reads until it is cancelled: gigabytes take a while.
struct Cancelled<'c> {
    file: &'c mut File,
    cancel: &'c Cancel,
}

impl Read for Cancelled<'_> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::ErrorKind::Other.into());
        }
        self.file.read(piece)
    }
}
