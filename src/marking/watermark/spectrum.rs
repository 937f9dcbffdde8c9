//! The spectrum of a plane at any frequency, and correlations with the waves at all places at once.

use std::sync::Arc;

use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

use super::waves::{MOST, Wave};

/// Places along a side of the tile at which a correlation is computed: a good two for the period of
/// the shortest wave.
pub(super) const PLACES: usize = 128;

/// Discrete Fourier transform of a real plane, with the origin at its centre and room around it, so
/// that the next frequency is near enough to any that is asked for.
pub(super) struct Spectrum {
    width: usize,
    height: usize,
    /// Frequencies from 0 in x, each with all frequencies in y.
    columns: Vec<Complex32>,
}

impl Spectrum {
    /// `highest`: the highest frequency in x that will be asked for, periods a pixel.
    pub(super) fn of(plane: &[f32], width: usize, height: usize, highest: f32) -> Self {
        let mut planner = FftPlanner::new();
        let (wide, high) = (padded(width), padded(height));
        let (along, down) = (planner.plan_fft_forward(wide), planner.plan_fft_forward(high));
        let count = ((highest * wide as f32) as usize + 2).min(wide / 2 + 1);
        let mut columns = vec![Complex32::default(); count * high];
        let mut row = vec![Complex32::default(); wide];
        for (y, values) in plane.chunks_exact(width).enumerate() {
            row.fill(Complex32::default());
            for (x, &value) in values.iter().enumerate() {
                row[(x + wide - width / 2) % wide].re = value;
            }
            along.process(&mut row);
            let y = (y + high - height / 2) % high;
            for (column, &value) in columns.chunks_exact_mut(high).zip(&row) {
                column[y] = value;
            }
        }
        columns.chunks_exact_mut(high).for_each(|column| down.process(column));
        Self { width: wide, height: high, columns }
    }

    /// The value at a frequency, periods a pixel; 0 beyond those that were computed.
    pub(super) fn at(&self, x: f32, y: f32) -> Complex32 {
        // A real plane: the other half is its conjugate.
        let (x, y, mirrored) = if x < 0.0 { (-x, -y, true) } else { (x, y, false) };
        let column = (x * self.width as f32).round() as usize;
        let row = (y * self.height as f32).round() as i64;
        if y.abs() > 0.5 {
            return Complex32::default();
        }
        let row = row.rem_euclid(self.height as i64) as usize;
        let value = self.columns.get(column * self.height + row).copied().unwrap_or_default();
        if mirrored { value.conj() } else { value }
    }
}

/// A half more, to a length that is quickly transformed.
fn padded(length: usize) -> usize {
    let least = length * 3 / 2;
    let mut power = 64;
    loop {
        for candidate in [power, power / 4 * 5, power / 2 * 3] {
            if candidate >= least {
                return candidate;
            }
        }
        power *= 2;
    }
}

/// Correlates values at the waves' frequencies with the waves, for all places in the tile.
pub(super) struct Correlator {
    transform: Arc<dyn Fft<f32>>,
    scratch: Vec<Complex32>,
    /// (PLACES, PLACES): frequencies in x, each with all in y.
    grid: Vec<Complex32>,
    turned: Vec<Complex32>,
}

/// The best place of a correlation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Peak {
    /// In standard deviations of what chance gives.
    pub(super) score: f32,
    /// In shares of the tile, 0–1.
    pub(super) x: f32,
    /// See `x`.
    pub(super) y: f32,
}

impl Correlator {
    pub(super) fn new() -> Self {
        let transform = FftPlanner::new().plan_fft_inverse(PLACES);
        let scratch = vec![Complex32::default(); transform.get_inplace_scratch_len()];
        let grid = vec![Complex32::default(); PLACES * PLACES];
        Self { transform, scratch, turned: grid.clone(), grid }
    }

    /// The best places of two sets of values, each with as many waves: one transform serves both,
    /// since a correlation is real.
    pub(super) fn peaks(&mut self, waves: &[Wave], values: [&[Complex32]; 2]) -> [Peak; 2] {
        self.grid.fill(Complex32::default());
        let mut energy = [0.0f32; 2];
        for (number, wave) in waves.iter().enumerate() {
            let [a, b] = values.map(|values| values[number] * wave.back);
            energy[0] += a.norm_sqr();
            energy[1] += b.norm_sqr();
            let at = |k: i32| k.rem_euclid(PLACES as i32) as usize;
            let i = Complex32::i();
            self.grid[at(wave.kx) * PLACES + at(wave.ky)] += (a + i * b) / 2.0;
            self.grid[at(-wave.kx) * PLACES + at(-wave.ky)] += (a.conj() + i * b.conj()) / 2.0;
        }
        let most = MOST as usize;
        // Between the two ends lie frequencies of no wave.
        let (low, high) = ((most + 1) * PLACES, (PLACES - most) * PLACES);
        self.transform.process_with_scratch(&mut self.grid[..low], &mut self.scratch);
        self.transform.process_with_scratch(&mut self.grid[high..], &mut self.scratch);
        transpose::transpose(&self.grid, &mut self.turned, PLACES, PLACES);
        self.transform.process_with_scratch(&mut self.turned, &mut self.scratch);
        let mut best = [(f32::NEG_INFINITY, 0); 2];
        for (place, value) in self.turned.iter().enumerate() {
            if value.re > best[0].0 {
                best[0] = (value.re, place);
            }
            if value.im > best[1].0 {
                best[1] = (value.im, place);
            }
        }
        let share = |place: usize| place as f32 / PLACES as f32;
        std::array::from_fn(|which| {
            let (sum, place) = best[which];
            if energy[which] <= f32::MIN_POSITIVE {
                return Peak::default();
            }
            let score = sum / (energy[which] / 2.0).sqrt();
            Peak { score, x: share(place % PLACES), y: share(place / PLACES) }
        })
    }
}
