//! The three ways in: a file, bytes, pixels that the host has decoded.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::{Detail, Error, Result};

use super::orientation::{Orientation, upright};
use super::{Photo, PhotoMarks, decode, limits, pixels};

impl Photo {
    /// Reads a photo from a file: JPEG, PNG, WebP, GIF, BMP or TIFF, by its content.
    ///
    /// At most 64 megapixels (64 × 2²⁰), 16,384 pixels a side, 512 MiB of file and as much in the
    /// decoder. Of a film the first frame is taken; what is see-through is laid on white.
    ///
    /// Errors: `photo.unreadable_file` and those of [`Photo::from_bytes`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_bytes(&read(path.as_ref())?)
    }

    /// Decodes a photo that is in memory as the bytes of a file, as [`Photo::open`] does.
    ///
    /// Errors: `photo.empty`, `photo.unsupported_format`, `photo.heic`, `photo.avif`,
    /// `photo.damaged`, `photo.too_large`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let raster = decode::decode(bytes)?;
        let pixels = pixels::to_srgb(&raster);
        let (width, height, orientation) = (raster.width, raster.height, raster.orientation);
        drop(raster);
        Ok(Self::upright(pixels, width, height, orientation).with_marks(PhotoMarks::of(bytes)))
    }

    /// Takes pixels that the host has decoded, for formats that only the system reads.
    ///
    /// `rgba8`: sRGB, straight (not premultiplied) alpha, 8 bits a channel, (H, W, 4), rows from
    /// the top, `stride` bytes apart (at least 4 × `width`; the last row may end without padding).
    /// `orientation` says how the pixels still have to be turned. Same limits as [`Photo::open`].
    ///
    /// Errors: `photo.bad_pixels`, `photo.too_large`.
    pub fn from_pixels(
        rgba8: &[u8],
        width: u32,
        height: u32,
        stride: usize,
        orientation: Orientation,
    ) -> Result<Self> {
        if width == 0 || height == 0 {
            return Err(bad_pixels("a photo needs a width and a height"));
        }
        limits::check_size(width, height)?;
        let row = 4 * width as usize;
        if stride < row {
            return Err(bad_pixels(&format!("the stride must be at least {row} bytes")));
        }
        let needed = stride.checked_mul(height as usize - 1).and_then(|n| n.checked_add(row));
        if needed.is_none_or(|needed| rgba8.len() < needed) {
            return Err(bad_pixels(&format!(
                "{width}×{height} pixels with a stride of {stride} need more bytes than the {} given",
                rgba8.len()
            )));
        }
        let mut pixels = Vec::with_capacity(3 * width as usize * height as usize);
        for row in rgba8.chunks(stride).take(height as usize).map(|padded| &padded[..row]) {
            pixels.extend(row.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, alpha]| {
                [r, g, b].map(|value| pixels::on_white(value, alpha))
            }));
        }
        Ok(Self::upright(pixels, width, height, orientation))
    }

    /// Upright sRGB pixels, (H, W, 3), that a checkpoint has kept.
    #[cfg(feature = "vault")]
    pub(crate) fn from_rgb(pixels: &[u8], width: u32, height: u32) -> Self {
        Self::upright(pixels.to_vec(), width, height, Orientation::Upright)
    }

    /// Tight sRGB pixels (H, W, 3) that lie as `orientation` says.
    fn upright(pixels: Vec<u8>, width: u32, height: u32, orientation: Orientation) -> Self {
        let (pixels, width, height) = upright(pixels, width, height, orientation);
        Self {
            pixels: Arc::new(Zeroizing::new(pixels)),
            width,
            height,
            marks: PhotoMarks::default(),
        }
    }
}

/// The bytes of a file, wiped when they are dropped.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let unreadable = |source| {
        Error::Photo(
            Detail::new(
                "photo.unreadable_file",
                format!(
                    "the photo {} cannot be opened: check its path and permissions",
                    path.display()
                ),
            )
            .because(source),
        )
    };
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    limits::check_file(length)?;
    // One allocation where the length is known: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length as usize + 1));
    file.take(limits::MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    limits::check_file(bytes.len() as u64)?;
    Ok(bytes)
}

fn bad_pixels(what: &str) -> Error {
    Error::Photo(Detail::new("photo.bad_pixels", what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_and_padding() {
        let mut rgba = vec![9; 2 * 16];
        rgba[..8].copy_from_slice(&[1, 2, 3, 255, 4, 5, 6, 255]);
        rgba[16..24].copy_from_slice(&[7, 8, 9, 255, 10, 11, 12, 0]);
        let photo = Photo::from_pixels(&rgba, 2, 2, 16, Orientation::Upright).unwrap();
        assert_eq!(photo.pixels(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 255, 255, 255]);
        let turned = Photo::from_pixels(&rgba[..24], 2, 2, 16, Orientation::Rotate90).unwrap();
        assert_eq!(turned.pixels(), [7, 8, 9, 1, 2, 3, 255, 255, 255, 4, 5, 6]);
    }

    #[test]
    fn bad_pixels_are_refused() {
        let code = |bytes: &[u8], w, h, stride| {
            Photo::from_pixels(bytes, w, h, stride, Orientation::Upright).unwrap_err().code()
        };
        assert_eq!(code(&[0; 16], 2, 2, 7), "photo.bad_pixels");
        assert_eq!(code(&[0; 15], 2, 2, 8), "photo.bad_pixels");
        assert_eq!(code(&[0; 16], 0, 2, 8), "photo.bad_pixels");
        assert_eq!(code(&[0; 16], 2, 2, usize::MAX), "photo.bad_pixels");
        assert_eq!(code(&[], 20_000, 1, 80_000), "photo.too_large");
    }
}
