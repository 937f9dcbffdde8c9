//! Shared by the files of tests/.

#![allow(dead_code, reason = "each test file links its own copy and uses its own part")]

use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use kinora::clip::{Fps, FrameSink, I420, SinkResult};
use kinora::{Clip, GenerationRequest, Orientation, Output, Photo, Result, Studio, StudioOptions};

/// A folder or file of the test data: below `KINORA_DATA`, by default ../shared/data beside the
/// repository. Where it is absent, says what is skipped; the test goes on with a made fixture.
pub(crate) fn data(sub: &str) -> Option<PathBuf> {
    let root = env::var_os("KINORA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let path = root.join(sub);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: there is no {sub} in the test data (KINORA_DATA)");
    None
}

/// A studio with two threads that the tests of one file share. Without ONNX Runtime, says which
/// test is skipped.
pub(crate) fn studio() -> Option<&'static Studio> {
    static STUDIO: OnceLock<Option<Studio>> = OnceLock::new();
    let studio = STUDIO.get_or_init(open_studio).as_ref();
    if studio.is_none() {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("a test");
        eprintln!("skipped {name}: ORT_DYLIB_PATH names no ONNX Runtime");
    }
    studio
}

/// A studio of its own; `None` where no ONNX Runtime is set up.
pub(crate) fn open_studio() -> Option<Studio> {
    env::var_os("ORT_DYLIB_PATH")?;
    Some(Studio::open(StudioOptions::default().threads(2)).expect("a studio opens"))
}

/// The standard portrait, 512×512, one face at [`ASTRONAUT_FACE`].
pub(crate) fn astronaut() -> Option<Photo> {
    data("faces/imageio/astronaut.png").map(|path| Photo::open(path).expect("the portrait opens"))
}

/// x, y, width and height of the portrait's face, as faces/labels/imageio.pseudo.csv has it.
pub(crate) const ASTRONAUT_FACE: [usize; 4] = [181, 54, 92, 124];

/// A made landscape without faces: sky, hills and texture, smooth enough to survive chroma at half
/// its size.
pub(crate) fn picture(width: u32, height: u32) -> Photo {
    let mut rgba = Vec::with_capacity(4 * (width * height) as usize);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
            let hill = v - 0.55 + 0.08 * (7.0 * u).sin();
            let ground = 1.0 / (1.0 + (-40.0 * hill).exp());
            let texture = 20.0 * (0.21 * x as f32).sin() * (0.17 * y as f32 + 3.0 * u).cos();
            let light = 190.0 - 110.0 * ground + texture;
            rgba.extend([light - 25.0, light, light + 30.0].map(|c| c as u8));
            rgba.push(255);
        }
    }
    Photo::from_pixels(&rgba, width, height, 4 * width as usize, Orientation::default())
        .expect("a picture")
}

/// A file with the marks of a runtime that reports to its maker, in the middle of megabytes.
pub(crate) fn telemetry() -> Vec<u8> {
    let mut file = vec![b'x'; 3 << 20];
    let mark = b"https://mobile.events.data.microsoft.com/OneCollector/1.0";
    file[(1 << 20) - 20..][..mark.len()].copy_from_slice(mark);
    file
}

/// What a [`Watcher`] has seen of a clip.
#[derive(Default)]
pub(crate) struct Seen {
    /// The calls that came, in order: 'b'egin, 'f'rame, finis'h'.
    pub(crate) calls: String,
    /// Width and height.
    pub(crate) size: (usize, usize),
    /// Frames a second, from `begin` on.
    pub(crate) fps: Option<Fps>,
    /// Luma of each frame, without padding.
    pub(crate) lumas: Vec<Vec<u8>>,
    /// When each frame is shown.
    pub(crate) timestamps: Vec<Duration>,
    /// Whether the sink has been let go.
    pub(crate) dropped: bool,
}

/// A sink that keeps the luma of all frames.
#[derive(Default)]
pub(crate) struct Watcher {
    seen: Arc<Mutex<Seen>>,
}

impl Watcher {
    /// What it sees, also after the job has taken it.
    pub(crate) fn seen(&self) -> Arc<Mutex<Seen>> {
        Arc::clone(&self.seen)
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FrameSink for Watcher {
    fn begin(&mut self, width: u32, height: u32, fps: Fps) -> SinkResult {
        let mut seen = self.lock();
        seen.calls.push('b');
        seen.size = (width as usize, height as usize);
        seen.fps = Some(fps);
        Ok(())
    }

    fn frame(&mut self, frame: &I420, timestamp: Duration) -> SinkResult {
        let width = frame.width() as usize;
        let rows = frame.y().chunks(frame.y_stride()).take(frame.height() as usize);
        let luma = rows.flat_map(|row| &row[..width]).copied().collect();
        let mut seen = self.lock();
        seen.calls.push('f');
        seen.lumas.push(luma);
        seen.timestamps.push(timestamp);
        Ok(())
    }

    fn finish(&mut self) -> SinkResult {
        self.lock().calls.push('h');
        Ok(())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.lock().dropped = true;
    }
}

/// Makes a clip into a [`Watcher`].
pub(crate) fn watch(studio: &Studio, request: GenerationRequest) -> Result<(Clip, Seen)> {
    let watcher = Watcher::default();
    let seen = watcher.seen();
    let clip = studio.generate(request.output(Output::sink(Box::new(watcher))))?.wait()?;
    let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((clip, seen))
}

/// Mean absolute difference of two pictures of one size, in code values.
pub(crate) fn difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

/// The part of a one-channel picture within `[x, y, width, height]`.
pub(crate) fn part(luma: &[u8], width: usize, [x, y, w, h]: [usize; 4]) -> Vec<u8> {
    let rows = luma.chunks(width).skip(y).take(h);
    rows.flat_map(|row| &row[x..(x + w).min(width)]).copied().collect()
}

/// Mean absolute difference of all later frames to the first, within a part of the picture.
pub(crate) fn moves(seen: &Seen, bounds: [usize; 4]) -> f64 {
    let first = part(&seen.lumas[0], seen.size.0, bounds);
    let later = seen.lumas.len() - 1;
    let sum: f64 = seen.lumas[1..]
        .iter()
        .map(|luma| difference(&first, &part(luma, seen.size.0, bounds)))
        .sum();
    sum / later as f64
}

/// Peak signal-to-noise ratio in decibels; infinite for equal pictures.
pub(crate) fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    10.0 * (255.0f64.powi(2) * a.len() as f64 / sum as f64).log10()
}
