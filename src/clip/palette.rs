//! 256 colours for a photo: variance splitting, refined by Lloyd's iterations; ordered dithering.
//!
//! Ordered dithering depends on a pixel's place and colour alone, so what stands still in a clip
//! stays still; error diffusion would let it crawl.

use rayon::prelude::*;

/// Colours that a frame can show; the last index of the palette is kept for "as before".
pub(crate) const COLOURS: usize = 255;
/// The index that shows the frame before.
pub(crate) const TRANSPARENT: u8 = COLOURS as u8;

/// Bits of each channel that the colour cube tells apart.
const BITS: u32 = 6;
/// Lloyd's iterations: what comes after changes the error by less than a hundredth.
const ITERATIONS: usize = 6;
/// How far dithering moves a channel at most, in code values: about half the distance between
/// neighbouring colours of a portrait's palette.
const DITHER: i32 = 5;

/// A palette and the nearest of its colours for every colour.
pub(crate) struct Palette {
    /// RGB, [`COLOURS`] and the transparent one.
    colours: Vec<u8>,
    nearest: Vec<u8>,
}

type Colour = [f32; 3];

/// The pixels of a picture that fall into one cell of the colour cube.
#[derive(Clone, Copy)]
struct Cell {
    mean: Colour,
    weight: f32,
}

