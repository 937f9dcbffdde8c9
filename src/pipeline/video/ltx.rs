//! LTX-Video (HaCohen et al. 2025, arXiv 2501.00103): a photo and words to video.
//!
//! Flow matching over strongly compressed latents; the photo is the first frame, whose tokens have no
//! noise left. The decoder takes the last noise away itself, at a timestep of its own.

use std::collections::VecDeque;
use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView5, ArrayViewD, Axis, Ix5, aview1};
use serde::Deserialize;

use super::decoders::Decoders;
use super::draws::{Draw, Draws};
use super::frames::{self, FrameSource, Picture};
use super::network::{Condition, Network};
use super::remembering::Remembering;
use super::texts::{Filling, Text, mask, shape as shape_of};
use super::{
    Denoising, LatentShape, Latents, VideoOrder, VideoPipeline, normalise, picture, prompts,
    put_frame, settings,
};
use crate::diffusion::{Denoiser, Estimates, GuidanceScale, Steps};
use crate::error::{Detail, Error, Result};
use crate::pack::PackManifest;
use crate::runtime::{Cancel, Kept, Tensor};

/// `family_settings` of an LTX pack.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    decode_timestep: f32,
    /// The share of noise that is mixed in before decoding.
    decode_noise_scale: f32,
    /// Whether the decoder has a timestep.
    timestep_aware: bool,
    /// Features of the decoder's stem to a latent along each side, and nearly in time.
    feature_scale: usize,
    /// Of the decoder's halves: frames that come out before the clip's first.
    decoder_lags: [usize; 2],
    /// Frames of features that are decoded at a time.
    decoder_step: usize,
}

impl Settings {
    fn timestep(&self) -> Option<[f32; 1]> {
        self.timestep_aware.then_some([self.decode_timestep])
    }
}

