//! Wan 2.1 and 2.2 (Wan Team 2025, arXiv 2503.20314): words, and a photo where the pack takes one,
//! to video.
//!
//! Flow matching over the latents of a causal video autoencoder. Keys and values of the words do not
//! change from step to step; `condition` makes them once. The autoencoder works frame by frame with
//! what its causal convolutions remember, so that its memory does not grow with the clip.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ndarray::{Array1, Array3, Array4, ArrayView5, ArrayViewD, Axis, Ix5, s};
use serde::Deserialize;

use super::decoders::Decoders;
use super::draws::Draw;
use super::frames::{self, FrameSource, Picture};
use super::network::{Condition, Network};
use super::remembering::Remembering;
use super::texts::{Filling, shape as shape_of};
use super::{
    Denoising, LatentShape, Latents, VideoOrder, VideoPipeline, normalise, picture, prompts,
    put_frame, settings,
};
use crate::diffusion::{Denoiser, Estimates, GuidanceScale, Steps};
use crate::error::Result;
use crate::pack::PackManifest;
use crate::runtime::{Cancel, Kept, Tensor};

/// `family_settings` of a Wan pack.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Whether each token has a timestep of its own (Wan 2.2, 5B).
    expand_timesteps: bool,
    image_side: Option<usize>,
    image_mean: Option<[f32; 3]>,
    image_std: Option<[f32; 3]>,
    /// Tokens that words are filled up to, with zeros.
    text_length: usize,
    /// Latent frames, rows and columns to a token.
    patch: [usize; 3],
    /// Channels that say which frames are given (Wan 2.1 with a photo).
    mask_channels: usize,
    /// The share of all timesteps from which `denoiser_low` takes over (Wan 2.2, 14B).
    boundary: Option<f32>,
    /// Whether what a frame leaves for the next one may be written over what it found.
    #[serde(default)]
    caches_in_place: bool,
}

/// # Errors
/// `pack.component`, `pack.manifest`.
pub(super) fn check(manifest: &PackManifest) -> Result<()> {
    let about: Settings = settings(manifest)?;
    for role in ["text_encoder", "condition", "denoiser"] {
        manifest.component(role)?;
    }
    for part in [STEM, "vae_decoder"] {
        for which in ["first", "next"] {
            manifest.component(&format!("{part}_{which}"))?;
        }
    }
    if manifest.tasks.contains(&crate::pack::Task::ImageToVideo) {
        manifest.component("vae_encoder_first")?;
        if !about.expand_timesteps {
            manifest.component("vae_encoder_next")?;
        }
    }
    if about.boundary.is_some() {
        manifest.component("condition_low")?;
        manifest.component("denoiser_low")?;
    }
    if about.patch.contains(&0) || about.text_length == 0 {
        return Err(crate::Error::Model(crate::Detail::new(
            "pack.manifest",
            "patch and text_length in pack.json have to be 1 or more: export the pack anew",
        )));
    }
    Ok(())
}

