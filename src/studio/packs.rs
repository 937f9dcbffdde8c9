//! Clips of packs: the request in the pack's terms, and the job.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::drawing::{self, Decoded};
use super::job::{Clip, GenerationJob, PackUsed, StageSeconds, spawn};
use super::marks::ClipMarks;
use super::preflight::{Extent, Paces};
use super::progress::{Board, Preview, Stage};
use super::request::{PackOrder, Wishes, frames};
use super::{GenerationRequest, Shared, Studio};
use crate::clip::{self, ClipSpec, Fps, Output};
use crate::error::{Detail, Error, Result};
use crate::marking::Marking;
use crate::pack::{PackManifest, PackStore, Task};
use crate::photo::Photo;
use crate::pipeline::video::{
    ClipPicture, Draws, RoughPicture, StepTaken, VideoOrder, VideoPipeline, Watch,
};
use crate::runtime::Cancel;
#[cfg(feature = "vault")]
use {
    super::resuming,
    crate::checkpoint::{Keeper, State},
};

/// The packs of a studio, and the one that was used last.
pub(super) struct Packs {
    store: Option<PackStore>,
    /// With the words that it has read, so that the next clip of the same words is quicker.
    last: Mutex<Option<Arc<VideoPipeline>>>,
    pub(super) paces: Paces,
}

impl Packs {
    pub(super) fn open(folder: Option<&Path>) -> Result<Self> {
        Ok(Self {
            store: folder.map(PackStore::open).transpose()?,
            last: Mutex::default(),
            paces: Paces::default(),
        })
    }

    fn store(&self) -> Result<&PackStore> {
        self.store.as_ref().ok_or_else(|| {
            let message = "this studio has no packs: open it with StudioOptions::packs";
            Error::Model(Detail::new("pack.no_store", message))
        })
    }

    /// The first pack that makes clips out of words alone.
    ///
    /// # Errors
    /// `request.no_photo` says what is there and what would do.
    pub(super) fn for_words(&self) -> Result<String> {
        let packs = self.store.as_ref().map(PackStore::list).transpose()?.unwrap_or_default();
        if let Some(pack) =
            packs.iter().find(|pack| pack.manifest.tasks.contains(&Task::TextToVideo))
        {
            return Ok(pack.manifest.id.clone());
        }
        let ids: Vec<_> = packs.iter().map(|pack| pack.manifest.id.as_str()).collect();
        let there = match ids.as_slice() {
            [] => "no pack is installed".to_owned(),
            ids => format!("of the packs that are installed ({}) none can", ids.join(", ")),
        };
        let message = format!(
            "the default model needs a photo, and {there} make a clip out of words alone: add a pack \
             for text-to-video, such as Wan 2.1 T2V 1.3B, or give a photo with GenerationRequest::animate"
        );
        Err(Error::Request(Detail::new("request.no_photo", message)))
    }

    /// What a pack says of itself.
    ///
    /// # Errors
    /// As [`PackStore::pack`].
    pub(super) fn manifest(&self, id: &str) -> Result<PackManifest> {
        self.store()?.manifest(id)
    }

    pub(super) fn pipeline(&self, id: &str, shared: &Shared) -> Result<Arc<VideoPipeline>> {
        let pack = self.store()?.pack(id)?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipeline) = last.as_ref().filter(|last| last.manifest() == pack.manifest()) {
            return Ok(Arc::clone(pipeline));
        }
        let pipeline = Arc::new(VideoPipeline::open(pack, &shared.runtime)?);
        *last = Some(Arc::clone(&pipeline));
        Ok(pipeline)
    }
}

/// A clip of a pack that has been checked.
pub(super) struct Ordered {
    /// Without its photo, which is drawn at the clip's size when the job begins.
    pub(super) video: VideoOrder,
    pub(super) photo: Option<Photo>,
    pub(super) spec: ClipSpec,
    pub(super) seed: u64,
    pub(super) marking: Option<Marking>,
    pub(super) output: Output,
    pub(super) start: Start,
}

/// Where a job begins.
pub(super) enum Start {
    /// With noise.
    Fresh,
    /// With what another process left.
    #[cfg(feature = "vault")]
    Saved(Box<Keeper>, State),
}

impl Studio {
    /// The packs that this studio was opened with.
    ///
    /// # Errors
    /// `pack.no_store`.
    pub fn packs(&self) -> Result<&PackStore> {
        self.shared.packs.store()
    }

