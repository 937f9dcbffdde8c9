//! One eye: a lid that slides over the eyeball, and an iris that looks aside.
//!
//! The closing lid is the skin above it, stretched down; the lash line keeps its thickness, and the
//! eyeball is covered, not squeezed.

use super::channels::Pose;
use super::frame::{FaceFrame, norm, smoothstep, sub};
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
/// Where the upper lid's edge is looked for, over the contour: lashes belong to the lid.
const MARGIN: f32 = 0.035;
/// The contour's points lie a little inside of wide or made-up eyes: share of the opening added at
/// either lid, since an eyeball that stays is worse than skin that goes.
const WIDER: f32 = 0.1;
/// How high between the corners and the brow's upper edge the lid's skin is held: under the brow.
const UNDER_BROW: f32 = 0.58;
/// The least skin between the lid's edge and where it is held, eye widths.
const LEAST_SKIN: f32 = 0.13;
/// Over how much of the eye's width the picture goes over from lid to eyeball.
const STEP: f32 = 0.06;
/// How much of the opening the lower lid climbs in a blink (about a tenth in real ones).
const LOWER_LID_SHARE: f32 = 0.1;
/// Openings (height over width) under this are closed eyes already.
const CLOSED: f32 = 0.1;
const OPEN: f32 = 0.18;
/// A difference of neighbouring cells, in eye widths, at which lid and eyeball part.
const TEAR: f32 = 0.07;
/// How much light a closed lid's edge loses under its lashes.
const LASH_SHADE: f32 = 0.25;
/// Part of a downward gaze that the upper lid follows.
const LID_FOLLOWS_GAZE: f32 = 1.2;

/// One eye's geometry, made once for a clip.
pub(crate) struct Eye {
    side: Side,
    frame: FaceFrame,
    /// Unit vector from the image-left corner to the other, in the face's frame.
    axis: [f32; 2],
    /// Eye width in inter-ocular distances.
    width: f32,
    /// By patch column, in eye widths: the lids' edges and where the lid's skin is held above.
    upper: Vec<f32>,
    lower: Vec<f32>,
    held: Vec<f32>,
    /// 0 for an eye that is closed in the photo, 1 for an open one.
    openness: f32,
    patch: Patch,
}

impl Eye {
    pub(crate) fn new(frame: &FaceFrame, side: Side) -> Self {
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
        let line = |indices: &mut dyn Iterator<Item = usize>| {
            let mut line: Vec<[f32; 2]> = indices.map(|i| local(eye[i])).collect();
            line.sort_by(|a, b| a[0].total_cmp(&b[0]));
            line
        };
        let upper_line = line(&mut [0].into_iter().chain(9..16).chain([8]));
        let lower_line = line(&mut (0..=8));
        let brow_height = brow.iter().map(|p| -local(*p)[1]).sum::<f32>() / brow.len() as f32;
        let column_x = |i: usize| LEFT + (RIGHT - LEFT) * i as f32 / (COLUMNS - 1) as f32;
        let mut upper: Vec<f32> = (0..COLUMNS).map(|i| height(&upper_line, column_x(i))).collect();
        let mut lower: Vec<f32> = (0..COLUMNS).map(|i| height(&lower_line, column_x(i))).collect();
        smooth(&mut upper);
        smooth(&mut lower);
        let opening = (0..COLUMNS).map(|i| lower[i] - upper[i]).fold(0.0, f32::max);
        for i in 0..COLUMNS {
            // Crossed contours mean a closed eye.
            lower[i] = lower[i].max(upper[i]);
            let share = ((lower[i] - upper[i]) / opening.max(0.02)).clamp(0.0, 1.0);
            upper[i] -= MARGIN * share.sqrt() + WIDER * opening * share;
            lower[i] += WIDER * opening * share;
        }
        let crease = -(UNDER_BROW * brow_height).clamp(0.25, 0.7);
        let held = (0..COLUMNS)
            .map(|i| {
                let share = ((lower[i] - upper[i]) / (opening + MARGIN)).clamp(0.0, 1.0).sqrt();
                (upper[i] - LEAST_SKIN)
                    .min(share * crease + (1.0 - share) * (upper[i] - LEAST_SKIN))
            })
            .collect();
        let patch = patch(frame, corner, axis, width);
        Self {
            side,
            frame: frame.clone(),
            axis,
            width,
            upper,
            lower,
            held,
            openness: smoothstep(opening, CLOSED, OPEN),
            patch,
        }
    }

    /// The patch for a pose, or none where the eye does not move.
    pub(crate) fn patch(&mut self, pose: &Pose) -> Option<&Patch> {
        let lid = match self.side {
            Side::Left => pose.lid_l(),
            Side::Right => pose.lid_r(),
        };
        let gaze = [pose.gaze_x(), pose.gaze_y()].map(|g| g.clamp(-0.16, 0.16) * self.openness);
        let follow = LID_FOLLOWS_GAZE * gaze[1].max(0.0);
        let closure = ((lid + follow).clamp(0.0, 1.0)) * self.openness;
        if closure < 2e-3 && norm(gaze) < 1e-3 {
            return None;
        }
        for row in 0..ROWS {
            let y = TOP + (BOTTOM - TOP) * row as f32 / (ROWS - 1) as f32;
            for column in 0..COLUMNS {
                let x = LEFT + (RIGHT - LEFT) * column as f32 / (COLUMNS - 1) as f32;
                let (source, shade) = self.source(column, [x, y], closure, gaze);
                let [dx, dy] = self.to_canvas(sub(source, [x, y]));
                self.patch.cells[row * COLUMNS + column] = [dx, dy, shade];
            }
        }
        Some(&self.patch)
    }

