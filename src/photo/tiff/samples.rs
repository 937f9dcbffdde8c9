//! Samples as TIFF packs them become whole ones over the full range.

use tiff::decoder::DecodingResult;
use zeroize::Zeroize;

use crate::error::Result;

use super::super::format::unsupported;
use super::super::raster::Samples;

/// How the decoded samples lie.
pub(super) struct Shape {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: usize,
    pub(super) bits: u8,
    /// One channel after the other instead of pixel by pixel.
    pub(super) planar: bool,
    /// Bytes from one channel to the next.
    pub(super) plane_stride: usize,
}

/// Interleaved samples of 8 or 16 bits, over the full range where `scaled`, else as stored.
pub(super) fn unpack(result: DecodingResult, shape: &Shape, scaled: bool) -> Result<Samples> {
    let samples = match result {
        DecodingResult::U8(values) if shape.bits == 8 => Samples::U8(interleave(values, shape, 1)),
        DecodingResult::U8(mut packed) if matches!(shape.bits, 1 | 2 | 4) && !shape.planar => {
            let values = unpack_bits(&packed, shape, scaled);
            packed.zeroize();
            Samples::U8(values)
        }
        DecodingResult::U16(values) if shape.bits == 16 => {
            Samples::U16(interleave(values, shape, 2))
        }
        DecodingResult::U32(values) if scaled => {
            Samples::U16(level(values, shape, 4, |v| v as f64))
        }
        DecodingResult::U64(values) if scaled => {
            Samples::U16(level(values, shape, 8, |v| v as f64))
        }
        DecodingResult::I8(values) if scaled => Samples::U16(level(values, shape, 1, f64::from)),
        DecodingResult::I16(values) if scaled => Samples::U16(level(values, shape, 2, f64::from)),
        DecodingResult::I32(values) if scaled => Samples::U16(level(values, shape, 4, f64::from)),
        DecodingResult::I64(values) if scaled => {
            Samples::U16(level(values, shape, 8, |v| v as f64))
        }
        DecodingResult::F16(values) if scaled => {
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            Samples::U16(level(values, shape, 2, f64::from))
        }
        DecodingResult::F32(values) if scaled => Samples::U16(level(values, shape, 4, f64::from)),
        DecodingResult::F64(values) if scaled => Samples::U16(level(values, shape, 8, |v| v)),
        _ => {
            let bits = shape.bits;
            return Err(unsupported(&format!("TIFF samples of {bits} bits are not read")));
        }
    };
    let held = match &samples {
        Samples::U8(values) => values.len(),
        Samples::U16(values) => values.len(),
    };
    if held < shape.width * shape.height * shape.channels {
        return Err(super::limits::damaged("the picture is shorter than it says"));
    }
    Ok(samples)
}

/// Planes become pixels; pixels stay as they are.
fn interleave<T: Copy + Default + Zeroize>(
    mut values: Vec<T>,
    shape: &Shape,
    bytes: usize,
) -> Vec<T> {
    if !shape.planar {
        return values;
    }
    let mut pixels = vec![T::default(); shape.width * shape.height * shape.channels];
    let plane = (shape.plane_stride / bytes).max(1);
    for (channel, plane) in values.chunks(plane).take(shape.channels).enumerate() {
        pixels
            .iter_mut()
            .skip(channel)
            .step_by(shape.channels)
            .zip(plane)
            .for_each(|(to, v)| *to = *v);
    }
    values.zeroize();
    pixels
}

/// Samples of 1, 2 or 4 bits, the first in the highest bits, each row on a byte's edge.
fn unpack_bits(packed: &[u8], shape: &Shape, scaled: bool) -> Vec<u8> {
    let (bits, per_row) = (usize::from(shape.bits), shape.width * shape.channels);
    let mask = (1u8 << bits) - 1;
    let scale = if scaled { 255 / mask } else { 1 };
    let mut values = Vec::with_capacity(per_row * shape.height);
    for row in packed.chunks_exact((per_row * bits).div_ceil(8)).take(shape.height) {
        values.extend((0..per_row).map(|n| {
            let bit = n * bits;
            ((row[bit / 8] >> (8 - bits - bit % 8)) & mask) * scale
        }));
    }
    values
}

