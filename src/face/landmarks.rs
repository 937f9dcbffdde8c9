//! What is known of a face, in memory that is wiped.

use std::ops::RangeInclusive;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A face in a photo, in pixels of the upright photo.
///
/// Pixel coordinates have their origin at the top-left corner of the top-left pixel, x to the
/// right, y down. The numbers are wiped when the face is dropped, do not print and do not
/// serialise.
///
/// It cannot be serialised:
///
/// ```compile_fail
/// fn leak(face: &kinora::Face) -> serde_json::Result<String> {
///     serde_json::to_string(face)
/// }
/// ```
///
/// where the same compiles for plain numbers:
///
/// ```
/// fn write_down(bounds: &[f32; 4]) -> serde_json::Result<String> {
///     serde_json::to_string(bounds)
/// }
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Face {
    bounds: [f32; 4],
    score: f32,
    landmarks: Landmarks,
}

impl Face {
    pub(super) fn new(bounds: [f32; 4], score: f32, landmarks: Landmarks) -> Self {
        Self { bounds, score, landmarks }
    }

    /// The mean of several findings of one face, weighted by their scores.
    pub(super) fn mean(faces: &[&Self], score: f32) -> Self {
        let total: f32 = faces.iter().map(|face| face.score).sum::<f32>().max(f32::MIN_POSITIVE);
        let mean = |part: &dyn Fn(&Self) -> f32| {
            faces.iter().map(|face| part(face) * face.score).sum::<f32>() / total
        };
        let bounds = std::array::from_fn(|i| mean(&|face| face.bounds[i]));
        let points = std::array::from_fn(|i| {
            std::array::from_fn(|axis| mean(&|face| face.landmarks.points[i][axis]))
        });
        let estimated = faces.iter().any(|face| face.landmarks.estimated);
        Self { bounds, score, landmarks: Landmarks { points, estimated } }
    }

    /// The box around the face: x, y of its top-left corner, width, height. It may reach outside
    /// the photo.
    pub fn bounds(&self) -> &[f32; 4] {
        &self.bounds
    }

    /// How sure the detector is, 0 to 1.
    pub fn score(&self) -> f32 {
        self.score
    }

    /// The five points.
    pub fn landmarks(&self) -> &Landmarks {
        &self.landmarks
    }

    /// Whether the five points can be those of a face that fills the box.
    ///
    /// Measured in the face's own frame, whose axis runs from between the eyes to between the
    /// corners of the mouth: so a tilted head passes. The bounds are wide enough for a head seen
    /// from the side and for points that a mask hides: every face that YuNet and the default
    /// detector find on street photos and portraits lies well within them.
    pub(super) fn is_plausible(&self) -> bool {
        // All lengths in sizes of the box, the root of its area.
        const EYES_TO_MOUTH: RangeInclusive<f32> = 0.2..=0.8;
        // Eyes and corners of the mouth stand left and right, if only just: in a profile they meet.
        const EYES_APART: RangeInclusive<f32> = -0.1..=0.8;
        const MOUTH_WIDE: RangeInclusive<f32> = -0.15..=0.8;
        // Where the nose stands on the way from the eyes, 0, to the mouth, 1.
        const NOSE: RangeInclusive<f32> = 0.15..=1.05;
        /// How far the points may leave the box, in its sides.
        const OUTSIDE: f32 = 0.3;

        let [x, y, width, height] = self.bounds;
        let size = self.area().sqrt();
        let [left_eye, right_eye, nose, left_mouth, right_mouth] = self.landmarks.points;
        let between = |a: [f32; 2], b: [f32; 2]| [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
        let from = |a: [f32; 2], b: [f32; 2]| [b[0] - a[0], b[1] - a[1]];
        let (eyes, mouth) = (between(left_eye, right_eye), between(left_mouth, right_mouth));
        let axis = from(eyes, mouth);
        let length = axis[0].hypot(axis[1]);
        // Also refuses an empty box and a length that is no number.
        if size <= 0.0 || !EYES_TO_MOUTH.contains(&(length / size)) {
            return false;
        }
        let down = axis.map(|part| part / length);
        let along = |[x, y]: [f32; 2]| x * down[0] + y * down[1];
        let across = |[x, y]: [f32; 2]| x * down[1] - y * down[0];
        let within = |[px, py]: [f32; 2]| {
            (-OUTSIDE..1.0 + OUTSIDE).contains(&((px - x) / width))
                && (-OUTSIDE..1.0 + OUTSIDE).contains(&((py - y) / height))
        };
        EYES_APART.contains(&(across(from(left_eye, right_eye)) / size))
            && MOUTH_WIDE.contains(&(across(from(left_mouth, right_mouth)) / size))
            && NOSE.contains(&(along(from(eyes, nose)) / length))
            && self.landmarks.points.into_iter().all(within)
    }

    /// The shorter side of the box, pixels.
    pub(super) fn shorter_side(&self) -> f32 {
        self.bounds[2].min(self.bounds[3])
    }

    /// Width × height of the box, in square pixels.
    pub(super) fn area(&self) -> f32 {
        self.bounds[2].max(0.0) * self.bounds[3].max(0.0)
    }
}

impl std::fmt::Debug for Face {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Face(..)")
    }
}

