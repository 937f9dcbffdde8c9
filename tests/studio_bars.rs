//! Promise: bars along a photo's edges stand still, and the picture between them never shows them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use kinora::{GenerationRequest, Orientation, Photo};

const WIDTH: usize = 320;
const HEIGHT: usize = 240;
/// Rows of the bars at top and bottom.
const BAR: usize = 30;
/// Luma codes: black is 16, and the picture is far from it.
const BLACK: u8 = 24;
const PICTURE: u8 = 40;

/// The made landscape between two black bars.
fn letterboxed() -> Photo {
    let picture = common::picture(WIDTH as u32, (HEIGHT - 2 * BAR) as u32);
    let mut rgba = vec![0u8; 4 * WIDTH * HEIGHT];
    rgba.chunks_exact_mut(4).for_each(|pixel| pixel[3] = 255);
    let inside = &mut rgba[4 * WIDTH * BAR..];
    for (to, from) in inside.chunks_exact_mut(4).zip(picture.pixels().chunks_exact(3)) {
        to[..3].copy_from_slice(&[from[0].max(60), from[1].max(60), from[2].max(60)]);
    }
    Photo::from_pixels(&rgba, WIDTH as u32, HEIGHT as u32, 4 * WIDTH, Orientation::default())
        .unwrap()
}

#[test]
fn a_letterbox_stays_black_and_its_picture_full() {
    let Some(studio) = common::studio() else { return };
    for prompt in ["zoom out", "pan left", "pan down", "zoom in", "orbit, handheld"] {
        let request =
            GenerationRequest::animate(letterboxed()).prompt(prompt).seconds(1.5).fps(8.0);
        let (_, seen) = common::watch(studio, request).unwrap();
        for (index, luma) in seen.lumas.iter().enumerate() {
            for (y, row) in luma.chunks_exact(WIDTH).enumerate() {
                let (low, high) = row.iter().fold((255, 0), |(l, h), v| (l.min(*v), h.max(*v)));
                if !(BAR - 1..HEIGHT - BAR + 1).contains(&y) {
                    assert!(high <= BLACK, "`{prompt}`, frame {index}, row {y}: {high} in the bar");
                } else if (BAR + 1..HEIGHT - BAR - 1).contains(&y) {
                    assert!(low >= PICTURE, "`{prompt}`, frame {index}, row {y}: {low} inside");
                }
            }
        }
        let moved = common::moves(&seen, [0, BAR, WIDTH, HEIGHT - 2 * BAR]);
        assert!(moved > 0.4, "`{prompt}`: the picture moves by {moved:.2}");
    }
}
