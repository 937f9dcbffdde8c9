//! Where encoded bytes go: a file that appears only when it is whole, or memory.

use std::fs::{self, File};
use std::io::{self, BufWriter, Cursor, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::clip::{Finish, Written};
use crate::error::{Detail, Error, Result};
use crate::scratch::part;

/// A place for one file's bytes that can be written from the front, read and patched.
pub(crate) struct Target {
    place: Place,
    finish: Finish,
}

enum Place {
    File(TempFile),
    Memory(Cursor<Vec<u8>>),
}

impl Target {
    /// A new file that takes the place of `path` when it is committed.
    ///
    /// # Errors
    /// `output.no_folder`, `output.is_folder`, `output.not_writable`, `output.disk_full`.
    pub(crate) fn file(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Err(failed(
                "output.is_folder",
                format!("{} is a folder: give the name of a file in it", path.display()),
            ));
        }
        if path.file_name().is_none() {
            return Err(failed(
                "output.no_name",
                format!("`{}` names no file: give one such as portrait.mp4", path.display()),
            ));
        }
        let folder = folder_of(path);
        existing_folder(&folder)?;
        // What a killed process left here long ago; it is no reason to fail.
        _ = part::sweep(&folder, part::STALE);
        let (file, temporary) = part::file(&folder).map_err(|source| io_error(path, source))?;
        Ok(Place::File(TempFile {
            writer: Some(BufWriter::with_capacity(1 << 16, file)),
            temporary,
            path: path.to_path_buf(),
        })
        .into())
    }

    pub(crate) fn memory() -> Self {
        Self::of(Vec::new())
    }

    /// Memory that already holds `bytes`; it stands at their start.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        Place::Memory(Cursor::new(bytes)).into()
    }

    /// Gives a file the permissions of the one whose place it takes.
    pub(crate) fn permit(&mut self, permissions: fs::Permissions) -> Result<()> {
        match &self.place {
            Place::File(file) => fs::set_permissions(&file.temporary, permissions)
                .map_err(|source| io_error(&file.path, source)),
            Place::Memory(_) => Ok(()),
        }
    }

    /// What is done to the whole bytes before they last.
    pub(crate) fn finished_by(mut self, finish: &Finish) -> Self {
        self.finish = finish.clone();
        self
    }

    /// Makes the bytes last: the file is on the disk and under its own name when this returns.
    pub(crate) fn commit(mut self) -> Result<Written> {
        let finish = std::mem::take(&mut self.finish);
        finish.apply(&mut self)?;
        match self.place {
            Place::File(file) => file.commit().map(Written::Path),
            Place::Memory(cursor) => Ok(Written::Bytes(cursor.into_inner())),
        }
    }

    /// The bytes of memory; of a file there are none here.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self.place {
            Place::Memory(cursor) => cursor.into_inner(),
            Place::File(_) => Vec::new(),
        }
    }

    /// Room for work on the bytes, of the same kind and in the same folder; it leaves nothing.
    pub(crate) fn spare(&self) -> Result<Self> {
        match &self.place {
            Place::File(file) => Self::file(&file.path),
            Place::Memory(_) => Ok(Self::memory()),
        }
    }

    /// How many bytes there are.
    pub(crate) fn length(&mut self) -> Result<u64> {
        self.seek(SeekFrom::End(0)).map_err(|source| self.error(source))
    }

    /// Drops what stands behind the first `length` bytes, and stands at the new end.
    pub(crate) fn truncate(&mut self, length: u64) -> Result<()> {
        let cut = match &mut self.place {
            Place::File(file) => file.truncate(length),
            Place::Memory(cursor) => {
                cursor.get_mut().truncate(usize::try_from(length).unwrap_or(usize::MAX));
                Ok(())
            }
        };
        cut.map_err(|source| self.error(source))?;
        self.length().map(drop)
    }

    /// The typed error for a write that failed here.
    pub(crate) fn error(&self, source: io::Error) -> Error {
        match &self.place {
            Place::File(file) => io_error(&file.path, source),
            Place::Memory(_) => io_error(Path::new("the clip in memory"), source),
        }
    }

    /// Writes bytes at the end, with the typed error.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes).map_err(|source| self.error(source))
    }

    /// Overwrites bytes at `offset`, then goes back to the end.
    pub(crate) fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut patch = || {
            self.seek(SeekFrom::Start(offset))?;
            self.write_all(bytes)?;
            self.seek(SeekFrom::End(0))
        };
        patch().map(drop).map_err(|source| self.error(source))
    }
}

impl From<Place> for Target {
    fn from(place: Place) -> Self {
        Self { place, finish: Finish::default() }
    }
}

impl Read for Target {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match &mut self.place {
            Place::File(file) => file.read(bytes),
            Place::Memory(cursor) => cursor.read(bytes),
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.place {
            Place::File(file) => file.writer()?.write(bytes),
            Place::Memory(cursor) => cursor.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.place {
            Place::File(file) => file.writer()?.flush(),
            Place::Memory(_) => Ok(()),
        }
    }
}

impl Seek for Target {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        match &mut self.place {
            Place::File(file) => file.writer()?.seek(position),
            Place::Memory(cursor) => cursor.seek(position),
        }
    }
}

/// A file under a temporary name beside its target; removed when dropped before its commit.
pub(crate) struct TempFile {
    writer: Option<BufWriter<File>>,
    temporary: PathBuf,
    path: PathBuf,
}

