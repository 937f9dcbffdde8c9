//! The teeth that a photo shows, and the dark behind them.

use super::lids::smooth;
use super::mouth::line_at;
use super::swatch::{Swatch, luma, saturation};
use crate::face::points::POINTS;

/// Teeth are brighter and less coloured than lips: how much of both, added up, makes a tooth. Lips
/// with less saturation than this say nothing by their colour.
const TOOTH: f32 = 0.6;
const COLOURED: f32 = 0.12;
/// Teeth stand in this share of the columns between the corners, this high (units).
const TOOTH_SHARE: f32 = 0.35;
const TOOTH_HEIGHT: f32 = 0.03;
/// What is added under the lowest tooth pixel: the shade between tooth and lip, units.
const GUM: f32 = 0.025;
/// How far the seam of closed lips is looked for, hundredths of a unit, and what luma a way of one
/// unit has to gain.
const SEAM_REACH: i32 = 7;
const SEAM_NEAR: f32 = 150.0;
/// How dark the inside of a mouth is beside the lips.
const INSIDE: f32 = 0.26;

/// The upper and lower edge of the teeth that a mouth shows, at each of `xs` (units, the face's
/// frame), or none where it shows none.
///
/// Teeth are what is brighter and less red than the lips, between their outer edges.
pub(crate) fn teeth_lines(
    swatch: &Swatch,
    p: &[[f32; 2]; POINTS],
    xs: &[f32],
) -> Option<Vec<[f32; 2]>> {
    let top = [p[57], p[58], p[59], p[60], p[61], p[62], p[63]];
    let bottom = [p[57], p[68], p[67], p[66], p[65], p[64], p[63]];
    let lips = lip_colour(swatch, p);
    let (light, colour) = (luma(lips).max(1.0), saturation(lips));
    let is_tooth = |at: [f32; 3]| {
        let brighter = luma(at) / light - 1.0;
        let paler =
            if colour > COLOURED { (1.0 - saturation(at) / colour).clamp(0.0, 1.0) } else { 0.0 };
        brighter > 0.05 && brighter + paler > TOOTH
    };
    let (mut lines, mut count, mut all) = (Vec::with_capacity(xs.len()), 0, 0);
    for &x in xs {
        let (high, low) = (line_at(&top, x), line_at(&bottom, x));
        let at = |k: usize| high + (low - high) * (0.12 + 0.76 * k as f32 / 24.0);
        let teeth: Vec<usize> = (0..=24).filter(|k| is_tooth(swatch.at([x, at(*k)]))).collect();
        let within = x > p[69][0] && x < p[73][0];
        all += usize::from(within);
        match (teeth.first(), teeth.last()) {
            (Some(first), Some(last)) if within && at(*last) - at(*first) > TOOTH_HEIGHT => {
                count += 1;
                lines.push([at(*first), at(*last) + GUM]);
            }
            _ => lines.push([0.5 * (high + low); 2]),
        }
    }
    smooth(&mut lines, 30);
    (count as f32 > TOOTH_SHARE * all.max(1) as f32).then_some(lines)
}

/// How far closed lips' seam lies from `line` (units, down), at each of `xs`: to the darkest place
/// near it, where the points are a little off.
pub(crate) fn seam_shift(
    swatch: &Swatch,
    corners: [[f32; 2]; 2],
    line: &[f32],
    xs: &[f32],
) -> Vec<f32> {
    let middle = 0.5 * (corners[0][0] + corners[1][0]);
    let half = (0.5 * (corners[1][0] - corners[0][0])).max(0.05);
    let mut shifts: Vec<f32> = xs
        .iter()
        .zip(line)
        .map(|(x, y)| {
            let across = ((x - middle) / half).abs();
            if across > 1.0 {
                return 0.0;
            }
            let at = |k: i32| 0.01 * k as f32;
            let dark = |k: &i32| luma(swatch.at([*x, y + at(*k)])) + SEAM_NEAR * at(*k).abs();
            let darkest = (-SEAM_REACH..=SEAM_REACH).min_by(|a, b| dark(a).total_cmp(&dark(b)));
            darkest.map_or(0.0, at) * (1.0 - across.powi(4))
        })
        .collect();
    smooth(&mut shifts, 20);
    shifts
}

/// The colour of the lower lip.
fn lip_colour(swatch: &Swatch, p: &[[f32; 2]; POINTS]) -> [f32; 3] {
    let points = (0..24).map(|i| {
        let (inner, outer) = [(p[76], p[67]), (p[75], p[66]), (p[74], p[65])][i % 3];
        let t = 0.55 + 0.4 * (i / 3) as f32 / 7.0;
        [inner[0] + t * (outer[0] - inner[0]), inner[1] + t * (outer[1] - inner[1])]
    });
    swatch.tone(points, 0.2, 0.7)
}

/// The colour inside a mouth: the darkest that is there, and never lighter than lips in the shade.
pub(crate) fn inside(swatch: &Swatch, p: &[[f32; 2]; POINTS]) -> [f32; 3] {
    let between = (0..21).map(|i| {
        let (a, b) = [(p[70], p[76]), (p[71], p[75]), (p[72], p[74])][i % 3];
        let t = (i / 3) as f32 / 6.0;
        [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]
    });
    let dark = swatch.tone(between, 0.0, 0.2);
    let shaded = lip_colour(swatch, p).map(|c| c * INSIDE);
    if luma(dark) < luma(shaded) { dark } else { shaded }
}

#[cfg(test)]
mod tests {
    use super::super::frame::FaceFrame;
    use super::*;

    fn mouth(teeth: [f32; 3]) -> Swatch {
        Swatch::from_fn(move |[x, y]| {
            let lips = (x / 0.42).hypot((y - 1.15) / 0.16);
            if lips > 1.0 {
                [200.0, 150.0, 120.0]
            } else if (y - 1.14).abs() < 0.05 && x.abs() < 0.34 {
                teeth
            } else {
                [150.0, 70.0, 70.0]
            }
        })
    }

    #[test]
    fn teeth_are_found_where_they_are_and_lips_are_not_teeth() {
        let frame = FaceFrame::plain();
        let xs: Vec<f32> = (0..41).map(|i| 0.05 * (i as f32 - 20.0)).collect();
        let lines = teeth_lines(&mouth([235.0, 230.0, 220.0]), frame.points().all(), &xs).unwrap();
        let [top, bottom] = lines[20];
        assert!((top - 1.09).abs() < 0.02 && (bottom - 1.19 - GUM).abs() < 0.02, "{top} {bottom}");
        let closed = mouth([150.0, 70.0, 70.0]);
        assert!(teeth_lines(&closed, frame.points().all(), &xs).is_none());
        let [r, g, b] = inside(&closed, frame.points().all());
        assert!(r < 50.0 && r > g && r > b, "dark and red: {r} {g} {b}");
    }

    #[test]
    fn the_seam_is_found_beside_the_points() {
        let swatch = Swatch::from_fn(|[_, y]| {
            if (y - 1.18).abs() < 0.012 { [60.0, 20.0, 20.0] } else { [150.0, 70.0, 70.0] }
        });
        let xs: Vec<f32> = (0..41).map(|i| 0.05 * (i as f32 - 20.0)).collect();
        let shifts = seam_shift(&swatch, [[-0.4, 1.15], [0.4, 1.15]], &[1.15; 41], &xs);
        assert!((shifts[20] - 0.03).abs() < 0.012, "{}", shifts[20]);
        assert!(shifts[0].abs() < 0.005 && shifts[40].abs() < 0.005, "the cheeks stay");
    }
}
