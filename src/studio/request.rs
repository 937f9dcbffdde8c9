//! What a job is asked to make.

use std::fmt::Display;

use crate::clip::{Fps, Output};
use crate::error::{Detail, Error, Result};
use crate::marking::Marking;
use crate::photo::Photo;
use crate::prompt::Reading;

/// The shortest and the longest clip, seconds.
pub const MIN_SECONDS: f32 = 0.5;
/// See [`MIN_SECONDS`].
pub const MAX_SECONDS: f32 = 10.0;
/// The longest side that a clip may have, pixels.
pub const LONGEST_SIDE: u32 = 3840;
/// The longest side that a clip has unless its request says otherwise.
const DEFAULT_LONG_SIDE: u32 = 1280;
const SHORTEST_SIDE: u32 = 16;
const DEFAULT_SECONDS: f32 = 2.0;
const DEFAULT_FPS: f64 = 24.0;
const FPS_RANGE: std::ops::RangeInclusive<f64> = 1.0..=60.0;
const STEPS_RANGE: std::ops::RangeInclusive<usize> = 1..=200;
const GUIDANCE_RANGE: std::ops::RangeInclusive<f32> = 0.0..=10.0;
const PACK_GUIDANCE_RANGE: std::ops::RangeInclusive<f32> = 0.0..=30.0;
const STRENGTH_RANGE: std::ops::RangeInclusive<f32> = 0.0..=1.5;

/// Which faces move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FaceChoice {
    /// Every face, each in its own way.
    #[default]
    All,
    /// Only the largest.
    Largest,
    /// None: only the scene and the camera.
    None,
    /// The face with this number in [`Studio::faces`](crate::Studio::faces), from 0.
    Number(usize),
}

/// Which model makes the clip.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Model {
    /// The default model, on this device: it asks nobody and sends nothing.
    #[default]
    Default,
    /// A pack of [`StudioOptions::packs`](crate::StudioOptions::packs), on this device too.
    Pack {
        /// The pack's id, such as `wan-2.1-t2v-1.3b`.
        id: String,
    },
    /// A provider's model: what it needs leaves the device, under a grant that covers it.
    #[cfg(feature = "remote")]
    Remote {
        /// The model's id, such as `kling/3.0`.
        model: String,
        /// The person's yes, from [`Consent::answer`](crate::consent::Consent::answer).
        grant: crate::consent::Grant,
    },
}

/// What a clip is made of.
#[derive(Debug)]
pub(super) enum Source {
    Photo(Photo),
    #[cfg(feature = "remote")]
    Video(crate::remote::Video),
    Words,
}

/// A clip to be made. Ranges are checked by [`Studio::generate`](crate::Studio::generate).
#[derive(Debug)]
pub struct GenerationRequest {
    source: Source,
    model: Model,
    #[cfg(feature = "remote")]
    rights: Option<crate::remote::Rights>,
    prompt: String,
    negative_prompt: Option<String>,
    seconds: Option<f32>,
    fps: Option<f64>,
    size: Option<u32>,
    seed: u64,
    steps: Option<usize>,
    guidance: Option<f32>,
    tiled: bool,
    strength: f32,
    faces: FaceChoice,
    looping: bool,
    marking: Option<Marking>,
    output: Option<Output>,
}

impl GenerationRequest {
    /// Two seconds of the photo coming alive, at 24 frames a second.
    pub fn animate(photo: Photo) -> Self {
        Self::of(Source::Photo(photo))
    }

    /// Two seconds of what the prompt says, without a photo: for models that need none. With
    /// [`Model::Default`] the first pack is taken that can.
    pub fn imagine(prompt: impl Into<String>) -> Self {
        Self::of(Source::Words).prompt(prompt)
    }

