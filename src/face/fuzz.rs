//! Faces out of numbers that no network gave.

use super::DetectorOptions;
use super::align::Crop;
use super::decode::{STRIDES, YuNetMaps, ultraface};
use super::landmarks::{Face, Landmarks};
use super::nms;
use super::points::{FacePoints, POINTS};
use crate::fuzzing::Feed;
use crate::pipeline::motion;

/// Side of the input that the detector is said to have seen, in pixels.
const INPUT: usize = 64;

/// A detector's outputs, of either family and of any length: faces.
pub fn detector(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    let kind = feed.byte();
    let mut options = DetectorOptions::default().nested(kind & 1 > 0).misshapen(kind & 2 > 0);
    if kind & 4 > 0 {
        options = options.large_score(0.66, 0.11);
    }
    let mut look = |input: usize| {
        let mut faces = Vec::new();
        if kind & 8 > 0 {
            let count = 1 + usize::from(feed.byte() % 64);
            let (scores, boxes) = (feed.numbers(2 * count), feed.numbers(4 * count));
            ultraface(&scores, &boxes, [input, input], 0.2, &mut faces);
            return options.compete(faces);
        }
        for stride in STRIDES {
            let side = input / stride;
            // Now and then a row too many or too few.
            let cells = (side * side).saturating_add_signed(match feed.byte() {
                254 => -1,
                255 => 1,
                _ => 0,
            });
            let [cls, obj, bbox, kps] = [1, 1, 4, 10].map(|width| feed.numbers(width * cells));
            let maps = YuNetMaps { cls: &cls, obj: &obj, bbox: &bbox, kps: &kps };
            if maps.decode(stride, side, side, 0.2, &mut faces).is_err() {
                assert_ne!(cells, side * side);
            }
        }
        options.compete(faces)
    };
    let looks = [look(INPUT), look(INPUT / 2)];
    let faces = options.settle(nms::agree(looks), 0.5, INPUT as f32);
    for face in &faces {
        assert!((0.0..=1.0).contains(&face.score()), "{}", face.score());
        assert!(face.bounds().iter().all(|number| !number.is_nan()));
        _ = Crop::FACE.similarity(face.landmarks());
    }
}

/// A points network's output, of any length: a face's frame.
pub fn points(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    let landmarks = Landmarks::new(std::array::from_fn(|_| [feed.number(), feed.number()]));
    let scale = [feed.number(), feed.number()].map(|n| if n.is_finite() { n.abs() } else { 1.0 });
    let Some(to_unit) = Crop::FACE.similarity(&landmarks) else { return };
    let Some(to_photo) = to_unit.inverse() else { return };
    let count = match feed.byte() {
        255 => 2 * POINTS + 1,
        254 => 2 * POINTS - 1,
        _ => 2 * POINTS,
    };
    let Ok(points) = FacePoints::read(&feed.numbers(count), &to_photo) else { return };
    assert_eq!(count, 2 * POINTS);
    motion::fuzz::frame(&points, scale);
}

/// A face of any numbers.
pub(crate) fn face(feed: &mut Feed<'_>) -> Face {
    let bounds = std::array::from_fn(|_| feed.number());
    let points = std::array::from_fn(|_| [feed.number(), feed.number()]);
    Face::new(bounds, feed.number().clamp(0.0, 1.0), Landmarks::new(points))
}
