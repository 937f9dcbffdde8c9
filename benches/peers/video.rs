//! One clip of a pack, by the clock and by what the process held: `cargo xtask peers` starts it in
//! turns with other programs.
//!
//! ```text
//! bench_video --packs STORE --pack FOLDER --out CLIP.mp4 [--photo FILE] [--words TEXT]
//!             [--size N] [--seconds S] [--fps N] [--steps N] [--guidance X] [--seed N]
//!             [--threads N] [--started NANOSECONDS] [--frames FOLDER] [--first-step] [--tiled]
//!             [--watch] [--not TEXT] [--cancel N] [--preflight]
//! ```
//! The pack goes into the store if it is not there. `--started` is when the process was asked for,
//! in nanoseconds since 1970; `--first-step` ends after the first denoise step; `--frames` also
//! leaves PNG files, without marks; `--watch` follows the memory of decoding; `--cancel` makes no clip
//! and cancels so many jobs in the middle of a step; `--preflight` only reckons. Prints one line of
//! JSON; what could not be had in it is null.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kinora::marking::Marking;
use kinora::pack::PackStore;
use kinora::studio::Stage;
use kinora::{GenerationRequest, Model, Output, Photo, Studio, StudioOptions};
use serde_json::json;

const USAGE: &str =
    "say: --packs STORE --pack FOLDER --out CLIP.mp4, and what benches/peers/video.rs lists";
const SWITCHES: [&str; 4] = ["first-step", "tiled", "watch", "preflight"];
/// How long is waited for news of a job, and how often memory is looked at.
const NEWS: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_millis(1);
/// What the library says of its steps, and under which name.
const STEPS_TARGET: &str = "kinora::pipeline::video";
const STEPS_LINE: &str = "denoised: ";

type Outcome<T> = Result<T, Box<dyn Error>>;

static HEARD: Heard = Heard { line: Mutex::new(None) };

fn main() -> Outcome<()> {
    let begun = Instant::now();
    let since_asked = |started: u128| -> Outcome<f64> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        Ok(now.saturating_sub(started) as f64 / 1e9)
    };
    let given = Given::read(std::env::args().skip(1))?;
    // What passed before this line, where it was said when that began.
    let before = given.number("started")?.map_or(Ok(0.0), since_asked)?;
    log::set_logger(&HEARD).map_err(|_| "another logger is there already")?;
    log::set_max_level(log::LevelFilter::Debug);

    let (store, source) = (given.need("packs")?, given.need("pack")?);
    let id = added(store, source)?;
    let options = StudioOptions::default().packs(store);
    let studio = Studio::open(options.threads(given.number("threads")?.unwrap_or(2)))?;
    if let Some(times) = given.number("cancel")? {
        println!("{}", cancelled(&studio, &given, &id, times)?);
        return Ok(());
    }
    if given.has("preflight") {
        let told = studio.preflight(&request(&given, id)?)?;
        println!(
            "{}",
            json!({ "seconds": told.seconds, "peak": told.peak_bytes, "size": told.size })
        );
        return Ok(());
    }
    let before_job = status("VmRSS:");
    let watch = given.has("watch").then(Watch::start).transpose()?;
    let clock = Instant::now();
    let job = studio.generate(request(&given, id)?)?;

    let mut steps: Vec<Instant> = Vec::new();
    let (mut peak_denoising, mut denoised, mut framed) = (None, None, None);
    while !job.is_finished() {
        let Some(progress) = job.next_progress(NEWS) else { continue };
        let now = Instant::now();
        match progress.stage {
            Stage::Denoising if progress.step as usize > steps.len() => {
                steps.push(now);
                if given.has("first-step") {
                    job.cancel();
                }
                if progress.step == progress.of {
                    (peak_denoising, denoised) = (peak(), Some(now));
                }
            }
            Stage::Frames => framed = framed.or(Some(now)),
            _ => {}
        }
    }
    let clip = match job.wait() {
        Ok(clip) => Some(clip),
        Err(kinora::Error::Cancelled) if given.has("first-step") => None,
        Err(error) => return Err(error.into()),
    };
    let total = clock.elapsed().as_secs_f64();
    let decoding = watch.map(|watch| watch.peak_between(denoised, framed)).transpose()?.flatten();
    let heard = HEARD.steps();
    let line = json!({
        "first_step": steps.first().map(|at| before + at.duration_since(begun).as_secs_f64()),
        "steps": steps.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect::<Vec<_>>(),
        "total": total,
        "process": before + begun.elapsed().as_secs_f64(),
        "decoding": clip.as_ref().map(|clip| clip.seconds.total - clip.seconds.motion),
        "peak_denoising": peak_denoising,
        "peak": peak(),
        "before": before_job,
        "peak_decoding": decoding,
        "frames": clip.as_ref().map(|clip| clip.frames),
        "width": clip.as_ref().map(|clip| clip.width),
        "height": clip.as_ref().map(|clip| clip.height),
        "loop_seconds": heard.map(|heard| heard.0),
        "runtime_seconds": heard.map(|heard| heard.1),
        "overhead": heard.map(|(all, runtime)| (all - runtime) / runtime),
        "runtime": studio.runtime().version(),
    });
    println!("{line}");
    Ok(())
}