    /// A video made anew after the prompt: for remote models that take one.
    #[cfg(feature = "remote")]
    pub fn edit(video: crate::remote::Video) -> Self {
        Self::of(Source::Video(video))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            model: Model::Default,
            #[cfg(feature = "remote")]
            rights: None,
            prompt: String::new(),
            negative_prompt: None,
            seconds: None,
            fps: None,
            size: None,
            seed: 0,
            steps: None,
            guidance: None,
            tiled: false,
            strength: 1.0,
            faces: FaceChoice::All,
            looping: false,
            marking: None,
            output: None,
        }
    }

    /// Which model makes it; by default the one on this device.
    #[must_use]
    pub fn model(mut self, model: Model) -> Self {
        self.model = model;
        self
    }

    /// The person's answer to [`Rights::QUESTION`](crate::remote::Rights::QUESTION), which a remote
    /// job of a photo that shows somebody needs.
    #[cfg(feature = "remote")]
    #[must_use]
    pub fn rights(mut self, rights: crate::remote::Rights) -> Self {
        self.rights = Some(rights);
        self
    }

    /// What should happen, in words of [`prompt::LEXICON`](crate::prompt::LEXICON). Empty: a living
    /// portrait, or a slow push-in where there is no face.
    #[must_use]
    pub fn prompt(mut self, prompt: impl Into<String>) -> Self {
        self.prompt = prompt.into();
        self
    }

    /// What should not be seen, for packs that read words; by default what the pack says.
    #[must_use]
    pub fn negative_prompt(mut self, prompt: impl Into<String>) -> Self {
        self.negative_prompt = Some(prompt.into());
        self
    }

    /// Length in seconds, 0.5–10. Two by default; a pack's own length where a pack makes the clip, which
    /// takes the nearest length that the pack can make.
    #[must_use]
    pub fn seconds(mut self, seconds: f32) -> Self {
        self.seconds = Some(seconds);
        self
    }

    /// Frames a second, 1–60. 29.97 and its like become exact fractions. 24 by default; what a pack
    /// was taught where a pack makes the clip.
    #[must_use]
    pub fn fps(mut self, fps: f64) -> Self {
        self.fps = Some(fps);
        self
    }

    /// The clip's longer side in pixels, up to [`LONGEST_SIDE`]; scales up too. By default the
    /// photo's, at most 1280. A pack makes the nearest size that it can, by default as many pixels as
    /// it was taught with.
    #[must_use]
    pub fn size(mut self, long_side: u32) -> Self {
        self.size = Some(long_side);
        self
    }

    /// The same seed gives the same clip.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Denoise steps per window (of 1.5 seconds where there is a face, else of 3), 1–200; by default
    /// what the model was measured best with.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = Some(steps);
        self
    }

    /// Guidance scale, 0–10: how closely the prompt is followed; by default the model's best.
    #[must_use]
    pub fn guidance(mut self, scale: f32) -> Self {
        self.guidance = Some(scale);
        self
    }

    /// Whether a pack decodes its frames in strips: a fraction of the memory, a little more time, and
    /// seams that are blended. Another picture than without by a hair, so a request says it.
    #[must_use]
    pub fn tiled(mut self, tiled: bool) -> Self {
        self.tiled = tiled;
        self
    }

    /// Strength of all motion, 0–1.5.
    #[must_use]
    pub fn strength(mut self, strength: f32) -> Self {
        self.strength = strength;
        self
    }

    /// Which faces move.
    #[must_use]
    pub fn faces(mut self, faces: FaceChoice) -> Self {
        self.faces = faces;
        self
    }

    /// Whether the clip returns to its first frame, so that it can be repeated without a jump.
    #[must_use]
    pub fn looping(mut self, looping: bool) -> Self {
        self.looping = looping;
        self
    }

    /// What the clip is marked with, instead of what the studio's options say.
    #[must_use]
    pub fn marking(mut self, marking: Marking) -> Self {
        self.marking = Some(marking);
        self
    }

    /// Where the clip goes; every request needs one.
    #[must_use]
    pub fn output(mut self, output: Output) -> Self {
        self.output = Some(output);
        self
    }

    /// What the clip is marked with, where it was said.
    #[cfg(feature = "remote")]
    pub(super) fn asked_marking(&self) -> Option<&Marking> {
        self.marking.as_ref()
    }

    /// What it says should happen.
    pub(super) fn words(&self) -> &str {
        &self.prompt
    }

    /// The photo, where there is one: whoever finds faces or checks pictures wants to see it.
    pub(super) fn photo(&self) -> Option<&Photo> {
        match &self.source {
            Source::Photo(photo) => Some(photo),
            #[cfg(feature = "remote")]
            Source::Video(_) => None,
            Source::Words => None,
        }
    }

    /// Which model it is for.
    pub(super) fn asked_model(&self) -> &Model {
        &self.model
    }

    /// Everything in range, and in the terms of those who do the work.
    pub(super) fn check(self) -> Result<Order> {
        let Source::Photo(photo) = self.source else {
            return Err(refuse(
                "request.no_photo",
                "the default model needs a photo: GenerationRequest::animate",
            ));
        };
        let seconds = self.seconds.unwrap_or(DEFAULT_SECONDS);
        let fps = self.fps.unwrap_or(DEFAULT_FPS);
        check_length(seconds, fps)?;
        within("request.strength", "the strength", self.strength, &STRENGTH_RANGE)?;
        if let Some(steps) = self.steps {
            within("request.steps", "the number of steps", steps, &STEPS_RANGE)?;
        }
        if let Some(guidance) = self.guidance {
            within("request.guidance", "the guidance scale", guidance, &GUIDANCE_RANGE)?;
        }
        let fps = Fps::from_decimal(fps)?;
        let frames = frames(seconds, fps);
        let (width, height) = clip_size(&photo, self.size)?;
        let output = self.output.ok_or_else(no_output)?;
        Ok(Order {
            reading: Reading::of(&self.prompt),
            photo,
            width,
            height,
            fps,
            frames,
            seed: self.seed,
            steps: self.steps,
            guidance: self.guidance,
            strength: self.strength,
            faces: self.faces,
            looping: self.looping,
            marking: self.marking,
            output,
        })
    }
}

