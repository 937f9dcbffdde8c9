//! One eye: a lid that slides over the eyeball, and an iris that looks aside.
//!
//! The closing lid is the skin above it, stretched down; where that would smear, it is painted with
//! the colour of the skin around. The lash line keeps its thickness, and the eyeball is covered, not
//! squeezed.

use super::channels::Pose;
use super::frame::{FaceFrame, norm, smoothstep, sub};
use super::lids::Lids;
use super::swatch::Swatch;
use crate::face::points::Side;
use crate::render::field::Patch;

const COLUMNS: usize = 112;
const ROWS: usize = 120;
/// The patch in eye widths: from the image-left corner, x along the eye, y down.
const LEFT: f32 = -0.4;
const RIGHT: f32 = 1.4;
const TOP: f32 = -1.15;
const BOTTOM: f32 = 0.75;
/// Thickness of the lash line, eye widths.
const LASHES: f32 = 0.055;
/// Over how much of the eye's width the picture goes over from lid to eyeball.
const STEP: f32 = 0.06;
/// A closed lid's edge lies this much over the lower lid's, so that no eyeball is left, and so much
/// of the lower lid's wet rim is behind it, eye widths.
const OVERLAP: f32 = 0.02;
const WET_RIM: f32 = 0.035;
/// Openings (height over width) under this are closed eyes already.
const CLOSED: f32 = 0.08;
const OPEN: f32 = 0.14;
/// A difference of neighbouring cells, in eye widths, at which lid and eyeball part.
const TEAR: f32 = 0.07;
/// How much light the eyeball loses under a lid that comes down, and how far down, eye widths.
const LID_SHADE: f32 = 0.4;
const SHADE_REACH: f32 = 0.2;
/// The most that a closed lid's lash line covers, and half its thickness, eye widths.
const LASH_LINE: f32 = 0.7;
const LASH_HALF: f32 = 0.025;
/// Part of a downward gaze that the upper lid follows.
const LID_FOLLOWS_GAZE: f32 = 1.2;
/// Of a smile that reaches the eyes: share of the opening that the lower lid climbs, and closure
/// of the upper lid.
const SQUINT_BELOW: f32 = 0.16;
const SQUINT_ABOVE: f32 = 0.05;
/// The most that paint covers of stretched skin, and the stretch where it begins and is full.
const PAINT: f32 = 0.82;
const STRETCHED: [f32; 2] = [1.1, 1.7];

/// One eye's geometry, made once for a clip.
pub(crate) struct Eye {
    side: Side,
    frame: FaceFrame,
    /// Unit vector from the image-left corner to the other, in the face's frame.
    axis: [f32; 2],
    /// Eye width in inter-ocular distances.
    width: f32,
    lids: Lids,
    /// 0 for an eye that is closed or out of sight in the photo, 1 for an open one.
    openness: f32,
    patch: Patch,
}

impl Eye {
    /// Without a `swatch` a closing lid is only stretched; `sight` says how much of the eye is to be
    /// seen, 0–1.
    pub(crate) fn new(frame: &FaceFrame, side: Side, swatch: Option<&Swatch>, sight: f32) -> Self {
        let (eye, brow) = (frame.points().eye(side), frame.points().brow(side));
        let [outer, inner] = frame.points().eye_corners(side);
        let (corner, far) = match side {
            Side::Left => (outer, inner),
            Side::Right => (inner, outer),
        };
        let along = sub(far, corner);
        let width = norm(along).max(1e-3);
        let axis = [along[0] / width, along[1] / width];
        let local = |p: [f32; 2]| {
            let [x, y] = sub(p, corner);
            [(axis[0] * x + axis[1] * y) / width, (axis[0] * y - axis[1] * x) / width]
        };
        let to_face = |[x, y]: [f32; 2]| {
            [
                corner[0] + width * (axis[0] * x - axis[1] * y),
                corner[1] + width * (axis[1] * x + axis[0] * y),
            ]
        };
        let line = |indices: &mut dyn Iterator<Item = usize>| {
            let mut line: Vec<[f32; 2]> = indices.map(|i| local(eye[i])).collect();
            line.sort_by(|a, b| a[0].total_cmp(&b[0]));
            line
        };
        let upper_line = line(&mut [0].into_iter().chain(9..16).chain([8]));
        let lower_line = line(&mut (0..=8));
        let brow_height = brow.iter().map(|p| -local(*p)[1]).sum::<f32>() / brow.len() as f32;
        let xs: Vec<f32> = (0..COLUMNS).map(column_x).collect();
        let mut lids = Lids::new(&xs, &upper_line, &lower_line, brow_height);
        let corners = [[LEFT, TOP], [RIGHT, TOP], [RIGHT, BOTTOM], [LEFT, BOTTOM]].map(to_face);
        let mut patch = super::patches::over(frame, corners, COLUMNS, ROWS);
        patch.tear = TEAR * width * frame.unit();
        if let Some(swatch) = swatch {
            lids.take_colours(&xs, swatch, to_face);
            patch.paint = vec![[0.0; 4]; COLUMNS * ROWS];
        }
        let openness = sight * smoothstep(lids.opening, CLOSED, OPEN);
        Self { side, frame: frame.clone(), axis, width, lids, openness, patch }
    }

