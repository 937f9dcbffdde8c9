//! A job and what comes of it.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::error::guard;
use super::marking::{LayerKind, PhotoMarks};
use super::options::ExecutionProvider;
use super::safety::ClipCheck;
use super::{KinoraError, Result};
use crate::studio;

/// How long the watcher waits for progress before it looks whether the job has ended.
const GLANCE: Duration = Duration::from_millis(250);

/// One clip in the making. Letting go of it cancels the job.
#[derive(uniffi::Object)]
pub struct GenerationJob {
    job: Arc<studio::GenerationJob>,
    end: Arc<End>,
}

/// Hears how far a job is. The calls come one after another, on a thread of the job; the next one
/// waits until this one returns, and changes in between are told as one.
#[uniffi::export(rust, foreign)]
pub trait ProgressListener: Send + Sync {
    /// The job has come this far.
    fn progressed(&self, progress: GenerationProgress) -> Result<()>;
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, uniffi::Record)]
pub struct GenerationProgress {
    /// What it is doing.
    pub stage: ProgressStage,
    /// Steps of this stage that are done.
    pub step: u32,
    /// Steps of this stage in all.
    pub of: u32,
    /// Share of the whole job, 0–1, never falling.
    pub share: f32,
    /// Seconds that are probably left, once enough has been done to tell.
    pub seconds_left: Option<f32>,
}

/// What a job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum ProgressStage {
    /// Looking for faces.
    Faces,
    /// Denoising the motion.
    Motion,
    /// A pack: denoising the clip.
    Denoising,
    /// Drawing and encoding frames.
    Frames,
    /// A remote job: handing the payload over.
    Sending,
    /// A remote job: waiting at the provider.
    Queued,
    /// A remote job: at work there.
    Working,
    /// A remote job: the clip is coming.
    Fetching,
    /// The clip is made, or the job has ended otherwise.
    Done,
}

/// A small picture of the frame that was drawn last: RGB, 8 bits a channel, rows from the top.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Display)]
pub struct Preview {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The pixels, 3 × width × height bytes.
    pub rgb: Vec<u8>,
}

/// A clip that was made.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Display)]
pub struct Clip {
    /// The file, or the folder of PNG files; empty for bytes and sinks.
    pub path: Option<String>,
    /// The file's bytes, where they were asked for.
    pub bytes: Option<Vec<u8>>,
    /// Frames in all.
    pub frames: u32,
    /// Frames a second.
    pub fps: f64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The seed, which makes the same clip again.
    pub seed: u64,
    /// How many faces moved.
    pub faces: u32,
    /// Where the motion network ran, never `auto`; empty for a clip of a remote model.
    pub execution_provider: Option<ExecutionProvider>,
    /// The remote model that made it, such as `kling/3.0`; empty for the default model.
    pub remote_model: Option<String>,
    /// The pack that made it; empty for the default model and remote ones.
    pub pack: Option<PackUsed>,
    /// Words of the prompt that were understood.
    pub used: Vec<String>,
    /// Words of the prompt that meant nothing to Kinora.
    pub ignored: Vec<String>,
    /// How many steps one after the other the prompt asks for.
    pub steps_asked: u32,
    /// How many of them the clip was long enough for.
    pub steps: u32,
    /// The gates that it has passed. A remote model's frames are seen by none.
    pub checks: Vec<ClipCheck>,
    /// The layers of marks that it has, in the file and in the frames; empty where they were switched
    /// off. A sink's frames have the watermark; `Studio.sign_file` marks the file.
    pub marks: Vec<LayerKind>,
    /// What the photo's file said of where the picture comes from.
    pub photo_marks: PhotoMarks,
    /// How long each stage took.
    pub seconds: ClipSeconds,
}

/// A pack, as a clip remembers it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PackUsed {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
}

/// How long a job took, in seconds. `render` and `encode` run side by side.
#[derive(Debug, Clone, Copy, PartialEq, uniffi::Record)]
pub struct ClipSeconds {
    /// Finding the faces.
    pub faces: f64,
    /// Perception, face points and denoising.
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

impl From<studio::PackUsed> for PackUsed {
    fn from(studio::PackUsed { id, version }: studio::PackUsed) -> Self {
        Self { id, version }
    }
}

impl From<PackUsed> for studio::PackUsed {
    fn from(PackUsed { id, version }: PackUsed) -> Self {
        Self { id, version }
    }
}

#[uniffi::export]
impl GenerationJob {
    /// Waits for the clip without holding a thread. It may be awaited more than once.
    ///
    /// Fails with `cancelled` after `cancel`, or with whatever went wrong. Letting go of the wait
    /// does not cancel the job; the Swift and Kotlin layers see to that.
    pub async fn clip(&self) -> Result<Clip> {
        let end = Arc::clone(&self.end);
        poll_fn(move |context| end.poll(context.waker())).await
    }

    /// How far the job is now.
    pub fn progress(&self) -> Result<GenerationProgress> {
        guard(|| Ok(self.job.progress().into()))
    }

    /// A small picture of the last frame, once there is one.
    pub fn preview(&self) -> Result<Option<Preview>> {
        guard(|| {
            let preview = self.job.preview();
            Ok(preview.map(|one| Preview {
                width: one.width,
                height: one.height,
                rgb: one.pixels.clone(),
            }))
        })
    }

