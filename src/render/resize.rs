//! Another size for RGB pixels.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

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
