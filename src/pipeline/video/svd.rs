//! Stable Video Diffusion (Blattmann et al. 2023, arXiv 2311.15127): a photo to video, without words.
//!
//! v-prediction over the latents of a picture autoencoder whose decoder looks at neighbouring frames.
//! The photo comes in twice: as the picture encoder's embedding, and as latents beside each frame's,
//! of the photo with a little noise. Guidance grows from the first frame to the last.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array1, Array3, ArrayD, ArrayView4, ArrayView5, Axis, Ix4, aview1, s};
use serde::Deserialize;

use super::decoders::Decoders;
use super::draws::Draw;
use super::frames::{self, FrameSource, Picture};
use super::network::{Condition, Network};
use super::texts::shape as shape_of;
use super::{Denoising, LatentShape, Latents, VideoOrder, VideoPipeline, picture, settings};
use crate::diffusion::{Denoiser, Estimates, GuidanceScale, Steps};
use crate::error::{Detail, Error, Result};
use crate::pack::PackManifest;
use crate::runtime::{Cancel, Session, Tensor};

/// `family_settings` of an SVD pack.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// How much moves, as the model was told of its clips: 1 to 255.
    motion_bucket: f32,
    /// Standard deviation of the noise that is added to the photo.
    noise_augmentation: f32,
    /// Guidance of the first frame; a request's is that of the last.
    guidance_first: f32,
    guidance_last: f32,
    /// Frames that are decoded together.
    decode_chunk: usize,
    /// Features of the decoder's stem to a latent along each side.
    feature_scale: usize,
    image_side: usize,
    image_mean: [f32; 3],
    image_std: [f32; 3],
}

/// # Errors
/// `pack.component`, `pack.manifest`.
pub(super) fn check(manifest: &PackManifest) -> Result<()> {
    let about: Settings = settings(manifest)?;
    for role in ["image_encoder", "vae_encoder", "condition", "denoiser", "vae_decoder"] {
        manifest.component(role)?;
    }
    for part in ["stem", "statistics", "strip"] {
        manifest.component(&format!("vae_decoder_{part}"))?;
    }
    let numbers =
        [about.motion_bucket, about.noise_augmentation, about.guidance_first, about.guidance_last];
    if about.decode_chunk == 0
        || !frames::suits(about.feature_scale, manifest)
        || !(1..=1024).contains(&about.image_side)
        || numbers.iter().any(|n| !n.is_finite())
    {
        let message = "family_settings in pack.json are out of range: export the pack anew";
        return Err(Error::Model(Detail::new("pack.manifest", message)));
    }
    Ok(())
}

/// Frames that are decoded together.
pub(super) fn decode_chunk(manifest: &PackManifest) -> usize {
    settings::<Settings>(manifest).map_or(1, |about| about.decode_chunk)
}

pub(super) fn latents(job: &mut Denoising<'_>) -> Result<Vec<f32>> {
    let Denoising { pipeline, order, shape, cancel, .. } = *job;
    let about: Settings = pipeline.settings()?;
    let mut scheduler = pipeline.scheduler(Steps::Count(order.steps), shape.volume())?;
    let sigma = scheduler.init_noise_sigma();
    let latents = job.begin(&mut *scheduler, || {
        let mut noise = order.draws.take(Draw::Latents, shape.len());
        noise.iter_mut().for_each(|value| *value *= sigma);
        noise
    })?;
    let steps = job.left(0..scheduler.timesteps().len());
    if steps.is_empty() {
        return Ok(latents);
    }
    let Some(photo) = &order.photo else { return Err(shape_of("image")) };
    let pixels = photo.pixels(order.width, order.height)?;
    let embedding = embedding(pipeline, &pixels, &about, cancel)?;
    let image = image_latents(pipeline, order, pixels, &about, cancel)?;
    let guided = order.guidance_scale > 1.0;
    let conditions = conditions(pipeline, order, embedding, &about, guided, cancel)?;
    let mut denoiser = SvdDenoiser {
        network: Network::open(pipeline, "denoiser", conditions, cancel)?,
        nothing: vec![0.0; image.len()],
        image,
        guidance: Array1::linspace(about.guidance_first, order.guidance_scale, shape.frames),
        shape,
    };
    let latents = job.run(&mut denoiser, &mut *scheduler, GuidanceScale(1.0), latents, steps)?;
    job.tell(denoiser.network.spent());
    Ok(latents)
}

