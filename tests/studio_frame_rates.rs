//! Promise: the frame rate samples the motion and does not change it; nothing judders.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use kinora::{GenerationRequest, Photo};

const RATES: [f64; 4] = [24.0, 25.0, 30.0, 60.0];

fn lumas(photo: &Photo, prompt: &str, fps: f64) -> Option<Vec<Vec<u8>>> {
    let studio = common::studio()?;
    let request = GenerationRequest::animate(photo.clone()).prompt(prompt).fps(fps).seed(11);
    Some(common::watch(studio, request.seconds(2.0)).unwrap().1.lumas)
}

#[test]
fn the_same_seed_moves_alike_at_every_frame_rate() {
    let Some(photo) = common::astronaut() else { return };
    for prompt in ["", "turn right, smile", "zoom in"] {
        let Some(reference) = lumas(&photo, prompt, 60.0) else { return };
        let travelled = common::difference(&reference[60], &reference[0]);
        for fps in RATES {
            let frames = lumas(&photo, prompt, fps).unwrap();
            assert_eq!(frames.len(), (2.0 * fps) as usize);
            // One second in, every rate has a frame.
            let off = common::difference(&frames[fps as usize], &reference[60]);
            eprintln!("`{prompt}` at {fps}: {off:.3} off of {travelled:.2}");
            assert!(off < 0.2 && off < 0.1 * travelled, "`{prompt}` at {fps}: {off:.3}");
        }
    }
}

#[test]
fn a_camera_goes_steadily_and_no_frame_comes_twice() {
    let photo = common::picture(320, 240);
    for fps in RATES {
        let Some(frames) = lumas(&photo, "zoom in", fps) else { return };
        let steps: Vec<f64> =
            frames.windows(2).map(|pair| common::difference(&pair[0], &pair[1])).collect();
        // After the soft start.
        let going = &steps[steps.len() / 3..];
        let (least, most) =
            going.iter().fold((f64::MAX, 0.0f64), |(l, m), s| (l.min(*s), m.max(*s)));
        eprintln!("{fps} a second: steps of {least:.3} to {most:.3}");
        assert!(least > 0.0, "a frame comes twice at {fps} a second");
        assert!(most < 2.0 * least, "steps of {least:.3} to {most:.3} at {fps} a second");
        for (a, b) in going.iter().zip(&going[1..]) {
            assert!((a - b).abs() < 0.25 * most, "a jump from {a:.3} to {b:.3} at {fps} a second");
        }
    }
}
