//! What is not a face: the camera's path over a pseudo depth, and the waves of leaves, water,
//! clouds and cloth.

use super::channels::Pose;
use super::maps::{MAP_SIDE, Map, Maps};
use super::modes::Mode;
use crate::render::field::{Grid, Window, bilinear};

/// How much of the zoom the far end of the depth takes part in, and of a pan.
const FAR_ZOOM: f32 = 0.45;
const FAR_PAN: f32 = 0.5;
/// A pan leaves at least this share of half the picture to be drawn larger into.
const LEAST_ROOM: f32 = 0.5;
/// Depth is blurred by this many of perception's cells: a step in it would tear the picture.
const DEPTH_BLUR: usize = 2;
/// Where along each side of the picture its border is tried.
const BORDER_SAMPLES: usize = 64;
/// Residual modes reach 0 at the picture's edge over this share of its size.
const EDGE: f32 = 0.04;

/// The scene's geometry, made once for a clip.
pub(crate) struct Scene {
    centre: [f32; 2],
    /// Half the width and height of what moves.
    half: [f32; 2],
    long_side: f32,
    /// 0 (far) – 1 (near) by node.
    depth: Vec<[f32; 1]>,
    /// By mode: its channel, and its displacement at each node at height 1, canvas pixels.
    waves: Vec<(usize, Vec<[f32; 2]>)>,
    /// Displacement by the waves at the moment.
    ambient: Grid,
}

/// What the camera needs beyond the network's pose, known once the whole clip is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Framing {
    /// Added to the zoom: a camera that draws back starts near, since there is nothing outside.
    pub(crate) zoom: f32,
    /// Share of half the picture by which it is drawn larger, so that no border shows.
    pub(crate) overscan: f32,
}

impl Scene {
    /// `maps` are those of the whole photo; `still` gives the grid's layout; only `window` moves.
    pub(crate) fn new(
        maps: &Maps,
        modes: &[Mode],
        still: &Grid,
        size: [usize; 2],
        window: Window,
    ) -> Self {
        let [width, height] = size.map(|side| (side - 1) as f32);
        let [low, high] = window.corners();
        let half: [f32; 2] = std::array::from_fn(|k| (0.5 * (high[k] - low[k])).max(0.5));
        let long_side = 2.0 * half[0].max(half[1]);
        let points: Vec<[f32; 2]> = (0..still.nodes.len())
            .map(|i| still.point(i % still.columns, i / still.columns))
            .collect();
        let unit = |[x, y]: [f32; 2]| (x / width, y / height);
        let blurred = maps.blurred(Map::Depth, DEPTH_BLUR);
        let side = MAP_SIDE as f32;
        let depth = points
            .iter()
            .map(|point| {
                let (u, v) = unit(*point);
                bilinear(&blurred, MAP_SIDE, MAP_SIDE, u * side - 0.5, v * side - 0.5)
            })
            .collect();
        let waves = modes
            .iter()
            .enumerate()
            .filter(|(_, mode)| mode.class != Map::Hair)
            .filter(|(_, mode)| maps.share(mode.class) > 0.005)
            .map(|(channel, mode)| {
                let values = points
                    .iter()
                    .map(|point| {
                        let (u, v) = unit(*point);
                        let all = maps.all_at(u, v);
                        let cover = match mode.class {
                            Map::Person => all[Map::Person as usize] - all[Map::Head as usize],
                            class => all[class as usize] - all[Map::Person as usize],
                        };
                        let margin = (0..2)
                            .map(|k| (point[k] - low[k]).min(high[k] - point[k]) / (2.0 * half[k]))
                            .fold(1.0, f32::min);
                        let weight = cover.clamp(0.0, 1.0)
                            * super::frame::smoothstep(margin, 0.0, EDGE)
                            * long_side;
                        let wave = weight * mode.wave(point.map(|c| c / long_side));
                        mode.direction.map(|d| d * wave)
                    })
                    .collect();
                (channel, values)
            })
            .collect();
        let centre = [low[0] + half[0], low[1] + half[1]];
        Self { centre, half, long_side, depth, waves, ambient: still.clone() }
    }

