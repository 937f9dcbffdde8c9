//! The denoise loop.

use std::ops::Range;

use super::guidance::GuidanceScale;
use super::scheduler::Scheduler;
use crate::error::Result;
use crate::runtime::Cancel;

/// A model family's network, as the loop sees it.
pub(crate) trait Denoiser {
    /// What it makes of `latents` at one of the scheduler's timesteps.
    fn estimate(&mut self, latents: &[f32], timestep: f32) -> Result<Estimates>;
}

/// What a [`Denoiser`] estimates, in the kind that its scheduler takes: a [`CleanFlowEuler`] the
/// clean latents.
///
/// [`CleanFlowEuler`]: super::CleanFlowEuler
pub(crate) struct Estimates {
    /// Given what was asked.
    pub(crate) conditional: Vec<f32>,
    /// Given nothing, where guidance is wanted.
    pub(crate) unconditional: Option<Vec<f32>>,
}

/// Who looks after a run: draws noise where a scheduler mixes it in, and hears of each step.
pub(crate) trait Run {
    /// `count` draws from N(0, 1) for `step`, the same each time.
    fn noise(&mut self, step: usize, count: usize) -> Vec<f32>;

    /// So many steps are done and led to `latents`; the scheduler can tell its state.
    fn stepped(&mut self, done: usize, latents: &[f32], scheduler: &dyn Scheduler) -> Result<()>;
}

/// Takes `latents` through `steps` of the scheduler's, all of them from noise to a sample.
///
/// # Errors
/// What the denoiser, the scheduler and `run` return, and
/// [`Error::Cancelled`](crate::Error::Cancelled).
pub(crate) fn sample(
    denoiser: &mut dyn Denoiser,
    scheduler: &mut dyn Scheduler,
    guidance: GuidanceScale,
    mut latents: Vec<f32>,
    steps: Range<usize>,
    cancel: &Cancel,
    run: &mut dyn Run,
) -> Result<Vec<f32>> {
    for step in steps {
        cancel.check()?;
        let timestep = scheduler.timesteps()[step];
        let Estimates { conditional: mut prediction, unconditional } =
            denoiser.estimate(&scheduler.scale_input(step, &latents), timestep)?;
        if let Some(unconditional) = unconditional {
            guidance.apply(&mut prediction, &unconditional);
        }
        let noise = scheduler.wants_noise(step).then(|| run.noise(step, latents.len()));
        scheduler.step(step, &mut latents, &prediction, noise.as_deref())?;
        run.stepped(step + 1, &latents, scheduler)?;
    }
    Ok(latents)
}

#[cfg(test)]
mod tests {
    use super::super::{CleanFlowEuler, Noise};
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

    /// Counts steps, and cancels after one of them.
    #[derive(Default)]
    struct Counted {
        done: usize,
        cancel: Option<(usize, Cancel)>,
    }

    impl Run for Counted {
        fn noise(&mut self, step: usize, count: usize) -> Vec<f32> {
            Noise::new(5, step as u64).take(count)
        }

        fn stepped(&mut self, done: usize, _: &[f32], _: &dyn Scheduler) -> Result<()> {
            self.done = done;
            if let Some((_, cancel)) = self.cancel.as_ref().filter(|(last, _)| *last == done) {
                cancel.cancel();
            }
            Ok(())
        }
    }

    #[test]
    fn an_exact_denoiser_gives_its_distribution() {
        let sampled = sample(
            &mut Gaussian { mean: 2.0 },
            &mut CleanFlowEuler::new(64, 1.0),
            GuidanceScale(1.0),
            Noise::new(3, 0).take(20_000),
            0..64,
            &Cancel::new(),
            &mut Counted::default(),
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
                &mut CleanFlowEuler::new(32, 1.0),
                GuidanceScale(scale),
                noise,
                0..32,
                &Cancel::new(),
                &mut Counted::default(),
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
        let mut run = Counted { done: 0, cancel: Some((3, cancel.clone())) };
        let result = sample(
            &mut Gaussian { mean: 0.0 },
            &mut CleanFlowEuler::new(10, 1.0),
            GuidanceScale(1.0),
            vec![0.0; 4],
            0..10,
            &cancel,
            &mut run,
        );
        assert!(matches!(result, Err(crate::Error::Cancelled)));
        assert_eq!(run.done, 3);
    }
}
