//! A video as it leaves: its pictures alone.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::clip::movie::{self, Movie};
use crate::error::Result;

/// A person's own video for a provider that takes one: H.264 pictures in a new MP4 file, without
/// sound, metadata, other tracks or the names in them.
///
/// Clones share it; it is wiped when the last one is dropped.
#[derive(Clone)]
pub struct Video {
    bytes: Arc<Zeroizing<Vec<u8>>>,
    movie: Movie,
}

impl Video {
    /// Takes the bytes of an MP4 or QuickTime file with H.264 pictures, up to 512 MiB.
    ///
    /// # Errors
    /// `request.video` with what to do: no MP4, damaged, no H.264, too large.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let bytes = Zeroizing::new(movie::strip(bytes)?);
        let movie = movie::read(&bytes)?;
        Ok(Self { bytes: Arc::new(bytes), movie })
    }

    /// Width in pixels as it is shown.
    pub fn width(&self) -> u32 {
        self.movie.width
    }

    /// Height in pixels as it is shown.
    pub fn height(&self) -> u32 {
        self.movie.height
    }

    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.movie.seconds
    }

    /// The new file's bytes: what would be sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Video {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Video({}×{})", self.width(), self.height())
    }
}