/// Wide integers and floats, for which nothing says what white is: the least usual white that
/// holds the largest value (1, 255, 65535, else that value itself).
fn level<T: Copy + Default + Zeroize>(
    values: Vec<T>,
    shape: &Shape,
    bytes: usize,
    as_f64: impl Fn(T) -> f64,
) -> Vec<u16> {
    let mut values = interleave(values, shape, bytes);
    let peak = values.iter().map(|&v| as_f64(v)).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let white = [1.0, 255.0, 65535.0].into_iter().find(|&white| peak <= white).unwrap_or(peak);
    // `as` takes NaN to 0 and everything else to the nearest end.
    let levelled = values.iter().map(|&v| (as_f64(v) / white * 65535.0 + 0.5) as u16).collect();
    values.zeroize();
    levelled
}

/// The first `kept` of `channels` samples of each pixel.
pub(super) fn keep(samples: Samples, channels: usize, kept: usize) -> Samples {
    fn first<T: Copy>(values: &[T], channels: usize, kept: usize) -> Vec<T> {
        values.chunks_exact(channels).flat_map(|pixel| &pixel[..kept]).copied().collect()
    }
    if channels <= kept {
        return samples;
    }
    match &samples {
        Samples::U8(values) => Samples::U8(first(values, channels, kept)),
        Samples::U16(values) => Samples::U16(first(values, channels, kept)),
    }
}

/// Colours that were multiplied with alpha become straight ones.
pub(super) fn divide_by_alpha(samples: &mut Samples, channels: usize) {
    macro_rules! divide {
        ($values:expr, $max:expr) => {
            for pixel in $values.chunks_exact_mut(channels) {
                let alpha = u32::from(pixel[channels - 1]).max(1);
                for value in &mut pixel[..channels - 1] {
                    *value = (u32::from(*value) * $max / alpha).min($max) as _;
                }
            }
        };
    }
    match samples {
        Samples::U8(values) => divide!(values, 255),
        Samples::U16(values) => divide!(values, 65535),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(width: usize, height: usize, channels: usize, bits: u8) -> Shape {
        Shape { width, height, channels, bits, planar: false, plane_stride: 0 }
    }

    fn u8s(samples: &Samples) -> &[u8] {
        match samples {
            Samples::U8(values) => values,
            Samples::U16(_) => panic!("8 bits expected"),
        }
    }

    fn u16s(samples: &Samples) -> &[u16] {
        match samples {
            Samples::U16(values) => values,
            Samples::U8(_) => panic!("16 bits expected"),
        }
    }

    #[test]
    fn bits_fill_the_range_or_stay_indices() {
        let packed = || DecodingResult::U8(vec![0b1010_0000, 0b0100_0000]);
        let got = unpack(packed(), &shape(3, 2, 1, 1), true).unwrap();
        assert_eq!(u8s(&got), [255, 0, 255, 0, 255, 0]);
        let got = unpack(packed(), &shape(3, 2, 1, 2), false).unwrap();
        assert_eq!(u8s(&got), [2, 2, 0, 1, 0, 0]);
        assert!(unpack(packed(), &shape(3, 2, 1, 12), true).is_err());
        assert!(unpack(packed(), &shape(3, 3, 1, 1), true).is_err());
    }

    #[test]
    fn planes_become_pixels() {
        let planar = Shape { planar: true, plane_stride: 2, ..shape(2, 1, 3, 8) };
        let got = unpack(DecodingResult::U8(vec![1, 2, 3, 4, 5, 6]), &planar, true).unwrap();
        assert_eq!(u8s(&got), [1, 3, 5, 2, 4, 6]);
    }

    #[test]
    fn floats_find_their_white() {
        let level = |values: Vec<f32>| {
            let shape = shape(values.len(), 1, 1, 32);
            u16s(&unpack(DecodingResult::F32(values), &shape, true).unwrap()).to_vec()
        };
        assert_eq!(level(vec![0.0, 1.0, -1.0, f32::NAN]), [0, 65535, 0, 0]);
        assert_eq!(level(vec![0.0, 255.0]), [0, 65535]);
        assert_eq!(level(vec![f32::INFINITY, 1e30]), [65535, 65535]);
    }

    #[test]
    fn alpha_is_divided_out_and_extras_dropped() {
        let mut samples = keep(Samples::U8(vec![50, 0, 200, 128, 9, 1, 2, 3, 0, 9]), 5, 4);
        divide_by_alpha(&mut samples, 4);
        assert_eq!(u8s(&samples), [99, 0, 255, 128, 255, 255, 255, 0]);
    }
}
