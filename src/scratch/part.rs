//! Files and folders in the making: a name that says so, and a lock that says that somebody is at
//! it.
//!
//! A process that is killed leaves what it was making. Its locks end with it, so whoever comes next
//! can tell a leftover from what another process is writing; process numbers could not, since they
//! come again and differ between containers (docs/adr/0098).

use std::fs::{self, DirEntry, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const PREFIX: &str = ".kinora-";
const SUFFIX: &str = ".part";
/// In a folder in the making, the file that carries its lock.
const HELD: &str = "held";
/// What was touched more lately stays in any case: not every network drive hands locks on.
pub(crate) const STALE: Duration = Duration::from_secs(60 * 60);

/// A new file in `folder`, held until it is closed.
pub(crate) fn file(folder: &Path) -> io::Result<(File, PathBuf)> {
    loop {
        let path = name(folder);
        let file = match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            file => file?,
        };
        if hold(&file, &path) {
            return Ok((file, path));
        }
    }
}

/// A new folder in `folder`, held until the file is closed.
pub(crate) fn folder(folder: &Path) -> io::Result<(File, PathBuf)> {
    loop {
        let path = name(folder);
        match fs::create_dir(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            made => made?,
        }
        let inside = path.join(HELD);
        let file = match OpenOptions::new().write(true).create_new(true).open(&inside) {
            // A sweep found it empty.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            file => file?,
        };
        if hold(&file, &inside) {
            return Ok((file, path));
        }
    }
}

/// Lets go of a folder whose files were moved out, and removes it.
pub(crate) fn remove_folder(held: Option<File>, path: &Path) -> io::Result<()> {
    release_folder(held, path)?;
    fs::remove_dir(path)
}

/// Lets go of a folder that is ready to get its own name.
pub(crate) fn release_folder(held: Option<File>, path: &Path) -> io::Result<()> {
    // Closed first: Windows keeps the name of an open file.
    drop(held);
    fs::remove_file(path.join(HELD))
}

/// Marks a file as being written until it is closed; false where a sweep was quicker.
pub(crate) fn hold(file: &File, path: &Path) -> bool {
    // Where there are no locks, a sweep cannot take one either and leaves everything.
    _ = file.lock();
    path.exists()
}

/// What nobody holds of all that was in the making in `folder`, untouched for `age`.
#[cfg(any(feature = "remote", test))]
pub(crate) fn leftovers(folder: &Path, age: Duration) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    each(folder, age, &mut |path, _| found.push(path.to_path_buf()))?;
    Ok(found)
}

/// Removes it, as far as that can be done.
pub(crate) fn sweep(folder: &Path, age: Duration) -> io::Result<()> {
    each(folder, age, &mut |path, is_folder| {
        // The lock is held meanwhile: nobody begins to write what is being removed.
        _ = if is_folder { remove_all(path) } else { fs::remove_file(path) };
    })
}

fn each(folder: &Path, age: Duration, then: &mut dyn FnMut(&Path, bool)) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Links are never ours.
        let kind = entry.file_type()?;
        if !(kind.is_file() || kind.is_dir()) || !is_name(&entry) || !is_older(&entry, age) {
            continue;
        }
        let path = entry.path();
        let lock = if kind.is_dir() { path.join(HELD) } else { path.clone() };
        match OpenOptions::new().read(true).write(true).open(&lock) {
            Ok(file) if file.try_lock().is_ok() => then(&path, kind.is_dir()),
            // A folder that was killed before it was held is empty.
            Err(error) if kind.is_dir() && error.kind() == ErrorKind::NotFound => {
                _ = fs::remove_dir(&path);
            }
            _ => {}
        }
    }
    Ok(())
}

/// The lock's file last: without it, what is left would never be swept.
fn remove_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if entry.file_name() != HELD {
            fs::remove_file(entry.path())?;
        }
    }
    remove_folder(None, folder)
}

fn is_name(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let middle = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
    middle.is_some_and(|middle| middle.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

fn is_older(entry: &DirEntry, age: Duration) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified());
    // One from the future is of another clock, and nobody knows how old.
    age.is_zero() || modified.is_ok_and(|time| time.elapsed().is_ok_and(|since| since >= age))
}

/// A name in `folder` that was never there before, so that nobody removes one thing for another.
fn name(folder: &Path) -> PathBuf {
    static RUN: OnceLock<u64> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let run = RUN.get_or_init(|| {
        // Seeded by the system; the time tells two processes apart that one was forked into.
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        hasher.finish()
    });
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // A dot hides it from most file browsers; the name is short whatever the target's is.
    folder.join(format!("{PREFIX}{run:016x}-{number}{SUFFIX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_held_stays_and_what_was_left_goes() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let (file, path) = file(root).unwrap();
        let (lock, inner) = folder(root).unwrap();
        fs::write(inner.join("frame_0000.png"), "a frame").unwrap();
        fs::create_dir(inner.join("old")).unwrap();
        fs::write(inner.join("old/weights"), "a pack that was being removed").unwrap();
        assert_eq!(leftovers(root, Duration::ZERO).unwrap(), Vec::<PathBuf>::new());
        sweep(root, Duration::ZERO).unwrap();
        assert!(path.exists() && inner.join("frame_0000.png").exists());
        drop((file, lock));
        assert_eq!(leftovers(root, Duration::ZERO).unwrap().len(), 2);
        sweep(root, STALE).unwrap();
        assert!(path.exists() && inner.exists(), "what is young stays");
        sweep(root, Duration::ZERO).unwrap();
        assert_eq!(names(root), Vec::<String>::new());
    }

    #[test]
    fn only_what_has_our_name_goes() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        for name in [".kinora-.x.part", ".kinora-1.parts", "kinora-1.part", ".kinora", "a.part"] {
            fs::write(root.join(name), "theirs").unwrap();
        }
        fs::create_dir(root.join(".kinora-theirs.part")).unwrap();
        fs::write(root.join(".kinora-theirs.part/notes"), "theirs").unwrap();
        fs::create_dir(root.join(".kinora-empty.part")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("a.part", root.join(".kinora-link.part")).unwrap();
        let before = names(root).len();
        sweep(root, Duration::ZERO).unwrap();
        assert_eq!(names(root).len(), before - 1, "only the empty folder went");
    }

    #[test]
    fn a_file_that_a_sweep_took_is_not_written_to() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(".kinora-1.part");
        let file = File::create(&path).unwrap();
        // As between making it and holding it.
        sweep(root.path(), Duration::ZERO).unwrap();
        assert!(!hold(&file, &path));
    }
}
