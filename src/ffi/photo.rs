//! Photos, from bytes that are lent or from a path.

use std::sync::Arc;

use super::Result;
use super::error::guard;

/// An upright picture that carries nothing of its file but the pixels, wiped when the last holder
/// lets go of it.
#[derive(Debug, uniffi::Object)]
pub struct Photo {
    pub(super) photo: crate::Photo,
}

/// How pixels still have to be turned to stand upright, as EXIF counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum PhotoOrientation {
    /// They stand upright.
    Upright,
    /// Mirrored left to right.
    FlipHorizontal,
    /// Upside down.
    Rotate180,
    /// Mirrored top to bottom.
    FlipVertical,
    /// Mirrored along the diagonal from the top left.
    Transpose,
    /// To be turned by 90° clockwise.
    Rotate90,
    /// Mirrored along the diagonal from the top right.
    Transverse,
    /// To be turned by 90° counter-clockwise.
    Rotate270,
}

#[uniffi::export]
impl Photo {
    /// Decodes the bytes of a JPEG, PNG, WebP, GIF, BMP or TIFF file. They are only lent: nothing
    /// is copied on the way in, and nothing of the file's metadata is kept. Kotlin: the buffer must
    /// be a direct one.
    ///
    /// Fails with a `photo.…` code, such as `photo.heic` for what the system must decode.
    #[uniffi::constructor]
    pub fn from_bytes(bytes: &[u8]) -> Result<Arc<Self>> {
        guard(|| Ok(Self::of(crate::Photo::from_bytes(bytes)?)))
    }

    /// Reads and decodes a file.
    ///
    /// Fails with `photo.unreadable_file` or as `from_bytes` does.
    #[uniffi::constructor]
    pub fn open(path: String) -> Result<Arc<Self>> {
        guard(|| Ok(Self::of(crate::Photo::open(path)?)))
    }

    /// Takes pixels that the system has decoded: RGBA, 8 bits a channel, sRGB, straight alpha, rows
    /// from the top, `stride` bytes apart. They are only lent. Kotlin: the buffer must be a direct
    /// one.
    ///
    /// Fails with `photo.bad_pixels` or `photo.too_large`.
    #[uniffi::constructor]
    pub fn from_pixels(
        rgba: &[u8],
        width: u32,
        height: u32,
        stride: u32,
        orientation: PhotoOrientation,
    ) -> Result<Arc<Self>> {
        guard(|| {
            let stride = stride as usize;
            Ok(Self::of(crate::Photo::from_pixels(
                rgba,
                width,
                height,
                stride,
                orientation.into(),
            )?))
        })
    }

    /// Width of the upright picture in pixels.
    pub fn width(&self) -> Result<u32> {
        guard(|| Ok(self.photo.width()))
    }

    /// Height of the upright picture in pixels.
    pub fn height(&self) -> Result<u32> {
        guard(|| Ok(self.photo.height()))
    }
}

impl Photo {
    fn of(photo: crate::Photo) -> Arc<Self> {
        Arc::new(Self { photo })
    }
}

impl From<PhotoOrientation> for crate::Orientation {
    fn from(orientation: PhotoOrientation) -> Self {
        match orientation {
            PhotoOrientation::Upright => Self::Upright,
            PhotoOrientation::FlipHorizontal => Self::FlipHorizontal,
            PhotoOrientation::Rotate180 => Self::Rotate180,
            PhotoOrientation::FlipVertical => Self::FlipVertical,
            PhotoOrientation::Transpose => Self::Transpose,
            PhotoOrientation::Rotate90 => Self::Rotate90,
            PhotoOrientation::Transverse => Self::Transverse,
            PhotoOrientation::Rotate270 => Self::Rotate270,
        }
    }
}
