//! Promise: a model file that is cut, swapped, empty, random or full of NaN gives a typed error and
//! no clip; the file is never run as something that it is not.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;
#[path = "common/onnx.rs"]
mod onnx;

use std::fs;
use std::path::Path;

use kinora::{GenerationRequest, Output, Studio, StudioOptions};

const MODELS: [&str; 4] =
    ["face_detector.onnx", "face_points.onnx", "perception.onnx", "motion.onnx"];

fn shipped(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name)).unwrap()
}

/// A folder with the four models, of which `name` has other bytes.
fn folder(name: &str, bytes: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for model in MODELS {
        let bytes = if model == name { bytes.to_vec() } else { shipped(model) };
        fs::write(folder.path().join(model), bytes).unwrap();
    }
    folder
}

/// The code with which a job with these models ends, and a clip never.
fn refused(models: &Path) -> &'static str {
    let studio = match Studio::open(StudioOptions::default().threads(2).models(models)) {
        Ok(studio) => studio,
        Err(error) => return error.code(),
    };
    let photo = common::astronaut().unwrap_or_else(|| common::picture(256, 256));
    let out = tempfile::tempdir().unwrap();
    let clip = out.path().join("clip.mp4");
    let request = GenerationRequest::animate(photo).size(160).seconds(0.5).fps(8.0);
    let result = studio.generate(request.output(Output::mp4(&clip))).unwrap().wait();
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), usize::from(result.is_ok()));
    result.map_or_else(|error| error.code(), |clip| panic!("a clip of garbage: {clip:?}"))
}

#[test]
fn models_that_are_cut_empty_or_random_are_refused() {
    if common::studio().is_none() {
        return;
    }
    for name in MODELS {
        let whole = shipped(name);
        let mut state = 9u32;
        let random: Vec<u8> = (0..4096)
            .map(|_| {
                // Numerical Recipes' generator.
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        let cuts = [0, 1, whole.len() / 3, whole.len() - 1];
        let broken = cuts.map(|length| whole[..length].to_vec()).into_iter().chain([random]);
        for bytes in broken {
            let folder = folder(name, &bytes);
            let code = refused(folder.path());
            assert!(code.starts_with("model."), "{name}, {} bytes: {code}", bytes.len());
        }
    }
}

#[test]
fn models_in_each_others_place_are_refused() {
    if common::studio().is_none() {
        return;
    }
    for name in MODELS {
        for other in MODELS.into_iter().filter(|other| *other != name) {
            let folder = folder(name, &shipped(other));
            let code = refused(folder.path());
            assert!(code.starts_with("model."), "{other} as {name}: {code}");
        }
    }
    let missing = tempfile::tempdir().unwrap();
    assert_eq!(refused(missing.path()), "model.missing");
}

#[test]
fn models_that_say_nan_make_no_clip() {
    // Without a face only two of the networks are asked.
    if common::studio().is_none() || common::astronaut().is_none() {
        return;
    }
    for name in MODELS {
        let mut bytes = shipped(name);
        assert!(onnx::spoil(&mut bytes) > bytes.len() / 2, "{name}: its weights were not found");
        let folder = folder(name, &bytes);
        assert_eq!(refused(folder.path()), "model.output", "{name}");
    }
}
