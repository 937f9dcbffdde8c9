//! Schedulers: which noise levels are visited, and how a step goes from one to the next.

/// What a [`Scheduler`] needs of a sampling method.
///
/// `sigma` is the share of noise: 1 is pure noise, 0 is none (for variance-exploding families the
/// standard deviation of the noise).
pub(crate) trait Scheduler {
    /// The noise levels to visit, from the noisiest to the last, which is where sampling ends.
    /// One more than there are steps.
    fn sigmas(&self) -> &[f32];

    /// Takes `latents` from level `step` to level `step + 1`, given the clean latents that the
    /// denoiser estimates at level `step`.
    fn step(&mut self, step: usize, latents: &mut [f32], clean: &[f32]);
}

/// Euler's method on the straight paths of flow matching: x_σ = (1 − σ)·x + σ·noise.
///
/// Lipman et al. 2023 (arXiv 2210.02747); the time shift is Esser et al. 2024 (arXiv 2403.03206),
/// section 5.3.2: σ' = s·σ / (1 + (s − 1)·σ).
pub(crate) struct FlowMatchEuler {
    sigmas: Vec<f32>,
}

impl FlowMatchEuler {
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

impl Scheduler for FlowMatchEuler {
    fn sigmas(&self) -> &[f32] {
        &self.sigmas
    }

    fn step(&mut self, step: usize, latents: &mut [f32], clean: &[f32]) {
        let (from, to) = (self.sigmas[step], self.sigmas[step + 1]);
        // The velocity is (x_σ − x)/σ; σ is never 0 before the last level.
        let share = (from - to) / from;
        for (latent, clean) in latents.iter_mut().zip(clean) {
            *latent += share * (clean - *latent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_denoiser_is_reached_exactly() {
        let clean = [0.5, -2.0, 3.0];
        for (steps, shift) in [(1, 1.0), (16, 1.0), (12, 3.0)] {
            let mut scheduler = FlowMatchEuler::new(steps, shift);
            let mut latents = [1.0, 1.0, -1.0];
            for step in 0..steps {
                scheduler.step(step, &mut latents, &clean);
            }
            for (a, b) in latents.iter().zip(&clean) {
                assert!((a - b).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_shift_keeps_the_ends_and_bends_the_middle() {
        let plain = FlowMatchEuler::new(10, 1.0);
        let shifted = FlowMatchEuler::new(10, 3.0);
        assert_eq!(shifted.sigmas()[0], 1.0);
        assert_eq!(shifted.sigmas()[10], 0.0);
        assert!((plain.sigmas()[5] - 0.5).abs() < 1e-6);
        assert!((shifted.sigmas()[5] - 0.75).abs() < 1e-6);
        assert!(shifted.sigmas().windows(2).all(|w| w[0] > w[1]));
    }
}
