//! Clips of packs: the request in the pack's terms, and the job.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::drawing::{self, Decoded};
use super::job::{Clip, GenerationJob, PackUsed, StageSeconds, spawn};
use super::marks::ClipMarks;
use super::progress::{Board, Preview, Stage};
use super::request::{PackOrder, frames};
use super::{GenerationRequest, Shared, Studio};
use crate::clip::{self, ClipSpec, Fps, Output};
use crate::error::{Detail, Error, Result};
use crate::marking::Marking;
use crate::pack::{PackManifest, PackStore, Task};
use crate::photo::Photo;
use crate::pipeline::video::{Draws, RoughPicture, VideoOrder, VideoPipeline, Watch};
use crate::runtime::Cancel;

/// The packs of a studio, and the one that was used last.
pub(super) struct Packs {
    store: Option<PackStore>,
    /// With the words that it has read, so that the next clip of the same words is quicker.
    last: Mutex<Option<Arc<VideoPipeline>>>,
}

impl Packs {
    pub(super) fn open(folder: Option<&Path>) -> Result<Self> {
        Ok(Self { store: folder.map(PackStore::open).transpose()?, last: Mutex::default() })
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

    fn pipeline(&self, id: &str, shared: &Shared) -> Result<Arc<VideoPipeline>> {
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
struct Ordered {
    video: VideoOrder,
    spec: ClipSpec,
    seed: u64,
    marking: Option<Marking>,
    output: Output,
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
        let manifest = self.shared.packs.store()?.manifest(id)?;
        let ordered = ordered(&manifest, request.into_pack()?)?;
        ordered.video.check(&manifest)?;
        let (id, shared) = (id.to_owned(), Arc::clone(&self.shared));
        // Gigabytes may have to be read before a pack is opened: not on the caller's thread.
        spawn(move |board, cancel| {
            let pipeline = shared.packs.pipeline(&id, &shared)?;
            run(&shared, &pipeline, ordered, board, cancel)
        })
    }
}

/// The request in the pack's terms: what it leaves open is as the pack's maker says, and what the
/// pack cannot make exactly is as near as it can.
fn ordered(manifest: &PackManifest, order: PackOrder) -> Result<Ordered> {
    let defaults = &manifest.defaults;
    let fps = Fps::from_decimal(order.fps.unwrap_or(defaults.fps))?;
    let wanted = order.seconds.map_or(defaults.frames, |seconds| frames(seconds, fps));
    let (width, height) = size(manifest, order.photo.as_ref(), order.size);
    let frames = nearest_frames(manifest, wanted);
    Ok(Ordered {
        spec: ClipSpec { width, height, fps, frames, looping: false },
        seed: order.seed,
        marking: order.marking,
        output: order.output,
        video: VideoOrder {
            photo: order.photo,
            prompt: order.prompt,
            negative_prompt: order
                .negative_prompt
                .unwrap_or_else(|| defaults.negative_prompt.clone()),
            width,
            height,
            frames,
            fps: fps.as_f64(),
            steps: order.steps.unwrap_or(defaults.steps),
            guidance_scale: order.guidance.unwrap_or(defaults.guidance_scale),
            draws: Draws::from_seed(order.seed),
        },
    })
}

/// The nearest number of frames that the pack makes.
fn nearest_frames(manifest: &PackManifest, wanted: u32) -> u32 {
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
fn size(manifest: &PackManifest, photo: Option<&Photo>, long_side: Option<u32>) -> (u32, u32) {
    let (defaults, limits) = (&manifest.defaults, &manifest.limits);
    let taught = (f64::from(defaults.width), f64::from(defaults.height));
    let (width, height) =
        photo.map_or(taught, |photo| (f64::from(photo.width()), f64::from(photo.height())));
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
    let Ordered { video, spec, seed, marking, output } = ordered;
    log::info!("job of a pack: {} frames of {}×{}", spec.frames, spec.width, spec.height);
    let mut seconds = StageSeconds::default();
    let mut checks = match &video.photo {
        Some(photo) => shared.check_photo(photo, cancel)?,
        None => shared.prompt_checked(),
    };
    let manifest = pipeline.manifest();
    let pack = PackUsed { id: manifest.id.clone(), version: manifest.version.clone() };
    let clock = Instant::now();
    let marking = marking.as_ref().unwrap_or(&shared.marking);
    let photo_marks = video.photo.as_ref().map(Photo::marks).unwrap_or_default();
    let mut marks = shared.threads.install(|| ClipMarks::of_pack(marking, &pack, photo_marks));
    seconds.marking = clock.elapsed().as_secs_f64();
    // Opened first: a place that cannot be written is known before the work, not after.
    let encoder = clip::open(output, &spec, marks.finish())?;

    let clock = Instant::now();
    let mut watch = Shown(board);
    let latents = shared.threads.install(|| pipeline.latents(&video, cancel, &mut watch))?;
    let VideoOrder { draws, .. } = video;
    seconds.motion = clock.elapsed().as_secs_f64();

    let mut painter = Decoded::new(pipeline.frames(latents, &draws)?, &spec);
    let outlet = drawing::Outlet { marks: &mut marks, encoder };
    let drawn = drawing::draw(shared, &mut painter, outlet, &spec, board, cancel)?;
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
        execution_provider: Some(pipeline.execution_provider()),
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

/// Shows steps and a rough picture on the board.
struct Shown<'b>(&'b Board);

impl Watch for Shown<'_> {
    fn stepped(
        &mut self,
        step: usize,
        of: usize,
        rough: &dyn Fn() -> Option<RoughPicture>,
    ) -> Result<()> {
        if let Some(RoughPicture { width, height, pixels }) = rough() {
            self.0.show(Preview { width, height, pixels });
        }
        // After the picture: who hears of a step finds it.
        self.0.set(Stage::Denoising, step as u32, of as u32);
        Ok(())
    }
}
