//! Video models of packs: what their families share. A family brings conditions, the denoiser's
//! inputs and the way from latents to frames.
//!
//! Networks are open only while they are needed: words are read, the condition is made, latents are
//! denoised, frames are decoded, one after the other, and each network is closed before the next one
//! opens.

mod decoders;
mod denoising;
mod draws;
mod frames;
mod network;
mod picture;
mod remembering;
mod texts;
mod tiles;
mod words;

mod ltx;
mod svd;
mod wan;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use ndarray::ArrayViewD;
use zeroize::Zeroize;

use crate::diffusion::{Scheduler, SchedulerSettings, Steps};
use crate::error::{Detail, Error, Result};
use crate::pack::{self, Family, Pack, PackManifest, Task};
use crate::runtime::{Cancel, ExecutionProvider, Runtime, Session};

use denoising::Denoising;
pub(crate) use denoising::{Saved, StepTaken, Watch};
pub(crate) use draws::Draws;
use frames::code;
pub(crate) use frames::{FrameSource, decoded_together, strips, waiting};
pub(crate) use picture::ClipPicture;
use texts::Texts;

/// A pack that is ready to make clips.
pub(crate) struct VideoPipeline {
    pack: Pack,
    runtime: Runtime,
    scheduler: SchedulerSettings,
    texts: Option<Texts>,
    /// Where the denoiser was opened.
    denoises_on: OnceLock<ExecutionProvider>,
}

/// A clip to be made, within the pack's limits.
pub(crate) struct VideoOrder {
    pub(crate) photo: Option<ClipPicture>,
    pub(crate) prompt: String,
    pub(crate) negative_prompt: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) frames: u32,
    pub(crate) fps: f64,
    pub(crate) steps: usize,
    pub(crate) guidance_scale: f32,
    pub(crate) draws: Draws,
    /// Whether frames are decoded in strips.
    pub(crate) tiled: bool,
}

impl VideoOrder {
    /// Whether the pack makes clips of this size and length.
    ///
    /// # Errors
    /// `request.size`, `request.frames`.
    pub(crate) fn check(&self, manifest: &PackManifest) -> Result<()> {
        let limits = &manifest.limits;
        for side in [self.width, self.height] {
            if !side.is_multiple_of(limits.side_multiple)
                || !(limits.side_min..=limits.side_max).contains(&side)
            {
                let message = format!(
                    "{} makes no clip of {}×{}: give sides of {} to {} that are multiples of {}",
                    manifest.name,
                    self.width,
                    self.height,
                    limits.side_min,
                    limits.side_max,
                    limits.side_multiple
                );
                return Err(request("request.size", message));
            }
        }
        let over = self.frames.checked_sub(limits.frames_offset);
        if self.frames == 0
            || self.frames > limits.frames_max
            || !over.is_some_and(|over| over.is_multiple_of(limits.frames_multiple))
        {
            let message = format!(
                "{} makes no clip of {} frames: give a multiple of {} and {} more, at most {}",
                manifest.name,
                self.frames,
                limits.frames_multiple,
                limits.frames_offset,
                limits.frames_max
            );
            return Err(request("request.frames", message));
        }
        Ok(())
    }

    /// Whether the pack makes clips with a photo, or without one.
    ///
    /// # Errors
    /// `request.task`.
    pub(crate) fn check_task(manifest: &PackManifest, has_photo: bool) -> Result<()> {
        let task = if has_photo { Task::ImageToVideo } else { Task::TextToVideo };
        if manifest.tasks.contains(&task) {
            return Ok(());
        }
        let message = if has_photo {
            format!("{} takes no photo: GenerationRequest::imagine", manifest.name)
        } else {
            format!("{} needs a photo: GenerationRequest::animate", manifest.name)
        };
        Err(request("request.task", message))
    }
}

/// A picture of the clip's middle, as small as the latents; RGB, 8 bits a channel.
pub(crate) struct RoughPicture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels: Vec<u8>,
}

