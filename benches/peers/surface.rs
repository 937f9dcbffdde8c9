//! The clip that Swift and Kotlin ask for beside the one that Rust asks for: `bench_surface`.
//!
//! Both make the same MP4 in memory of the standard portrait (KINORA_DATA) or a made picture, one
//! after the other, and this prints `surface.ratio`: the median, over the rounds, of the foreign
//! surface's time over pure Rust's. What a host language adds on its own side is measured by the
//! packages' tests.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use kinora::{Container, Output, ffi};
use serde_json::json;

const THREADS: usize = 2;
const ROUNDS: usize = 15;
const SECONDS: f32 = 1.0;
const SIZE: u32 = 512;
const PROMPT: &str = "she smiles, slow zoom in";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let bytes = photo()?;
    let pure = kinora::Studio::open(kinora::StudioOptions::default().threads(THREADS))?;
    let foreign = ffi::Studio::open(ffi::StudioOptions {
        runtime_library: None,
        threads: Some(THREADS as u32),
        execution_provider: None,
        models: None,
        packs: None,
        memory_limit: None,
        checkpoints: None,
        remote: None,
        safety: None,
        marking: None,
    })?;
    rust(&pure, &bytes)?;
    surface(&foreign, &bytes)?;
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        // Who goes first alternates, so that neither always finds the warmer machine.
        let (ours, theirs) = if round % 2 == 0 {
            let rust = rust(&pure, &bytes)?;
            (surface(&foreign, &bytes)?, rust)
        } else {
            (surface(&foreign, &bytes)?, rust(&pure, &bytes)?)
        };
        ratios.push(ours / theirs);
    }
    ratios.sort_by(f64::total_cmp);
    println!("{}", json!({"what": "surface", "ratio": ratios[ROUNDS / 2]}));
    Ok(())
}

fn rust(studio: &kinora::Studio, bytes: &[u8]) -> Outcome<f64> {
    let start = Instant::now();
    let request = kinora::GenerationRequest::animate(kinora::Photo::from_bytes(bytes)?)
        .prompt(PROMPT)
        .seconds(SECONDS)
        .size(SIZE)
        .output(Output::bytes(Container::Mp4));
    studio.generate(request)?.wait()?;
    Ok(start.elapsed().as_secs_f64())
}

fn surface(studio: &ffi::Studio, bytes: &[u8]) -> Outcome<f64> {
    struct Listener;
    impl ffi::ProgressListener for Listener {
        fn progressed(&self, _progress: ffi::GenerationProgress) -> Result<(), ffi::KinoraError> {
            Ok(())
        }
    }
    let start = Instant::now();
    let request = ffi::GenerationRequest {
        photo: Some(ffi::Photo::from_bytes(bytes)?),
        remote: None,
        video: None,
        output: Some(ffi::ClipOutput::Bytes { container: ffi::Container::Mp4 }),
        prompt: PROMPT.to_owned(),
        seconds: Some(SECONDS),
        fps: Some(24.0),
        pack: None,
        negative_prompt: None,
        size: Some(SIZE),
        seed: 0,
        strength: 1.0,
        faces: None,
        looping: false,
        steps: None,
        guidance: None,
        tiled: false,
        marking: None,
    };
    let job = studio.start(request, Some(Arc::new(Listener)))?;
    pollster::block_on(job.clip())?;
    Ok(start.elapsed().as_secs_f64())
}

/// The bytes of the standard portrait, or of a made picture.
fn photo() -> Outcome<Vec<u8>> {
    let data = std::env::var_os("KINORA_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let portrait = data.join("faces/imageio/astronaut.png");
    if portrait.exists() {
        return Ok(std::fs::read(portrait)?);
    }
    eprintln!("no test data (KINORA_DATA): a made picture without a face");
    let picture = image::RgbImage::from_fn(SIZE, SIZE, |x, y| image::Rgb([x as u8, y as u8, 90]));
    let mut bytes = Vec::new();
    picture.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png)?;
    Ok(bytes)
}
