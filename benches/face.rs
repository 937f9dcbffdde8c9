//! Faces, stage by stage: detection, alignment, crop.
//!
//! `cargo bench --bench face`; detection needs ONNX Runtime and a detector (KINORA_DATA/models or
//! models/face_detector.onnx) and says so when it is left out.

#![allow(clippy::expect_used, reason = "a bench that cannot start has nothing to say")]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use kinora::Photo;
use kinora::face::{Detector, DetectorOptions};
use kinora::photo::Orientation;
use kinora::runtime::{Cancel, Runtime, RuntimeOptions};

// Alignment and crop are the library's own business; the bench compiles their files again.
#[allow(dead_code, unused_imports)]
#[path = "../src/render/crop.rs"]
mod crop;
#[allow(dead_code, unused_imports)]
#[path = "../src/render/similarity.rs"]
mod similarity;

fn photo(width: u32, height: u32) -> Photo {
    let rgba: Vec<u8> = (0..width * height)
        .flat_map(|i| [(i % 251) as u8, (i / 7 % 253) as u8, (i / width % 255) as u8, 255])
        .collect();
    Photo::from_pixels(&rgba, width, height, 4 * width as usize, Orientation::Upright)
        .expect("a picture")
}

fn detector() -> Option<Detector> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = std::env::var_os("KINORA_DATA").map_or(root.join("../shared/data"), PathBuf::from);
    let model =
        [root.join("models/face_detector.onnx"), data.join("models/yunet/yunet_s_dynamic.onnx")];
    let bytes = model.iter().find_map(|path| std::fs::read(path).ok())?;
    let runtime = Runtime::open(&RuntimeOptions::default().threads(2)).ok()?;
    Detector::open(&runtime, &bytes, DetectorOptions::default()).ok()
}

fn detect(c: &mut Criterion) {
    let Some(detector) = detector() else {
        eprintln!("left out face/detect: ONNX Runtime or a detector is missing");
        return;
    };
    for (name, width, height) in
        [("640x640", 640, 640), ("1280x720", 1280, 720), ("4000x3000", 4000, 3000)]
    {
        let photo = photo(width, height);
        c.bench_function(&format!("face/detect {name}"), |b| {
            b.iter(|| detector.detect(black_box(&photo), &Cancel::new()));
        });
    }
}

fn align(c: &mut Criterion) {
    let from = [[301.0, 412.0], [398.0, 405.0], [352.0, 460.0], [312.0, 520.0], [395.0, 515.0]];
    let to = [[38.29, 51.70], [73.53, 51.50], [56.03, 71.74], [41.55, 92.37], [70.73, 92.20]];
    c.bench_function("face/align", |b| {
        b.iter(|| similarity::Similarity::fit(black_box(&from), black_box(&to)));
    });
}

fn crops(c: &mut Criterion) {
    let photo = photo(4000, 3000);
    for (name, side, size) in [
        ("face 160 of 200", 200.0, 160),
        ("face 160 of 1400", 1400.0, 160),
        ("portrait 256 of 2900", 2900.0, 256),
    ] {
        let to_unit = similarity::Similarity::fit(
            &[[500.0, 100.0], [500.0 + side * 0.98, 100.0 + side * 0.2]],
            &[[0.0, 0.0], [1.0, 0.0]],
        )
        .expect("two places");
        c.bench_function(&format!("face/crop {name}"), |b| {
            b.iter(|| crop::crop(black_box(&photo), &to_unit, size));
        });
    }
}

criterion_group!(benches, detect, align, crops);
criterion_main!(benches);