    /// Where an eye point shows the photo, in eye widths, and its shade.
    fn source(
        &self,
        column: usize,
        [x, y]: [f32; 2],
        closure: f32,
        gaze: [f32; 2],
    ) -> ([f32; 2], f32) {
        let (upper, lower) = (self.upper[column], self.lower[column]);
        let opening = lower - upper;
        if opening < 1e-3 {
            return ([x, y], 0.0);
        }
        let raised = lower - LOWER_LID_SHARE * closure * opening;
        // A closed lid's edge lies just over the lower lid's, so that no eyeball is left.
        let edge = upper + closure * (raised + 0.02 - upper);
        let held = self.held[column];
        if y <= held {
            return ([x, y], 0.0);
        }
        if y <= edge {
            return ([x, self.lid_source(y, upper, edge, held)], self.lash_shade(y, edge, closure));
        }
        if y < raised {
            // Just under the edge the picture goes over from lid to eyeball without a step.
            let through = smoothstep(y, edge, edge + STEP);
            let ball = self.gaze_source([x, y], upper, lower, gaze);
            let lid = upper + (y - edge);
            return ([x + through * (ball[0] - x), lid + through * (ball[1] - lid)], 0.0);
        }
        // The lower lid's skin follows its edge and is held a little below.
        let hold = lower + 0.3;
        let source =
            if y < hold { lower + (y - raised) * (hold - lower) / (hold - raised) } else { y };
        ([x, source], self.lash_shade(y, edge, closure))
    }

    /// Lid skin between where it is held and its edge: the lashes rigid, the rest stretched.
    fn lid_source(&self, y: f32, upper: f32, edge: f32, held: f32) -> f32 {
        let lashes = LASHES.min(0.4 * (upper - held)).max(0.0);
        let (from, to) = (edge - lashes, upper - lashes);
        if y >= from {
            return upper + (y - edge);
        }
        let stretch = (to - held) / (from - held).max(1e-4);
        held + (y - held) * stretch
    }

    fn lash_shade(&self, y: f32, edge: f32, closure: f32) -> f32 {
        let distance = (y - edge + 0.3 * LASHES) / (0.55 * LASHES);
        LASH_SHADE * smoothstep(closure, 0.35, 1.0) * (-distance * distance).exp()
    }

    fn gaze_source(&self, [x, y]: [f32; 2], upper: f32, lower: f32, gaze: [f32; 2]) -> [f32; 2] {
        let down = ((y - upper) / (lower - upper)).clamp(0.0, 1.0);
        let across = (2.0 * x - 1.0).abs().min(1.0);
        let weight = smoothstep(4.0 * down * (1.0 - down), 0.0, 0.7) * (1.0 - across.powi(4));
        [x - gaze[0] * weight, y - gaze[1] * weight]
    }

    fn to_canvas(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [c, s] = self.axis;
        self.frame.vector_to_canvas([self.width * (c * x - s * y), self.width * (s * x + c * y)])
    }
}

/// An empty patch over the eye.
fn patch(frame: &FaceFrame, corner: [f32; 2], axis: [f32; 2], width: f32) -> Patch {
    let at = |x: f32, y: f32| {
        [
            corner[0] + width * (axis[0] * x - axis[1] * y),
            corner[1] + width * (axis[1] * x + axis[0] * y),
        ]
    };
    let corners = [at(LEFT, TOP), at(RIGHT, TOP), at(RIGHT, BOTTOM), at(LEFT, BOTTOM)];
    let tear = TEAR * width * frame.unit();
    Patch { tear, ..super::patches::over(frame, corners, COLUMNS, ROWS) }
}

/// A polyline's height at x, held level beyond its ends. Points are sorted by x.
fn height(line: &[[f32; 2]], x: f32) -> f32 {
    let after = line.partition_point(|p| p[0] < x);
    match (after.checked_sub(1).and_then(|i| line.get(i)), line.get(after)) {
        (Some(a), Some(b)) => {
            let t = (x - a[0]) / (b[0] - a[0]).max(1e-6);
            a[1] + t * (b[1] - a[1])
        }
        (Some(only), None) | (None, Some(only)) => only[1],
        (None, None) => 0.0,
    }
}

/// Takes the corners off a polyline sampled by column.
fn smooth(values: &mut [f32]) {
    for _ in 0..6 {
        let before = values.to_vec();
        for i in 1..values.len() - 1 {
            values[i] = 0.25 * before[i - 1] + 0.5 * before[i] + 0.25 * before[i + 1];
        }
    }
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
        let mut eye = Eye::new(&frame, Side::Left);
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
        let mut eye = Eye::new(&FaceFrame::plain(), Side::Left);
        assert!(eye.patch(&Pose::REST).is_none());
        let patch = eye.patch(&closed(0.4)).unwrap();
        let [_, dy, _] = patch.at(FaceFrame::plain().to_canvas([-0.5, 0.04])).unwrap();
        assert!(dy.abs() < 1.5, "{dy}");
    }

    #[test]
    fn the_other_eye_does_not_follow() {
        let mut eye = Eye::new(&FaceFrame::plain(), Side::Right);
        assert!(eye.patch(&closed(1.0)).is_none());
    }
}
