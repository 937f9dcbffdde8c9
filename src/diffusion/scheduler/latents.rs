//! Arithmetic on whole latents.
//!
//! Element by element in f64: memory is what these loops wait for, and a sum of terms that nearly
//! cancel keeps its last digits.

use crate::error::{Detail, Error, Result};

/// latents ← keep · latents + gain · other.
pub(super) fn blend(latents: &mut [f32], keep: f64, other: &[f32], gain: f64) {
    for (latent, other) in latents.iter_mut().zip(other) {
        *latent = (keep * f64::from(*latent) + gain * f64::from(*other)) as f32;
    }
}

/// # Errors
/// `internal.scheduler` when `step` is none of `steps`, or when the two differ in length.
pub(super) fn check(step: usize, steps: usize, latents: &[f32], prediction: &[f32]) -> Result<()> {
    if step < steps {
        same_length(latents, prediction)
    } else {
        Err(misused(&format!("step {step} of {steps}")))
    }
}

/// # Errors
/// `internal.scheduler` when the two differ in length.
fn same_length(latents: &[f32], other: &[f32]) -> Result<()> {
    if latents.len() == other.len() {
        Ok(())
    } else {
        Err(misused(&format!("{} numbers for {} latents", other.len(), latents.len())))
    }
}

/// The noise of a step that wants some.
///
/// # Errors
/// `internal.scheduler` when there is none, or not as much as there are latents.
pub(super) fn noise_for<'n>(latents: &[f32], noise: Option<&'n [f32]>) -> Result<&'n [f32]> {
    let noise = noise.ok_or_else(|| misused("no noise for a step that wants some"))?;
    same_length(latents, noise)?;
    Ok(noise)
}

pub(super) fn misused(how: &str) -> Error {
    let message =
        format!("A scheduler was given {how}. This is a fault of Kinora, please report it.");
    Error::Internal(Detail::new("internal.scheduler", message))
}
