//! A clip on its way through the steps, from noise or from where it was saved.

use std::ops::Range;
use std::time::{Duration, Instant};

use zeroize::Zeroize;

use super::draws::Draw;
use super::texts::shape as shape_of;
use super::{LatentShape, RoughPicture, VideoOrder, VideoPipeline, rough};
use crate::diffusion::{Denoiser, GuidanceScale, Run, Scheduler, sample};
use crate::error::Result;
use crate::pack::PackManifest;
use crate::runtime::Cancel;

/// Hears how far a clip is.
pub(crate) trait Watch {
    /// A denoise step is done.
    ///
    /// # Errors
    /// Whatever ends the clip here.
    fn stepped(&mut self, taken: &StepTaken<'_>) -> Result<()>;
}

/// What a denoise step led to.
pub(crate) struct StepTaken<'a> {
    /// Steps that are done.
    pub(crate) done: usize,
    /// Steps in all.
    pub(crate) of: usize,
    latents: &'a [f32],
    scheduler: &'a dyn Scheduler,
    shape: LatentShape,
    manifest: &'a PackManifest,
}

impl StepTaken<'_> {
    /// A small picture of the clip's middle, where the pack has a line from latents to colours.
    pub(crate) fn rough(&self) -> Option<RoughPicture> {
        rough(self.latents, self.shape, self.manifest)
    }

    /// The latents, in the family's own order of axes.
    #[cfg_attr(not(any(feature = "vault", test)), allow(dead_code, reason = "for checkpoints"))]
    pub(crate) fn latents(&self) -> &[f32] {
        self.latents
    }

    /// What the scheduler needs of earlier steps.
    #[cfg_attr(not(any(feature = "vault", test)), allow(dead_code, reason = "for checkpoints"))]
    pub(crate) fn scheduler(&self) -> Vec<&[f32]> {
        self.scheduler.state()
    }
}

/// Where denoising was interrupted; wiped when dropped.
pub(crate) struct Saved {
    /// Steps that are done.
    pub(crate) done: usize,
    /// What they led to.
    pub(crate) latents: Vec<f32>,
    /// What the scheduler needs of them.
    pub(crate) scheduler: Vec<Vec<f32>>,
}

impl Drop for Saved {
    fn drop(&mut self) {
        self.latents.zeroize();
        self.scheduler.zeroize();
    }
}

/// One clip's denoising: what all families need for it.
pub(super) struct Denoising<'a> {
    pub(super) pipeline: &'a VideoPipeline,
    pub(super) order: &'a VideoOrder,
    pub(super) shape: LatentShape,
    pub(super) cancel: &'a Cancel,
    watch: &'a mut dyn Watch,
    saved: Option<Saved>,
    /// Steps that were done before this run.
    done: usize,
    of: usize,
    /// Time in the steps.
    spent: Duration,
}

impl<'a> Denoising<'a> {
    pub(super) fn new(
        pipeline: &'a VideoPipeline,
        order: &'a VideoOrder,
        shape: LatentShape,
        saved: Option<Saved>,
        cancel: &'a Cancel,
        watch: &'a mut dyn Watch,
    ) -> Self {
        let (done, of, spent) = (0, 0, Duration::ZERO);
        Self { pipeline, order, shape, cancel, watch, saved, done, of, spent }
    }

    /// The latents that denoising goes on from: `fresh` ones, or those that were saved.
    ///
    /// # Errors
    /// `model.output` for a saved run of another clip; `internal.scheduler`.
    pub(super) fn begin(
        &mut self,
        scheduler: &mut dyn Scheduler,
        fresh: impl FnOnce() -> Vec<f32>,
    ) -> Result<Vec<f32>> {
        self.of = scheduler.timesteps().len();
        let Some(mut saved) = self.saved.take() else { return Ok(fresh()) };
        if saved.latents.len() != self.shape.len() || saved.done > self.of {
            return Err(shape_of("latents"));
        }
        scheduler.restore(std::mem::take(&mut saved.scheduler))?;
        self.done = saved.done;
        Ok(std::mem::take(&mut saved.latents))
    }

    /// Those of `steps` that are still to be taken.
    pub(super) fn left(&self, steps: Range<usize>) -> Range<usize> {
        steps.start.max(self.done).min(steps.end)..steps.end
    }

    /// Takes `latents` through `steps`.
    ///
    /// # Errors
    /// As [`sample`].
    pub(super) fn run(
        &mut self,
        denoiser: &mut dyn Denoiser,
        scheduler: &mut dyn Scheduler,
        guidance: GuidanceScale,
        latents: Vec<f32>,
        steps: Range<usize>,
    ) -> Result<Vec<f32>> {
        let (clock, cancel) = (Instant::now(), self.cancel);
        let latents = sample(denoiser, scheduler, guidance, latents, steps, cancel, self)?;
        self.spent += clock.elapsed();
        Ok(latents)
    }

    /// Writes down how much of the time was ONNX Runtime's, for the benches.
    pub(super) fn tell(&self, in_runtime: Duration) {
        let steps = self.of - self.done;
        let [all, inside] = [self.spent, in_runtime].map(|time| time.as_secs_f64());
        log::debug!(
            target: "kinora::pipeline::video",
            "denoised: {steps} steps in {all:.6} s, {inside:.6} s of it in ONNX Runtime"
        );
    }
}

impl Run for Denoising<'_> {
    fn noise(&mut self, step: usize, count: usize) -> Vec<f32> {
        self.order.draws.take(Draw::Step(step), count)
    }

    fn stepped(&mut self, done: usize, latents: &[f32], scheduler: &dyn Scheduler) -> Result<()> {
        let (of, shape, manifest) = (self.of, self.shape, self.pipeline.manifest());
        self.watch.stepped(&StepTaken { done, of, latents, scheduler, shape, manifest })
    }
}