/// Clean latents, in the family's own order of axes; wiped when dropped.
pub(crate) struct Latents {
    values: Vec<f32>,
    shape: LatentShape,
}

impl Drop for Latents {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

/// Sizes of latents, whose rows and columns are the innermost axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LatentShape {
    channels: usize,
    frames: usize,
    height: usize,
    width: usize,
    outermost: Outermost,
}

/// The outermost axis of latents; the other one follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outermost {
    Channels,
    Frames,
}

impl LatentShape {
    /// Where a channel of a frame begins.
    fn at(self, channel: usize, frame: usize) -> usize {
        let plane = match self.outermost {
            Outermost::Channels => channel * self.frames + frame,
            Outermost::Frames => frame * self.channels + channel,
        };
        plane * self.area()
    }

    /// Each channel's planes, changed in place.
    fn each_channel(self, values: &mut [f32], change: impl Fn(usize, &mut f32)) {
        for (plane, values) in values.chunks_exact_mut(self.area().max(1)).enumerate() {
            let channel = match self.outermost {
                Outermost::Channels => plane / self.frames,
                Outermost::Frames => plane % self.channels,
            };
            values.iter_mut().for_each(|value| change(channel, value));
        }
    }

    fn len(self) -> usize {
        self.channels * self.volume()
    }

    /// Positions in space and time.
    fn volume(self) -> usize {
        self.frames * self.area()
    }

    fn area(self) -> usize {
        self.height * self.width
    }
}

impl VideoPipeline {
    /// # Errors
    /// `pack.*` for a pack that lacks something its family needs, or wants a newer runtime;
    /// `model.scheduler`; `pack.tokenizer`.
    pub(crate) fn open(pack: Pack, runtime: &Runtime) -> Result<Self> {
        pack.fits(runtime)?;
        let manifest = pack.manifest();
        let scheduler = SchedulerSettings::from_json(&manifest.scheduler)?;
        let texts =
            manifest.tokenizer.as_ref().map(|about| Texts::open(&pack, about)).transpose()?;
        match manifest.family {
            Family::Svd => svd::check(manifest)?,
            Family::Wan => wan::check(manifest)?,
            Family::Ltx => ltx::check(manifest)?,
        }
        Ok(Self { pack, runtime: runtime.clone(), scheduler, texts, denoises_on: OnceLock::new() })
    }

    pub(crate) fn manifest(&self) -> &PackManifest {
        self.pack.manifest()
    }

    /// Where the denoiser runs, never `Auto`; `None` before it was opened.
    pub(crate) fn execution_provider(&self) -> Option<ExecutionProvider> {
        self.denoises_on.get().copied()
    }

    /// Denoises a clip, from noise or from where another run was `saved`.
    ///
    /// # Errors
    /// `request.*` for what the pack cannot make, `pack.*`, `runtime.run`, what `watch` returns,
    /// [`Error::Cancelled`].
    pub(crate) fn latents(
        &self,
        order: &VideoOrder,
        saved: Option<Saved>,
        cancel: &Cancel,
        watch: &mut dyn Watch,
    ) -> Result<Latents> {
        order.check(self.manifest())?;
        VideoOrder::check_task(self.manifest(), order.photo.is_some())?;
        let shape = self.latent_shape(order);
        let mut job = Denoising::new(self, order, shape, saved, cancel, watch);
        let values = match self.manifest().family {
            Family::Svd => svd::latents(&mut job)?,
            Family::Wan => wan::latents(&mut job)?,
            Family::Ltx => ltx::latents(&mut job)?,
        };
        Ok(Latents { values, shape })
    }

    fn latent_shape(&self, order: &VideoOrder) -> LatentShape {
        let latents = &self.manifest().latents;
        let side = |pixels: u32| (pixels / latents.spatial) as usize;
        LatentShape {
            channels: latents.channels,
            frames: latents.frames_of(order.frames),
            height: side(order.height),
            width: side(order.width),
            outermost: match self.manifest().family {
                Family::Svd => Outermost::Frames,
                _ => Outermost::Channels,
            },
        }
    }