    /// The patch for a pose, or none where the eye does not move.
    pub(crate) fn patch(&mut self, pose: &Pose) -> Option<&Patch> {
        let lid = match self.side {
            Side::Left => pose.lid_l(),
            Side::Right => pose.lid_r(),
        };
        let gaze = [pose.gaze_x(), pose.gaze_y()].map(|g| g.clamp(-0.16, 0.16) * self.openness);
        let follow = LID_FOLLOWS_GAZE * gaze[1].max(0.0);
        let smile = pose.smile().clamp(0.0, 1.0) * self.openness;
        let closure = ((lid + follow).clamp(0.0, 1.0)) * self.openness;
        let closure = closure + (1.0 - closure) * SQUINT_ABOVE * smile;
        if closure < 2e-3 && norm(gaze) < 1e-3 {
            return None;
        }
        for row in 0..ROWS {
            let y = TOP + (BOTTOM - TOP) * row as f32 / (ROWS - 1) as f32;
            for column in 0..COLUMNS {
                let x = column_x(column);
                let look = self.look(column, [x, y], [closure, smile], gaze);
                let [dx, dy] = self.to_canvas(sub(look.source, [x, y]));
                let cell = row * COLUMNS + column;
                self.patch.cells[cell] = [dx, dy, look.shade];
                if let Some(paint) = self.patch.paint.get_mut(cell) {
                    *paint = look.paint;
                }
            }
        }
        Some(&self.patch)
    }

    /// What is seen at a point of the eye.
    fn look(
        &self,
        column: usize,
        [x, y]: [f32; 2],
        [closure, smile]: [f32; 2],
        gaze: [f32; 2],
    ) -> Look {
        let lids = &self.lids;
        let (upper, lower, meet) = (lids.upper[column], lids.lower[column], lids.meet[column]);
        let (held, hold) = (lids.held[column], lids.hold[column]);
        if lower - upper < 1e-3 || y <= held || y >= hold {
            return Look::plain([x, y]);
        }
        let edge = upper + closure * (meet + OVERLAP - upper);
        let squint = SQUINT_BELOW * smile * lids.opening * lids.share[column];
        let raised = (lower - (closure * (lower - meet)).max(squint)).max(meet.min(lower));
        if y <= edge {
            return Look {
                source: [x, lid_source(y, upper, edge, held)],
                shade: 0.0,
                paint: over(
                    self.lash_line(column, y, edge, closure),
                    self.skin(column, [x, y], edge),
                ),
            };
        }
        let paint = self.lash_line(column, y, edge, closure);
        if y < raised {
            // Just under the edge the picture goes over from lid to eyeball without a step.
            let through = smoothstep(y, edge, edge + STEP);
            let ball = gaze_source([x, y], upper, lower, gaze);
            let lid = upper + (y - edge);
            let source = [x + through * (ball[0] - x), lid + through * (ball[1] - lid)];
            let shade = LID_SHADE
                * smoothstep(closure, 0.1, 0.8)
                * (1.0 - smoothstep(y, edge, edge + SHADE_REACH));
            return Look { source, shade, paint };
        }
        // The lower lid's skin follows its edge and is held a little below.
        let rim = lower + WET_RIM * closure * lids.share[column];
        let source = rim + (y - raised) * (hold - rim) / (hold - raised);
        Look { source: [x, source], shade: 0.0, paint }
    }

