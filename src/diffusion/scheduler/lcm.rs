//! LCM: a few steps of a network that was distilled to jump straight to clean latents.

use serde::Deserialize;

use super::betas::{BetaSchedule, Betas};
use super::latents::{check, noise_for};
use super::prediction::PredictionType;
use super::settings::{in_range, steps_within, unfit};
use super::{Result, Scheduler};

/// The standard deviation of the data that the boundary condition reckons with.
const SIGMA_DATA: f64 = 0.5;

/// The settings of an [`Lcm`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LcmSettings {
    num_train_timesteps: usize,
    beta_start: f64,
    beta_end: f64,
    beta_schedule: BetaSchedule,
    rescale_betas_zero_snr: bool,
    prediction_type: PredictionType,
    original_inference_steps: usize,
    clip_sample: bool,
    clip_sample_range: f64,
    timestep_scaling: f64,
}

/// Multistep consistency sampling (Luo et al. 2023, arXiv 2310.04378, algorithm 3): each step goes
/// down to c_out·clean + c_skip·x, and all but the last go up again with fresh noise.
pub(crate) struct Lcm {
    prediction: PredictionType,
    clip: Option<f64>,
    timestep_scaling: f64,
    timesteps: Vec<f32>,
    /// ᾱ at each step.
    alphas: Vec<f64>,
}

impl Default for LcmSettings {
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.00085,
            beta_end: 0.012,
            beta_schedule: BetaSchedule::ScaledLinear,
            rescale_betas_zero_snr: false,
            prediction_type: PredictionType::Epsilon,
            original_inference_steps: 50,
            clip_sample: false,
            clip_sample_range: 1.0,
            timestep_scaling: 10.0,
        }
    }
}

impl LcmSettings {
    pub(super) fn check(&self) -> Result<()> {
        self.betas().check()?;
        let train = self.num_train_timesteps;
        in_range("original_inference_steps", self.original_inference_steps, 1..=train)?;
        in_range("clip_sample_range", self.clip_sample_range, 1e-6..=1e6)?;
        in_range("timestep_scaling", self.timestep_scaling, 1e-6..=1e6)?;
        match self.prediction_type {
            PredictionType::FlowPrediction => {
                Err(unfit("`prediction_type` cannot be flow_prediction for this kind"))
            }
            PredictionType::Epsilon if self.rescale_betas_zero_snr => Err(unfit(
                "with `rescale_betas_zero_snr` the clean latents cannot be had from epsilon",
            )),
            _ => Ok(()),
        }
    }

    fn betas(&self) -> Betas {
        Betas {
            timesteps: self.num_train_timesteps,
            schedule: self.beta_schedule,
            start: self.beta_start,
            end: self.beta_end,
            zero_snr: self.rescale_betas_zero_snr,
        }
    }
}

impl Lcm {
    pub(super) fn new(settings: &LcmSettings, steps: usize) -> Result<Self> {
        let original = settings.original_inference_steps;
        steps_within(steps, original)?;
        let stride = settings.num_train_timesteps / original;
        let trained = settings.betas().alphas();
        // Evenly over the timesteps of the distillation, from its noisiest.
        let apart = original as f64 / steps as f64;
        let distilled = (0..steps).map(|i| original - (i as f64 * apart) as usize);
        let timesteps: Vec<usize> = distilled.map(|nth| nth * stride - 1).collect();
        Ok(Self {
            prediction: settings.prediction_type,
            clip: settings.clip_sample.then_some(settings.clip_sample_range),
            timestep_scaling: settings.timestep_scaling,
            alphas: timesteps.iter().map(|timestep| f64::from(trained[*timestep])).collect(),
            timesteps: timesteps.iter().map(|timestep| *timestep as f32).collect(),
        })
    }
}

impl Scheduler for Lcm {
    fn timesteps(&self) -> &[f32] {
        &self.timesteps
    }

    fn wants_noise(&self, step: usize) -> bool {
        step + 1 < self.timesteps.len()
    }

    fn step(
        &mut self,
        step: usize,
        latents: &mut [f32],
        prediction: &[f32],
        noise: Option<&[f32]>,
    ) -> Result<()> {
        check(step, self.timesteps.len(), latents, prediction)?;
        let noise = if self.wants_noise(step) { noise_for(latents, noise)? } else { &[] };
        // The network's share vanishes at timestep 0, where the latents are clean (equation 9).
        let time = f64::from(self.timesteps[step]) * self.timestep_scaling;
        let size = time * time + SIGMA_DATA * SIGMA_DATA;
        let (skip, out) = (SIGMA_DATA * SIGMA_DATA / size, time / size.sqrt());
        let share = self.alphas[step];
        let clean = self.prediction.clean(share.sqrt(), (1.0 - share).sqrt());
        let next = self.alphas.get(step + 1).copied().unwrap_or(1.0);
        let (alpha_next, sigma_next) = (next.sqrt(), (1.0 - next).sqrt());
        for (i, latent) in latents.iter_mut().enumerate() {
            let mut estimate = clean.at(*latent, prediction[i]);
            if let Some(range) = self.clip {
                estimate = estimate.clamp(-range, range);
            }
            let denoised = out * estimate + skip * f64::from(*latent);
            let fresh = noise.get(i).map_or(0.0, |draw| f64::from(*draw));
            *latent = (alpha_next * denoised + sigma_next * fresh) as f32;
        }
        Ok(())
    }
}
