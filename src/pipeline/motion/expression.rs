//! Brows, cheeks and mouth corners: soft bumps that slide the skin.

use super::channels::Pose;
use super::frame::{FaceFrame, mean};
use super::patches;
use crate::render::field::{Patch, bilinear};

/// The patch in the face's frame.
const LOW: [f32; 2] = [-1.9, -1.5];
const HIGH: [f32; 2] = [1.9, 2.4];
const COLUMNS: usize = 96;
const ROWS: usize = 98;

/// A Gaussian push of the skin: at `centre`, with deviations `spread`, by `push` at full strength.
struct Bump {
    centre: [f32; 2],
    spread: [f32; 2],
    push: [f32; 2],
}

/// The smooth part of a face's expression.
pub(crate) struct Expression {
    frame: FaceFrame,
    /// Forward displacement at brow = 1 and smile = 1, in units, by cell.
    brow: Vec<[f32; 2]>,
    smile: Vec<[f32; 2]>,
    forward: Vec<[f32; 2]>,
    patch: Patch,
}

impl Expression {
    pub(crate) fn new(frame: &FaceFrame) -> Self {
        let p = frame.points().all();
        let brow = |points: &[[f32; 2]]| {
            let [x, y] = mean(points);
            Bump { centre: [x, y - 0.03], spread: [0.3, 0.16], push: [0.0, -1.0] }
        };
        let brows = [brow(&p[42..47]), brow(&p[47..52])];
        let corner = |at: [f32; 2], side: f32| Bump {
            centre: at,
            spread: [0.21, 0.21],
            push: [side * 0.085, -0.08],
        };
        let cheek = |eye: &[[f32; 2]], wing: [f32; 2], side: f32| {
            let [x, y] = mean(eye);
            let [_, wing_y] = wing;
            Bump {
                centre: [x + side * 0.1, 0.3 * y + 0.7 * wing_y],
                spread: [0.26, 0.17],
                push: [side * 0.015, -0.065],
            }
        };
        let lips = mean(&[p[57], p[63]]);
        let smiles = [
            corner(p[57], -1.0),
            corner(p[63], 1.0),
            cheek(&p[0..16], p[55], -1.0),
            cheek(&p[16..32], p[56], 1.0),
            // Lips widen and thin a little at their middle.
            Bump { centre: [lips[0], lips[1] + 0.1], spread: [0.2, 0.1], push: [0.0, -0.015] },
        ];
        let fill =
            |bumps: &[Bump]| (0..COLUMNS * ROWS).map(|i| total(bumps, cell_point(i))).collect();
        let corners = patches::rectangle(LOW, HIGH);
        Self {
            frame: frame.clone(),
            brow: fill(&brows),
            smile: fill(&smiles),
            forward: vec![[0.0; 2]; COLUMNS * ROWS],
            patch: patches::over(frame, corners, COLUMNS, ROWS),
        }
    }

    /// The patch for a pose, or none where nothing moves.
    pub(crate) fn patch(&mut self, pose: &Pose) -> Option<&Patch> {
        let (brow, smile) = (pose.brow(), pose.smile().clamp(-1.2, 1.3));
        if brow.abs() < 1e-3 && smile.abs() < 1e-3 {
            return None;
        }
        for (i, forward) in self.forward.iter_mut().enumerate() {
            *forward = std::array::from_fn(|k| brow * self.brow[i][k] + smile * self.smile[i][k]);
        }
        for i in 0..COLUMNS * ROWS {
            let [dx, dy] = self.frame.vector_to_canvas(self.backward(i));
            self.patch.cells[i] = [dx, dy, 0.0];
        }
        Some(&self.patch)
    }

    /// One fixed-point step is enough: bumps are several times wider than their push.
    fn backward(&self, i: usize) -> [f32; 2] {
        let [fx, fy] = self.forward[i];
        if fx.abs() + fy.abs() < 1e-5 {
            return [0.0; 2];
        }
        let [cx, cy] = [COLUMNS as f32 - 1.0, ROWS as f32 - 1.0];
        let u = (i % COLUMNS) as f32 - fx * cx / (HIGH[0] - LOW[0]);
        let v = (i / COLUMNS) as f32 - fy * cy / (HIGH[1] - LOW[1]);
        bilinear(&self.forward, COLUMNS, ROWS, u, v).map(|f| -f)
    }
}

fn cell_point(i: usize) -> [f32; 2] {
    let u = (i % COLUMNS) as f32 / (COLUMNS - 1) as f32;
    let v = (i / COLUMNS) as f32 / (ROWS - 1) as f32;
    [LOW[0] + u * (HIGH[0] - LOW[0]), LOW[1] + v * (HIGH[1] - LOW[1])]
}

fn total(bumps: &[Bump], [x, y]: [f32; 2]) -> [f32; 2] {
    bumps.iter().fold([0.0; 2], |sum, bump| {
        let a = (x - bump.centre[0]) / bump.spread[0];
        let b = (y - bump.centre[1]) / bump.spread[1];
        let weight = (-0.5 * (a * a + b * b)).exp();
        [sum[0] + weight * bump.push[0], sum[1] + weight * bump.push[1]]
    })
}