/// What a remote job is made of.
#[cfg(feature = "remote")]
pub(super) struct RemoteOrder {
    pub(super) asked: crate::remote::Asked,
    pub(super) rights: Option<crate::remote::Rights>,
    pub(super) output: Output,
    pub(super) seed: u64,
}

#[cfg(feature = "remote")]
impl GenerationRequest {
    /// Whether it has pictures in which nobody looks for faces.
    pub(super) fn is_video(&self) -> bool {
        matches!(self.source, Source::Video(_))
    }

    /// What a remote model is asked for: the rest means nothing to it.
    pub(super) fn into_remote(self, shows_person: bool) -> Result<RemoteOrder> {
        if let Some(size) = self.size {
            within(
                "request.size",
                "the long side in pixels",
                size,
                &(SHORTEST_SIDE..=LONGEST_SIDE),
            )?;
        }
        let seconds = self.seconds.unwrap_or(DEFAULT_SECONDS);
        if !seconds.is_finite() || seconds < MIN_SECONDS {
            let message = format!("the length in seconds is {seconds}: give {MIN_SECONDS} or more");
            return Err(refuse("request.seconds", message));
        }
        let (photo, video) = match self.source {
            Source::Photo(photo) => (Some(photo), None),
            Source::Video(video) => (None, Some(video)),
            Source::Words => (None, None),
        };
        Ok(RemoteOrder {
            asked: crate::remote::Asked {
                photo,
                video,
                prompt: self.prompt,
                seconds,
                size: self.size,
                seed: self.seed,
                shows_person,
            },
            rights: self.rights,
            output: self.output.ok_or_else(no_output)?,
            seed: self.seed,
        })
    }
}

/// A clip of a pack, before it is known what the pack can make.
pub(super) struct PackOrder {
    pub(super) photo: Option<Photo>,
    pub(super) prompt: String,
    pub(super) negative_prompt: Option<String>,
    pub(super) wishes: Wishes,
    pub(super) seed: u64,
    pub(super) guidance: Option<f32>,
    pub(super) marking: Option<Marking>,
    pub(super) output: Output,
}

/// What the cost of a pack's clip depends on, as far as the request says it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wishes {
    /// The photo's width and height.
    pub(super) photo: Option<[u32; 2]>,
    pub(super) seconds: Option<f32>,
    pub(super) fps: Option<f64>,
    pub(super) size: Option<u32>,
    pub(super) steps: Option<usize>,
    pub(super) tiled: bool,
}

