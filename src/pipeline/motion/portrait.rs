//! A face as it was found: where it stands, what perception sees around it, and its colours.

use super::frame::{FaceFrame, smoothstep};
use super::head::{EYE_LEVEL, SIDE_UNITS};
use super::maps::{Map, Maps};
use super::swatch::{Swatch, luma, saturation};
use crate::face::points::Side;

/// A nose tip beyond this, in units from the middle between the eyes, belongs to a head that turns
/// an eye away.
const TURNED_AWAY: [f32; 2] = [0.3, 0.45];
/// An eye is there where this much of its contour lies on the head.
const ON_THE_HEAD: [f32; 2] = [0.35, 0.65];
/// Eyes of people show white beside the iris: an iris is at most this bright beside the brightest
/// quarter of its eye, and that has at most this share of the saturation of the skin below.
const IRIS: f32 = 0.65;
const WHITE: f32 = 0.9;
/// Columns and rows of samples over an eye.
const ACROSS: usize = 17;
const ROWS: usize = 5;
/// Samples along each side of the box of the face's points.
const SAMPLES: usize = 9;

/// What the decoder knows of one face.
pub(crate) struct Portrait {
    pub(crate) frame: FaceFrame,
    /// Of the portrait crop.
    pub(crate) maps: Maps,
    pub(crate) swatch: Option<Swatch>,
    /// Whether lids, mouth and brows move, or only the head.
    pub(crate) expressive: bool,
}

impl Portrait {
    /// How much of an eye is to be seen, 0–1, on a canvas of `size` pixels. The points of an eye
    /// that a profile hides lie on the background, those of a cropped face outside the picture.
    pub(crate) fn eye_in_sight(&self, side: Side, size: [usize; 2]) -> f32 {
        let eye = self.frame.points().eye(side);
        let outside = |point: &[f32; 2]| {
            let [x, y] = self.frame.to_canvas(*point);
            x < 0.0 || y < 0.0 || x > (size[0] - 1) as f32 || y > (size[1] - 1) as f32
        };
        if eye.iter().any(outside) {
            return 0.0;
        }
        let nose = self.frame.points().nose()[1][0];
        let far = match side {
            Side::Left => -nose,
            Side::Right => nose,
        };
        let on_head = eye.iter().map(|point| self.head_at(*point)).sum::<f32>() / eye.len() as f32;
        let hidden = smoothstep(far, TURNED_AWAY[0], TURNED_AWAY[1])
            * (1.0 - smoothstep(on_head, ON_THE_HEAD[0], ON_THE_HEAD[1]));
        1.0 - hidden
    }

    /// How much of what lies between brows and chin perception takes for a person's head, 0–1.
    pub(crate) fn likeness(&self) -> f32 {
        let points = self.frame.points().all();
        let bounds = points.iter().fold([f32::MAX, f32::MAX, f32::MIN, f32::MIN], |b, [x, y]| {
            [b[0].min(*x), b[1].min(*y), b[2].max(*x), b[3].max(*y)]
        });
        let at = |i: usize, low: f32, high: f32| {
            low + (high - low) * (0.15 + 0.7 * (i as f32 + 0.5) / SAMPLES as f32)
        };
        let sum: f32 = (0..SAMPLES * SAMPLES)
            .map(|i| {
                let x = at(i % SAMPLES, bounds[0], bounds[2]);
                let y = at(i / SAMPLES, bounds[1], bounds[3]);
                self.head_at([x, y])
            })
            .sum();
        sum / (SAMPLES * SAMPLES) as f32
    }

