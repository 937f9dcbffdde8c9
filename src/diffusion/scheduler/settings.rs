//! The scheduler that a pack names.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::Deserialize;
use serde_json::Value;

use super::Scheduler;
use super::ddim::{Ddim, DdimSettings};
use super::dpm_solver::{DpmSolver, DpmSolverSettings};
use super::euler::{EulerDiscrete, EulerDiscreteSettings};
use super::flow_match::{FlowMatchEuler, FlowMatchEulerSettings};
use super::lcm::{Lcm, LcmSettings};
use super::unipc::{UniPc, UniPcSettings};
use crate::error::{Detail, Error, Result};

/// A pack's `scheduler`: `type` says which kind, the other fields are those of diffusers' config
/// that matter for it, by the same names and with the same defaults.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type")]
pub(crate) enum SchedulerSettings {
    /// diffusers' `EulerDiscreteScheduler`.
    EulerDiscrete(EulerDiscreteSettings),
    /// diffusers' `FlowMatchEulerDiscreteScheduler`.
    FlowMatchEuler(FlowMatchEulerSettings),
    /// diffusers' `UniPCMultistepScheduler`.
    #[serde(rename = "UniPC")]
    UniPc(UniPcSettings),
    /// diffusers' `DPMSolverMultistepScheduler` as DPM-Solver++(2M).
    #[serde(rename = "DPMSolver++2M")]
    DpmSolver(DpmSolverSettings),
    /// diffusers' `DDIMScheduler` with η = 0.
    #[serde(rename = "DDIM")]
    Ddim(DdimSettings),
    /// diffusers' `LCMScheduler`.
    #[serde(rename = "LCM")]
    Lcm(LcmSettings),
}

/// How the levels of a run are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Steps<'s> {
    /// That many, spread as the scheduler does it.
    Count(usize),
    /// These shares of noise, falling, one per step; the scheduler shifts them and ends at 0. For
    /// [`SchedulerSettings::FlowMatchEuler`] alone.
    Sigmas(&'s [f64]),
}

impl SchedulerSettings {
    /// Reads a pack's `scheduler` object and checks its numbers.
    ///
    /// # Errors
    /// `model.scheduler` for a kind or a field that is not known, and for numbers out of range.
    pub(crate) fn from_json(json: &Value) -> Result<Self> {
        let settings = Self::deserialize(json).map_err(|e| unfit(&format!("{e}")))?;
        settings.check()?;
        Ok(settings)
    }

    /// # Errors
    /// `model.scheduler` for numbers out of range.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::EulerDiscrete(settings) => settings.check(),
            Self::FlowMatchEuler(settings) => settings.check(),
            Self::UniPc(settings) => settings.check(),
            Self::DpmSolver(settings) => settings.check(),
            Self::Ddim(settings) => settings.check(),
            Self::Lcm(settings) => settings.check(),
        }
    }

    /// A scheduler for one run.
    ///
    /// `sequence_length` is the number of tokens that the network sees, latent frames × height ×
    /// width over its patches; only a FlowMatchEuler with `use_dynamic_shifting` reads it.
    ///
    /// # Errors
    /// `request.steps` when that many steps cannot be made, `model.scheduler` as
    /// [`check`](Self::check).
    pub(crate) fn scheduler(
        &self,
        steps: Steps<'_>,
        sequence_length: usize,
    ) -> Result<Box<dyn Scheduler>> {
        self.check()?;
        Ok(match self {
            Self::EulerDiscrete(settings) => {
                Box::new(EulerDiscrete::new(settings, steps.count()?)?)
            }
            Self::FlowMatchEuler(settings) => {
                Box::new(FlowMatchEuler::new(settings, steps, sequence_length)?)
            }
            Self::UniPc(settings) => Box::new(UniPc::new(settings, steps.count()?)?),
            Self::DpmSolver(settings) => Box::new(DpmSolver::new(settings, steps.count()?)?),
            Self::Ddim(settings) => Box::new(Ddim::new(settings, steps.count()?)?),
            Self::Lcm(settings) => Box::new(Lcm::new(settings, steps.count()?)?),
        })
    }
}

impl Steps<'_> {
    fn count(self) -> Result<usize> {
        match self {
            Self::Count(count) => Ok(count),
            Self::Sigmas(_) => Err(unfit("this kind takes no noise levels, only a count of steps")),
        }
    }
}

/// # Errors
/// `request.steps` unless 1 ≤ `steps` ≤ `most`.
pub(super) fn steps_within(steps: usize, most: usize) -> Result<()> {
    if (1..=most).contains(&steps) {
        return Ok(());
    }
    let message = format!(
        "This model's scheduler takes 1 to {most} steps, not {steps}. Ask for fewer steps."
    );
    Err(Error::Request(Detail::new("request.steps", message)))
}

/// # Errors
/// `model.scheduler` unless `value` lies in `range`.
pub(super) fn in_range<T: PartialOrd + Display>(
    field: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = (range.start(), range.end());
    Err(unfit(&format!("`{field}` is {value}; it has to lie between {least} and {most}")))
}

