//! Flow matching for networks that estimate the clean latents themselves.

use super::latents::check;
use super::{Result, Scheduler};

/// Euler's method on the straight paths of flow matching, x_σ = (1 − σ)·x + σ·noise, where the
/// prediction is x; [`FlowMatchEuler`](super::flow_match::FlowMatchEuler) is told the velocity.
///
/// The timesteps are the levels σ. Lipman et al. 2023 (arXiv 2210.02747); the time shift is Esser
/// et al. 2024 (arXiv 2403.03206), section 5.3.2: σ' = s·σ / (1 + (s − 1)·σ).
pub(crate) struct CleanFlowEuler {
    sigmas: Vec<f32>,
}

impl CleanFlowEuler {
    /// `steps` ≥ 1; `shift` > 1 spends more of them where the noise is strong.
    pub(crate) fn new(steps: usize, shift: f32) -> Self {
        let steps = steps.max(1);
        let sigmas = (0..=steps)
            .map(|i| {
                let sigma = 1.0 - i as f32 / steps as f32;
                shift * sigma / (1.0 + (shift - 1.0) * sigma)
            })
            .collect();
        Self { sigmas }
    }
}

impl Scheduler for CleanFlowEuler {
    fn timesteps(&self) -> &[f32] {
        &self.sigmas[..self.sigmas.len() - 1]
    }

    fn sigmas(&self) -> &[f32] {
        &self.sigmas
    }

    fn step(
        &mut self,
        step: usize,
        latents: &mut [f32],
        clean: &[f32],
        _noise: Option<&[f32]>,
    ) -> Result<()> {
        check(step, self.sigmas.len() - 1, latents, clean)?;
        let (from, to) = (self.sigmas[step], self.sigmas[step + 1]);
        // The velocity is (x_σ − x)/σ; σ is never 0 before the last level.
        let share = (from - to) / from;
        for (latent, clean) in latents.iter_mut().zip(clean) {
            *latent += share * (clean - *latent);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_denoiser_is_reached_exactly() {
        let clean = [0.5, -2.0, 3.0];
        for (steps, shift) in [(1, 1.0), (16, 1.0), (12, 3.0)] {
            let mut scheduler = CleanFlowEuler::new(steps, shift);
            let mut latents = [1.0, 1.0, -1.0];
            for step in 0..steps {
                scheduler.step(step, &mut latents, &clean, None).unwrap();
            }
            for (a, b) in latents.iter().zip(&clean) {
                assert!((a - b).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_shift_keeps_the_ends_and_bends_the_middle() {
        let plain = CleanFlowEuler::new(10, 1.0);
        let shifted = CleanFlowEuler::new(10, 3.0);
        assert_eq!(shifted.sigmas()[0], 1.0);
        assert_eq!(shifted.sigmas()[10], 0.0);
        assert!((plain.sigmas()[5] - 0.5).abs() < 1e-6);
        assert!((shifted.sigmas()[5] - 0.75).abs() < 1e-6);
        assert!(shifted.sigmas().windows(2).all(|w| w[0] > w[1]));
    }
}