    /// Whether an eye shows white, as people's eyes do and those of dogs, cats and horses do not.
    pub(crate) fn shows_white(&self) -> bool {
        let Some(swatch) = &self.swatch else { return false };
        [Side::Left, Side::Right].iter().any(|side| {
            let points = self.frame.points();
            let (eye, [a, b]) = (points.eye(*side), points.eye_corners(*side));
            let height =
                |lid: &[[f32; 2]]| lid.iter().map(|p| p[1]).sum::<f32>() / lid.len() as f32;
            let (upper, lower) = (height(points.upper_lid(*side)), height(&eye[1..8]));
            let inside = (0..ACROSS * ROWS).map(|i| {
                let along = 0.12 + 0.76 * (i % ACROSS) as f32 / (ACROSS - 1) as f32;
                let down = 0.3 + 0.4 * (i / ACROSS) as f32 / (ROWS - 1) as f32;
                [a[0] + along * (b[0] - a[0]), upper + down * (lower - upper)]
            });
            let white = swatch.tone(inside, 0.75, 1.0);
            let centre = points.iris(*side)[0];
            let near = |i: usize, reach: f32| reach * (i as f32 / 2.0 - 1.0);
            let iris = swatch.tone(
                (0..9).map(|i| [centre[0] + near(i % 3, 0.04), centre[1] + near(i / 3, 0.03)]),
                0.0,
                1.0,
            );
            let width = (b[0] - a[0]).abs();
            let low = eye.iter().map(|p| p[1]).fold(f32::MIN, f32::max);
            let skin = swatch.tone(
                (0..9).map(|i| {
                    let x = 0.5 * (a[0] + b[0]) + near(i % 3, 0.3) * width;
                    [x, low + 0.14 + near(i / 3, 0.06)]
                }),
                0.2,
                0.8,
            );
            luma(iris) <= IRIS * luma(white)
                && saturation(white) <= WHITE * saturation(skin).max(0.02)
        })
    }

    fn head_at(&self, [x, y]: [f32; 2]) -> f32 {
        self.maps.at(Map::Head, x / SIDE_UNITS + 0.5, y / SIDE_UNITS + EYE_LEVEL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portrait(eye: [f32; 3], head: f32) -> Portrait {
        let swatch = Swatch::from_fn(|[x, y]| {
            let from_middle = (x.abs() - 0.5).hypot(y);
            if from_middle < 0.09 {
                [50.0, 35.0, 25.0]
            } else if from_middle < 0.22 {
                eye
            } else {
                [180.0, 130.0, 100.0]
            }
        });
        let maps = Maps::from_fn(|u, _| {
            let here = if u > 0.5 { head } else { 1.0 };
            [here, here, 0.0, 0.0, 0.0, 0.0, 0.0]
        });
        Portrait { frame: FaceFrame::plain(), maps, swatch: Some(swatch), expressive: true }
    }

    #[test]
    fn people_show_the_white_of_their_eyes_and_dogs_do_not() {
        assert!(portrait([220.0, 210.0, 205.0], 1.0).shows_white());
        assert!(!portrait([150.0, 100.0, 60.0], 1.0).shows_white(), "brown fur");
        assert!(!portrait([52.0, 37.0, 27.0], 1.0).shows_white(), "all dark");
    }

    #[test]
    fn an_eye_that_a_profile_hides_is_out_of_sight() {
        let size = [640, 480];
        let mut portrait = portrait([220.0; 3], 0.0);
        for side in [Side::Left, Side::Right] {
            assert!(portrait.eye_in_sight(side, size) > 0.99, "a face from the front has both");
        }
        let turned = portrait.frame.points().all().map(|[x, y]| {
            let nose = if (0.2..0.71).contains(&y) && x.abs() < 0.3 { 0.6 } else { 0.0 };
            [320.5 + 100.0 * (x + nose), 240.5 + 100.0 * y]
        });
        let points = crate::face::points::FacePoints::new(turned);
        portrait.frame = FaceFrame::new(&points, [1.0, 1.0]);
        assert!(portrait.eye_in_sight(Side::Left, size) > 0.99);
        assert!(portrait.eye_in_sight(Side::Right, size) < 0.01);
        assert!(portrait.eye_in_sight(Side::Left, [250, 480]) < 0.01, "outside the picture");
    }

    #[test]
    fn likeness_is_the_share_of_head() {
        assert!(portrait([220.0; 3], 1.0).likeness() > 0.99);
        assert!((portrait([220.0; 3], 0.0).likeness() - 0.5).abs() < 0.1);
    }
}
