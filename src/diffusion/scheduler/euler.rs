//! EulerDiscrete: Euler's method where noise is added without shrinking the signal.

use std::borrow::Cow;

use serde::Deserialize;

use super::betas::{BetaSchedule, Betas};
use super::latents::check;
use super::levels::{FinalSigmasType, TimestepSpacing, falling, interpolate, karras, place};
use super::prediction::PredictionType;
use super::settings::{in_range, steps_within, unfit};
use super::{Result, Scheduler};

/// The settings of an [`EulerDiscrete`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EulerDiscreteSettings {
    num_train_timesteps: usize,
    beta_start: f64,
    beta_end: f64,
    beta_schedule: BetaSchedule,
    rescale_betas_zero_snr: bool,
    prediction_type: PredictionType,
    use_karras_sigmas: bool,
    sigma_min: Option<f64>,
    sigma_max: Option<f64>,
    timestep_spacing: TimestepSpacing,
    timestep_type: TimestepType,
    steps_offset: usize,
    final_sigmas_type: FinalSigmasType,
}

/// What the network is told of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TimestepType {
    /// Its place among the timesteps of training.
    Discrete,
    /// ¼·ln σ, where the network predicts v; as `Discrete` elsewhere.
    Continuous,
}

/// Euler's method on dx/dσ = (x − clean)/σ (Karras et al. 2022, arXiv 2206.00364, algorithm 1),
/// x = clean + σ·noise; the network sees x/√(σ² + 1).
pub(crate) struct EulerDiscrete {
    prediction: PredictionType,
    init_noise_sigma: f32,
    timesteps: Vec<f32>,
    sigmas: Vec<f32>,
}

impl Default for EulerDiscreteSettings {
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            rescale_betas_zero_snr: false,
            prediction_type: PredictionType::Epsilon,
            use_karras_sigmas: false,
            sigma_min: None,
            sigma_max: None,
            timestep_spacing: TimestepSpacing::Linspace,
            timestep_type: TimestepType::Discrete,
            steps_offset: 0,
            final_sigmas_type: FinalSigmasType::Zero,
        }
    }
}

impl EulerDiscreteSettings {
    pub(super) fn check(&self) -> Result<()> {
        self.betas().check()?;
        in_range("steps_offset", self.steps_offset, 0..=self.num_train_timesteps)?;
        if self.prediction_type == PredictionType::FlowPrediction {
            return Err(unfit("`prediction_type` cannot be flow_prediction for this kind"));
        }
        let (least, most) = (self.sigma_min.unwrap_or(1e-6), self.sigma_max.unwrap_or(1e6));
        in_range("sigma_max", most, 1e-6..=1e6)?;
        in_range("sigma_min", least, 1e-6..=most)
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

impl EulerDiscrete {
    pub(super) fn new(settings: &EulerDiscreteSettings, steps: usize) -> Result<Self> {
        let train = settings.num_train_timesteps;
        steps_within(steps, train)?;
        let trained = settings.betas().sigmas()?;
        let spacing = settings.timestep_spacing;
        let mut timesteps = spacing.timesteps(train, steps, settings.steps_offset);
        let at = |timestep: &f64| interpolate(&trained, f64::from(*timestep as f32));
        let mut levels: Vec<f64> = timesteps.iter().map(at).collect();
        if settings.use_karras_sigmas {
            let most = settings.sigma_max.unwrap_or(levels[0]);
            let least = settings.sigma_min.unwrap_or(levels[steps - 1]);
            levels = karras(most, least, steps);
            timesteps = levels.iter().map(|level| place(*level, &trained)).collect();
        }
        let last = match settings.final_sigmas_type {
            FinalSigmasType::Zero => 0.0,
            FinalSigmasType::SigmaMin => f64::from(trained[0]),
        };
        let sigmas = falling(&levels, last)?;
        let continuous = settings.timestep_type == TimestepType::Continuous
            && settings.prediction_type == PredictionType::VPrediction;
        let timesteps = if continuous {
            sigmas[..steps].iter().map(|sigma| 0.25 * libm::logf(*sigma)).collect()
        } else {
            timesteps.iter().map(|timestep| *timestep as f32).collect()
        };
        // Leading timesteps stop short of the noisiest, where the signal still has a part.
        let init_noise_sigma = match spacing {
            TimestepSpacing::Leading => (sigmas[0] * sigmas[0] + 1.0).sqrt(),
            TimestepSpacing::Linspace | TimestepSpacing::Trailing => sigmas[0],
        };
        Ok(Self { prediction: settings.prediction_type, init_noise_sigma, timesteps, sigmas })
    }
}

impl Scheduler for EulerDiscrete {
    fn timesteps(&self) -> &[f32] {
        &self.timesteps
    }

    fn sigmas(&self) -> &[f32] {
        &self.sigmas
    }

    fn init_noise_sigma(&self) -> f32 {
        self.init_noise_sigma
    }

    fn scale_input<'l>(&self, step: usize, latents: &'l [f32]) -> Cow<'l, [f32]> {
        let sigma = self.sigmas[step];
        let size = (sigma * sigma + 1.0).sqrt();
        latents.iter().map(|latent| latent / size).collect()
    }

    fn step(
        &mut self,
        step: usize,
        latents: &mut [f32],
        prediction: &[f32],
        _noise: Option<&[f32]>,
    ) -> Result<()> {
        check(step, self.timesteps.len(), latents, prediction)?;
        let (from, to) = (self.sigmas[step], self.sigmas[step + 1]);
        let variance = from * from + 1.0;
        // In f32 and in diffusers' order: where σ falls from 700 to nothing in one step, the
        // rounding of the noise is what is left most visibly, and records have it.
        match self.prediction {
            PredictionType::Epsilon => descend(latents, prediction, from, to, |x, m| x - from * m),
            PredictionType::VPrediction => {
                let out = -from / variance.sqrt();
                descend(latents, prediction, from, to, |x, m| m * out + x / variance);
            }
            PredictionType::Sample | PredictionType::FlowPrediction => {
                descend(latents, prediction, from, to, |_, m| m);
            }
        }
        Ok(())
    }
}

/// x' = x + (x − clean)/σ · (σ' − σ).
fn descend(
    latents: &mut [f32],
    prediction: &[f32],
    from: f32,
    to: f32,
    clean: impl Fn(f32, f32) -> f32,
) {
    for (latent, prediction) in latents.iter_mut().zip(prediction) {
        let slope = (*latent - clean(*latent, *prediction)) / from;
        *latent += slope * (to - from);
    }
}
