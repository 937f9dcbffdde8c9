//! Bytes become a [`Raster`]: the right decoder, held to the limits, never a panic.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::bmp::BmpDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{ColorType, ImageDecoder, ImageError};

use crate::error::Result;

use super::format::{Format, unsupported};
use super::raster::{Model, Raster, Samples};
use super::{jpeg, limits, mend, tiff};

/// The picture in `bytes`; of several the first.
///
/// Decoders are fed by strangers: one that panics has met a damaged file, and says so.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster> {
    let format = Format::detect(bytes)?;
    limits::check_file(bytes.len() as u64)?;
    catch_unwind(AssertUnwindSafe(|| decode_as(format, bytes)))
        .unwrap_or_else(|_| Err(limits::damaged("the photo's decoder gave up")))
}

fn decode_as(format: Format, bytes: &[u8]) -> Result<Raster> {
    let reader = Cursor::new(bytes);
    match format {
        Format::Bmp => {
            let (bytes, turn) = mend::bmp(bytes);
            let mut raster = read(BmpDecoder::new(Cursor::new(&*bytes)).map_err(refused)?)?;
            raster.orientation = turn;
            Ok(raster)
        }
        Format::Gif => read(GifDecoder::new(reader).map_err(refused)?),
        Format::Jpeg => jpeg::decode(bytes),
        Format::Png => {
            let bytes = mend::png(bytes);
            let reader = Cursor::new(&*bytes);
            read(PngDecoder::with_limits(reader, limits::for_decoder()).map_err(refused)?)
        }
        Format::Tiff => tiff::decode(bytes),
        Format::WebP => read(WebPDecoder::new(reader).map_err(refused)?),
    }
}

/// The whole picture of one of `image`'s decoders.
fn read(mut decoder: impl ImageDecoder) -> Result<Raster> {
    let (width, height) = decoder.dimensions();
    limits::check_size(width, height)?;
    decoder.set_limits(limits::for_decoder()).map_err(refused)?;
    // Metadata that cannot be read is no reason to refuse the pixels.
    let icc = decoder.icc_profile().unwrap_or(None);
    let orientation = decoder.orientation().map(Into::into).unwrap_or_default();
    let (model, deep) = match decoder.color_type() {
        ColorType::L8 => (Model::Grey, false),
        ColorType::La8 => (Model::GreyAlpha, false),
        ColorType::Rgb8 => (Model::Rgb, false),
        ColorType::Rgba8 => (Model::Rgba, false),
        ColorType::L16 => (Model::Grey, true),
        ColorType::La16 => (Model::GreyAlpha, true),
        ColorType::Rgb16 => (Model::Rgb, true),
        ColorType::Rgba16 => (Model::Rgba, true),
        other => return Err(unsupported(&format!("pixels of the kind {other:?} are not read"))),
    };
    let count = width as usize * height as usize * model.channels();
    // The raster owns the samples before they are read, so that a failure wipes them too.
    let samples = if deep { Samples::U16(vec![0; count]) } else { Samples::U8(vec![0; count]) };
    let mut raster = Raster { width, height, model, samples, icc, orientation };
    let buffer = match &mut raster.samples {
        Samples::U8(samples) => samples.as_mut_slice(),
        Samples::U16(samples) => bytemuck::cast_slice_mut(samples),
    };
    decoder.read_image(buffer).map_err(refused)?;
    Ok(raster)
}

fn refused(error: ImageError) -> crate::Error {
    match error {
        ImageError::Limits(_) => limits::too_large("the photo needs too much memory"),
        ImageError::Unsupported(what) => {
            unsupported(&format!("the photo's variant is not read ({what})"))
        }
        other => limits::damaged_because(other),
    }
}
