//! Finished files back to pictures, for whoever wants to look into them.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, ImageDecoder, Limits};
use zeroize::Zeroizing;

use crate::error::Result;
use crate::photo::Photo;

/// Pictures of a movie that are decoded at most: ten seconds at 60 a second.
#[cfg(all(feature = "openh264", not(any(target_os = "ios", target_os = "android"))))]
const MOST_DECODED: usize = 600;
/// What a picture of a film may have a side, and a decoder in memory.
const LONGEST_SIDE: u32 = if cfg!(fuzzing) { 256 } else { 16_384 };
const MEMORY: u64 = 512 << 20;

/// A decoded picture.
pub(crate) enum Picture<'a> {
    /// Luma, 8 bits, (H, W), rows `stride` bytes apart.
    #[cfg_attr(
        any(not(feature = "openh264"), target_os = "ios", target_os = "android"),
        allow(dead_code, reason = "only H.264 is decoded to luma")
    )]
    Luma { width: u32, height: u32, luma: &'a [u8], stride: usize },
    /// RGB, 8 bits a channel, (H, W, 3).
    Rgb { width: u32, height: u32, pixels: &'a [u8] },
}

/// Shows `each` up to `most` pictures of a file, spread over it: H.264 in MP4 (where the feature
/// `openh264` is), WebP, GIF and whatever else [`Photo::from_bytes`] reads. Says whether there was
/// anything that could be shown.
///
/// # Errors
/// Those of `each`. What cannot be decoded ends the showing and is no error.
pub(crate) fn pictures(
    bytes: &[u8],
    most: usize,
    each: &mut dyn FnMut(Picture<'_>) -> Result<()>,
) -> Result<bool> {
    if bytes.get(4..8).is_some_and(|name| name == b"ftyp") {
        return movie(bytes, most, each);
    }
    if bytes.starts_with(b"GIF8") {
        let Ok(mut decoder) = GifDecoder::new(Cursor::new(bytes)) else { return Ok(false) };
        return match decoder.set_limits(limits()) {
            Ok(()) => film(decoder, most, each),
            Err(_) => Ok(false),
        };
    }
    if bytes.starts_with(b"RIFF")
        && let Ok(mut decoder) = WebPDecoder::new(Cursor::new(bytes))
        && decoder.has_animation()
    {
        return match decoder.set_limits(limits()) {
            Ok(()) => film(decoder, most, each),
            Err(_) => Ok(false),
        };
    }
    let Ok(photo) = Photo::from_bytes(bytes) else { return Ok(false) };
    each(Picture::Rgb { width: photo.width(), height: photo.height(), pixels: photo.pixels() })?;
    Ok(true)
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MEMORY);
    limits
}

/// How many pictures there are is known only at the end: the first ones are shown, and every fourth
/// of those that follow.
fn film<'a>(
    decoder: impl AnimationDecoder<'a>,
    most: usize,
    each: &mut dyn FnMut(Picture<'_>) -> Result<()>,
) -> Result<bool> {
    let mut shown = 0;
    for (number, frame) in decoder.into_frames().enumerate() {
        if shown == most {
            break;
        }
        let Ok(frame) = frame else { break };
        if number >= most / 2 && !number.is_multiple_of(4) {
            continue;
        }
        let (width, height) = frame.buffer().dimensions();
        let pixels = frame.buffer().as_raw().as_chunks::<4>().0;
        let pixels: Zeroizing<Vec<u8>> =
            Zeroizing::new(pixels.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect());
        each(Picture::Rgb { width, height, pixels: &pixels })?;
        shown += 1;
    }
    Ok(shown > 0)
}

#[cfg(all(feature = "openh264", not(any(target_os = "ios", target_os = "android"))))]
fn movie(
    bytes: &[u8],
    most: usize,
    each: &mut dyn FnMut(Picture<'_>) -> Result<()>,
) -> Result<bool> {
    use openh264::decoder::Decoder;
    use openh264::formats::YUVSource;

    let Ok(stream) = super::movie::Stream::open(bytes) else { return Ok(false) };
    let Ok(mut decoder) = Decoder::new() else { return Ok(false) };
    if decoder.decode(&stream.head).is_err() {
        return Ok(false);
    }
    let every = stream.left().min(MOST_DECODED).div_ceil(most.max(1)).max(1);
    let (mut decoded, mut shown) = (0, false);
    for packet in stream.take(MOST_DECODED) {
        let Ok(packet) = packet else { break };
        // A picture that is broken is left out; the next may be whole.
        let Ok(Some(picture)) = decoder.decode(&packet) else { continue };
        if decoded % every == 0 {
            let (width, height) = picture.dimensions();
            let (stride, ..) = picture.strides();
            let (width, height) = (width as u32, height as u32);
            each(Picture::Luma { width, height, luma: picture.y(), stride })?;
            shown = true;
        }
        decoded += 1;
    }
    Ok(shown)
}

/// Phones have decoders of their own, which hand their frames to the detector.
#[cfg(not(all(feature = "openh264", not(any(target_os = "ios", target_os = "android")))))]
fn movie(_: &[u8], _: usize, _: &mut dyn FnMut(Picture<'_>) -> Result<()>) -> Result<bool> {
    Ok(false)
}