    pub(super) fn generate_with_pack(
        &self,
        request: GenerationRequest,
        id: &str,
    ) -> Result<GenerationJob> {
        self.check_prompt(&request)?;
        let manifest = self.shared.packs.manifest(id)?;
        let ordered = ordered(&manifest, request.into_pack()?)?;
        ordered.video.check(&manifest)?;
        VideoOrder::check_task(&manifest, ordered.photo.is_some())?;
        self.shared.check_memory(&manifest, &ordered.extent())?;
        self.make_with_pack(id, ordered)
    }

    pub(super) fn make_with_pack(&self, id: &str, ordered: Ordered) -> Result<GenerationJob> {
        let (id, shared) = (id.to_owned(), Arc::clone(&self.shared));
        // Gigabytes may have to be read before a pack is opened: not on the caller's thread.
        spawn(move |board, cancel| {
            let pipeline = shared.packs.pipeline(&id, &shared)?;
            run(&shared, &pipeline, ordered, board, cancel)
        })
    }
}

impl Ordered {
    /// What its cost depends on.
    pub(super) fn extent(&self) -> Extent {
        let ClipSpec { width, height, fps, frames, .. } = self.spec;
        let VideoOrder { steps, tiled, .. } = self.video;
        Extent { size: [width, height, frames], fps, steps, tiled }
    }
}

/// The size and length of a clip in the pack's terms: what a request leaves open is as the pack's
/// maker says, and what the pack cannot make exactly is as near as it can.
///
/// # Errors
/// `request.fps`.
pub(super) fn extent(manifest: &PackManifest, wishes: &Wishes) -> Result<Extent> {
    let defaults = &manifest.defaults;
    let fps = Fps::from_decimal(wishes.fps.unwrap_or(defaults.fps))?;
    let wanted = wishes.seconds.map_or(defaults.frames, |seconds| frames(seconds, fps));
    let (width, height) = size(manifest, wishes.photo, wishes.size);
    Ok(Extent {
        size: [width, height, nearest_frames(manifest, wanted)],
        fps,
        steps: wishes.steps.unwrap_or(defaults.steps),
        tiled: wishes.tiled,
    })
}

/// The request in the pack's terms.
fn ordered(manifest: &PackManifest, order: PackOrder) -> Result<Ordered> {
    let Extent { size: [width, height, frames], fps, steps, tiled } =
        extent(manifest, &order.wishes)?;
    let defaults = &manifest.defaults;
    Ok(Ordered {
        spec: ClipSpec { width, height, fps, frames, looping: false },
        seed: order.seed,
        marking: order.marking,
        output: order.output,
        photo: order.photo,
        start: Start::Fresh,
        video: VideoOrder {
            photo: None,
            prompt: order.prompt,
            negative_prompt: order
                .negative_prompt
                .unwrap_or_else(|| defaults.negative_prompt.clone()),
            width,
            height,
            frames,
            fps: fps.as_f64(),
            steps,
            guidance_scale: order.guidance.unwrap_or(defaults.guidance_scale),
            draws: Draws::from_seed(order.seed),
            tiled,
        },
    })
}

/// The nearest number of frames that the pack makes.
pub(super) fn nearest_frames(manifest: &PackManifest, wanted: u32) -> u32 {
    let limits = &manifest.limits;
    let step = limits.frames_multiple;
    let over = wanted.saturating_sub(limits.frames_offset);
    let most = limits.frames_max.saturating_sub(limits.frames_offset) / step;
    let count = ((over + step / 2) / step).min(most);
    let frames = count * step + limits.frames_offset;
    if frames == 0 { step } else { frames }
}

/// The photo's proportions, or the pack's, at the wanted long side or at as many pixels as the pack
/// was taught with.
fn size(manifest: &PackManifest, photo: Option<[u32; 2]>, long_side: Option<u32>) -> (u32, u32) {
    let (defaults, limits) = (&manifest.defaults, &manifest.limits);
    let taught = (f64::from(defaults.width), f64::from(defaults.height));
    let (width, height) =
        photo.map_or(taught, |[width, height]| (f64::from(width), f64::from(height)));
    let scale = match long_side {
        Some(long_side) => f64::from(long_side) / width.max(height),
        None => (taught.0 * taught.1 / (width * height)).sqrt(),
    };
    let step = limits.side_multiple;
    let least = limits.side_min.div_ceil(step);
    let most = (limits.side_max / step).max(least);
    let side = |side: f64| {
        let steps = (side * scale / f64::from(step)).round() as u32;
        steps.clamp(least, most) * step
    };
    (side(width), side(height))
}

