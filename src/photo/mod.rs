//! Bytes become a [`Photo`]: upright, sRGB, within limits, without metadata.

mod decode;
mod format;
mod icc;
mod jpeg;
mod limits;
mod mend;
mod orientation;
mod pixels;
mod raster;
mod source;
mod tiff;

use std::sync::Arc;

use zeroize::Zeroizing;

#[cfg(fuzzing)]
pub use icc::fuzz;
pub use orientation::Orientation;

/// An upright sRGB picture, 8 bits a channel, that carries nothing of its file but the pixels.
///
/// Clones share the pixels; they are wiped when the last one is dropped.
#[derive(Clone)]
pub struct Photo {
    pixels: Arc<Zeroizing<Vec<u8>>>,
    width: u32,
    height: u32,
}

impl Photo {
    /// Width of the upright picture in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height of the upright picture in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The pixels, RGB, 8 bits a channel, (H, W, 3), rows from the top without padding.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

impl std::fmt::Debug for Photo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Photo({}×{})", self.width, self.height)
    }
}
