//! Model packs: video models that are brought along, and the default model.
//!
//! A pack is a folder, or one file, that holds the networks of one model, a tokenizer and `pack.json`,
//! which says what they are (docs/packs.md). A [`PackStore`] keeps packs; a [`Pack`] is one of them,
//! checked: nothing of a pack is opened before its size and SHA-256 are what `pack.json` says.

mod archive;
mod default_model;
#[cfg(feature = "download")]
mod download;
mod estimate;
#[cfg(fuzzing)]
pub mod fuzz;
mod graph;
mod installed;
mod licence;
mod manifest;
mod members;
mod store;
mod verify;

#[cfg(feature = "download")]
pub use download::{Download, DownloadHost, DownloadProgress};
pub use estimate::{Estimate, StageEstimate};
pub use installed::Pack;
pub use licence::{Acceptance, Licence, Terms};
pub use manifest::{
    Component, Defaults, Element, Family, FileRecord, Latents, Limits, PackManifest, Port,
    Precision, Preview, Size, Task, Tokenizer,
};
pub use store::{InstalledPack, PackStore};

pub(crate) use default_model::DefaultModel;
pub(crate) use estimate::{Point, at, fitted};

use crate::error::{Detail, Error};

/// A pack that is not what it has to be.
fn refuse(code: &'static str, message: impl Into<String>) -> Error {
    Error::Model(Detail::new(code, message))
}

/// [`refuse`], with the error below it.
fn refuse_for(
    code: &'static str,
    message: impl Into<String>,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error::Model(Detail::new(code, message).because(error))
}
