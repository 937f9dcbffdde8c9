//! The files of a pack, wherever they lie: in a folder, or one after another in a single file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{archive, manifest, refuse, refuse_for};
use crate::error::Result;

/// The file that says what the others are.
pub(super) const MANIFEST: &str = "pack.json";

/// The files of a pack.
#[derive(Debug, Clone)]
pub(super) enum Members {
    /// Each by itself in a folder.
    Folder(PathBuf),
    /// All in one file, none of them compressed.
    Archive { path: PathBuf, entries: BTreeMap<String, Span> },
}

/// Where a member's bytes lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// A member's place.
pub(super) struct Located {
    pub(super) file: PathBuf,
    pub(super) span: Span,
}

impl Members {
    /// # Errors
    /// `pack.unreadable` where there is no pack, `pack.archive` for a file that is none.
    pub(super) fn open(path: &Path) -> Result<Self> {
        // Found once: whoever maps weights later asks the same place, wherever the process has gone.
        let path = fs::canonicalize(path).map_err(|error| unreadable(path, error))?;
        if path.is_dir() {
            return Ok(Self::Folder(path));
        }
        let entries = archive::entries(&path)?;
        Ok(Self::Archive { path, entries })
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder(path) | Self::Archive { path, .. } => path,
        }
    }

    /// The names of all members.
    ///
    /// # Errors
    /// `pack.unreadable`; `pack.path` for a name that is not plain text.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        match self {
            Self::Archive { entries, .. } => Ok(entries.keys().cloned().collect()),
            Self::Folder(folder) => {
                let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
                entries
                    .map(|entry| {
                        let name = entry.map_err(|error| unreadable(folder, error))?.file_name();
                        name.into_string().map_err(|name| {
                            refuse(
                                "pack.path",
                                format!("{} is no name for a file of a pack", name.display()),
                            )
                        })
                    })
                    .collect()
            }
        }
    }

    /// Where a member lies.
    ///
    /// # Errors
    /// `pack.missing_file`; `pack.path` for a link, a folder or a device.
    pub(super) fn locate(&self, name: &str) -> Result<Located> {
        match self {
            Self::Archive { path, entries } => {
                let span = *entries.get(name).ok_or_else(|| missing(name))?;
                Ok(Located { file: path.clone(), span })
            }
            Self::Folder(folder) => {
                let file = folder.join(name);
                // Not through a link: it could lead out of the pack.
                let metadata = fs::symlink_metadata(&file).map_err(|_| missing(name))?;
                if !metadata.is_file() {
                    let message = format!(
                        "{name} in the pack is no file: a pack holds neither links nor folders"
                    );
                    return Err(refuse("pack.path", message));
                }
                Ok(Located { file, span: Span { offset: 0, size: metadata.len() } })
            }
        }
    }

    /// A member's bytes, from the first.
    ///
    /// # Errors
    /// As [`Members::locate`]; `pack.unreadable`.
    pub(super) fn reader(&self, name: &str) -> Result<impl Read + use<>> {
        let Located { file, span } = self.locate(name)?;
        let open = || {
            let mut reader = File::open(&file)?;
            reader.seek(SeekFrom::Start(span.offset))?;
            Ok(reader.take(span.size))
        };
        open().map_err(|error| unreadable(&file, error))
    }

    /// A whole member of at most `longest` bytes.
    ///
    /// # Errors
    /// As [`Members::reader`]; `pack.too_large`.
    pub(super) fn read(&self, name: &str, longest: u64) -> Result<Vec<u8>> {
        let Located { file, span } = self.locate(name)?;
        if span.size > longest {
            let message =
                format!("{name} has {} bytes, more than the {longest} that it may have", span.size);
            return Err(refuse("pack.too_large", message));
        }
        let mut bytes = Vec::with_capacity(span.size as usize);
        self.reader(name)?.read_to_end(&mut bytes).map_err(|error| unreadable(&file, error))?;
        Ok(bytes)
    }

    /// `pack.json`, read and checked.
    pub(super) fn manifest(&self) -> Result<manifest::PackManifest> {
        manifest::PackManifest::parse(&self.read(MANIFEST, manifest::LONGEST)?)
    }
}

pub(super) fn unreadable(path: &Path, error: std::io::Error) -> crate::Error {
    let message = format!("{} cannot be read: check its path and permissions", path.display());
    refuse_for("pack.unreadable", message, error)
}

fn missing(name: &str) -> crate::Error {
    let message = format!("{name} is missing in the pack: copy or download it again");
    refuse("pack.missing_file", message)
}