pub(super) fn latents(job: &mut Denoising<'_>) -> Result<Vec<f32>> {
    let Denoising { pipeline, order, shape, cancel, .. } = *job;
    let about: Settings = pipeline.settings()?;
    let patch = about.patch;
    let tokens = [shape.frames / patch[0], shape.height / patch[1], shape.width / patch[2]];
    let mut scheduler = pipeline.scheduler(Steps::Count(order.steps), tokens.iter().product())?;
    let sigma = scheduler.init_noise_sigma();
    let mut latents = job.begin(&mut *scheduler, || {
        let mut noise = order.draws.take(Draw::Latents, shape.len());
        noise.iter_mut().for_each(|value| *value *= sigma);
        noise
    })?;
    let of = scheduler.timesteps().len();
    let boundary = about.boundary.map_or(f32::MIN, |share| share * TIMESTEPS);
    let change = scheduler.timesteps().iter().position(|t| *t < boundary).unwrap_or(of);
    let known = known_latents(pipeline, order, &about, shape, cancel)?;
    let asked = if job.left(0..of).is_empty() {
        None
    } else {
        let open = || pipeline.session("text_encoder");
        let words = pipeline.texts()?.of(&prompts(order), Filling::None, open, cancel)?;
        let words: Vec<_> =
            words.iter().map(|text| filled_up(&text.hidden, about.text_length)).collect();
        Some((words, photo_tokens(pipeline, order, &about, cancel)?))
    };
    let mut in_runtime = Duration::ZERO;
    for (suffix, steps) in [("", 0..change), ("_low", change..of)] {
        let (steps, Some((words, image))) = (job.left(steps), &asked) else { continue };
        if steps.is_empty() {
            continue;
        }
        let condition = format!("condition{suffix}");
        let conditions = conditions(pipeline, &condition, words, image.as_ref(), shape, cancel)?;
        let mut denoiser = WanDenoiser {
            network: Network::open(pipeline, &format!("denoiser{suffix}"), conditions, cancel)?,
            known: known.as_deref(),
            shape,
            tokens,
            about: &about,
            input: Vec::new(),
        };
        let guidance = GuidanceScale(order.guidance_scale);
        latents = job.run(&mut denoiser, &mut *scheduler, guidance, latents, steps)?;
        in_runtime += denoiser.network.spent();
    }
    job.tell(in_runtime);
    if let (true, Some(known)) = (about.expand_timesteps, &known) {
        put_frame(&mut latents, known, 0, shape);
    }
    Ok(latents)
}

/// Timesteps run from this to 0 (num_train_timesteps of every Wan model).
const TIMESTEPS: f32 = 1000.0;

/// Hidden states with zeros after them.
fn filled_up(hidden: &Array3<f32>, length: usize) -> Array3<f32> {
    let (_, tokens, width) = hidden.dim();
    let mut out = Array3::zeros((1, length, width));
    let tokens = tokens.min(length);
    out.slice_mut(s![.., ..tokens, ..]).assign(&hidden.slice(s![.., ..tokens, ..]));
    out
}

/// What the picture encoder sees of the photo, where the pack has one.
fn photo_tokens(
    pipeline: &VideoPipeline,
    order: &VideoOrder,
    about: &Settings,
    cancel: &Cancel,
) -> Result<Option<Kept>> {
    let (
        Some(photo),
        Settings { image_side: Some(side), image_mean: Some(mean), image_std: Some(std), .. },
    ) = (&order.photo, about)
    else {
        return Ok(None);
    };
    let pixels = photo.pixels(order.width, order.height)?;
    let pixels = picture::middle(&pixels, *side, *mean, *std);
    let outputs =
        pipeline.session("image_encoder")?.run(&[("pixels", (&pixels).into())], cancel)?;
    Ok(outputs.keep().into_iter().find(|(name, _)| name == "hidden").map(|(_, kept)| kept))
}

/// What does not change from step to step, for each of the prompts.
fn conditions(
    pipeline: &VideoPipeline,
    role: &str,
    words: &[Array3<f32>],
    image: Option<&Kept>,
    shape: LatentShape,
    cancel: &Cancel,
) -> Result<Vec<Condition>> {
    let session = pipeline.session(role)?;
    let size = Array1::from_vec(
        [shape.frames, shape.height, shape.width].map(|side| side as i64).to_vec(),
    );
    words
        .iter()
        .map(|words| {
            let mut inputs = vec![("text", Tensor::from(words)), ("latents_size", (&size).into())];
            inputs.extend(image.map(|image| ("image", image.into())));
            Ok(session.run(&inputs, cancel)?.keep())
        })
        .collect()
}

