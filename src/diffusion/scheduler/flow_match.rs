//! FlowMatchEuler: Euler's method on the straight paths of flow matching.

use serde::Deserialize;

use super::latents::{blend, check, noise_for};
use super::levels::{falling, linspace, shifted};
use super::settings::{Steps, in_range, steps_within, unfit};
use super::{Result, Scheduler};

/// The shifts that a network may ask for; a mu of 10 is a shift of 22,026.
const SHIFTS: std::ops::RangeInclusive<f64> = 0.001..=1000.0;
const MUS: std::ops::RangeInclusive<f64> = -10.0..=10.0;

/// The settings of a [`FlowMatchEuler`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FlowMatchEulerSettings {
    num_train_timesteps: usize,
    shift: f64,
    use_dynamic_shifting: bool,
    base_shift: f64,
    max_shift: f64,
    base_image_seq_len: usize,
    max_image_seq_len: usize,
    shift_terminal: Option<f64>,
    time_shift_type: TimeShiftType,
    stochastic_sampling: bool,
}

/// How mu becomes a shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TimeShiftType {
    /// The shift is e^mu.
    Exponential,
    /// The shift is mu.
    Linear,
}

/// Euler's method on x_σ = (1 − σ)·clean + σ·noise, where the network predicts the velocity
/// noise − clean (Lipman et al. 2023, arXiv 2210.02747).
///
/// The timesteps are σ times those of training.
pub(crate) struct FlowMatchEuler {
    stochastic: bool,
    timesteps: Vec<f32>,
    sigmas: Vec<f32>,
}

impl Default for FlowMatchEulerSettings {
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            shift: 1.0,
            use_dynamic_shifting: false,
            base_shift: 0.5,
            max_shift: 1.15,
            base_image_seq_len: 256,
            max_image_seq_len: 4096,
            shift_terminal: None,
            time_shift_type: TimeShiftType::Exponential,
            stochastic_sampling: false,
        }
    }
}

impl FlowMatchEulerSettings {
    pub(super) fn check(&self) -> Result<()> {
        in_range("num_train_timesteps", self.num_train_timesteps, 2..=10_000)?;
        in_range("shift", self.shift, SHIFTS)?;
        in_range("shift_terminal", self.shift_terminal.unwrap_or(0.0), 0.0..=0.999)?;
        if self.use_dynamic_shifting {
            let least = match self.time_shift_type {
                TimeShiftType::Exponential => *MUS.start(),
                TimeShiftType::Linear => *SHIFTS.start(),
            };
            in_range("base_shift", self.base_shift, least..=*MUS.end())?;
            in_range("max_shift", self.max_shift, least..=*MUS.end())?;
            if self.max_image_seq_len <= self.base_image_seq_len {
                return Err(unfit("`max_image_seq_len` is not above `base_image_seq_len`"));
            }
        }
        Ok(())
    }

    /// The shift for `sequence_length` tokens: mu lies on the line through (base length, base
    /// shift) and (max length, max shift) (Esser et al. 2024, arXiv 2403.03206, section 5.3.2, as
    /// Flux and LTX-Video use it).
    fn shift(&self, sequence_length: usize) -> Result<f64> {
        if !self.use_dynamic_shifting {
            return Ok(self.shift);
        }
        let (base, most) = (self.base_image_seq_len as f64, self.max_image_seq_len as f64);
        let slope = (self.max_shift - self.base_shift) / (most - base);
        let mu = sequence_length as f64 * slope + (self.base_shift - slope * base);
        let shift = match self.time_shift_type {
            TimeShiftType::Exponential => libm::exp(mu),
            TimeShiftType::Linear => mu,
        };
        if shift.is_finite() && shift > 0.0 {
            Ok(shift)
        } else {
            Err(unfit(&format!("its shifts do not reach to {sequence_length} tokens")))
        }
    }

    /// `steps` levels from pure noise to the first timestep of training.
    fn spread(&self, steps: usize) -> Vec<f64> {
        let train = self.num_train_timesteps as f64;
        // diffusers shifts the least level here and with all the others again.
        let least =
            if self.use_dynamic_shifting { 1.0 / train } else { shifted(1.0 / train, self.shift) };
        linspace(1.0, least, steps)
    }

    /// Stretches `levels` so that the last becomes `shift_terminal`.
    ///
    /// One level alone is the first as much as the last, and stays.
    fn stretch(&self, levels: &mut [f64]) {
        let Some(terminal) = self.shift_terminal.filter(|terminal| *terminal > 0.0) else { return };
        let Some(last) = levels.last().filter(|last| **last < 1.0) else { return };
        let stretch = (1.0 - last) / (1.0 - terminal);
        for level in levels {
            *level = 1.0 - (1.0 - *level) / stretch;
        }
    }
}

impl FlowMatchEuler {
    pub(super) fn new(
        settings: &FlowMatchEulerSettings,
        steps: Steps<'_>,
        sequence_length: usize,
    ) -> Result<Self> {
        let train = settings.num_train_timesteps;
        let mut levels = match steps {
            Steps::Count(count) => {
                steps_within(count, train)?;
                settings.spread(count)
            }
            Steps::Sigmas(sigmas) => {
                steps_within(sigmas.len(), train)?;
                sigmas.iter().map(|sigma| f64::from(*sigma as f32)).collect()
            }
        };
        if levels.iter().any(|level| !(*level > 0.0 && *level <= 1.0)) {
            return Err(unfit("it was given levels that are not above 0 and at most 1"));
        }
        let shift = settings.shift(sequence_length)?;
        for level in &mut levels {
            *level = shifted(*level, shift);
        }
        settings.stretch(&mut levels);
        let sigmas = falling(&levels, 0.0)?;
        let timesteps = sigmas[..levels.len()].iter().map(|sigma| sigma * train as f32).collect();
        Ok(Self { stochastic: settings.stochastic_sampling, timesteps, sigmas })
    }
}

impl Scheduler for FlowMatchEuler {
    fn timesteps(&self) -> &[f32] {
        &self.timesteps
    }

    fn sigmas(&self) -> &[f32] {
        &self.sigmas
    }

    fn wants_noise(&self, step: usize) -> bool {
        self.stochastic && step + 1 < self.timesteps.len()
    }

    fn step(
        &mut self,
        step: usize,
        latents: &mut [f32],
        velocity: &[f32],
        noise: Option<&[f32]>,
    ) -> Result<()> {
        check(step, self.timesteps.len(), latents, velocity)?;
        let (from, to) = (f64::from(self.sigmas[step]), f64::from(self.sigmas[step + 1]));
        if self.wants_noise(step) {
            // Down to clean latents, and up again with other noise.
            let noise = noise_for(latents, noise)?;
            blend(latents, 1.0 - to, velocity, -(1.0 - to) * from);
            blend(latents, 1.0, noise, to);
        } else {
            blend(latents, 1.0, velocity, to - from);
        }
        Ok(())
    }
}
