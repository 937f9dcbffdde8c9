//! Where packs are kept.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::installed::{Pack, terms};
use super::licence::{Acceptance, AcceptanceRecord, Licence, Terms};
use super::manifest::{PackManifest, is_id};
use super::members::{MANIFEST, Members};
use super::verify::{same, verify, verify_names};
use super::{archive, refuse, refuse_for};
use crate::digest::sha256_of;
use crate::error::Result;
use crate::scratch::{self, FolderLock, part};

/// What a single-file pack's name ends in.
const ENDING: &str = ".kinora-pack";
/// The store's own file.
const NOTES: &str = "store.json";
/// Bytes of the longest such file.
const LONGEST_NOTES: u64 = 16 << 20;

/// A folder of packs.
///
/// Several stores, also of several processes, may be open on one folder.
#[derive(Debug, Clone)]
pub struct PackStore {
    folder: PathBuf,
}

/// A pack in a store, by what its `pack.json` says.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct InstalledPack {
    /// What `pack.json` says.
    pub manifest: PackManifest,
    /// The folder or file.
    pub path: PathBuf,
    /// The licence that somebody said yes to.
    pub accepted: Option<Licence>,
}

/// What the store writes down.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Notes {
    /// Who said yes to what, by the pack's id.
    accepted: BTreeMap<String, AcceptanceRecord>,
    /// How the files looked when they were last read as a whole, by the pack's id.
    verified: BTreeMap<String, Looks>,
}

/// Size and time of change of each file of a pack.
type Looks = BTreeMap<String, (u64, u64)>;

