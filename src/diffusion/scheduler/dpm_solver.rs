//! DPM-Solver++(2M): a solver that looks back at one earlier step.

use serde::Deserialize;

use super::betas::{BetaSchedule, Betas};
use super::latents::{check, misused};
use super::levels::{
    FinalSigmasType, TimestepSpacing, falling, interpolate, karras, linspace, place, shifted,
};
use super::prediction::PredictionType;
use super::settings::{in_range, steps_within, unfit};
use super::{Result, Scheduler};

/// From this many steps on the last one may keep its order.
const MANY_STEPS: usize = 15;

/// The settings of a [`DpmSolver`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DpmSolverSettings {
    num_train_timesteps: usize,
    beta_start: f64,
    beta_end: f64,
    beta_schedule: BetaSchedule,
    rescale_betas_zero_snr: bool,
    prediction_type: PredictionType,
    solver_order: usize,
    solver_type: SolverType,
    algorithm_type: AlgorithmType,
    lower_order_final: bool,
    euler_at_final: bool,
    use_karras_sigmas: bool,
    use_flow_sigmas: bool,
    flow_shift: f64,
    timestep_spacing: TimestepSpacing,
    steps_offset: usize,
    final_sigmas_type: FinalSigmasType,
}

/// The one solver of the second order that is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SolverType {
    Midpoint,
}

/// The one algorithm that is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum AlgorithmType {
    #[serde(rename = "dpmsolver++")]
    DpmSolverPlusPlus,
}

/// DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095, algorithm 2):
/// x' = σ'/σ·x − α'·(e^(−h) − 1)·(D₀ + D₁/2), D₀ being the clean latents and D₁ their slope over
/// λ = ln(α/σ) times the step h.
pub(crate) struct DpmSolver {
    settings: DpmSolverSettings,
    timesteps: Vec<f32>,
    sigmas: Vec<f32>,
    /// The clean latents of the last step.
    clean: Vec<f32>,
}

impl Default for DpmSolverSettings {
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            rescale_betas_zero_snr: false,
            prediction_type: PredictionType::Epsilon,
            solver_order: 2,
            solver_type: SolverType::Midpoint,
            algorithm_type: AlgorithmType::DpmSolverPlusPlus,
            lower_order_final: true,
            euler_at_final: false,
            use_karras_sigmas: false,
            use_flow_sigmas: false,
            flow_shift: 1.0,
            timestep_spacing: TimestepSpacing::Linspace,
            steps_offset: 0,
            final_sigmas_type: FinalSigmasType::Zero,
        }
    }
}

impl DpmSolverSettings {
    pub(super) fn check(&self) -> Result<()> {
        self.betas().check()?;
        in_range("solver_order", self.solver_order, 2..=2)?;
        in_range("flow_shift", self.flow_shift, 0.001..=1000.0)?;
        in_range("steps_offset", self.steps_offset, 0..=self.num_train_timesteps)?;
        let flow = self.prediction_type == PredictionType::FlowPrediction;
        if flow && !self.use_flow_sigmas {
            return Err(unfit("flow_prediction needs `use_flow_sigmas`"));
        }
        if self.use_flow_sigmas && self.use_karras_sigmas {
            return Err(unfit("`use_flow_sigmas` and `use_karras_sigmas` exclude each other"));
        }
        Ok(())
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

    /// Timesteps and levels.
    fn levels(&self, steps: usize, trained: &[f32]) -> (Vec<f64>, Vec<f64>) {
        let train = self.num_train_timesteps;
        if self.use_karras_sigmas {
            let levels = karras(f64::from(trained[train - 1]), f64::from(trained[0]), steps);
            let cosine = self.beta_schedule == BetaSchedule::SquaredCosine;
            let at = |level: &f64| {
                let place = place(*level, trained);
                if cosine { place.trunc() } else { place.round_ties_even() }
            };
            (levels.iter().map(at).collect(), levels)
        } else if self.use_flow_sigmas {
            let mut levels = linspace(1.0, 1.0 / train as f64, steps + 1);
            for level in &mut levels {
                *level = shifted(1.0 - *level, self.flow_shift);
            }
            levels.reverse();
            levels.pop();
            (levels.iter().map(|level| (level * train as f64).trunc()).collect(), levels)
        } else {
            let timesteps = self.timestep_spacing.short_of_last(train, steps, self.steps_offset);
            let levels = timesteps.iter().map(|t| interpolate(trained, *t)).collect();
            (timesteps, levels)
        }
    }
}

impl DpmSolver {
    pub(super) fn new(settings: &DpmSolverSettings, steps: usize) -> Result<Self> {
        steps_within(steps, settings.num_train_timesteps)?;
        let trained = settings.betas().sigmas()?;
        let (timesteps, levels) = settings.levels(steps, &trained);
        let last = match settings.final_sigmas_type {
            FinalSigmasType::Zero => 0.0,
            FinalSigmasType::SigmaMin => f64::from(trained[0]),
        };
        Ok(Self {
            settings: settings.clone(),
            timesteps: timesteps.iter().map(|timestep| *timestep as f32).collect(),
            sigmas: falling(&levels, last)?,
            clean: Vec::new(),
        })
    }

