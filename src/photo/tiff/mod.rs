//! TIFF and BigTIFF, the first picture: grey, colour, ink, palette and Lab, 1 to 64 bits.

mod header;
mod lab;
mod samples;

use std::io::Cursor;

use ::tiff::decoder::{Decoder, DecodingResult, Limits};
use ::tiff::tags::Tag;
use ::tiff::{ColorType, TiffError};
use zeroize::Zeroizing;

use crate::error::Result;

use super::format::unsupported;
use super::orientation::Orientation;
use super::raster::{Model, Raster, Samples};
use super::{jpeg, limits};

use header::File;

/// TIFF 6.0, "ExtraSamples": colours are already multiplied with alpha.
const ASSOCIATED_ALPHA: u16 = 1;

/// TIFF 6.0, "FillOrder".
const LOWEST_BIT_FIRST: u32 = 2;

/// The first picture of a TIFF file.
///
/// The decoder refuses some files over a single tag though it can unpack their samples; it gets to
/// see a copy with that tag changed, and what the samples mean is looked up here.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster> {
    let mut file = File::new(bytes);
    file.cut_loop();
    let meaning = match file.value(header::PHOTOMETRIC) {
        Some(header::PALETTE) => {
            file.set(header::PHOTOMETRIC, header::GREY);
            Meaning::Palette
        }
        Some(header::CIE_LAB) => {
            file.set(header::PHOTOMETRIC, header::RGB);
            Meaning::CieLab
        }
        _ => Meaning::AsDecoded,
    };
    if file.value(header::FILL_ORDER) == Some(LOWEST_BIT_FIRST) {
        reverse_bits(&mut file)?;
    }
    let uncut = whole_tiles(&mut file)?;
    let mut raster = read(file.bytes(), meaning)?;
    if let Some((width, height)) = uncut {
        raster.crop(width, height);
    }
    Ok(raster)
}

/// Of planes in tiles the decoder cuts only the first plane's tiles at the edge and panics over the
/// rest: such a picture is declared as large as its tiles. Gives the true size.
fn whole_tiles(file: &mut File<'_>) -> Result<Option<(u32, u32)>> {
    let value = |tag| file.value(tag).filter(|&value| value > 0);
    let (Some(2), Some(tile_width), Some(tile_height), Some(width), Some(height)) = (
        value(header::PLANAR),
        value(header::TILE_WIDTH),
        value(header::TILE_HEIGHT),
        value(header::WIDTH),
        value(header::HEIGHT),
    ) else {
        return Ok(None);
    };
    limits::check_size(width, height)?;
    let whole = |side: u32, tile: u32| side.div_ceil(tile).saturating_mul(tile);
    file.set(header::WIDTH, whole(width, tile_width));
    file.set(header::HEIGHT, whole(height, tile_height));
    Ok(Some((width, height)))
}

/// Turns the bits of every byte of the picture around, for writers that begin at the lowest.
fn reverse_bits(file: &mut File<'_>) -> Result<()> {
    let mut decoder = Decoder::new(Cursor::new(file.bytes())).map_err(refused)?;
    let offsets = decoder.get_tag_u64_vec(Tag::StripOffsets).map_err(refused)?;
    let lengths = decoder.get_tag_u64_vec(Tag::StripByteCounts).map_err(refused)?;
    let bytes = file.bytes_mut();
    // Strips that lie over each other cannot make this last: no more is turned than there is.
    let mut left = bytes.len();
    for (offset, length) in offsets.into_iter().zip(lengths) {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        let end = end.min(start + left.min(bytes.len() - start));
        let strip = &mut bytes[start..end];
        left -= strip.len();
        strip.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
    }
    Ok(())
}

/// What the decoded samples stand for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    AsDecoded,
    Palette,
    CieLab,
}

