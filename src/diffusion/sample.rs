//! The denoise loop.

use super::guidance::GuidanceScale;
use super::scheduler::Scheduler;
use crate::error::Result;
use crate::runtime::Cancel;

/// A model family's network, as the loop sees it.
pub(crate) trait Denoiser {
    /// Estimates the clean latents behind `latents` at the noise level `sigma`.
    fn estimate(&mut self, latents: &[f32], sigma: f32) -> Result<Estimates>;
}

/// The clean latents that a [`Denoiser`] sees.
pub(crate) struct Estimates {
    /// Given what was asked.
    pub(crate) conditional: Vec<f32>,
    /// Given nothing, where guidance is wanted.
    pub(crate) unconditional: Option<Vec<f32>>,
}

/// Brings `latents` from noise to a sample; `on_step` hears how many steps are done.
///
/// # Errors
/// What the denoiser returns, and [`Error::Cancelled`](crate::Error::Cancelled).
pub(crate) fn sample(
    denoiser: &mut dyn Denoiser,
    scheduler: &mut dyn Scheduler,
    guidance: GuidanceScale,
    mut latents: Vec<f32>,
    cancel: &Cancel,
    on_step: &mut dyn FnMut(usize),
) -> Result<Vec<f32>> {
    let steps = scheduler.sigmas().len() - 1;
    for step in 0..steps {
        cancel.check()?;
        let sigma = scheduler.sigmas()[step];
        let Estimates { conditional: mut clean, unconditional } =
            denoiser.estimate(&latents, sigma)?;
        if let Some(unconditional) = unconditional {
            guidance.apply(&mut clean, &unconditional);
        }
        scheduler.step(step, &mut latents, &clean);
        on_step(step + 1);
    }
    Ok(latents)
}

#[cfg(test)]
mod tests {
    use super::super::{FlowMatchEuler, Noise};
    use super::*;

    /// The exact denoiser of x ~ N(mean, 1): posterior mean under x_σ = (1−σ)x + σn.
    struct Gaussian {
        mean: f32,
    }

    impl Denoiser for Gaussian {
        fn estimate(&mut self, latents: &[f32], sigma: f32) -> Result<Estimates> {
            let keep = 1.0 - sigma;
            let gain = keep / (keep * keep + sigma * sigma);
            let at = |mean: f32| -> Vec<f32> {
                latents.iter().map(|x| mean + gain * (x - keep * mean)).collect()
            };
            Ok(Estimates { conditional: at(self.mean), unconditional: Some(at(0.0)) })
        }
    }

    #[test]
    fn an_exact_denoiser_gives_its_distribution() {
        let sampled = sample(
            &mut Gaussian { mean: 2.0 },
            &mut FlowMatchEuler::new(64, 1.0),
            GuidanceScale(1.0),
            Noise::new(3, 0).take(20_000),
            &Cancel::new(),
            &mut |_| {},
        )
        .unwrap();
        let mean = sampled.iter().sum::<f32>() / sampled.len() as f32;
        let variance =
            sampled.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / sampled.len() as f32;
        assert!((mean - 2.0).abs() < 0.05, "{mean}");
        assert!((variance - 1.0).abs() < 0.08, "{variance}");
    }

    #[test]
    fn guidance_pushes_past_the_condition() {
        let run = |scale| {
            let noise = Noise::new(3, 0).take(5_000);
            let sampled = sample(
                &mut Gaussian { mean: 2.0 },
                &mut FlowMatchEuler::new(32, 1.0),
                GuidanceScale(scale),
                noise,
                &Cancel::new(),
                &mut |_| {},
            )
            .unwrap();
            sampled.iter().sum::<f32>() / sampled.len() as f32
        };
        assert!(run(0.0).abs() < 0.1);
        assert!(run(2.0) > run(1.0) + 1.0);
    }

    #[test]
    fn a_cancelled_loop_stops_before_the_next_step() {
        let cancel = Cancel::new();
        let mut done = 0;
        let result = sample(
            &mut Gaussian { mean: 0.0 },
            &mut FlowMatchEuler::new(10, 1.0),
            GuidanceScale(1.0),
            vec![0.0; 4],
            &cancel,
            &mut |step| {
                done = step;
                if step == 3 {
                    cancel.cancel();
                }
            },
        );
        assert!(matches!(result, Err(crate::Error::Cancelled)));
        assert_eq!(done, 3);
    }
}
