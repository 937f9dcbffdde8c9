//! Marks: what clips carry, and reading it back.

use std::sync::{Arc, Mutex, PoisonError};

use super::Result;
use super::error::guard;
use super::signer::{self, ManifestSigner};
use crate::marking::watermark;
use crate::{marking, photo};

/// What clips are marked with; what is left out is on.
#[derive(Clone, uniffi::Record)]
pub struct MarkingOptions {
    /// The invisible watermark in the frames.
    #[uniffi(default = true)]
    pub watermark: bool,
    /// The marks in the file.
    #[uniffi(default = true)]
    pub in_file: bool,
    /// The day that the marks tell, such as `2026-11-26`; left out today.
    #[uniffi(default)]
    pub day: Option<String>,
    /// Signs a C2PA manifest for each file; left out there is none.
    #[uniffi(default)]
    pub signer: Option<Arc<dyn ManifestSigner>>,
}

/// What a photo's file said of where the picture comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct PhotoMarks {
    /// It named one of IPTC's terms for pictures that a model had a part in.
    pub generated: bool,
    /// It carried a C2PA manifest, whatever that said.
    pub manifest: bool,
}

impl From<photo::PhotoMarks> for PhotoMarks {
    fn from(photo::PhotoMarks { generated, manifest }: photo::PhotoMarks) -> Self {
        Self { generated, manifest }
    }
}

impl From<PhotoMarks> for photo::PhotoMarks {
    fn from(PhotoMarks { generated, manifest }: PhotoMarks) -> Self {
        Self { generated, manifest }
    }
}

/// A layer of marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LayerKind {
    /// The signed C2PA manifest.
    Manifest,
    /// The XMP packet.
    Xmp,
    /// The invisible watermark in the pictures.
    Watermark,
}

/// What was found of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LayerState {
    /// It is there and whole.
    Intact,
    /// It is there and cannot be read, or the file was changed after it was signed.
    Damaged,
    /// It is not there.
    Absent,
    /// This build cannot tell. Of the watermark: hand the frames to a `WatermarkDetector`.
    Unverified,
}

/// One layer of a file's marks.
#[derive(Debug, Clone, uniffi::Record)]
pub struct MarkLayer {
    /// Which one.
    pub kind: LayerKind,
    /// What was found of it.
    pub state: LayerState,
    /// Whether it says that a model had a part in the pictures.
    pub says_generated: bool,
    /// What an intact watermark says.
    pub watermark: Option<WatermarkText>,
    /// What else is known, as stable codes for logs.
    pub details: Vec<String>,
}

/// What a watermark says.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct WatermarkText {
    /// The model's number: 1 is Kinora's default model.
    pub model: u16,
    /// The day on which the frames were made, such as `2026-11-26`, UTC.
    pub day: String,
    /// Whether the photo was itself marked as made by a model.
    pub source_marked: bool,
}

/// What a detector has found.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct WatermarkFinding {
    /// Intact, damaged or absent.
    pub state: LayerState,
    /// What an intact one says.
    pub watermark: Option<WatermarkText>,
}

/// Reads the marks in a file: one layer of each kind. Nothing outside the file is asked.
///
/// Fails with `marking.…` for files that hold no marks by their format, or are over 512 MiB.
#[uniffi::export]
pub fn verify_file(path: String) -> Result<Vec<MarkLayer>> {
    guard(|| {
        let layers = marking::verify_file(path)?;
        Ok(layers.into_iter().map(MarkLayer::of).collect())
    })
}

/// Looks for the watermark in frames that the system has decoded; a dozen spread over a clip are
/// enough.
#[derive(Debug, uniffi::Object)]
pub struct WatermarkDetector {
    detector: Mutex<watermark::WatermarkDetector>,
}

#[uniffi::export]
impl WatermarkDetector {
    /// For frames of that size, 16 to 16384 pixels a side.
    #[uniffi::constructor]
    pub fn open(width: u32, height: u32) -> Result<Arc<Self>> {
        guard(|| {
            let detector = Mutex::new(watermark::WatermarkDetector::new(width, height)?);
            Ok(Arc::new(Self { detector }))
        })
    }

    /// Adds a frame's luma, 8 bits, rows from the top, `stride` bytes apart.
    pub fn add_luma(&self, luma: &[u8], stride: u32) -> Result<()> {
        guard(|| {
            let mut detector = self.detector.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(detector.add_luma(luma, stride as usize)?)
        })
    }

    /// What the frames so far show.
    pub fn read(&self) -> Result<WatermarkFinding> {
        guard(|| {
            let detector = self.detector.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(match detector.read() {
                watermark::WatermarkReading::Intact(payload) => WatermarkFinding {
                    state: LayerState::Intact,
                    watermark: Some((&payload).into()),
                },
                watermark::WatermarkReading::Damaged => {
                    WatermarkFinding { state: LayerState::Damaged, watermark: None }
                }
                watermark::WatermarkReading::Absent => {
                    WatermarkFinding { state: LayerState::Absent, watermark: None }
                }
            })
        })
    }
}

impl std::fmt::Debug for MarkingOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { watermark, in_file, day, signer } = self;
        let mut out = f.debug_struct("MarkingOptions");
        out.field("watermark", watermark).field("in_file", in_file).field("day", day);
        out.field("signer", &signer.is_some()).finish()
    }
}

impl MarkingOptions {
    pub(super) fn into_core(self) -> Result<marking::Marking> {
        let mut out = marking::Marking::default();
        if !self.watermark {
            out = out.without_watermark();
        }
        if !self.in_file {
            out = out.without_file_marks();
        }
        if let Some(day) = self.day {
            out = out.day(day.parse::<marking::Day>()?);
        }
        match self.signer {
            Some(signer) => signer::signed(out, signer),
            None => Ok(out),
        }
    }
}

impl MarkLayer {
    fn of(layer: marking::Layer) -> Self {
        Self {
            kind: layer.kind.into(),
            state: layer.state.into(),
            says_generated: layer.digital_source_type.is_some_and(marking::Declared::is_generated),
            watermark: layer.watermark.as_ref().map(Into::into),
            details: layer.details,
        }
    }
}

impl From<marking::LayerKind> for LayerKind {
    fn from(kind: marking::LayerKind) -> Self {
        match kind {
            marking::LayerKind::Manifest => Self::Manifest,
            marking::LayerKind::Xmp => Self::Xmp,
            marking::LayerKind::Watermark => Self::Watermark,
        }
    }
}

impl From<marking::LayerState> for LayerState {
    fn from(state: marking::LayerState) -> Self {
        match state {
            marking::LayerState::Intact => Self::Intact,
            marking::LayerState::Damaged => Self::Damaged,
            marking::LayerState::Absent => Self::Absent,
            marking::LayerState::Unverified => Self::Unverified,
        }
    }
}

impl From<&watermark::WatermarkPayload> for WatermarkText {
    fn from(payload: &watermark::WatermarkPayload) -> Self {
        Self {
            model: payload.model.number(),
            day: payload.day.to_string(),
            source_marked: payload.source_marked,
        }
    }
}
