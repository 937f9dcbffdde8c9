//! A photo as what encoders take.

use ndarray::{Array4, ArrayView4, Axis, s};
use zeroize::Zeroizing;

use super::texts::shape;
use crate::error::Result;
use crate::photo::Photo;
use crate::render::resize;

/// A photo at its clip's size, RGB, 8 bits a channel; wiped when dropped.
pub(crate) struct ClipPicture(Zeroizing<Vec<u8>>);

impl ClipPicture {
    /// Draws `photo` at a clip's size; what does not fit its proportions is cut off on both sides.
    ///
    /// # Errors
    /// `internal.resize`.
    pub(crate) fn of(photo: &Photo, width: u32, height: u32) -> Result<Self> {
        resize::covering(photo, (width as usize, height as usize)).map(Self)
    }

    /// Pixels that are at the clip's size already, rows from the top.
    pub(crate) fn from_rgb(rgb: Vec<u8>) -> Self {
        Self(Zeroizing::new(rgb))
    }

    /// The pixels, for checkpoints.
    #[cfg(feature = "vault")]
    pub(crate) fn rgb(&self) -> &[u8] {
        &self.0
    }

    /// (1, 3, H, W) in −1..1.
    ///
    /// # Errors
    /// `model.output` where the clip has another size.
    pub(super) fn pixels(&self, width: u32, height: u32) -> Result<Array4<f32>> {
        let (width, height) = (width as usize, height as usize);
        let rgb = &self.0;
        if rgb.len() != 3 * width * height {
            return Err(shape("image"));
        }
        Ok(Array4::from_shape_fn((1, 3, height, width), |(_, channel, y, x)| {
            f32::from(rgb[3 * (y * width + x) + channel]) / 127.5 - 1.0
        }))
    }
}

/// A picture, (1, 3, H, W) in −1..1, as CLIP's picture encoders were shown theirs, (1, 3, side, side):
/// the middle, bicubic, in shares of 255 less `mean`, over `std`.
///
/// The cubic of Keys (1981) with a = −0.5, widened where the picture shrinks, rounded to 8 bits across and
/// then down: what Pillow computes.
pub(super) fn middle(
    picture: &Array4<f32>,
    side: usize,
    mean: [f32; 3],
    std: [f32; 3],
) -> Array4<f32> {
    let (_, _, height, width) = picture.dim();
    // What is left over of a pixel falls away, as in transformers.
    let scaled = |length: usize| length * side / height.min(width);
    let round = |value: f32| value.round().clamp(0.0, 255.0);
    let codes = picture.mapv(|value| round((value / 2.0 + 0.5) * 255.0));
    let across = resampled(&codes, Axis(3), &widened(width, scaled(width))).mapv_into(round);
    let down = resampled(&across, Axis(2), &widened(height, scaled(height))).mapv_into(round);
    let (left, top) = ((scaled(width) - side) / 2, (scaled(height) - side) / 2);
    let mut middle = down
        .slice(s![.., .., top..top + side, left..left + side])
        .as_standard_layout()
        .into_owned();
    for (channel, mut plane) in middle.axis_iter_mut(Axis(1)).enumerate() {
        plane.mapv_inplace(|code| (code / 255.0 - mean[channel]) / std[channel]);
    }
    middle
}

/// One frame of a video, (1, 3, 1, H, W).
pub(super) fn as_video<'p>(pixels: &'p Array4<f32>) -> ndarray::ArrayViewD<'p, f32> {
    let view: ArrayView4<'p, f32> = pixels.view();
    view.insert_axis(Axis(2)).into_dyn()
}

/// A picture, (1, 3, H, W), as SVD's picture encoder was shown its photos: blurred where it shrinks,
/// then bicubic with the corner pixels in the corners, (1, 3, side, side).
///
/// Gauss with σ = (length / side − 1) / 2 over 4σ taps, mirrored at the edges, and the cubic of Keys
/// (1981) with a = −0.75: what `StableVideoDiffusionPipeline` of diffusers computes.
pub(super) fn aligned(picture: &Array4<f32>, side: usize) -> Array4<f32> {
    let (_, _, height, width) = picture.dim();
    let across = resampled(picture, Axis(3), &blurred(width, side));
    resampled(&across, Axis(2), &blurred(height, side))
}

/// For each pixel of a line, those of another line that make it, and how much of them.
type Taps = Vec<Vec<(usize, f32)>>;

fn resampled(picture: &Array4<f32>, axis: Axis, taps: &Taps) -> Array4<f32> {
    let mut size = picture.raw_dim();
    size[axis.index()] = taps.len();
    let mut out = Array4::zeros(size);
    for (mut to, taps) in out.axis_iter_mut(axis).zip(taps) {
        for (at, weight) in taps {
            to.scaled_add(*weight, &picture.index_axis(axis, *at));
        }
    }
    out
}

/// A cubic that is as wide as its pixels are apart.
fn widened(length: usize, side: usize) -> Taps {
    let step = length as f64 / side as f64;
    let wide = step.max(1.0);
    let cubic = |x: f64| {
        const A: f64 = -0.5;
        match x.abs() {
            x if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            _ => 0.0,
        }
    };
    (0..side)
        .map(|pixel| {
            let middle = (pixel as f64 + 0.5) * step;
            let first = ((middle - 2.0 * wide + 0.5).max(0.0)) as usize;
            let end = ((middle + 2.0 * wide + 0.5) as usize).min(length);
            let weights: Vec<f64> =
                (first..end).map(|at| cubic((at as f64 - middle + 0.5) / wide)).collect();
            let sum: f64 = weights.iter().sum();
            (first..end).zip(weights.iter().map(|weight| (weight / sum) as f32)).collect()
        })
        .collect()
}

/// A cubic over a blur, the corners in the corners.
fn blurred(length: usize, side: usize) -> Taps {
    let sigma = f32::max((length as f32 / side as f32 - 1.0) / 2.0, 0.001);
    let reach = ((4.0 * sigma).max(3.0) as usize | 1) / 2;
    let gauss: Vec<f32> = (0..=2 * reach)
        .map(|at| (-(at as f32 - reach as f32).powi(2) / (2.0 * sigma * sigma)).exp())
        .collect();
    let sum: f32 = gauss.iter().sum();
    let last = length as isize - 1;
    let mirrored = |at: isize| {
        let at = at.abs();
        (if at > last { 2 * last - at } else { at }).clamp(0, last) as usize
    };
    let step = if side > 1 { last as f32 / (side - 1) as f32 } else { 0.0 };
    (0..side)
        .map(|pixel| {
            let place = pixel as f32 * step;
            let part = place - place.floor();
            let mut taps = Vec::with_capacity(4 * gauss.len());
            for (number, weight) in cubic(part).into_iter().enumerate() {
                let middle = (place as isize + number as isize - 1).clamp(0, last);
                taps.extend(gauss.iter().enumerate().map(|(at, share)| {
                    (mirrored(middle + at as isize - reach as isize), weight * share / sum)
                }));
            }
            taps
        })
        .collect()
}

/// Weights of the four pixels around a place that is `part` of a pixel past the second.
fn cubic(part: f32) -> [f32; 4] {
    const A: f32 = -0.75;
    let near = |x: f32| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let far = |x: f32| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    [far(part + 1.0), near(part), near(1.0 - part), far(2.0 - part)]
}