    /// The lash line of a closing lid, along its edge.
    fn lash_line(&self, column: usize, y: f32, edge: f32, closure: f32) -> [f32; 4] {
        let Some([r, g, b]) = self.lids.lash_colour(column) else { return [0.0; 4] };
        let distance = (y - edge + 0.3 * LASH_HALF) / LASH_HALF;
        let cover = LASH_LINE
            * smoothstep(closure, 0.35, 1.0)
            * smoothstep(self.lids.share[column], 0.0, 0.45)
            * (-distance * distance).exp();
        [r * cover, g * cover, b * cover, cover]
    }

    /// What lies over the stretched skin of the lid: its colour times cover, and cover.
    fn skin(&self, column: usize, [x, y]: [f32; 2], edge: f32) -> [f32; 4] {
        let lids = &self.lids;
        let (upper, held) = (lids.upper[column], lids.held[column]);
        let along = (y - held) / (edge - held).max(1e-4);
        let Some(colour) = lids.colour(column, x, along) else { return [0.0; 4] };
        let stretch = (edge - held) / (upper - held).max(1e-4);
        let bare = 1.0 - smoothstep(y, edge - 1.6 * LASHES, edge - 0.5 * LASHES);
        let cover = PAINT
            * smoothstep(stretch, STRETCHED[0], STRETCHED[1])
            * smoothstep(lids.share[column], 0.0, 0.5)
            * smoothstep(along, 0.0, 0.25)
            * bare;
        let [r, g, b] = colour.map(|c| c * cover);
        [r, g, b, cover]
    }

    fn to_canvas(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [c, s] = self.axis;
        self.frame.vector_to_canvas([self.width * (c * x - s * y), self.width * (s * x + c * y)])
    }
}

/// What a point of the eye shows: the photo at `source` (eye widths), less `shade`, under `paint`.
struct Look {
    source: [f32; 2],
    shade: f32,
    paint: [f32; 4],
}

impl Look {
    fn plain(source: [f32; 2]) -> Self {
        Self { source, shade: 0.0, paint: [0.0; 4] }
    }
}

fn column_x(column: usize) -> f32 {
    LEFT + (RIGHT - LEFT) * column as f32 / (COLUMNS - 1) as f32
}

/// Lid skin between where it is held and its edge: the lashes rigid, the rest stretched.
fn lid_source(y: f32, upper: f32, edge: f32, held: f32) -> f32 {
    let lashes = LASHES.min(0.4 * (upper - held)).max(0.0);
    let (from, to) = (edge - lashes, upper - lashes);
    if y >= from {
        return upper + (y - edge);
    }
    let stretch = (to - held) / (from - held).max(1e-4);
    held + (y - held) * stretch
}

/// One paint over another, both colour times cover, and cover.
fn over(upper: [f32; 4], lower: [f32; 4]) -> [f32; 4] {
    std::array::from_fn(|k| upper[k] + lower[k] * (1.0 - upper[3]))
}

