//! The photo as it leaves: scaled to what a model needs and encoded anew from its pixels.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use zeroize::Zeroizing;

use super::failed;
use super::model::ImageLimits;
use crate::error::{Detail, Error, Result};
use crate::photo::Photo;
use crate::render::resize;

/// JPEG qualities, best first: the first that fits the model's limit of bytes is taken.
const QUALITIES: [u8; 4] = [92, 85, 75, 60];

/// A JPEG of nothing but pixels: JFIF's own header and no EXIF, profile, comment or thumbnail.
#[derive(Clone)]
pub(crate) struct Picture {
    jpeg: Zeroizing<Vec<u8>>,
    width: u32,
    height: u32,
}

impl Picture {
    /// # Errors
    /// `remote.photo_size`, `remote.photo_shape`: the model does not take such a photo.
    pub(super) fn of(photo: &Photo, limits: &ImageLimits) -> Result<Self> {
        let (width, height) = (photo.width(), photo.height());
        let ratio = f64::from(width) / f64::from(height);
        if !(limits.min_ratio..=limits.max_ratio).contains(&ratio) {
            return Err(failed(
                "remote.photo_shape",
                format!(
                    "a photo of {width}×{height} is too long or too wide for this model: crop it"
                ),
            ));
        }
        let scale = f64::from(limits.max_side) / f64::from(width.max(height));
        let side = |pixels: u32| ((f64::from(pixels) * scale.min(1.0)).round() as u32).max(1);
        let (width, height) = (side(width), side(height));
        if width.min(height) < limits.min_side {
            return Err(failed(
                "remote.photo_size",
                format!(
                    "a photo of {}×{} is too small for this model: its shorter side needs {} pixels",
                    photo.width(),
                    photo.height(),
                    limits.min_side
                ),
            ));
        }
        let scaled;
        let pixels = if scale < 1.0 {
            scaled = Zeroizing::new(resize::resize(photo, (width as usize, height as usize))?);
            &scaled[..]
        } else {
            photo.pixels()
        };
        for quality in QUALITIES {
            let mut jpeg = Zeroizing::new(Vec::new());
            JpegEncoder::new_with_quality(&mut *jpeg, quality)
                .encode(pixels, width, height, ExtendedColorType::Rgb8)
                .map_err(|error| {
                    let message = "the photo could not be encoded: please report it";
                    Error::Internal(Detail::new("internal.jpeg", message).because(error))
                })?;
            if jpeg.len() <= limits.max_bytes {
                return Ok(Self { jpeg, width, height });
            }
        }
        Err(failed(
            "remote.photo_size",
            "the photo has too many bytes for this model: scale it down",
        ))
    }

    pub(super) fn jpeg(&self) -> &[u8] {
        &self.jpeg
    }

    pub(super) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    pub(super) fn base64(&self) -> String {
        base64(&self.jpeg)
    }

    pub(super) fn data_uri(&self) -> String {
        format!("data:image/jpeg;base64,{}", self.base64())
    }
}

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo::Orientation;

    const LIMITS: ImageLimits = ImageLimits {
        min_side: 100,
        max_side: 400,
        max_bytes: 1 << 20,
        min_ratio: 0.4,
        max_ratio: 2.5,
    };

    fn photo(width: u32, height: u32) -> Photo {
        let rgba = vec![200; 4 * (width * height) as usize];
        Photo::from_pixels(&rgba, width, height, 4 * width as usize, Orientation::Upright).unwrap()
    }

    #[test]
    fn it_is_scaled_down_and_has_only_the_segments_of_a_plain_jpeg() {
        let picture = Picture::of(&photo(800, 600), &LIMITS).unwrap();
        assert_eq!(picture.size(), (400, 300));
        let mut at = 2;
        let jpeg = picture.jpeg();
        while jpeg[at + 1] != 0xda {
            // JFIF, quantisation, frame, Huffman: no APP1, no APP2, no comment.
            assert!([0xe0, 0xdb, 0xc0, 0xc4].contains(&jpeg[at + 1]), "{:x}", jpeg[at + 1]);
            at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        }
    }

    #[test]
    fn what_a_model_does_not_take_is_refused_before_anything_is_sent() {
        let code = |w, h| Picture::of(&photo(w, h), &LIMITS).err().unwrap().code();
        assert_eq!(code(90, 90), "remote.photo_size");
        assert_eq!(code(300, 100), "remote.photo_shape");
    }
}
