//! Promise: broken, hostile and odd files give a photo or a typed error, never a panic, never a
//! long wait; and valid files of the formats that Kinora reads are read.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

// Helpers of tests may fail as tests do.

mod common;

use std::collections::HashMap;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kinora::Photo;

/// Promised is 2 s; a busy machine is given more.
const PATIENCE: Duration = Duration::from_secs(10);

/// What another decoder (Pillow) said of a file.
struct Verdict {
    magic: String,
    ok: bool,
    width: u32,
    height: u32,
    orientation: u8,
}

fn index(folder: &Path) -> HashMap<String, Verdict> {
    let text = std::fs::read_to_string(folder.join("INDEX.csv")).unwrap();
    let mut verdicts = HashMap::new();
    for line in text.lines().skip(1) {
        // Only file names are quoted, and only where they hold a comma.
        let (file, rest) = match line.strip_prefix('"') {
            Some(quoted) => quoted.split_once("\",").unwrap(),
            None => line.split_once(',').unwrap(),
        };
        let fields: Vec<&str> = rest.split(',').collect();
        verdicts.insert(
            file.to_owned(),
            Verdict {
                magic: fields[1].to_owned(),
                ok: fields[2] == "ok",
                width: fields[4].parse().unwrap_or(0),
                height: fields[5].parse().unwrap_or(0),
                orientation: fields[7].parse().unwrap_or(1),
            },
        );
    }
    verdicts
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, into) } else { into.push(path) }
    }
}

#[test]
fn every_bad_file_gives_a_photo_or_a_typed_error() {
    let Some(folder) = common::data("bad") else { return };
    let verdicts = index(&folder);
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    paths.sort();

    let mut panicked = Vec::new();
    let mut slowest = (Duration::ZERO, String::new());
    let (mut valid, mut unread, mut odd_sizes) = (0, Vec::new(), Vec::new());
    for path in &paths {
        let name = path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(path).unwrap();
        let start = Instant::now();
        let result = catch_unwind(|| Photo::from_bytes(&bytes));
        let took = start.elapsed();
        if took > slowest.0 {
            slowest = (took, name.clone());
        }
        let Ok(result) = result else {
            panicked.push(name);
            continue;
        };
        if let Err(error) = &result {
            assert!(error.code().starts_with("photo."), "{name}: {}", error.code());
        }
        let Some(verdict) = verdicts.get(&name) else { continue };
        let supported = ["jpeg", "png", "webp", "gif", "bmp", "tiff"];
        if !verdict.ok || !supported.contains(&verdict.magic.as_str()) {
            continue;
        }
        valid += 1;
        match result {
            Err(error) => unread.push(format!("{name}: {} {error}", error.code())),
            Ok(photo) => {
                // Pillow itself turns TIFF.
                let swapped = verdict.orientation >= 5 && verdict.magic != "tiff";
                let (mut w, mut h) = (verdict.width, verdict.height);
                if swapped {
                    (w, h) = (h, w);
                }
                if (photo.width(), photo.height()) != (w, h) {
                    let (got_w, got_h) = (photo.width(), photo.height());
                    odd_sizes.push(format!("{name}: {got_w}×{got_h} instead of {w}×{h}"));
                }
            }
        }
    }

    eprintln!("{} files, slowest {:?} ({})", paths.len(), slowest.0, slowest.1);
    eprintln!(
        "{} of {valid} valid files read; not read:\n{}",
        valid - unread.len(),
        unread.join("\n")
    );
    eprintln!("sizes that differ: {}\n{}", odd_sizes.len(), odd_sizes.join("\n"));
    assert!(panicked.is_empty(), "panicked: {panicked:?}");
    assert!(slowest.0 < PATIENCE, "{slowest:?}");
    assert!(valid > 0 && 100 * unread.len() <= 2 * valid, "{} of {valid} not read", unread.len());
    assert!(odd_sizes.len() * 100 <= valid, "{odd_sizes:?}");
}

/// The same promise for a plain clone: a small picture of each format, cut and scratched.
#[test]
fn cut_and_scratched_pictures_give_a_photo_or_a_typed_error() {
    use image::ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    let picture = image::RgbImage::from_fn(40, 30, |x, y| {
        image::Rgb([(x * 6) as u8, (y * 8) as u8, (x * y) as u8])
    });
    for format in [Bmp, Gif, Jpeg, Png, Tiff, WebP] {
        let mut file = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut file, format).unwrap();
        let file = file.into_inner();
        let photo = Photo::from_bytes(&file).unwrap();
        assert_eq!((photo.width(), photo.height()), (40, 30), "{format:?}");
        for cut in (0..file.len()).step_by(file.len() / 40 + 1) {
            let _ = Photo::from_bytes(&file[..cut]);
        }
        let mut state = 1u32;
        for _ in 0..400 {
            let mut scratched = file.clone();
            for _ in 0..3 {
                // Numerical Recipes' generator; headers are hit more often than they are long.
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let reach = if state & 256 == 0 { file.len() } else { 64.min(file.len()) };
                scratched[(state >> 9) as usize % reach] = state as u8;
            }
            let start = Instant::now();
            let _ = Photo::from_bytes(&scratched);
            assert!(start.elapsed() < PATIENCE, "{format:?}");
        }
    }
}

#[test]
fn what_is_no_photo_says_so() {
    let code = |bytes: &[u8]| Photo::from_bytes(bytes).unwrap_err().code();
    assert_eq!(code(b""), "photo.empty");
    assert_eq!(code(b"hello"), "photo.unsupported_format");
    assert_eq!(code(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), "photo.heic");
    let heic = Photo::from_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").unwrap_err();
    assert!(heic.to_string().contains("JPEG"), "{heic}");
    assert_eq!(code(b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"), "photo.avif");
    assert_eq!(Photo::open("no/such/photo.jpg").unwrap_err().code(), "photo.unreadable_file");
}
