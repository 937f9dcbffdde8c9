//! Antialiased crops of a photo through a similarity.

use ndarray::Array4;
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::similarity::Similarity;
use crate::Photo;

/// A square crop as a network takes it: 1×3×`size`×`size`, RGB, 0–1.
///
/// `to_unit` takes photo pixels to the unit square of the crop; both have their origin at the
/// top-left corner of the top-left pixel. Where the crop shrinks the photo, whole blocks of pixels
/// are averaged first, so that nothing aliases. Outside the photo its edge pixels (or those blocks)
/// repeat.
/// A similarity without an inverse gives a black crop.
pub(crate) fn crop(photo: &Photo, to_unit: &Similarity, size: usize) -> Array4<f32> {
    let mut tensor = Array4::zeros((1, 3, size, size));
    let Some(to_photo) = to_unit.inverse() else { return tensor };
    let Some(planes) = tensor.as_slice_mut() else { return tensor };

    let [a, b, tx, ty] = to_photo.coefficients();
    // Photo pixels per crop pixel.
    let shrink = to_photo.scale() / size as f64;
    let source = Source::new(photo, &to_photo, shrink);
    let samples = Samples::new(shrink / source.block as f64);

    let area = size * size;
    let (red, rest) = planes.split_at_mut(area);
    let (green, blue) = rest.split_at_mut(area);
    red.par_chunks_mut(size)
        .zip_eq(green.par_chunks_mut(size))
        .zip_eq(blue.par_chunks_mut(size))
        .enumerate()
        .for_each(|(row, ((red, green), blue))| {
            for column in 0..size {
                let mut sum = [0.0f32; 3];
                for [dx, dy] in samples.offsets() {
                    let u = (column as f64 + dx) / size as f64;
                    let v = (row as f64 + dy) / size as f64;
                    let colour = source.at(a * u - b * v + tx, b * u + a * v + ty);
                    sum = [sum[0] + colour[0], sum[1] + colour[1], sum[2] + colour[2]];
                }
                let scale = samples.weight() / 255.0;
                red[column] = sum[0] * scale;
                green[column] = sum[1] * scale;
                blue[column] = sum[2] * scale;
            }
        });
    tensor
}

/// Where in a pixel of the crop the photo is looked at.
struct Samples {
    side: usize,
}

impl Samples {
    /// `shrink`: source pixels per crop pixel, under 2 after the blocks were averaged.
    fn new(shrink: f64) -> Self {
        Self { side: if shrink > 1.0 { 2 } else { 1 } }
    }

    fn offsets(&self) -> impl Iterator<Item = [f64; 2]> {
        let side = self.side;
        let at = move |i: usize| (i as f64 + 0.5) / side as f64;
        (0..side * side).map(move |i| [at(i % side), at(i / side)])
    }

    fn weight(&self) -> f32 {
        1.0 / (self.side * self.side) as f32
    }
}

/// The part of the photo under the crop, in blocks of `block`×`block` averaged pixels.
struct Source<'p> {
    pixels: Pixels<'p>,
    width: usize,
    height: usize,
    /// The photo's pixel where the first block begins.
    origin: [f64; 2],
    block: usize,
}

enum Pixels<'p> {
    Photo(&'p [u8]),
    // Wiped: it is the photo, only smaller.
    Blocks(Zeroizing<Vec<f32>>),
}

impl<'p> Source<'p> {
    fn new(photo: &'p Photo, to_photo: &Similarity, shrink: f64) -> Self {
        let (width, height) = (photo.width() as usize, photo.height() as usize);
        let block = (shrink as usize).clamp(1, width.min(height).max(1));
        if block == 1 {
            let pixels = Pixels::Photo(photo.pixels());
            return Self { pixels, width, height, origin: [0.0; 2], block };
        }
        let [left, right] = reach(to_photo, 0, block, width);
        let [top, bottom] = reach(to_photo, 1, block, height);
        let blocks = average(photo, [left, right], [top, bottom], block);
        Self {
            pixels: Pixels::Blocks(Zeroizing::new(blocks)),
            width: (right - left).div_ceil(block),
            height: (bottom - top).div_ceil(block),
            origin: [left as f64, top as f64],
            block,
        }
    }

    /// The colour at a point of the photo, bilinear, 0–255.
    fn at(&self, x: f64, y: f64) -> [f32; 3] {
        let (x0, x1, fx) = neighbours((x - self.origin[0]) / self.block as f64, self.width);
        let (y0, y1, fy) = neighbours((y - self.origin[1]) / self.block as f64, self.height);
        let corners =
            [self.pixel(x0, y0), self.pixel(x1, y0), self.pixel(x0, y1), self.pixel(x1, y1)];
        std::array::from_fn(|c| {
            let above = corners[0][c] + (corners[1][c] - corners[0][c]) * fx;
            let below = corners[2][c] + (corners[3][c] - corners[2][c]) * fx;
            above + (below - above) * fy
        })
    }

    fn pixel(&self, x: usize, y: usize) -> [f32; 3] {
        let at = 3 * (y * self.width + x);
        match &self.pixels {
            Pixels::Photo(bytes) => std::array::from_fn(|c| f32::from(bytes[at + c])),
            Pixels::Blocks(blocks) => std::array::from_fn(|c| blocks[at + c]),
        }
    }
}

/// The two pixels around a coordinate, edge pixels repeating, and the share of the second.
fn neighbours(at: f64, size: usize) -> (usize, usize, f32) {
    let last = size.saturating_sub(1);
    // Pixel i has its centre at i + ½.
    let at = (at - 0.5).clamp(0.0, last as f64);
    let first = at as usize;
    (first, (first + 1).min(last), (at - first as f64) as f32)
}