impl PackStore {
    /// Opens the store in `folder`, which is made where there is none.
    ///
    /// # Errors
    /// `pack.store` where the folder cannot be made or written.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        let open = || {
            scratch::private_folder(&folder)?;
            scratch::sweep(&folder)
        };
        open().map_err(|error| unwritable(&folder, error))?;
        Ok(Self { folder })
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every pack, by id. One that cannot be read is left out and logged: [`PackStore::verify`] says
    /// why.
    ///
    /// # Errors
    /// `pack.store`.
    pub fn list(&self) -> Result<Vec<InstalledPack>> {
        let notes = self.notes()?;
        let entries =
            fs::read_dir(&self.folder).map_err(|error| unwritable(&self.folder, error))?;
        let mut packs = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| unwritable(&self.folder, error))?.path();
            let Some(id) = id_of(&path) else { continue };
            match Members::open(&path).and_then(|members| members.manifest()) {
                Ok(manifest) if manifest.id == id => packs.push(InstalledPack {
                    accepted: notes.accepted.get(&id).map(|record| record.licence.clone()),
                    manifest,
                    path,
                }),
                Ok(_) => log::warn!("the pack {id} is not the one that its name says"),
                Err(error) => log::warn!("the pack {id} cannot be read: {}", error.code()),
            }
        }
        packs.sort_by(|a, b| a.manifest.id.cmp(&b.manifest.id));
        Ok(packs)
    }

    /// The terms of the pack in a folder or file anywhere, to be shown before [`PackStore::add`].
    ///
    /// # Errors
    /// `pack.*` for what is no pack.
    pub fn terms(source: impl AsRef<Path>) -> Result<Terms> {
        let members = Members::open(source.as_ref())?;
        terms(&members, &members.manifest()?)
    }

    /// Copies the pack in `source`, a folder or a single file, into the store, and checks each byte on
    /// its way. One of the same id is replaced. `source` stays as it is.
    ///
    /// # Errors
    /// `pack.licence` where `acceptance` is for other terms; `pack.*` for what is no sound pack;
    /// `pack.store` where the store cannot be written. The store is then as it was before.
    pub fn add(&self, source: impl AsRef<Path>, acceptance: &Acceptance) -> Result<InstalledPack> {
        let members = Members::open(source.as_ref())?;
        let manifest = members.manifest()?;
        if terms(&members, &manifest)?.fingerprint() != acceptance.record.shown {
            return Err(refuse(
                "pack.licence",
                format!(
                    "the terms that were accepted are not those of {}: show PackStore::terms of this very pack",
                    manifest.id
                ),
            ));
        }
        verify_names(&members, &manifest)?;
        let copied = self.copy(&members, &manifest)?;
        let _lock = self.lock()?;
        self.put(copied, &manifest.id)?;
        let path = self.find(&manifest.id)?;
        let looks = looks(&Members::open(&path)?, &manifest)?;
        self.note(|notes| {
            notes.accepted.insert(manifest.id.clone(), acceptance.record.clone());
            notes.verified.insert(manifest.id.clone(), looks);
        })?;
        Ok(InstalledPack { accepted: Some(manifest.licence.clone()), manifest, path })
    }

    /// Opens a pack of the store. It is read as a whole only where a file was touched since that was
    /// done last.
    ///
    /// # Errors
    /// `pack.not_installed` names those that are; `pack.licence` where nobody said yes to its terms;
    /// `pack.*` as [`Pack::open`].
    pub fn pack(&self, id: &str) -> Result<Pack> {
        let (manifest, members) = self.look(id)?;
        let looks = looks(&members, &manifest)?;
        if self.notes()?.verified.get(id) != Some(&looks) {
            verify(&members, &manifest)?;
            let _lock = self.lock()?;
            self.note(|notes| {
                notes.verified.insert(id.to_owned(), looks);
            })?;
        }
        Ok(Pack::checked(manifest, members))
    }

    /// What a pack says of itself, its files looked at by name and size alone: what they hold may not
    /// be opened yet.
    ///
    /// # Errors
    /// As [`PackStore::pack`].
    pub(crate) fn manifest(&self, id: &str) -> Result<PackManifest> {
        Ok(self.look(id)?.0)
    }

    fn look(&self, id: &str) -> Result<(PackManifest, Members)> {
        let members = Members::open(&self.find(id)?)?;
        let manifest = members.manifest()?;
        let notes = self.notes()?;
        let shown = notes.accepted.get(id).map(|record| record.shown.as_str());
        if shown != Some(terms(&members, &manifest)?.fingerprint().as_str()) {
            return Err(refuse(
                "pack.licence",
                format!(
                    "nobody has accepted the terms of {id} as they are now: add the pack again"
                ),
            ));
        }
        verify_names(&members, &manifest)?;
        Ok((manifest, members))
    }

    /// Reads a pack as a whole, whatever was read before.
    ///
    /// # Errors
    /// As [`PackStore::pack`].
    pub fn verify(&self, id: &str) -> Result<()> {
        let members = Members::open(&self.find(id)?)?;
        let manifest = members.manifest()?;
        if manifest.id != id {
            return Err(refuse(
                "pack.manifest",
                format!("the pack in {id} is {}: remove it", manifest.id),
            ));
        }
        verify(&members, &manifest)
    }

    /// Deletes a pack, and the yes to its terms. One that is not there is no error.
    ///
    /// # Errors
    /// `pack.store`.
    pub fn remove(&self, id: &str) -> Result<()> {
        let _lock = self.lock()?;
        if let Ok(path) = self.find(id) {
            let removed = self.aside(&path).and_then(Aside::remove);
            removed.map_err(|error| unwritable(&path, error))?;
        }
        self.note(|notes| {
            notes.accepted.remove(id);
            notes.verified.remove(id);
        })
    }

    /// Writes the pack `id` as one file, to be handed on.
    ///
    /// # Errors
    /// As [`PackStore::pack`]; `pack.write`.
    pub fn export(&self, id: &str, file: impl AsRef<Path>) -> Result<()> {
        self.pack(id)?.write_file(file.as_ref())
    }

    /// A copy in the making: a folder or a file that no list shows.
    fn copy(&self, members: &Members, manifest: &PackManifest) -> Result<Copied> {
        let failed = |error| unwritable(&self.folder, error);
        match members {
            Members::Folder(_) => {
                let (held, path) = part::folder(&self.folder).map_err(failed)?;
                let copied = Copied { path, held: Some(held), is_folder: true, done: false };
                for name in manifest.files.keys() {
                    let mut file = new_file(&copied.path.join(name)).map_err(failed)?;
                    let mut reader = members.reader(name)?;
                    let write = &mut |piece: &[u8]| file.write_all(piece);
                    let digest = sha256_of(&mut reader, write).map_err(failed)?;
                    same(name, &digest, manifest)?;
                    file.sync_all().map_err(failed)?;
                }
                let json = members.read(MANIFEST, super::manifest::LONGEST)?;
                let mut file = new_file(&copied.path.join(MANIFEST)).map_err(failed)?;
                file.write_all(&json).and_then(|()| file.sync_all()).map_err(failed)?;
                Ok(copied)
            }
            Members::Archive { path: source, .. } => {
                let (mut held, path) = part::file(&self.folder).map_err(failed)?;
                let mut source = File::open(source).map_err(failed)?;
                io::copy(&mut source, &mut held).and_then(|_| held.sync_all()).map_err(failed)?;
                let copied = Copied { path, held: Some(held), is_folder: false, done: false };
                let copy = Members::open(&copied.path)?;
                if copy.manifest()? != *manifest {
                    return Err(refuse(
                        "pack.changed",
                        "the pack changed while it was copied: try again",
                    ));
                }
                verify(&copy, manifest)?;
                Ok(copied)
            }
        }
    }

    /// Puts a copy in its place; what was there goes after that, and stays where that fails.
    fn put(&self, mut copied: Copied, id: &str) -> Result<()> {
        let places = self.places(id);
        let mut put = || {
            if copied.is_folder {
                part::release_folder(copied.held.take(), &copied.path)?;
            }
            let old = places.iter().find(|path| path.exists());
            let aside = old.map(|old| self.aside(old)).transpose()?;
            let put = fs::rename(&copied.path, &places[usize::from(!copied.is_folder)]);
            copied.done = put.is_ok();
            if let (Err(_), Some(old), Some(aside)) = (&put, old, &aside) {
                fs::rename(aside.inside(), old)?;
            }
            aside.map(Aside::remove).transpose()?;
            put
        };
        put().map_err(|error| unwritable(&self.folder, error))
    }

    /// Puts a pack out of sight.
    fn aside(&self, path: &Path) -> io::Result<Aside> {
        let (held, folder) = part::folder(&self.folder)?;
        let aside = Aside { held, folder };
        fs::rename(path, aside.inside())?;
        Ok(aside)
    }

    /// Where a pack of that id lies: as a folder, or as a file.
    fn places(&self, id: &str) -> [PathBuf; 2] {
        [self.folder.join(id), self.folder.join(format!("{id}{ENDING}"))]
    }

    fn find(&self, id: &str) -> Result<PathBuf> {
        let found = self.places(id).into_iter().find(|path| is_id(id) && path.exists());
        found.ok_or_else(|| {
            let ids: Vec<_> =
                self.list().unwrap_or_default().into_iter().map(|p| p.manifest.id).collect();
            let there = if ids.is_empty() {
                "none is".to_owned()
            } else {
                format!("there are {}", ids.join(", "))
            };
            refuse(
                "pack.not_installed",
                format!("the pack {id:?} is not in {}: {there}", self.folder.display()),
            )
        })
    }

    fn lock(&self) -> Result<FolderLock> {
        FolderLock::take(&self.folder).map_err(|error| unwritable(&self.folder, error))
    }

    fn notes(&self) -> Result<Notes> {
        let path = self.folder.join(NOTES);
        let bytes =
            scratch::read(&path, LONGEST_NOTES).map_err(|error| unwritable(&path, error))?;
        let Some(bytes) = bytes else { return Ok(Notes::default()) };
        serde_json::from_slice(&bytes).map_err(|error| {
            let message =
                format!("{} is damaged: remove it, and add the packs again", path.display());
            refuse_for("pack.store", message, error)
        })
    }

    fn note(&self, change: impl FnOnce(&mut Notes)) -> Result<()> {
        let mut notes = self.notes()?;
        change(&mut notes);
        let path = self.folder.join(NOTES);
        let json = serde_json::to_vec_pretty(&notes).map_err(io::Error::from);
        json.and_then(|json| scratch::replace(&path, &json))
            .map_err(|error| unwritable(&path, error))
    }
}

