//! A photo as a detector takes it: scaled down, padded, planes of floats.

use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use super::decode::Family;
use crate::Photo;
use crate::error::Result;
use crate::render::resize::{Filter, resize_into};

/// The coarsest cell of the detectors: the input's sides are multiples of it.
const STRIDE: usize = 32;

/// How big the photo is fed and how it goes back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fit {
    /// Pixels of the scaled photo, at the top left of the input.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Pixels of the input, the rest is black.
    pub(super) input_width: usize,
    pub(super) input_height: usize,
}

impl Fit {
    /// For a network that takes any size: the long side becomes `long_side` at most, padded to
    /// multiples of 32. A smaller photo is enlarged `enlarge` times at most.
    pub(super) fn free(photo: &Photo, long_side: usize, enlarge: f32) -> Self {
        let (width, height) = (photo.width() as usize, photo.height() as usize);
        let scale = (long_side as f32 / width.max(height).max(1) as f32).min(enlarge);
        let [width, height] = scaled(width, height, scale, [long_side; 2]);
        Self {
            width,
            height,
            input_width: width.next_multiple_of(STRIDE),
            input_height: height.next_multiple_of(STRIDE),
        }
    }

    /// For a network of one size: as large as it goes in without being stretched.
    pub(super) fn fixed(photo: &Photo, input: [usize; 2], enlarge: f32) -> Self {
        let (width, height) = (photo.width() as usize, photo.height() as usize);
        let scale = (input[0] as f32 / width.max(1) as f32)
            .min(input[1] as f32 / height.max(1) as f32)
            .min(enlarge);
        let [width, height] = scaled(width, height, scale, input);
        Self { width, height, input_width: input[0], input_height: input[1] }
    }

    /// The photo at `share` of this size, on an input that is as large.
    pub(super) fn shrunk(mut self, share: f32) -> Self {
        let size = |side: usize| ((side as f32 * share).round() as usize).max(1);
        (self.width, self.height) = (size(self.width), size(self.height));
        self
    }

    /// Photo pixels per input pixel, across and down.
    pub(super) fn back(&self, photo: &Photo) -> [f32; 2] {
        [photo.width() as f32 / self.width as f32, photo.height() as f32 / self.height as f32]
    }
}

fn scaled(width: usize, height: usize, scale: f32, most: [usize; 2]) -> [usize; 2] {
    let size = |side: usize, most: usize| ((side as f32 * scale).round() as usize).clamp(1, most);
    [size(width, most[0]), size(height, most[1])]
}

/// Fills `planes` (3×`input_height`×`input_width`) with the photo in the family's colours.
pub(super) fn fill(photo: &Photo, fit: &Fit, family: Family, planes: &mut Vec<f32>) -> Result<()> {
    let size = (fit.width, fit.height);
    if (photo.width() as usize, photo.height() as usize) == size {
        spread(photo.pixels(), fit, family, planes);
        return Ok(());
    }
    let mut small = Zeroizing::new(vec![0; 3 * fit.width * fit.height]);
    resize_into(photo, size, Filter::Bilinear, &mut small)?;
    spread(&small, fit, family, planes);
    Ok(())
}

/// Rows of RGB bytes ► planes of floats with a black rim at the right and at the bottom.
fn spread(pixels: &[u8], fit: &Fit, family: Family, planes: &mut Vec<f32>) {
    let (input_width, input_height) = (fit.input_width, fit.input_height);
    planes.clear();
    planes.resize(3 * input_width * input_height, 0.0);
    let (first, rest) = planes.split_at_mut(input_width * input_height);
    let (second, third) = rest.split_at_mut(input_width * input_height);
    // BGR 0–255, or RGB (x − 127)/128.
    let (colours, offset, scale) = match family {
        Family::YuNet => ([2, 1, 0], 0.0, 1.0),
        Family::UltraFace => ([0, 1, 2], 127.0, 1.0 / 128.0),
    };
    let black = -offset * scale;
    let rows = first
        .par_chunks_mut(input_width)
        .zip_eq(second.par_chunks_mut(input_width))
        .zip_eq(third.par_chunks_mut(input_width));
    rows.enumerate().with_min_len(64).for_each(|(row, ((first, second), third))| {
        let width = if row < fit.height { fit.width } else { 0 };
        let line = &pixels[3 * fit.width * row.min(fit.height - 1)..];
        let line = line.as_chunks::<3>().0;
        for (x, pixel) in line[..width].iter().enumerate() {
            let [a, b, c] = colours.map(|colour| (f32::from(pixel[colour]) - offset) * scale);
            first[x] = a;
            second[x] = b;
            third[x] = c;
        }
        if black != 0.0 {
            for plane in [first, second, third] {
                plane[width..].fill(black);
            }
        }
    });
}

/// A buffer that is used again and wiped: it holds the photo.
#[derive(Default)]
pub(super) struct Scratch(pub(super) Vec<f32>);

impl Drop for Scratch {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo::Orientation;

    fn photo(width: u32, height: u32) -> Photo {
        let rgba: Vec<u8> = (0..width * height)
            .flat_map(|i| [(i % width) as u8, (i / width) as u8, 200, 255])
            .collect();
        Photo::from_pixels(&rgba, width, height, 4 * width as usize, Orientation::Upright).unwrap()
    }

    #[test]
    fn the_long_side_is_scaled_and_the_rest_padded() {
        let fit = Fit::free(&photo(1000, 500), 640, 1.0);
        assert_eq!(fit, Fit { width: 640, height: 320, input_width: 640, input_height: 320 });
        let fit = Fit::free(&photo(333, 500), 640, 1.0);
        assert_eq!(fit, Fit { width: 333, height: 500, input_width: 352, input_height: 512 });
        let fit = Fit::free(&photo(100, 50), 640, 2.0);
        assert_eq!(fit, Fit { width: 200, height: 100, input_width: 224, input_height: 128 });
        let fit = Fit::fixed(&photo(1000, 500), [320, 240], 1.0);
        assert_eq!(fit, Fit { width: 320, height: 160, input_width: 320, input_height: 240 });
        assert_eq!(Fit::free(&photo(2000, 1), 640, 1.0).height, 1);
        let fit = Fit::fixed(&photo(1000, 500), [640, 640], 1.0).shrunk(0.7);
        assert_eq!(fit, Fit { width: 448, height: 224, input_width: 640, input_height: 640 });
    }

    #[test]
    fn planes_are_in_the_order_of_the_family_and_padded_with_black() {
        let photo = photo(40, 33);
        let fit = Fit::free(&photo, 640, 1.0);
        let mut planes = vec![5.0; 7];
        fill(&photo, &fit, Family::YuNet, &mut planes).unwrap();
        let at = |planes: &[f32], c: usize, y: usize, x: usize| planes[(c * 64 + y) * 64 + x];
        assert_eq!(planes.len(), 3 * 64 * 64);
        assert_eq!([0, 1, 2].map(|c| at(&planes, c, 7, 9)), [200.0, 7.0, 9.0]);
        assert_eq!(at(&planes, 0, 7, 40), 0.0);
        assert_eq!(at(&planes, 0, 33, 3), 0.0);
        fill(&photo, &fit, Family::UltraFace, &mut planes).unwrap();
        assert_eq!(at(&planes, 2, 7, 9), 73.0 / 128.0);
        assert_eq!(at(&planes, 0, 40, 3), -127.0 / 128.0);
        assert_eq!(at(&planes, 0, 7, 50), -127.0 / 128.0);
    }
}
