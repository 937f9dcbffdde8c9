//! A job: one clip in the making, on a thread of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::marks::ClipMarks;
use super::progress::{Board, Preview, Progress, Stage};
use super::request::{FaceChoice, Order};
use super::{Shared, drawing};
use crate::clip::{self, ClipSpec, Fps, Written};
use crate::error::{Detail, Error, Result};
use crate::face::Face;
use crate::marking::{LayerKind, Marking};
use crate::photo::PhotoMarks;
use crate::pipeline::motion::MotionRequest;
use crate::runtime::{Cancel, ExecutionProvider};
use crate::safety::Checked;

/// A clip that was made.
#[derive(Debug)]
pub struct Clip {
    /// The file, the bytes, or nothing where a sink took the frames.
    pub made: Made,
    /// Frames in all.
    pub frames: u32,
    /// Frames a second.
    pub fps: Fps,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The seed, which makes the same clip again.
    pub seed: u64,
    /// How many faces moved.
    pub faces: usize,
    /// Where the denoising network ran, never `Auto`; `None` for a clip of a remote model.
    pub execution_provider: Option<ExecutionProvider>,
    /// The remote model that made it, such as `kling/3.0`; `None` for the default model.
    pub remote_model: Option<String>,
    /// The pack that made it; `None` for the default model and remote ones.
    pub pack: Option<PackUsed>,
    /// Words of the prompt that were understood; a pack reads all of them.
    pub used: Vec<String>,
    /// Words of the prompt that meant nothing to Kinora.
    pub ignored: Vec<String>,
    /// How many steps one after the other the prompt asks for: "smile, then nod" has two.
    pub steps_asked: usize,
    /// How many of them the clip was long enough for; the last ones then happened together. Half a
    /// second is the least for a step.
    pub steps: usize,
    /// The gates that it has passed. A remote model's frames are seen by none.
    pub checks: Vec<Checked>,
    /// The layers of marks that it has, in the file and in the frames; none where they were switched
    /// off. A sink's frames have the watermark; [`Clip::sign_file`] marks the file.
    pub marks: Vec<LayerKind>,
    /// What the photo's file said of where the picture comes from.
    pub photo_marks: PhotoMarks,
    /// How long each stage took.
    pub seconds: StageSeconds,
    /// What it was asked to be marked with.
    pub(super) marking: Marking,
}

/// A pack, as a clip remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackUsed {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
}

/// What a finished job leaves.
#[derive(Debug)]
pub enum Made {
    /// A file, or the folder of PNG files.
    Path(PathBuf),
    /// A file's bytes.
    Bytes(Vec<u8>),
    /// The sink has the frames.
    Sink,
}

impl From<Written> for Made {
    fn from(written: Written) -> Self {
        match written {
            Written::Path(path) => Self::Path(path),
            Written::Bytes(bytes) => Self::Bytes(bytes),
            Written::Sink => Self::Sink,
        }
    }
}

/// How long a job took, in seconds. `render` and `encode` run side by side.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StageSeconds {
    /// Finding the faces.
    pub faces: f64,
    /// Perception, face points and denoising; of a pack everything up to clean latents.
    pub motion: f64,
    /// Drawing the frames.
    pub render: f64,
    /// Putting the watermark into them.
    pub marking: f64,
    /// Encoding them, with the marks of the file.
    pub encode: f64,
    /// From start to end.
    pub total: f64,
}

/// One clip in the making. Dropping it cancels the job.
pub struct GenerationJob {
    board: Arc<Board>,
    cancel: Cancel,
    thread: Mutex<Option<JoinHandle<Result<Clip>>>>,
    seen: AtomicU64,
}

impl GenerationJob {
    /// Waits for the clip.
    ///
    /// # Errors
    /// [`Error::Cancelled`] after [`GenerationJob::cancel`], or whatever went wrong.
    pub fn wait(self) -> Result<Clip> {
        self.join()
    }

    /// As [`GenerationJob::wait`], for a holder that shares the job; only the first call gets the
    /// clip.
    pub(crate) fn join(&self) -> Result<Clip> {
        // Taken out first: the lock must not be held while the job runs.
        let thread = self.thread().take();
        match thread.map(JoinHandle::join) {
            Some(Ok(result)) => result,
            // The job catches its panics; what is left is one while dropping.
            Some(Err(_)) | None => Err(panicked()),
        }
    }

    /// How far the job is now.
    pub fn progress(&self) -> Progress {
        self.board.progress()
    }

    /// The next change of the progress; `None` when nothing changes within `timeout`.
    pub fn next_progress(&self, timeout: Duration) -> Option<Progress> {
        let (version, progress) = self.board.next(self.seen.load(Ordering::Relaxed), timeout)?;
        self.seen.store(version, Ordering::Relaxed);
        Some(progress)
    }

    /// A small picture of the last frame, once there is one.
    pub fn preview(&self) -> Option<Preview> {
        self.board.preview()
    }

