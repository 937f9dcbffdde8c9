//! Finding faces: a network, its decoder, and the way back into the photo.

use std::sync::{Mutex, PoisonError};

use ndarray::ArrayView4;

use super::decode::Family;
use super::input::{self, Fit, Scratch};
use super::landmarks::{Face, Landmarks};
use super::nms;
use crate::Photo;
use crate::error::{Detail, Error, Result};
use crate::runtime::{Cancel, ExecutionProvider, Runtime, Session};

/// How faces are looked for.
#[derive(Clone, Debug)]
pub struct DetectorOptions {
    score: Option<f32>,
    /// What a large face needs, and from which share of the photo's long side on it is one.
    large: Option<[f32; 2]>,
    overlap: f32,
    long_side: usize,
    enlarge: f32,
    nested: bool,
    misshapen: bool,
    second_look: Option<f32>,
}

impl Default for DetectorOptions {
    fn default() -> Self {
        Self {
            score: None,
            large: None,
            overlap: 0.3,
            long_side: 640,
            enlarge: 2.0,
            nested: true,
            misshapen: false,
            second_look: None,
        }
    }
}

impl DetectorOptions {
    /// The least score of a face, 0 to 1. Default: what the network's own tools use, .6 for
    /// YuNet's layout, .7 for UltraFace's.
    #[must_use]
    pub fn score(mut self, score: f32) -> Self {
        self.score = Some(score);
        self
    }

    /// The least score of a face whose shorter side is at least `share` of the photo's long side:
    /// such a face is seen clearly, and what is unsure there is none. Default: that of any face; the
    /// default model's detector asks more.
    #[must_use]
    pub fn large_score(mut self, score: f32, share: f32) -> Self {
        self.large = Some([score, share]);
        self
    }

    /// Of two boxes that share more of their union than this, 0 to 1, the surer stays.
    /// Default: .3.
    #[must_use]
    pub fn overlap(mut self, overlap: f32) -> Self {
        self.overlap = overlap;
        self
    }

    /// The long side of the photo that the network sees, in pixels, rounded up to a multiple of 32;
    /// larger finds smaller faces and takes longer. Default: 640. A network of one size ignores it.
    #[must_use]
    pub fn long_side(mut self, pixels: usize) -> Self {
        self.long_side = pixels.clamp(32, 4096).next_multiple_of(32);
        self
    }

    /// How many times a smaller photo is enlarged at most, at least 1. Default: 2.
    #[must_use]
    pub fn enlarge(mut self, times: f32) -> Self {
        self.enlarge = times.max(1.0);
        self
    }

    /// Whether a face may lie within a larger one that is surer. Default: yes, as other programs
    /// have it; the default model's detector says no, since it takes an eye or a mouth of a close
    /// portrait for a face at times.
    #[must_use]
    pub fn nested(mut self, allowed: bool) -> Self {
        self.nested = allowed;
        self
    }

    /// Whether a face may stay whose five points no face can have: eyes or corners of the mouth
    /// swapped, a nose that is not between them, distances that do not fit the box. Default: no.
    #[must_use]
    pub fn misshapen(mut self, allowed: bool) -> Self {
        self.misshapen = allowed;
        self
    }

    /// Looks a second time, at the photo shrunk to this share of the first look, and takes the mean
    /// of both: score, box and points. What is taken for a face at one size only loses half its
    /// score. Twice the time. Default: none; the default model's detector takes .7.
    #[must_use]
    pub fn second_look(mut self, share: f32) -> Self {
        self.second_look = Some(share.clamp(0.1, 1.0));
        self
    }

    /// Of one look's faces those that can be some, each once.
    pub(super) fn compete(&self, mut faces: Vec<Face>) -> Vec<Face> {
        if !self.misshapen {
            // Before the boxes compete: a face must not lose to what is none.
            faces.retain(Face::is_plausible);
        }
        nms::suppress(faces, self.overlap)
    }

    /// Of all looks' faces those that count, the largest box first.
    pub(super) fn settle(&self, mut faces: Vec<Face>, least: f32, long_side: f32) -> Vec<Face> {
        faces.retain(|face| {
            let least = match self.large {
                Some([score, share]) if face.shorter_side() >= share * long_side => score,
                _ => least,
            };
            face.score() >= least
        });
        if !self.nested {
            faces = nms::without_nested(faces);
        }
        faces.sort_by(|a, b| b.area().total_cmp(&a.area()));
        faces
    }
}