impl Pack {
    /// Writes the pack as one file, from which it can be used, or added to a store.
    ///
    /// # Errors
    /// `pack.write`; `pack.unreadable`.
    pub fn write_file(&self, path: &Path) -> Result<()> {
        let failed = |error| {
            refuse_for(
                "pack.write",
                format!("{} cannot be written: make room and check permissions", path.display()),
                error,
            )
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let (mut held, place) = part::file(folder).map_err(failed)?;
        let names: Vec<&str> = self.manifest().files.keys().map(String::as_str).collect();
        let written = archive::write(self.members(), &names, &mut held)
            .and_then(|()| held.sync_all().map_err(failed))
            .and_then(|()| fs::rename(&place, path).map_err(failed));
        if written.is_err() {
            _ = fs::remove_file(&place);
        }
        written
    }
}

/// A copy in the making; removed unless it was put in its place.
struct Copied {
    path: PathBuf,
    held: Option<File>,
    is_folder: bool,
    done: bool,
}

impl Drop for Copied {
    fn drop(&mut self) {
        drop(self.held.take());
        if !self.done {
            _ = if self.is_folder {
                fs::remove_dir_all(&self.path)
            } else {
                fs::remove_file(&self.path)
            };
        }
    }
}

/// A pack that is out of sight; a sweep removes it where nobody else gets to it.
struct Aside {
    held: File,
    folder: PathBuf,
}

impl Aside {
    /// Where the pack lies now.
    fn inside(&self) -> PathBuf {
        self.folder.join("pack")
    }

    /// Removes it, if it is still there.
    fn remove(self) -> io::Result<()> {
        let inside = self.inside();
        if inside.is_dir() {
            fs::remove_dir_all(&inside)?;
        } else {
            scratch::remove(&inside)?;
        }
        part::remove_folder(Some(self.held), &self.folder)
    }
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// How the files look; that of an archive stands for all its members.
fn looks(members: &Members, manifest: &PackManifest) -> Result<Looks> {
    let look = |name: &str, path: &Path| {
        let metadata =
            fs::metadata(path).map_err(|error| super::members::unreadable(path, error))?;
        let changed =
            metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let nanos = changed.map_or(0, |time| time.as_nanos() as u64);
        Ok((name.to_owned(), (metadata.len(), nanos)))
    };
    match members {
        Members::Archive { path, .. } => Ok(Looks::from([look("", path)?])),
        Members::Folder(_) => {
            let names = manifest.files.keys().map(String::as_str).chain([MANIFEST]);
            names.map(|name| look(name, &members.locate(name)?.file)).collect()
        }
    }
}

/// The id that a file or folder of the store stands for.
fn id_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let id = if path.is_dir() { name } else { name.strip_suffix(ENDING)? };
    is_id(id).then(|| id.to_owned())
}

fn unwritable(path: &Path, error: io::Error) -> crate::Error {
    let message = format!(
        "the store of packs in {} cannot be used: make room and check its path and permissions",
        path.display()
    );
    refuse_for("pack.store", message, error)
}
