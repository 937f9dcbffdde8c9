//! 256 colours for a photo: NeuQuant's palette, a lookup cube and ordered dithering.
//!
//! Ordered dithering depends on a pixel's place and colour alone, so what stands still in a clip
//! stays still; error diffusion would let it crawl.

use color_quant::NeuQuant;
use rayon::prelude::*;
use zeroize::Zeroizing;

/// Colours that a frame can show; the last index of the palette is kept for "as before".
pub(crate) const COLOURS: usize = 255;
/// The index that shows the frame before.
pub(crate) const TRANSPARENT: u8 = COLOURS as u8;

/// NeuQuant looks at one pixel in three of what it is given (1 to 30, its own measure).
const SAMPLE_FACTOR: i32 = 3;
/// Pixels that a palette is learnt from at most.
const SAMPLES: usize = 100_000;
/// Bits of each channel that the lookup cube tells apart.
const BITS: u32 = 6;
/// How far dithering moves a channel at most, in code values: about half the distance between
/// neighbouring colours of a portrait's palette.
const DITHER: i32 = 5;

/// A palette and the nearest of its colours for every colour.
pub(crate) struct Palette {
    /// RGB, [`COLOURS`] and the transparent one.
    colours: Vec<u8>,
    nearest: Vec<u8>,
}

impl Palette {
    /// Learns the colours of `pixels`, RGB8.
    pub(crate) fn learn(pixels: &[u8]) -> Self {
        let step = (pixels.len() / 3).div_ceil(SAMPLES).max(1);
        let mut samples = Zeroizing::new(Vec::with_capacity(SAMPLES * 4));
        for pixel in pixels.chunks_exact(3).step_by(step) {
            samples.extend_from_slice(&[pixel[0], pixel[1], pixel[2], 255]);
        }
        let mut colours = NeuQuant::new(SAMPLE_FACTOR, COLOURS, &samples).color_map_rgb();
        colours.extend([0, 0, 0]);
        let nearest = (0..1usize << (3 * BITS))
            .into_par_iter()
            .map(|cell| nearest(&colours[..COLOURS * 3], centre(cell)))
            .collect();
        Self { colours, nearest }
    }

    /// RGB triples, 256 of them.
    pub(crate) fn colours(&self) -> &[u8] {
        &self.colours
    }

    /// The index of each pixel of an RGB8 picture, dithered.
    pub(crate) fn map(&self, pixels: &[u8], width: usize, indices: &mut [u8]) {
        let rows = indices.par_chunks_mut(width).zip(pixels.par_chunks(width * 3));
        rows.enumerate().for_each(|(y, (indices, pixels))| {
            for (x, (index, pixel)) in indices.iter_mut().zip(pixels.chunks_exact(3)).enumerate() {
                let shift = threshold(x, y);
                let channel = |c: usize| (i32::from(pixel[c]) + shift).clamp(0, 255) as usize;
                *index = self.nearest[cell(channel(0), channel(1), channel(2))];
            }
        });
    }

    /// The mean squared error of a channel when `pixels` are shown in this palette, undithered;
    /// taken from one pixel in 16.
    pub(crate) fn error(&self, pixels: &[u8]) -> f64 {
        let (mut sum, mut count) = (0u64, 0u64);
        for pixel in pixels.chunks_exact(3).step_by(16) {
            let index = self.nearest[cell(pixel[0].into(), pixel[1].into(), pixel[2].into())];
            let colour = &self.colours[usize::from(index) * 3..][..3];
            let squares = pixel.iter().zip(colour).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2));
            sum += squares.sum::<u64>();
            count += 3;
        }
        sum as f64 / count.max(1) as f64
    }
}

fn cell(r: usize, g: usize, b: usize) -> usize {
    const DROPPED: u32 = 8 - BITS;
    (r >> DROPPED) << (2 * BITS) | (g >> DROPPED) << BITS | b >> DROPPED
}

/// The colour in the middle of a cell of the cube.
fn centre(cell: usize) -> [i32; 3] {
    const MASK: usize = (1 << BITS) - 1;
    const HALF: i32 = 1 << (8 - BITS - 1);
    [cell >> (2 * BITS), cell >> BITS & MASK, cell & MASK]
        .map(|part| ((part << (8 - BITS)) as i32) + HALF)
}

fn nearest(colours: &[u8], wanted: [i32; 3]) -> u8 {
    let distance = |colour: &[u8]| -> i32 {
        colour.iter().zip(wanted).map(|(&have, want)| (i32::from(have) - want).pow(2)).sum()
    };
    let best = colours.chunks_exact(3).enumerate().min_by_key(|(_, colour)| distance(colour));
    best.map_or(0, |(index, _)| index as u8)
}

/// Bayer's 8×8 matrix at (x, y), from −[`DITHER`] to +[`DITHER`].
fn threshold(x: usize, y: usize) -> i32 {
    // The matrix interleaves the bits of x ^ y and y, the least bit first.
    let (mixed, y) = ((x ^ y) as i32, y as i32);
    let bit = |value: i32, i: u32| value >> i & 1;
    let rank = (0..3).fold(0, |rank, i| rank << 2 | bit(mixed, i) << 1 | bit(y, i));
    (2 * rank - 63) * DITHER / 63
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_bayers() {
        let all: Vec<i32> = (0..64).map(|i| threshold(i % 8, i / 8)).collect();
        assert_eq!(all.iter().sum::<i32>(), 0);
        assert_eq!((all.iter().min(), all.iter().max()), (Some(&-DITHER), Some(&DITHER)));
        // Every quarter holds the same mean: the pattern has no coarse lumps.
        for (ox, oy) in [(0, 0), (4, 0), (0, 4), (4, 4)] {
            let quarter: i32 = (0..16).map(|i| threshold(ox + i % 4, oy + i / 4)).sum();
            assert!(quarter.abs() <= 8, "{quarter}");
        }
    }

    #[test]
    fn a_palette_shows_the_picture_it_was_learnt_from() {
        let pixels: Vec<u8> = (0..64 * 64u32)
            .flat_map(|i| [(i % 64) as u8 * 3, (i / 64) as u8 * 3, 90])
            .collect();
        let palette = Palette::learn(&pixels);
        assert_eq!(palette.colours().len(), 256 * 3);
        assert!(palette.error(&pixels) < 30.0, "{}", palette.error(&pixels));
        let mut indices = vec![0; 64 * 64];
        palette.map(&pixels, 64, &mut indices);
        assert!(indices.iter().all(|&index| index != TRANSPARENT));
    }
}
