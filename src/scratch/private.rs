//! Small private files: written whole or not at all, readable by their owner alone.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::part;

/// Puts `bytes` in the place of `path`: whoever reads it sees the old bytes or the new ones, also
/// after a crash at any point.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let mut file = loop {
        // Such a file is readable by its owner alone from the start.
        let file =
            tempfile::Builder::new().prefix(".kinora-").suffix(".part").tempfile_in(folder)?;
        if part::hold(file.as_file(), file.path()) {
            break file;
        }
    };
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder);
    Ok(())
}

/// Reads a file of at most `limit` bytes; `None` where there is none.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let length = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if length > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than Kinora writes it"));
    }
    fs::read(path).map(|bytes| Some(Zeroizing::new(bytes)))
}

/// Deletes a file; one that is not there is no error.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A folder that only its owner may enter, made with its parents. One that is there already is closed
/// to others, since it was given for this.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        builder.mode(0o700).create(path)?;
        let mut permissions = fs::metadata(path)?.permissions();
        if permissions.mode() & 0o077 != 0 {
            permissions.set_mode(permissions.mode() & !0o077);
            // A drive that knows no owners, such as a memory card, refuses.
            _ = fs::set_permissions(path, permissions);
        }
        Ok(())
    }
    #[cfg(not(unix))]
    builder.create(path)
}

/// Keeps other processes, and other holders in this one, out of a folder until it is dropped.
///
/// The lock is the operating system's: it ends with the process, however that ends.
#[derive(Debug)]
pub(crate) struct FolderLock(#[expect(dead_code, reason = "held, never read")] File);

impl FolderLock {
    /// Waits until the folder is free.
    pub(crate) fn take(folder: &Path) -> io::Result<Self> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(folder.join("lock"))?;
        file.lock()?;
        Ok(Self(file))
    }
}

/// What [`replace`] left in a folder when it was killed. What another process is writing is not
/// among it.
#[cfg(feature = "remote")]
pub(crate) fn leftovers(folder: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    part::leftovers(folder, Duration::ZERO)
}

/// Removes it.
pub(crate) fn sweep(folder: &Path) -> io::Result<()> {
    part::sweep(folder, Duration::ZERO)
}

/// Tells the disk that names in `folder` changed. Where a folder cannot be synced (Windows) a rename is
/// still atomic.
pub(crate) fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole_and_swept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        fs::write(folder.path().join(".kinora-x.part"), "left").unwrap();
        sweep(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(*read(&path, 10).unwrap().unwrap(), b"two");
        assert!(read(&path, 2).is_err());
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(read(&path, 10).unwrap().is_none());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("x/y");
        fs::create_dir_all(&inner).unwrap();
        private_folder(&inner).unwrap();
        replace(&inner.join("a"), b"one").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&inner), mode(&inner.join("a"))), (0o700, 0o600));
    }
}
