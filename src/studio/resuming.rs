//! Jobs of packs that outlive their process.

use super::packs::{Ordered, Start};
use super::{GenerationJob, GenerationRequest, Studio};
use crate::checkpoint::{Checkpoints, Keeper, Order, State};
use crate::clip::{ClipSpec, Fps, Output};
use crate::error::{Detail, Error, Result};
use crate::marking::{Day, Marking};
use crate::pack::PackManifest;
use crate::photo::{Photo, PhotoMarks};
use crate::pipeline::video::{Draws, Saved, StepTaken, VideoOrder};

impl Studio {
    /// The checkpoints that this studio was opened with.
    ///
    /// # Errors
    /// `checkpoint.none`.
    pub fn checkpoints(&self) -> Result<&Checkpoints> {
        self.shared.checkpoints.as_ref().ok_or_else(|| {
            let message =
                "this studio keeps no checkpoints: open it with StudioOptions::checkpoints";
            Error::Request(Detail::new("checkpoint.none", message))
        })
    }

    /// Goes on with a job of a pack whose process ended, from the last denoise step that was done. The
    /// clip is, byte for byte, the one that the job would have made.
    ///
    /// `marking` has to be said again where the request said one of its own; the layers and the day of
    /// the job's beginning are known. The key store may ask the person to unlock it. The gates that the
    /// studio has now look at prompt and photo again.
    ///
    /// # Errors
    /// `checkpoint.*`: none of that number, one that another job is at, damaged, or of another version
    /// of its pack; `vault.key_store`; `pack.*` and `safety.*` as [`Studio::generate`].
    pub fn resume_clip(
        &self,
        id: &str,
        output: Output,
        marking: Option<Marking>,
    ) -> Result<GenerationJob> {
        let (keeper, state) = self.checkpoints()?.load(id)?;
        let order = keeper.order();
        let pack = order.pack.clone();
        let manifest = self.shared.packs.manifest(&pack)?;
        if manifest.fingerprint() != order.fingerprint {
            let message = format!(
                "{pack} is another version than when the job began: add that version again, or remove \
                 the checkpoint and begin anew"
            );
            return Err(Error::Request(Detail::new("checkpoint.pack", message)));
        }
        let marks = PhotoMarks { generated: order.generated, manifest: order.manifest };
        let photo = order
            .picture
            .as_ref()
            .map(|rgb| Photo::from_rgb(rgb, order.width, order.height).with_marks(marks));
        let request = match &photo {
            Some(photo) => GenerationRequest::animate(photo.clone()),
            None => GenerationRequest::imagine(""),
        };
        self.check_prompt(&request.prompt(&order.prompt))?;
        let fps = Fps::new(order.fps[0], order.fps[1])?;
        let (width, height, frames) = (order.width, order.height, order.frames);
        let ordered = Ordered {
            spec: ClipSpec { width, height, fps, frames, looping: false },
            seed: order.seed,
            marking: Some(marking.unwrap_or_else(|| self.marking_of(order))),
            output,
            photo,
            video: VideoOrder {
                photo: None,
                prompt: order.prompt.clone(),
                negative_prompt: order.negative_prompt.clone(),
                width,
                height,
                frames,
                fps: fps.as_f64(),
                steps: order.steps,
                guidance_scale: order.guidance_scale,
                draws: Draws::from_seed(order.seed),
                tiled: order.tiled,
            },
            start: Start::Saved(Box::new(keeper), state),
        };
        self.shared.check_memory(&manifest, &ordered.extent())?;
        self.make_with_pack(&pack, ordered)
    }

    /// The studio's marking with the layers and the day that the job began with.
    fn marking_of(&self, order: &Order) -> Marking {
        let mut marking = self.shared.marking.clone().day(Day::from_days(order.day));
        marking.watermark = order.watermark;
        marking.in_file = order.in_file;
        marking
    }
}

/// What a job says of itself to whoever goes on with it.
pub(super) struct Job<'j> {
    pub(super) manifest: &'j PackManifest,
    pub(super) video: &'j VideoOrder,
    pub(super) spec: &'j ClipSpec,
    pub(super) seed: u64,
    pub(super) marking: &'j Marking,
    pub(super) photo_marks: PhotoMarks,
}

/// The checkpoint of a job that begins or goes on, and where its steps are.
///
/// # Errors
/// `checkpoint.folder` and `vault.key_store`, before any work.
pub(super) fn begin(
    checkpoints: Option<&Checkpoints>,
    job: &Job<'_>,
    start: Start,
) -> Result<(Option<Keeper>, Option<Saved>)> {
    match (start, checkpoints) {
        (Start::Saved(keeper, State { done: 0, .. }), _) => Ok((Some(*keeper), None)),
        (Start::Saved(keeper, State { done, latents, scheduler }), _) => {
            Ok((Some(*keeper), Some(Saved { done, latents, scheduler })))
        }
        (Start::Fresh, None) => Ok((None, None)),
        (Start::Fresh, Some(checkpoints)) => {
            let keeper = checkpoints.begin(job.order())?;
            // A folder that cannot be written is known now.
            keeper.keep(0, &[], &[])?;
            Ok((Some(keeper), None))
        }
    }
}

/// Keeps what a step led to. The job goes on where that fails, and could then be resumed from an
/// earlier step.
pub(super) fn keep(keeper: Option<&Keeper>, taken: &StepTaken<'_>) {
    let Some(keeper) = keeper else { return };
    if let Err(error) = keeper.keep(taken.done, taken.latents(), &taken.scheduler()) {
        log::warn!("a step was not kept: {}", error.code());
    }
}

/// Removes the checkpoint of a job that has ended, unless it could yet succeed.
pub(super) fn end(keeper: Option<Keeper>, error: Option<&Error>) {
    let over = match error {
        None | Some(Error::Cancelled) => true,
        Some(error) => error.code().starts_with("safety."),
    };
    if let (Some(keeper), true) = (keeper, over) {
        keeper.finish();
    }
}

impl Job<'_> {
    fn order(&self) -> Order {
        let Self { manifest, video, spec, seed, marking, photo_marks } = *self;
        Order {
            pack: manifest.id.clone(),
            fingerprint: manifest.fingerprint(),
            prompt: video.prompt.clone(),
            negative_prompt: video.negative_prompt.clone(),
            width: spec.width,
            height: spec.height,
            frames: spec.frames,
            fps: [spec.fps.numerator(), spec.fps.denominator()],
            steps: video.steps,
            guidance_scale: video.guidance_scale,
            tiled: video.tiled,
            seed,
            day: marking.day.unwrap_or_else(Day::today).since_1970(),
            watermark: marking.watermark,
            in_file: marking.in_file,
            generated: photo_marks.generated,
            manifest: photo_marks.manifest,
            picture: video.photo.as_ref().map(|picture| picture.rgb().to_vec()),
        }
    }
}
