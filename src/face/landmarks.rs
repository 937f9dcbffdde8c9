//! What is known of a face, in memory that is wiped.

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

    #[test]
    fn wiping_leaves_nothing() {
        let mut face = Face::new([10.0, 20.0, 30.0, 40.0], 0.9, Landmarks::estimate([1.0; 4]));
        face.zeroize();
        assert_eq!(face.bounds(), &[0.0; 4]);
        assert_eq!(face.landmarks().points(), &[[0.0; 2]; 5]);
        assert_eq!(face.score(), 0.0);
    }
}
