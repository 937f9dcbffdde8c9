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
use super::portrait::Portrait;
use super::scene::{Framing, Scene};
use crate::face::points::Side;
use crate::render::field::{Grid, Patch, WarpMap, Window};

/// Nodes along the long side of the smooth field.
const NODES_ACROSS: usize = if cfg!(fuzzing) { 24 } else { 160 };
/// Time over which the overscan is spread, seconds.
const OVERSCAN_EASE: f32 = 0.4;
/// The largest share of the way to the border that anything is pulled from: all of it would show the
/// border's pixels again and again, this stretches the last ones to less than twice their size.
const OF_THE_ROOM: f32 = 0.4;
/// A camera that draws back by more than this (natural log) starts near.
const DRAWS_BACK: f32 = 0.03;

/// A clip's geometry: everything that does not change from frame to frame.
pub(crate) struct Decoder {
    window: Window,
    still: Grid,
    scene: Scene,
    faces: Vec<Face>,
}

struct Face {
    head: Head,
    /// None where only the head moves.
    features: Option<Features>,
}

/// What moves within a face.
struct Features {
    expression: Expression,
    mouth: Mouth,
    eyes: [Eye; 2],
}

impl Features {
    fn new(portrait: &Portrait, size: [usize; 2]) -> Self {
        let (frame, swatch) = (&portrait.frame, portrait.swatch.as_ref());
        let eye = |side| Eye::new(frame, side, swatch, portrait.eye_in_sight(side, size));
        Self {
            expression: Expression::new(frame),
            mouth: Mouth::new(frame, swatch),
            eyes: [Side::Left, Side::Right].map(eye),
        }
    }

    /// Adds the patches of a pose, in the order in which they are drawn.
    fn patches(&mut self, pose: &Pose, all: &mut Vec<Patch>) {
        all.extend(self.eyes.iter_mut().filter_map(|eye| eye.patch(pose).cloned()));
        all.extend(self.mouth.patch(pose).cloned());
        all.extend(self.expression.patch(pose).cloned());
    }
}

impl Decoder {
    /// For a canvas of `size` pixels (width, height) of which only `window` moves; `maps` are those
    /// of the whole photo.
    pub(crate) fn new(
        size: [usize; 2],
        window: Window,
        maps: &Maps,
        portraits: &[Portrait],
        modes: &[Mode],
    ) -> Self {
        let [width, height] = size;
        let step = width.max(height).div_ceil(NODES_ACROSS).max(2);
        let still = Grid::still(width, height, step);
        let scene = Scene::new(maps, modes, &still, size, window);
        let faces = portraits
            .iter()
            .enumerate()
            .map(|(i, portrait)| {
                let frame = &portrait.frame;
                let others: Vec<&FaceFrame> = portraits
                    .iter()
                    .enumerate()
                    .filter(|(j, _)| *j != i)
                    .map(|(_, other)| &other.frame)
                    .collect();
                Face {
                    head: Head::new(frame.clone(), &portrait.maps, modes, &others),
                    features: portrait.expressive.then(|| Features::new(portrait, size)),
                }
            })
            .collect();
        Self { window, still, scene, faces }
    }

    /// Plans the framing of a clip from its scene poses, `fps` to the second.
    pub(crate) fn framing(&self, poses: &[Pose], fps: f32, looping: bool) -> Vec<Framing> {
        let nearest = poses.iter().map(Pose::zoom).fold(0.0, f32::min);
        // Trembling is left to the overscan, so that the first frame stays the photo.
        let zoom = if nearest < -DRAWS_BACK { -nearest } else { 0.0 };
        let excess: Vec<f32> = poses.par_iter().map(|pose| self.scene.excess(pose, zoom)).collect();
        let reach = ((OVERSCAN_EASE * fps) as usize).max(1);
        let highest: Vec<f32> =
            windows(&excess, reach).map(|w| w.iter().copied().fold(0.0, f32::max)).collect();
        let smooth = windows(&highest, reach).map(|w| w.iter().sum::<f32>() / w.len() as f32);
        smooth
            .enumerate()
            .map(|(i, overscan)| {
                // The first frame is the photo itself, to which a loop returns; what little then
                // lies outside is held back by the border.
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
            if let Some(features) = &mut face.features {
                features.patches(pose, &mut patches);
            }
        }
        let mut grid = self.still.clone();
        let (columns, border) = (grid.columns, self.window.corners());
        let (scene, faces) = (&self.scene, &self.faces);
        let camera = scene.camera(&scene_pose, framing);
        grid.nodes.par_chunks_mut(columns).enumerate().for_each(|(row, nodes)| {
            for (column, node) in nodes.iter_mut().enumerate() {
                let step = self.still.step;
                let start = [(column * step) as f32, (row * step) as f32];
                let seen = camera.sees(row * columns + column, start);
                let mut by = scene.ambient_at(seen);
                for face in faces {
                    let [dx, dy] = face.head.at([seen[0] + by[0], seen[1] + by[1]]);
                    by = [by[0] + dx, by[1] + dy];
                }
                let at = hold(seen, by, border);
                *node = [at[0] - start[0], at[1] - start[1]];
            }
        });
        WarpMap { grid, patches, window: self.window }
    }
}

/// `point` moved by `by`, held back before the picture's border ([left, top], [right, bottom]):
/// what pulls out of the picture meets a resistance that grows towards it.
fn hold(point: [f32; 2], by: [f32; 2], [low, high]: [[f32; 2]; 2]) -> [f32; 2] {
    std::array::from_fn(|k| {
        let room = if by[k] < 0.0 { point[k] - low[k] } else { high[k] - point[k] };
        let room = room.max(0.0);
        let length = by[k].abs();
        // Outside already (the grid's overhang): moves with what is at the border.
        if length < 1e-6 || room <= 0.0 {
            return point[k];
        }
        let most = OF_THE_ROOM * room;
        point[k] + by[k].signum() * length / (1.0 + (length / most).powi(3)).cbrt()
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
        let border = [[0.0, 0.0], [100.0, 50.0]];
        for (point, by) in [([99.0, 10.0], [40.0, -30.0]), ([0.0, 50.0], [-5.0, 5.0])] {
            let [x, y] = hold(point, by, border);
            assert!((0.0..=100.0).contains(&x) && (0.0..=50.0).contains(&y), "{x} {y}");
        }
        let [x, _] = hold([50.0, 25.0], [2.0, 0.0], border);
        assert!((x - 52.0).abs() < 0.05, "far from the border motion is as asked: {x}");
    }

    #[test]
    fn no_row_of_the_border_is_shown_twice() {
        let border = [[0.0, 0.0], [100.0, 100.0]];
        let rows: Vec<f32> =
            (0..=100).map(|row| hold([50.0, row as f32], [0.0, 30.0], border)[1]).collect();
        assert!(rows.windows(2).all(|pair| pair[1] - pair[0] > 0.3), "{rows:?}");
    }
}
