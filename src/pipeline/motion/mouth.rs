//! The mouth: the jaw and lower lip go down from the seam of the lips.
//!
//! Teeth are not invented: the opening is small, and what shows in it is dark. Teeth that the photo
//! shows stay where they are; the lip slides over or away from them.

use super::channels::Pose;
use super::frame::{FaceFrame, smoothstep};
use super::patches;
use super::swatch::Swatch;
use super::teeth::{inside, seam_shift, teeth_lines};
use crate::render::field::Patch;

/// The patch around the middle of the lips, in units.
const HALF_WIDTH: f32 = 1.1;
const ABOVE: f32 = 0.35;
const BELOW: f32 = 1.45;
const COLUMNS: usize = 112;
const ROWS: usize = 136;
/// The widest opening that still looks like a mouth without teeth being seen.
const WIDEST: f32 = 0.1;
/// The same where the photo shows teeth: more would ask for those that it does not show.
const WITH_TEETH: f32 = 0.045;
/// Half the thickness of the seam between closed lips.
const SEAM: f32 = 0.012;
/// The most that the dark inside of a mouth covers.
const COVER: f32 = 0.92;
/// Lips part over this share of the way between the corners.
const PARTING: f32 = 0.82;
/// Below the lip by this much, units, the skin follows the jaw, which is wider than the lips' gap.
const JAW_FROM: f32 = 0.35;
/// Over how many units the inside goes over into the lips.
const LIP_EDGE: f32 = 0.02;

pub(crate) struct Mouth {
    frame: FaceFrame,
    centre: [f32; 2],
    /// By column: the seam's upper and lower edge, and how much of the jaw's way it goes, 0–1.
    upper: Vec<f32>,
    lower: Vec<f32>,
    share: Vec<f32>,
    /// How much of it the lips themselves part, 0–1: nothing at the corners.
    part: Vec<f32>,
    /// How far the chin is below the seam.
    jaw: f32,
    /// The most that the lip goes down: an open mouth has less way to go.
    most: f32,
    /// The most that the dark covers: in an open mouth there is enough of it.
    gap: f32,
    /// Whether the lips touch in the photo.
    closed: bool,
    /// R, G, B of the inside, 0–255, where it is known.
    inside: Option<[f32; 3]>,
    patch: Patch,
}

impl Mouth {
    pub(crate) fn new(frame: &FaceFrame, swatch: Option<&Swatch>) -> Self {
        let p = frame.points().all();
        let (left, right) = (p[69], p[73]);
        let centre = [0.5 * (left[0] + right[0]), 0.5 * (left[1] + right[1])];
        let upper_line = [p[57], left, p[70], p[71], p[72], right, p[63]];
        let lower_line = [p[57], left, p[76], p[75], p[74], right, p[63]];
        let half = (0.5 * (right[0] - left[0])).max(0.1);
        let x_at =
            |i: usize| centre[0] + HALF_WIDTH * (2.0 * i as f32 / (COLUMNS - 1) as f32 - 1.0);
        let mut upper: Vec<f32> =
            (0..COLUMNS).map(|i| line_at(&upper_line, x_at(i)) - SEAM).collect();
        let mut lower: Vec<f32> = (0..COLUMNS)
            .map(|i| (line_at(&lower_line, x_at(i)) + SEAM).max(upper[i] + SEAM))
            .collect();
        let share = (0..COLUMNS)
            .map(|i| {
                let x = (x_at(i) - centre[0]) / half;
                // Lips part between the corners; the jaw behind them is wider and drawn along.
                (-0.5 * (x / 0.62).powi(2)).exp()
            })
            .collect();
        let part: Vec<f32> = (0..COLUMNS)
            .map(|i| {
                let x = (x_at(i) - centre[0]) / (PARTING * half);
                (1.0 - x * x).max(0.0).powf(0.8)
            })
            .collect();
        let opening = p[75][1] - p[71][1];
        let (mut closed, mut shows_teeth) = (opening < 0.05, false);
        let aspect = (p[66][1] - p[60][1]) / (p[63][0] - p[57][0]).max(0.1);
        let agape = smoothstep(aspect, 0.45, 0.65).max(smoothstep(opening, 0.12, 0.4));
        let xs: Vec<f32> = (0..COLUMNS).map(x_at).collect();
        if let Some(teeth) = swatch.and_then(|swatch| teeth_lines(swatch, p, &xs)) {
            for (i, [top, bottom]) in teeth.iter().enumerate() {
                let weight = part[i].min(1.0);
                upper[i] += weight * (top - upper[i]).min(0.0);
                lower[i] += weight * (bottom - lower[i]);
            }
            (closed, shows_teeth) = (false, true);
        }
        if let Some(swatch) = swatch.filter(|_| closed) {
            let seam: Vec<f32> = (0..COLUMNS).map(|i| 0.5 * (upper[i] + lower[i])).collect();
            for (i, shift) in seam_shift(swatch, [left, right], &seam, &xs).iter().enumerate() {
                upper[i] += shift;
                lower[i] += shift;
            }
        }
        let inside = swatch.map(|swatch| inside(swatch, p));
        let low = [centre[0] - HALF_WIDTH, centre[1] - ABOVE];
        let high = [centre[0] + HALF_WIDTH, centre[1] + BELOW];
        let mut patch = patches::over(frame, patches::rectangle(low, high), COLUMNS, ROWS);
        if inside.is_some() {
            patch.paint = vec![[0.0; 4]; COLUMNS * ROWS];
        }
        Self {
            frame: frame.clone(),
            centre,
            upper,
            lower,
            share,
            part,
            most: if shows_teeth { WITH_TEETH } else { WIDEST } * (1.0 - 0.9 * agape),
            gap: COVER * (1.0 - agape),
            jaw: (p[85][1] - centre[1]).clamp(0.4, 1.2),
            closed,
            inside,
            patch,
        }
    }

