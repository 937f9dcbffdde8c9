//! Who moves: the faces that perception believes in.
//!
//! A small detector takes folds, hands and hair for faces at times. A wrong face that moves is worse
//! than a far one that rests, so every face but the surest needs a second witness.

use super::maps::{Map, Maps};
use super::portrait::Portrait;
use crate::face::Face;
use crate::face::points::Side;

/// A face with this score needs no witness, one with less than the second none helps.
const SURE: f32 = 0.8;
const DOUBTFUL: f32 = 0.7;
/// The least mean of the head map over the box of a face between them.
const HEAD: f32 = 0.3;
/// With this score it is a person's face without a look into the eyes.
const HUMAN: f32 = 0.8;
/// The least of a face that the portrait crop's head map covers, when the detector is not sure.
const ALIKE: f32 = 0.2;
/// The largest share of its box that lies in the surest face's box.
const SHARED: f32 = 0.25;
/// Samples of the head map along each side of a box.
const SAMPLES: usize = 6;

/// The faces to move, in the order given; `size` is the photo's (width, height).
pub(crate) fn cast(faces: &[Face], maps: &Maps, size: [f32; 2]) -> Vec<Face> {
    let Some(surest) = faces.iter().max_by(|a, b| a.score().total_cmp(&b.score())) else {
        return Vec::new();
    };
    let believed = |face: &&Face| {
        std::ptr::eq(*face, surest)
            || share_within(face.bounds(), surest.bounds()) <= SHARED
                && (face.score() >= SURE
                    || face.score() >= DOUBTFUL && head_share(face.bounds(), maps, size) >= HEAD)
    };
    faces.iter().filter(believed).cloned().collect()
}

/// Whether a close look bears out what the detector saw.
pub(crate) fn is_a_face(face: &Face, portrait: &Portrait) -> bool {
    face.score() >= SURE || portrait.likeness() >= ALIKE
}

/// Whether it is a person's face, whose lids and lips may move. A doubtful one may be a dog's, which
/// turns its head like anybody but does not blink and smile as people do. A face whose eyes are
/// outside the picture has points that are guessed; `size` is the canvas's (width, height).
pub(crate) fn is_expressive(face: &Face, portrait: &Portrait, size: [usize; 2]) -> bool {
    let sees = [Side::Left, Side::Right].iter().any(|s| portrait.eye_in_sight(*s, size) > 0.0);
    sees && (face.score() >= HUMAN || portrait.shows_white())
}

fn share_within([x, y, w, h]: &[f32; 4], [ox, oy, ow, oh]: &[f32; 4]) -> f32 {
    let width = ((x + w).min(ox + ow) - x.max(*ox)).max(0.0);
    let height = ((y + h).min(oy + oh) - y.max(*oy)).max(0.0);
    width * height / (w * h).max(1e-6)
}

fn head_share([x, y, w, h]: &[f32; 4], maps: &Maps, [width, height]: [f32; 2]) -> f32 {
    let at = |i: usize| (i as f32 + 0.5) / SAMPLES as f32;
    let sum: f32 = (0..SAMPLES * SAMPLES)
        .map(|i| {
            let (u, v) = ((x + w * at(i % SAMPLES)) / width, (y + h * at(i / SAMPLES)) / height);
            maps.at(Map::Head, u, v)
        })
        .sum();
    sum / (SAMPLES * SAMPLES) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_share_what_they_share() {
        assert_eq!(share_within(&[0.0, 0.0, 2.0, 2.0], &[1.0, 0.0, 5.0, 5.0]), 0.5);
        assert_eq!(share_within(&[0.0, 0.0, 2.0, 2.0], &[3.0, 0.0, 5.0, 5.0]), 0.0);
    }

    #[test]
    fn a_box_is_as_much_head_as_the_map_says() {
        let maps = Maps::from_fn(|u, _| {
            let head = if u < 0.5 { 1.0 } else { 0.0 };
            [head, head, 0.0, 0.0, 0.0, 0.0, 0.0]
        });
        let size = [100.0, 100.0];
        assert!(head_share(&[10.0, 10.0, 20.0, 20.0], &maps, size) > 0.99);
        assert!(head_share(&[70.0, 10.0, 20.0, 20.0], &maps, size) < 0.01);
        assert!((head_share(&[40.0, 10.0, 20.0, 20.0], &maps, size) - 0.5).abs() < 0.05);
    }
}