fn read(bytes: &[u8], meaning: Meaning) -> Result<Raster> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(refused)?;
    let (width, height) = decoder.dimensions().map_err(refused)?;
    limits::check_size(width, height)?;
    let mut allowed = Limits::default();
    allowed.decoding_buffer_size = limits::MAX_ALLOC as usize;
    allowed.intermediate_buffer_size = limits::MAX_ALLOC as usize;
    let mut decoder = decoder.with_limits(allowed);

    let colour = decoder.colortype().map_err(refused)?;
    let icc = decoder.get_tag_u8_vec(Tag::IccProfile).ok();
    let orientation = decoder
        .find_tag_unsigned::<u16>(Tag::Orientation)
        .ok()
        .flatten()
        .and_then(Orientation::from_exif)
        .unwrap_or_default();
    let extra =
        decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).ok().flatten().unwrap_or_default();
    let palette = match meaning {
        Meaning::Palette => {
            Zeroizing::new(decoder.get_tag_u16_vec(Tag::ColorMap).map_err(refused)?)
        }
        _ => Zeroizing::default(),
    };

    let channels = usize::from(colour.num_samples());
    let count = u64::from(width) * u64::from(height) * channels as u64;
    if count * u64::from(colour.bit_depth()).div_ceil(8) > limits::MAX_ALLOC {
        return Err(limits::too_large("the photo has too many channels or bits"));
    }
    let mut result = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut result).map_err(refused)?;
    let shape = samples::Shape {
        width: width as usize,
        height: height as usize,
        channels,
        bits: colour.bit_depth(),
        planar: layout.planes > 1,
        plane_stride: layout.plane_stride.map_or(0, |stride| stride.get()),
    };
    if meaning == Meaning::Palette {
        let indices = samples::unpack(result, &shape, false)?;
        let samples = look_up(&indices, channels, &palette)?;
        return Ok(Raster { width, height, model: Model::Rgb, samples, icc, orientation });
    }
    let mut samples = samples::unpack(result, &shape, true)?;
    let (model, kept) = match (meaning, colour) {
        (Meaning::CieLab, ColorType::RGB(8)) => {
            lab::to_rgb(&mut samples, lab::Offset::Signed);
            (Model::Rgb, 3)
        }
        (Meaning::AsDecoded, ColorType::Lab(8)) => {
            lab::to_rgb(&mut samples, lab::Offset::Middle);
            (Model::Rgb, 3)
        }
        (Meaning::AsDecoded, ColorType::YCbCr(8)) => {
            if let Samples::U8(samples) = &mut samples {
                for pixel in samples.as_chunks_mut::<3>().0 {
                    *pixel = jpeg::rgb_from_ycbcr(pixel[0], pixel[1], pixel[2]);
                }
            }
            (Model::Rgb, 3)
        }
        (Meaning::AsDecoded, ColorType::Gray(_)) => (Model::Grey, 1),
        (Meaning::AsDecoded, ColorType::RGB(_)) => (Model::Rgb, 3),
        (Meaning::AsDecoded, ColorType::RGBA(_)) => (Model::Rgba, 4),
        (Meaning::AsDecoded, ColorType::CMYK(_) | ColorType::CMYKA(_)) => (Model::Cmyk, 4),
        (Meaning::AsDecoded, ColorType::GrayA(_)) => (Model::GreyAlpha, 2),
        (Meaning::AsDecoded, ColorType::Multiband { .. }) if !extra.is_empty() => {
            let alpha = matches!(extra[0], 1 | 2) && channels >= 2;
            if alpha { (Model::GreyAlpha, 2) } else { (Model::Grey, 1) }
        }
        _ => return Err(unsupported(&format!("TIFF pixels of the kind {colour:?} are not read"))),
    };
    let mut samples = samples::keep(samples, channels, kept);
    if extra.first() == Some(&ASSOCIATED_ALPHA) && matches!(model, Model::Rgba | Model::GreyAlpha) {
        samples::divide_by_alpha(&mut samples, kept);
    }
    Ok(Raster { width, height, model, samples, icc, orientation })
}

/// Indices become RGB (TIFF 6.0, "ColorMap": all reds, then all greens, then all blues, 16 bits).
fn look_up(indices: &Samples, channels: usize, palette: &[u16]) -> Result<Samples> {
    let Samples::U8(indices) = indices else {
        return Err(unsupported("palettes of more than 256 colours are not read"));
    };
    let colours = palette.len() / 3;
    // Some writers forget that the map has 16 bits.
    let shift = if palette.iter().all(|&v| v < 256) { 0 } else { 8 };
    let mut rgb = Vec::with_capacity(3 * indices.len() / channels);
    for &index in indices.iter().step_by(channels) {
        let index = usize::from(index);
        rgb.extend([0, 1, 2].map(|c| match palette.get(c * colours + index) {
            Some(&v) if index < colours => (v >> shift) as u8,
            _ => 0,
        }));
    }
    Ok(Samples::U8(rgb))
}

fn refused(error: TiffError) -> crate::Error {
    match error {
        TiffError::LimitsExceeded => limits::too_large("the photo needs too much memory"),
        TiffError::UnsupportedError(what) => {
            unsupported(&format!("the TIFF variant is not read ({what})"))
        }
        other => limits::damaged_because(other),
    }
}