/// Cancels so many jobs in the second step, each at another moment of it, and says how long each then
/// took to end.
fn cancelled(studio: &Studio, given: &Given, id: &str, times: usize) -> Outcome<serde_json::Value> {
    let (mut ends, mut step) = (Vec::new(), None);
    for number in 0..times {
        let job = studio.generate(request(given, id.to_owned())?)?;
        // The first job goes on to the end of its second step: how long that takes is not known yet.
        let steps = if step.is_none() { 2 } else { 1 };
        let mut first = None;
        while !job.is_finished() && job.progress().step < steps {
            job.next_progress(NEWS);
            if job.progress().step == 1 {
                first.get_or_insert_with(Instant::now);
            }
        }
        let Some(step) = step else {
            step = first.map(|first| first.elapsed());
            job.cancel();
            _ = job.wait();
            continue;
        };
        std::thread::sleep(step.mul_f64(number as f64 / times as f64));
        let clock = Instant::now();
        job.cancel();
        match job.wait() {
            Err(kinora::Error::Cancelled) => ends.push(clock.elapsed().as_secs_f64()),
            other => return Err(format!("a cancelled job ended otherwise: {other:?}").into()),
        }
    }
    Ok(json!({ "ends": ends, "step": step.map(|step| step.as_secs_f64()) }))
}

/// The pack's id; it is put into the store if it is not there.
fn added(store: &str, source: &str) -> Outcome<String> {
    let about: serde_json::Value =
        serde_json::from_slice(&std::fs::read(Path::new(source).join("pack.json"))?)?;
    let id = about["id"].as_str().ok_or("a pack.json without an id")?.to_owned();
    if !Path::new(store).join(&id).is_dir() {
        // The weights are random numbers of our own: nobody's terms have to be shown.
        let acceptance = PackStore::terms(source)?.accept();
        PackStore::open(store)?.add(source, &acceptance)?;
    }
    Ok(id)
}

fn request(given: &Given, id: String) -> Outcome<GenerationRequest> {
    let words = given.get("words").unwrap_or_default();
    let mut request = match given.get("photo") {
        Some(photo) => GenerationRequest::animate(Photo::open(photo)?).prompt(words),
        None => GenerationRequest::imagine(words),
    };
    request = request.model(Model::Pack { id }).seed(given.number("seed")?.unwrap_or(7));
    request = request.tiled(given.has("tiled"));
    if let Some(words) = given.get("not") {
        request = request.negative_prompt(words);
    }
    if let Some(size) = given.number("size")? {
        request = request.size(size);
    }
    if let Some(seconds) = given.number("seconds")? {
        request = request.seconds(seconds);
    }
    if let Some(fps) = given.number("fps")? {
        request = request.fps(fps);
    }
    if let Some(steps) = given.number("steps")? {
        request = request.steps(steps);
    }
    if let Some(guidance) = given.number("guidance")? {
        request = request.guidance(guidance);
    }
    let output = Output::mp4(given.need("out")?);
    Ok(match given.get("frames") {
        // Pixels are compared: a watermark would be a difference.
        Some(folder) => request.marking(Marking::none()).output(output.with_frames(folder)),
        None => request.output(output),
    })
}

