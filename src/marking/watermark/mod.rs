//! An invisible watermark in the luma of every frame, and its detector.
//!
//! The mark is a sum of plane waves that repeats every 256 pixels (spread spectrum, after Cox,
//! Kilian, Leighton and Shamoon, 1997): some waves have phases that never change and tell where the
//! tile lies and how large it is, the others carry the payload behind a convolutional code and a
//! checksum. It is the same in every frame, so that what a video codec keeps of one frame it keeps
//! of all, and weaker where the picture is smooth or dark.
//!
//! ```text
//! payload ─► code ─► waves ─► tile ─► embed (strength from the first frame) ─► frame + plane
//! frames ─► residual (what is not picture) ─► spectrum ─► detect (size, place) ─► code ─► payload
//! ```
//!
//! Anybody can read it and anybody can add it: it has no key. It says that a model made the frames;
//! it proves nothing to somebody who wants to forge or remove it.

mod code;
mod detect;
mod embed;
mod payload;
mod residual;
mod spectrum;
mod waves;

pub use detect::{WatermarkDetector, WatermarkReading};
pub(crate) use embed::Embedder;
pub use payload::{WatermarkModel, WatermarkPayload};

/// Pixels after which the mark repeats, before a clip's own size is taken into account.
const TILE: usize = 256;

/// How much larger than [`TILE`] the tile is in a clip of that size, so that a large clip, which is
/// mostly seen smaller, keeps its mark then: shorter side over 480, at least 1.
fn tile_scale(width: u32, height: u32) -> f32 {
    /// The shorter side up to which the tile has its own size.
    const SHORT_SIDE: f32 = 480.0;
    (width.min(height) as f32 / SHORT_SIDE).max(1.0)
}