impl TempFile {
    fn writer(&mut self) -> io::Result<&mut BufWriter<File>> {
        self.writer.as_mut().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let writer = self.writer()?;
        // What is still in the buffer belongs before the place that is read.
        writer.flush()?;
        writer.get_mut().read(bytes)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let writer = self.writer()?;
        writer.flush()?;
        writer.get_ref().set_len(length)
    }

    fn commit(mut self) -> Result<PathBuf> {
        self.replace().map_err(|source| io_error(&self.path, source))?;
        Ok(self.path.clone())
    }

    fn replace(&mut self) -> io::Result<()> {
        self.writer()?.flush()?;
        self.writer()?.get_ref().sync_all()?;
        // Closed before the rename: Windows does not rename an open file.
        drop(self.writer.take());
        if let Err(source) = fs::rename(&self.temporary, &self.path) {
            _ = fs::remove_file(&self.temporary);
            return Err(source);
        }
        sync_folder(&folder_of(&self.path));
        Ok(())
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            // Without flushing what is left in the buffer: nobody wants it.
            drop(writer.into_parts().0);
            _ = fs::remove_file(&self.temporary);
        }
    }
}

/// The folder that holds `path`.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// `output.no_folder` unless `folder` exists.
pub(crate) fn existing_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    Err(failed(
        "output.no_folder",
        format!("the folder {} does not exist: create it first", folder.display()),
    ))
}

/// Tells the disk that names in `folder` changed. Where a folder cannot be synced (Windows) the
/// rename is still atomic, so a failure is no error.
pub(crate) fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        _ = folder.sync_all();
    }
}

/// An [`Error::Output`].
pub(crate) fn failed(code: &'static str, message: impl Into<String>) -> Error {
    Error::Output(Detail::new(code, message))
}

/// What a failed write to `path` means to the one who asked for it.
pub(crate) fn io_error(path: &Path, source: io::Error) -> Error {
    let path = path.display();
    let (code, message) = match innermost(&source) {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => (
            "output.disk_full",
            format!("no room left to write {path}: free some space or choose another place"),
        ),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => (
            "output.not_writable",
            format!("{path} must not be written: choose a folder that you may write to"),
        ),
        _ => ("output.write", format!("{path} could not be written: choose another place")),
    };
    Error::Output(Detail::new(code, message).because(source))
}

/// The system's own word: encoders wrap its error in theirs.
fn innermost(source: &io::Error) -> ErrorKind {
    let mut kind = source.kind();
    let mut next = source.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
    while let Some(error) = next {
        next = match error.downcast_ref::<io::Error>() {
            Some(inner) => {
                kind = inner.kind();
                inner.get_ref().map(|inner| inner as _)
            }
            None => error.source(),
        };
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_appears_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.mp4");
        fs::write(&path, "old").unwrap();
        let mut target = Target::file(&path).unwrap();
        target.put(b"new clip").unwrap();
        target.patch(0, b"N").unwrap();
        target.put(b"!").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert!(matches!(target.commit().unwrap(), Written::Path(p) if p == path));
        assert_eq!(fs::read(&path).unwrap(), b"New clip!");
        assert_eq!(names(folder.path()), ["clip.mp4"]);
    }

    #[test]
    fn what_was_written_can_be_read_and_cut_before_it_lasts() {
        let folder = tempfile::tempdir().unwrap();
        let file = Target::file(&folder.path().join("clip.mp4")).unwrap();
        for mut target in [file, Target::memory()] {
            target.put(b"0123456789").unwrap();
            target.seek(SeekFrom::Start(2)).unwrap();
            let mut seen = [0; 3];
            target.read_exact(&mut seen).unwrap();
            assert_eq!(&seen, b"234");
            let mut spare = target.spare().unwrap();
            spare.put(b"aside").unwrap();
            drop(spare);
            target.truncate(4).unwrap();
            target.put(b"!").unwrap();
            assert_eq!(target.length().unwrap(), 5);
            let bytes = match target.commit().unwrap() {
                Written::Path(path) => fs::read(path).unwrap(),
                Written::Bytes(bytes) => bytes,
                Written::Sink => panic!(),
            };
            assert_eq!(bytes, b"0123!");
        }
        assert_eq!(names(folder.path()), ["clip.mp4"]);
    }

    #[test]
    fn a_dropped_target_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.mp4");
        let mut target = Target::file(&path).unwrap();
        target.put(&[7; 100_000]).unwrap();
        drop(target);
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_written_is_said_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let code = |path: &Path| Target::file(path).err().unwrap().code();
        assert_eq!(code(&folder.path().join("missing/clip.mp4")), "output.no_folder");
        assert_eq!(code(folder.path()), "output.is_folder");
        let full = io_error(Path::new("x"), ErrorKind::StorageFull.into());
        assert_eq!(full.code(), "output.disk_full");
        let wrapped = io::Error::other(io::Error::from(ErrorKind::StorageFull));
        assert_eq!(io_error(Path::new("x"), wrapped).code(), "output.disk_full");
        let denied = io_error(Path::new("x"), ErrorKind::PermissionDenied.into());
        assert_eq!(denied.code(), "output.not_writable");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_a_typed_error() {
        // The kernel's own always-full device stands in for the disk.
        let file = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let temporary = std::env::temp_dir().join(".kinora-test-never-there");
        let writer = Some(BufWriter::new(file));
        let file = TempFile { writer, temporary, path: "clip.mp4".into() };
        let mut target = Target::from(Place::File(file));
        let error = target.put(&[0; 1 << 20]).unwrap_err();
        assert_eq!(error.code(), "output.disk_full");
    }
}