/// Five points of a face; left and right are those of the picture, whoever's they are.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Landmarks {
    points: [[f32; 2]; 5],
    estimated: bool,
}

/// Where the points stand in a box, as shares of its width and height: the mean over the
/// detections of YuNet on frontal portraits, for detectors that give no points.
const IN_BOX: [[f32; 2]; 5] =
    [[0.30, 0.37], [0.70, 0.37], [0.50, 0.58], [0.34, 0.75], [0.66, 0.75]];

impl Landmarks {
    pub(super) fn new(points: [[f32; 2]; 5]) -> Self {
        Self { points, estimated: false }
    }

    /// The points of an upright frontal face that fills the box x, y, width, height.
    pub(super) fn estimate([x, y, width, height]: [f32; 4]) -> Self {
        Self { points: IN_BOX.map(|[u, v]| [x + u * width, y + v * height]), estimated: true }
    }

    /// All five as (x, y): image-left eye, image-right eye, nose tip, image-left mouth corner,
    /// image-right mouth corner.
    pub fn points(&self) -> &[[f32; 2]; 5] {
        &self.points
    }

    /// True for a detector that gives only boxes: the points are those of an average upright face
    /// in the box, good enough to find it again, not to know where it looks.
    pub fn are_estimated(&self) -> bool {
        self.estimated
    }

    /// Distance between the eyes in pixels.
    pub fn inter_ocular(&self) -> f32 {
        let [left, right, ..] = self.points;
        (right[0] - left[0]).hypot(right[1] - left[1])
    }
}

impl std::fmt::Debug for Landmarks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Landmarks(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_face_is_printed() {
        let face = Face::new([10.0, 20.0, 30.0, 40.0], 0.9, Landmarks::estimate([1.0; 4]));
        let printed = format!("{face:?} {:?} {:#?}", face.landmarks(), Some(&face));
        assert!(!printed.chars().any(|c| c.is_ascii_digit()), "{printed}");
    }

    /// A face of size 100 at (50, 50): points turned by `degrees` about the box's middle.
    fn turned(points: [[f32; 2]; 5], degrees: f32) -> Face {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let points = points.map(|[x, y]| {
            let (x, y) = (x - 50.0, y - 50.0);
            [100.0 + x * cos - y * sin, 100.0 + x * sin + y * cos]
        });
        Face::new([50.0, 50.0, 100.0, 100.0], 0.9, Landmarks::new(points))
    }

    const FRONTAL: [[f32; 2]; 5] =
        [[30.0, 37.0], [70.0, 37.0], [50.0, 58.0], [34.0, 75.0], [66.0, 75.0]];
    /// Looking to the picture's left: the eyes nearly meet, the nose stands before them.
    const PROFILE: [[f32; 2]; 5] =
        [[25.0, 38.0], [29.0, 37.0], [12.0, 55.0], [24.0, 76.0], [26.0, 77.0]];

    #[test]
    fn tilted_and_turned_faces_are_plausible() {
        for degrees in [0.0, -40.0, 40.0, 90.0, 180.0] {
            assert!(turned(FRONTAL, degrees).is_plausible(), "frontal at {degrees}°");
        }
        for degrees in [0.0, -25.0, 25.0] {
            assert!(turned(PROFILE, degrees).is_plausible(), "profile at {degrees}°");
        }
        let estimated = Landmarks::estimate([3.0, 4.0, 60.0, 90.0]);
        assert!(Face::new([3.0, 4.0, 60.0, 90.0], 0.9, estimated).is_plausible());
    }

    #[test]
    fn points_that_no_face_has_are_not() {
        let with = |change: &dyn Fn(&mut [[f32; 2]; 5])| {
            let mut points = FRONTAL;
            change(&mut points);
            turned(points, 0.0).is_plausible()
        };
        assert!(with(&|_| {}));
        assert!(!with(&|p| p.swap(0, 1)), "the eyes are swapped");
        assert!(!with(&|p| p.swap(3, 4)), "the mouth is swapped");
        assert!(!with(&|p| p[2] = [50.0, 20.0]), "the nose is above the eyes");
        assert!(!with(&|p| p[2] = [50.0, 90.0]), "the nose is under the mouth");
        assert!(!with(&|p| p[3..].copy_from_slice(&[[34.0, 45.0], [66.0, 45.0]])), "no height");
        assert!(!with(&|p| p[0] = [-60.0, 37.0]), "an eye far outside");
        assert!(!turned([[50.0; 2]; 5], 0.0).is_plausible(), "all in one place");
        assert!(!turned([[f32::NAN; 2]; 5], 0.0).is_plausible());
        assert!(!Face::new([9.0, 9.0, 0.0, 5.0], 0.9, Landmarks::new(FRONTAL)).is_plausible());
    }

    #[test]
    fn wiping_leaves_nothing() {
        let mut face = Face::new([10.0, 20.0, 30.0, 40.0], 0.9, Landmarks::estimate([1.0; 4]));
        face.zeroize();
        assert_eq!(face.bounds(), &[0.0; 4]);
        assert_eq!(face.landmarks().points(), &[[0.0; 2]; 5]);
        assert_eq!(face.score(), 0.0);
    }
}