    /// The patch for a pose, or none where nothing moves.
    pub(crate) fn patch(&mut self, pose: &Pose) -> Option<&Patch> {
        let down = pose.mouth().clamp(-WIDEST, self.most);
        // Lips that touch cannot close further.
        let down = if self.closed { down.max(0.0) } else { down };
        if down.abs() < 1e-3 {
            return None;
        }
        for row in 0..ROWS {
            let y = self.centre[1] - ABOVE + (ABOVE + BELOW) * row as f32 / (ROWS - 1) as f32;
            for column in 0..COLUMNS {
                let (source, cover) = self.source(column, y, down);
                let [dx, dy] = self.frame.vector_to_canvas([0.0, source - y]);
                let cell = row * COLUMNS + column;
                self.patch.cells[cell] = [dx, dy, 0.0];
                if let (Some(paint), Some([r, g, b])) =
                    (self.patch.paint.get_mut(cell), self.inside)
                {
                    *paint = [r * cover, g * cover, b * cover, cover];
                }
            }
        }
        Some(&self.patch)
    }

    /// Where a point of a column shows the photo, and how much of the dark inside covers it.
    fn source(&self, column: usize, y: f32, down: f32) -> (f32, f32) {
        let (upper, lower) = (self.upper[column], self.lower[column]);
        // A closing lip stops short of the upper one.
        let jaw = down * self.share[column];
        let down = (down * self.part[column]).max(0.6 * (upper - lower));
        if y <= upper || jaw.abs() < 1e-4 {
            return (y, 0.0);
        }
        if y < lower + down {
            // Of closed lips only the seam is between them; else what the photo shows stays.
            let top = if self.closed { upper } else { lower };
            let edge = LIP_EDGE.min(0.4 * down).max(1e-3);
            let cover = self.gap
                * smoothstep(down, 0.0, 0.03)
                * smoothstep(y, top - 0.5 * edge, top + edge)
                * (1.0 - smoothstep(y, lower + down - edge, lower + down));
            return (y.min(lower), cover);
        }
        // Skin below follows the lip, then the jaw, less towards and beyond the chin. The push p
        // satisfies p = push(y − p), found by two fixed-point steps.
        let push = |source: f32| {
            let below = source - lower;
            let fade = 1.0
                - 0.25 * smoothstep(below, 0.0, self.jaw)
                - 0.75 * smoothstep(below, 0.75 * self.jaw, self.jaw + 0.45);
            fade * (down + (jaw - down) * smoothstep(below, 0.0, JAW_FROM))
        };
        let first = push(y - down);
        (y - push(y - first), 0.0)
    }
}

/// A polyline's height at x, held level beyond its ends.
pub(crate) fn line_at(line: &[[f32; 2]], x: f32) -> f32 {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn open(mouth: &mut Mouth) -> &Patch {
        let mut pose = Pose::REST;
        pose.0[12] = 0.08;
        mouth.patch(&pose).unwrap()
    }

    fn swatch() -> Swatch {
        Swatch::from_fn(|[_, y]| if y > 1.0 { [150.0, 60.0, 60.0] } else { [200.0, 150.0, 120.0] })
    }

    #[test]
    fn closed_lips_part_in_the_middle_and_not_at_the_corners() {
        let frame = FaceFrame::plain();
        let mut mouth = Mouth::new(&frame, Some(&swatch()));
        let patch = open(&mut mouth);
        let gap = |x: f32| {
            (0..40)
                .filter_map(|i| patch.cell_of(frame.to_canvas([x, 1.1 + 0.005 * i as f32])))
                .filter_map(|cell| patch.painted(cell))
                .map(|paint| paint[3])
                .fold(0.0, f32::max)
        };
        assert!(gap(0.0) > 0.8, "{}", gap(0.0));
        for corner in [-0.4, 0.4] {
            assert!(gap(corner) < 0.05, "{}", gap(corner));
        }
    }

    #[test]
    fn teeth_stay_where_they_are() {
        let mut points = *FaceFrame::plain().points().all();
        // An open mouth: the inner lips a fifth of a unit apart.
        (70..73).for_each(|i| points[i][1] = 1.06);
        (74..77).for_each(|i| points[i][1] = 1.22);
        let photo = points.map(|[x, y]| [320.5 + 100.0 * x, 240.5 + 100.0 * y]);
        let frame = FaceFrame::new(&crate::face::points::FacePoints::new(photo), [1.0, 1.0]);
        let mut mouth = Mouth::new(&frame, Some(&swatch()));
        let patch = open(&mut mouth);
        for y in [1.1, 1.15] {
            let [dx, dy, _] = patch.at([320.0, 240.0 + 100.0 * y]).unwrap();
            assert!(dx.hypot(dy) < 0.2, "{dy} px at {y}");
        }
        let [_, lip, _] = patch.at([320.0, 240.0 + 132.0]).unwrap();
        assert!(lip < -2.0, "the lower lip goes down: {lip}");
    }
}
