//! Promise: what is out of range is refused with a stable code before any work; what is in range
//! gives exactly the frames and the size that were asked for.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use kinora::{Container, FaceChoice, GenerationRequest, Output};

fn request(width: u32, height: u32) -> GenerationRequest {
    GenerationRequest::animate(common::picture(width, height)).steps(2).faces(FaceChoice::None)
}

#[test]
fn what_is_out_of_range_is_refused() {
    let Some(studio) = common::studio() else { return };
    let small = || request(64, 48).output(Output::bytes(Container::Gif));
    let cases = [
        ("request.seconds", small().seconds(0.49)),
        ("request.seconds", small().seconds(10.01)),
        ("request.seconds", small().seconds(-1.0)),
        ("request.seconds", small().seconds(f32::NAN)),
        ("request.seconds", small().seconds(f32::INFINITY)),
        ("request.fps", small().fps(0.9)),
        ("request.fps", small().fps(60.1)),
        ("request.fps", small().fps(0.0)),
        ("request.fps", small().fps(f64::NAN)),
        ("request.size", small().size(0)),
        ("request.size", small().size(15)),
        ("request.size", small().size(3841)),
        ("request.size", small().size(u32::MAX)),
        ("request.steps", small().steps(0)),
        ("request.steps", small().steps(201)),
        ("request.guidance", small().guidance(-0.1)),
        ("request.guidance", small().guidance(10.1)),
        ("request.guidance", small().guidance(f32::NAN)),
        ("request.strength", small().strength(-0.1)),
        ("request.strength", small().strength(1.6)),
        ("request.strength", small().strength(f32::NAN)),
        ("request.no_output", request(64, 48)),
        // The shorter side of the clip would be too short.
        ("request.size", request(8, 8).output(Output::bytes(Container::Gif))),
        ("request.size", request(640, 4).output(Output::bytes(Container::Gif))),
        ("request.size", request(640, 64).size(100).output(Output::bytes(Container::Gif))),
    ];
    for (i, (code, request)) in cases.into_iter().enumerate() {
        let error = studio.generate(request).map(drop).unwrap_err();
        assert_eq!(error.code(), code, "case {i}: {error}");
        assert!(error.to_string().len() > 20, "{error}");
    }
}

#[test]
fn the_ends_of_the_ranges_are_allowed() {
    let Some(studio) = common::studio() else { return };
    let short = || request(64, 48).seconds(0.5).fps(2.0);
    let cases = [
        short().steps(1),
        short().steps(200),
        short().guidance(0.0),
        short().guidance(10.0),
        short().strength(0.0),
        short().strength(1.5),
        short().size(22),
    ];
    for (i, request) in cases.into_iter().enumerate() {
        let clip = common::watch(studio, request).unwrap_or_else(|e| panic!("case {i}: {e}")).0;
        assert_eq!(clip.frames, 1, "case {i}");
    }
}

#[test]
fn a_face_that_is_not_there_is_named() {
    let Some(studio) = common::studio() else { return };
    let mut photos = vec![(common::picture(160, 120), 0)];
    photos.extend(common::astronaut().map(|photo| (photo, 1)));
    for (photo, faces) in photos {
        let request = GenerationRequest::animate(photo)
            .faces(FaceChoice::Number(faces))
            .output(Output::bytes(Container::Gif));
        let error = studio.generate(request).unwrap().wait().unwrap_err();
        assert_eq!(error.code(), "request.face");
        assert!(error.to_string().contains(&format!("shows {faces}")), "{error}");
    }
}

#[test]
fn a_place_that_cannot_be_written_is_known() {
    let Some(studio) = common::studio() else { return };
    let folder = tempfile::tempdir().unwrap();
    let output = Output::mp4(folder.path().join("missing/clip.mp4"));
    let error = studio.generate(request(64, 48).output(output)).unwrap().wait().unwrap_err();
    assert_eq!(error.code(), "output.no_folder");
}

#[test]
fn sizes_are_even_and_keep_the_proportions() {
    let Some(studio) = common::studio() else { return };
    let cases = [
        // Photo, long side asked for, clip.
        ((64, 48), None, (64, 48)),
        ((333, 251), None, (334, 252)),
        ((97, 131), None, (98, 132)),
        ((120, 200), None, (120, 200)),
        ((200, 120), Some(100), (100, 60)),
        ((120, 200), Some(400), (240, 400)),
        ((320, 240), Some(641), (642, 482)),
        ((1600, 1200), None, (1280, 960)),
        ((600, 1500), None, (512, 1280)),
        ((1001, 33), None, (1002, 34)),
    ];
    for ((width, height), size, wanted) in cases {
        let mut request = request(width, height).seconds(0.5).fps(2.0);
        if let Some(size) = size {
            request = request.size(size);
        }
        let (clip, seen) = common::watch(studio, request).unwrap();
        let got = (clip.width, clip.height);
        assert_eq!(seen.size, (got.0 as usize, got.1 as usize));
        assert_eq!((got.0 % 2, got.1 % 2), (0, 0), "{width}×{height} at {size:?}");
        let near = got.0.abs_diff(wanted.0) <= 2 && got.1.abs_diff(wanted.1) <= 2;
        assert!(near, "{width}×{height} at {size:?}: {got:?}, not {wanted:?}");
    }
}

#[test]
fn the_frames_are_the_seconds_times_the_rate() {
    let Some(studio) = common::studio() else { return };
    let cases = [
        // Seconds, frames a second, frames, numerator and denominator of the rate.
        (0.5, 1.0, 1, (1, 1)),
        (0.5, 24.0, 12, (24, 1)),
        (0.5, 60.0, 30, (60, 1)),
        (1.0, 29.97, 30, (30_000, 1001)),
        (1.32, 25.0, 33, (25, 1)),
        (2.0, 24.0, 48, (24, 1)),
        (2.0, 12.5, 25, (25, 2)),
        (7.0, 1.0, 7, (1, 1)),
        (10.0, 29.97, 300, (30_000, 1001)),
        (10.0, 60.0, 600, (60, 1)),
    ];
    for (seconds, fps, frames, (numerator, denominator)) in cases {
        let (clip, seen) =
            common::watch(studio, request(32, 24).seconds(seconds).fps(fps)).unwrap();
        assert_eq!(clip.frames, frames, "{seconds} s at {fps}");
        assert_eq!(seen.lumas.len(), frames as usize, "{seconds} s at {fps}");
        assert_eq!((clip.fps.numerator(), clip.fps.denominator()), (numerator, denominator));
        let last = seen.timestamps[seen.timestamps.len() - 1].as_secs_f64();
        assert!((last - f64::from(frames - 1) / clip.fps.as_f64()).abs() < 1e-6);
    }
}