/// What the picture encoder sees in the photo, (1, 1, D).
fn embedding(
    pipeline: &VideoPipeline,
    pixels: &ndarray::Array4<f32>,
    about: &Settings,
    cancel: &Cancel,
) -> Result<Array3<f32>> {
    let mut seen = picture::aligned(pixels, about.image_side);
    for (channel, mut plane) in seen.axis_iter_mut(Axis(1)).enumerate() {
        let (mean, std) = (about.image_mean[channel], about.image_std[channel]);
        plane.mapv_inplace(|value| ((value + 1.0) / 2.0 - mean) / std);
    }
    let outputs = pipeline.session("image_encoder")?.run(&[("pixels", (&seen).into())], cancel)?;
    let view = outputs.view("embedding")?;
    let values: Vec<f32> = view.iter().copied().collect();
    Array3::from_shape_vec((1, 1, values.len()), values).map_err(|_| shape_of("embedding"))
}

/// Latents of the photo with its noise, (4, H, W).
fn image_latents(
    pipeline: &VideoPipeline,
    order: &VideoOrder,
    mut pixels: ndarray::Array4<f32>,
    about: &Settings,
    cancel: &Cancel,
) -> Result<Vec<f32>> {
    let noise = order.draws.take(Draw::Augmentation, pixels.len());
    pixels
        .iter_mut()
        .zip(noise)
        .for_each(|(value, noise)| *value += about.noise_augmentation * noise);
    let outputs = pipeline.session("vae_encoder")?.run(&[("image", (&pixels).into())], cancel)?;
    Ok(outputs.view("latents")?.iter().copied().collect())
}

/// What does not change from step to step: of the photo and, with guidance, of none.
fn conditions(
    pipeline: &VideoPipeline,
    order: &VideoOrder,
    embedding: Array3<f32>,
    about: &Settings,
    guided: bool,
    cancel: &Cancel,
) -> Result<Vec<Condition>> {
    let session = pipeline.session("condition")?;
    // The model counts frame rates from 0.
    let ids = [order.fps as f32 - 1.0, about.motion_bucket, about.noise_augmentation];
    let ids = aview1(&ids);
    let nothing = guided.then(|| Array3::zeros(embedding.raw_dim()));
    [Some(embedding), nothing]
        .into_iter()
        .flatten()
        .map(|embedding| {
            let inputs = [("embedding", Tensor::from(&embedding)), ("time_ids", ids.into())];
            Ok(session.run(&inputs, cancel)?.keep())
        })
        .collect()
}

/// The UNet.
struct SvdDenoiser<'a> {
    network: Network<'a>,
    /// The photo's latents, and as many zeros.
    image: Vec<f32>,
    nothing: Vec<f32>,
    /// One scale a frame.
    guidance: Array1<f32>,
    shape: LatentShape,
}

impl Denoiser for SvdDenoiser<'_> {
    fn estimate(&mut self, latents: &[f32], timestep: f32) -> Result<Estimates> {
        let LatentShape { channels, frames, height, width, .. } = self.shape;
        let seen = ArrayView5::from_shape((1, frames, channels, height, width), latents)
            .map_err(|_| shape_of("latents"))?;
        let timestep = [timestep];
        let predict = |number: usize, image: &[f32]| {
            let image = ArrayView4::from_shape((1, channels, height, width), image)
                .map_err(|_| shape_of("image_latents"))?;
            let inputs = [
                ("latents", seen.into()),
                ("image_latents", image.into()),
                ("timestep", aview1(&timestep).into()),
            ];
            self.network.predict(number, &inputs, latents.len())
        };
        let mut conditional = predict(0, &self.image)?.ok_or_else(|| shape_of("prediction"))?;
        if let Some(unconditional) = predict(1, &self.nothing)? {
            let frame = channels * self.shape.area();
            let pairs = conditional.chunks_exact_mut(frame).zip(unconditional.chunks_exact(frame));
            for ((with, without), scale) in pairs.zip(&self.guidance) {
                GuidanceScale(*scale).apply(with, without);
            }
        }
        Ok(Estimates { conditional, unconditional: None })
    }
}

/// Latent frames that are decoded together, one after another: what the decoder's temporal layers see of a
/// clip.
pub(super) fn chunks(manifest: &PackManifest, frames: usize) -> Vec<Range<usize>> {
    let chunk = decode_chunk(manifest).max(1);
    (0..frames).step_by(chunk).map(|begin| begin..(begin + chunk).min(frames)).collect()
}