impl GenerationRequest {
    /// What of it a pack's cost depends on, in range.
    pub(super) fn wishes(&self) -> Result<Wishes> {
        check_length(self.seconds.unwrap_or(DEFAULT_SECONDS), self.fps.unwrap_or(DEFAULT_FPS))?;
        if let Some(size) = self.size {
            within(
                "request.size",
                "the long side in pixels",
                size,
                &(SHORTEST_SIDE..=LONGEST_SIDE),
            )?;
        }
        if let Some(steps) = self.steps {
            within("request.steps", "the number of steps", steps, &STEPS_RANGE)?;
        }
        let Self { seconds, fps, size, steps, tiled, .. } = *self;
        let photo = self.photo().map(|photo| [photo.width(), photo.height()]);
        Ok(Wishes { photo, seconds, fps, size, steps, tiled })
    }

    /// What a pack is asked for: faces, strength and loops mean nothing to it.
    pub(super) fn into_pack(self) -> Result<PackOrder> {
        let wishes = self.wishes()?;
        let photo = match self.source {
            Source::Photo(photo) => Some(photo),
            Source::Words => None,
            #[cfg(feature = "remote")]
            Source::Video(_) => {
                let message = "packs take no videos: give a photo, or words alone";
                return Err(refuse("request.video", message));
            }
        };
        if let Some(guidance) = self.guidance {
            within("request.guidance", "the guidance scale", guidance, &PACK_GUIDANCE_RANGE)?;
        }
        Ok(PackOrder {
            photo,
            prompt: self.prompt,
            negative_prompt: self.negative_prompt,
            wishes,
            seed: self.seed,
            guidance: self.guidance,
            marking: self.marking,
            output: self.output.ok_or_else(no_output)?,
        })
    }

    /// Whether it has neither photo nor video.
    pub(super) fn is_words(&self) -> bool {
        matches!(self.source, Source::Words)
    }
}

fn check_length(seconds: f32, fps: f64) -> Result<()> {
    let range = &(MIN_SECONDS..=MAX_SECONDS);
    within("request.seconds", "the length in seconds", seconds, range)?;
    within("request.fps", "the frame rate", fps, &FPS_RANGE)
}

/// Frames of a length.
pub(super) fn frames(seconds: f32, fps: Fps) -> u32 {
    // A little over: 1.3 s as a float is less than 1.3 s.
    (f64::from(seconds) * fps.as_f64() + 1e-4).round().max(1.0) as u32
}

fn no_output() -> Error {
    refuse("request.no_output", "say where the clip goes: GenerationRequest::output")
}

/// A request that has been checked.
pub(super) struct Order {
    pub(super) photo: Photo,
    pub(super) reading: Reading,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) fps: Fps,
    pub(super) frames: u32,
    pub(super) seed: u64,
    pub(super) steps: Option<usize>,
    pub(super) guidance: Option<f32>,
    pub(super) strength: f32,
    pub(super) faces: FaceChoice,
    pub(super) looping: bool,
    pub(super) marking: Option<Marking>,
    pub(super) output: Output,
}

/// The photo's proportions at the wanted long side, both sides even.
fn clip_size(photo: &Photo, long_side: Option<u32>) -> Result<(u32, u32)> {
    let (width, height) = (f64::from(photo.width()), f64::from(photo.height()));
    let longest = photo.width().max(photo.height());
    let wanted = long_side.unwrap_or(longest.min(DEFAULT_LONG_SIDE));
    if let Some(size) = long_side {
        within("request.size", "the long side in pixels", size, &(SHORTEST_SIDE..=LONGEST_SIDE))?;
    }
    let scale = f64::from(wanted) / f64::from(longest);
    let even = |side: f64| ((side * scale / 2.0).round() as u32) * 2;
    let (width, height) = (even(width), even(height));
    if width.min(height) < SHORTEST_SIDE {
        return Err(refuse(
            "request.size",
            format!(
                "a clip of {width}×{height} is too small to see: give a larger photo or size, \
                 at least {SHORTEST_SIDE} pixels on the shorter side"
            ),
        ));
    }
    Ok((width, height))
}

fn within<T: PartialOrd + Display>(
    code: &'static str,
    what: &str,
    value: T,
    range: &std::ops::RangeInclusive<T>,
) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    let (low, high) = (range.start(), range.end());
    Err(refuse(code, format!("{what} is {value}: give {low} to {high}")))
}

fn refuse(code: &'static str, message: impl Into<String>) -> Error {
    Error::Request(Detail::new(code, message))
}