/// # Errors
/// `pack.component`, `pack.manifest`.
pub(super) fn check(manifest: &PackManifest) -> Result<()> {
    let about: Settings = settings(manifest)?;
    for role in ["text_encoder", "vae_encoder", "condition", "denoiser", "vae_decoder_stem"] {
        manifest.component(role)?;
    }
    for half in ["vae_decoder_middle", "vae_decoder"] {
        for which in ["first", "next"] {
            manifest.component(&format!("{half}_{which}"))?;
        }
    }
    // The two halves make four frames of one, and four positions along each side.
    let temporal = manifest.latents.temporal as usize;
    if about.feature_scale.checked_mul(4) != Some(temporal)
        || !frames::suits(4 * about.feature_scale, manifest)
        || about.decoder_lags.iter().any(|lag| *lag > 1024)
        || !(1..=64).contains(&about.decoder_step)
    {
        let message = "feature_scale, decoder_lags and decoder_step in pack.json do not suit the decoder: export the pack anew";
        return Err(Error::Model(Detail::new("pack.manifest", message)));
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

/// What the decoder's stem makes of a clip's latents. Each of its positions has seen far around it.
fn features(pipeline: &VideoPipeline, latents: &Latents, cancel: &Cancel) -> Result<Latents> {
    let about: Settings = pipeline.settings()?;
    let LatentShape { channels, frames, height, width, .. } = latents.shape;
    let seen = ArrayView5::from_shape((1, channels, frames, height, width), &latents.values)
        .map_err(|_| shape_of("latents"))?;
    let timestep = about.timestep();
    let mut inputs = vec![("latents", Tensor::from(seen))];
    inputs.extend(timestep.as_ref().map(|timestep| ("timestep", aview1(timestep).into())));
    let outputs = pipeline.session("vae_decoder_stem")?.run(&inputs, cancel)?;
    let scale = about.feature_scale;
    let shape = LatentShape {
        frames: scale * (frames - 1) + 1,
        height: scale * height,
        width: scale * width,
        ..latents.shape
    };
    Latents::made(&outputs.view("features")?, shape)
}

/// [`fine_features`] to a latent, along each side.
pub(super) fn fine_scale(manifest: &PackManifest) -> usize {
    settings::<Settings>(manifest).map_or(1, |about| about.feature_scale.saturating_mul(2))
}

/// [`features`] twice as fine, in time too. What follows looks no further than a few positions, and can
/// be cut.
pub(super) fn fine_features(
    pipeline: &VideoPipeline,
    latents: &Latents,
    cancel: &Cancel,
) -> Result<Latents> {
    let features = features(pipeline, latents, cancel)?;
    let networks = Decoders::passing(pipeline);
    let mut middle = Half::open(&networks, false, features.shape.frames, 0)?;
    let mut fine = Latents { values: Vec::new(), shape: twice(features.shape) };
    while !middle.is_done() {
        let (begin, made) = middle.feed(&features, cancel)?;
        let made = made.view(FINE)?.into_dimensionality::<Ix5>().map_err(|_| shape_of(FINE))?;
        if fine.values.is_empty() {
            fine.shape.channels = made.len_of(Axis(1));
            fine.values = vec![0.0; fine.shape.len()];
        }
        for (frame, place) in within(begin, made.len_of(Axis(2)), fine.shape.frames) {
            let made = made.index_axis(Axis(0), 0);
            let frame: Vec<f32> = made.index_axis(Axis(1), frame).iter().copied().collect();
            if frame.len() != fine.shape.channels * fine.shape.area() {
                return Err(shape_of(FINE));
            }
            put_frame(&mut fine.values, &frame, place, fine.shape);
        }
    }
    Ok(fine)
}

/// The size that an upsampler makes of this; of a clip's first frame it makes one.
fn twice(shape: LatentShape) -> LatentShape {
    let LatentShape { frames, height, width, .. } = shape;
    LatentShape { frames: 2 * frames - 1, height: 2 * height, width: 2 * width, ..shape }
}

/// Of so many frames, the first of which has its place at `begin`, those within a clip: number and place.
fn within(begin: isize, frames: usize, of: usize) -> impl Iterator<Item = (usize, usize)> {
    let place = move |number: usize| usize::try_from(begin + number as isize).ok();
    (0..frames)
        .filter_map(move |number| Some((number, place(number)?)))
        .filter(move |(_, place)| *place < of)
}

/// What comes out of the middle.
const FINE: &str = "fine_features";

/// Half of what follows the stem: twice as many frames come out as go in, twice as wide and high.
///
/// Its convolutions look ahead, so that what comes out lags behind what goes in; the first frames that
/// come out lie before the clip, and the last come when others have gone in behind it.
struct Half<'p> {
    network: Remembering<'p>,
    about: Settings,
    last: bool,
    /// The clip's frames that go in.
    count: usize,
    /// The place of the next that goes in.
    next: isize,
}

impl<'p> Half<'p> {
    /// `last`: the one that gives pictures. `next`: the place of the first frame that will go in.
    fn open(networks: &Arc<Decoders<'p>>, last: bool, count: usize, next: isize) -> Result<Self> {
        let role = if last { "vae_decoder" } else { "vae_decoder_middle" };
        let network = Remembering::new(Arc::clone(networks), role, true);
        Ok(Self { network, about: networks.pipeline.settings()?, last, count, next })
    }

    /// The place of the next frame that comes out.
    fn place(&self) -> isize {
        2 * self.next - self.about.decoder_lags[usize::from(self.last)] as isize
    }

    /// How many of the clip's frames come out.
    fn frames(&self) -> usize {
        2 * self.count - 1
    }

    fn is_done(&self) -> bool {
        self.place() >= self.frames() as isize
    }

    /// Puts the clip's next frames in, behind the last any; gives what comes out, and the place of its first.
    fn feed(&mut self, clip: &Latents, cancel: &Cancel) -> Result<(isize, Kept)> {
        let LatentShape { channels, frames, height, width, .. } = clip.shape;
        let all = ArrayView5::from_shape((1, channels, frames, height, width), &clip.values)
            .map_err(|_| shape_of("features"))?;
        let step = self.about.decoder_step << usize::from(self.last);
        let those = self.next..self.next + step as isize;
        let those: Vec<_> = those.map(|at| at.clamp(0, frames as isize - 1) as usize).collect();
        self.run(all.select(Axis(2), &those).into_dyn().view(), cancel)
    }

    fn run(&mut self, frames: ArrayViewD<'_, f32>, cancel: &Cancel) -> Result<(isize, Kept)> {
        let (name, wanted) = if self.last { (FINE, "frames") } else { ("features", FINE) };
        let count = frames.len_of(Axis(2));
        let timestep = self.about.timestep();
        let position = Array1::from_elem(1, self.next as i64);
        let length = Array1::from_elem(1, self.count as i64);
        let mut inputs = vec![
            (name, Tensor::F32(frames)),
            ("position", (&position).into()),
            ("count", (&length).into()),
        ];
        inputs.extend(timestep.as_ref().map(|timestep| ("timestep", aview1(timestep).into())));
        let made = self.network.run(&inputs, wanted, cancel)?;
        if made.side(2) != Some(2 * count) {
            return Err(shape_of(wanted));
        }
        let place = self.place();
        self.next += count as isize;
        Ok((place, made))
    }
}

/// The frames of a clip, decoded as they are asked for.
pub(super) struct Frames<'p> {
    pipeline: &'p VideoPipeline,
    /// What the stem has still to see.
    latents: Option<Latents>,
    /// The stem's features or, without a middle, fine ones.
    features: Latents,
    middle: Option<Half<'p>>,
    last: Half<'p>,
    ready: VecDeque<Picture>,
}

