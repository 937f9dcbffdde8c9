//! The head as a solid: an ellipsoid with a nose, turned about the neck, and the hair that lags.

use super::channels::Pose;
use super::frame::{FaceFrame, mean, norm, smoothstep, sub};
use super::maps::{Map, Maps};
use super::modes::Mode;
use crate::face::points::Side;
use crate::render::field::bilinear;

/// The portrait crop in the face's frame: 8 × 8 units, the eyes at 42% of its height.
pub(crate) const SIDE_UNITS: f32 = 8.0;
pub(crate) const EYE_LEVEL: f32 = 0.42;
/// Nodes a side of the head's field, a twelfth of a unit apart.
const NODES: usize = if cfg!(fuzzing) { 25 } else { 97 };
const SPACING: f32 = SIDE_UNITS / (NODES - 1) as f32;

/// A forehead falls back less than a chin: the ellipsoid is this much longer above its middle.
const FOREHEAD: f32 = 1.5;
/// How deep the eyes lie behind the brows' ridge, in units, and how wide the hollows are.
const HOLLOW: f32 = 0.16;
const HOLLOW_SIZE: [f32; 2] = [0.42, 0.18];
/// The neck's axis behind the picture plane, in radii of the head: the joint of skull and spine lies
/// some 90 mm behind the eyes, one and a half times the distance between them.
const AXIS: f32 = 0.12;
/// How far the surroundings give way to a moving head, in units.
const GIVE: f32 = 0.5;
/// Chest's rise at breath = 1, in units, and how much of it the head takes along.
const BREATH_RISE: f32 = 0.045;
const BREATH_HEAD: f32 = 0.35;

/// One head's geometry, made once for a clip, and its field at the moment.
pub(crate) struct Head {
    frame: FaceFrame,
    nodes: Vec<Node>,
    /// Pivot of nods and tilts: (y, z) of the neck.
    pivot: [f32; 2],
    /// Spatial values of the hair's modes at each node, by mode.
    hair: Vec<(usize, Vec<[f32; 2]>)>,
    /// Forward displacement at the nodes, in units: working memory of `bend`.
    forward: Vec<[f32; 2]>,
    /// Backward displacement at the nodes, in units.
    backward: Vec<[f32; 2]>,
}

#[derive(Clone, Copy)]
struct Node {
    point: [f32; 2],
    /// Height over the picture plane, units.
    z: f32,
    /// How much of the head's motion this place follows, 0–1.
    support: f32,
    /// How much of the chest's rise, 0–1.
    chest: f32,
}

