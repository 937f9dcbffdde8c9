//! Denoising, for any model family: seeded noise, schedulers, guidance and the loop.
//!
//! Nothing here knows what the latents mean. A family brings a [`Denoiser`]; the loop brings the
//! noise level down from pure noise to none.

mod guidance;
mod noise;
mod sample;
mod scheduler;

pub(crate) use guidance::GuidanceScale;
pub(crate) use noise::Noise;
pub(crate) use sample::{Denoiser, Estimates, Run, sample};
pub(crate) use scheduler::{CleanFlowEuler, Scheduler, SchedulerSettings, Steps};