/// Finds the faces of a photo.
///
/// Any network with the outputs of YuNet (also Kinora's own) or of UltraFace; the family is
/// recognised by the outputs' names and shapes.
#[derive(Debug)]
pub struct Detector {
    session: Session,
    family: Family,
    input: String,
    /// Width and height, for a network of one size.
    fixed: Option<[usize; 2]>,
    options: DetectorOptions,
    scratch: Mutex<Vec<Scratch>>,
}

impl Detector {
    /// A detector from an ONNX file in memory.
    ///
    /// # Errors
    /// `model.unreadable`, `model.not_a_detector`, and `runtime.provider_missing` when the
    /// execution provider that was asked for is not there.
    pub fn open(runtime: &Runtime, model: &[u8], options: DetectorOptions) -> Result<Self> {
        let session = runtime.session(model, "face detector")?;
        let family = Family::recognise(&session)?;
        let port = match session.inputs() {
            [port] if matches!(port.shape[..], [_, Some(3) | None, _, _]) => port,
            _ => {
                return Err(Error::Model(Detail::new(
                    "model.not_a_detector",
                    "a face detector takes one picture, 1×3×H×W",
                )));
            }
        };
        let fixed = match port.shape[..] {
            [_, _, Some(height), Some(width)] if height > 0 && width > 0 => Some([width, height]),
            _ => None,
        };
        let input = port.name.clone();
        Ok(Self { session, family, input, fixed, options, scratch: Mutex::default() })
    }

    /// All faces, the largest box first.
    ///
    /// Boxes and points are in pixels of the upright photo and may reach outside it.
    ///
    /// # Errors
    /// [`Error::Cancelled`], and those of the runtime.
    pub fn detect(&self, photo: &Photo, cancel: &Cancel) -> Result<Vec<Face>> {
        cancel.check()?;
        let least = self.options.score.unwrap_or_else(|| self.family.usual_score());
        let faces = match self.options.second_look {
            None => self.look(photo, 1.0, least, cancel)?,
            Some(share) => {
                let looks = [
                    self.look(photo, 1.0, nms::GLIMPSE.min(least), cancel)?,
                    self.look(photo, share, nms::GLIMPSE.min(least), cancel)?,
                ];
                nms::agree(looks)
            }
        };
        let long_side = photo.width().max(photo.height()) as f32;
        Ok(self.options.settle(faces, least, long_side))
    }

    /// Where the network runs: never `Auto`.
    pub fn execution_provider(&self) -> ExecutionProvider {
        self.session.execution_provider()
    }

    /// The faces of the photo at `share` of the size that fits, in pixels of the photo.
    fn look(&self, photo: &Photo, share: f32, least: f32, cancel: &Cancel) -> Result<Vec<Face>> {
        let fit = match self.fixed {
            Some(input) => Fit::fixed(photo, input, self.options.enlarge),
            None => Fit::free(photo, self.options.long_side, self.options.enlarge),
        };
        let fit = fit.shrunk(share);
        let mut planes = self.scratch().pop().unwrap_or_default();
        let faces = self.detect_in(photo, &fit, least, &mut planes, cancel);
        self.scratch().push(planes);

        let mut faces = self.options.compete(faces?);
        let [across, down] = fit.back(photo);
        for face in &mut faces {
            *face = in_photo(face, across, down);
        }
        Ok(faces)
    }

    fn detect_in(
        &self,
        photo: &Photo,
        fit: &Fit,
        least: f32,
        planes: &mut Scratch,
        cancel: &Cancel,
    ) -> Result<Vec<Face>> {
        input::fill(photo, fit, self.family, &mut planes.0)?;
        let shape = (1, 3, fit.input_height, fit.input_width);
        let picture = ArrayView4::from_shape(shape, &planes.0).map_err(|error| {
            Error::Internal(
                Detail::new("internal.shape", "the picture has another size").because(error),
            )
        })?;
        let outputs = self.session.run(&[(&self.input, picture.into())], cancel)?;
        self.family.decode(&outputs, fit.input_width, fit.input_height, least)
    }

    fn scratch(&self) -> std::sync::MutexGuard<'_, Vec<Scratch>> {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scratch(..)")
    }
}

fn in_photo(face: &Face, across: f32, down: f32) -> Face {
    let [x, y, width, height] = *face.bounds();
    let bounds = [x * across, y * down, width * across, height * down];
    let landmarks = face.landmarks();
    let landmarks = if landmarks.are_estimated() {
        Landmarks::estimate(bounds)
    } else {
        Landmarks::new(landmarks.points().map(|[x, y]| [x * across, y * down]))
    };
    Face::new(bounds, face.score(), landmarks)
}
