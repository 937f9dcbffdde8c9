//! The foreign surface, as an app in Swift or Kotlin fills it in.

#![allow(dead_code, reason = "each test file links its own copy and uses its own part")]

use std::sync::Arc;

use kinora::ffi::{
    ClipOutput, Container, GenerationRequest, KinoraError, Photo, PhotoOrientation, Studio,
    StudioOptions,
};

pub(crate) type Result<T> = std::result::Result<T, KinoraError>;

/// What an app gets that asks for nothing, with two threads.
pub(crate) fn options() -> StudioOptions {
    StudioOptions {
        runtime_library: None,
        threads: Some(2),
        execution_provider: None,
        models: None,
        packs: None,
        memory_limit: None,
        checkpoints: None,
        remote: None,
        safety: None,
        marking: None,
    }
}

/// A studio of the foreign surface; without ONNX Runtime, says which test is skipped.
pub(crate) fn studio(options: StudioOptions) -> Option<Result<Arc<Studio>>> {
    if std::env::var_os("ORT_DYLIB_PATH").is_none() {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("a test");
        eprintln!("skipped {name}: ORT_DYLIB_PATH names no ONNX Runtime");
        return None;
    }
    Some(Studio::open(options))
}

/// A made picture without faces, RGBA.
pub(crate) fn slope(width: u32, height: u32) -> Vec<u8> {
    let pixel =
        |i: u32| [(i % width * 255 / width) as u8, (i / width * 255 / height) as u8, 90, 255];
    (0..width * height).flat_map(pixel).collect()
}

/// [`slope`] as a photo.
pub(crate) fn photo(width: u32, height: u32) -> Arc<Photo> {
    let rgba = slope(width, height);
    Photo::from_pixels(&rgba, width, height, 4 * width, PhotoOrientation::Upright).unwrap()
}

/// A clip of a second at 12 frames a second, as GIF in memory, of whatever photo is put in.
pub(crate) fn request(photo: Option<Arc<Photo>>) -> GenerationRequest {
    GenerationRequest {
        photo,
        remote: None,
        video: None,
        output: Some(ClipOutput::Bytes { container: Container::Gif }),
        prompt: "zoom in".to_owned(),
        seconds: Some(1.0),
        fps: Some(12.0),
        pack: None,
        negative_prompt: None,
        size: None,
        seed: 3,
        strength: 1.0,
        faces: None,
        looping: false,
        steps: None,
        guidance: None,
        tiled: false,
        marking: None,
    }
}
