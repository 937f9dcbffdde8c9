//! Promise: when a job has ended, however it ended, nothing of the photo, the prompt and the faces is
//! left in the process's memory, which is what a core dump of it would hold, on the disk, or in any
//! log at any level.
//!
//! This is what the feature `wipe-on-free` adds to the wiping of Kinora's own types, so the test needs it.
//!
//! A child process makes a clip of a photo with planted markers and then waits; the parent, which
//! alone knows the markers, reads the child's memory as a debugger would. Linux only.

#![cfg(all(target_os = "linux", feature = "wipe-on-free"))]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use image::{ImageEncoder, RgbImage};
use kinora::clip::{Fps, FrameSink, I420, SinkResult};
use kinora::{GenerationRequest, Output, Photo};
use zeroize::Zeroizing;

const ORDER: &str = "KINORA_TEST_WIPED";

/// Not a test of its own: what the child runs, as its order says.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(ORDER).map(PathBuf::from) else { return };
    let how = fs::read_to_string(folder.join("how")).unwrap();
    let log = File::create(folder.join("log")).unwrap();
    log::set_logger(Box::leak(Box::new(Everything(Mutex::new(log))))).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let studio = common::open_studio().expect("the parent has looked");
    // What holds the markers is a block of its own, and dropped at its end.
    let kept = {
        let photo = Photo::open(folder.join("photo.png")).unwrap();
        let faces = studio.faces(&photo).unwrap();
        let prompt = Zeroizing::new(fs::read_to_string(folder.join("prompt")).unwrap());
        let output = match how.as_str() {
            "sink fails" => Output::sink(Box::new(Failing { panics: false })),
            "sink panics" => Output::sink(Box::new(Failing { panics: true })),
            _ => Output::from_path(folder.join("clip.mp4")).unwrap(),
        };
        let request = GenerationRequest::animate(photo.clone())
            .prompt(prompt.as_str())
            .seconds(1.0)
            .size(320)
            .output(output);
        let job = studio.generate(request).unwrap();
        if how == "cancelled" {
            while job.progress().step < 3 && !job.is_finished() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            job.cancel();
        }
        println!("ended {}", job.wait().map_or_else(|e| e.code().to_owned(), |_| "clip".into()));
        // The control, in which everything that is looked for is there.
        (how == "kept").then(|| {
            log::trace!("a job for: {}", *prompt);
            fs::write(folder.join("home/forgotten"), prompt.as_bytes()).unwrap();
            let pixels = photo.pixels().as_chunks::<3>().0;
            let rgba: Vec<u8> = pixels.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
            let wide: Vec<u16> = prompt.encode_utf16().collect();
            let file = fs::read(folder.join("photo.png")).unwrap();
            (photo, faces, prompt, (rgba, wide, file))
        })
    };
    println!("ready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    drop(kept);
}

/// Writes every record, whatever its level.
struct Everything(Mutex<File>);

impl log::Log for Everything {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let mut file = self.0.lock().unwrap();
        _ = writeln!(file, "{} {} {}", record.level(), record.target(), record.args());
    }

    fn flush(&self) {}
}

/// A sink that takes three frames.
struct Failing {
    panics: bool,
}

impl FrameSink for Failing {
    fn begin(&mut self, _: u32, _: u32, _: Fps) -> SinkResult {
        Ok(())
    }

    fn frame(&mut self, _: &I420, at: std::time::Duration) -> SinkResult {
        match at.as_millis() < 100 {
            true => Ok(()),
            false if self.panics => panic!("a fault of the app's"),
            false => Err("the app's encoder is gone".into()),
        }
    }

    fn finish(&mut self) -> SinkResult {
        Ok(())
    }
}

/// Something that must not be found, by what it is of.
struct Marker {
    of: &'static str,
    bytes: Vec<u8>,
}

/// A photo with markers, and what was planted.
struct Planted {
    folder: tempfile::TempDir,
    markers: Vec<Marker>,
}

/// Bytes that nobody else has.
fn unique(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn plant(how: &str) -> Planted {
    let folder = tempfile::tempdir().unwrap();
    let mut picture = match common::data("faces/imageio/astronaut.png") {
        Some(path) => image::open(path).unwrap().to_rgb8(),
        None => RgbImage::from_fn(512, 512, |x, y| image::Rgb([x as u8, y as u8, (x * y) as u8])),
    };
    let mut markers = Vec::new();
    // In a corner, far from the face.
    let run = unique(3 * 40);
    for (x, pixel) in run.chunks_exact(3).enumerate() {
        picture.put_pixel(8 + x as u32, 500, image::Rgb([pixel[0], pixel[1], pixel[2]]));
    }
    let rgba: Vec<u8> = run.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
    markers.push(Marker { of: "pixels", bytes: run[3..][..48].to_vec() });
    markers.push(Marker { of: "pixels with alpha", bytes: rgba[4..][..64].to_vec() });
    let text = format!("marker-{}", hex(&unique(12)));
    let exif =
        [b"II*\0\x08\0\0\0\x01\0\x0e\x01\x02\0", &31u32.to_le_bytes()[..], &26u32.to_le_bytes()]
            .concat();
    let exif = [&exif[..], &[0; 4], text.as_bytes(), b"\0"].concat();
    let mut encoded = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut encoded);
    encoder.set_exif_metadata(exif).unwrap();
    let (width, height) = picture.dimensions();
    encoder.write_image(picture.as_raw(), width, height, image::ExtendedColorType::Rgb8).unwrap();
    markers.push(Marker { of: "the file's EXIF", bytes: text.into_bytes() });
    // From the middle of the compressed pixels.
    let middle = encoded.len() / 2;
    markers.push(Marker { of: "the file", bytes: encoded[middle..][..48].to_vec() });
    fs::write(folder.path().join("photo.png"), &encoded).unwrap();
    let word = format!("q{}", hex(&unique(10)));
    fs::write(folder.path().join("prompt"), format!("smile, {word}, zoom in")).unwrap();
    let wide: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
    markers.push(Marker { of: "the prompt", bytes: word.into_bytes() });
    markers.push(Marker { of: "the prompt in UTF-16", bytes: wide });
    fs::write(folder.path().join("how"), how).unwrap();
    let photo = Photo::from_bytes(&encoded).unwrap();
    for face in common::studio().unwrap().faces(&photo).unwrap() {
        let bounds: Vec<u8> = face.bounds().iter().flat_map(|n| n.to_le_bytes()).collect();
        markers.push(Marker { of: "a face's bounds", bytes: bounds });
        for point in face.landmarks().points() {
            let bytes = point.iter().flat_map(|n| n.to_le_bytes()).collect();
            markers.push(Marker { of: "a landmark", bytes });
        }
    }
    Planted { folder, markers }
}