    /// α and σ at a level, x = α·clean + σ·noise.
    fn mix(&self, level: usize) -> (f64, f64) {
        let sigma = f64::from(self.sigmas[level]);
        if self.settings.use_flow_sigmas {
            (1.0 - sigma, sigma)
        } else {
            let alpha = 1.0 / (sigma * sigma + 1.0).sqrt();
            (alpha, sigma * alpha)
        }
    }

    fn lambda(&self, level: usize) -> f64 {
        let (alpha, sigma) = self.mix(level);
        libm::log(alpha) - libm::log(sigma)
    }

    /// Whether a step does without the one before.
    fn is_first_order(&self, step: usize) -> bool {
        let steps = self.timesteps.len();
        let settings = &self.settings;
        let lower_at_last = settings.euler_at_final
            || (settings.lower_order_final && steps < MANY_STEPS)
            || settings.final_sigmas_type == FinalSigmasType::Zero;
        step == 0 || (step == steps - 1 && lower_at_last)
    }

    /// The weights of the latents, of their clean latents and of those of the step before.
    fn weights(&self, step: usize) -> [f64; 3] {
        let here = self.lambda(step);
        let h = self.lambda(step + 1) - here;
        if h == 0.0 {
            return [1.0, 0.0, 0.0];
        }
        let (alpha_next, sigma_next) = self.mix(step + 1);
        let keep = sigma_next / self.mix(step).1;
        let gain = -alpha_next * libm::expm1(-h);
        if self.is_first_order(step) {
            return [keep, gain, 0.0];
        }
        let slope = 0.5 * gain * h / (here - self.lambda(step - 1));
        [keep, gain + slope, -slope]
    }
}

impl Scheduler for DpmSolver {
    fn timesteps(&self) -> &[f32] {
        &self.timesteps
    }

    fn sigmas(&self) -> &[f32] {
        &self.sigmas
    }

    fn step(
        &mut self,
        step: usize,
        latents: &mut [f32],
        prediction: &[f32],
        _noise: Option<&[f32]>,
    ) -> Result<()> {
        check(step, self.timesteps.len(), latents, prediction)?;
        if step == 0 {
            self.clean = vec![0.0; latents.len()];
        } else if self.clean.len() != latents.len() {
            return Err(misused("steps out of order, or other latents than before"));
        }
        let (alpha, sigma) = self.mix(step);
        let clean = self.settings.prediction_type.clean(alpha, sigma);
        let [of_latents, of_clean, of_before] = self.weights(step);
        for ((latent, prediction), before) in
            latents.iter_mut().zip(prediction).zip(&mut self.clean)
        {
            let now = clean.at(*latent, *prediction) as f32;
            let sum = of_latents * f64::from(*latent)
                + of_clean * f64::from(now)
                + of_before * f64::from(*before);
            (*latent, *before) = (sum as f32, now);
        }
        Ok(())
    }

    fn state(&self) -> Vec<&[f32]> {
        if self.clean.is_empty() { Vec::new() } else { vec![&self.clean] }
    }

    fn restore(&mut self, mut state: Vec<Vec<f32>>) -> Result<()> {
        if state.len() > 1 {
            return Err(misused("a state that it has not"));
        }
        self.clean = state.pop().unwrap_or_default();
        Ok(())
    }
}
