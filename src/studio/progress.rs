//! How far a job is, for whoever watches it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use zeroize::Zeroize;

/// What a job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Looking for faces.
    Faces,
    /// Denoising the motion; steps are denoise steps.
    Motion,
    /// A pack: denoising the clip; steps are denoise steps.
    Denoising,
    /// Drawing and encoding; steps are frames.
    Frames,
    /// A remote job: handing the payload over.
    Sending,
    /// A remote job: waiting at the provider; `of` is 1 more than the jobs before it, where the
    /// provider says how many there are.
    Queued,
    /// A remote job: at work; steps are hundredths, where the provider says how far it is.
    Working,
    /// A remote job: the clip is coming.
    Fetching,
    /// The clip is made, or the job has ended otherwise.
    Done,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// Steps of this stage that are done.
    pub step: u32,
    /// Steps of this stage in all.
    pub of: u32,
    /// Share of the whole job, 0–1, never falling.
    pub share: f32,
    /// Seconds that are probably left, once enough has been done to tell.
    pub seconds_left: Option<f32>,
}

/// A small picture of the frame that was drawn last, RGB8, (H, W, 3). Wiped on drop.
#[derive(Clone)]
pub struct Preview {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The pixels, rows from the top.
    pub pixels: Vec<u8>,
}

impl Drop for Preview {
    fn drop(&mut self) {
        self.pixels.zeroize();
    }
}

impl std::fmt::Debug for Preview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Preview({}×{})", self.width, self.height)
    }
}

/// Shares of the whole that a typical job spends before its frames.
const FACES_SHARE: f32 = 0.03;
const MOTION_SHARE: f32 = 0.1;
/// The same of a pack, whose steps take most of the time.
const DENOISING_SHARE: f32 = 0.8;
/// Shares of a remote job that are over when it is sent, and when it is made.
const REMOTE_SENT: f32 = 0.1;
const REMOTE_MADE: f32 = 0.9;
/// No guess at the time left before this share is done.
const GUESS_FROM: f32 = 0.12;

/// Where a job writes its progress and others read it.
pub(super) struct Board {
    started: Instant,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    progress: Progress,
    version: u64,
    before_frames: Option<f32>,
    preview: Option<Preview>,
}

impl Board {
    pub(super) fn new() -> Self {
        let progress =
            Progress { stage: Stage::Faces, step: 0, of: 1, share: 0.0, seconds_left: None };
        Self {
            started: Instant::now(),
            state: Mutex::new(State { progress, version: 0, before_frames: None, preview: None }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn set(&self, stage: Stage, step: u32, of: u32) {
        let part = step as f32 / of.max(1) as f32;
        let share = match stage {
            Stage::Faces => FACES_SHARE * part,
            Stage::Motion => FACES_SHARE + MOTION_SHARE * part,
            Stage::Denoising => DENOISING_SHARE * part,
            Stage::Frames => {
                let before = self.before_frames();
                before + (1.0 - before) * part
            }
            Stage::Sending => REMOTE_SENT * part,
            Stage::Queued => REMOTE_SENT,
            Stage::Working => REMOTE_SENT + (REMOTE_MADE - REMOTE_SENT) * part,
            Stage::Fetching => REMOTE_MADE,
            Stage::Done => 1.0,
        };
        let spent = self.started.elapsed().as_secs_f32();
        // How long a provider takes is nothing that can be told from what it took so far.
        let local =
            matches!(stage, Stage::Faces | Stage::Motion | Stage::Denoising | Stage::Frames);
        let seconds_left = (local && share >= GUESS_FROM).then(|| spent * (1.0 - share) / share);
        let mut state = self.lock();
        let share = share.max(state.progress.share);
        state.progress = Progress { stage, step, of, share, seconds_left };
        state.version += 1;
        drop(state);
        self.changed.notify_all();
    }

    /// The share of the whole that was done when the first frame came.
    fn before_frames(&self) -> f32 {
        let mut state = self.lock();
        let share = state.progress.share.max(FACES_SHARE + MOTION_SHARE);
        *state.before_frames.get_or_insert(share)
    }

    pub(super) fn show(&self, preview: Preview) {
        self.lock().preview = Some(preview);
    }

    pub(super) fn progress(&self) -> Progress {
        self.lock().progress
    }

    pub(super) fn preview(&self) -> Option<Preview> {
        self.lock().preview.clone()
    }

    /// Waits until the progress is newer than version `seen`, at most `timeout`.
    pub(super) fn next(&self, seen: u64, timeout: Duration) -> Option<(u64, Progress)> {
        let state = self.lock();
        let waited = self.changed.wait_timeout_while(state, timeout, |s| s.version <= seen);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (state.version > seen).then_some((state.version, state.progress))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
