//! From clean latents to pictures, one after another.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayView3};
use zeroize::Zeroizing;

use super::decoders::Decoders;
use super::draws::Draws;
use super::texts::shape as shape_of;
use super::tiles::{Spans, Tiled};
use super::{Latents, VideoPipeline, ltx, svd, wan};
use crate::error::Result;
use crate::pack::{Family, PackManifest, Size};
use crate::runtime::Cancel;

/// A frame, RGB, 8 bits a channel, rows from the top; wiped when dropped.
pub(crate) type Picture = Zeroizing<Vec<u8>>;

/// The frames of a clip, one after another.
pub(crate) trait FrameSource: Send {
    /// The next frame; `None` after the last.
    ///
    /// # Errors
    /// `runtime.run`, `model.output`, [`Error::Cancelled`](crate::Error::Cancelled).
    fn next(&mut self, cancel: &Cancel) -> Result<Option<Picture>>;
}

impl VideoPipeline {
    /// The frames of a clip that was denoised: each as a whole, or `tiled` in strips, which takes less
    /// memory and a little longer.
    ///
    /// # Errors
    /// `pack.*`.
    pub(crate) fn frames(
        &self,
        mut latents: Latents,
        draws: &Draws,
        tiled: bool,
    ) -> Result<Box<dyn FrameSource + '_>> {
        latents.denormalise(self.manifest());
        if self.manifest().family == Family::Ltx {
            ltx::add_noise(self, &mut latents, draws)?;
        }
        if !tiled {
            return whole(&Decoders::passing(self), latents);
        }
        let manifest = self.manifest();
        let scale = feature_scale(manifest);
        let strips = Spans::strips(
            scale * latents.shape.longer(),
            manifest.latents.spatial as usize / scale,
        );
        Ok(Box::new(Tiled::new(self, latents, strips)))
    }
}

/// The frames of these latents, none of them cut.
fn whole<'p>(networks: &Arc<Decoders<'p>>, latents: Latents) -> Result<Box<dyn FrameSource + 'p>> {
    Ok(match networks.pipeline.manifest().family {
        Family::Svd => Box::new(svd::Frames::new(networks, latents)),
        Family::Wan => Box::new(wan::Frames::open(networks, latents)?),
        Family::Ltx => Box::new(ltx::Frames::open(networks, latents)?),
    })
}

/// What a decoder makes of whole frames before they are cut.
pub(super) struct Uncut {
    pub(super) features: Latents,
    /// What SVD's group norms find in whole frames.
    statistics: Option<ArrayD<f32>>,
}

/// What sees whole frames goes before the strips.
pub(super) fn before_strips(
    pipeline: &VideoPipeline,
    latents: Latents,
    cancel: &Cancel,
) -> Result<Uncut> {
    let family = pipeline.manifest().family;
    let features = match family {
        Family::Wan => wan::features(pipeline, &latents, cancel)?,
        Family::Ltx => ltx::fine_features(pipeline, &latents, cancel)?,
        Family::Svd => svd::features(pipeline, &latents, cancel)?,
    };
    let statistics = match family {
        Family::Svd => Some(svd::statistics(pipeline, &features, cancel)?),
        Family::Wan | Family::Ltx => None,
    };
    Ok(Uncut { features, statistics })
}

/// The frames of a strip of what [`before_strips`] gave.
pub(super) fn strip<'s>(
    networks: &Arc<Decoders<'s>>,
    strip: Latents,
    uncut: &Uncut,
    cancel: &Cancel,
) -> Result<Box<dyn FrameSource + 's>> {
    Ok(match (networks.pipeline.manifest().family, &uncut.statistics) {
        (Family::Wan, _) => Box::new(wan::Frames::of_features(networks, strip)?),
        (Family::Ltx, _) => Box::new(ltx::Frames::of_features(networks, strip)?),
        (Family::Svd, Some(statistics)) => {
            Box::new(VecDeque::from(svd::strip(networks, &strip, statistics, cancel)?))
        }
        (Family::Svd, None) => return Err(shape_of("statistics")),
    })
}

impl FrameSource for VecDeque<Picture> {
    fn next(&mut self, _: &Cancel) -> Result<Option<Picture>> {
        Ok(self.pop_front())
    }
}

/// The parts of a clip that are decoded one after another, in latent frames.
pub(super) fn parts(manifest: &PackManifest, frames: usize) -> Vec<Range<usize>> {
    match manifest.family {
        Family::Svd => svd::chunks(manifest, frames),
        Family::Wan | Family::Ltx => std::iter::once(0..frames).collect(),
    }
}

