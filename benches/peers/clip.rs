//! A whole clip, 48 frames of 1280×720, against the clock and the memory: `bench_clip [PICTURE]`.
//!
//! Without a picture it takes the standard portrait of the test data (KINORA_DATA), without those a
//! made picture, which has no face. The picture is cropped to 16:9 from its top and brought to
//! 1280×720. Prints flat JSON lines:
//! - `warm`: seconds of work per second of video in an open studio, photo file to MP4 file, median;
//! - `marks`: a clip with its marks over one without, the median of pairs made one after the other;
//! - `cold`: the same from the start of the process `kinora animate`, median;
//! - `overlap`: warm time over decode + faces + motion + max(render, encode);
//! - `peak_mib`: the most memory that a process held which made that clip (Linux);
//! - `memory_ratio`: the same, of a clip of 128 frames over one of 16;
//! - `cancel_p95_ms`: from cancel to return, of 100 cancels at random moments.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, crop_imm, resize};
use kinora::marking::Marking;
use kinora::{Clip, GenerationRequest, Output, Photo, Studio, StudioOptions};
use serde_json::json;

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;
const FPS: f64 = 24.0;
const FRAMES: u32 = 48;
const THREADS: usize = 2;
const PROMPT: &str = "she smiles, slow zoom in";
const WARM_RUNS: usize = 5;
const MARKS_ROUNDS: usize = 15;
const COLD_RUNS: usize = 3;
const MEMORY_RUNS: usize = 3;
const CANCELS: usize = 100;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [word, picture, frames] if word == "memory" => memory_of_one(picture, frames.parse()?),
        [] => measure(None),
        [picture] => measure(Some(Path::new(picture))),
        _ => Err("say: bench_clip [PICTURE]".into()),
    }
}

fn measure(source: Option<&Path>) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let picture = folder.path().join("photo.jpg");
    prepare(source, &picture)?;
    let studio = Studio::open(StudioOptions::default().threads(THREADS))?;
    let length = warm(&studio, &picture, folder.path())?;
    marks(&studio, &picture, folder.path())?;
    cold(&picture, folder.path())?;
    memory(&picture)?;
    cancels(&studio, &picture, folder.path(), length)
}

/// Photo file to MP4 file in an open studio; gives the time that a clip takes.
fn warm(studio: &Studio, picture: &Path, folder: &Path) -> Outcome<Duration> {
    make(studio, picture, &folder.join("first.mp4"), FRAMES)?;
    let mut runs = Vec::new();
    for _ in 0..WARM_RUNS {
        let run = make(studio, picture, &folder.join("warm.mp4"), FRAMES)?;
        runs.push(run);
    }
    runs.sort_by_key(|run| run.total);
    let Run { clip, decode, total } = &runs[WARM_RUNS / 2];
    let (total, decode, stages) = (total.as_secs_f64(), decode.as_secs_f64(), clip.seconds);
    let least = decode + stages.faces + stages.motion + stages.render.max(stages.encode);
    let overlaps = runs.iter().map(|run| {
        let s = run.clip.seconds;
        let least = run.decode.as_secs_f64() + s.faces + s.motion + s.render.max(s.encode);
        run.total.as_secs_f64() / least
    });
    let line = json!({
        "what": "clip", "warm": total / video(FRAMES), "overlap": median(overlaps.collect()),
        "total": total, "least": least, "decode": decode, "faces": stages.faces,
        "motion": stages.motion, "render": stages.render, "encode": stages.encode,
        "faces_moved": clip.faces, "frames": clip.frames, "threads": THREADS,
    });
    println!("{line}");
    Ok(Duration::from_secs_f64(total))
}

