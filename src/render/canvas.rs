//! The photo as the warp samples it: four lanes a pixel, in the colour space of the encoder.

use zeroize::Zeroize;

use super::colour::{CHROMA_OFFSET, LUMA_OFFSET, ycbcr_from_rgb};
use super::resize::resize;
use crate::error::Result;
use crate::photo::Photo;

/// What the three first lanes of a [`Canvas`] pixel hold, black at zero.
///
/// Interpolation is linear, so warping Y'CbCr and converting once is the same as converting each
/// warped frame, at a fraction of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColourSpace {
    /// R, G, B in 0–255.
    Rgb,
    /// BT.709 limited range less its offsets: Y' in 0–219, Cb and Cr in −112–112.
    Bt709,
}

/// A picture of the clip's size that frames are sampled from.
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) space: ColourSpace,
    /// (H, W) pixels; the fourth lane is unused and keeps a pixel one SIMD register wide.
    pub(crate) pixels: Vec<[f32; 4]>,
}

impl Canvas {
    /// Resizes `photo` to `width` × `height` (Lanczos, antialiased) and converts it.
    pub(crate) fn new(
        photo: &Photo,
        width: usize,
        height: usize,
        space: ColourSpace,
    ) -> Result<Self> {
        let mut resized = resize(photo, (width, height))?;
        let pixels = resized
            .chunks_exact(3)
            .map(|p| {
                let rgb = [f32::from(p[0]), f32::from(p[1]), f32::from(p[2])];
                let [a, b, c] = match space {
                    ColourSpace::Rgb => rgb,
                    ColourSpace::Bt709 => {
                        let [y, cb, cr] = ycbcr_from_rgb(rgb);
                        [y - LUMA_OFFSET, cb - CHROMA_OFFSET, cr - CHROMA_OFFSET]
                    }
                };
                [a, b, c, 0.0]
            })
            .collect();
        resized.zeroize();
        Ok(Self { width, height, space, pixels })
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        self.pixels.zeroize();
    }
}