fn run(
    shared: &Shared,
    pipeline: &VideoPipeline,
    ordered: Ordered,
    board: &Board,
    cancel: &Cancel,
) -> Result<Clip> {
    let started = Instant::now();
    let Ordered { mut video, photo, spec, seed, marking, output, start } = ordered;
    log::info!("job of a pack: {} frames of {}×{}", spec.frames, spec.width, spec.height);
    let mut seconds = StageSeconds::default();
    let mut checks = match &photo {
        Some(photo) => shared.check_photo(photo, cancel)?,
        None => shared.prompt_checked(),
    };
    let manifest = pipeline.manifest();
    let pack = PackUsed { id: manifest.id.clone(), version: manifest.version.clone() };
    let clock = Instant::now();
    let marking = marking.as_ref().unwrap_or(&shared.marking);
    let photo_marks = photo.as_ref().map(Photo::marks).unwrap_or_default();
    let mut marks = shared.threads.install(|| ClipMarks::of_pack(marking, &pack, photo_marks));
    seconds.marking = clock.elapsed().as_secs_f64();
    // Opened first: a place that cannot be written is known before the work, not after.
    let encoder = clip::open(output, &spec, marks.finish())?;

    let clock = Instant::now();
    // From here on the job needs no more of the photo than the clip has.
    let picture =
        photo.map(|photo| ClipPicture::of(&photo, spec.width, spec.height)).transpose()?;
    video.photo = picture;
    #[cfg(feature = "vault")]
    let (keeper, saved) = {
        let job =
            resuming::Job { manifest, video: &video, spec: &spec, seed, marking, photo_marks };
        resuming::begin(shared.checkpoints.as_ref(), &job, start)?
    };
    #[cfg(not(feature = "vault"))]
    let (Start::Fresh, saved) = (start, None);
    let mut watch = Shown {
        board,
        #[cfg(feature = "vault")]
        keeper: keeper.as_ref(),
    };
    let draw = || {
        let latents =
            shared.threads.install(|| pipeline.latents(&video, saved, cancel, &mut watch))?;
        let VideoOrder { draws, tiled, .. } = video;
        seconds.motion = clock.elapsed().as_secs_f64();

        let mut painter = Decoded::new(pipeline.frames(latents, &draws, tiled)?, &spec);
        let outlet = drawing::Outlet { marks: &mut marks, encoder };
        drawing::draw(shared, &mut painter, outlet, &spec, board, cancel)
    };
    let drawn = draw();
    #[cfg(feature = "vault")]
    resuming::end(keeper, drawn.as_ref().err());
    let drawn = drawn?;
    checks.extend(shared.frames_checked(drawn.checked));
    seconds.render = drawn.render.as_secs_f64();
    seconds.marking += drawn.marking.as_secs_f64();
    seconds.encode = drawn.encode.as_secs_f64();
    seconds.total = started.elapsed().as_secs_f64();
    let ClipSpec { width, height, fps, frames, .. } = spec;
    Ok(Clip {
        made: drawn.written.into(),
        frames,
        fps,
        width,
        height,
        seed,
        faces: 0,
        execution_provider: pipeline.execution_provider(),
        remote_model: None,
        pack: Some(pack),
        used: Vec::new(),
        ignored: Vec::new(),
        steps_asked: 0,
        steps: 0,
        checks,
        marks: marks.layers(),
        photo_marks,
        seconds,
        marking: marking.clone(),
    })
}

/// Shows steps and a rough picture on the board, and keeps what a step led to.
struct Shown<'b> {
    board: &'b Board,
    #[cfg(feature = "vault")]
    keeper: Option<&'b Keeper>,
}

impl Watch for Shown<'_> {
    fn stepped(&mut self, taken: &StepTaken<'_>) -> Result<()> {
        // Before anybody hears of the step: who ends the process then finds it done.
        #[cfg(feature = "vault")]
        resuming::keep(self.keeper, taken);
        if let Some(RoughPicture { width, height, pixels }) = taken.rough() {
            self.board.show(Preview { width, height, pixels });
        }
        // After the picture: who hears of a step finds it.
        self.board.set(Stage::Denoising, taken.done as u32, taken.of as u32);
        Ok(())
    }
}
