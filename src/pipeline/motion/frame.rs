//! A face's own frame: origin between the eyes, x along them, one unit per inter-ocular distance.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::face::points::{FacePoints, POINTS};
use crate::render::similarity::Similarity;

/// Where a face stands on the canvas, and its points in its own frame.
///
/// Wiped on drop; prints nothing of the face.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct FaceFrame {
    origin: [f32; 2],
    /// Unit vector along the eyes, to image-right.
    axis: [f32; 2],
    /// Inter-ocular distance in canvas pixels, as if the face looked at the camera.
    unit: f32,
    /// The 93 points of models/README.md, in this frame.
    points: FacePoints,
}

/// Share of the eye-to-mouth distance that stands for the inter-ocular distance when a turned head
/// makes the eyes look closer; ArcFace's template has 1 / 1.155.
const EYES_PER_EYES_TO_MOUTH: f32 = 0.84;

impl FaceFrame {
    /// From points in photo pixels; `scale` is canvas pixels per photo pixel (x, y).
    pub(crate) fn new(points: &FacePoints, scale: [f32; 2]) -> Self {
        let on_canvas: [[f32; 2]; POINTS] = std::array::from_fn(|i| {
            let [x, y] = points.all()[i];
            [x * scale[0] - 0.5, y * scale[1] - 0.5]
        });
        let middle = |i: usize, j: usize| mean(&[on_canvas[i], on_canvas[j]]);
        let (left, right) = (middle(0, 8), middle(16, 24));
        let origin = mean(&[left, right]);
        let mouth = middle(57, 63);
        let along = sub(right, left);
        let down = sub(mouth, origin);
        // Eyes and mouth vote on the roll: either alone is off when the head is turned.
        let vote = [along[0] + down[1], along[1] - down[0]];
        let length = norm(vote).max(1e-6);
        let axis = [vote[0] / length, vote[1] / length];
        let unit = norm(along).max(EYES_PER_EYES_TO_MOUTH * norm(down)).max(1e-3);
        let mut frame = Self { origin, axis, unit, points: FacePoints::new(on_canvas) };
        frame.points = FacePoints::new(on_canvas.map(|point| frame.to_local(point)));
        frame
    }

    /// Canvas point ► this frame.
    pub(crate) fn to_local(&self, point: [f32; 2]) -> [f32; 2] {
        let [x, y] = sub(point, self.origin);
        let [c, s] = self.axis;
        [(c * x + s * y) / self.unit, (c * y - s * x) / self.unit]
    }

    /// This frame ► canvas point.
    pub(crate) fn to_canvas(&self, local: [f32; 2]) -> [f32; 2] {
        let [x, y] = self.vector_to_canvas(local);
        [self.origin[0] + x, self.origin[1] + y]
    }

    /// A displacement in this frame, in canvas pixels.
    pub(crate) fn vector_to_canvas(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [c, s] = self.axis;
        [(c * x - s * y) * self.unit, (s * x + c * y) * self.unit]
    }

    /// Inter-ocular distance in canvas pixels.
    pub(crate) fn unit(&self) -> f32 {
        self.unit
    }

    /// Angle of the eye line against the horizontal, clockwise as seen, radians.
    pub(crate) fn roll(&self) -> f32 {
        self.axis[1].atan2(self.axis[0])
    }

    /// The points, in this frame.
    pub(crate) fn points(&self) -> &FacePoints {
        &self.points
    }

    /// Photo pixels ► unit square of a crop whose side is `side` units and whose eyes lie at the
    /// height `eye_level`; `scale` as in [`FaceFrame::new`].
    pub(crate) fn crop(&self, side: f32, eye_level: f32, scale: [f32; 2]) -> Option<Similarity> {
        let corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
        let from = corners.map(|corner| {
            let [x, y] = self.to_canvas(corner);
            [(x + 0.5) / scale[0], (y + 0.5) / scale[1]]
        });
        let to = corners.map(|[x, y]| [x / side + 0.5, y / side + eye_level]);
        Similarity::fit(&from, &to)
    }
}

