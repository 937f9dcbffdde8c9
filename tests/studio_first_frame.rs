//! Promise: a clip starts with the photo itself, then moves, and moves as it was asked to.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use kinora::{GenerationRequest, Output, Photo, Studio};

/// Decibels; rounding alone stays far above.
const SAME: f64 = 40.0;
/// Code values, as a mean over the picture.
const MOVED: f64 = 0.5;

fn starts_with_the_photo(studio: &Studio, photo: &Photo, prompt: &str) {
    let folder = tempfile::tempdir().unwrap();
    let request = GenerationRequest::animate(photo.clone())
        .prompt(prompt)
        .seconds(1.5)
        .fps(8.0)
        .output(Output::png_folder(folder.path()));
    let clip = studio.generate(request).unwrap().wait().unwrap();
    assert_eq!((clip.width, clip.height), (photo.width(), photo.height()));
    let frame = |i: u32| Photo::open(folder.path().join(format!("frame_{i:04}.png"))).unwrap();
    let psnr = common::psnr(frame(0).pixels(), photo.pixels());
    let moved = (1..clip.frames)
        .map(|i| common::difference(frame(i).pixels(), photo.pixels()))
        .fold(0.0, f64::max);
    eprintln!("`{prompt}`: first frame {psnr:.1} dB, then up to {moved:.2} away");
    assert!(psnr >= SAME, "`{prompt}`: {psnr:.1} dB");
    assert!(moved > MOVED, "`{prompt}`: {moved:.2}");
}

#[test]
fn a_made_picture_starts_as_it_is() {
    let Some(studio) = common::studio() else { return };
    let photo = common::picture(320, 240);
    for prompt in ["", "slow zoom in", "pan left"] {
        starts_with_the_photo(studio, &photo, prompt);
    }
}

#[test]
fn a_portrait_starts_as_it_is() {
    let (Some(studio), Some(photo)) = (common::studio(), common::astronaut()) else { return };
    for prompt in ["", "turn right, smile", "blink"] {
        starts_with_the_photo(studio, &photo, prompt);
    }
}

#[test]
fn a_still_face_moves_far_less_than_one_that_turns() {
    let (Some(studio), Some(photo)) = (common::studio(), common::astronaut()) else { return };
    let motion = |prompt: &str| {
        let request =
            GenerationRequest::animate(photo.clone()).prompt(prompt).seconds(1.5).fps(8.0);
        let (_, seen) = common::watch(studio, request).unwrap();
        common::moves(&seen, common::ASTRONAUT_FACE)
    };
    let (still, turned) = (motion("still"), motion("turn right"));
    eprintln!("face region: still {still:.2}, turn right {turned:.2}");
    assert!(turned > 2.0, "{turned:.2}");
    assert!(still < 0.4 * turned, "{still:.2} of {turned:.2}");
}
