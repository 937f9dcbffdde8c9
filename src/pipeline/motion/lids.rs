//! The lids of one eye: where their edges are, where they meet, and what a closed lid looks like.
//!
//! All in eye widths: from the image-left corner, x along the eye, y down; one value per column.

use super::frame::smoothstep;
use super::swatch::{Swatch, luma, saturation};

/// Where the upper lid's edge is looked for, over the contour: lashes belong to the lid.
const MARGIN: f32 = 0.035;
/// The contour's points lie a little inside of wide or made-up eyes: share of the opening added at
/// either lid, since an eyeball that stays is worse than skin that goes.
const WIDER: f32 = 0.1;
/// Where the lash line is looked for, around the edge that the contour gives, and in what steps.
const LASH_SEARCH: [f32; 2] = [-0.05, 0.08];
const LASH_STEP: f32 = 0.01;
/// How far the lid's edge lies under the darkest line.
const UNDER_LASHES: f32 = 0.025;
/// A step in luma over `EDGE_REACH` steps, as a share of the brightest on the way, that is an edge;
/// columns to either side that share it.
const EDGE: f32 = 0.3;
const EDGE_STEP: f32 = 0.02;
const EDGE_REACH: usize = 4;
const EDGE_AROUND: usize = 4;
/// From where on edges count, away from the lids' edges: nearer are the lid's crease and bags.
const RIM_ABOVE: f32 = 0.22;
const RIM_BELOW: f32 = 0.18;
/// Skin over lashes and liner is this bright beside the brightest on the way to the brow; the lid is
/// held so much over where that begins, and so far over its edge at most.
const BARE: f32 = 0.8;
const OVER_LINER: f32 = 0.06;
const MOST_LINER: f32 = 0.4;
/// How high between the corners and the brow's upper edge the lid's skin is held: under the brow.
const UNDER_BROW: f32 = 0.58;
/// The least skin between the lid's edge and where it is held.
const LEAST_SKIN: f32 = 0.13;
/// How far under its edge the lower lid's skin is held.
const LOWER_SKIN: f32 = 0.3;
/// How much of the opening the lower lid climbs at its middle (about a tenth in real blinks).
const LOWER_LID_SHARE: f32 = 0.12;
/// The closed lids' line is this power of a parabola through the corners: fuller than it, flatter
/// than the lower lid's contour.
const MEETING: f32 = 0.8;
/// A lid in the shadow of its brow comes into the light when it closes: share of the way from its
/// own brightness to that of the skin under the eye, and the most that it gains.
const INTO_LIGHT: f32 = 0.75;
const MOST_LIGHT: f32 = 2.2;
/// Share of the skin's hue under the eye in a lid that has less colour than it: a shadow is greyer
/// than the lid that comes out of it, make-up is not.
const SKIN_HUE: f32 = 0.85;
/// Over which share of the lid's height its colour comes from that of the skin above it.
const JOIN: f32 = 0.45;
/// The eyeball under the lid catches light in its middle; towards the lashes it turns away.
const BULGE: f32 = 0.05;
const TURNS_AWAY: f32 = 0.14;

/// One eye's lids, made once for a clip.
pub(crate) struct Lids {
    /// The lids' edges in the photo, and the line on which they meet.
    pub(crate) upper: Vec<f32>,
    pub(crate) lower: Vec<f32>,
    pub(crate) meet: Vec<f32>,
    /// Where the skin is held above and below.
    pub(crate) held: Vec<f32>,
    pub(crate) hold: Vec<f32>,
    /// How much of the largest opening there is, 0–1.
    pub(crate) share: Vec<f32>,
    /// R, G, B of the closed lid's skin, of the skin where it is held, and of the lashes, 0–255;
    /// empty where they are not known.
    skin: Vec<[f32; 3]>,
    top: Vec<[f32; 3]>,
    lashes: Vec<[f32; 3]>,
    /// The largest opening of the contour.
    pub(crate) opening: f32,
}

