//! BT.709 conversion between RGB and limited-range Y'CbCr 4:2:0 (ITU-R BT.709-6, items 3.2 to 3.5).
//!
//! "RGB" is gamma-encoded R'G'B' as a photo holds it. Eight-bit planes are what H.264 and the
//! phones' encoders take: Y' in 16..=235, Cb and Cr in 16..=240 around 128.

/// Share of red in luma.
pub(crate) const KR: f32 = 0.2126;
/// Share of green in luma.
pub(crate) const KG: f32 = 0.7152;
/// Share of blue in luma.
pub(crate) const KB: f32 = 0.0722;

/// Code value of black in Y'.
pub(crate) const LUMA_OFFSET: f32 = 16.0;
/// Code values from black to white in Y'.
pub(crate) const LUMA_RANGE: f32 = 219.0;
/// Code value of grey in Cb and Cr.
pub(crate) const CHROMA_OFFSET: f32 = 128.0;
/// Code values that Cb and Cr span.
pub(crate) const CHROMA_RANGE: f32 = 224.0;

/// Where a chroma sample lies in its 2×2 block of luma samples, in luma pixels from the centre of
/// the block's top-left sample: on the left column, between the rows.
///
/// This is H.264's chroma sample location type 0 (Annex E, figure E-1), which a decoder assumes of
/// a file that names none. Chroma sample (i, j) belongs to luma position (2i, 2j + ½).
pub(crate) const CHROMA_SITE: (f32, f32) = (0.0, 0.5);

/// One colour, R'G'B' in 0..=255, as limited-range code values `[Y', Cb, Cr]`, not rounded.
///
/// The mapping is affine, so resampling before or after it gives the same planes.
pub(crate) fn ycbcr_from_rgb([r, g, b]: [f32; 3]) -> [f32; 3] {
    let luma = KR * r + KG * g + KB * b;
    [
        LUMA_OFFSET + luma * (LUMA_RANGE / 255.0),
        CHROMA_OFFSET + (b - luma) * (CHROMA_RANGE / 255.0 / (2.0 * (1.0 - KB))),
        CHROMA_OFFSET + (r - luma) * (CHROMA_RANGE / 255.0 / (2.0 * (1.0 - KR))),
    ]
}

/// The inverse of [`ycbcr_from_rgb`], not clamped.
pub(crate) fn rgb_from_ycbcr([y, cb, cr]: [f32; 3]) -> [f32; 3] {
    let luma = (y - LUMA_OFFSET) * (255.0 / LUMA_RANGE);
    let r = luma + (cr - CHROMA_OFFSET) * (255.0 / CHROMA_RANGE * 2.0 * (1.0 - KR));
    let b = luma + (cb - CHROMA_OFFSET) * (255.0 / CHROMA_RANGE * 2.0 * (1.0 - KB));
    [r, (luma - KR * r - KB * b) / KG, b]
}

/// An I420 picture's planes without padding: `y` is (H, W), `u` and `v` are (H/2, W/2).
pub(crate) struct Planes<'a> {
    pub(crate) y: &'a mut [u8],
    pub(crate) u: &'a mut [u8],
    pub(crate) v: &'a mut [u8],
}

/// RGB8 (H, W, 3) becomes I420: width and height even, every sample the nearest code value of the
/// exact formula.
///
/// Chroma is the (1 2 1)/4 × (1 1)/2 mean around [`CHROMA_SITE`]; the left edge repeats its pixel.
pub(crate) fn i420_from_rgb8(rgb: &[u8], width: usize, planes: Planes<'_>) {
    let half = width / 2;
    for (luma, row) in planes.y.chunks_exact_mut(width).zip(rgb.chunks_exact(width * 3)) {
        for (y, pixel) in luma.iter_mut().zip(row.chunks_exact(3)) {
            *y = luma_code(pixel);
        }
    }
    let chroma = planes.u.chunks_exact_mut(half).zip(planes.v.chunks_exact_mut(half));
    for ((us, vs), rows) in chroma.zip(rgb.chunks_exact(width * 6)) {
        let (top, bottom) = rows.split_at(width * 3);
        let column = |x: usize| -> [i64; 3] {
            std::array::from_fn(|c| i64::from(top[x * 3 + c]) + i64::from(bottom[x * 3 + c]))
        };
        let mut left = column(0);
        for (i, (u, v)) in us.iter_mut().zip(vs).enumerate() {
            let (middle, right) = (column(2 * i), column(2 * i + 1));
            let sum = std::array::from_fn(|c| left[c] + 2 * middle[c] + right[c]);
            (*u, *v) = chroma_codes(sum);
            left = right;
        }
    }
}

/// I420 without padding becomes RGB8 (H, W, 3); width and height even.
///
/// Chroma is interpolated linearly from [`CHROMA_SITE`]; edges repeat their sample.
pub(crate) fn rgb8_from_i420(y: &[u8], u: &[u8], v: &[u8], width: usize, rgb: &mut [u8]) {
    let half = width / 2;
    let last = u.len() / half - 1;
    let rows = rgb.chunks_exact_mut(width * 3).zip(y.chunks_exact(width));
    for (row, (pixels, luma)) in rows.enumerate() {
        let near = row / 2;
        // Chroma rows lie at 2j + ½: an even row is ¼ of the way to the row above, an odd one below.
        let far = if row % 2 == 0 { near.saturating_sub(1) } else { (near + 1).min(last) };
        let at = |plane: &[u8], i: usize| {
            0.75 * f32::from(plane[near * half + i]) + 0.25 * f32::from(plane[far * half + i])
        };
        let mut now = (at(u, 0), at(v, 0));
        for (i, pair) in pixels.chunks_exact_mut(6).enumerate() {
            let next = (i + 1).min(half - 1);
            let next = (at(u, next), at(v, next));
            let between = ((now.0 + next.0) * 0.5, (now.1 + next.1) * 0.5);
            for (x, (cb, cr)) in [now, between].into_iter().enumerate() {
                let colour = rgb_from_ycbcr([f32::from(luma[2 * i + x]), cb, cr]);
                for (out, value) in pair[x * 3..x * 3 + 3].iter_mut().zip(colour) {
                    // `as` saturates: what lies outside sRGB is clipped.
                    *out = (value + 0.5) as u8;
                }
            }
            now = next;
        }
    }
}