    fn scheduler(&self, steps: Steps<'_>, tokens: usize) -> Result<Box<dyn Scheduler>> {
        self.scheduler.scheduler(steps, tokens)
    }

    fn session(&self, role: &str) -> Result<Session> {
        self.pack.session(&self.runtime, role)
    }

    /// The family's own settings.
    fn settings<'m, T: serde::Deserialize<'m>>(&'m self) -> Result<T> {
        settings(self.manifest())
    }

    fn texts(&self) -> Result<&Texts> {
        self.texts.as_ref().ok_or_else(|| {
            let message = format!(
                "{} reads words and brings no tokenizer: export it anew",
                self.manifest().id
            );
            Error::Model(Detail::new("pack.tokenizer", message))
        })
    }
}

impl Latents {
    /// What a network made of latents, with as many channels as came out.
    ///
    /// # Errors
    /// `model.output` for another shape.
    fn made(values: &ArrayViewD<'_, f32>, shape: LatentShape) -> Result<Self> {
        let channels = values.len() / shape.volume().max(1);
        let shape = LatentShape { channels, ..shape };
        if channels == 0 || values.len() != shape.len() {
            return Err(texts::shape("features"));
        }
        Ok(Self { values: values.iter().copied().collect(), shape })
    }

    /// Brings them from where they are denoised to what the decoder takes: latents · std / scale +
    /// mean.
    fn denormalise(&mut self, manifest: &PackManifest) {
        let pack::Latents { mean, std, scale, .. } = &manifest.latents;
        self.shape.each_channel(&mut self.values, |channel, value| {
            *value = *value * std[channel] / scale + mean[channel];
        });
    }
}

/// The way back, for latents that come from the encoder.
fn normalise(values: &mut [f32], shape: LatentShape, manifest: &PackManifest) {
    let pack::Latents { mean, std, scale, .. } = &manifest.latents;
    shape.each_channel(values, |channel, value| {
        *value = (*value - mean[channel]) / std[channel] * scale;
    });
}

/// The middle frame's colours, by the pack's line from latents to colours.
fn rough(values: &[f32], shape: LatentShape, manifest: &PackManifest) -> Option<RoughPicture> {
    let pack::Preview { matrix, bias } = manifest.preview.as_ref()?;
    let frame = shape.frames / 2;
    let mut pixels = Vec::with_capacity(3 * shape.area());
    for position in 0..shape.area() {
        let mut colour = *bias;
        for (channel, parts) in matrix.iter().enumerate() {
            let value = values[shape.at(channel, frame) + position];
            colour.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part * value);
        }
        pixels.extend(colour.map(code));
    }
    Some(RoughPicture { width: shape.width as u32, height: shape.height as u32, pixels })
}

/// The prompt, and with guidance the one that it is led away from.
fn prompts(order: &VideoOrder) -> Vec<&str> {
    let mut prompts = vec![order.prompt.as_str()];
    if order.guidance_scale > 1.0 {
        prompts.push(&order.negative_prompt);
    }
    prompts
}

/// Puts a frame of latents, (C, H, W), in its place.
fn put_frame(latents: &mut [f32], values: &[f32], frame: usize, shape: LatentShape) {
    let area = shape.area();
    for (channel, values) in values.chunks_exact(area).enumerate() {
        let at = shape.at(channel, frame);
        latents[at..at + area].copy_from_slice(values);
    }
}

/// `family_settings` in the family's own terms.
fn settings<'m, T: serde::Deserialize<'m>>(manifest: &'m PackManifest) -> Result<T> {
    T::deserialize(&manifest.family_settings).map_err(|error| {
        let message =
            "family_settings in pack.json is not what its family needs: export the pack anew";
        Error::Model(Detail::new("pack.manifest", message).because(error))
    })
}

fn request(code: &'static str, message: impl Into<String>) -> Error {
    Error::Request(Detail::new(code, message))
}
