//! Another size for RGB pixels.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use zeroize::Zeroizing;

use crate::error::{Detail, Error, Result};
use crate::photo::Photo;

/// How the pixels between pixels are made; shrinking widens either filter, so that nothing aliases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Quick and soft, for what networks see.
    Bilinear,
    /// Sharp, for what people see.
    Lanczos,
}

/// Draws `photo` at `width` × `height` into `rgb`, tightly packed.
pub(crate) fn resize_into(
    photo: &Photo,
    (width, height): (usize, usize),
    filter: Filter,
    rgb: &mut [u8],
) -> Result<()> {
    let source = (photo.width(), photo.height(), photo.pixels());
    resize_pixels_into(source, (width, height), filter, rgb)
}

/// Draws RGB pixels, given with their width and height, at another size into `rgb`; all of them
/// tightly packed.
pub(crate) fn resize_pixels_into(
    (from_width, from_height, pixels): (u32, u32, &[u8]),
    (width, height): (usize, usize),
    filter: Filter,
    rgb: &mut [u8],
) -> Result<()> {
    if (from_width as usize, from_height as usize) == (width, height) {
        rgb.copy_from_slice(pixels);
        return Ok(());
    }
    let fault = |error: &dyn std::error::Error| {
        Error::Internal(Detail::new("internal.resize", error.to_string()))
    };
    // Typed images: the untyped entry would compile every pixel format there is.
    let source = TypedImageRef::<U8x3>::from_buffer(from_width, from_height, pixels)
        .map_err(|error| fault(&error))?;
    let mut target = TypedImage::<U8x3>::from_buffer(width as u32, height as u32, rgb)
        .map_err(|error| fault(&error))?;
    let filter = match filter {
        Filter::Bilinear => FilterType::Bilinear,
        Filter::Lanczos => FilterType::Lanczos3,
    };
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    Resizer::new().resize_typed(&source, &mut target, &options).map_err(|error| fault(&error))
}

/// `photo` at another size, sharp.
pub(crate) fn resize(photo: &Photo, size: (usize, usize)) -> Result<Vec<u8>> {
    let mut rgb = vec![0; 3 * size.0 * size.1];
    resize_into(photo, size, Filter::Lanczos, &mut rgb)?;
    Ok(rgb)
}

/// `photo` at another size, sharp; of other proportions the middle.
pub(crate) fn covering(
    photo: &Photo,
    (width, height): (usize, usize),
) -> Result<Zeroizing<Vec<u8>>> {
    let sides =
        [width as f64 / f64::from(photo.width()), height as f64 / f64::from(photo.height())];
    let scale = sides[0].max(sides[1]);
    let scaled = |side: u32, least: usize| ((f64::from(side) * scale).round() as usize).max(least);
    let (whole_width, whole_height) =
        (scaled(photo.width(), width), scaled(photo.height(), height));
    let mut whole = Zeroizing::new(vec![0; 3 * whole_width * whole_height]);
    resize_into(photo, (whole_width, whole_height), Filter::Lanczos, &mut whole)?;
    if (whole_width, whole_height) == (width, height) {
        return Ok(whole);
    }
    let (left, top) = ((whole_width - width) / 2, (whole_height - height) / 2);
    let rows = whole.chunks_exact(3 * whole_width).skip(top).take(height);
    let mut part = Zeroizing::new(Vec::with_capacity(3 * width * height));
    rows.for_each(|row| part.extend_from_slice(&row[3 * left..3 * (left + width)]));
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_stays_and_the_rest_is_cut_off() {
        // Red, green and blue thirds beside each other.
        let colours = [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]];
        let row: Vec<u8> = colours.iter().flat_map(|colour| colour.repeat(20)).collect();
        let photo = Photo::from_pixels(&row.repeat(20), 60, 20, 240, crate::Orientation::Upright);
        let photo = photo.unwrap();
        let square = covering(&photo, (8, 8)).unwrap();
        assert_eq!(square.len(), 8 * 8 * 3);
        assert_eq!(square[3 * (8 * 4 + 4)..][..3], [0, 255, 0]);
        assert_eq!(*covering(&photo, (60, 20)).unwrap(), photo.pixels());
    }
}