impl Lids {
    /// `xs` are the columns' places, the lines are sorted by x and include the corners; `brow` is
    /// the height of the brow over the corners' line.
    pub(crate) fn new(
        xs: &[f32],
        upper_line: &[[f32; 2]],
        lower_line: &[[f32; 2]],
        brow: f32,
    ) -> Self {
        let n = xs.len();
        let mut upper: Vec<f32> = xs.iter().map(|x| height(upper_line, *x)).collect();
        let mut lower: Vec<f32> = xs.iter().map(|x| height(lower_line, *x)).collect();
        smooth(&mut upper, 6);
        smooth(&mut lower, 6);
        let opening = (0..n).map(|i| lower[i] - upper[i]).fold(0.0, f32::max);
        let mut share = Vec::with_capacity(n);
        for i in 0..n {
            // Crossed contours mean a closed eye.
            lower[i] = lower[i].max(upper[i]);
            let own = ((lower[i] - upper[i]) / opening.max(0.02)).clamp(0.0, 1.0);
            upper[i] -= MARGIN * own.sqrt() + WIDER * opening * own;
            lower[i] += WIDER * opening * own;
            share.push(own);
        }
        let lowest = lower.iter().copied().fold(0.0, f32::max);
        let depth = lowest - LOWER_LID_SHARE * opening;
        let meet = (0..n)
            .map(|i| {
                let arc = depth * (4.0 * xs[i] * (1.0 - xs[i])).max(0.0).powf(MEETING);
                arc.min(lower[i]).max(upper[i])
            })
            .collect();
        let crease = -(UNDER_BROW * brow).clamp(0.25, 0.7);
        let held = (0..n)
            .map(|i| {
                let open = share[i].sqrt();
                (upper[i] - LEAST_SKIN).min(open * crease + (1.0 - open) * (upper[i] - LEAST_SKIN))
            })
            .collect();
        let hold = lower.iter().map(|lower| lower + LOWER_SKIN).collect();
        Self {
            upper,
            lower,
            meet,
            held,
            hold,
            share,
            skin: Vec::new(),
            top: Vec::new(),
            lashes: Vec::new(),
            opening,
        }
    }

    /// Finds the lash line and takes the closed lid's colours from the skin around; `to_face` goes
    /// from eye widths to the face's frame.
    pub(crate) fn take_colours(
        &mut self,
        xs: &[f32],
        swatch: &Swatch,
        to_face: impl Fn([f32; 2]) -> [f32; 2],
    ) {
        self.find_lashes(xs, swatch, &to_face);
        self.stop_at_edges(xs, swatch, &to_face);
        let tone = |x: f32, from: f32, to: f32, low: f32, high: f32| {
            let points = (0..45).map(|i| {
                let (across, along) = ((i % 5) as f32 / 4.0 - 0.5, (i / 5) as f32 / 8.0);
                to_face([x + 0.3 * across, from + (to - from) * along])
            });
            swatch.tone(points, low, high)
        };
        let mut skin = Vec::with_capacity(xs.len());
        let mut top = Vec::with_capacity(xs.len());
        let mut lashes = Vec::with_capacity(xs.len());
        for (i, x) in xs.iter().enumerate() {
            let x = x.clamp(0.0, 1.0);
            let above = tone(x, self.held[i], self.upper[i] - 0.04, 0.5, 0.9);
            let below = tone(x, self.lower[i] + 0.1, self.lower[i] + 0.4, 0.3, 0.8);
            skin.push(closed_lid(above, below));
            top.push(tone(x, self.held[i] - 0.04, self.held[i] + 0.04, 0.3, 0.9));
            lashes.push(tone(x, self.upper[i] - 0.05, self.upper[i] + 0.03, 0.0, 0.2));
        }
        smooth(&mut skin, 150);
        smooth(&mut top, 60);
        smooth(&mut lashes, 60);
        (self.skin, self.top, self.lashes) = (skin, top, lashes);
    }

    /// Moves the upper edge to just under the darkest line near the contour, so that the lashes
    /// go with the lid.
    fn find_lashes(&mut self, xs: &[f32], swatch: &Swatch, to_face: impl Fn([f32; 2]) -> [f32; 2]) {
        let mut shift: Vec<f32> = xs
            .iter()
            .enumerate()
            .map(|(i, x)| {
                if self.share[i] < 0.2 {
                    return 0.0;
                }
                let at = |k: usize| self.upper[i] + LASH_SEARCH[0] + LASH_STEP * k as f32;
                let steps = ((LASH_SEARCH[1] - LASH_SEARCH[0]) / LASH_STEP) as usize;
                let dark = |k: &usize| luma(swatch.at(to_face([*x, at(*k)])));
                let darkest = (0..=steps).min_by(|a, b| dark(a).total_cmp(&dark(b)));
                darkest.map_or(0.0, |k| at(k) + UNDER_LASHES - self.upper[i])
            })
            .collect();
        smooth(&mut shift, 24);
        for (i, shift) in shift.iter().enumerate() {
            self.upper[i] = (self.upper[i] + shift).min(self.lower[i]);
            self.meet[i] = self.meet[i].max(self.upper[i]);
            self.held[i] = self.held[i].min(self.upper[i] - LEAST_SKIN);
        }
    }

