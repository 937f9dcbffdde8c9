//! The stages of a clip one by one, then a small clip as a whole.
//!
//! `cargo bench --bench stages`; faces and clip need ONNX Runtime and are left out without it.

#![allow(clippy::expect_used, reason = "a bench that cannot start has nothing to say")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use kinora::render::Warper;
use kinora::{Container, GenerationRequest, Orientation, Output, Photo, Studio, StudioOptions};

const THREADS: usize = 2;
/// Nodes of a displacement field stand this many pixels apart.
const STEP: usize = 8;

/// A made picture with waves of several lengths.
fn picture(width: u32, height: u32) -> Photo {
    let mut rgba = Vec::with_capacity(4 * (width * height) as usize);
    for y in 0..height {
        for x in 0..width {
            let (x, y) = (x as f32, y as f32);
            let wave = (0.05 * x).sin() + (0.07 * y).cos() + 0.5 * (1e-3 * x * y).sin();
            rgba.extend([0.9, 1.0, 1.1].map(|k| (128.0 + 45.0 * k * wave) as u8));
            rgba.push(255);
        }
    }
    Photo::from_pixels(&rgba, width, height, 4 * width as usize, Orientation::default())
        .expect("a picture")
}

/// The standard portrait of the test data, or a made picture without a face.
fn portrait() -> Photo {
    let data = std::env::var_os("KINORA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    Photo::open(data.join("faces/imageio/astronaut.png")).unwrap_or_else(|_| {
        eprintln!("no test data (KINORA_DATA): a made picture without a face");
        picture(512, 512)
    })
}

fn decode(c: &mut Criterion) {
    for (name, width, height) in [("1280x720", 1280, 720), ("4000x3000", 4000, 3000)] {
        let photo = picture(width, height);
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, 90)
            .write_image(photo.pixels(), width, height, ExtendedColorType::Rgb8)
            .expect("a JPEG");
        c.bench_function(&format!("photo/decode jpeg {name}"), |b| {
            b.iter(|| Photo::from_bytes(black_box(&jpeg)));
        });
    }
}

fn render(c: &mut Criterion) {
    let photo = picture(1280, 720);
    c.bench_function("render/canvas 1280x720", |b| b.iter(|| Warper::new(black_box(&photo))));

    let warper = Warper::new(&photo).expect("a warper");
    let (columns, rows) = warper.nodes(STEP);
    let field: Vec<[f32; 2]> = (0..columns * rows)
        .map(|i| {
            let (u, v) = ((i % columns) as f32, (i / columns) as f32);
            [9.0 * (0.05 * v).sin(), 7.0 * (0.04 * u).cos()]
        })
        .collect();
    let mut rgb = vec![0; 3 * 1280 * 720];
    let threads = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build().expect("threads");
    c.bench_function("render/warp 1280x720", |b| {
        b.iter(|| threads.install(|| warper.draw(STEP, black_box(&field), &mut rgb)));
    });
}

fn studio(c: &mut Criterion) {
    let studio = match Studio::open(StudioOptions::default().threads(THREADS)) {
        Ok(studio) => studio,
        Err(error) => return eprintln!("left out studio/*: {error}"),
    };
    let photo = portrait();
    c.bench_function("studio/faces", |b| b.iter(|| studio.faces(black_box(&photo))));

    let request = || GenerationRequest::animate(photo.clone()).size(320).seconds(0.5);
    for container in [Container::Mp4, Container::Webp, Container::Gif] {
        c.bench_function(&format!("studio/clip 320 of 12 frames {}", container.extension()), |b| {
            b.iter(|| {
                let request = request().output(Output::bytes(container));
                studio.generate(request).and_then(|job| job.wait()).expect("a clip")
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = decode, render, studio
}
criterion_main!(benches);
