//! Small fields over parts of a face.

use super::frame::{FaceFrame, sub};
use crate::render::field::Patch;

/// An empty patch over a rectangle of the face's frame, given by its corners in the order
/// top-left, top-right, bottom-right, bottom-left.
pub(crate) fn over(
    frame: &FaceFrame,
    corners: [[f32; 2]; 4],
    columns: usize,
    rows: usize,
) -> Patch {
    let [origin, right, _, down] = corners.map(|corner| frame.to_canvas(corner));
    let (across, along) = (sub(right, origin), sub(down, origin));
    let squares = |v: [f32; 2]| (v[0] * v[0] + v[1] * v[1]).max(1e-6);
    let (su, sv) = ((columns - 1) as f32 / squares(across), (rows - 1) as f32 / squares(along));
    let (u, v) = (across.map(|c| c * su), along.map(|c| c * sv));
    let all = corners.map(|corner| frame.to_canvas(corner));
    let bounds = all.iter().fold([f32::MAX, f32::MAX, f32::MIN, f32::MIN], |b, [x, y]| {
        [b[0].min(*x), b[1].min(*y), b[2].max(*x), b[3].max(*y)]
    });
    Patch {
        to_cells: [
            u[0],
            u[1],
            -(u[0] * origin[0] + u[1] * origin[1]),
            v[0],
            v[1],
            -(v[0] * origin[0] + v[1] * origin[1]),
        ],
        columns,
        rows,
        cells: vec![[0.0; 3]; columns * rows],
        paint: Vec::new(),
        bounds,
        tear: f32::INFINITY,
    }
}

/// A rectangle of the face's frame as [`over`] takes it.
pub(crate) fn rectangle([left, top]: [f32; 2], [right, bottom]: [f32; 2]) -> [[f32; 2]; 4] {
    [[left, top], [right, top], [right, bottom], [left, bottom]]
}
