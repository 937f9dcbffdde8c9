//! What a request asks its clip to become.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::clip::{FrameSink, target::failed};
use crate::error::Result;

/// Where a clip goes and in which format.
///
/// Files are written under a temporary name beside their own and renamed when they are whole: a
/// cancelled or failed job leaves nothing, and a file that was there before stays as it was. A
/// finished clip replaces a file of the same name.
#[derive(Debug)]
pub struct Output {
    pub(crate) place: Place,
    pub(crate) frames: Option<PathBuf>,
}

/// The place behind an [`Output`].
pub(crate) enum Place {
    File(Container, PathBuf),
    Folder(PathBuf),
    Bytes(Container),
    Sink(Box<dyn FrameSink>),
}

/// A file format that holds a whole clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Container {
    /// H.264 High in MP4, BT.709, the index at the front. Width and height are even.
    Mp4,
    /// Animated WebP.
    Webp,
    /// GIF: at most 256 colours in a frame, times in hundredths of a second.
    Gif,
}

impl Output {
    /// An MP4 file.
    pub fn mp4(path: impl Into<PathBuf>) -> Self {
        Place::File(Container::Mp4, path.into()).into()
    }

    /// An animated WebP file.
    pub fn webp(path: impl Into<PathBuf>) -> Self {
        Place::File(Container::Webp, path.into()).into()
    }

    /// An animated GIF file.
    pub fn gif(path: impl Into<PathBuf>) -> Self {
        Place::File(Container::Gif, path.into()).into()
    }

    /// A folder of PNG files `frame_0000.png`, `frame_0001.png`, …, lossless.
    ///
    /// The folder is created if it is missing. A folder that already holds such frames is refused,
    /// so that two clips never mix; other files in it are left alone.
    pub fn png_folder(folder: impl Into<PathBuf>) -> Self {
        Place::Folder(folder.into()).into()
    }

    /// The bytes of a file, in memory.
    pub fn bytes(container: Container) -> Self {
        Place::Bytes(container).into()
    }

    /// Frames, one by one, to a phone's own encoder or whatever takes them.
    pub fn sink(sink: Box<dyn FrameSink>) -> Self {
        Place::Sink(sink).into()
    }

    /// The file format that the extension of `path` names: `mp4` (or `m4v`), `webp`, `gif`.
    ///
    /// # Errors
    /// `output.unknown_format` for any other extension.
    pub fn from_path(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        Ok(Place::File(Container::from_path(&path)?, path).into())
    }

    /// The same frames also as PNG files in `folder`, as [`Output::png_folder`] makes them.
    #[must_use]
    pub fn with_frames(mut self, folder: impl Into<PathBuf>) -> Self {
        self.frames = Some(folder.into());
        self
    }
}

impl From<Place> for Output {
    fn from(place: Place) -> Self {
        Self { place, frames: None }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(container, path) => write!(f, "{container:?} file {}", path.display()),
            Self::Folder(folder) => write!(f, "PNG files in {}", folder.display()),
            Self::Bytes(container) => write!(f, "{container:?} bytes"),
            Self::Sink(_) => f.write_str("frame sink"),
        }
    }
}

impl Container {
    /// The usual extension of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Webp => "webp",
            Self::Gif => "gif",
        }
    }

    /// The media type of its files.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Mp4 => "video/mp4",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    fn from_path(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        match extension.as_deref() {
            Some("mp4" | "m4v") => Ok(Self::Mp4),
            Some("webp") => Ok(Self::Webp),
            Some("gif") => Ok(Self::Gif),
            _ => Err(failed(
                "output.unknown_format",
                format!(
                    "{} names no format that can be written: end it with .mp4, .webp or .gif",
                    path.display()
                ),
            )),
        }
    }
}
