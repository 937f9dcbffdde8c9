//! The colours of a face, coarsely: what a lid or a mouth is painted with.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::frame::FaceFrame;
use crate::photo::Photo;
use crate::render::colour::{KB, KG, KR};
use crate::render::crop::crop;
use crate::render::field::bilinear;

/// The swatch in the face's frame, in units, and the height of the eyes in it; in pixels a side.
const SIDE_UNITS: f32 = 3.6;
const EYE_LEVEL: f32 = 0.4;
const SIDE: usize = if cfg!(fuzzing) { 32 } else { 256 };

/// A face upright, (SIDE, SIDE) of R, G, B in 0–255. Wiped when it is dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Swatch {
    pixels: Vec<[f32; 3]>,
}

impl Swatch {
    /// `scale` is canvas pixels per photo pixel (x, y). None for a face without extent.
    pub(crate) fn new(photo: &Photo, frame: &FaceFrame, scale: [f32; 2]) -> Option<Self> {
        let tensor = crop(photo, &frame.crop(SIDE_UNITS, EYE_LEVEL, scale)?, SIDE);
        let mut planes = tensor.into_raw_vec_and_offset().0;
        let pixels = (0..SIDE * SIDE)
            .map(|i| std::array::from_fn(|c| 255.0 * planes[c * SIDE * SIDE + i]))
            .collect();
        planes.zeroize();
        Some(Self { pixels })
    }

    /// The colour at a point of the face's frame; the edge's outside.
    pub(crate) fn at(&self, [x, y]: [f32; 2]) -> [f32; 3] {
        let side = SIDE as f32;
        let (u, v) = (x / SIDE_UNITS + 0.5, y / SIDE_UNITS + EYE_LEVEL);
        bilinear(&self.pixels, SIDE, SIDE, u * side - 0.5, v * side - 0.5)
    }

    /// The mean colour of those points that are brighter than the share `low` of all of them, and
    /// not among the brightest `1 − high`: lashes, liner and creases left out, and highlights.
    pub(crate) fn tone(
        &self,
        points: impl Iterator<Item = [f32; 2]>,
        low: f32,
        high: f32,
    ) -> [f32; 3] {
        let mut colours: Vec<[f32; 3]> = points.map(|point| self.at(point)).collect();
        colours.sort_by(|a, b| luma(*a).total_cmp(&luma(*b)));
        let count = colours.len();
        let first = ((low * count as f32) as usize).min(count.saturating_sub(1));
        let last = ((high * count as f32).ceil() as usize).clamp(first, count);
        let chosen = &colours[first..last.max(first + 1).min(count)];
        let n = chosen.len().max(1) as f32;
        let sum = chosen.iter().fold([0.0; 3], |s, c| std::array::from_fn(|k| s[k] + c[k]));
        sum.map(|value| value / n)
    }
}

/// Luma of a colour, 0–255.
pub(crate) fn luma([r, g, b]: [f32; 3]) -> f32 {
    KR * r + KG * g + KB * b
}

/// Saturation of a colour as in HSV, 0–1.
pub(crate) fn saturation([r, g, b]: [f32; 3]) -> f32 {
    1.0 - r.min(g).min(b) / r.max(g).max(b).max(1.0)
}

#[cfg(test)]
impl Swatch {
    /// A swatch from a function of the face's frame, for tests of what is painted.
    pub(crate) fn from_fn(f: impl Fn([f32; 2]) -> [f32; 3]) -> Self {
        let at = |i: usize| (i as f32 + 0.5) / SIDE as f32;
        let pixels = (0..SIDE * SIDE)
            .map(|i| {
                let (u, v) = (at(i % SIDE), at(i / SIDE));
                f([(u - 0.5) * SIDE_UNITS, (v - EYE_LEVEL) * SIDE_UNITS])
            })
            .collect();
        Self { pixels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_leaves_lashes_and_highlights_out() {
        let swatch = Swatch::from_fn(|[x, _]| match (10.0 * x) as i32 {
            0 => [10.0; 3],
            9 => [250.0; 3],
            _ => [150.0, 100.0, 90.0],
        });
        let points = (0..40).map(|i| [0.01 + 0.0249 * i as f32, 0.0]);
        let [r, g, b] = swatch.tone(points, 0.3, 0.8);
        assert!((r - 150.0).abs() < 1.0 && (g - 100.0).abs() < 1.0 && (b - 90.0).abs() < 1.0);
    }
}