/// What the marks cost: the watermark in every frame and the packet in the file.
fn marks(studio: &Studio, picture: &Path, folder: &Path) -> Outcome<()> {
    let photo = Photo::open(picture)?;
    let time = |marking: Marking| -> Outcome<f64> {
        let start = Instant::now();
        let request = request(photo.clone(), &folder.join("marks.mp4"), FRAMES).marking(marking);
        studio.generate(request)?.wait()?;
        Ok(start.elapsed().as_secs_f64())
    };
    let mut ratios = Vec::new();
    for round in 0..MARKS_ROUNDS {
        // Who goes first alternates, so that neither always finds the warmer machine.
        let (with, without) = if round % 2 == 0 {
            let with = time(Marking::default())?;
            (with, time(Marking::none())?)
        } else {
            let without = time(Marking::none())?;
            (time(Marking::default())?, without)
        };
        ratios.push(with / without);
    }
    println!("{}", json!({"what": "clip", "marks": median(ratios)}));
    Ok(())
}

/// The command line, process start and all; it is built by `cargo build --features cli`.
fn cold(picture: &Path, folder: &Path) -> Outcome<()> {
    let Some(kinora) = command_line() else {
        eprintln!("left out clip.cold: build the command line first (--features cli)");
        return Ok(());
    };
    let mut times = Vec::new();
    for _ in 0..COLD_RUNS {
        let start = Instant::now();
        let run = Command::new(&kinora)
            .arg("animate")
            .arg(picture)
            .arg("-o")
            .arg(folder.join("cold.mp4"))
            .args(["--prompt", PROMPT, "--seconds", &video(FRAMES).to_string()])
            .args(["--fps", &FPS.to_string(), "--threads", &THREADS.to_string(), "--json"])
            .output()?;
        if !run.status.success() {
            return Err(String::from_utf8_lossy(&run.stderr).into());
        }
        times.push(start.elapsed().as_secs_f64());
    }
    println!("{}", json!({"what": "clip", "cold": median(times) / video(FRAMES)}));
    Ok(())
}

/// Peak memory of processes that make one clip each.
fn memory(picture: &Path) -> Outcome<()> {
    let peak = |frames: u32| -> Outcome<Option<f64>> {
        let mut peaks = Vec::new();
        for _ in 0..MEMORY_RUNS {
            let run = Command::new(std::env::current_exe()?)
                .arg("memory")
                .arg(picture)
                .arg(frames.to_string())
                .output()?;
            if !run.status.success() {
                return Err(String::from_utf8_lossy(&run.stderr).into());
            }
            peaks.extend(String::from_utf8_lossy(&run.stdout).trim().parse::<f64>());
        }
        Ok((!peaks.is_empty()).then(|| median(peaks)))
    };
    let (Some(clip), Some(long), Some(short)) = (peak(FRAMES)?, peak(128)?, peak(16)?) else {
        eprintln!("left out clip.peak_mib and clip.memory_ratio: only Linux tells them");
        return Ok(());
    };
    let line = json!({
        "what": "clip", "peak_mib": clip, "memory_ratio": long / short,
        "peak_mib_128": long, "peak_mib_16": short,
    });
    println!("{line}");
    Ok(())
}

/// The child of [`memory`]: makes a clip and prints its own peak, in MiB.
fn memory_of_one(picture: &str, frames: u32) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let studio = Studio::open(StudioOptions::default().threads(THREADS))?;
    make(&studio, Path::new(picture), &folder.path().join("clip.mp4"), frames)?;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    if let Some(kib) = kib {
        println!("{}", kib / 1024.0);
    }
    Ok(())
}