    /// Stops the job soon; [`GenerationJob::wait`] then gives [`Error::Cancelled`].
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Whether the job has ended, well or not.
    pub fn is_finished(&self) -> bool {
        self.thread().as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<Result<Clip>>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for GenerationJob {
    fn drop(&mut self) {
        if self.thread().is_some() {
            self.cancel.cancel();
        }
    }
}

impl std::fmt::Debug for GenerationJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GenerationJob").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

pub(super) fn start(shared: Arc<Shared>, order: Order) -> Result<GenerationJob> {
    spawn(move |board, cancel| run(&shared, order, board, cancel))
}

/// Runs `work` on a thread of its own, behind a job.
pub(super) fn spawn(
    work: impl FnOnce(&Board, &Cancel) -> Result<Clip> + Send + 'static,
) -> Result<GenerationJob> {
    let board = Arc::new(Board::new());
    let cancel = Cancel::new();
    let (own_board, own_cancel) = (Arc::clone(&board), cancel.clone());
    let thread = std::thread::Builder::new()
        .name("kinora-job".to_owned())
        .spawn(move || {
            let work = AssertUnwindSafe(|| work(&own_board, &own_cancel));
            let result = catch_unwind(work).unwrap_or_else(|_| Err(panicked()));
            match &result {
                Ok(clip) => log::info!("job done: {} frames, {:.2?}", clip.frames, clip.seconds),
                // Its code alone: the sentence may name a path.
                Err(error) => log::info!("job ended: {}", error.code()),
            }
            own_board.set(Stage::Done, 1, 1);
            result
        })
        .map_err(|error| {
            let message = "no thread could be started: close other work and try again";
            Error::Runtime(Detail::new("runtime.threads", message).because(error))
        })?;
    Ok(GenerationJob { board, cancel, thread: Mutex::new(Some(thread)), seen: AtomicU64::new(0) })
}

fn run(shared: &Shared, order: Order, board: &Board, cancel: &Cancel) -> Result<Clip> {
    let started = Instant::now();
    log::info!(
        "job: {} frames of {}×{}, {} a second",
        order.frames,
        order.width,
        order.height,
        order.fps
    );
    let mut seconds = StageSeconds::default();
    let Order { width, height, fps, frames, seed, .. } = order;
    let mut checks = shared.check_photo(&order.photo, cancel)?;
    let spec = ClipSpec { width, height, fps, frames, looping: order.looping };
    // Opened first: a place that cannot be written is known before the work, not after.
    let clock = Instant::now();
    let marking = order.marking.as_ref().unwrap_or(&shared.marking);
    let photo_marks = order.photo.marks();
    let mut marks = shared.threads.install(|| ClipMarks::of_default(marking, photo_marks));
    seconds.marking = clock.elapsed().as_secs_f64();
    let encoder = clip::open(order.output, &spec, marks.finish())?;

    let clock = Instant::now();
    let faces = match order.faces {
        FaceChoice::None => Vec::new(),
        choice => {
            let found = shared.threads.install(|| shared.detector.detect(&order.photo, cancel))?;
            chosen(found, choice)?
        }
    };
    board.set(Stage::Faces, 1, 1);
    seconds.faces = clock.elapsed().as_secs_f64();

    let clock = Instant::now();
    let request = MotionRequest {
        size: [width as usize, height as usize],
        frames: frames as usize,
        fps: fps.as_f64() as f32,
        looping: order.looping,
        seed,
        steps: order.steps,
        guidance: order.guidance,
        strength: order.strength,
        reading: order.reading,
    };
    let steps = shared.motion.steps(&request, !faces.is_empty()) as u32;
    let plan = shared.threads.install(|| {
        shared.motion.plan(&order.photo, &faces, &request, cancel, &mut |step| {
            board.set(Stage::Motion, step as u32, steps);
        })
    })?;
    seconds.motion = clock.elapsed().as_secs_f64();

    let moving = plan.faces();
    let (steps_asked, steps) = plan.steps();
    let clock = Instant::now();
    let layout = encoder.layout();
    let mut painter =
        shared.threads.install(|| drawing::Warped::new(&order.photo, plan, &spec, layout))?;
    seconds.render = clock.elapsed().as_secs_f64();
    let outlet = drawing::Outlet { marks: &mut marks, encoder };
    let drawn = drawing::draw(shared, &mut painter, outlet, &spec, board, cancel)?;
    checks.extend(shared.frames_checked(drawn.checked));
    seconds.render += drawn.render.as_secs_f64();
    seconds.marking += drawn.marking.as_secs_f64();
    seconds.encode = drawn.encode.as_secs_f64();
    seconds.total = started.elapsed().as_secs_f64();
    Ok(Clip {
        made: drawn.written.into(),
        frames,
        fps,
        width,
        height,
        seed,
        faces: moving,
        execution_provider: Some(shared.motion.execution_provider()),
        remote_model: None,
        pack: None,
        used: request.reading.used,
        ignored: request.reading.ignored,
        steps_asked,
        steps,
        checks,
        marks: marks.layers(),
        photo_marks,
        seconds,
        marking: marking.clone(),
    })
}

fn chosen(mut faces: Vec<Face>, choice: FaceChoice) -> Result<Vec<Face>> {
    match choice {
        FaceChoice::All => {}
        FaceChoice::Largest => faces.truncate(1),
        FaceChoice::None => faces.clear(),
        FaceChoice::Number(number) => {
            if number >= faces.len() {
                let message = format!(
                    "there is no face number {number}: the photo shows {}, counted from 0",
                    faces.len()
                );
                return Err(Error::Request(Detail::new("request.face", message)));
            }
            faces = vec![faces.swap_remove(number)];
        }
    }
    Ok(faces)
}

pub(super) fn panicked() -> Error {
    let message = "Kinora failed in a way it should not: please report it";
    Error::Internal(Detail::new("internal.panic", message))
}