impl<'p> Frames<'p> {
    pub(super) fn open(networks: &Arc<Decoders<'p>>, latents: Latents) -> Result<Self> {
        let about: Settings = networks.pipeline.settings()?;
        let count = about.feature_scale * (latents.shape.frames - 1) + 1;
        let middle = Half::open(networks, false, count, 0)?;
        let last = Half::open(networks, true, middle.frames(), middle.place())?;
        let empty = LatentShape { frames: 0, ..latents.shape };
        Ok(Self {
            pipeline: networks.pipeline,
            latents: Some(latents),
            features: Latents { values: Vec::new(), shape: empty },
            middle: Some(middle),
            last,
            ready: VecDeque::new(),
        })
    }

    /// Of what [`fine_features`] gave, or of strips of it.
    pub(super) fn of_features(networks: &Arc<Decoders<'p>>, features: Latents) -> Result<Self> {
        let last = Half::open(networks, true, features.shape.frames, 0)?;
        let pipeline = networks.pipeline;
        Ok(Self { pipeline, latents: None, features, middle: None, last, ready: VecDeque::new() })
    }
}

impl FrameSource for Frames<'_> {
    fn next(&mut self, cancel: &Cancel) -> Result<Option<Picture>> {
        if let Some(latents) = self.latents.take() {
            self.features = features(self.pipeline, &latents, cancel)?;
        }
        while self.ready.is_empty() && !self.last.is_done() {
            let (begin, pixels) = match &mut self.middle {
                Some(middle) => {
                    let (_, fine) = middle.feed(&self.features, cancel)?;
                    self.last.run(fine.view(FINE)?, cancel)?
                }
                None => self.last.feed(&self.features, cancel)?,
            };
            let pixels = pixels.view("frames")?.into_dimensionality::<Ix5>();
            let pixels = pixels.map_err(|_| shape_of("frames"))?;
            let clip = pixels.index_axis(Axis(0), 0);
            let those = within(begin, clip.len_of(Axis(1)), self.last.frames());
            self.ready
                .extend(those.map(|(number, _)| frames::picture(clip.index_axis(Axis(1), number))));
        }
        Ok(self.ready.pop_front())
    }
}
