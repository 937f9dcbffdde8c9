//! Measures the watermark: what of it outlasts other encoders, and how often it is seen where it is
//! not.
//!
//! `survive PHOTO…` makes two clips of each photo, with marks and without, gives the marked one to
//! FFmpeg's encoders, and reads the mark back. `alarms FILE…` looks for it in photos, in cuts of them
//! of other sizes, and in every frame of videos. Both need `ffmpeg` and `ffprobe` on the path.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a measurement ends by panicking where it cannot go on"
)]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use image::imageops::{FilterType, crop_imm, resize};
use kinora::marking::Marking;
use kinora::marking::watermark::{WatermarkDetector, WatermarkReading};
use kinora::{GenerationRequest, Output, Photo, Studio, StudioOptions};
use rayon::prelude::*;

/// Cuts of each photo, in which the mark is looked for too.
const CUTS: usize = 18;
/// Every how many frames of a clip one is looked at.
const EVERY: usize = 3;
const ATTACKS: [&str; 7] = ["crf28", "half", "crop", "webp", "gif", "hevc", "vp9"];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().unwrap_or_default();
    let files: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    match mode.as_str() {
        "survive" => survive(&files),
        "alarms" => alarms(&files),
        _ => eprintln!("usage: quality_watermark survive PHOTO… | alarms FILE…"),
    }
}

fn survive(photos: &[PathBuf]) {
    let studio = Studio::open(StudioOptions::default()).unwrap();
    let rows: Vec<(f64, Vec<bool>)> = photos.iter().map(|photo| outlasts(&studio, photo)).collect();
    println!("{:>40}  {:>5}  {}", "", "dB", ATTACKS.join("  "));
    for (photo, (psnr, found)) in photos.iter().zip(&rows) {
        let found: Vec<_> = found.iter().map(|&found| if found { "+" } else { "-" }).collect();
        println!(
            "{:>40}  {psnr:5.1}  {}",
            photo.file_name().unwrap().display(),
            found.join("      ")
        );
    }
    for (number, attack) in ATTACKS.iter().enumerate() {
        let found = rows.iter().filter(|(_, found)| found[number]).count();
        println!("{attack}: {found} of {}", rows.len());
    }
    let least = rows.iter().map(|(psnr, _)| *psnr).fold(f64::INFINITY, f64::min);
    println!("least PSNR of the mark: {least:.1} dB");
}

/// The PSNR of a clip's mark, and which attacks it outlasts.
fn outlasts(studio: &Studio, photo: &Path) -> (f64, Vec<bool>) {
    let folder = tempfile::tempdir().unwrap();
    let photo = Photo::open(photo).unwrap();
    let frames = |name: &str, marking: Marking| {
        let into = folder.path().join(name);
        let request = GenerationRequest::animate(photo.clone()).seconds(1.0).marking(marking);
        let clip = studio.generate(request.output(Output::png_folder(&into))).unwrap();
        let clip = clip.wait().unwrap();
        let frame = |n: u32| image::open(into.join(format!("frame_{n:04}.png"))).unwrap().to_rgb8();
        (clip.width as usize, clip.height as usize, (0..clip.frames).map(frame).collect::<Vec<_>>())
    };
    let (_, _, plain) = frames("plain", Marking::none());
    let (width, height, marked) = frames("marked", Marking::default());
    let differences =
        plain.iter().zip(&marked).flat_map(|(a, b)| a.as_raw().iter().zip(b.as_raw()));
    let squares: f64 = differences.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    let samples = plain.len() * 3 * width * height;
    let psnr = 10.0 * (255.0f64.powi(2) * samples as f64 / squares.max(1.0)).log10();
    let attacks = ATTACKS.par_iter();
    (psnr, attacks.map(|attack| found_after(attack, folder.path(), width, height)).collect())
}

/// How FFmpeg is told to encode, and the name of the file.
fn encoding(attack: &str, width: usize, height: usize) -> (String, &'static str) {
    // What social networks give a picture of that size, at 2.5 Mbit/s for 720p.
    let rate = ((width * height) as f64 / (1280.0 * 720.0) * 2500.0).max(250.0) as u32;
    let half = format!("scale={}:{}:flags=bicubic", width / 4 * 2, height / 4 * 2);
    let (w, h) = (width * 9 / 20 * 2, height * 9 / 20 * 2);
    let crop = format!("crop={w}:{h}:{}:{}", width / 23, height / 17);
    match attack {
        "crf28" => ("-c:v libx264 -crf 28 -pix_fmt yuv420p".to_owned(), "out.mp4"),
        "half" => (format!("-vf {half} -c:v libx264 -crf 20 -pix_fmt yuv420p"), "out.mp4"),
        "crop" => (format!("-vf {crop} -c:v libx264 -crf 23 -pix_fmt yuv420p"), "out.mp4"),
        "webp" => ("-frames:v 1 -c:v libwebp -quality 75".to_owned(), "out.webp"),
        "gif" => ("-vf split[a][b];[a]palettegen[p];[b][p]paletteuse".to_owned(), "out.gif"),
        "hevc" => (
            format!(
                "-c:v libx265 -preset fast -b:v {rate}k -x265-params log-level=none -pix_fmt yuv420p"
            ),
            "out.mp4",
        ),
        _ => (format!("-c:v libvpx-vp9 -cpu-used 5 -b:v {rate}k -pix_fmt yuv420p"), "out.webm"),
    }
}

