//! Promise: a long clip runs on without a jump where its windows meet, and a looping one returns to
//! its start without a jump.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use kinora::{GenerationRequest, Photo};

const SECONDS: f32 = 7.0;

/// Mean differences of neighbouring frames.
fn steps(lumas: &[Vec<u8>]) -> Vec<f64> {
    lumas.windows(2).map(|pair| common::difference(&pair[0], &pair[1])).collect()
}

fn runs_on(photo: Photo, prompt: &str) {
    let Some(studio) = common::studio() else { return };
    let request = GenerationRequest::animate(photo).size(320).prompt(prompt).seconds(SECONDS);
    let (clip, seen) = common::watch(studio, request).unwrap();
    assert_eq!(clip.frames, 168);
    let steps = steps(&seen.lumas);
    let mut sorted = steps.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    let (at, largest) =
        steps.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).expect("there are frames");
    eprintln!("`{prompt}`: median {median:.3}, largest {largest:.3} after frame {at}");
    assert!(median > 0.0, "nothing moves");
    assert!(*largest <= 3.0 * median, "`{prompt}`: {largest:.3} after frame {at}, {median:.3}");
}

fn closes(photo: Photo, prompt: &str, seconds: f32) {
    let Some(studio) = common::studio() else { return };
    let request =
        GenerationRequest::animate(photo).size(320).prompt(prompt).seconds(seconds).looping(true);
    let (_, seen) = common::watch(studio, request).unwrap();
    let largest = steps(&seen.lumas).into_iter().fold(0.0, f64::max);
    let last = &seen.lumas[seen.lumas.len() - 1];
    let closing = common::difference(last, &seen.lumas[0]);
    eprintln!("`{prompt}`, {seconds} s: closing {closing:.3}, largest {largest:.3}");
    assert!(largest > 0.0, "nothing moves");
    assert!(closing <= largest + 0.02, "`{prompt}`, {seconds} s: {closing:.3} over {largest:.3}");
}

#[test]
fn a_long_clip_of_a_made_picture_has_no_jump() {
    runs_on(common::picture(320, 240), "slow zoom in");
    runs_on(common::picture(320, 240), "pan right");
}

#[test]
fn a_long_clip_of_a_portrait_has_no_jump() {
    let Some(photo) = common::astronaut() else { return };
    runs_on(photo, "slow zoom in, turn right");
}

#[test]
fn a_loop_of_a_made_picture_closes() {
    closes(common::picture(320, 240), "zoom in", 2.0);
    closes(common::picture(320, 240), "clouds drift, pan left", SECONDS);
}

#[test]
fn a_loop_of_a_portrait_closes() {
    let Some(photo) = common::astronaut() else { return };
    closes(photo.clone(), "turn right, smile", 2.0);
    closes(photo, "nod, zoom in", SECONDS);
}