/// The photo's pixels that a crop touches along one axis, with a block to spare, as a range.
fn reach(to_photo: &Similarity, axis: usize, block: usize, size: usize) -> [usize; 2] {
    let corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]].map(|p| to_photo.apply(p)[axis]);
    let low = corners.iter().copied().fold(f32::INFINITY, f32::min);
    let high = corners.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    // A crop beside the photo still needs the edge block nearest to it.
    let low = ((low.max(0.0) as usize).saturating_sub(block)).min(size.saturating_sub(1));
    let high = (high.max(0.0) as usize).saturating_add(2 * block).clamp(low + 1, size.max(1));
    [low, high]
}

fn average(
    photo: &Photo,
    [left, right]: [usize; 2],
    [top, bottom]: [usize; 2],
    block: usize,
) -> Vec<f32> {
    let columns = (right - left).div_ceil(block);
    let rows = (bottom - top).div_ceil(block);
    let stride = 3 * photo.width() as usize;
    let mut blocks = vec![0.0f32; 3 * columns * rows];
    blocks.par_chunks_mut(3 * columns).enumerate().for_each(|(row, out)| {
        let first = top + row * block;
        let last = (first + block).min(bottom);
        let mut sums = vec![0u32; 3 * columns];
        for y in first..last {
            let line = &photo.pixels()[y * stride + 3 * left..y * stride + 3 * right];
            for (pixels, sum) in line.chunks(3 * block).zip(sums.as_chunks_mut::<3>().0) {
                for pixel in pixels.as_chunks::<3>().0 {
                    for c in 0..3 {
                        sum[c] += u32::from(pixel[c]);
                    }
                }
            }
        }
        for (column, (out, sum)) in
            out.as_chunks_mut::<3>().0.iter_mut().zip(sums.as_chunks::<3>().0).enumerate()
        {
            let wide = block.min(right - left - column * block);
            let count = ((last - first) * wide) as f32;
            *out = sum.map(|sum| sum as f32 / count);
        }
    });
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Orientation;

    fn photo(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> Photo {
        let mut rgba = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let [r, g, b] = colour(x, y);
                rgba.extend([r, g, b, 255]);
            }
        }
        Photo::from_pixels(&rgba, width, height, 4 * width as usize, Orientation::default())
            .unwrap()
    }

    fn unit(side: f64, left: f64, top: f64) -> Similarity {
        Similarity::scale_and_shift(1.0 / side, [-left / side, -top / side])
    }

    #[test]
    fn a_crop_of_its_own_size_is_the_photo() {
        let photo = photo(16, 16, |x, y| [(x * 16) as u8, (y * 16) as u8, 7]);
        let crop = crop(&photo, &unit(16.0, 0.0, 0.0), 16);
        assert_eq!(crop.shape(), [1, 3, 16, 16]);
        for y in 0..16 {
            for x in 0..16 {
                assert!((crop[[0, 0, y, x]] * 255.0 - (x * 16) as f32).abs() < 1e-3);
                assert!((crop[[0, 1, y, x]] * 255.0 - (y * 16) as f32).abs() < 1e-3);
                assert!((crop[[0, 2, y, x]] * 255.0 - 7.0).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn fine_stripes_become_grey_and_do_not_alias() {
        let photo = photo(720, 720, |x, y| if (x + y) % 2 == 0 { [255; 3] } else { [0; 3] });
        for (side, left) in [(640.0, 8.0), (333.0, 20.5), (90.0, 31.0)] {
            let crop = crop(&photo, &unit(side, left, 11.0), 40);
            let (low, high) =
                crop.iter().fold((1.0f32, 0.0f32), |(l, h), v| (l.min(*v), h.max(*v)));
            assert!(low > 0.4 && high < 0.6, "side {side}: {low} to {high}");
        }
    }

    #[test]
    fn a_shrunk_ramp_keeps_its_place() {
        let photo = photo(900, 300, |x, _| [(x / 4) as u8; 3]);
        // Turned by 30°: the crop's values have to be those of the ramp at the turned places.
        let (sin, cos) = (30f64.to_radians().sin(), 30f64.to_radians().cos());
        let from = [[0.0f32, 0.0], [1.0, 0.0], [0.0, 1.0]];
        let to = from.map(|[u, v]| {
            let (u, v) = (200.0 * f64::from(u), 200.0 * f64::from(v));
            [(350.0 + cos * u - sin * v) as f32, (40.0 + sin * u + cos * v) as f32]
        });
        let to_photo = Similarity::fit(&from, &to).unwrap();
        let crop = crop(&photo, &to_photo.inverse().unwrap(), 50);
        for (row, column) in [(25, 25), (10, 40), (40, 10)] {
            let at = [(column as f32 + 0.5) / 50.0, (row as f32 + 0.5) / 50.0];
            // A stair of 4 pixels a value: its middle lies 2 pixels on.
            let wanted = (to_photo.apply(at)[0] - 2.0) / 4.0;
            let got = crop[[0, 0, row, column]] * 255.0;
            assert!((got - wanted).abs() < 0.6, "{got} for {wanted}");
        }
    }

    #[test]
    fn edge_pixels_repeat_outside() {
        let photo = photo(200, 40, |x, _| if x < 100 { [200, 0, 0] } else { [0, 100, 0] });
        for side in [20.0, 400.0] {
            let crop = crop(&photo, &unit(side, -5.0 * side, -3.0 * side), 10);
            assert!(crop.iter().all(|v| v.is_finite()));
            assert!((crop[[0, 0, 5, 5]] * 255.0 - 200.0).abs() < 1e-3, "side {side}");
        }
        assert!(
            crop(&photo, &Similarity::scale_and_shift(0.0, [0.0; 2]), 4).iter().all(|v| *v == 0.0)
        );
    }
}
