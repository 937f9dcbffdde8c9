//! Marks are read back.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use super::container::{Input, Scan, unknown};
use super::statement::Declared;
use super::watermark::{WatermarkDetector, WatermarkPayload, WatermarkReading};
use super::xmp::{Xmp, of_file};
use super::{LARGEST_FILE, failed};
use crate::clip::{self, Picture};
use crate::error::{Detail, Error, Result};

/// A layer of marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LayerKind {
    /// The signed C2PA manifest.
    Manifest,
    /// The XMP packet.
    Xmp,
    /// The invisible watermark in the pictures.
    Watermark,
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
    /// This build cannot tell: it lacks the feature `c2pa` for a manifest that is there, or a decoder
    /// for the pictures, whose frames can then go to a
    /// [`WatermarkDetector`](super::watermark::WatermarkDetector).
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
    /// What an intact watermark says.
    pub watermark: Option<WatermarkPayload>,
    /// What else is known, as stable codes for logs: those of C2PA such as
    /// `assertion.bmffHash.mismatch`, and `file.damaged`.
    pub details: Vec<String>,
}

impl Layer {
    pub(super) fn new(kind: LayerKind, state: LayerState) -> Self {
        Self {
            kind,
            state,
            digital_source_type: None,
            trusted: false,
            watermark: None,
            details: Vec::new(),
        }
    }
}

/// Reads the marks in the bytes of a file (MP4, MOV, WebP, GIF, PNG, JPEG or TIFF of up to 512 MiB):
/// one [`Layer`] of each [`LayerKind`]: manifest, XMP, watermark.
///
/// Nothing is trusted and nothing outside the file is asked: memory is a few times `bytes` and some
/// frames. H.264 is decoded by OpenH264, everything else by decoders in Rust; of H.265, VP9 and AV1
/// the watermark is [`LayerState::Unverified`].
///
/// # Errors
/// `marking.format`, `marking.too_large`.
pub fn verify(bytes: &[u8]) -> Result<Vec<Layer>> {
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(too_large());
    }
    let mut cursor = Cursor::new(bytes);
    let scan = Input::new(&mut cursor).and_then(|mut input| input.scan());
    // Memory does not fail to be read.
    let scan = scan.ok().flatten().ok_or_else(unknown)?;
    let mut layers = vec![manifest(&scan, bytes), packet(&scan, bytes), watermark(bytes)];
    if scan.damaged {
        layers.iter_mut().for_each(|layer| layer.details.push("file.damaged".to_owned()));
    }
    Ok(layers)
}

/// Reads the marks in a file, as [`verify`] does.
///
/// # Errors
/// `marking.unreadable_file`, and those of [`verify`].
pub fn verify_file(path: impl AsRef<Path>) -> Result<Vec<Layer>> {
    let path = path.as_ref();
    let unreadable = |source| {
        let message = format!("{} cannot be read: check its path and permissions", path.display());
        Error::Output(Detail::new("marking.unreadable_file", message).because(source))
    };
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.len() > LARGEST_FILE {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    verify(&bytes)
}

fn too_large() -> Error {
    failed("marking.too_large", "files of more than 512 MiB are not looked at: shorten the clip")
}

/// Frames that are looked at in a clip: more find hardly more.
const FRAMES: usize = 16;

fn watermark(bytes: &[u8]) -> Layer {
    let mut detector: Option<((u32, u32), WatermarkDetector)> = None;
    let shown = clip::pictures(bytes, FRAMES, &mut |picture| {
        let size = match picture {
            Picture::Luma { width, height, .. } | Picture::Rgb { width, height, .. } => {
                (width, height)
            }
        };
        let (first, detector) = match &mut detector {
            Some(detector) => detector,
            none => none.insert((size, WatermarkDetector::new(size.0, size.1)?)),
        };
        if *first != size {
            return Ok(());
        }
        match picture {
            Picture::Luma { luma, stride, .. } => detector.add_luma(luma, stride),
            Picture::Rgb { pixels, .. } => detector.add_rgb(pixels),
        }
    });
    let layer = |state| Layer::new(LayerKind::Watermark, state);
    match (shown, detector) {
        (Ok(true), Some((_, detector))) => match detector.read() {
            WatermarkReading::Absent => layer(LayerState::Absent),
            WatermarkReading::Damaged => layer(LayerState::Damaged),
            WatermarkReading::Intact(payload) => {
                Layer { watermark: Some(payload), ..layer(LayerState::Intact) }
            }
        },
        _ => layer(LayerState::Unverified),
    }
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
