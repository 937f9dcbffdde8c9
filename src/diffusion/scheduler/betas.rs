//! The noise that a network was trained with: a β for each training timestep.

use std::f64::consts::FRAC_PI_2;

use serde::Deserialize;

use super::settings::{in_range, unfit};
use crate::error::Result;

/// Between these counts of training timesteps nothing overflows and nothing takes long.
const TIMESTEPS: std::ops::RangeInclusive<usize> = 2..=10_000;
/// The last ᾱ of a schedule without signal, where a σ is to be had of it: the least f16 above 0.
const LEAST_ALPHA: f32 = 1.0 / 16_777_216.0;
/// The cosine schedule's greatest β, and its offset at timestep 0.
const COSINE_MOST: f64 = 0.999;
const COSINE_OFFSET: f64 = 0.008;

/// How β grows over the training timesteps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BetaSchedule {
    /// β rises evenly (Ho et al. 2020, arXiv 2006.11239).
    Linear,
    /// √β rises evenly (Rombach et al. 2022, arXiv 2112.10752).
    ScaledLinear,
    /// ᾱ falls as a squared cosine (Nichol and Dhariwal 2021, arXiv 2102.09672, equation 17).
    #[serde(rename = "squaredcos_cap_v2")]
    SquaredCosine,
}

/// The settings that a pack names for the noise of training.
#[derive(Debug, Clone, Copy)]
pub(super) struct Betas {
    pub(super) timesteps: usize,
    pub(super) schedule: BetaSchedule,
    pub(super) start: f64,
    pub(super) end: f64,
    /// Rescale so that the last timestep holds no signal (Lin et al. 2023, arXiv 2305.08891).
    pub(super) zero_snr: bool,
}

impl Betas {
    /// # Errors
    /// `model.scheduler` when a number is out of range.
    pub(super) fn check(&self) -> Result<()> {
        in_range("num_train_timesteps", self.timesteps, TIMESTEPS)?;
        if self.start > 0.0 && self.start <= self.end && self.end < 1.0 {
            Ok(())
        } else {
            Err(unfit("0 < `beta_start` ≤ `beta_end` < 1 does not hold"))
        }
    }

    /// ᾱ, the share of signal in the variance, at each training timestep: Π (1 − β).
    ///
    /// In f32 with the products in f64, as PyTorch does it: networks were trained on those numbers,
    /// and a thousand factors so close to 1 make the difference visible.
    pub(super) fn alphas(&self) -> Vec<f32> {
        let alphas = products(self.betas().iter().map(|beta| 1.0 - beta));
        if self.zero_snr { products(without_signal_at_last(&alphas).into_iter()) } else { alphas }
    }

    /// σ = √((1 − ᾱ) / ᾱ) at each training timestep, rising.
    ///
    /// # Errors
    /// `model.scheduler` when no signal is left before the last timestep.
    pub(super) fn sigmas(&self) -> Result<Vec<f32>> {
        let mut alphas = self.alphas();
        if let (true, Some(last)) = (self.zero_snr, alphas.last_mut()) {
            *last = LEAST_ALPHA;
        }
        let sigmas: Vec<f32> = alphas.iter().map(|alpha| ((1.0 - alpha) / alpha).sqrt()).collect();
        if sigmas.iter().all(|sigma| sigma.is_finite() && *sigma > 0.0) {
            Ok(sigmas)
        } else {
            Err(unfit("its betas leave no signal at all, or no noise"))
        }
    }

    fn betas(&self) -> Vec<f32> {
        let (start, end) = (self.start, self.end);
        match self.schedule {
            BetaSchedule::Linear => evenly(start as f32, end as f32, self.timesteps),
            BetaSchedule::ScaledLinear => {
                let roots = evenly(start.sqrt() as f32, end.sqrt() as f32, self.timesteps);
                roots.into_iter().map(|root| root * root).collect()
            }
            BetaSchedule::SquaredCosine => {
                let share = |i: usize| {
                    let t = i as f64 / self.timesteps as f64;
                    let angle = (t + COSINE_OFFSET) / (1.0 + COSINE_OFFSET) * FRAC_PI_2;
                    libm::cos(angle) * libm::cos(angle)
                };
                let beta = |i| (1.0 - share(i + 1) / share(i)).min(COSINE_MOST) as f32;
                (0..self.timesteps).map(beta).collect()
            }
        }
    }
}

/// `count` numbers from `start` to `end`, each half counted from its own end and each number
/// rounded once, as PyTorch's kernel does it.
fn evenly(start: f32, end: f32, count: usize) -> Vec<f32> {
    let step = (end - start) / (count - 1) as f32;
    (0..count)
        .map(|i| {
            if i < count / 2 {
                step.mul_add(i as f32, start)
            } else {
                (-step).mul_add((count - 1 - i) as f32, end)
            }
        })
        .collect()
}

/// The running products.
fn products(factors: impl Iterator<Item = f32>) -> Vec<f32> {
    let running = |product: &mut f64, factor: f32| {
        *product *= f64::from(factor);
        Some(*product as f32)
    };
    factors.scan(1.0, running).collect()
}

/// The factors 1 − β after √ᾱ has been shifted to end at 0 and stretched to start where it did
/// (Lin et al. 2023, algorithm 1).
fn without_signal_at_last(alphas: &[f32]) -> Vec<f32> {
    let roots: Vec<f32> = alphas.iter().map(|alpha| alpha.sqrt()).collect();
    let (Some(&first), Some(&last)) = (roots.first(), roots.last()) else { return Vec::new() };
    let stretch = first / (first - last);
    let shares: Vec<f32> = roots
        .iter()
        .map(|root| {
            let root = (root - last) * stretch;
            root * root
        })
        .collect();
    let factors = shares.windows(2).map(|pair| 1.0 - (1.0 - pair[1] / pair[0]));
    shares.first().map(|share| 1.0 - (1.0 - share)).into_iter().chain(factors).collect()
}
