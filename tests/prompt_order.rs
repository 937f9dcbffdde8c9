//! Promise: what a prompt puts in order happens in that order, and a clip says when it is too short
//! for it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use common::Seen;
use kinora::{Clip, GenerationRequest, Studio};

/// Long side of the clips, half the portrait's.
const SIZE: u32 = 256;
const SECONDS: f32 = 3.0;
/// Of the portrait's face, what turns with the head's middle: brows to mouth, x, y, width, height.
const MIDDLE: [usize; 4] = [97, 38, 34, 42];

fn portrait(studio: &Studio, prompt: &str, seed: u64) -> Option<(Clip, Seen)> {
    let request = GenerationRequest::animate(common::astronaut()?)
        .prompt(prompt)
        .seconds(SECONDS)
        .fps(12.0)
        .size(SIZE)
        .seed(seed);
    Some(common::watch(studio, request).unwrap())
}

/// How far the face's middle stands to the right of where the photo has it, pixels: the shift that
/// fits best, refined by the parabola through its neighbours.
fn shift(first: &[u8], luma: &[u8], width: usize) -> f64 {
    const REACH: isize = 16;
    let [x, y, w, h] = MIDDLE;
    let before = common::part(first, width, [x, y, w, h]);
    let misfit = |dx: isize| {
        let at = x.checked_add_signed(dx).unwrap();
        common::difference(&before, &common::part(luma, width, [at, y, w, h]))
    };
    let best = (-REACH..=REACH).min_by(|a, b| misfit(*a).total_cmp(&misfit(*b))).unwrap();
    let (left, middle, right) = (misfit(best - 1), misfit(best), misfit(best + 1));
    let curve = left - 2.0 * middle + right;
    best as f64 + if curve > 0.0 { 0.5 * (left - right) / curve } else { 0.0 }
}

/// Shifts of the frames in a part of the clip, given in shares of its length, as a mean.
fn mean_shift(seen: &Seen, from: f64, to: f64) -> f64 {
    let frames = seen.lumas.len() as f64;
    let part = &seen.lumas[(from * frames) as usize..(to * frames) as usize];
    part.iter().map(|luma| shift(&seen.lumas[0], luma, seen.size.0)).sum::<f64>()
        / part.len() as f64
}

/// How many times as large as in `first` things are in `last`: the magnification about the middle
/// that fits best.
fn magnification(first: &[u8], last: &[u8], (width, height): (usize, usize)) -> f64 {
    let (cx, cy) = (width as f64 / 2.0, height as f64 / 2.0);
    let misfit = |zoom: f64| {
        let mut sum = 0u64;
        for y in 0..height {
            for x in 0..width {
                let from =
                    |at: usize, middle: f64| (middle + (at as f64 + 0.5 - middle) / zoom) as usize;
                let before = first[from(y, cy) * width + from(x, cx)];
                sum += u64::from(before.abs_diff(last[y * width + x]));
            }
        }
        sum
    };
    let zooms = (0..=40).map(|i| 1.0 + 0.005 * f64::from(i));
    zooms.min_by_key(|zoom| misfit(*zoom)).unwrap()
}

#[test]
fn a_head_turns_left_and_then_right() {
    let Some(studio) = common::studio() else { return };
    for seed in 0..3 {
        let Some((clip, seen)) = portrait(studio, "first turn left, then turn right", seed) else {
            return;
        };
        assert_eq!((clip.steps_asked, clip.steps), (2, 2));
        assert!(clip.ignored.is_empty(), "{:?}", clip.ignored);
        let (early, late) = (mean_shift(&seen, 0.25, 0.5), mean_shift(&seen, 0.8, 1.0));
        eprintln!("left, then right, seed {seed}: {early:+.2}, then {late:+.2} pixels");
        assert!(early < -0.5 && late > 0.5, "seed {seed}: {early:+.2}, then {late:+.2}");
        let Some((_, seen)) = portrait(studio, "first turn right, then turn left", seed) else {
            return;
        };
        let (early, late) = (mean_shift(&seen, 0.25, 0.5), mean_shift(&seen, 0.8, 1.0));
        eprintln!("right, then left, seed {seed}: {early:+.2}, then {late:+.2} pixels");
        assert!(early > 0.5 && late < -0.5, "seed {seed}: {early:+.2}, then {late:+.2}");
    }
}

#[test]
fn a_clip_too_short_for_its_prompt_says_so() {
    let Some(studio) = common::studio() else { return };
    let prompt = "smile, then nod, then look left, then wink";
    let request = |seconds: f32| {
        GenerationRequest::animate(common::picture(64, 48)).prompt(prompt).seconds(seconds).steps(2)
    };
    for (seconds, steps) in [(0.5, 1), (1.0, 2), (2.0, 4)] {
        let clip = common::watch(studio, request(seconds)).unwrap().0;
        assert_eq!((clip.steps_asked, clip.steps), (4, steps), "{seconds} s");
    }
}

#[test]
fn an_empty_prompt_lives() {
    let Some(studio) = common::studio() else { return };
    let scene = GenerationRequest::animate(common::picture(320, 240)).seconds(SECONDS).fps(8.0);
    let (clip, seen) = common::watch(studio, scene).unwrap();
    assert_eq!((clip.faces, clip.steps_asked), (0, 0));
    let zoom = magnification(&seen.lumas[0], &seen.lumas[seen.lumas.len() - 1], seen.size);
    eprintln!("scene: the last frame is the first one {zoom:.3} times as large");
    assert!((1.02..1.16).contains(&zoom), "{zoom:.3}");

    let Some((clip, seen)) = portrait(studio, "", 0) else { return };
    assert_eq!(clip.faces, 1);
    let [x, y, w, h] = common::ASTRONAUT_FACE.map(|side| side / 2);
    let face = common::moves(&seen, [x, y, w, h]);
    // Walls do not live: the flag at the left edge stays where it is.
    let wall = common::moves(&seen, [0, 0, 24, 100]);
    eprintln!("portrait: face {face:.2}, wall {wall:.2}");
    assert!(face > 0.5 && wall < 0.5 * face, "face {face:.2}, wall {wall:.2}");
}
