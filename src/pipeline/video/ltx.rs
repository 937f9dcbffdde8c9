//! LTX-Video (HaCohen et al. 2025, arXiv 2501.00103): a photo and words to video.
//!
//! Flow matching over strongly compressed latents; the photo is the first frame, whose tokens have no
//! noise left. The decoder takes the last noise away itself, at a timestep of its own.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView5, Axis, Ix5, aview1};
use serde::Deserialize;

use super::decoders::Decoders;
use super::draws::{Draw, Draws};
use super::frames::{self, FrameSource, Picture};
use super::network::{Condition, Network};
use super::texts::{Filling, Text, mask, shape as shape_of};
use super::tiles::{Spans, Tiled, blend, share};
use super::{
    Denoising, LatentShape, Latents, VideoOrder, VideoPipeline, normalise, picture, prompts,
    put_frame, settings,
};
use crate::diffusion::{Denoiser, Estimates, GuidanceScale, Steps};
use crate::error::{Detail, Error, Result};
use crate::pack::PackManifest;
use crate::runtime::{Cancel, Session, Tensor};

/// `family_settings` of an LTX pack.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    decode_timestep: f32,
    /// The share of noise that is mixed in before decoding.
    decode_noise_scale: f32,
    /// Whether the decoder has a timestep.
    timestep_aware: bool,
}

/// # Errors
/// `pack.component`, `pack.manifest`.
pub(super) fn check(manifest: &PackManifest) -> Result<()> {
    let about: Settings = settings(manifest)?;
    for role in ["text_encoder", "vae_encoder", "condition", "denoiser", "vae_decoder"] {
        manifest.component(role)?;
    }
    let share = 0.0..=1.0;
    if !share.contains(&about.decode_timestep) || !share.contains(&about.decode_noise_scale) {
        let message = "decode_timestep and decode_noise_scale in pack.json have to be 0 to 1: export the pack anew";
        return Err(Error::Model(Detail::new("pack.manifest", message)));
    }
    Ok(())
}

pub(super) fn latents(job: &mut Denoising<'_>) -> Result<Vec<f32>> {
    let Denoising { pipeline, order, shape, cancel, .. } = *job;
    let first = first_frame(pipeline, order, shape, cancel)?;
    let sigmas = Array1::linspace(1.0, 1.0 / order.steps as f64, order.steps).to_vec();
    let mut scheduler = pipeline.scheduler(Steps::Sigmas(&sigmas), shape.volume())?;
    let mut latents = job.begin(&mut *scheduler, || {
        let mut noise = order.draws.take(Draw::Latents, shape.len());
        put_frame(&mut noise, &first, 0, shape);
        noise
    })?;
    let steps = job.left(0..scheduler.timesteps().len());
    if !steps.is_empty() {
        let open = || pipeline.session("text_encoder");
        let texts = pipeline.texts()?.of(&prompts(order), Filling::ToLength, open, cancel)?;
        let conditions = conditions(pipeline, order, &texts, shape, cancel)?;
        let mut denoiser = LtxDenoiser {
            network: Network::open(pipeline, "denoiser", conditions, cancel)?,
            first: &first,
            input: Vec::new(),
            shape,
        };
        let guidance = GuidanceScale(order.guidance_scale);
        latents = job.run(&mut denoiser, &mut *scheduler, guidance, latents, steps)?;
        job.tell(denoiser.network.spent());
    }
    put_frame(&mut latents, &first, 0, shape);
    Ok(latents)
}

/// The photo's latents, normalised, (C, H, W).
fn first_frame(
    pipeline: &VideoPipeline,
    order: &VideoOrder,
    shape: LatentShape,
    cancel: &Cancel,
) -> Result<Vec<f32>> {
    let Some(photo) = &order.photo else { return Err(shape_of("image")) };
    let pixels = photo.pixels(order.width, order.height)?;
    let image = Tensor::F32(picture::as_video(&pixels));
    let outputs = pipeline.session("vae_encoder")?.run(&[("image", image)], cancel)?;
    let mut latents: Vec<f32> = outputs.view("latents")?.iter().copied().collect();
    let shape = LatentShape { frames: 1, ..shape };
    if latents.len() != shape.len() {
        return Err(shape_of("latents"));
    }
    normalise(&mut latents, shape, pipeline.manifest());
    Ok(latents)
}

/// What does not change from step to step, for each of the prompts.
fn conditions(
    pipeline: &VideoPipeline,
    order: &VideoOrder,
    texts: &[Text],
    shape: LatentShape,
    cancel: &Cancel,
) -> Result<Vec<Condition>> {
    let session = pipeline.session("condition")?;
    let size = Array1::from_iter([shape.frames, shape.height, shape.width].map(|side| side as i64));
    let fps = [order.fps as f32];
    texts
        .iter()
        .map(|text| {
            let mask = mask(text.tokens, text.hidden.dim().1);
            let inputs = [
                ("text", Tensor::from(&text.hidden)),
                ("mask", (&mask).into()),
                ("latents_size", (&size).into()),
                ("fps", aview1(&fps).into()),
            ];
            Ok(session.run(&inputs, cancel)?.keep())
        })
        .collect()
}

/// The transformer.
struct LtxDenoiser<'a> {
    network: Network<'a>,
    /// The photo's latents.
    first: &'a [f32],
    input: Vec<f32>,
    shape: LatentShape,
}

