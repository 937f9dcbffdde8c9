//! The noise levels and timesteps of a run, out of those of training.

use serde::Deserialize;

use super::settings::unfit;
use crate::error::Result;

/// How strongly Karras' levels gather where the noise is weak.
const RHO: f64 = 7.0;

/// How a run's timesteps are spread over those of training (Lin et al. 2023, arXiv 2305.08891,
/// table 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TimestepSpacing {
    /// Evenly from the last to the first.
    Linspace,
    /// Multiples of a whole stride, from 0 up.
    Leading,
    /// A stride's multiples counted down from the last.
    Trailing,
}

/// Where sampling ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FinalSigmasType {
    /// Without noise.
    Zero,
    /// At the least noise of training.
    SigmaMin,
}

impl TimestepSpacing {
    /// `steps` of `train` timesteps, the noisiest first. Only `Linspace` gives fractions.
    pub(super) fn timesteps(self, train: usize, steps: usize, offset: usize) -> Vec<f64> {
        match self {
            Self::Linspace => {
                let mut timesteps = linspace(0.0, (train - 1) as f64, steps);
                timesteps.reverse();
                timesteps
            }
            Self::Leading => {
                let stride = train / steps;
                (0..steps).rev().map(|i| (i * stride + offset) as f64).collect()
            }
            Self::Trailing => {
                let stride = train as f64 / steps as f64;
                let down = |i| (train as f64 - i as f64 * stride).round_ties_even() - 1.0;
                (0..steps).map(down).collect()
            }
        }
    }

    /// As the multistep solvers want them: whole, and short of the cleanest, where they end.
    pub(super) fn short_of_last(self, train: usize, steps: usize, offset: usize) -> Vec<f64> {
        let mut timesteps = match self {
            Self::Trailing => self.timesteps(train, steps, offset),
            Self::Linspace | Self::Leading => {
                let mut timesteps = self.timesteps(train, steps + 1, offset);
                timesteps.pop();
                timesteps
            }
        };
        for timestep in &mut timesteps {
            *timestep = timestep.round_ties_even();
        }
        timesteps
    }
}

/// `count` numbers from `start` to `end`, both included; `start` alone when one is asked for.
pub(super) fn linspace(start: f64, end: f64, count: usize) -> Vec<f64> {
    let step = (end - start) / count.saturating_sub(1).max(1) as f64;
    let last = count - 1;
    (0..count).map(|i| if i == last && i > 0 { end } else { i as f64 * step + start }).collect()
}

/// `levels` read at the place `at`, between neighbours in proportion.
pub(super) fn interpolate(levels: &[f32], at: f64) -> f64 {
    let last = levels.len() - 1;
    let at = at.clamp(0.0, last as f64);
    let below = (at as usize).min(last);
    let (low, high) = (f64::from(levels[below]), f64::from(levels[(below + 1).min(last)]));
    low + (high - low) * (at - below as f64)
}

/// Falling levels of Karras et al. 2022 (arXiv 2206.00364, equation 5) for `steps` steps:
/// σᵢ = (max^(1/ρ) + i/(steps − 1) · (min^(1/ρ) − max^(1/ρ)))^ρ.
pub(super) fn karras(most: f64, least: f64, steps: usize) -> Vec<f64> {
    let (most, least) = (libm::pow(most, 1.0 / RHO), libm::pow(least, 1.0 / RHO));
    let ramp = linspace(0.0, 1.0, steps);
    ramp.into_iter().map(|share| libm::pow(most + share * (least - most), RHO)).collect()
}

/// The place of `sigma` among the levels of training, in proportion between their logarithms.
pub(super) fn place(sigma: f64, levels: &[f32]) -> f64 {
    let wanted = libm::log(sigma.max(1e-10));
    let log = |i: usize| f64::from(libm::logf(levels[i]));
    let below = levels.partition_point(|level| f64::from(libm::logf(*level)) <= wanted);
    let below = below.saturating_sub(1).min(levels.len() - 2);
    let (low, high) = (log(below), log(below + 1));
    let share = ((low - wanted) / (low - high)).clamp(0.0, 1.0);
    (1.0 - share) * below as f64 + share * (below + 1) as f64
}

/// The time shift of Esser et al. 2024 (arXiv 2403.03206, section 5.3.2): more steps where the
/// noise is strong when `shift` > 1.
pub(super) fn shifted(sigma: f64, shift: f64) -> f64 {
    shift * sigma / (1.0 + (shift - 1.0) * sigma)
}

/// `levels` and the `last` as f32.
///
/// # Errors
/// `model.scheduler` unless they fall from each to the next; the last two may be one.
pub(super) fn falling(levels: &[f64], last: f64) -> Result<Vec<f32>> {
    let sigmas: Vec<f32> = levels.iter().chain([&last]).map(|level| *level as f32).collect();
    let falls = sigmas[..levels.len()].windows(2).all(|pair| pair[0] > pair[1]);
    let ends = sigmas.windows(2).all(|pair| pair[0] >= pair[1]);
    if falls && ends && sigmas.iter().all(|sigma| sigma.is_finite()) && last >= 0.0 {
        Ok(sigmas)
    } else {
        Err(unfit("its noise levels do not fall from step to step for that many steps"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_found_where_it_stands() {
        let levels: Vec<f32> = (1..=100).map(|i| i as f32 * 0.1).collect();
        assert!((place(3.0, &levels) - 29.0).abs() < 1e-4);
        assert_eq!(place(1e-30, &levels), 0.0);
        assert_eq!(place(1e30, &levels), 99.0);
        assert!((interpolate(&levels, 28.5) - 2.95).abs() < 1e-6);
        assert_eq!(interpolate(&levels, 1e9), f64::from(levels[99]));
    }

    #[test]
    fn no_count_of_steps_leaves_the_timesteps_of_training() {
        for spacing in
            [TimestepSpacing::Linspace, TimestepSpacing::Leading, TimestepSpacing::Trailing]
        {
            for steps in 1..=1000 {
                let timesteps = spacing.timesteps(1000, steps, 0);
                assert_eq!(timesteps.len(), steps);
                assert!(timesteps.iter().all(|t| (0.0..=999.0).contains(t)), "{spacing:?} {steps}");
            }
        }
    }

    #[test]
    fn levels_that_rise_are_refused() {
        assert!(falling(&[2.0, 1.0], 0.0).is_ok());
        assert!(falling(&[2.0, 1.0], 1.0).is_ok());
        for (levels, last) in [([1.0, 1.0], 0.0), ([1.0, 2.0], 0.0), ([2.0, 1.0], 1.5)] {
            assert_eq!(falling(&levels, last).unwrap_err().code(), "model.scheduler");
        }
    }
}