    /// Stops the job soon; `clip` then fails with `cancelled`. It may be called at any time.
    pub fn cancel(&self) -> Result<()> {
        guard(|| {
            self.job.cancel();
            Ok(())
        })
    }

    /// Whether the job has ended, well or not.
    pub fn is_finished(&self) -> Result<bool> {
        guard(|| Ok(self.end.lock().result.is_some()))
    }
}

impl GenerationJob {
    /// Watches `job` from a thread of its own: tells the listener, and wakes who waits for the end.
    pub(super) fn watch(
        job: studio::GenerationJob,
        listener: Option<Arc<dyn ProgressListener>>,
    ) -> Result<Arc<Self>> {
        let (job, end) = (Arc::new(job), Arc::new(End::default()));
        let (watched, told) = (Arc::clone(&job), Arc::clone(&end));
        std::thread::Builder::new()
            .name("kinora-watch".to_owned())
            .spawn(move || {
                let result = guard(|| follow(&watched, listener.as_deref()));
                drop((watched, listener));
                told.set(result);
            })
            .map_err(|error| KinoraError::Runtime {
                code: "runtime.threads".to_owned(),
                reason: "no thread could be started: close other work and try again".to_owned(),
                detail: Some(error.to_string()),
            })?;
        Ok(Arc::new(Self { job, end }))
    }
}

/// The watcher holds the job too, so that letting go of this handle has to say it.
impl Drop for GenerationJob {
    fn drop(&mut self) {
        self.job.cancel();
    }
}

fn follow(job: &studio::GenerationJob, listener: Option<&dyn ProgressListener>) -> Result<Clip> {
    let mut listener = listener;
    loop {
        if let Some(progress) = job.next_progress(GLANCE) {
            if listener.is_some_and(|one| one.progressed(progress.into()).is_err()) {
                // One that fails is not asked again; the clip is not its business.
                listener = None;
            }
            if progress.stage == studio::Stage::Done {
                break;
            }
        } else if job.is_finished() {
            break;
        }
    }
    Ok(job.join()?.into())
}

/// The end of a job, for any number of waiting tasks.
#[derive(Default)]
struct End {
    state: Mutex<Ending>,
}

#[derive(Default)]
struct Ending {
    result: Option<Result<Clip>>,
    waiting: Vec<Waker>,
}

impl End {
    fn set(&self, result: Result<Clip>) {
        let mut state = self.lock();
        state.result = Some(result);
        let waiting = std::mem::take(&mut state.waiting);
        // Woken outside the lock: a waker may poll at once.
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, waker: &Waker) -> Poll<Result<Clip>> {
        let mut state = self.lock();
        match &state.result {
            Some(result) => Poll::Ready(result.clone()),
            None => {
                if !state.waiting.iter().any(|known| known.will_wake(waker)) {
                    state.waiting.push(waker.clone());
                }
                Poll::Pending
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ending> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<studio::Progress> for GenerationProgress {
    fn from(progress: studio::Progress) -> Self {
        let studio::Progress { stage, step, of, share, seconds_left } = progress;
        let stage = match stage {
            studio::Stage::Faces => ProgressStage::Faces,
            studio::Stage::Motion => ProgressStage::Motion,
            studio::Stage::Denoising => ProgressStage::Denoising,
            studio::Stage::Frames => ProgressStage::Frames,
            studio::Stage::Sending => ProgressStage::Sending,
            studio::Stage::Queued => ProgressStage::Queued,
            studio::Stage::Working => ProgressStage::Working,
            studio::Stage::Fetching => ProgressStage::Fetching,
            studio::Stage::Done => ProgressStage::Done,
        };
        Self { stage, step, of, share, seconds_left }
    }
}

impl From<crate::Clip> for Clip {
    fn from(clip: crate::Clip) -> Self {
        let (path, bytes) = match clip.made {
            studio::Made::Path(path) => (Some(path.to_string_lossy().into_owned()), None),
            studio::Made::Bytes(bytes) => (None, Some(bytes)),
            studio::Made::Sink => (None, None),
        };
        let studio::StageSeconds { faces, motion, render, marking, encode, total } = clip.seconds;
        Self {
            path,
            bytes,
            frames: clip.frames,
            fps: clip.fps.as_f64(),
            width: clip.width,
            height: clip.height,
            seed: clip.seed,
            faces: clip.faces as u32,
            execution_provider: clip.execution_provider.map(Into::into),
            remote_model: clip.remote_model,
            pack: clip.pack.map(Into::into),
            used: clip.used,
            ignored: clip.ignored,
            steps_asked: clip.steps_asked as u32,
            steps: clip.steps as u32,
            checks: clip.checks.into_iter().map(Into::into).collect(),
            marks: clip.marks.into_iter().map(Into::into).collect(),
            photo_marks: clip.photo_marks.into(),
            seconds: ClipSeconds { faces, motion, render, marking, encode, total },
        }
    }
}

impl fmt::Debug for GenerationJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.job.fmt(f)
    }
}

/// Prompts, pictures and bytes do not print.
impl fmt::Debug for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clip({} frames, {}×{})", self.frames, self.width, self.height)
    }
}

impl fmt::Debug for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Preview({}×{})", self.width, self.height)
    }
}