    /// Holds the skin before the first strong edge away from the eye: a brow, or the rim of a pair
    /// of glasses, which no lid may bend.
    fn stop_at_edges(
        &mut self,
        xs: &[f32],
        swatch: &Swatch,
        to_face: impl Fn([f32; 2]) -> [f32; 2],
    ) {
        let n = xs.len();
        // The way from `from` to `to` up to the first edge.
        let free = |x: f32, from: f32, to: f32| {
            let steps = (((to - from).abs() / EDGE_STEP) as usize).max(1);
            let at = |k: usize| from + (to - from) * k as f32 / steps as f32;
            let light: Vec<f32> =
                (0..=steps).map(|k| luma(swatch.at(to_face([x, at(k)])))).collect();
            let brightest = light.iter().copied().fold(40.0, f32::max);
            let edge = (EDGE_REACH..=steps)
                .find(|k| (light[*k] - light[k - EDGE_REACH]).abs() > EDGE * brightest);
            edge.map_or(to, |k| at(k - EDGE_REACH))
        };
        let mut held = Vec::with_capacity(n);
        let mut hold = Vec::with_capacity(n);
        let mut least = Vec::with_capacity(n);
        for (i, x) in xs.iter().enumerate() {
            let x = x.clamp(0.0, 1.0);
            // Lashes, liner and their shadow belong to the lid: it is held over them.
            let light = |y: f32| luma(swatch.at(to_face([x, y])));
            let steps = ((self.upper[i] - self.held[i]) / EDGE_STEP) as usize;
            let up = |k: usize| self.upper[i] - EDGE_STEP * k as f32;
            let bright = (0..=steps).map(|k| light(up(k))).fold(0.0, f32::max);
            let bare = (3..=steps).find(|k| light(up(*k)) >= BARE * bright).unwrap_or(steps);
            let skin = (EDGE_STEP * bare as f32 + OVER_LINER).clamp(LEAST_SKIN, MOST_LINER);
            least.push(if self.share[i] > 0.2 { skin } else { LEAST_SKIN });
            let from = self.upper[i] - RIM_ABOVE.max(skin);
            let above =
                if self.held[i] < from { free(x, from, self.held[i]) } else { self.held[i] };
            let from = self.lower[i] + RIM_BELOW;
            let below =
                if self.hold[i] > from { free(x, from, self.hold[i]) } else { self.hold[i] };
            held.push(above.min(self.upper[i] - LEAST_SKIN));
            hold.push(below.max(self.lower[i] + LEAST_SKIN));
        }
        // The nearest edge around counts, so that the skin is held along a line.
        let around = |i: usize| i.saturating_sub(EDGE_AROUND)..(i + EDGE_AROUND + 1).min(n);
        self.held =
            (0..n).map(|i| held[around(i)].iter().copied().fold(f32::MIN, f32::max)).collect();
        self.hold =
            (0..n).map(|i| hold[around(i)].iter().copied().fold(f32::MAX, f32::min)).collect();
        smooth(&mut self.held, 24);
        smooth(&mut self.hold, 24);
        smooth(&mut least, 40);
        for i in 0..n {
            self.held[i] = self.held[i].min(self.upper[i] - least[i]);
            self.hold[i] = self.hold[i].max(self.lower[i] + LEAST_SKIN);
        }
    }

    /// The colour of the lashes in a column.
    pub(crate) fn lash_colour(&self, column: usize) -> Option<[f32; 3]> {
        self.lashes.get(column).copied()
    }

    /// The closed lid's colour in a column, at the share `along` of the way from where it is held
    /// to its edge.
    pub(crate) fn colour(&self, column: usize, x: f32, along: f32) -> Option<[f32; 3]> {
        let (skin, top) = (self.skin.get(column)?, self.top.get(column)?);
        let across = 2.0 * x - 1.0;
        let light = 1.0 + BULGE * (1.0 - across * across) * 4.0 * along * (1.0 - along)
            - TURNS_AWAY * smoothstep(along, 0.55, 1.0);
        // From the colour where it is held: the join does not show.
        let lid = smoothstep(along, 0.0, JOIN);
        Some(std::array::from_fn(|k| (light * (top[k] + lid * (skin[k] - top[k]))).min(255.0)))
    }
}

/// The colour of a closed lid: that of the skin above the eye, come into the light of the skin below.
fn closed_lid(above: [f32; 3], below: [f32; 3]) -> [f32; 3] {
    let (own, lit) = (luma(above).max(1.0), luma(below).max(1.0));
    let target = own * (1.0 + INTO_LIGHT * (lit / own - 1.0).max(0.0)).min(MOST_LIGHT);
    let greyer = smoothstep(saturation(below) - saturation(above), -0.1, 0.1);
    let hue = SKIN_HUE * greyer;
    std::array::from_fn(|k| {
        let own = above[k] * target / own;
        let skin = below[k] * target / lit;
        (own + hue * (skin - own)).min(255.0)
    })
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

/// What can be smoothed along the columns.
pub(crate) trait Blend: Copy {
    fn blend(before: Self, here: Self, after: Self) -> Self;
}

impl Blend for f32 {
    fn blend(before: Self, here: Self, after: Self) -> Self {
        0.25 * before + 0.5 * here + 0.25 * after
    }
}

impl<const N: usize> Blend for [f32; N] {
    fn blend(before: Self, here: Self, after: Self) -> Self {
        std::array::from_fn(|k| f32::blend(before[k], here[k], after[k]))
    }
}

/// Takes the corners off what is sampled by column.
pub(crate) fn smooth<T: Blend>(values: &mut [T], times: usize) {
    for _ in 0..times {
        let before = values.to_vec();
        for i in 1..values.len() - 1 {
            values[i] = T::blend(before[i - 1], before[i], before[i + 1]);
        }
    }
}