/// The photo's latents, normalised: its frame alone, or the whole clip's with grey after the photo.
fn known_latents(
    pipeline: &VideoPipeline,
    order: &VideoOrder,
    about: &Settings,
    shape: LatentShape,
    cancel: &Cancel,
) -> Result<Option<Vec<f32>>> {
    let Some(photo) = &order.photo else { return Ok(None) };
    let frames = if about.expand_timesteps { 1 } else { shape.frames };
    let shape = LatentShape { frames, ..shape };
    let mut latents = vec![0.0; shape.len()];
    let first = photo.pixels(order.width, order.height)?;
    let later = pipeline.manifest().latents.temporal as usize;
    let grey = Array4::<f32>::zeros((3, later, order.height as usize, order.width as usize));
    let grey = grey.insert_axis(Axis(0));
    let mut encoder =
        Remembering::new(Decoders::passing(pipeline), "vae_encoder", about.caches_in_place);
    for frame in 0..frames {
        let image = if frame == 0 { picture::as_video(&first) } else { grey.view().into_dyn() };
        let mean = encoder.run(&[("image", Tensor::F32(image))], "moments_mean", cancel)?;
        let mean = mean.view("moments_mean")?;
        let mean = mean.as_slice().ok_or_else(|| shape_of("moments_mean"))?;
        if mean.len() != shape.channels * shape.area() {
            return Err(shape_of("moments_mean"));
        }
        put_frame(&mut latents, mean, frame, shape);
    }
    normalise(&mut latents, shape, pipeline.manifest());
    Ok(Some(latents))
}

/// The transformer.
struct WanDenoiser<'a> {
    network: Network<'a>,
    /// The photo's latents.
    known: Option<&'a [f32]>,
    shape: LatentShape,
    /// Tokens in time, down and across.
    tokens: [usize; 3],
    about: &'a Settings,
    /// Latents beside what is known of them.
    input: Vec<f32>,
}

impl Denoiser for WanDenoiser<'_> {
    fn estimate(&mut self, latents: &[f32], timestep: f32) -> Result<Estimates> {
        let LatentShape { channels, frames, height, width, .. } = self.shape;
        let mut channels_in = channels;
        let mut timesteps = vec![timestep];
        if self.about.expand_timesteps {
            let [frames, down, across] = self.tokens;
            timesteps = vec![timestep; frames * down * across];
        }
        let mut seen = latents;
        if let Some(known) = self.known {
            self.input.clear();
            self.input.extend_from_slice(latents);
            if self.about.expand_timesteps {
                // No noise is left in the photo's frame.
                put_frame(&mut self.input, known, 0, self.shape);
                timesteps[..self.tokens[1] * self.tokens[2]].fill(0.0);
            } else {
                let mask = [
                    vec![1.0; self.shape.area()],
                    vec![0.0; self.shape.volume() - self.shape.area()],
                ];
                let mask = mask.concat().repeat(self.about.mask_channels);
                self.input.extend_from_slice(&mask);
                self.input.extend_from_slice(known);
                channels_in += self.about.mask_channels + channels;
            }
            seen = &self.input;
        }
        let seen = ArrayView5::from_shape((1, channels_in, frames, height, width), seen)
            .map_err(|_| shape_of("latents"))?;
        let timestep = if self.about.expand_timesteps {
            Array1::from_vec(timesteps).insert_axis(Axis(0)).into_dyn()
        } else {
            Array1::from_vec(timesteps).into_dyn()
        };
        let inputs = [("latents", seen.into()), ("timestep", (&timestep).into())];
        self.network.estimates(&inputs, latents.len())
    }
}

/// What the decoder's stem makes of a clip's latents: as many frames of as many positions, in which
/// each position has seen the others. What follows looks no further than a few positions, and can be cut.
pub(super) fn features(
    pipeline: &VideoPipeline,
    latents: &Latents,
    cancel: &Cancel,
) -> Result<Latents> {
    let mut stem = causal(&Decoders::passing(pipeline), STEM)?;
    let mut features = Latents { values: Vec::new(), shape: latents.shape };
    for frame in 0..latents.shape.frames {
        let made = stem_features(&mut stem, latents, frame, cancel)?;
        if frame == 0 {
            features.shape.channels = made.len() / features.shape.area().max(1);
            features.values = vec![0.0; features.shape.len()];
        }
        if made.len() != features.shape.channels * features.shape.area() {
            return Err(shape_of("features"));
        }
        put_frame(&mut features.values, &made, frame, features.shape);
    }
    Ok(features)
}