/// What was said on the command line.
struct Given(HashMap<String, String>);

impl Given {
    fn read(mut words: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut given = HashMap::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or(USAGE)?;
            let value =
                if SWITCHES.contains(&name) { String::new() } else { words.next().ok_or(USAGE)? };
            given.insert(name.to_owned(), value);
        }
        Ok(Self(given))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn need(&self, name: &str) -> Outcome<&str> {
        self.get(name).ok_or_else(|| USAGE.into())
    }

    fn number<T: std::str::FromStr<Err: Error + 'static>>(&self, name: &str) -> Outcome<Option<T>> {
        Ok(self.get(name).map(str::parse).transpose()?)
    }
}

/// Keeps what the library says of the time of its steps.
struct Heard {
    line: Mutex<Option<String>>,
}

impl Heard {
    /// Seconds of the denoise loop, and of those in ONNX Runtime.
    fn steps(&self) -> Option<(f64, f64)> {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        // "denoised: 8 steps in 12.5 s, 12.4 s of it in ONNX Runtime"
        let (_, after) = line.as_deref()?.split_once(" in ")?;
        let (all, after) = after.split_once(" s, ")?;
        let (runtime, _) = after.split_once(" s of it")?;
        Some((all.trim().parse().ok()?, runtime.trim().parse().ok()?))
    }
}

impl log::Log for Heard {
    fn enabled(&self, about: &log::Metadata<'_>) -> bool {
        about.target() == STEPS_TARGET
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = record.args().to_string();
            if line.starts_with(STEPS_LINE) {
                *self.line.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
            }
        }
    }

    fn flush(&self) {}
}

/// Looks at the process's memory, time and again.
struct Watch {
    end: Arc<AtomicBool>,
    thread: JoinHandle<Vec<(Instant, u64)>>,
}

impl Watch {
    fn start() -> Outcome<Self> {
        let end = Arc::new(AtomicBool::new(false));
        let own = Arc::clone(&end);
        let thread = std::thread::Builder::new().spawn(move || {
            let mut seen = Vec::new();
            while !own.load(Ordering::Relaxed) {
                seen.extend(status("VmRSS:").map(|bytes| (Instant::now(), bytes)));
                std::thread::sleep(LOOK);
            }
            seen
        })?;
        Ok(Self { end, thread })
    }

    /// The most that was held from when the denoiser was gone. It goes after the last step and before
    /// the first frame: where the least is held.
    fn peak_between(
        self,
        denoised: Option<Instant>,
        framed: Option<Instant>,
    ) -> Outcome<Option<u64>> {
        self.end.store(true, Ordering::Relaxed);
        let seen = self.thread.join().map_err(|_| "nobody watched the memory")?;
        let (Some(denoised), Some(framed)) = (denoised, framed) else { return Ok(None) };
        let between = seen.iter().filter(|(at, _)| (denoised..=framed).contains(at));
        let Some((valley, _)) = between.min_by_key(|(_, bytes)| *bytes) else { return Ok(None) };
        Ok(seen.iter().filter(|(at, _)| at >= valley).map(|(_, bytes)| *bytes).max())
    }
}

/// The most that this process ever held, bytes; Linux alone tells.
fn peak() -> Option<u64> {
    status("VmHWM:")
}

fn status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| 1024 * kib)
}
