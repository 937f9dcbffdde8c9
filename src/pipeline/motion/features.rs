//! What the motion network is told of a photo and a face.

use super::channels::PHOTO;
use super::frame::{FaceFrame, norm, sub};
use super::maps::{Map, Maps};
use crate::face::points::Side;

/// How far the nose tip stands off the line between eyes and mouth, seen from the side, in units:
/// its shift over this is the sine of the turn.
const NOSE_LEVER: f32 = 0.6;
/// The nose tip below the eyes in ArcFace's template, units.
const NOSE_LEVEL: f32 = 0.57;

/// The network's photo features, in the order of [`PHOTO`].
pub(crate) fn features(
    maps: &Maps,
    face: Option<&FaceFrame>,
    long_side: usize,
) -> [f32; PHOTO.len()] {
    let mut all = [0.0; PHOTO.len()];
    for (i, map) in [Map::Person, Map::Head, Map::Hair, Map::Sky, Map::Vegetation, Map::Water]
        .iter()
        .enumerate()
    {
        all[1 + i] = maps.share(*map);
    }
    if let Some(face) = face {
        let points = face.points().all();
        let tip = points[53];
        all[0] = 1.0;
        all[7] = face.unit() / long_side as f32;
        all[8] = face.points().eye_opening(Side::Left);
        all[9] = face.points().eye_opening(Side::Right);
        all[10] = norm(sub(points[75], points[71]));
        all[11] = (tip[0] / NOSE_LEVER).clamp(-0.8, 0.8).asin();
        all[12] = ((tip[1] - NOSE_LEVEL) / NOSE_LEVER).clamp(-0.6, 0.6).asin();
        all[13] = face.roll();
        all[14] = norm(sub(points[63], points[57]));
    }
    all
}
