//! UniPC: a predictor and a corrector that look back at earlier steps.

use std::collections::VecDeque;

use serde::Deserialize;

use super::betas::{BetaSchedule, Betas};
use super::latents::{check, misused};
use super::levels::{
    FinalSigmasType, TimestepSpacing, falling, interpolate, karras, linspace, place, shifted,
};
use super::prediction::PredictionType;
use super::settings::{in_range, steps_within, unfit};
use super::{Result, Scheduler};

/// The highest order: beyond it there is nothing to gain.
const ORDERS: usize = 3;
/// Pure noise has no signal whose logarithm could be taken: the first flow level stays this short.
const SHORT_OF_NOISE: f64 = 1e-6;

/// The settings of a [`UniPc`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UniPcSettings {
    num_train_timesteps: usize,
    beta_start: f64,
    beta_end: f64,
    beta_schedule: BetaSchedule,
    rescale_betas_zero_snr: bool,
    prediction_type: PredictionType,
    solver_order: usize,
    solver_type: SolverType,
    predict_x0: bool,
    lower_order_final: bool,
    disable_corrector: Vec<usize>,
    use_karras_sigmas: bool,
    sigma_min: Option<f64>,
    sigma_max: Option<f64>,
    use_flow_sigmas: bool,
    flow_shift: f64,
    timestep_spacing: TimestepSpacing,
    steps_offset: usize,
    final_sigmas_type: FinalSigmasType,
}

/// The function B(h) of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SolverType {
    /// h.
    Bh1,
    /// e^h − 1.
    Bh2,
}

/// UniPC-p (Zhao et al. 2023, arXiv 2302.04867): each step first corrects the latents with the
/// prediction made of them, then predicts the next ones.
///
/// Both are weighted sums of the latents before the step and of the last estimates (of the clean
/// latents, or of the noise), with weights that depend on the levels alone.
pub(crate) struct UniPc {
    settings: UniPcSettings,
    timesteps: Vec<f32>,
    sigmas: Vec<f32>,
    /// The estimates of the last steps, the newest first; at most `solver_order`.
    estimates: VecDeque<Vec<f32>>,
    /// The corrected latents of the last step.
    corrected: Vec<f32>,
}

/// The weights of one update.
struct Weights {
    latents: f64,
    /// Of the estimate where the update starts, and of those before it.
    estimates: [f64; ORDERS],
    /// Of the estimate where it ends, which a corrector knows.
    next: f64,
}

/// Which of the two an update is.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Predictor,
    Corrector,
}

impl Default for UniPcSettings {
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            rescale_betas_zero_snr: false,
            prediction_type: PredictionType::Epsilon,
            solver_order: 2,
            solver_type: SolverType::Bh2,
            predict_x0: true,
            lower_order_final: true,
            disable_corrector: Vec::new(),
            use_karras_sigmas: false,
            sigma_min: None,
            sigma_max: None,
            use_flow_sigmas: false,
            flow_shift: 1.0,
            timestep_spacing: TimestepSpacing::Linspace,
            steps_offset: 0,
            final_sigmas_type: FinalSigmasType::Zero,
        }
    }
}

