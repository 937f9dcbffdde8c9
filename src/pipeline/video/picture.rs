//! A photo as what encoders take.

use ndarray::{Array4, ArrayView4, Axis};

use crate::error::Result;
use crate::photo::Photo;
use crate::render::resize;

/// The photo at the clip's size, (1, 3, H, W) in −1..1; what does not fit its proportions is cut off
/// on both sides.
pub(super) fn pixels(photo: &Photo, width: u32, height: u32) -> Result<Array4<f32>> {
    let rgb = resize::covering(photo, (width as usize, height as usize))?;
    Ok(normalised(&rgb, width as usize, height as usize, [0.5; 3], [0.5; 3]))
}

/// The photo as CLIP's picture encoders take it, (1, 3, side, side): the middle, bicubic, in shares
/// of 255 less `mean`, over `std`.
pub(super) fn clip_pixels(
    photo: &Photo,
    side: u32,
    mean: [f32; 3],
    std: [f32; 3],
) -> Result<Array4<f32>> {
    let rgb = resize::middle_square(photo, side as usize)?;
    Ok(normalised(&rgb, side as usize, side as usize, mean, std))
}

fn normalised(
    rgb: &[u8],
    width: usize,
    height: usize,
    mean: [f32; 3],
    std: [f32; 3],
) -> Array4<f32> {
    Array4::from_shape_fn((1, 3, height, width), |(_, channel, y, x)| {
        let share = f32::from(rgb[3 * (y * width + x) + channel]) / 255.0;
        (share - mean[channel]) / std[channel]
    })
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
    let across = resampled(picture, Axis(3), side);
    resampled(&across, Axis(2), side)
}

fn resampled(picture: &Array4<f32>, axis: Axis, side: usize) -> Array4<f32> {
    let mut size = picture.raw_dim();
    let length = size[axis.index()];
    let taps = taps(length, side);
    size[axis.index()] = side;
    let mut out = Array4::zeros(size);
    for (mut to, taps) in out.axis_iter_mut(axis).zip(&taps) {
        for (at, weight) in taps {
            to.scaled_add(*weight, &picture.index_axis(axis, *at));
        }
    }
    out
}

/// Which pixels of a line of `length` make each of `side`, and how much of them: a cubic over a blur.
fn taps(length: usize, side: usize) -> Vec<Vec<(usize, f32)>> {
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
