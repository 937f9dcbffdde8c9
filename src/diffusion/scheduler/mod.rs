//! Schedulers: which noise levels are visited, and how a step goes from one to the next.
//!
//! A pack names its scheduler ([`SchedulerSettings`]); what that makes for a number of steps gives
//! the numbers of the class of the same name in diffusers (0.42), against whose records all kinds
//! are tested.

mod betas;
mod clean_flow;
mod ddim;
mod dpm_solver;
mod euler;
mod flow_match;
mod latents;
mod lcm;
mod levels;
mod prediction;
#[cfg(test)]
mod records;
mod settings;
mod unipc;

use std::borrow::Cow;

use crate::error::Result;

pub(crate) use clean_flow::CleanFlowEuler;
pub(crate) use settings::{SchedulerSettings, Steps};

/// One run's way from noise to clean latents.
///
/// Steps are taken one after the other from step 0, or from the step at which [`state`] was saved.
///
/// [`state`]: Scheduler::state
pub(crate) trait Scheduler: Send {
    /// What the network is told at each step: as many as there are steps, the noisiest first.
    fn timesteps(&self) -> &[f32];

    /// The noise levels from the noisiest to the one where sampling ends: one more than there are
    /// steps. None for kinds that know timesteps alone (DDIM, LCM).
    #[cfg_attr(not(test), allow(dead_code, reason = "records compare them"))]
    fn sigmas(&self) -> &[f32] {
        &[]
    }

    /// The standard deviation of the noise that sampling starts from.
    fn init_noise_sigma(&self) -> f32 {
        1.0
    }

    /// `latents` as the network wants to see them at `step`.
    fn scale_input<'l>(&self, _step: usize, latents: &'l [f32]) -> Cow<'l, [f32]> {
        Cow::Borrowed(latents)
    }

    /// Whether `step` mixes in fresh noise.
    fn wants_noise(&self, _step: usize) -> bool {
        false
    }

    /// Takes `latents` from level `step` to level `step + 1`.
    ///
    /// `prediction` is what the network made of the latents at `step`, guidance applied; `noise`
    /// are draws from N(0, 1), read where [`wants_noise`](Self::wants_noise) says so. Both are as
    /// long as `latents`.
    ///
    /// # Errors
    /// `internal.scheduler` when lengths differ, noise is missing or steps come out of order.
    fn step(
        &mut self,
        step: usize,
        latents: &mut [f32],
        prediction: &[f32],
        noise: Option<&[f32]>,
    ) -> Result<()>;

    /// What later steps need of earlier ones, for a checkpoint; together with the latents and the
    /// number of steps taken it makes a resumed run give the same bytes.
    fn state(&self) -> Vec<&[f32]> {
        Vec::new()
    }

    /// Puts a saved [`state`](Self::state) back.
    ///
    /// # Errors
    /// `internal.scheduler` when it is no state of this kind of scheduler.
    fn restore(&mut self, state: Vec<Vec<f32>>) -> Result<()> {
        if state.is_empty() { Ok(()) } else { Err(latents::misused("a state that it has not")) }
    }
}
