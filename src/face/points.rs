//! The 93 points of a face: contours of eyes, lips, brows, nose and oval.

use std::ops::Range;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::align::{Crop, Similarity};
use super::landmarks::{Face, Landmarks};
use crate::Photo;
use crate::error::{Detail, Error, Result};
use crate::render::crop::crop;
use crate::runtime::{Cancel, Runtime, Session};

/// How many points the network gives.
pub(crate) const POINTS: usize = 93;
/// Side of the crop that the network takes, in pixels.
const INPUT: usize = 160;

/// 93 points of a face in pixels of the upright photo; their order stands in models/README.md.
///
/// Left and right are those of the picture. Wiped when dropped, prints no numbers.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct FacePoints {
    points: [[f32; 2]; POINTS],
}

/// Which eye of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The eye on the left side of the picture.
    Left,
    /// The eye on the right side of the picture.
    Right,
}

#[allow(dead_code, reason = "one name for every part, whether or not a pipeline asks for it yet")]
impl FacePoints {
    /// Points in photo pixels, in the network's order.
    pub(crate) fn new(points: [[f32; 2]; POINTS]) -> Self {
        Self { points }
    }

    /// What the network says, `to_photo` from the crop's unit square.
    ///
    /// # Errors
    /// `model.output` for anything but 93 finite points.
    pub(super) fn read(numbers: &[f32], to_photo: &Similarity) -> Result<Self> {
        let finite = numbers.iter().all(|number| number.is_finite());
        let (points, rest) = numbers.as_chunks::<2>();
        match <&[[f32; 2]; POINTS]>::try_from(points) {
            Ok(points) if finite && rest.is_empty() => {
                Ok(Self::new(points.map(|point| to_photo.apply(point))))
            }
            _ => Err(Error::Model(Detail::new(
                "model.output",
                format!("the network has to give {POINTS} points"),
            ))),
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[[f32; 2]; POINTS] {
        &self.points
    }

    /// The five points that a detector would give.
    fn landmarks(&self) -> Landmarks {
        let [left, right] = self.mouth_corners();
        let (a, b) = (self.eye_middle(Side::Left), self.eye_middle(Side::Right));
        Landmarks::new([a, b, self.nose()[1], left, right])
    }

    /// 16 points around an eye: nine of the lower lid from the outer to the inner corner, then
    /// seven of the upper lid from outer to inner, without the corners.
    pub(crate) fn eye(&self, side: Side) -> &[[f32; 2]] {
        self.part(match side {
            Side::Left => 0..16,
            Side::Right => 16..32,
        })
    }

    /// The lower lid of an eye from the outer to the inner corner, both included: 9 points.
    pub(crate) fn lower_lid(&self, side: Side) -> &[[f32; 2]] {
        &self.eye(side)[..9]
    }

    /// The upper lid from outer to inner without the corners: 7 points.
    pub(crate) fn upper_lid(&self, side: Side) -> &[[f32; 2]] {
        &self.eye(side)[9..]
    }

    /// The outer and the inner corner of an eye.
    pub(crate) fn eye_corners(&self, side: Side) -> [[f32; 2]; 2] {
        [self.eye(side)[0], self.eye(side)[8]]
    }

    /// Height over width of an eye's contour: about .35 open, under .2 closed.
    pub(crate) fn eye_opening(&self, side: Side) -> f32 {
        let [outer, inner] = self.eye_corners(side);
        let width = distance(outer, inner);
        // The lids' middles are measured across the line between the corners.
        let across = [-(inner[1] - outer[1]) / width, (inner[0] - outer[0]) / width];
        let height = |points: &[[f32; 2]]| -> f32 {
            let sum: f32 = points.iter().map(|p| p[0] * across[0] + p[1] * across[1]).sum();
            sum / points.len() as f32
        };
        let opening =
            (height(&self.lower_lid(side)[3..6]) - height(&self.upper_lid(side)[2..5])).abs();
        if width > 0.0 { opening / width } else { 0.0 }
    }

    /// The iris: its centre, then four points on its rim.
    pub(crate) fn iris(&self, side: Side) -> &[[f32; 2]] {
        self.part(match side {
            Side::Left => 32..37,
            Side::Right => 37..42,
        })
    }

    /// A brow from outer to inner: 5 points.
    pub(crate) fn brow(&self, side: Side) -> &[[f32; 2]] {
        self.part(match side {
            Side::Left => 42..47,
            Side::Right => 47..52,
        })
    }

    /// Bridge, tip, base, image-left wing, image-right wing.
    pub(crate) fn nose(&self) -> &[[f32; 2]] {
        self.part(52..57)
    }

    /// 12 points from the image-left corner over the top.
    pub(crate) fn outer_lips(&self) -> &[[f32; 2]] {
        self.part(57..69)
    }

    /// 8 points from the image-left corner over the top.
    pub(crate) fn inner_lips(&self) -> &[[f32; 2]] {
        self.part(69..77)
    }

    /// The outer corners of the mouth, image-left and image-right.
    pub(crate) fn mouth_corners(&self) -> [[f32; 2]; 2] {
        [self.outer_lips()[0], self.outer_lips()[6]]
    }

    /// 16 points from the forehead's top, clockwise as seen; the chin is the ninth.
    pub(crate) fn oval(&self) -> &[[f32; 2]] {
        self.part(77..93)
    }

    /// The lowest point of the chin.
    pub(crate) fn chin(&self) -> [f32; 2] {
        self.oval()[8]
    }

    /// The middle of an eye's corners.
    pub(crate) fn eye_middle(&self, side: Side) -> [f32; 2] {
        let [outer, inner] = self.eye_corners(side);
        [(outer[0] + inner[0]) / 2.0, (outer[1] + inner[1]) / 2.0]
    }

    /// The distance of the eyes' middles, in pixels.
    pub(crate) fn inter_ocular(&self) -> f32 {
        distance(self.eye_middle(Side::Left), self.eye_middle(Side::Right))
    }

    fn part(&self, range: Range<usize>) -> &[[f32; 2]] {
        &self.points[range]
    }
}

impl std::fmt::Debug for FacePoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FacePoints(..)")
    }
}

fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Finds the 93 points of a face that was detected.
#[derive(Debug)]
pub(crate) struct PointFinder {
    session: Session,
}

impl PointFinder {
    /// From an ONNX file in memory: `crop` 1×3×160×160 ► `points` 1×93×2.
    ///
    /// # Errors
    /// `model.unreadable`, `model.not_points`.
    pub(crate) fn open(runtime: &Runtime, model: &[u8]) -> Result<Self> {
        let session = runtime.session(model, "face points")?;
        let fits = session.inputs().iter().any(|port| port.name == "crop")
            && session.outputs().iter().any(|port| port.name == "points");
        if fits {
            return Ok(Self { session });
        }
        Err(Error::Model(Detail::new(
            "model.not_points",
            "this network does not give face points: it needs an input `crop` and an output `points`",
        )))
    }

    /// The points in photo pixels.
    ///
    /// They are found twice: the second crop lies by the points of the first, which are better than
    /// the detector's (the largest errors fall by a quarter).
    ///
    /// # Errors
    /// [`Error::Cancelled`]; `model.output` when the network gives something else than 93 points;
    /// `photo.face_points` when the five points lie in one place.
    pub(crate) fn find(&self, photo: &Photo, face: &Face, cancel: &Cancel) -> Result<FacePoints> {
        let first = self.find_from(photo, face.landmarks(), cancel)?;
        self.find_from(photo, &first.landmarks(), cancel)
    }

    fn find_from(
        &self,
        photo: &Photo,
        landmarks: &Landmarks,
        cancel: &Cancel,
    ) -> Result<FacePoints> {
        let to_unit = Crop::FACE.similarity(landmarks);
        let (Some(to_unit), Some(to_photo)) =
            (&to_unit, to_unit.as_ref().and_then(|similarity| similarity.inverse()))
        else {
            return Err(Error::Photo(Detail::new(
                "photo.face_points",
                "the face is too small to be animated; choose another photo or crop it",
            )));
        };
        let mut tensor = crop(photo, to_unit, INPUT);
        let outputs = self.session.run(&[("crop", (&tensor).into())], cancel);
        tensor.iter_mut().for_each(|value| *value = 0.0);
        let outputs = outputs?;
        let points = outputs.view("points")?;
        FacePoints::read(points.as_slice().unwrap_or_default(), &to_photo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_belongs_to_one_part() {
        let points = FacePoints::new(std::array::from_fn(|i| [i as f32, 0.0]));
        let parts = [
            points.eye(Side::Left),
            points.eye(Side::Right),
            points.iris(Side::Left),
            points.iris(Side::Right),
            points.brow(Side::Left),
            points.brow(Side::Right),
            points.nose(),
            points.outer_lips(),
            points.inner_lips(),
            points.oval(),
        ];
        let order: Vec<f32> = parts.iter().flat_map(|part| part.iter().map(|p| p[0])).collect();
        assert_eq!(order, (0..POINTS).map(|i| i as f32).collect::<Vec<_>>());
        assert_eq!(format!("{points:?}"), "FacePoints(..)");
    }

    #[test]
    fn only_whole_points_are_read() {
        let to_photo = Similarity::scale_and_shift(2.0, [1.0; 2]);
        let numbers = vec![0.5; 2 * POINTS + 1];
        assert!(FacePoints::read(&numbers[..2 * POINTS], &to_photo).is_ok());
        for count in [0, 2 * POINTS - 1, 2 * POINTS + 1] {
            let error = FacePoints::read(&numbers[..count], &to_photo).unwrap_err();
            assert_eq!(error.code(), "model.output", "{count}");
        }
    }

    #[test]
    fn the_opening_of_an_eye_does_not_turn_with_the_head() {
        for angle in [0.0f32, 0.7, 3.0] {
            let mut points = [[0.0; 2]; POINTS];
            for (i, point) in points[..9].iter_mut().enumerate() {
                let x = i as f32 / 8.0;
                *point = [x, 0.15 * (1.0 - (2.0 * x - 1.0).powi(2))];
            }
            for i in 0..7 {
                points[9 + i] = [points[1 + i][0], -points[1 + i][1]];
            }
            let turned = points.map(|[x, y]| {
                [x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()]
            });
            let opening = FacePoints::new(turned).eye_opening(Side::Left);
            assert!((opening - 0.29).abs() < 0.02, "{opening}");
        }
    }
}