fn found_after(attack: &str, folder: &Path, width: usize, height: usize) -> bool {
    let own = folder.join(attack);
    fs::create_dir(&own).unwrap();
    let (arguments, name) = encoding(attack, width, height);
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-framerate", "24", "-i"])
        .arg(folder.join("marked/frame_%04d.png"))
        .args(arguments.split(' '))
        .arg(own.join(name))
        .status();
    assert!(made.unwrap().success(), "{attack}");
    let mut detector = None;
    each_frame(&own.join(name), |number, width, height, frame| {
        if number.is_multiple_of(EVERY) {
            detector
                .get_or_insert_with(|| WatermarkDetector::new(width, height).unwrap())
                .add_rgb(frame)
                .unwrap();
        }
    });
    matches!(detector.unwrap().read(), WatermarkReading::Intact(_))
}

fn alarms(files: &[PathBuf]) {
    let (looked, alarms) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let look = |file: &Path, number: usize, width: u32, height: u32, frame: &[u8]| {
        let Ok(mut detector) = WatermarkDetector::new(width, height) else { return };
        detector.add_rgb(frame).unwrap();
        if looked.fetch_add(1, Ordering::Relaxed) % 1000 == 999 {
            eprintln!("{} looked at", looked.load(Ordering::Relaxed));
        }
        let reading = detector.read();
        if reading != WatermarkReading::Absent {
            alarms.fetch_add(1, Ordering::Relaxed);
            println!("{} {number}: {reading:?}", file.display());
        }
    };
    files.par_iter().for_each(|file| match image::open(file) {
        Ok(picture) => {
            let picture = picture.to_rgb8();
            look(file, 0, picture.width(), picture.height(), picture.as_raw());
            for (number, cut) in cuts(file, &picture).enumerate() {
                look(file, number + 1, cut.width(), cut.height(), cut.as_raw());
            }
        }
        Err(_) => each_frame(file, |number, width, height, frame| {
            look(file, number, width, height, frame);
        }),
    });
    println!("{} alarms in {} pictures", alarms.into_inner(), looked.into_inner());
}

/// Cuts of half to all of a picture, of 0.6 to 1.6 times its size and at most 480 pixels a side.
fn cuts(file: &Path, picture: &image::RgbImage) -> impl Iterator<Item = image::RgbImage> {
    // The same cuts every time (Knuth's MMIX generator, seeded with the name).
    let step = |seed: u64| {
        seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
    };
    let name = file.to_string_lossy().into_owned();
    let mut seed = name.bytes().fold(7, |seed: u64, byte| step(seed).wrapping_add(byte.into()));
    let mut random = move || {
        seed = step(seed);
        (seed >> 33) as f32 / (1u64 << 31) as f32
    };
    (0..CUTS).map(move |_| {
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        let (w, h) = (width * (0.5 + 0.5 * random()), height * (0.5 + 0.5 * random()));
        let (x, y) = (random() * (width - w), random() * (height - h));
        let scale = (0.6 + random()).min(480.0 / w.max(h)).max(24.0 / w.min(h));
        let cut = crop_imm(picture, x as u32, y as u32, w as u32, h as u32).to_image();
        resize(&cut, (w * scale) as u32, (h * scale) as u32, FilterType::Triangle)
    })
}

/// Every frame of a video, in RGB.
fn each_frame(file: &Path, mut each: impl FnMut(usize, u32, u32, &[u8])) {
    let size = Command::new("ffprobe")
        .args(["-v", "quiet", "-select_streams", "v:0", "-of", "csv=p=0"])
        .args(["-show_entries", "stream=width,height"])
        .arg(file)
        .output()
        .unwrap();
    let size = String::from_utf8_lossy(&size.stdout).into_owned();
    let mut sides = size.trim().split(',').map_while(|side| side.trim().parse::<u32>().ok());
    let (Some(width), Some(height)) = (sides.next(), sides.next()) else { return };
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-v", "quiet", "-i"])
        .arg(file)
        .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut frames = ffmpeg.stdout.take().unwrap();
    let mut frame = vec![0; width as usize * height as usize * 3];
    let mut number = 0;
    while frames.read_exact(&mut frame).is_ok() {
        each(number, width, height, &frame);
        number += 1;
    }
    drop(frames);
    ffmpeg.wait().unwrap();
}
