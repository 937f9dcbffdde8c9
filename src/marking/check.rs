//! Marks are read back.

use std::io::Cursor;

use super::container::{Input, Scan, unknown};
use super::statement::Declared;
use super::xmp::{Xmp, of_file};
use super::{LARGEST_FILE, failed};
use crate::error::Result;

/// A layer of marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LayerKind {
    /// The signed C2PA manifest.
    Manifest,
    /// The XMP packet.
    Xmp,
}

/// What was found of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LayerState {
    /// It is there and whole. Of a manifest: its signature holds, and the file is as it was signed.
    Intact,
    /// It is there and cannot be read, or the file was changed after it was signed.
    Damaged,
    /// It is not there.
    Absent,
    /// A manifest is there, and this build cannot check it: it lacks the feature `c2pa`.
    Unverified,
}

/// One layer of a file's marks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layer {
    /// Which one.
    pub kind: LayerKind,
    /// What was found of it.
    pub state: LayerState,
    /// The source type that it declares.
    pub digital_source_type: Option<Declared>,
    /// Whether a manifest's certificate leads to somebody who is known. Kinora has no list of known
    /// certificates and asks no server, so an intact manifest of anybody is not trusted here: it
    /// proves that the file is unchanged, not who signed it.
    pub trusted: bool,
    /// What else is known, as stable codes for logs: those of C2PA such as
    /// `assertion.bmffHash.mismatch`, and `file.damaged`.
    pub details: Vec<String>,
}

impl Layer {
    pub(super) fn new(kind: LayerKind, state: LayerState) -> Self {
        Self { kind, state, digital_source_type: None, trusted: false, details: Vec::new() }
    }
}

/// Reads the marks in the bytes of a file (MP4, MOV, WebP, GIF, PNG, JPEG or TIFF of up to 512 MiB):
/// one [`Layer`] of each [`LayerKind`], the manifest first.
///
/// Nothing is trusted and nothing outside the file is asked: memory is a few times `bytes`.
///
/// # Errors
/// `marking.format`, `marking.too_large`.
pub fn verify(bytes: &[u8]) -> Result<Vec<Layer>> {
    if bytes.len() as u64 > LARGEST_FILE {
        let message = "files of more than 512 MiB are not looked at: shorten the clip";
        return Err(failed("marking.too_large", message));
    }
    let mut cursor = Cursor::new(bytes);
    let scan = Input::new(&mut cursor).and_then(|mut input| input.scan());
    // Memory does not fail to be read.
    let scan = scan.ok().flatten().ok_or_else(unknown)?;
    let mut layers = vec![manifest(&scan, bytes), packet(&scan, bytes)];
    if scan.damaged {
        layers.iter_mut().for_each(|layer| layer.details.push("file.damaged".to_owned()));
    }
    Ok(layers)
}

fn packet(scan: &Scan, bytes: &[u8]) -> Layer {
    let (state, digital_source_type) = match of_file(scan, bytes) {
        Xmp::Absent => (LayerState::Absent, None),
        Xmp::Intact { digital_source_type } => (LayerState::Intact, digital_source_type),
        Xmp::Damaged => (LayerState::Damaged, None),
    };
    Layer { digital_source_type, ..Layer::new(LayerKind::Xmp, state) }
}

fn manifest(scan: &Scan, bytes: &[u8]) -> Layer {
    if scan.manifests == 0 {
        return Layer::new(LayerKind::Manifest, LayerState::Absent);
    }
    #[cfg(feature = "c2pa")]
    return super::manifest::check(bytes, scan.kind);
    #[cfg(not(feature = "c2pa"))]
    {
        _ = bytes;
        Layer::new(LayerKind::Manifest, LayerState::Unverified)
    }
}
