//! Motion and warps out of numbers that no network gave.

use super::cast;
use super::channels::{CHANNELS, PHOTO, RIG};
use super::curves::{Curves, LONGEST, windows_for};
use super::decoder::Decoder;
use super::features::features;
use super::frame::FaceFrame;
use super::head::{EYE_LEVEL, SIDE_UNITS};
use super::maps::{MAP_SIDE, Map, Maps};
use super::modes::Mode;
use super::network::LATENTS;
use super::portrait::Portrait;
use super::schedule::Schedule;
use super::swatch::Swatch;
use crate::face::fuzz::face;
use crate::face::points::{FacePoints, POINTS};
use crate::fuzzing::Feed;
use crate::prompt::Reading;
use crate::render::canvas::{Canvas, ColourSpace};
use crate::render::field::Window;
use crate::render::warp::warp_rgb;
use crate::{Orientation, Photo};

const SIZE: [usize; 2] = [64, 48];

/// The windows of what a prompt asks for.
pub(crate) fn schedule(reading: &Reading) {
    for seconds in [0.5, 2.0, 10.0] {
        let schedule = Schedule::of(reading, seconds, LONGEST);
        assert!(schedule.count() > 0 && schedule.length() > 0.0);
    }
}

/// A frame of any points.
pub(crate) fn frame(points: &FacePoints, scale: [f32; 2]) {
    let frame = FaceFrame::new(points, scale);
    _ = frame.crop(SIDE_UNITS, EYE_LEVEL, scale);
    _ = frame.roll();
}

/// The motion network's coefficients: poses.
pub fn curves(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    let seconds = 0.5 + f32::from(feed.byte()) / 25.5;
    let (count, length) = windows_for(seconds, LONGEST);
    let mut curves = Curves::default();
    for _ in 0..count {
        curves.push(length, feed.numbers(LATENTS));
    }
    for frame in 0..24 {
        let t = frame as f32 / 24.0 * seconds;
        _ = (curves.at(t), curves.at_in_loop(t, seconds));
    }
}

/// Everything that the networks say of a photo: warps, drawn.
pub fn motion(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    let kind = feed.byte();
    let [width, height] = SIZE;
    let photo = Photo::from_pixels(&[77; 4 * 64 * 48], 64, 48, 4 * width, Orientation::Upright);
    let Ok(photo) = photo else { return };
    let whole = maps(&mut feed);
    let modes: Vec<Mode> = (0..CHANNELS - RIG.len()).map(|i| mode(i, &mut feed)).collect();
    let found: Vec<_> = (0..kind % 3).map(|_| face(&mut feed)).collect();
    let mut portraits = Vec::new();
    for face in cast::cast(&found, &whole, [width as f32, height as f32]) {
        // Around a plausible place, so that not every face lies in another world.
        let points = std::array::from_fn(|_| {
            let [x, y] = [feed.number(), feed.number()];
            [32.0 + x, 24.0 + y].map(|n: f32| if n.is_finite() { n } else { 0.0 })
        });
        let frame = FaceFrame::new(&FacePoints::new(points), [1.0; 2]);
        if frame.crop(SIDE_UNITS, EYE_LEVEL, [1.0; 2]).is_none() {
            continue;
        }
        let swatch = Swatch::new(&photo, &frame, [1.0; 2]);
        let maps = maps(&mut feed);
        let mut portrait = Portrait { frame, maps, swatch, expressive: true };
        portrait.expressive = cast::is_expressive(&face, &portrait, SIZE);
        _ = cast::is_a_face(&face, &portrait);
        let seen: [f32; PHOTO.len()] = features(&whole, Some(&portrait.frame), 64);
        _ = seen;
        portraits.push(portrait);
    }
    let window = Window::whole(width, height);
    let mut decoder = Decoder::new(SIZE, window, &whole, &portraits, &modes);
    let curves: Vec<Curves> = (0..portraits.len().max(1))
        .map(|_| {
            let mut curves = Curves::default();
            curves.push(1.0, feed.numbers(LATENTS));
            curves
        })
        .collect();
    let poses: Vec<Vec<_>> = (0..2)
        .map(|frame| curves.iter().map(|curves| curves.at(frame as f32 / 2.0)).collect())
        .collect();
    let scene: Vec<_> = poses.iter().map(|poses| poses[0]).collect();
    let framing = decoder.framing(&scene, 2.0, kind & 16 > 0);
    let Ok(canvas) = Canvas::new(&photo, width, height, ColourSpace::Rgb) else { return };
    let mut rgb = vec![0; 3 * width * height];
    for (poses, framing) in poses.iter().zip(framing) {
        warp_rgb(&canvas, &decoder.map(poses, framing), &mut rgb);
    }
    assert_eq!(POINTS, 93);
}

/// Maps of a few numbers, laid out in turn.
fn maps(feed: &mut Feed<'_>) -> Maps {
    let few = feed.numbers(64);
    let flat: Vec<f32> = (0..7 * MAP_SIDE * MAP_SIDE).map(|i| few[(i * 7 + i / 97) % 64]).collect();
    Maps::of_numbers(&flat)
}

fn mode(number: usize, feed: &mut Feed<'_>) -> Mode {
    let class = [Map::Hair, Map::Person, Map::Vegetation, Map::Water, Map::Sky][number % 5];
    Mode {
        class,
        wave_vector: [feed.number(), feed.number()],
        phase: feed.number(),
        direction: [feed.number(), feed.number()],
    }
}
