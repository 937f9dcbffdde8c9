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

use header::Photometric;

/// TIFF 6.0, "ExtraSamples": colours are already multiplied with alpha.
const ASSOCIATED_ALPHA: u16 = 1;

/// The first picture of a TIFF file.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster> {
    // The decoder refuses palettes and CIE Lab, though it unpacks their samples like any others:
    // it is told that they are grey and RGB, and what they mean is looked up here.
    match header::photometric(bytes) {
        Some((at, Photometric::Palette)) => {
            read(&header::with_photometric(bytes, at, Photometric::Grey), Meaning::Palette)
        }
        Some((at, Photometric::CieLab)) => {
            read(&header::with_photometric(bytes, at, Photometric::Rgb), Meaning::CieLab)
        }
        _ => read(bytes, Meaning::AsDecoded),
    }
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