// The shares of red, green and blue in units of 1/10,000, so that the formula stays in integers.
const RED: i64 = 2126;
const GREEN: i64 = 7152;
const BLUE: i64 = 722;
const UNIT: i64 = 10_000;

fn luma_code(pixel: &[u8]) -> u8 {
    const WHITE: u32 = 255 * UNIT as u32;
    let luma = RED as u32 * u32::from(pixel[0])
        + GREEN as u32 * u32::from(pixel[1])
        + BLUE as u32 * u32::from(pixel[2]);
    // The largest sum is 219·255·10⁴ + 16.5·255·10⁴ < 2³².
    ((LUMA_RANGE as u32 * luma + LUMA_OFFSET as u32 * WHITE + WHITE / 2) / WHITE) as u8
}

/// `sum` is a colour weighted by 8 in all.
fn chroma_codes([r, g, b]: [i64; 3]) -> (u8, u8) {
    const WEIGHT: i64 = 8;
    let luma = RED * r + GREEN * g + BLUE * b;
    let code = |value: i64, share: i64| {
        let range = 255 * WEIGHT * 2 * (UNIT - share);
        let offset = CHROMA_OFFSET as i64 * range + range / 2;
        // Never negative: (value − luma) is at least −255 · 8 · (1 − share).
        ((CHROMA_RANGE as i64 * (UNIT * value - luma) + offset) / range) as u8
    };
    (code(b, BLUE), code(r, RED))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(colour: [u8; 3]) -> (u8, u8, u8) {
        let rgb = colour.repeat(4);
        let (mut y, mut u, mut v) = ([0; 4], [0; 1], [0; 1]);
        i420_from_rgb8(&rgb, 2, Planes { y: &mut y, u: &mut u, v: &mut v });
        assert!(y.iter().all(|&code| code == y[0]));
        (y[0], u[0], v[0])
    }

    #[test]
    fn primaries_have_the_codes_of_the_standard() {
        assert_eq!(flat([0, 0, 0]), (16, 128, 128));
        assert_eq!(flat([255, 255, 255]), (235, 128, 128));
        assert_eq!(flat([255, 0, 0]), (63, 102, 240));
        assert_eq!(flat([0, 255, 0]), (173, 42, 26));
        assert_eq!(flat([0, 0, 255]), (32, 240, 118));
    }

    #[test]
    fn every_code_is_the_nearest_to_the_formula() {
        for r in (0..=255u8).step_by(5) {
            for g in (0..=255u8).step_by(3) {
                for b in (0..=255u8).step_by(5) {
                    let [rf, gf, bf] = [r, g, b].map(f64::from);
                    let luma = 0.2126 * rf + 0.7152 * gf + 0.0722 * bf;
                    let exact = [
                        16.0 + 219.0 * luma / 255.0,
                        128.0 + 224.0 * (bf - luma) / 255.0 / 1.8556,
                        128.0 + 224.0 * (rf - luma) / 255.0 / 1.5748,
                    ];
                    let (y, u, v) = flat([r, g, b]);
                    for ((code, exact), float) in
                        [y, u, v].into_iter().zip(exact).zip(ycbcr_from_rgb([r, g, b].map(f32::from)))
                    {
                        assert!((f64::from(code) - exact).abs() <= 0.5 + 1e-9, "{r} {g} {b}");
                        assert!((f64::from(float) - exact).abs() < 1e-4);
                    }
                }
            }
        }
    }

    #[test]
    fn there_and_back_is_within_rounding() {
        for colour in [[0u8, 0, 0], [255, 255, 255], [200, 30, 90], [17, 190, 44], [90, 90, 201]] {
            let (y, u, v) = flat(colour);
            let mut back = [0; 12];
            rgb8_from_i420(&[y; 4], &[u], &[v], 2, &mut back);
            for (a, b) in colour.repeat(4).iter().zip(back) {
                assert!(a.abs_diff(b) <= 2, "{colour:?} {back:?}");
            }
        }
    }

    #[test]
    fn chroma_sits_on_the_left_column() {
        // A ramp in blue: the chroma sample must be that of the luma column 2i, not of 2i + ½.
        let width = 16;
        let row: Vec<u8> = (0..width).flat_map(|x| [100, 100, 60 + 8 * x as u8]).collect();
        let (mut y, mut u, mut v) = (vec![0; 32], vec![0; 8], vec![0; 8]);
        i420_from_rgb8(&row.repeat(2), width, Planes { y: &mut y, u: &mut u, v: &mut v });
        for i in 1..8 {
            let exact = ycbcr_from_rgb([100.0, 100.0, 60.0 + 16.0 * i as f32])[1];
            assert!((f32::from(u[i]) - exact).abs() <= 0.5 + 1e-3, "{i}");
        }
        let mut back = vec![0; 96];
        rgb8_from_i420(&y, &u, &v, width, &mut back);
        for x in 1..width - 1 {
            assert!(back[x * 3 + 2].abs_diff(60 + 8 * x as u8) <= 3, "{x}");
        }
    }
}