impl std::fmt::Debug for FaceFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FaceFrame(redacted)")
    }
}

pub(crate) fn sub(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [a[0] - b[0], a[1] - b[1]]
}

pub(crate) fn norm(a: [f32; 2]) -> f32 {
    a[0].hypot(a[1])
}

pub(crate) fn mean(points: &[[f32; 2]]) -> [f32; 2] {
    let n = points.len() as f32;
    let sum = points.iter().fold([0.0; 2], |s, p| [s[0] + p[0], s[1] + p[1]]);
    [sum[0] / n, sum[1] / n]
}

/// 0 at `low` and below, 1 at `high` and above, smooth between.
pub(crate) fn smoothstep(x: f32, low: f32, high: f32) -> f32 {
    let s = ((x - low) / (high - low)).clamp(0.0, 1.0);
    s * s * (3.0 - 2.0 * s)
}

#[cfg(test)]
impl FaceFrame {
    /// A plain face of 100 pixels between the eyes, at (320, 240), for tests of what moves it.
    pub(crate) fn plain() -> Self {
        let mut points = [[0.0f32; 2]; POINTS];
        let ring = |n: usize, i: usize, centre: [f32; 2], radius: [f32; 2]| {
            let angle = std::f32::consts::TAU * i as f32 / n as f32;
            [centre[0] + radius[0] * angle.sin(), centre[1] - radius[1] * angle.cos()]
        };
        for (start, side) in [(0, -1.0f32), (16, 1.0)] {
            for i in 0..9 {
                let t = i as f32 / 8.0;
                let x = side * (0.5 + 0.22 * (1.0 - 2.0 * t));
                points[start + i] = [x, 0.08 * (std::f32::consts::PI * t).sin()];
            }
            for i in 0..7 {
                let t = (i + 1) as f32 / 8.0;
                let x = side * (0.5 + 0.22 * (1.0 - 2.0 * t));
                points[start + 9 + i] = [x, -0.09 * (std::f32::consts::PI * t).sin()];
            }
        }
        for (start, side) in [(32, -0.5), (37, 0.5)] {
            points[start] = [side, 0.0];
            (0..4).for_each(|i| points[start + 1 + i] = ring(4, i, [side, 0.0], [0.09, 0.09]));
        }
        for i in 0..5 {
            let x = 0.3 + 0.1 * i as f32;
            points[46 - i] = [-x, -0.4];
            points[51 - i] = [x, -0.4];
        }
        points[52..57].copy_from_slice(&[
            [0.0, 0.0],
            [0.0, 0.57],
            [0.0, 0.7],
            [-0.25, 0.6],
            [0.25, 0.6],
        ]);
        (0..12).for_each(|i| points[57 + i] = ring(12, i + 9, [0.0, 1.15], [0.42, 0.14]));
        (0..8).for_each(|i| points[69 + i] = ring(8, i + 6, [0.0, 1.15], [0.36, 0.005]));
        (0..16).for_each(|i| points[77 + i] = ring(16, i, [0.0, 0.4], [1.05, 1.5]));
        let in_photo = points.map(|[x, y]| [320.5 + 100.0 * x, 240.5 + 100.0 * y]);
        Self::new(&FacePoints::new(in_photo), [1.0, 1.0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_face_has_its_origin_between_the_eyes() {
        let frame = FaceFrame::plain();
        let [x, y] = frame.to_canvas([0.0, 0.0]);
        assert!((x - 320.0).abs() < 0.5 && (y - 240.0).abs() < 0.5, "{x} {y}");
        assert!((frame.unit() - 100.0).abs() < 2.0, "{}", frame.unit());
        assert!(frame.roll().abs() < 1e-3);
        let [x, y] = frame.to_local(frame.to_canvas([0.7, -1.3]));
        assert!((x - 0.7).abs() < 1e-4 && (y + 1.3).abs() < 1e-4);
        assert_eq!(format!("{frame:?}"), "FaceFrame(redacted)");
    }
}
