//! Marks that tell a made clip from a taken one, written into frames and files and read back.
//!
//! One layer lies in the pictures: an invisible [`watermark`] that lasts through other encoders. Two
//! lie in the file itself, beside the pictures:
//!
//! - an **XMP packet** with the IPTC term for where pictures come from
//!   (`Iptc4xmpExt:DigitalSourceType`), in every build;
//! - a **C2PA manifest**, signed, which also tells whether the file was changed since: with the
//!   feature `c2pa`.
//!
//! A [`Statement`] says what is told, [`FileMarks`] writes it into a clip in the making or into a
//! finished file, and [`verify`] reads it back. What a photo's own file says,
//! [`PhotoMarks`](crate::photo::PhotoMarks), is carried on. Where each layer lies in which format, and why, stands in docs/adr/0097.
//!
//! Sources: XMP Specification Part 1 (ISO 16684-1) and Part 3 (storage in files); IPTC Photo
//! Metadata Standard 2025.1 and IPTC NewsCodes `digitalsourcetype`; C2PA Technical Specification
//! 2.3, sections "Embedding manifests", "Actions", "X.509 certificates".

mod check;
mod container;
mod day;
mod file;
mod options;
mod statement;
mod xml;
mod xmp;

pub mod watermark;

#[cfg(feature = "c2pa")]
mod manifest;

pub use check::{Layer, LayerKind, LayerState, verify, verify_file};
#[cfg(any(test, fuzzing))]
pub(crate) use container::has_manifest;
pub use day::Day;
pub use file::FileMarks;
#[cfg(feature = "c2pa")]
pub use manifest::{ManifestSigner, OwnSigner, SigningAlgorithm};
pub use options::Marking;
pub use statement::{Declared, DigitalSourceType, Statement};
pub use xmp::{Xmp, find_xmp};

use crate::error::{Detail, Error};

/// The largest file that is signed or read back, in bytes: what `clip::movie` takes, too.
const LARGEST_FILE: u64 = 512 << 20;

/// An error of this room.
fn failed(code: &'static str, message: impl Into<String>) -> Error {
    Error::Output(Detail::new(code, message))
}

#[cfg(test)]
mod tests;
