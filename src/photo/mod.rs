//! Bytes become a [`Photo`]: upright, sRGB, within limits, without metadata.

mod decode;
mod format;
mod icc;
mod jpeg;
mod limits;
mod marks;
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
pub use marks::PhotoMarks;
pub use orientation::Orientation;

/// An upright sRGB picture, 8 bits a channel, that carries nothing of its file but the pixels, and
/// whether the file said that a model made them.
///
/// Clones share the pixels; they are wiped when the last one is dropped.
#[derive(Clone)]
pub struct Photo {
    pixels: Arc<Zeroizing<Vec<u8>>>,
    width: u32,
    height: u32,
    marks: PhotoMarks,
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

    /// Whether its file said that a model made it. A clip's own marks carry that on.
    pub fn marks(&self) -> PhotoMarks {
        self.marks
    }

    /// The same photo, of which the host knows more: for [`Photo::from_pixels`], which sees no file.
    #[must_use]
    pub fn with_marks(mut self, marks: PhotoMarks) -> Self {
        self.marks = marks;
        self
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