    /// Sets the waves to a pose.
    pub(crate) fn wave(&mut self, pose: &Pose) {
        self.ambient.nodes.fill([0.0; 2]);
        for (channel, values) in &self.waves {
            let amount = pose.modes()[*channel];
            if amount.abs() > 1e-6 {
                for (node, value) in self.ambient.nodes.iter_mut().zip(values) {
                    // Backward; the waves are far longer than they are high.
                    node[0] -= amount * value[0];
                    node[1] -= amount * value[1];
                }
            }
        }
    }

    /// The waves' backward displacement at a canvas point.
    pub(crate) fn ambient_at(&self, point: [f32; 2]) -> [f32; 2] {
        self.ambient.at(point)
    }

    /// The camera at one moment.
    pub(crate) fn camera(&self, pose: &Pose, framing: Framing) -> Camera<'_> {
        let turn = pose.camera_roll().sin_cos();
        Camera {
            scene: self,
            turn,
            zoom: pose.zoom() + framing.zoom,
            nearer: 1.0 / (1.0 + framing.overscan),
            pan: [pose.pan_x() * self.long_side, pose.pan_y() * self.long_side],
            orbit: pose.orbit() * self.long_side,
        }
    }

    /// How much larger the picture must be drawn for the camera not to look out of it, as a share.
    pub(crate) fn excess(&self, pose: &Pose, zoom: f32) -> f32 {
        let camera = self.camera(pose, Framing { zoom, overscan: 0.0 });
        let grid = &self.ambient;
        let along = |i: usize| 2.0 * i as f32 / BORDER_SAMPLES as f32 - 1.0;
        (0..=BORDER_SAMPLES)
            .flat_map(|i| [[along(i), -1.0], [along(i), 1.0], [-1.0, along(i)], [1.0, along(i)]])
            .map(|at| {
                let point = std::array::from_fn(|k| self.centre[k] + at[k] * self.half[k]);
                let step = grid.step as f32;
                let [depth] = bilinear(
                    &self.depth,
                    grid.columns,
                    grid.rows,
                    point[0] / step,
                    point[1] / step,
                );
                let (seen, aside) = (camera.sees_at(depth, point), camera.aside(depth));
                // Drawing larger shrinks what turns and zooms, and leaves what pans as it is.
                let needed = |k: usize| {
                    let turned = (seen[k] - self.centre[k] - aside[k]) / self.half[k];
                    let room = 1.0 - turned.signum() * aside[k] / self.half[k];
                    turned.abs() / room.max(LEAST_ROOM) - 1.0
                };
                needed(0).max(needed(1))
            })
            .fold(0.0, f32::max)
    }
}

/// A camera that stands; see [`Scene::camera`].
pub(crate) struct Camera<'s> {
    scene: &'s Scene,
    /// Sine and cosine of the roll.
    turn: (f32, f32),
    zoom: f32,
    nearer: f32,
    /// Pixels.
    pan: [f32; 2],
    orbit: f32,
}

impl Camera<'_> {
    /// Where the frame's node `index` at `point` looks: a canvas point.
    pub(crate) fn sees(&self, index: usize, point: [f32; 2]) -> [f32; 2] {
        let [depth] = self.scene.depth[index];
        self.sees_at(depth, point)
    }

    fn sees_at(&self, depth: f32, point: [f32; 2]) -> [f32; 2] {
        let centre = self.scene.centre;
        let [x, y] = [point[0] - centre[0], point[1] - centre[1]];
        let (sin, cos) = self.turn;
        let size = self.nearer * (-self.zoom * (FAR_ZOOM + (1.0 - FAR_ZOOM) * depth)).exp();
        let [aside_x, aside_y] = self.aside(depth);
        [
            centre[0] + size * (cos * x + sin * y) + aside_x,
            centre[1] + size * (cos * y - sin * x) + aside_y,
        ]
    }

    /// How far pan and orbit move what lies at a depth, canvas pixels.
    fn aside(&self, depth: f32) -> [f32; 2] {
        let share = FAR_PAN + (1.0 - FAR_PAN) * depth;
        [self.pan[0] * share - self.orbit * (depth - 0.5), self.pan[1] * share]
    }
}