impl Head {
    /// `maps` are those of the face's portrait crop; `others` are the other faces, which keep what
    /// is nearer to them.
    pub(crate) fn new(
        frame: FaceFrame,
        maps: &Maps,
        modes: &[Mode],
        others: &[&FaceFrame],
    ) -> Self {
        let points = frame.points().all();
        let (bridge, tip, chin) = (points[52], points[53], points[85]);
        let height = (chin[1] - bridge[1]).max(1.0);
        let width = (points[81][0] - points[89][0]).clamp(0.84 * height, 1.9 * height);
        let centre = [
            0.45 * bridge[0] + 0.25 * tip[0] + 0.3 * chin[0],
            0.45 * bridge[1] + 0.25 * tip[1] + 0.3 * chin[1] - 0.12 * height,
        ];
        let radius = [0.62 * width, 1.05 * height, 0.62 * width];
        let middle = |face: &FaceFrame| {
            let points = face.points().all();
            let [x, y] = face.to_canvas(mean(&[points[52], points[53], points[85]]));
            ([x, y], face.unit())
        };
        let neighbours: Vec<([f32; 2], f32)> = others.iter().map(|other| middle(other)).collect();
        let (own, unit) = middle(&frame);
        // Nearer to another face, in that one's own measure: 0; far from all others: 1.
        let ours = |point: [f32; 2]| {
            let at = frame.to_canvas(point);
            let mine = norm(sub(at, own)) / unit;
            let nearest = neighbours
                .iter()
                .map(|(centre, unit)| norm(sub(at, *centre)) / unit)
                .fold(f32::MAX, f32::min);
            smoothstep(nearest - mine, -0.2, 0.6)
        };
        let head = distances(|[x, y]| {
            let (u, v) = to_unit([x, y]);
            // Another head in the crop is not this one.
            let reach =
                ((x - centre[0]) / (1.7 * radius[0])).hypot((y - centre[1]) / (1.6 * radius[1]));
            let oval = ((x - centre[0]) / (0.9 * radius[0])).hypot((y - centre[1]) / radius[1]);
            let seen = maps.at(Map::Head, u, v) * (1.0 - smoothstep(reach, 0.85, 1.1));
            seen.max(1.0 - smoothstep(oval, 0.9, 1.05))
        });
        let eyes = [mean(frame.points().eye(Side::Left)), mean(frame.points().eye(Side::Right))];
        let nodes = (0..NODES * NODES)
            .map(|i| {
                let point = node_point(i);
                let [x, y] = point;
                let high = if y < centre[1] { FOREHEAD * radius[1] } else { radius[1] };
                let flat = ((x - centre[0]) / radius[0]).hypot((y - centre[1]) / high);
                let dome = radius[2] * (1.0 - flat * flat).max(0.0).sqrt();
                let nose = 0.12
                    * radius[2]
                    * (-((x - tip[0]) / (0.16 * width)).powi(2)
                        - ((y - tip[1]) / (0.2 * height)).powi(2))
                    .exp();
                let hollow: f32 = eyes
                    .iter()
                    .map(|eye| {
                        let [dx, dy] = sub(point, *eye);
                        (-(dx / HOLLOW_SIZE[0]).powi(2) - (dy / HOLLOW_SIZE[1]).powi(2)).exp()
                    })
                    .sum();
                let give = (-(head[i] / GIVE).powi(2)).exp();
                let neck = 1.0 - smoothstep(y, chin[1] + 0.05, chin[1] + 0.85);
                let (u, v) = to_unit(point);
                let edge = u.min(1.0 - u).min(v).min(1.0 - v);
                let inside = smoothstep(edge, 0.0, 0.06);
                let body = (maps.at(Map::Person, u, v) - maps.at(Map::Head, u, v)).clamp(0.0, 1.0);
                let rise = (-0.5 * ((y - chin[1] - 1.6) / 0.9).powi(2)).exp();
                Node {
                    point,
                    z: dome + nose - HOLLOW * hollow,
                    support: give * (0.2 + 0.8 * neck) * inside * ours(point),
                    chest: body * rise * inside * ours(point),
                }
            })
            .collect();
        let hair = modes
            .iter()
            .enumerate()
            .filter(|(_, mode)| mode.class == Map::Hair)
            .map(|(index, mode)| {
                let values = (0..NODES * NODES)
                    .map(|i| {
                        let (u, v) = to_unit(node_point(i));
                        // Hair over the face or above the brows is held by the scalp.
                        let loose = smoothstep(v, 0.3, 0.62);
                        let weight = maps.at(Map::Hair, u, v) * loose * ours(node_point(i));
                        let wave = weight * mode.wave([u, v]);
                        [wave * mode.direction[0], wave * mode.direction[1]]
                    })
                    .collect();
                (index, values)
            })
            .collect();
        let still = vec![[0.0; 2]; NODES * NODES];
        let pivot = [chin[1] + 0.25 * height, -AXIS * radius[2]];
        Self {
            frame,
            nodes: smooth_depth(nodes),
            pivot,
            hair,
            forward: still.clone(),
            backward: still,
        }
    }

