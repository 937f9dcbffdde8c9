//! Poses become warps: camera, waves, heads and faces composed into one sample per pixel.

use rayon::prelude::*;

use super::channels::Pose;
use super::expression::Expression;
use super::eye::Eye;
use super::frame::FaceFrame;
use super::head::Head;
use super::maps::Maps;
use super::modes::Mode;
use super::mouth::Mouth;
use super::scene::{Framing, Scene};
use crate::face::points::Side;
use crate::render::field::{Grid, WarpMap};

/// Nodes along the long side of the smooth field.
const NODES_ACROSS: usize = 160;
/// Time over which the overscan is spread, seconds.
const OVERSCAN_EASE: f32 = 0.4;
/// A camera that draws back by more than this (natural log) starts near.
const DRAWS_BACK: f32 = 0.03;

/// A clip's geometry: everything that does not change from frame to frame.
pub(crate) struct Decoder {
    size: [usize; 2],
    still: Grid,
    scene: Scene,
    faces: Vec<Face>,
}

struct Face {
    head: Head,
    expression: Expression,
    mouth: Mouth,
    eyes: [Eye; 2],
}

impl Decoder {
    /// For a canvas of `size` pixels (width, height); `faces` come with the maps of their portrait
    /// crops, `maps` are those of the whole photo.
    pub(crate) fn new(
        size: [usize; 2],
        maps: &Maps,
        faces: Vec<(FaceFrame, Maps)>,
        modes: &[Mode],
    ) -> Self {
        let [width, height] = size;
        let step = width.max(height).div_ceil(NODES_ACROSS).max(2);
        let still = Grid::still(width, height, step);
        let scene = Scene::new(maps, modes, &still, size);
        let faces = faces
            .into_iter()
            .map(|(frame, maps)| Face {
                expression: Expression::new(&frame),
                mouth: Mouth::new(&frame),
                eyes: [Eye::new(&frame, Side::Left), Eye::new(&frame, Side::Right)],
                head: Head::new(frame, &maps, modes),
            })
            .collect();
        Self { size, still, scene, faces }
    }

    /// Plans the framing of a clip from its scene poses, `fps` to the second.
    pub(crate) fn framing(&self, poses: &[Pose], fps: f32, looping: bool) -> Vec<Framing> {
        let nearest = poses.iter().map(Pose::zoom).fold(0.0, f32::min);
        // Trembling is left to the overscan, so that the first frame stays the photo.
        let zoom = if nearest < -DRAWS_BACK { -nearest } else { 0.0 };
        let excess: Vec<f32> =
            poses.par_iter().map(|pose| self.scene.excess(pose, zoom, &self.still)).collect();
        let reach = ((OVERSCAN_EASE * fps) as usize).max(1);
        let highest: Vec<f32> =
            windows(&excess, reach).map(|w| w.iter().copied().fold(0.0, f32::max)).collect();
        let smooth = windows(&highest, reach).map(|w| w.iter().sum::<f32>() / w.len() as f32);
        smooth
            .enumerate()
            .map(|(i, overscan)| {
                // The first frame is the photo itself, to which a loop returns; what little then lies outside is held back
                // by the border.
                let since = i as f32 / fps;
                let left = (poses.len() - i) as f32 / fps;
                let nearest_end = if looping { since.min(left) } else { since };
                let start = super::frame::smoothstep(nearest_end, 0.0, OVERSCAN_EASE);
                Framing { zoom, overscan: overscan * start }
            })
            .collect()
    }

    /// The warp of one frame. `poses[0]` moves the scene, `poses[i]` the face number i.
    pub(crate) fn map(&mut self, poses: &[Pose], framing: Framing) -> WarpMap {
        let scene_pose = poses.first().copied().unwrap_or(Pose::REST);
        self.scene.wave(&scene_pose);
        let mut patches = Vec::with_capacity(4 * self.faces.len());
        for (face, pose) in self.faces.iter_mut().zip(poses) {
            face.head.bend(pose);
            patches.extend(face.eyes.iter_mut().filter_map(|eye| eye.patch(pose).cloned()));
            patches.extend(face.mouth.patch(pose).cloned());
            patches.extend(face.expression.patch(pose).cloned());
        }
        let mut grid = self.still.clone();
        let (columns, [width, height]) = (grid.columns, self.size.map(|side| (side - 1) as f32));
        let (scene, faces) = (&self.scene, &self.faces);
        let camera = scene.camera(&scene_pose, framing);
        grid.nodes.par_chunks_mut(columns).enumerate().for_each(|(row, nodes)| {
            for (column, node) in nodes.iter_mut().enumerate() {
                let step = self.still.step;
                let start = [(column * step) as f32, (row * step) as f32];
                let seen = camera.sees(row * columns + column, start);
                let mut at = hold(seen, scene.ambient_at(seen), [width, height]);
                for face in faces {
                    at = hold(at, face.head.at(at), [width, height]);
                }
                *node = [at[0] - start[0], at[1] - start[1]];
            }
        });
        WarpMap { grid, patches }
    }
}

/// `point` moved by `by`, held back before the picture's border: what pulls out of the picture
/// meets a resistance that grows towards it.
fn hold(point: [f32; 2], by: [f32; 2], border: [f32; 2]) -> [f32; 2] {
    std::array::from_fn(|k| {
        let room = if by[k] < 0.0 { point[k] } else { border[k] - point[k] };
        let room = room.max(0.0);
        let length = by[k].abs();
        // Outside already (the grid's overhang): moves with what is at the border.
        if length < 1e-6 || room <= 0.0 {
            return point[k];
        }
        point[k] + by[k].signum() * room * (1.0 - (-length / room).exp())
    })
}

/// The neighbourhood of each value, `reach` to either side as far as there are values.
fn windows(values: &[f32], reach: usize) -> impl Iterator<Item = &[f32]> {
    (0..values.len())
        .map(move |i| &values[i.saturating_sub(reach)..(i + reach + 1).min(values.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_picture() {
        let border = [100.0, 50.0];
        for (point, by) in [([99.0, 10.0], [40.0, -30.0]), ([0.0, 50.0], [-5.0, 5.0])] {
            let [x, y] = hold(point, by, border);
            assert!((0.0..=100.0).contains(&x) && (0.0..=50.0).contains(&y), "{x} {y}");
        }
        let [x, _] = hold([50.0, 25.0], [2.0, 0.0], border);
        assert!((x - 52.0).abs() < 0.05, "far from the border motion is as asked: {x}");
    }
}
