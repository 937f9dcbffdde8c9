//! From clean latents to pictures, one after another.

use std::sync::Arc;

use ndarray::ArrayView3;
use zeroize::Zeroizing;

use super::decoders::Decoders;
use super::draws::Draws;
use super::tiles::{Spans, Tiled};
use super::{Latents, VideoPipeline, ltx, svd, wan};
use crate::error::Result;
use crate::pack::{Family, PackManifest};
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
        let spatial = self.manifest().latents.spatial as usize;
        let spans = Spans::strips(latents.shape.longer(), spatial);
        match self.manifest().family {
            Family::Ltx => {
                let parts = ltx::parts(latents.shape.frames);
                Ok(Box::new(ltx::Chunked::new(self, latents, spans, &parts)))
            }
            _ => Ok(Box::new(Tiled::new(Decoders::staying(self), latents, spans))),
        }
    }
}

/// The frames of these latents, none of them cut.
fn whole<'p>(networks: &Arc<Decoders<'p>>, latents: Latents) -> Result<Box<dyn FrameSource + 'p>> {
    Ok(match networks.pipeline.manifest().family {
        Family::Svd => Box::new(svd::Frames::open(networks, latents)?),
        Family::Wan => Box::new(wan::Frames::open(networks, latents)?),
        Family::Ltx => Box::new(ltx::Frames::open(networks, latents)?),
    })
}

/// What sees whole frames goes before the strips.
pub(super) fn before_strips(
    pipeline: &VideoPipeline,
    latents: Latents,
    cancel: &Cancel,
) -> Result<Latents> {
    match pipeline.manifest().family {
        Family::Wan => wan::features(pipeline, &latents, cancel),
        Family::Svd | Family::Ltx => Ok(latents),
    }
}

/// The frames of a strip of what [`before_strips`] gave.
pub(super) fn strip<'p>(
    networks: &Arc<Decoders<'p>>,
    strip: Latents,
) -> Result<Box<dyn FrameSource + 'p>> {
    match networks.pipeline.manifest().family {
        Family::Wan => Ok(Box::new(wan::Frames::of_features(networks, strip)?)),
        Family::Svd | Family::Ltx => whole(networks, strip),
    }
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

/// The parts of a tiled clip of that width, height and number of frames: latent frames, and positions in
/// each.
pub(crate) fn strips(
    manifest: &PackManifest,
    [width, height, frames]: [u32; 3],
) -> Vec<(usize, usize)> {
    let spatial = manifest.latents.spatial;
    let (width, height) = ((width / spatial) as usize, (height / spatial) as usize);
    let frames = (frames.saturating_sub(1) / manifest.latents.temporal + 1) as usize;
    let strips = Spans::strips(width.max(height), spatial as usize);
    let parts = match manifest.family {
        Family::Ltx => ltx::parts(frames),
        _ => Spans::even(frames, 1, 0),
    };
    let shorter = width.min(height);
    parts
        .iter()
        .flat_map(|part| strips.iter().map(move |strip| (part.len(), strip.len() * shorter)))
        .collect()
}

/// Bytes that wait while a tiled clip is decoded: finished strips, and what saw whole frames.
pub(crate) fn waiting(manifest: &PackManifest, [width, height, frames]: [u32; 3]) -> f64 {
    let pixels = f64::from(width) * f64::from(height);
    let latents = &manifest.latents;
    let parts = strips(manifest, [width, height, frames]);
    let longest = parts.iter().map(|(frames, _)| *frames).max().unwrap_or(0);
    let pictures = match manifest.family {
        // Part by part in time.
        Family::Ltx => (longest * latents.temporal as usize) as f64,
        _ => f64::from(frames),
    };
    let features = wan::feature_channels(manifest).map_or(0.0, |channels| {
        let positions = longest as f64 * pixels / f64::from(latents.spatial).powi(2);
        channels as f64 * positions * size_of::<f32>() as f64
    });
    3.0 * pixels * pictures + features
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
