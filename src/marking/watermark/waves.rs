//! The plane waves of the mark: which they are, which tell the place and which carry bits.

use std::f32::consts::TAU;
use std::sync::LazyLock;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;
use rustfft::num_complex::Complex32;

use super::{TILE, code};

/// Waves a tile, least and most: 16 and 48 pixels and a third long. Longer ones drown in the
/// picture, shorter ones in a codec; both ends were measured (docs/watermark.md).
const LEAST: i32 = 16;
/// See [`LEAST`].
pub(super) const MOST: i32 = 48;
/// Periods a tile from one ring to the next.
const RING: usize = 2;
/// Rings of waves, with those inside [`LEAST`], which are empty.
pub(super) const RINGS: usize = MOST as usize / RING + 1;
/// The share of the waves that tells place and size.
const PLACE_SHARE: f32 = 0.3;
/// What the phases and roles are drawn from; a part of the format.
const SEED: [u8; 32] = *b"kinora watermark, format 1, 2026";

/// One wave: whole periods a tile in x and in y, and its phase at the tile's corner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wave {
    pub(super) kx: i32,
    pub(super) ky: i32,
    pub(super) phase: f32,
    /// The same as a number of size 1, turned back.
    pub(super) back: Complex32,
}

impl Wave {
    /// Which of [`RINGS`] it lies in, by its periods a tile in whatever direction: the waves of a ring
    /// are of about one length.
    pub(super) fn ring(&self) -> usize {
        ((self.kx * self.kx + self.ky * self.ky) as f32).sqrt() as usize / RING
    }
}

/// All waves.
pub(super) struct Waves {
    /// Those with phases that never change.
    pub(super) place: Vec<Wave>,
    /// Those that carry two bits each, one in phase and one a quarter period off.
    pub(super) data: Vec<Wave>,
}

/// The waves of this format.
pub(super) static WAVES: LazyLock<Waves> = LazyLock::new(|| {
    let mut random = ChaCha8Rng::from_seed(SEED);
    let mut waves = Vec::new();
    for ky in 0..=MOST {
        for kx in -MOST..=MOST {
            let square = kx * kx + ky * ky;
            // The other half of the plane are the same waves.
            let mirrored = ky == 0 && kx <= 0;
            if mirrored || !(LEAST * LEAST..=MOST * MOST).contains(&square) {
                continue;
            }
            let phase = random.next_u32() as f32 / u32::MAX as f32 * TAU;
            waves.push(Wave { kx, ky, phase, back: Complex32::from_polar(1.0, -phase) });
        }
    }
    // Fisher and Yates: which wave does what is drawn too.
    for last in (1..waves.len()).rev() {
        let other = random.next_u32() as usize % (last + 1);
        waves.swap(last, other);
    }
    let data = waves.split_off((waves.len() as f32 * PLACE_SHARE) as usize);
    Waves { place: waves, data }
});

impl Waves {
    /// The bit of the codeword that a data wave carries in phase, or a quarter period off.
    pub(super) fn bit(&self, wave: usize, off: bool) -> usize {
        (if off { self.data.len() + wave } else { wave }) % code::CODEWORD
    }

    /// One tile with that codeword, (TILE, TILE), mean square 1. The same on every processor.
    pub(super) fn tile(&self, codeword: &[bool]) -> Vec<f32> {
        // In a unit that makes the mean square 1: half of the square of each amplitude.
        let amplitude = (2.0 / (self.place.len() + self.data.len()) as f32).sqrt();
        let sign = |bit: usize| if codeword[bit] { 1.0 } else { -1.0 };
        let mut parts = Vec::with_capacity(self.place.len() + self.data.len());
        for wave in &self.place {
            let (re, im) = (libm::cosf(wave.phase), libm::sinf(wave.phase));
            parts.push((wave.kx, wave.ky, amplitude * re, amplitude * im));
        }
        let half = amplitude * std::f32::consts::FRAC_1_SQRT_2;
        for (number, wave) in self.data.iter().enumerate() {
            let (a, b) = (sign(self.bit(number, false)), sign(self.bit(number, true)));
            let (cos, sin) = (libm::cosf(wave.phase), libm::sinf(wave.phase));
            parts.push((wave.kx, wave.ky, half * (a * cos - b * sin), half * (a * sin + b * cos)));
        }
        let circle: Vec<(f32, f32)> = (0..TILE)
            .map(|i| i as f32 / TILE as f32 * TAU)
            .map(|angle| (libm::cosf(angle), libm::sinf(angle)))
            .collect();
        let turn = |k: usize, at: usize| circle[k * at % TILE];
        // A row of turns for each `k`, so that the sums below run along rows.
        let turns = |part: fn(&(f32, f32)) -> f32| -> Vec<f32> {
            let rows = (0..=MOST as usize).flat_map(|k| (0..TILE).map(move |x| (k, x)));
            rows.map(|(k, x)| part(&turn(k, x))).collect()
        };
        let (cosines, sines) = (turns(|turn| turn.0), turns(|turn| turn.1));
        let mut tile = vec![0.0; TILE * TILE];
        tile.par_chunks_exact_mut(TILE).enumerate().for_each(|(y, row)| {
            // First along the column, then along the row: waves of one `kx` go together, and those of
            // `-kx` with them, since only the real part counts.
            let mut sums = [(0.0f32, 0.0f32); MOST as usize + 1];
            for &(kx, ky, re, im) in &parts {
                let (cos, sin) = turn(ky as usize, y);
                let sum = &mut sums[kx.unsigned_abs() as usize];
                sum.0 += re * cos - im * sin;
                sum.1 += (re * sin + im * cos) * kx.signum() as f32;
            }
            let turns = cosines.chunks_exact(TILE).zip(sines.chunks_exact(TILE));
            for ((re, im), (cosines, sines)) in sums.iter().zip(turns) {
                for ((value, cos), sin) in row.iter_mut().zip(cosines).zip(sines) {
                    *value += re * cos - im * sin;
                }
            }
        });
        tile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_has_mean_0_and_mean_square_1() {
        let tile = WAVES.tile(&code::encode(0x123_4567));
        let mean = tile.iter().sum::<f32>() / tile.len() as f32;
        let square = tile.iter().map(|v| v * v).sum::<f32>() / tile.len() as f32;
        assert!(mean.abs() < 1e-3 && (square - 1.0).abs() < 1e-2, "{mean} {square}");
    }

    #[test]
    fn every_bit_is_carried_several_times() {
        let waves = &*WAVES;
        let mut times = vec![0; code::CODEWORD];
        for wave in 0..waves.data.len() {
            times[waves.bit(wave, false)] += 1;
            times[waves.bit(wave, true)] += 1;
        }
        assert!(times.iter().all(|&times| times >= 10), "{:?}", times.iter().min());
    }
}