/// Positions of what is cut into strips to a latent, along each side. 1 for a pack that says what cannot be:
/// a preflight asks before anybody has opened it.
pub(super) fn feature_scale(manifest: &PackManifest) -> usize {
    let scale = match manifest.family {
        Family::Svd => svd::feature_scale(manifest),
        Family::Ltx => ltx::fine_scale(manifest),
        Family::Wan => 1,
    };
    if suits(scale, manifest) { scale } else { 1 }
}

/// Whether a latent's pixels are a whole number for each of so many positions along a side.
pub(super) fn suits(scale: usize, manifest: &PackManifest) -> bool {
    scale > 0 && (manifest.latents.spatial as usize).is_multiple_of(scale)
}

/// How many of so many latent frames are in a decoder's memory at a time.
pub(crate) fn decoded_together(manifest: &PackManifest, frames: usize) -> usize {
    match manifest.family {
        Family::Svd => svd::decode_chunk(manifest).min(frames),
        Family::Ltx => frames,
        // One after another, with what is remembered of those before.
        Family::Wan => frames.min(2),
    }
}

/// What a tiled clip of that width, height and number of frames is decoded in: latent frames, and latent
/// positions in each. What SVD's norms are told of whole frames by is one of them.
pub(crate) fn strips(
    manifest: &PackManifest,
    [width, height, frames]: [u32; 3],
) -> Vec<(usize, usize)> {
    let (spatial, scale) = (manifest.latents.spatial as usize, feature_scale(manifest));
    let side = |pixels: u32| pixels as usize * scale / spatial;
    let (shorter, longer) = (side(width.min(height)), side(width.max(height)));
    let strips = Spans::strips(longer, spatial / scale);
    let parts = parts(manifest, manifest.latents.frames_of(frames));
    let area = |along: usize| (along * shorter).div_ceil(scale * scale);
    let sample = (manifest.family == Family::Svd).then(|| area(longer).div_ceil(svd::EVERY.pow(2)));
    let areas = strips.iter().map(|strip| area(strip.len()));
    let areas: Vec<_> = areas.chain(sample).collect();
    parts.iter().flat_map(|part| areas.iter().map(|area| (part.len(), *area))).collect()
}

/// Bytes that wait while a tiled clip is decoded: finished strips, and what saw whole frames.
pub(crate) fn waiting(manifest: &PackManifest, [width, height, frames]: [u32; 3]) -> f64 {
    let pixels = f64::from(width) * f64::from(height);
    let latents = &manifest.latents;
    let parts = parts(manifest, manifest.latents.frames_of(frames));
    let longest = parts.iter().map(Range::len).max().unwrap_or(0);
    let pictures = match manifest.family {
        Family::Svd => longest,
        Family::Wan | Family::Ltx => frames as usize,
    };
    let scale = feature_scale(manifest);
    // Where a family's features are finer than its latents, they are so in time, too.
    let times = if manifest.family == Family::Ltx { scale } else { 1 };
    let positions = pixels * ((scale as f64) / f64::from(latents.spatial)).powi(2);
    let features = feature_channels(manifest).map_or(0.0, |channels| {
        channels as f64 * positions * (longest * times * size_of::<f32>()) as f64
    });
    3.0 * pixels * pictures as f64 + features
}

/// Channels of what is cut into strips.
fn feature_channels(manifest: &PackManifest) -> Option<u64> {
    let (role, name) = match manifest.family {
        Family::Svd => ("vae_decoder_strip", "features"),
        Family::Wan => ("vae_decoder_first", "features"),
        Family::Ltx => ("vae_decoder_first", "fine_features"),
    };
    match manifest.components.get(role)?.inputs.get(name)?.shape.get(1)? {
        Size::Fixed(channels) => Some(*channels),
        Size::Named(_) => None,
    }
}

/// A frame of (3, H, W) in −1..1 as a picture.
pub(super) fn picture(frame: ArrayView3<'_, f32>) -> Picture {
    let (_, height, width) = frame.dim();
    let mut pixels = Zeroizing::new(vec![0; 3 * height * width]);
    for (y, row) in pixels.chunks_exact_mut(3 * width.max(1)).enumerate() {
        for (channel, values) in frame.outer_iter().enumerate() {
            let values = values.row(y);
            row.iter_mut().skip(channel).step_by(3).zip(values).for_each(|(to, v)| *to = code(*v));
        }
    }
    pixels
}

/// A value in −1..1 as 8 bits.
pub(super) fn code(value: f32) -> u8 {
    ((value / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0).round_ties_even() as u8
}
