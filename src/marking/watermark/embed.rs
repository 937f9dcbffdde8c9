//! Adds the mark to frames: one plane of small numbers, made once a clip.

use rayon::prelude::*;
use zeroize::Zeroizing;

use super::payload::WatermarkPayload;
use super::waves::WAVES;
use super::{TILE, code, tile_scale};
use crate::clip::{Frame, I420};

/// The mark's strength in codes of 0 to 255: where the picture is smooth, and where it is busy.
const SMOOTH: f32 = 0.6;
/// See [`SMOOTH`].
const BUSY: f32 = 2.2;
/// The local deviation of the luma that lies half way between the two, codes.
const HALF_WAY: f32 = 3.0;
/// Below this luma the mark fades, to [`DARKEST`] at black: on a dark wall it would be seen first.
const DARK: f32 = 48.0;
/// See [`DARK`].
const DARKEST: f32 = 0.45;
/// The strongest mark of a whole frame, root mean square in codes: 42.4 dB.
const MOST: f32 = 1.93;
/// The strongest change of one pixel, codes.
const PEAK: f32 = 7.0;
/// The radius of the window in which the deviation is measured, pixels.
const RADIUS: usize = 7;
/// Codes of full-range RGB for one code of limited-range luma (BT.709: 255 over 219).
const RANGE: f32 = 255.0 / 219.0;

/// Marks the frames of one clip.
pub(crate) struct Embedder {
    tile: Vec<f32>,
    plane: Option<Plane>,
}

/// What is added to each pixel and what is taken from it, in the codes of the frames' layout: one of
/// the two is 0, and both saturate, which processors do to many pixels at once.
struct Plane {
    more: Vec<u8>,
    less: Vec<u8>,
}

impl Plane {
    fn pixels(&self) -> impl Iterator<Item = (u8, u8)> {
        self.more.iter().copied().zip(self.less.iter().copied())
    }
}

impl Embedder {
    pub(crate) fn new(payload: &WatermarkPayload) -> Self {
        Self { tile: WAVES.tile(&code::encode(payload.bits())), plane: None }
    }

    /// Adds the mark. How strong it is where is measured in the first frame and stays, since a mark
    /// that moved with the picture would flicker.
    pub(crate) fn mark(&mut self, frame: &mut Frame) {
        let plane = match self.plane.take() {
            Some(plane) => plane,
            None => self.plane(frame),
        };
        match frame {
            Frame::I420(frame) => {
                let luma = frame.planes_mut().y;
                for (value, (more, less)) in luma.iter_mut().zip(plane.pixels()) {
                    *value = value.saturating_add(more).saturating_sub(less);
                }
            }
            Frame::Rgb(frame) => {
                let pixels = frame.pixels_mut().as_chunks_mut::<3>().0;
                for (pixel, (more, less)) in pixels.iter_mut().zip(plane.pixels()) {
                    *pixel = pixel.map(|value| value.saturating_add(more).saturating_sub(less));
                }
            }
        }
        self.plane = Some(plane);
    }

    fn plane(&self, frame: &Frame) -> Plane {
        let (width, height) = frame.size();
        // Full-range luma, whatever the frame is in; the numbers above are in its codes.
        let (luma, unit) = match frame {
            Frame::I420(frame) => (full_range(frame), 1.0 / RANGE),
            Frame::Rgb(frame) => (super::residual::luma_of_rgb(frame.pixels()), 1.0),
        };
        let luma = Zeroizing::new(luma);
        let (width, height) = (width as usize, height as usize);
        let strength = Strength::of(&luma, width, height);
        let scale = tile_scale(width as u32, height as u32);
        let across: Vec<Between> = (0..width).map(|x| Between::of(x as f32 / scale)).collect();
        let mut codes = vec![0.0f32; width * height];
        codes.par_chunks_exact_mut(width).enumerate().for_each(|(y, row)| {
            strength.row(y, row);
            let line = Between::of(y as f32 / scale);
            for (value, &x) in row.iter_mut().zip(&across) {
                *value *= self.sample(x, line);
            }
        });
        let square: f64 = codes.iter().map(|&v| f64::from(v * v)).sum();
        let deviation = (square / codes.len().max(1) as f64).sqrt() as f32;
        let weaker = (MOST / deviation.max(f32::MIN_POSITIVE)).min(1.0) * unit;
        // Saturating casts: what is below 0 is 0.
        let codes = codes.into_iter();
        let (more, less) = codes
            .map(|value| libm::roundf((value * weaker).clamp(-PEAK, PEAK)))
            .map(|code| (code as u8, -code as u8))
            .unzip();
        Plane { more, less }
    }