/// Features that the decoder's stem makes of a latent, along each side.
pub(super) fn feature_scale(manifest: &PackManifest) -> usize {
    settings::<Settings>(manifest).map_or(1, |about| about.feature_scale)
}

/// What the decoder's stem makes of a chunk of latents. Each position has seen the whole frame.
pub(super) fn features(
    pipeline: &VideoPipeline,
    latents: &Latents,
    cancel: &Cancel,
) -> Result<Latents> {
    let LatentShape { channels, frames, height, width, .. } = latents.shape;
    let seen = ArrayView4::from_shape((frames, channels, height, width), &latents.values)
        .map_err(|_| shape_of("latents"))?;
    let outputs = pipeline.session("vae_decoder_stem")?.run(&[("latents", seen.into())], cancel)?;
    let scale = feature_scale(pipeline.manifest());
    let shape = LatentShape { height: scale * height, width: scale * width, ..latents.shape };
    Latents::made(&outputs.view("features")?, shape)
}

/// Of every so many rows and columns of features one tells the norms what whole frames are like.
pub(super) const EVERY: usize = 2;

/// What the group norms of the rest would find in whole frames, (norms, frames, 2, groups): means and
/// variances, nearly. No part of the frame is left out, which tells more than fewer squares that are whole.
pub(super) fn statistics(
    pipeline: &VideoPipeline,
    features: &Latents,
    cancel: &Cancel,
) -> Result<ArrayD<f32>> {
    let LatentShape { channels, frames, height, width, .. } = features.shape;
    let all = ArrayView4::from_shape((frames, channels, height, width), &features.values)
        .map_err(|_| shape_of("features"))?;
    let sample = all.slice(s![.., .., ..;EVERY, ..;EVERY]);
    let session = pipeline.session("vae_decoder_statistics")?;
    let outputs = session.run(&[("features", sample.into())], cancel)?;
    Ok(outputs.view("statistics")?.to_owned())
}

/// The frames of a strip of [`features`], whose norms take what [`statistics`] found.
pub(super) fn strip(
    networks: &Decoders<'_>,
    features: &Latents,
    statistics: &ArrayD<f32>,
    cancel: &Cancel,
) -> Result<Vec<Picture>> {
    let session = networks.open("vae_decoder_strip")?;
    pictures(&session, features, Some(statistics), cancel)
}

/// Runs what comes after the stem.
fn pictures(
    session: &Session,
    features: &Latents,
    statistics: Option<&ArrayD<f32>>,
    cancel: &Cancel,
) -> Result<Vec<Picture>> {
    let LatentShape { channels, frames, height, width, .. } = features.shape;
    let features = ArrayView4::from_shape((frames, channels, height, width), &features.values)
        .map_err(|_| shape_of("features"))?;
    let mut inputs = vec![("features", Tensor::from(features))];
    inputs.extend(statistics.map(|found| ("statistics", Tensor::F32(found.view()))));
    let outputs = session.run(&inputs, cancel)?;
    let pixels = outputs.view("frames")?.into_dimensionality::<Ix4>();
    let pixels = pixels.map_err(|_| shape_of("frames"))?;
    Ok(pixels.outer_iter().map(frames::picture).collect())
}

/// The frames of a clip, decoded some at a time.
pub(super) struct Frames<'p> {
    networks: Arc<Decoders<'p>>,
    decoder: Option<Arc<Session>>,
    latents: Latents,
    /// Those that are still to come.
    chunks: VecDeque<Range<usize>>,
    ready: VecDeque<Picture>,
}

impl<'p> Frames<'p> {
    pub(super) fn new(networks: &Arc<Decoders<'p>>, latents: Latents) -> Self {
        let chunks = chunks(networks.pipeline.manifest(), latents.shape.frames).into();
        let networks = Arc::clone(networks);
        Self { networks, decoder: None, latents, chunks, ready: VecDeque::new() }
    }
}

impl FrameSource for Frames<'_> {
    fn next(&mut self, cancel: &Cancel) -> Result<Option<Picture>> {
        if self.ready.is_empty()
            && let Some(chunk) = self.chunks.pop_front()
        {
            let latents = self.latents.frames(&chunk);
            let features = features(self.networks.pipeline, &latents, cancel)?;
            let decoder = match &mut self.decoder {
                Some(decoder) => decoder,
                none => none.insert(self.networks.open("vae_decoder")?),
            };
            self.ready.extend(pictures(decoder, &features, None, cancel)?);
        }
        Ok(self.ready.pop_front())
    }
}
