//! What is left of a frame when most of its picture is taken out: fine structure, as strong in one
//! place as in another.

/// The radius of the mean that is taken out, pixels.
const MEAN_RADIUS: usize = 3;
/// The radius within which fine structure is brought to the same strength, pixels.
const EVEN_RADIUS: usize = 4;
/// Added to the deviation, codes: what is smooth beyond this is rounding.
const FLOOR: f32 = 0.5;
/// Edges count no more than this, in deviations.
const EDGE: f32 = 1.5;

/// Luma of RGB pixels, 8 bits a channel, full range (BT.709).
pub(super) fn luma_of_rgb(pixels: &[u8]) -> Vec<u8> {
    // In 1/65536: 0.2126, 0.7152, 0.0722.
    let luma = |&[r, g, b]: &[u8; 3]| {
        (13_933 * u32::from(r) + 46_871 * u32::from(g) + 4_732 * u32::from(b) + 32_768) >> 16
    };
    pixels.as_chunks::<3>().0.iter().map(|pixel| luma(pixel) as u8).collect()
}

/// The residual of a luma plane, (H, W).
pub(super) fn residual(luma: &[f32], width: usize, height: usize) -> Vec<f32> {
    let mean = mean(luma, width, height, MEAN_RADIUS);
    let mut fine: Vec<f32> = luma.iter().zip(&mean).map(|(value, mean)| value - mean).collect();
    let squares: Vec<f32> = fine.iter().map(|value| value * value).collect();
    let variance = self::mean(&squares, width, height, EVEN_RADIUS);
    for (value, variance) in fine.iter_mut().zip(&variance) {
        *value = (*value / (variance.max(0.0).sqrt() + FLOOR)).clamp(-EDGE, EDGE);
    }
    fine
}

/// The mean of the square window around each pixel, as far as it lies in the picture.
fn mean(values: &[f32], width: usize, height: usize, radius: usize) -> Vec<f32> {
    let mut along = vec![0.0; values.len()];
    for (row, out) in values.chunks_exact(width).zip(along.chunks_exact_mut(width)) {
        let (mut sum, mut count) = (0.0f64, 0u32);
        let mut end = 0;
        for x in 0..width {
            while end < (x + radius + 1).min(width) {
                sum += f64::from(row[end]);
                count += 1;
                end += 1;
            }
            if x > radius {
                sum -= f64::from(row[x - radius - 1]);
                count -= 1;
            }
            out[x] = (sum / f64::from(count)) as f32;
        }
    }
    let mut out = vec![0.0; values.len()];
    let mut sums = vec![0.0f64; width];
    let mut end = 0;
    for (y, out) in out.chunks_exact_mut(width).enumerate() {
        while end < (y + radius + 1).min(height) {
            let row = &along[end * width..][..width];
            sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
            end += 1;
        }
        if y > radius {
            let row = &along[(y - radius - 1) * width..][..width];
            sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum -= f64::from(value));
        }
        let rows = end - y.saturating_sub(radius);
        for (out, sum) in out.iter_mut().zip(&sums) {
            *out = (sum / rows as f64) as f32;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_that_of_the_window() {
        let (width, height) = (7, 5);
        let values: Vec<f32> = (0..35).map(|i| ((i * 37) % 23) as f32).collect();
        let means = mean(&values, width, height, 2);
        for y in 0..height {
            for x in 0..width {
                let (mut sum, mut count) = (0.0, 0.0);
                for v in y.saturating_sub(2)..(y + 3).min(height) {
                    for u in x.saturating_sub(2)..(x + 3).min(width) {
                        sum += values[v * width + u];
                        count += 1.0;
                    }
                }
                assert!((means[y * width + x] - sum / count).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn a_plain_picture_leaves_nothing() {
        assert!(residual(&[90.0; 400], 20, 20).iter().all(|&value| value.abs() < 1e-3));
    }
}