    /// Sets the field to a pose.
    pub(crate) fn bend(&mut self, pose: &Pose) {
        let [pivot_y, pivot_z] = self.pivot;
        let (sin_yaw, cos_yaw) = pose.yaw().sin_cos();
        let (sin_pitch, cos_pitch) = pose.pitch().sin_cos();
        let (sin_roll, cos_roll) = pose.roll().sin_cos();
        let size = pose.scale().exp();
        let rise = -BREATH_RISE * pose.breath();
        let shift = [pose.shift_x(), pose.shift_y() + BREATH_HEAD * rise];
        for (forward, node) in self.forward.iter_mut().zip(&self.nodes) {
            let [x, y] = node.point;
            let (dy, dz) = (y - pivot_y, node.z - pivot_z);
            let turned_x = cos_yaw * x + sin_yaw * dz;
            let turned_z = cos_yaw * dz - sin_yaw * x;
            let nodded_y = cos_pitch * dy + sin_pitch * turned_z;
            let tilted_x = size * (cos_roll * turned_x - sin_roll * nodded_y);
            let tilted_y = size * (sin_roll * turned_x + cos_roll * nodded_y);
            *forward = [
                node.support * (tilted_x - x + shift[0]),
                node.support * (tilted_y - dy + shift[1]) + node.chest * rise,
            ];
        }
        for (index, values) in &self.hair {
            let amount = pose.modes()[*index];
            if amount.abs() > 1e-6 {
                for (forward, value) in self.forward.iter_mut().zip(values) {
                    forward[0] += amount * value[0];
                    forward[1] += amount * value[1];
                }
            }
        }
        self.invert();
    }

    /// Backward displacement at a canvas point, in canvas pixels; zero away from the head.
    pub(crate) fn at(&self, point: [f32; 2]) -> [f32; 2] {
        let local = self.frame.to_local(point);
        let (u, v) = to_unit(local);
        if !(0.0..=1.0).contains(&u) || !(0.0..=1.0).contains(&v) {
            return [0.0; 2];
        }
        self.frame.vector_to_canvas(at_nodes(&self.backward, local))
    }

    /// Finds b with b(p) = −f(p + b(p)) by fixed-point steps; f bends less than it moves.
    fn invert(&mut self) {
        for (backward, node) in self.backward.iter_mut().zip(&self.nodes) {
            let [x, y] = node.point;
            let mut b = [0.0; 2];
            for _ in 0..4 {
                let [fx, fy] = at_nodes(&self.forward, [x + b[0], y + b[1]]);
                b = [-fx, -fy];
            }
            *backward = b;
        }
    }
}

fn node_point(i: usize) -> [f32; 2] {
    let (column, row) = (i % NODES, i / NODES);
    [column as f32 * SPACING - SIDE_UNITS / 2.0, row as f32 * SPACING - SIDE_UNITS * EYE_LEVEL]
}

/// The face's frame ► unit square of the portrait crop.
fn to_unit([x, y]: [f32; 2]) -> (f32, f32) {
    (x / SIDE_UNITS + 0.5, y / SIDE_UNITS + EYE_LEVEL)
}

fn at_nodes(values: &[[f32; 2]], point: [f32; 2]) -> [f32; 2] {
    let (u, v) = to_unit(point);
    let cells = (NODES - 1) as f32;
    bilinear(values, NODES, NODES, u * cells, v * cells)
}

/// Distance of each node from the places where `mask` is over one half, in units.
///
/// Two sweeps with the chamfer weights 1 and √2, exact to a few percent.
fn distances(mask: impl Fn([f32; 2]) -> f32) -> Vec<f32> {
    let mut d: Vec<f32> = (0..NODES * NODES)
        .map(|i| if mask(node_point(i)) > 0.5 { 0.0 } else { f32::MAX / 4.0 })
        .collect();
    let relax = |d: &mut Vec<f32>, i: usize, j: usize, weight: f32| {
        d[i] = d[i].min(d[j] + weight * SPACING);
    };
    let diagonal = std::f32::consts::SQRT_2;
    for i in 0..NODES * NODES {
        let (column, row) = (i % NODES, i / NODES);
        if column > 0 {
            relax(&mut d, i, i - 1, 1.0);
        }
        if row > 0 {
            relax(&mut d, i, i - NODES, 1.0);
            if column > 0 {
                relax(&mut d, i, i - NODES - 1, diagonal);
            }
            if column + 1 < NODES {
                relax(&mut d, i, i - NODES + 1, diagonal);
            }
        }
    }
    for i in (0..NODES * NODES).rev() {
        let (column, row) = (i % NODES, i / NODES);
        if column + 1 < NODES {
            relax(&mut d, i, i + 1, 1.0);
        }
        if row + 1 < NODES {
            relax(&mut d, i, i + NODES, 1.0);
            if column + 1 < NODES {
                relax(&mut d, i, i + NODES + 1, diagonal);
            }
            if column > 0 {
                relax(&mut d, i, i + NODES - 1, diagonal);
            }
        }
    }
    d
}

