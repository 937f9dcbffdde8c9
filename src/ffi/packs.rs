//! Packs: models that are brought along.

use std::sync::Arc;

use super::Result;
use super::error::guard;
use crate::pack;

/// A folder of packs. Adding and verifying one reads gigabytes: not on the main thread.
#[derive(Debug, uniffi::Object)]
pub struct PackStore {
    store: pack::PackStore,
}

/// The terms of a pack's weights, to be shown before it is added.
#[derive(Debug, uniffi::Object)]
pub struct PackTerms {
    terms: pack::Terms,
}

/// A yes to the terms of one pack. It fits no other terms.
#[derive(Debug, uniffi::Object)]
pub struct PackAcceptance {
    acceptance: pack::Acceptance,
}

/// A pack in a store.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct InstalledPack {
    /// Its id, as `GenerationRequest.pack` takes it.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether it makes clips out of words alone.
    pub makes_text_to_video: bool,
    /// Whether it makes clips that begin with a photo.
    pub makes_image_to_video: bool,
    /// The name of its weights' licence.
    pub licence: String,
    /// Whether that is an open source licence.
    pub licence_is_open: bool,
    /// Whether somebody has said yes to it.
    pub accepted: bool,
    /// Bytes on disk.
    pub size: u64,
    /// Pixels, frames and frames a second of a clip that asks for nothing else.
    pub width: u32,
    /// See `width`.
    pub height: u32,
    /// See `width`.
    pub frames: u32,
    /// See `width`.
    pub fps: f64,
}

#[uniffi::export]
impl PackStore {
    /// Opens the store in `folder`, which is made where there is none.
    ///
    /// Fails with `pack.store` where the folder cannot be made or written.
    #[uniffi::constructor]
    pub fn open(folder: String) -> Result<Arc<Self>> {
        guard(|| Ok(Arc::new(Self { store: pack::PackStore::open(folder)? })))
    }

    /// Every pack, by id.
    pub fn list(&self) -> Result<Vec<InstalledPack>> {
        guard(|| Ok(self.store.list()?.into_iter().map(Into::into).collect()))
    }

    /// Copies the pack in `source`, a folder or a single file, into the store, and checks each byte.
    /// One of the same id is replaced.
    ///
    /// Fails with `pack.licence` for an acceptance of other terms, `pack.…` for what is no sound pack.
    pub fn add(&self, source: String, acceptance: Arc<PackAcceptance>) -> Result<InstalledPack> {
        guard(|| Ok(self.store.add(source, &acceptance.acceptance)?.into()))
    }

    /// Reads a pack as a whole and fails with `pack.…` where it is not what it was.
    pub fn verify(&self, id: String) -> Result<()> {
        guard(|| Ok(self.store.verify(&id)?))
    }

    /// Deletes a pack, and the yes to its terms. One that is not there is no failure.
    pub fn remove(&self, id: String) -> Result<()> {
        guard(|| Ok(self.store.remove(&id)?))
    }

    /// Writes a pack as one file, to be handed on.
    pub fn export(&self, id: String, path: String) -> Result<()> {
        guard(|| Ok(self.store.export(&id, path)?))
    }
}

/// The terms of the pack in a folder or file anywhere.
///
/// Fails with `pack.…` for what is no pack.
#[uniffi::export]
pub fn pack_terms(source: String) -> Result<Arc<PackTerms>> {
    guard(|| Ok(Arc::new(PackTerms { terms: pack::PackStore::terms(source)? })))
}

#[uniffi::export]
impl PackTerms {
    /// The licence's name.
    pub fn licence(&self) -> Result<String> {
        guard(|| Ok(self.terms.licence.name.clone()))
    }

    /// Where it can be read.
    pub fn url(&self) -> Result<String> {
        guard(|| Ok(self.terms.licence.url.clone()))
    }

    /// Whether it is an open source licence: without limits on who may use the weights and for what.
    pub fn is_open(&self) -> Result<bool> {
        guard(|| Ok(self.terms.licence.open))
    }

    /// Its text, where the pack holds it.
    pub fn text(&self) -> Result<Option<String>> {
        guard(|| Ok(self.terms.text.clone()))
    }

    /// Says yes: to be called when a person, or the app's maker for all its users, has read the terms
    /// and agrees.
    pub fn accept(&self) -> Result<Arc<PackAcceptance>> {
        guard(|| Ok(Arc::new(PackAcceptance { acceptance: self.terms.accept() })))
    }
}

impl From<pack::InstalledPack> for InstalledPack {
    fn from(installed: pack::InstalledPack) -> Self {
        let accepted = installed.accepted.is_some();
        let size = installed.manifest.size();
        let pack::PackManifest { id, name, version, tasks, licence, defaults, .. } =
            installed.manifest;
        Self {
            id,
            name,
            version,
            makes_text_to_video: tasks.contains(&pack::Task::TextToVideo),
            makes_image_to_video: tasks.contains(&pack::Task::ImageToVideo),
            licence: licence.name,
            licence_is_open: licence.open,
            accepted,
            size,
            width: defaults.width,
            height: defaults.height,
            frames: defaults.frames,
            fps: defaults.fps,
        }
    }
}