/// From cancel to return, at moments spread over the length of a clip.
fn cancels(studio: &Studio, picture: &Path, folder: &Path, length: Duration) -> Outcome<()> {
    let photo = Photo::open(picture)?;
    // Any sequence without a pattern; the same in each run. Multiplier and addend: Numerical
    // Recipes, 3rd edition, section 7.1.
    let mut state = 1u64;
    let mut random = || {
        state =
            state.wrapping_mul(3_935_559_000_370_003_845).wrapping_add(2_691_343_689_449_507_681);
        (state >> 40) as f64 / (1u64 << 24) as f64
    };
    let mut times = Vec::new();
    let mut late = 0;
    while times.len() < CANCELS {
        let job = studio.generate(request(photo.clone(), &folder.join("cancel.mp4"), FRAMES))?;
        std::thread::sleep(length.mul_f64(random()));
        let start = Instant::now();
        job.cancel();
        match job.wait() {
            Err(kinora::Error::Cancelled) => times.push(1e3 * start.elapsed().as_secs_f64()),
            // The clip was ready before.
            Ok(_) if late < CANCELS => late += 1,
            Ok(_) => return Err("clips are ready before they can be cancelled".into()),
            Err(error) => return Err(error.into()),
        }
    }
    times.sort_by(f64::total_cmp);
    let line = json!({
        "what": "clip", "cancel_p95_ms": times[CANCELS * 95 / 100 - 1],
        "cancel_median_ms": times[CANCELS / 2], "cancel_longest_ms": times[CANCELS - 1],
    });
    println!("{line}");
    Ok(())
}

/// One clip from file to file.
struct Run {
    clip: Clip,
    decode: Duration,
    total: Duration,
}

fn make(studio: &Studio, picture: &Path, out: &Path, frames: u32) -> Outcome<Run> {
    let start = Instant::now();
    let photo = Photo::open(picture)?;
    let decode = start.elapsed();
    let clip = studio.generate(request(photo, out, frames))?.wait()?;
    let total = start.elapsed();
    if (clip.width, clip.height, clip.frames) != (WIDTH, HEIGHT, frames) {
        return Err(format!("{}×{}, {} frames", clip.width, clip.height, clip.frames).into());
    }
    Ok(Run { clip, decode, total })
}

fn request(photo: Photo, out: &Path, frames: u32) -> GenerationRequest {
    GenerationRequest::animate(photo)
        .prompt(PROMPT)
        .seconds(video(frames) as f32)
        .fps(FPS)
        .output(Output::mp4(out))
}

/// Seconds of video.
fn video(frames: u32) -> f64 {
    f64::from(frames) / FPS
}

/// Writes the photo of the clip: a JPEG of 1280×720.
fn prepare(source: Option<&Path>, out: &Path) -> Outcome<()> {
    let data = std::env::var_os("KINORA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let portrait = data.join("faces/imageio/astronaut.png");
    let rgb = match source.or(portrait.exists().then_some(portrait.as_path())) {
        Some(path) => {
            let photo = Photo::open(path)?;
            let (width, height) = (photo.width(), photo.height());
            let picture = image::RgbImage::from_raw(width, height, photo.pixels().to_vec())
                .ok_or("a photo with missing pixels")?;
            let wide = width.min(height * WIDTH / HEIGHT);
            let part = crop_imm(&picture, (width - wide) / 2, 0, wide, wide * HEIGHT / WIDTH);
            resize(&part.to_image(), WIDTH, HEIGHT, FilterType::CatmullRom)
        }
        None => {
            eprintln!("no test data (KINORA_DATA): a made picture without a face");
            image::RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
                let (x, y) = (x as f32, y as f32);
                let wave = (0.05 * x).sin() + (0.07 * y).cos() + 0.5 * (1e-3 * x * y).sin();
                image::Rgb([0.9, 1.0, 1.1].map(|k: f32| (128.0 + 45.0 * k * wave) as u8))
            })
        }
    };
    let mut file = std::io::BufWriter::new(std::fs::File::create(out)?);
    JpegEncoder::new_with_quality(&mut file, 92).encode(
        &rgb,
        WIDTH,
        HEIGHT,
        ExtendedColorType::Rgb8,
    )?;
    Ok(())
}

/// The command line beside this example, where cargo puts it.
fn command_line() -> Option<PathBuf> {
    let examples = std::env::current_exe().ok()?;
    let name = format!("kinora{}", std::env::consts::EXE_SUFFIX);
    let path = examples.parent()?.parent()?.join(name);
    path.is_file().then_some(path)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