/// Rounds the crease where the ellipsoid meets the plane, which parallax would show as a seam.
fn smooth_depth(mut nodes: Vec<Node>) -> Vec<Node> {
    for _ in 0..6 {
        let z: Vec<f32> = nodes.iter().map(|node| node.z).collect();
        for row in 1..NODES - 1 {
            for column in 1..NODES - 1 {
                let i = row * NODES + column;
                nodes[i].z = 0.25 * (2.0 * z[i])
                    + 0.125 * (z[i - 1] + z[i + 1] + z[i - NODES] + z[i + NODES]);
            }
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        let maps = Maps::from_fn(|u, v| {
            let head = if (u - 0.5).hypot(v - 0.45) < 0.2 { 1.0 } else { 0.0 };
            [head, head, 0.0, 0.0, 0.0, 0.0, head]
        });
        Head::new(FaceFrame::plain(), &maps, &[], &[])
    }

    fn pose(channel: usize, value: f32) -> Pose {
        let mut pose = Pose::REST;
        pose.0[channel] = value;
        pose
    }

    #[test]
    fn a_head_at_rest_stays() {
        let mut head = head();
        head.bend(&Pose::REST);
        for point in [[320.0, 240.0], [350.0, 300.0], [10.0, 10.0]] {
            let [dx, dy] = head.at(point);
            assert!(dx.hypot(dy) < 1e-3);
        }
    }

    #[test]
    fn a_turn_moves_the_nose_most_and_the_far_wall_not() {
        let mut head = head();
        head.bend(&pose(0, 0.2));
        let nose = head.at([320.0, 297.0]);
        let cheek = head.at([400.0, 297.0]);
        assert!(nose[0] < -8.0, "backward: the nose goes to image-right, {nose:?}");
        assert!(nose[0] < cheek[0] && cheek[0] < 0.0, "{nose:?} {cheek:?}");
        assert!(head.at([320.0 + 395.0, 240.0])[0].abs() < 1e-6);
    }

    #[test]
    fn a_neighbour_stays_when_this_head_turns() {
        let all = Maps::from_fn(|_, _| [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        let other = FaceFrame::new(
            &crate::face::points::FacePoints::new(
                FaceFrame::plain()
                    .points()
                    .all()
                    .map(|[x, y]| [320.5 + 260.0 + 100.0 * x, 240.5 + 100.0 * y]),
            ),
            [1.0, 1.0],
        );
        let mut head = Head::new(FaceFrame::plain(), &all, &[], &[&other]);
        head.bend(&pose(0, 0.2));
        assert!(head.at([320.0, 297.0])[0] < -8.0, "the own nose turns");
        for x in [560.0, 580.0, 600.0] {
            let [dx, dy] = head.at([x, 297.0]);
            assert!(dx.hypot(dy) < 0.2, "the neighbour's nose: {dx} {dy}");
        }
    }

    #[test]
    fn a_nod_goes_down_and_a_tilt_clockwise() {
        let mut head = head();
        head.bend(&pose(1, 0.15));
        assert!(head.at([320.0, 297.0])[1] < -2.0);
        head.bend(&pose(2, 0.15));
        assert!(head.at([320.0, 140.0])[0] < -5.0, "the crown goes to image-right");
    }
}