const STEM: &str = "vae_decoder_stem";

/// The stem's features of the latents' next frame, (C, H, W).
fn stem_features(
    stem: &mut Remembering<'_>,
    latents: &Latents,
    frame: usize,
    cancel: &Cancel,
) -> Result<Vec<f32>> {
    let inputs = [("latents", Tensor::F32(latents.frame(frame)?))];
    let made = stem.run(&inputs, "features", cancel)?;
    let made = made.view("features")?;
    let area = latents.shape.area();
    if made.len() % area.max(1) != 0 || made.is_empty() {
        return Err(shape_of("features"));
    }
    Ok(made.iter().copied().collect())
}

/// Half of the causal autoencoder, through which frames go one after another.
fn causal<'p>(networks: &Arc<Decoders<'p>>, role: &'static str) -> Result<Remembering<'p>> {
    let about: Settings = networks.pipeline.settings()?;
    Ok(Remembering::new(Arc::clone(networks), role, about.caches_in_place))
}

/// The frames of a clip, decoded as they are asked for.
pub(super) struct Frames<'p> {
    /// None where the latents have been through it.
    stem: Option<Remembering<'p>>,
    decoder: Remembering<'p>,
    latents: Latents,
    /// Latent frames that were decoded.
    done: usize,
    ready: VecDeque<Picture>,
}

impl<'p> Frames<'p> {
    pub(super) fn open(networks: &Arc<Decoders<'p>>, latents: Latents) -> Result<Self> {
        let stem = Some(causal(networks, STEM)?);
        Ok(Self { stem, ..Self::of_features(networks, latents)? })
    }

    /// Of what [`features`] gave, or of strips of it.
    pub(super) fn of_features(networks: &Arc<Decoders<'p>>, latents: Latents) -> Result<Self> {
        let decoder = causal(networks, "vae_decoder")?;
        Ok(Self { stem: None, decoder, latents, done: 0, ready: VecDeque::new() })
    }
}

impl FrameSource for Frames<'_> {
    fn next(&mut self, cancel: &Cancel) -> Result<Option<Picture>> {
        let LatentShape { frames, height, width, .. } = self.latents.shape;
        if self.ready.is_empty() && self.done < frames {
            let pixels = match &mut self.stem {
                Some(stem) => {
                    let made = stem_features(stem, &self.latents, self.done, cancel)?;
                    let size = (1, made.len() / (height * width), 1, height, width);
                    let made =
                        ArrayView5::from_shape(size, &made).map_err(|_| shape_of("features"))?;
                    self.decoder.run(&[("features", made.into())], "frames", cancel)?
                }
                None => {
                    let made = Tensor::F32(self.latents.frame(self.done)?);
                    self.decoder.run(&[("features", made)], "frames", cancel)?
                }
            };
            let pixels = pixels.view("frames")?.into_dimensionality::<Ix5>();
            let pixels = pixels.map_err(|_| shape_of("frames"))?;
            let clip = pixels.index_axis(Axis(0), 0);
            self.ready.extend(clip.axis_iter(Axis(1)).map(frames::picture));
            self.done += 1;
        }
        Ok(self.ready.pop_front())
    }
}

impl Latents {
    /// One frame, (1, C, 1, H, W), where channels are the outermost axis.
    fn frame(&self, frame: usize) -> Result<ArrayViewD<'_, f32>> {
        let LatentShape { channels, frames, height, width, .. } = self.shape;
        let all = ArrayView5::from_shape((1, channels, frames, height, width), &self.values)
            .map_err(|_| shape_of("latents"))?;
        Ok(all.slice_move(s![.., .., frame..frame + 1, .., ..]).into_dyn())
    }
}
