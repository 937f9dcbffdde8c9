//! How large a photo may be, checked before anything is decoded.

use crate::error::{Detail, Error, Result};

/// Pixels of a photo: 64 × 2²⁰, so that the 64-megapixel sensors of phones (9248 × 6944) fit.
// Fuzzing looks for faults, not for patience.
pub(super) const MAX_PIXELS: u64 = if cfg!(fuzzing) { 1 << 18 } else { 64 << 20 };

/// Pixels of a side.
pub(super) const MAX_SIDE: u32 = 16_384;

/// Bytes that a decoder may allocate: the largest photo at 4 channels of 16 bits.
pub(super) const MAX_ALLOC: u64 = 512 << 20;

/// Bytes of a file.
pub(super) const MAX_FILE: u64 = 512 << 20;

/// Refuses a picture that claims too many pixels, or none.
///
/// Errors: `photo.too_large`, `photo.damaged`.
pub(super) fn check_size(width: u32, height: u32) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(damaged("the picture has no pixels"));
    }
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(too_large(&format!("the photo has {width}×{height} pixels")));
    }
    Ok(())
}

/// Refuses a file that is too long to be read.
///
/// Errors: `photo.too_large`.
pub(super) fn check_file(bytes: u64) -> Result<()> {
    if bytes > MAX_FILE {
        return Err(too_large("the file is longer than 512 MiB"));
    }
    Ok(())
}

/// `photo.too_large`, with what would fit.
pub(super) fn too_large(what: &str) -> Error {
    Error::Photo(Detail::new(
        "photo.too_large",
        format!(
            "{what}: at most 64 megapixels, {MAX_SIDE} pixels a side and 512 MiB can be read, \
             scale the photo down first"
        ),
    ))
}

/// `photo.damaged`, with what to do.
pub(super) fn damaged(what: &str) -> Error {
    Error::Photo(Detail::new(
        "photo.damaged",
        format!("{what}: the file is damaged, take it from its source again or use another photo"),
    ))
}

/// `photo.damaged`, with the decoder's own words below it.
pub(super) fn damaged_because(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Photo(
        Detail::new(
            "photo.damaged",
            "the photo cannot be decoded: the file is damaged, take it from its source again or \
             use another photo",
        )
        .because(source),
    )
}

/// What `image`'s decoders are held to.
pub(super) fn for_decoder() -> image::Limits {
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_at_the_edge() {
        assert!(check_size(9248, 6944).is_ok());
        assert!(check_size(MAX_SIDE, 4096).is_ok());
        assert!(check_size(1, 1).is_ok());
        assert_eq!(check_size(MAX_SIDE + 1, 1).unwrap_err().code(), "photo.too_large");
        assert_eq!(check_size(MAX_SIDE, 4097).unwrap_err().code(), "photo.too_large");
        assert_eq!(check_size(u32::MAX, u32::MAX).unwrap_err().code(), "photo.too_large");
        assert_eq!(check_size(0, 7).unwrap_err().code(), "photo.damaged");
        assert_eq!(check_file(MAX_FILE + 1).unwrap_err().code(), "photo.too_large");
    }
}
