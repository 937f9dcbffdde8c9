//! JPEG: grey, colour and ink, baseline and progressive.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::error::Result;

use super::limits;
use super::raster::{Model, Raster, Samples};

/// The picture of a JPEG file.
///
/// A file that was cut short gives what it holds, the rest grey, as viewers do it.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster> {
    // The size is checked below, with our own words; a header alone takes no memory.
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(limits::damaged_because)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let (width, height) = (width as u32, height as u32);
    limits::check_size(width, height)?;

    let stored = decoder.input_colorspace().unwrap_or(ColorSpace::YCbCr);
    // Four channels stay as they are: the profile wants ink, not somebody's guess at RGB.
    let (wanted, model) = match stored {
        ColorSpace::Luma => (ColorSpace::Luma, Model::Grey),
        ColorSpace::CMYK | ColorSpace::YCCK => (stored, Model::Cmyk),
        _ => (ColorSpace::RGB, Model::Rgb),
    };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(wanted));
    let mut raster = Raster {
        width,
        height,
        model,
        samples: Samples::U8(vec![0; width as usize * height as usize * model.channels()]),
        icc: decoder.icc_profile(),
        orientation: decoder
            .exif()
            .and_then(|exif| image::metadata::Orientation::from_exif_chunk(exif))
            .map(Into::into)
            .unwrap_or_default(),
    };
    if let Samples::U8(samples) = &mut raster.samples {
        decoder.decode_into(samples).map_err(limits::damaged_because)?;
        match stored {
            ColorSpace::CMYK => samples.iter_mut().for_each(|v| *v = 255 - *v),
            ColorSpace::YCCK => samples.as_chunks_mut::<4>().0.iter_mut().for_each(ink_from_ycck),
            _ => {}
        }
    }
    Ok(raster)
}

/// Ink is stored upside down in JPEG (Adobe TN 5116, 18), and YCCK is YCbCr of 255 less that, so
/// its RGB is the amount of ink.
fn ink_from_ycck(pixel: &mut [u8; 4]) {
    let [c, m, y] = rgb_from_ycbcr(pixel[0], pixel[1], pixel[2]);
    *pixel = [c, m, y, 255 - pixel[3]];
}

/// Full-range YCbCr to RGB (ITU-T T.871, 7).
pub(super) fn rgb_from_ycbcr(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
        .map(|v| (v + 0.5).clamp(0.0, 255.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ycbcr_of_the_primaries() {
        assert_eq!(rgb_from_ycbcr(255, 128, 128), [255, 255, 255]);
        assert_eq!(rgb_from_ycbcr(76, 85, 255), [254, 0, 0]);
        assert_eq!(rgb_from_ycbcr(29, 255, 107), [0, 0, 254]);
    }

    #[test]
    fn bare_paper_in_ycck_is_white() {
        // Stored: no ink (255 upside down → R'G'B' 0 → Y 0), no black (255).
        let mut pixel = [0, 128, 128, 255];
        ink_from_ycck(&mut pixel);
        assert_eq!(pixel, [0, 0, 0, 0]);
    }
}