impl Palette {
    /// Learns the colours of `pixels`, RGB8.
    pub(crate) fn learn(pixels: &[u8]) -> Self {
        let mut cells = histogram(pixels);
        let mut means = split(&mut cells);
        for _ in 0..ITERATIONS {
            refine(&cells, &mut means);
        }
        let mut colours: Vec<u8> =
            means.iter().flatten().map(|&value| (value + 0.5) as u8).collect();
        let shown: Vec<Colour> =
            colours.chunks_exact(3).map(|c| [c[0].into(), c[1].into(), c[2].into()]).collect();
        let nearest = (0..1usize << (3 * BITS))
            .into_par_iter()
            .map(|cell| nearest(&shown, centre(cell)) as u8)
            .collect();
        colours.resize((COLOURS + 1) * 3, 0);
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
fn centre(cell: usize) -> Colour {
    const MASK: usize = (1 << BITS) - 1;
    const SIZE: f32 = (1 << (8 - BITS)) as f32;
    [cell >> (2 * BITS), cell >> BITS & MASK, cell & MASK]
        .map(|part| (part as f32 + 0.5) * SIZE - 0.5)
}

/// The cells of the cube that hold pixels.
fn histogram(pixels: &[u8]) -> Vec<Cell> {
    let mut sums = vec![[0u32; 4]; 1 << (3 * BITS)];
    for pixel in pixels.chunks_exact(3) {
        let [r, g, b] = [pixel[0], pixel[1], pixel[2]];
        let sum = &mut sums[cell(r.into(), g.into(), b.into())];
        let added = [r.into(), g.into(), b.into(), 1];
        sum.iter_mut().zip(added).for_each(|(sum, value)| *sum += value);
    }
    let held = sums.into_iter().filter(|sum| sum[3] > 0);
    held.map(|[r, g, b, count]| {
        let weight = count as f32;
        Cell { mean: [r, g, b].map(|sum| sum as f32 / weight), weight }
    })
    .collect()
}

/// At most [`COLOURS`] means: the group with the largest sum of squares along one channel is
/// split at its mean, again and again.
fn split(cells: &mut [Cell]) -> Vec<Colour> {
    let mut groups = vec![Group::of(cells)];
    while groups.len() < COLOURS {
        let spread = |group: &(usize, &Group)| group.1.squares;
        let widest = groups.iter().enumerate();
        let widest = widest.max_by(|a, b| spread(a).total_cmp(&spread(b))).map(|(at, _)| at);
        let Some(group) = widest.map(|at| groups.swap_remove(at)) else { break };
        if group.squares <= f64::EPSILON {
            groups.push(group);
            break;
        }
        let (channel, threshold) = (group.channel, group.mean[group.channel]);
        let cells = group.cells;
        cells.sort_by(|a, b| a.mean[channel].total_cmp(&b.mean[channel]));
        let middle = cells.partition_point(|cell| cell.mean[channel] < threshold);
        // Rounding may put the mean of nearly equal colours at an end.
        let (low, high) = cells.split_at_mut(middle.clamp(1, cells.len() - 1));
        groups.extend([Group::of(low), Group::of(high)]);
    }
    groups.iter().map(|group| group.mean).collect()
}

struct Group<'a> {
    cells: &'a mut [Cell],
    mean: Colour,
    /// The channel that varies most, and its weighted sum of squares; 0 for a single cell.
    channel: usize,
    squares: f64,
}

impl<'a> Group<'a> {
    fn of(cells: &'a mut [Cell]) -> Self {
        let weight: f64 = cells.iter().map(|cell| f64::from(cell.weight)).sum();
        let moment = |c: usize, power: i32| -> f64 {
            let value = |cell: &Cell| f64::from(cell.mean[c]).powi(power) * f64::from(cell.weight);
            cells.iter().map(value).sum()
        };
        let sums: [f64; 3] = std::array::from_fn(|c| moment(c, 1));
        let squares: [f64; 3] =
            std::array::from_fn(|c| moment(c, 2) - sums[c] * sums[c] / weight.max(1.0));
        let channel = (0..3).max_by(|&a, &b| squares[a].total_cmp(&squares[b])).unwrap_or(0);
        let squares = if cells.len() > 1 { squares[channel] } else { 0.0 };
        Self { mean: sums.map(|sum| (sum / weight.max(1.0)) as f32), channel, squares, cells }
    }
}

/// Moves every mean into the middle of the cells that are nearest to it.
fn refine(cells: &[Cell], means: &mut [Colour]) {
    let owners: Vec<usize> = cells.par_iter().map(|cell| nearest(means, cell.mean)).collect();
    let mut sums = vec![[0f64; 4]; means.len()];
    for (cell, owner) in cells.iter().zip(owners) {
        let weight = f64::from(cell.weight);
        let [r, g, b] = cell.mean.map(|value| f64::from(value) * weight);
        sums[owner].iter_mut().zip([r, g, b, weight]).for_each(|(sum, value)| *sum += value);
    }
    for (mean, [r, g, b, weight]) in means.iter_mut().zip(sums).filter(|(_, sum)| sum[3] > 0.0) {
        *mean = [r, g, b].map(|sum| (sum / weight) as f32);
    }
}

fn nearest(means: &[Colour], wanted: Colour) -> usize {
    let mut best = (f32::INFINITY, 0);
    for (index, mean) in means.iter().enumerate() {
        let squares: f32 = mean.iter().zip(wanted).map(|(a, b)| (a - b) * (a - b)).sum();
        if squares < best.0 {
            best = (squares, index);
        }
    }
    best.1
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
    fn few_colours_are_kept_as_they_are() {
        let pixels = [[10, 20, 30], [10, 20, 31], [250, 0, 3]].concat().repeat(50);
        let palette = Palette::learn(&pixels);
        assert!(palette.error(&pixels) < 0.4, "{}", palette.error(&pixels));
        assert!(Palette::learn(&[7; 300]).error(&[7; 300]) < 0.1);
    }

    #[test]
    fn a_palette_shows_the_picture_it_was_learnt_from() {
        let pixels: Vec<u8> = (0..64 * 64u32)
            .flat_map(|i| [(i % 64) as u8 * 3, (i / 64) as u8 * 3, 90])
            .collect();
        let palette = Palette::learn(&pixels);
        assert_eq!(palette.colours().len(), 256 * 3);
        assert!(palette.error(&pixels) < 14.0, "{}", palette.error(&pixels));
        let mut indices = vec![0; 64 * 64];
        palette.map(&pixels, 64, &mut indices);
        assert!(indices.iter().all(|&index| index != TRANSPARENT));
    }
}