impl UniPcSettings {
    pub(super) fn check(&self) -> Result<()> {
        self.betas().check()?;
        in_range("solver_order", self.solver_order, 1..=ORDERS)?;
        in_range("flow_shift", self.flow_shift, 0.001..=1000.0)?;
        in_range("steps_offset", self.steps_offset, 0..=self.num_train_timesteps)?;
        let (least, most) = (self.sigma_min.unwrap_or(1e-6), self.sigma_max.unwrap_or(1e6));
        in_range("sigma_max", most, 1e-6..=1e6)?;
        in_range("sigma_min", least, 1e-6..=most)?;
        let to_zero = self.final_sigmas_type == FinalSigmasType::Zero;
        let flow = self.prediction_type == PredictionType::FlowPrediction;
        for (wrong, why) in [
            (
                to_zero && !self.lower_order_final && self.solver_order > 1,
                "without `lower_order_final` it cannot step to `final_sigmas_type` zero",
            ),
            (
                to_zero && !self.predict_x0,
                "without `predict_x0` it cannot step to `final_sigmas_type` zero",
            ),
            (flow && !self.predict_x0, "flow_prediction needs `predict_x0`"),
            (flow && !self.use_flow_sigmas, "flow_prediction needs `use_flow_sigmas`"),
            (
                self.use_flow_sigmas && self.use_karras_sigmas,
                "`use_flow_sigmas` and `use_karras_sigmas` exclude each other",
            ),
        ] {
            if wrong {
                return Err(unfit(why));
            }
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

    /// Timesteps, levels, and the level where sampling ends.
    fn levels(&self, steps: usize) -> Result<(Vec<f64>, Vec<f64>, f64)> {
        let train = self.num_train_timesteps;
        let (timesteps, levels, least) = if self.use_flow_sigmas {
            let mut levels = linspace(1.0, 1.0 / train as f64, steps + 1);
            levels.pop();
            for level in &mut levels {
                *level = shifted(*level, self.flow_shift);
            }
            if (levels[0] - 1.0).abs() < SHORT_OF_NOISE {
                levels[0] -= SHORT_OF_NOISE;
            }
            let timesteps = levels.iter().map(|level| (level * train as f64).trunc()).collect();
            let least = levels[steps - 1];
            (timesteps, levels, least)
        } else {
            let trained = self.betas().sigmas()?;
            if self.use_karras_sigmas {
                let most = self.sigma_max.unwrap_or(f64::from(trained[train - 1]));
                let levels = karras(most, self.sigma_min.unwrap_or(f64::from(trained[0])), steps);
                let at = |level: &f64| place(*level, &trained).round_ties_even();
                let timesteps = levels.iter().map(at).collect();
                let least = levels[steps - 1];
                (timesteps, levels, least)
            } else {
                let spacing = self.timestep_spacing;
                let timesteps = spacing.short_of_last(train, steps, self.steps_offset);
                let levels = timesteps.iter().map(|t| interpolate(&trained, *t)).collect();
                (timesteps, levels, f64::from(trained[0]))
            }
        };
        let last = match self.final_sigmas_type {
            FinalSigmasType::Zero => 0.0,
            FinalSigmasType::SigmaMin => least,
        };
        Ok((timesteps, levels, last))
    }
}

impl UniPc {
    pub(super) fn new(settings: &UniPcSettings, steps: usize) -> Result<Self> {
        steps_within(steps, settings.num_train_timesteps)?;
        let (timesteps, levels, last) = settings.levels(steps)?;
        Ok(Self {
            settings: settings.clone(),
            timesteps: timesteps.iter().map(|timestep| *timestep as f32).collect(),
            sigmas: falling(&levels, last)?,
            estimates: VecDeque::new(),
            corrected: Vec::new(),
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

    /// λ = ln(α/σ), in which the differential equation is nearly linear.
    fn lambda(&self, level: usize) -> f64 {
        let (alpha, sigma) = self.mix(level);
        libm::log(alpha) - libm::log(sigma)
    }

    /// The order of a step: no more than there are estimates, and lower towards the end.
    fn order(&self, step: usize) -> usize {
        let most = self.settings.solver_order;
        let most = if self.settings.lower_order_final {
            most.min(self.timesteps.len() - step)
        } else {
            most
        };
        most.min(step + 1)
    }

    /// The update from level `from` to the next.
    fn weights(&self, from: usize, part: Part) -> Weights {
        let order = self.order(from);
        let mut weights = Weights { latents: 1.0, estimates: [0.0; ORDERS], next: 0.0 };
        let here = self.lambda(from);
        let h = self.lambda(from + 1) - here;
        if h == 0.0 {
            return weights;
        }
        let ((alpha, sigma), (alpha_next, sigma_next)) = (self.mix(from), self.mix(from + 1));
        let (h_signed, scale) = if self.settings.predict_x0 {
            weights.latents = sigma_next / sigma;
            (-h, alpha_next)
        } else {
            weights.latents = alpha_next / alpha;
            (h, sigma_next)
        };
        let growth = libm::expm1(h_signed);
        weights.estimates[0] = -scale * growth;

        let b_h = match self.settings.solver_type {
            SolverType::Bh1 => h_signed,
            SolverType::Bh2 => growth,
        };
        let mut places = [1.0; ORDERS];
        for (i, place) in places[..order - 1].iter_mut().enumerate() {
            *place = (self.lambda(from - 1 - i) - here) / h;
        }
        // The paper's equation for the coefficients has simple solutions at the lowest orders.
        let rho = match (part, order) {
            (Part::Predictor, 1) => [0.0; ORDERS],
            (Part::Predictor, 2) | (Part::Corrector, 1) => [0.5, 0.0, 0.0],
            (Part::Predictor, _) => coefficients(&places[..order - 1], h_signed, growth, b_h),
            (Part::Corrector, _) => coefficients(&places[..order], h_signed, growth, b_h),
        };
        for i in 0..order - 1 {
            let weight = -scale * b_h * rho[i] / places[i];
            weights.estimates[i + 1] += weight;
            weights.estimates[0] -= weight;
        }
        if part == Part::Corrector {
            weights.next = -scale * b_h * rho[order - 1];
            weights.estimates[0] -= weights.next;
        }
        weights
    }
}

/// ρ with Σₘ rₘᵏ⁻¹·ρₘ = k!·hφₖ₊₁(h)/B(h) for k = 1 … (Zhao et al. 2023, equation 7), r being the
/// `places` of the estimates in units of the step.
fn coefficients(places: &[f64], h: f64, growth: f64, b_h: f64) -> [f64; ORDERS] {
    let count = places.len();
    let mut rows = [[0.0; ORDERS + 1]; ORDERS];
    let (mut phi, mut factorial) = (growth / h - 1.0, 1.0);
    for (k, row) in rows[..count].iter_mut().enumerate() {
        for (cell, place) in row.iter_mut().zip(places) {
            *cell = libm::pow(*place, k as f64);
        }
        row[ORDERS] = phi * factorial / b_h;
        factorial *= (k + 2) as f64;
        phi = phi / h - 1.0 / factorial;
    }
    solve(&mut rows, count)
}

/// Gauss' elimination on the first `count` rows; the right-hand side stands in the last column.
///
/// Without a choice of pivots: the places differ, and the first row holds ones.
fn solve(rows: &mut [[f64; ORDERS + 1]; ORDERS], count: usize) -> [f64; ORDERS] {
    for pivot in 0..count {
        let with = rows[pivot];
        for (_, row) in rows[..count].iter_mut().enumerate().filter(|(i, _)| *i != pivot) {
            let factor = row[pivot] / with[pivot];
            for (cell, above) in row.iter_mut().zip(with) {
                *cell -= factor * above;
            }
        }
    }
    let mut solution = [0.0; ORDERS];
    for i in 0..count {
        solution[i] = rows[i][ORDERS] / rows[i][i];
    }
    solution
}

impl Scheduler for UniPc {
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
        let known = self.estimates.len();
        let order = self.settings.solver_order;
        let resized = step > 0 && self.corrected.len() != latents.len();
        if known != step.min(order) || resized {
            return Err(misused("steps out of order, or other latents than before"));
        }

        let (alpha, sigma) = self.mix(step);
        let estimate = if self.settings.predict_x0 {
            self.settings.prediction_type.clean(alpha, sigma)
        } else {
            self.settings.prediction_type.noise(alpha, sigma)
        };
        if step > 0 && !self.settings.disable_corrector.contains(&(step - 1)) {
            let weights = self.weights(step - 1, Part::Corrector);
            for (i, latent) in latents.iter_mut().enumerate() {
                *latent = estimate.at(*latent, prediction[i]) as f32;
                let mut sum = weights.latents * f64::from(self.corrected[i]);
                for (weight, estimates) in weights.estimates.iter().zip(&self.estimates) {
                    sum += weight * f64::from(estimates[i]);
                }
                self.corrected[i] = (sum + weights.next * f64::from(*latent)) as f32;
            }
        } else {
            self.corrected.clear();
            self.corrected.extend_from_slice(latents);
            for (latent, prediction) in latents.iter_mut().zip(prediction) {
                *latent = estimate.at(*latent, *prediction) as f32;
            }
        }

        // The latents' own memory holds the estimate now; the oldest one's place is free for it.
        let mut newest = if known == order { self.estimates.pop_back() } else { None }
            .unwrap_or_else(|| vec![0.0; latents.len()]);
        newest.copy_from_slice(latents);
        self.estimates.push_front(newest);
        let weights = self.weights(step, Part::Predictor);
        for (i, latent) in latents.iter_mut().enumerate() {
            let mut sum = weights.latents * f64::from(self.corrected[i]);
            for (weight, estimates) in weights.estimates.iter().zip(&self.estimates) {
                sum += weight * f64::from(estimates[i]);
            }
            *latent = sum as f32;
        }
        Ok(())
    }

    /// The estimates, the newest first, then the corrected latents.
    fn state(&self) -> Vec<&[f32]> {
        let mut state: Vec<&[f32]> = self.estimates.iter().map(Vec::as_slice).collect();
        if !state.is_empty() {
            state.push(&self.corrected);
        }
        state
    }

    fn restore(&mut self, mut state: Vec<Vec<f32>>) -> Result<()> {
        let corrected = state.pop().unwrap_or_default();
        let same = state.iter().all(|estimate| estimate.len() == corrected.len());
        if !same || state.len() > self.settings.solver_order {
            return Err(misused("a state that it has not"));
        }
        self.corrected = corrected;
        self.estimates = state.into();
        Ok(())
    }
}