fn gaze_source([x, y]: [f32; 2], upper: f32, lower: f32, gaze: [f32; 2]) -> [f32; 2] {
    let down = ((y - upper) / (lower - upper)).clamp(0.0, 1.0);
    let across = (2.0 * x - 1.0).abs().min(1.0);
    let weight = smoothstep(4.0 * down * (1.0 - down), 0.0, 0.7) * (1.0 - across.powi(4));
    [x - gaze[0] * weight, y - gaze[1] * weight]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(closure: f32) -> Pose {
        let mut pose = Pose::REST;
        pose.0[6] = closure;
        pose
    }

    #[test]
    fn a_closed_lid_covers_the_whole_eye_with_skin_from_above_it() {
        let frame = FaceFrame::plain();
        let mut eye = Eye::new(&frame, Side::Left, None, 1.0);
        let patch = eye.patch(&closed(1.0)).unwrap();
        let lid = frame.to_canvas([-0.5, -0.09])[1];
        for y in [-0.05, 0.0, 0.05] {
            let point = frame.to_canvas([-0.5, y]);
            let [_, dy, _] = patch.at(point).unwrap();
            assert!(point[1] + dy < lid + 1.0, "eyeball shows at {y}: from {}", point[1] + dy);
        }
    }

    #[test]
    fn an_eye_at_rest_has_no_patch_and_half_a_blink_leaves_the_lower_half() {
        let mut eye = Eye::new(&FaceFrame::plain(), Side::Left, None, 1.0);
        assert!(eye.patch(&Pose::REST).is_none());
        let patch = eye.patch(&closed(0.4)).unwrap();
        let [_, dy, _] = patch.at(FaceFrame::plain().to_canvas([-0.5, 0.04])).unwrap();
        assert!(dy.abs() < 1.5, "{dy}");
    }

    #[test]
    fn the_other_eye_does_not_follow() {
        let mut eye = Eye::new(&FaceFrame::plain(), Side::Right, None, 1.0);
        assert!(eye.patch(&closed(1.0)).is_none());
    }

    /// A face of one colour, its eyes white with dark lashes, and a black bar between brow and eye.
    fn painted_face(bar: f32) -> Swatch {
        Swatch::from_fn(|[x, y]| {
            let eye = (x.abs() - 0.5) / 0.22;
            let lid = -0.09 * (1.0 - eye * eye).max(0.0).sqrt();
            if (y - bar).abs() < 0.03 {
                [0.0; 3]
            } else if eye.abs() < 1.0 && (y - lid).abs() < 0.012 {
                [30.0, 20.0, 15.0]
            } else if eye.abs() < 1.0 && y > lid && y < 0.08 {
                [240.0; 3]
            } else {
                [200.0, 150.0, 120.0]
            }
        })
    }

    #[test]
    fn a_closed_eye_is_covered_with_skin_and_keeps_a_dark_lash_line() {
        let frame = FaceFrame::plain();
        let mut eye = Eye::new(&frame, Side::Left, Some(&painted_face(-0.4)), 1.0);
        let patch = eye.patch(&closed(1.0)).unwrap();
        let paint = |y: f32| {
            let cell = patch.cell_of(frame.to_canvas([-0.5, y])).unwrap();
            patch.painted(cell).unwrap_or_default()
        };
        let lid = paint(-0.01);
        assert!(lid[3] > 0.5, "cover {}", lid[3]);
        let [r, g, b] = [0, 1, 2].map(|k| lid[k] / lid[3]);
        assert!(r > g && g > b && (150.0..=225.0).contains(&r), "skin: {r} {g} {b}");
        let darkest = (0..80)
            .map(|i| paint(0.02 + 0.001 * i as f32))
            .filter(|paint| paint[3] > 0.4)
            .map(|paint| paint[0] / paint[3])
            .fold(f32::MAX, f32::min);
        assert!(darkest < 110.0, "no lash line: {darkest}");
    }

    #[test]
    fn no_lid_bends_the_rim_of_glasses() {
        let frame = FaceFrame::plain();
        let displaced = |bar: f32, at: f32| {
            let mut eye = Eye::new(&frame, Side::Left, Some(&painted_face(bar)), 1.0);
            let patch = eye.patch(&closed(1.0)).unwrap();
            let [dx, dy, _] = patch.at(frame.to_canvas([-0.5, at])).unwrap();
            dx.hypot(dy)
        };
        // A rim above the eye, another below it; without them the skin there is drawn along.
        for rim in [-0.23, 0.2] {
            assert!(displaced(rim, rim) < 0.5, "rim at {rim}: {} px", displaced(rim, rim));
        }
        assert!(displaced(-0.4, -0.18) > 1.0);
    }

    #[test]
    fn an_eye_out_of_sight_does_not_move() {
        let mut eye = Eye::new(&FaceFrame::plain(), Side::Left, None, 0.0);
        assert!(eye.patch(&closed(1.0)).is_none());
    }

    #[test]
    fn a_smile_lifts_the_lower_lid_and_leaves_the_eye_open() {
        let frame = FaceFrame::plain();
        let mut eye = Eye::new(&frame, Side::Left, None, 1.0);
        let mut pose = Pose::REST;
        pose.0[11] = 1.0;
        let patch = eye.patch(&pose).unwrap();
        let [_, lifted, _] = patch.at(frame.to_canvas([-0.5, 0.095])).unwrap();
        let [_, iris, _] = patch.at(frame.to_canvas([-0.5, 0.0])).unwrap();
        assert!(lifted > 0.8, "lower lid's skin comes from below: {lifted}");
        assert!(iris.abs() < 0.3, "the eyeball stays: {iris}");
    }
}
