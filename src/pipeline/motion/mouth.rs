//! The mouth: the jaw and lower lip go down from the seam of the lips.
//!
//! A warp cannot invent teeth, so the opening is small and what shows in it is the dark of the seam.

use super::channels::Pose;
use super::frame::{FaceFrame, smoothstep};
use super::patches;
use crate::render::field::Patch;

/// The patch around the middle of the lips, in units.
const HALF_WIDTH: f32 = 1.1;
const ABOVE: f32 = 0.35;
const BELOW: f32 = 1.45;
const COLUMNS: usize = 112;
const ROWS: usize = 136;
/// The widest opening that still looks like a mouth without teeth being seen.
const WIDEST: f32 = 0.1;
/// Half the thickness of the seam between closed lips.
const SEAM: f32 = 0.012;
/// How much light the inside loses when lips part.
const INSIDE_SHADE: f32 = 0.6;

pub(crate) struct Mouth {
    frame: FaceFrame,
    centre: [f32; 2],
    /// By column: the seam's upper and lower edge, and how much of the jaw's way it goes, 0–1.
    upper: Vec<f32>,
    lower: Vec<f32>,
    share: Vec<f32>,
    /// How far the chin is below the seam.
    jaw: f32,
    /// Whether the lips touch in the photo.
    closed: bool,
    patch: Patch,
}

impl Mouth {
    pub(crate) fn new(frame: &FaceFrame) -> Self {
        let p = frame.points().all();
        let (left, right) = (p[69], p[73]);
        let centre = [0.5 * (left[0] + right[0]), 0.5 * (left[1] + right[1])];
        let upper_line = [p[57], left, p[70], p[71], p[72], right, p[63]];
        let lower_line = [p[57], left, p[76], p[75], p[74], right, p[63]];
        let half = (0.5 * (right[0] - left[0])).max(0.1);
        let x_at =
            |i: usize| centre[0] + HALF_WIDTH * (2.0 * i as f32 / (COLUMNS - 1) as f32 - 1.0);
        let upper: Vec<f32> = (0..COLUMNS).map(|i| line_at(&upper_line, x_at(i)) - SEAM).collect();
        let lower: Vec<f32> = (0..COLUMNS)
            .map(|i| (line_at(&lower_line, x_at(i)) + SEAM).max(upper[i] + SEAM))
            .collect();
        let share = (0..COLUMNS)
            .map(|i| {
                let x = (x_at(i) - centre[0]) / half;
                // Lips part between the corners; the jaw behind them is wider and drawn along.
                (-0.5 * (x / 0.62).powi(2)).exp()
            })
            .collect();
        let opening = p[75][1] - p[71][1];
        let low = [centre[0] - HALF_WIDTH, centre[1] - ABOVE];
        let high = [centre[0] + HALF_WIDTH, centre[1] + BELOW];
        Self {
            frame: frame.clone(),
            centre,
            upper,
            lower,
            share,
            jaw: (p[85][1] - centre[1]).clamp(0.4, 1.2),
            closed: opening < 0.05,
            patch: patches::over(frame, patches::rectangle(low, high), COLUMNS, ROWS),
        }
    }

    /// The patch for a pose, or none where nothing moves.
    pub(crate) fn patch(&mut self, pose: &Pose) -> Option<&Patch> {
        let down = pose.mouth().clamp(-WIDEST, WIDEST);
        // Lips that touch cannot close further.
        let down = if self.closed { down.max(0.0) } else { down };
        if down.abs() < 1e-3 {
            return None;
        }
        for row in 0..ROWS {
            let y = self.centre[1] - ABOVE + (ABOVE + BELOW) * row as f32 / (ROWS - 1) as f32;
            for column in 0..COLUMNS {
                let (source, shade) = self.source(column, y, down);
                let [dx, dy] = self.frame.vector_to_canvas([0.0, source - y]);
                self.patch.cells[row * COLUMNS + column] = [dx, dy, shade];
            }
        }
        Some(&self.patch)
    }

    fn source(&self, column: usize, y: f32, down: f32) -> (f32, f32) {
        let (upper, lower) = (self.upper[column], self.lower[column]);
        let down = (down * self.share[column]).max(0.6 * (upper - lower));
        if y <= upper || down.abs() < 1e-4 {
            return (y, 0.0);
        }
        let open = lower + down - upper;
        if y < lower + down {
            let through = (y - upper) / open;
            let parted = smoothstep(down, 0.0, 0.06);
            let inside = smoothstep(through, 0.0, 0.3) * (1.0 - smoothstep(through, 0.75, 1.0));
            let shade = if self.closed { INSIDE_SHADE * parted * inside } else { 0.0 };
            return (upper + through * (lower - upper), shade);
        }
        // Skin below follows the lip, less towards and beyond the chin. The push p satisfies
        // p = down · fade(y − p), found by two fixed-point steps.
        let fade = |source: f32| {
            let below = source - lower;
            1.0 - 0.25 * smoothstep(below, 0.0, self.jaw)
                - 0.75 * smoothstep(below, 0.75 * self.jaw, self.jaw + 0.45)
        };
        let first = down * fade(y - down);
        (y - down * fade(y - first), 0.0)
    }
}

/// A polyline's height at x, held level beyond its ends.
fn line_at(line: &[[f32; 2]], x: f32) -> f32 {
    let mut previous = line[0];
    for point in line {
        if point[0] >= x {
            let t = ((x - previous[0]) / (point[0] - previous[0]).max(1e-6)).clamp(0.0, 1.0);
            return previous[1] + t * (point[1] - previous[1]);
        }
        previous = *point;
    }
    previous[1]
}