    /// The tile between its pixels.
    fn sample(&self, x: Between, y: Between) -> f32 {
        let at = |x: usize, y: usize| self.tile[y * TILE + x];
        let first = at(x.low, y.low) * (1.0 - x.share) + at(x.high, y.low) * x.share;
        let second = at(x.low, y.high) * (1.0 - x.share) + at(x.high, y.high) * x.share;
        first * (1.0 - y.share) + second * y.share
    }
}

/// A place between two pixels of the tile.
#[derive(Clone, Copy)]
struct Between {
    low: usize,
    high: usize,
    share: f32,
}

impl Between {
    fn of(at: f32) -> Self {
        let whole = libm::floorf(at);
        let low = whole as usize % TILE;
        Self { low, high: (low + 1) % TILE, share: at - whole }
    }
}

fn full_range(frame: &I420) -> Vec<u8> {
    let full = |y: u8| (f32::from(y.saturating_sub(16)) * RANGE).min(255.0) as u8;
    frame.y().iter().map(|&y| full(y)).collect()
}

/// How strong the mark may be, codes: measured at every fourth pixel, which is smooth enough.
struct Strength {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Strength {
    /// Pixels from one measurement to the next.
    const EVERY: usize = 4;

    fn of(luma: &[u8], width: usize, height: usize) -> Self {
        let (across, down) = (width.div_ceil(Self::EVERY), height.div_ceil(Self::EVERY));
        let mut values = vec![0.0; across * down];
        values.par_chunks_exact_mut(across).enumerate().for_each(|(j, row)| {
            let y = j * Self::EVERY;
            let rows = y.saturating_sub(RADIUS)..(y + RADIUS + 1).min(height);
            // Sums of each column of the window, whole numbers: the same however they are added up.
            let mut columns = vec![(0u32, 0u32); width];
            for y in rows.clone() {
                for (column, &value) in columns.iter_mut().zip(&luma[y * width..][..width]) {
                    let value = u32::from(value);
                    column.0 += value;
                    column.1 += value * value;
                }
            }
            for (i, strength) in row.iter_mut().enumerate() {
                let x = i * Self::EVERY;
                let window = &columns[x.saturating_sub(RADIUS)..(x + RADIUS + 1).min(width)];
                let pixels = (window.len() * rows.len()) as f32;
                let (sum, squares) = window
                    .iter()
                    .fold((0, 0), |(sum, squares), column| (sum + column.0, squares + column.1));
                let mean = sum as f32 / pixels;
                let variance = (squares as f32 / pixels - mean * mean).max(0.0);
                let busy = variance / (variance + HALF_WAY * HALF_WAY);
                let light = DARKEST + (1.0 - DARKEST) * (mean / DARK).min(1.0);
                *strength = (SMOOTH + (BUSY - SMOOTH) * busy) * light;
            }
        });
        Self { width: across, height: down, values }
    }

    /// A row's strengths, between the measurements.
    fn row(&self, y: usize, row: &mut [f32]) {
        let (above, share) = (y / Self::EVERY, (y % Self::EVERY) as f32 / Self::EVERY as f32);
        let below = (above + 1).min(self.height - 1);
        let at = |j: usize, i: usize| self.values[j * self.width + i];
        let measured = |i: usize| at(above, i) * (1.0 - share) + at(below, i) * share;
        for (i, part) in row.chunks_mut(Self::EVERY).enumerate() {
            let (from, to) = (measured(i), measured((i + 1).min(self.width - 1)));
            for (step, value) in part.iter_mut().enumerate() {
                *value = from + (to - from) * (step as f32 / Self::EVERY as f32);
            }
        }
    }
}
