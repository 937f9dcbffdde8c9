//! DDIM without noise of its own.

use serde::Deserialize;

use super::betas::{BetaSchedule, Betas};
use super::latents::check;
use super::levels::TimestepSpacing;
use super::prediction::PredictionType;
use super::settings::{in_range, steps_within, unfit};
use super::{Result, Scheduler};

/// The settings of a [`Ddim`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DdimSettings {
    num_train_timesteps: usize,
    beta_start: f64,
    beta_end: f64,
    beta_schedule: BetaSchedule,
    rescale_betas_zero_snr: bool,
    prediction_type: PredictionType,
    clip_sample: bool,
    clip_sample_range: f64,
    set_alpha_to_one: bool,
    steps_offset: usize,
    timestep_spacing: TimestepSpacing,
}

/// DDIM with η = 0 (Song et al. 2021, arXiv 2010.02502, equation 12):
/// x' = √ᾱ'·clean + √(1 − ᾱ')·noise, both as the prediction has them.
pub(crate) struct Ddim {
    prediction: PredictionType,
    clip: Option<f64>,
    timesteps: Vec<f32>,
    /// ᾱ where each step starts, and where it ends.
    alphas: Vec<[f64; 2]>,
}

impl Default for DdimSettings {
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            rescale_betas_zero_snr: false,
            prediction_type: PredictionType::Epsilon,
            clip_sample: true,
            clip_sample_range: 1.0,
            set_alpha_to_one: true,
            steps_offset: 0,
            timestep_spacing: TimestepSpacing::Leading,
        }
    }
}

impl DdimSettings {
    pub(super) fn check(&self) -> Result<()> {
        self.betas().check()?;
        in_range("clip_sample_range", self.clip_sample_range, 1e-6..=1e6)?;
        in_range("steps_offset", self.steps_offset, 0..=self.num_train_timesteps)?;
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

impl Ddim {
    pub(super) fn new(settings: &DdimSettings, steps: usize) -> Result<Self> {
        let train = settings.num_train_timesteps;
        steps_within(steps, train)?;
        let alphas = settings.betas().alphas();
        let last = if settings.set_alpha_to_one { 1.0 } else { f64::from(alphas[0]) };
        let mut timesteps =
            settings.timestep_spacing.timesteps(train, steps, settings.steps_offset);
        let mut pairs = Vec::with_capacity(steps);
        for timestep in &mut timesteps {
            *timestep = timestep.round_ties_even();
            let at = *timestep as usize;
            let from = alphas.get(at).copied().ok_or_else(|| {
                unfit(&format!("`steps_offset` leads past the training timesteps at {steps} steps"))
            })?;
            // Always a whole stride down, however the timesteps are spread.
            let to = at.checked_sub(train / steps).map_or(last, |to| f64::from(alphas[to]));
            pairs.push([f64::from(from), to]);
        }
        Ok(Self {
            prediction: settings.prediction_type,
            clip: settings.clip_sample.then_some(settings.clip_sample_range),
            timesteps: timesteps.iter().map(|timestep| *timestep as f32).collect(),
            alphas: pairs,
        })
    }
}

impl Scheduler for Ddim {
    fn timesteps(&self) -> &[f32] {
        &self.timesteps
    }

    fn step(
        &mut self,
        step: usize,
        latents: &mut [f32],
        prediction: &[f32],
        _noise: Option<&[f32]>,
    ) -> Result<()> {
        check(step, self.timesteps.len(), latents, prediction)?;
        let [[alpha, sigma], [alpha_next, sigma_next]] =
            self.alphas[step].map(|share| [share.sqrt(), (1.0 - share).sqrt()]);
        let (clean, noise) =
            (self.prediction.clean(alpha, sigma), self.prediction.noise(alpha, sigma));
        for (latent, prediction) in latents.iter_mut().zip(prediction) {
            let mut estimate = clean.at(*latent, *prediction);
            if let Some(range) = self.clip {
                estimate = estimate.clamp(-range, range);
            }
            let sum = alpha_next * estimate + sigma_next * noise.at(*latent, *prediction);
            *latent = sum as f32;
        }
        Ok(())
    }
}