/// A child that has done its job and waits.
struct Waiting {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Waiting {
    /// Also how its job ended.
    fn start(folder: &Path) -> (Self, String) {
        let home = folder.join("home");
        fs::create_dir_all(&home).unwrap();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture", "--test-threads=1"])
            .env(ORDER, folder)
            .envs(["HOME", "TMPDIR", "XDG_CACHE_HOME"].map(|name| (name, &home)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut waiting = Self { process, lines };
        let ended = waiting.ended();
        (waiting, ended)
    }

    /// Waits until it waits, and says how its job ended.
    fn ended(&mut self) -> String {
        let mut ended = String::new();
        for line in self.lines.by_ref().map_while(Result::ok) {
            if let Some((_, how)) = line.split_once("ended ") {
                how.clone_into(&mut ended);
            }
            if line.ends_with("ready") {
                return ended;
            }
        }
        panic!("the child has ended too early: {ended}");
    }

    /// Which markers its writable memory holds: what a core dump would.
    fn search(&self, markers: &[Marker]) -> Vec<(&'static str, String)> {
        let id = self.process.id();
        let maps = fs::read_to_string(format!("/proc/{id}/maps")).unwrap();
        let mut memory = File::open(format!("/proc/{id}/mem")).unwrap();
        let mut found = Vec::new();
        let mut searched = 0;
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (range, rights) = (words.next().unwrap(), words.next().unwrap());
            let name = words.nth(3).unwrap_or("no file");
            if !rights.starts_with("rw") {
                continue;
            }
            let (start, end) = range.split_once('-').unwrap();
            let [start, end] = [start, end].map(|n| u64::from_str_radix(n, 16).unwrap());
            let mut bytes = vec![0; (end - start) as usize];
            memory.seek(SeekFrom::Start(start)).unwrap();
            if memory.read_exact(&mut bytes).is_err() {
                continue;
            }
            searched += bytes.len();
            for marker in markers {
                if memchr::memmem::find(&bytes, &marker.bytes).is_some() {
                    found.push((marker.of, name.to_owned()));
                }
            }
        }
        assert!(searched > 8 << 20, "only {searched} bytes could be read");
        found
    }

    fn end(mut self) {
        drop(self.process.stdin.take());
        self.lines.by_ref().for_each(drop);
        self.process.wait().unwrap();
    }
}

/// Every file below a folder but those that the parent wrote.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if !["photo.png", "prompt", "how"].iter().any(|own| path.ends_with(own)) {
            all.push(path);
        }
    }
    all
}

fn wiped_after(how: &str, ends: &str) {
    if common::studio().is_none() {
        return;
    }
    let Planted { folder, markers } = plant(how);
    let (waiting, ended) = Waiting::start(folder.path());
    assert_eq!(ended, ends, "{how}");
    let found = waiting.search(&markers);
    waiting.end();
    assert_eq!(found, [], "in memory after: {how}");
    assert_eq!(on_disk(folder.path(), &markers), [], "in files after: {how}");
}

/// Which markers lie in files, logs among them.
fn on_disk(folder: &Path, markers: &[Marker]) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for file in files(folder) {
        let bytes = fs::read(&file).unwrap();
        for marker in markers {
            if memchr::memmem::find(&bytes, &marker.bytes).is_some() {
                let name = file.file_name().unwrap().to_str().unwrap();
                found.push((marker.of, name.to_owned()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn nothing_is_left_of_a_job_that_is_done() {
    wiped_after("done", "clip");
}

#[test]
fn nothing_is_left_of_a_job_that_was_cancelled() {
    wiped_after("cancelled", "cancelled");
}

#[test]
fn nothing_is_left_of_a_job_whose_sink_fails() {
    wiped_after("sink fails", "output.sink");
}

#[test]
fn nothing_is_left_of_a_job_whose_sink_panics() {
    wiped_after("sink panics", "internal.panic");
}

/// The trap springs: what is still held is found.
#[test]
fn what_is_kept_is_found() {
    if common::studio().is_none() {
        return;
    }
    let Planted { folder, markers } = plant("kept");
    let (waiting, _) = Waiting::start(folder.path());
    let found = waiting.search(&markers);
    waiting.end();
    for marker in &markers {
        assert!(found.iter().any(|(of, _)| *of == marker.of), "{} was not found", marker.of);
    }
    let written = [("the prompt", "forgotten".to_owned()), ("the prompt", "log".to_owned())];
    assert_eq!(on_disk(folder.path(), &markers), written);
}