pub(super) fn unfit(why: &str) -> Error {
    let message = format!(
        "The pack's scheduler cannot be used: {why}. Export the pack again from the model's own \
         scheduler settings, or take a pack made for this version of Kinora."
    );
    Error::Model(Detail::new("model.scheduler", message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_pack_may_not_say_is_refused_with_the_field_named() {
        for (json, named) in [
            (json!({"type": "Heun"}), "Heun"),
            (json!({"beta_start": 0.1}), "type"),
            (json!({"type": "EulerDiscrete", "sigma_least": 0.1}), "sigma_least"),
            (
                json!({"type": "EulerDiscrete", "prediction_type": "flow_prediction"}),
                "prediction_type",
            ),
            (json!({"type": "EulerDiscrete", "beta_end": 1.5}), "beta_end"),
            (json!({"type": "EulerDiscrete", "beta_end": "much"}), "much"),
            (json!({"type": "EulerDiscrete", "num_train_timesteps": 1}), "num_train_timesteps"),
            (json!({"type": "EulerDiscrete", "num_train_timesteps": 1_000_000_000}), "num_train"),
            (json!({"type": "EulerDiscrete", "sigma_min": 2.0, "sigma_max": 1.0}), "sigma_min"),
            (json!({"type": "EulerDiscrete", "steps_offset": 5000}), "steps_offset"),
            (json!({"type": "FlowMatchEuler", "shift": 0.0}), "shift"),
            (json!({"type": "FlowMatchEuler", "shift_terminal": 1.0}), "shift_terminal"),
            (
                json!({"type": "FlowMatchEuler", "use_dynamic_shifting": true,
                    "base_image_seq_len": 64, "max_image_seq_len": 64}),
                "max_image_seq_len",
            ),
            (json!({"type": "UniPC", "solver_order": 4}), "solver_order"),
            (json!({"type": "UniPC", "solver_type": "heun"}), "heun"),
            (json!({"type": "UniPC", "lower_order_final": false}), "lower_order_final"),
            (json!({"type": "UniPC", "predict_x0": false}), "predict_x0"),
            (json!({"type": "DPMSolver++2M", "solver_order": 3}), "solver_order"),
            (json!({"type": "DPMSolver++2M", "algorithm_type": "dpmsolver"}), "dpmsolver"),
            (json!({"type": "DDIM", "rescale_betas_zero_snr": true}), "rescale_betas_zero_snr"),
            (json!({"type": "DDIM", "clip_sample_range": -1.0}), "clip_sample_range"),
            (json!({"type": "LCM", "original_inference_steps": 0}), "original_inference_steps"),
        ] {
            let error = SchedulerSettings::from_json(&json).unwrap_err();
            assert_eq!(error.code(), "model.scheduler", "{json}");
            let told = error.to_string();
            assert!(told.contains(named) && told.contains("Export the pack again"), "{told}");
        }
    }

    #[test]
    fn betas_without_any_signal_are_refused_when_a_run_is_made() {
        let json = json!({"type": "EulerDiscrete", "beta_start": 0.9, "beta_end": 0.99});
        let settings = SchedulerSettings::from_json(&json).unwrap();
        let error = settings.scheduler(Steps::Count(8), 0).err().unwrap();
        assert_eq!(error.code(), "model.scheduler");
    }

    #[test]
    fn steps_that_cannot_be_made_are_the_requests_fault() {
        for kind in ["EulerDiscrete", "FlowMatchEuler", "UniPC", "DPMSolver++2M", "DDIM", "LCM"] {
            let settings = SchedulerSettings::from_json(&json!({"type": kind})).unwrap();
            for steps in [0, 1001, usize::MAX] {
                let error = settings.scheduler(Steps::Count(steps), 64).err().unwrap();
                assert_eq!(error.code(), "request.steps", "{kind} {steps}");
            }
            for steps in [1, 2, 50] {
                let scheduler = settings.scheduler(Steps::Count(steps), 64).unwrap();
                assert_eq!(scheduler.timesteps().len(), steps);
            }
        }
    }

    #[test]
    fn only_flow_matching_takes_levels() {
        let levels = Steps::Sigmas(&[1.0, 0.5]);
        let flow = SchedulerSettings::from_json(&json!({"type": "FlowMatchEuler"})).unwrap();
        assert_eq!(flow.scheduler(levels, 64).unwrap().sigmas(), [1.0, 0.5, 0.0]);
        let other = SchedulerSettings::from_json(&json!({"type": "UniPC"})).unwrap();
        assert_eq!(other.scheduler(levels, 64).err().unwrap().code(), "model.scheduler");
        for wrong in [&[][..], &[0.5, 1.0], &[2.0, 1.0], &[1.0, f64::NAN], &[0.5, 0.5]] {
            assert!(flow.scheduler(Steps::Sigmas(wrong), 64).is_err(), "{wrong:?}");
        }
    }
}
