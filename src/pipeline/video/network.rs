//! A denoising network with what does not change from step to step.

use std::time::Duration;

use super::VideoPipeline;
use super::texts::shape;
use crate::diffusion::Estimates;
use crate::error::Result;
use crate::runtime::{Cancel, Kept, Session, Tensor};

/// Outputs of `condition`, which the denoiser takes by the same names.
pub(super) type Condition = Vec<(String, Kept)>;

/// The network of one clip.
pub(super) struct Network<'a> {
    session: Session,
    /// Given what was asked and, with guidance, given nothing.
    conditions: Vec<Condition>,
    cancel: &'a Cancel,
}

impl<'a> Network<'a> {
    /// The component `role` under these conditions, of which there is at least one.
    ///
    /// # Errors
    /// `pack.*`.
    pub(super) fn open(
        pipeline: &VideoPipeline,
        role: &str,
        conditions: Vec<Condition>,
        cancel: &'a Cancel,
    ) -> Result<Self> {
        let session = pipeline.session(role)?;
        _ = pipeline.denoises_on.set(session.execution_provider());
        Ok(Self { session, conditions, cancel })
    }

    /// What it makes of `inputs`, `length` values, under the condition of that number; `None` where
    /// there is none.
    ///
    /// # Errors
    /// `runtime.run`, `model.output`, [`Error::Cancelled`](crate::Error::Cancelled).
    pub(super) fn predict<'t>(
        &'t self,
        number: usize,
        inputs: &[(&'t str, Tensor<'t>)],
        length: usize,
    ) -> Result<Option<Vec<f32>>> {
        let Some(condition) = self.conditions.get(number) else { return Ok(None) };
        let mut inputs = inputs.to_vec();
        inputs.extend(condition.iter().map(|(name, kept)| (name.as_str(), kept.into())));
        let outputs = self.session.run(&inputs, self.cancel)?;
        let prediction = outputs.view("prediction")?;
        let values = prediction.as_slice().filter(|values| values.len() == length);
        values.map(|values| Some(values.to_vec())).ok_or_else(|| shape("prediction"))
    }

    /// How long it has run so far.
    pub(super) fn spent(&self) -> Duration {
        self.session.spent()
    }

    /// What it makes of `inputs` under all its conditions.
    ///
    /// # Errors
    /// As [`Network::predict`].
    pub(super) fn estimates<'t>(
        &'t self,
        inputs: &[(&'t str, Tensor<'t>)],
        length: usize,
    ) -> Result<Estimates> {
        Ok(Estimates {
            conditional: self.predict(0, inputs, length)?.ok_or_else(|| shape("prediction"))?,
            unconditional: self.predict(1, inputs, length)?,
        })
    }
}