impl Denoiser for LtxDenoiser<'_> {
    fn estimate(&mut self, latents: &[f32], timestep: f32) -> Result<Estimates> {
        let LatentShape { channels, frames, height, width, .. } = self.shape;
        self.input.clear();
        self.input.extend_from_slice(latents);
        put_frame(&mut self.input, self.first, 0, self.shape);
        let seen = ArrayView5::from_shape((1, channels, frames, height, width), &self.input)
            .map_err(|_| shape_of("latents"))?;
        // No noise is left in the photo's frame.
        let timesteps = Array2::from_shape_fn((1, self.shape.volume()), |(_, token)| {
            if token < self.shape.area() { 0.0 } else { timestep }
        });
        let inputs = [("latents", seen.into()), ("timestep", (&timesteps).into())];
        self.network.estimates(&inputs, latents.len())
    }
}

/// Mixes in the last noise, which the decoder takes away.
pub(super) fn add_noise(
    pipeline: &VideoPipeline,
    latents: &mut Latents,
    draws: &Draws,
) -> Result<()> {
    let about: Settings = pipeline.settings()?;
    if about.timestep_aware {
        let scale = about.decode_noise_scale;
        let noise = draws.take(Draw::Decode, latents.values.len());
        for (value, noise) in latents.values.iter_mut().zip(noise) {
            *value = (1.0 - scale) * *value + scale * noise;
        }
    }
    Ok(())
}

/// The frames of a clip, decoded at once.
pub(super) struct Frames {
    session: Arc<Session>,
    latents: Latents,
    timestep: Option<[f32; 1]>,
    ready: Option<VecDeque<Picture>>,
}

impl Frames {
    pub(super) fn open(networks: &Decoders<'_>, latents: Latents) -> Result<Self> {
        let about: Settings = networks.pipeline.settings()?;
        let timestep = about.timestep_aware.then_some([about.decode_timestep]);
        Ok(Self { session: networks.open("vae_decoder")?, latents, timestep, ready: None })
    }

    fn decode(&self, cancel: &Cancel) -> Result<VecDeque<Picture>> {
        let LatentShape { channels, frames, height, width, .. } = self.latents.shape;
        let values =
            ArrayView5::from_shape((1, channels, frames, height, width), &self.latents.values)
                .map_err(|_| shape_of("latents"))?;
        let mut inputs = vec![("latents", Tensor::from(values))];
        inputs.extend(self.timestep.as_ref().map(|timestep| ("timestep", aview1(timestep).into())));
        let outputs = self.session.run(&inputs, cancel)?;
        let pixels = outputs.view("frames")?.into_dimensionality::<Ix5>();
        let pixels = pixels.map_err(|_| shape_of("frames"))?;
        let clip = pixels.index_axis(Axis(0), 0);
        Ok(clip.axis_iter(Axis(1)).map(frames::picture).collect())
    }
}

impl FrameSource for Frames {
    fn next(&mut self, cancel: &Cancel) -> Result<Option<Picture>> {
        if self.ready.is_none() {
            self.ready = Some(self.decode(cancel)?);
        }
        Ok(self.ready.as_mut().and_then(VecDeque::pop_front))
    }
}

/// Latent frames that are decoded together where a clip is cut in time, and those of them that are
/// also in the next part.
const CHUNK: usize = 16;
const SHARED: usize = 2;

/// The parts in time of so many latent frames.
pub(super) fn parts(frames: usize) -> Spans {
    Spans::even(frames, frames.div_ceil(CHUNK), SHARED)
}

/// The frames of a clip, decoded part by part in time, each part in strips; what two parts show is
/// blended.
pub(super) struct Chunked<'p> {
    networks: Arc<Decoders<'p>>,
    latents: Latents,
    strips: Spans,
    /// Latent frames of the parts that are still to come.
    parts: VecDeque<Range<usize>>,
    /// The part at hand, and its first frames that the part before it has drawn too.
    part: Option<Tiled<'p>>,
    tail: VecDeque<Picture>,
    /// How many frames both parts show.
    shared: usize,
    /// Frames of the part at hand that are this part's alone or the blend's.
    left: usize,
}

impl<'p> Chunked<'p> {
    pub(super) fn new(
        pipeline: &'p VideoPipeline,
        latents: Latents,
        strips: Spans,
        parts: &Spans,
    ) -> Self {
        let parts = parts.iter().collect();
        let (networks, tail) = (Decoders::staying(pipeline), VecDeque::new());
        Self { networks, latents, strips, parts, part: None, tail, shared: 0, left: 0 }
    }

    /// Opens the next part, after keeping what the one before it shows of that.
    fn turn(&mut self, cancel: &Cancel) -> Result<bool> {
        let Some(part) = self.parts.pop_front() else { return Ok(false) };
        self.tail.clear();
        if let Some(mut before) = self.part.take() {
            while let Some(picture) = before.next(cancel)? {
                self.tail.push_back(picture);
            }
        }
        self.shared = self.tail.len();
        // Latent frame 0 of a part gives one frame, each later one as many as the model says.
        let temporal = self.networks.pipeline.manifest().latents.temporal as usize;
        let frame = |latent: usize| latent * temporal;
        self.left = match self.parts.front() {
            Some(next) => frame(next.start - part.start),
            None => usize::MAX,
        };
        let latents = self.latents.frames(&part);
        self.part = Some(Tiled::new(Arc::clone(&self.networks), latents, self.strips.clone()));
        Ok(true)
    }
}

impl FrameSource for Chunked<'_> {
    fn next(&mut self, cancel: &Cancel) -> Result<Option<Picture>> {
        if self.left == 0 && !self.turn(cancel)? {
            return Ok(None);
        }
        let Some(part) = &mut self.part else { return Ok(None) };
        let Some(mut picture) = part.next(cancel)? else { return Ok(None) };
        self.left -= 1;
        let at = self.shared - self.tail.len();
        if let Some(earlier) = self.tail.pop_front() {
            let share = share(at, self.shared);
            let pairs = picture.iter_mut().zip(earlier.iter());
            pairs.for_each(|(later, earlier)| *later = blend(*earlier, *later, share));
        }
        Ok(Some(picture))
    }
}
