//! Frames as a stream become MP4, WebP, GIF or PNG files, or go to a phone's own encoder.
//!
//! No encoder holds more frames than the one before: a clip of any length needs the same memory
//! but for its encoded bytes, and these go straight to the disk unless they were asked for.

#[cfg_attr(
    not(feature = "remote"),
    allow(dead_code, reason = "only a person's own video is written anew with all of it")
)]
mod atoms;
mod decode;
mod finishing;
mod fps;
mod frame;
mod gif;
#[cfg_attr(
    not(feature = "remote"),
    allow(
        dead_code,
        unused_imports,
        reason = "taking a person's own video apart is for those who send it"
    )
)]
pub(crate) mod movie;
#[cfg(all(feature = "openh264", not(any(target_os = "ios", target_os = "android"))))]
mod mp4;
mod output;
mod palette;
mod png_folder;
mod sink;
#[cfg_attr(
    any(not(feature = "openh264"), target_os = "ios", target_os = "android"),
    allow(dead_code, reason = "only the MP4 that the library itself writes needs all of it")
)]
mod target;
mod tee;
#[cfg(all(feature = "webp", not(any(target_os = "ios", target_os = "android"))))]
mod webp;

#[cfg(test)]
pub(crate) mod tests;

use std::path::PathBuf;

use crate::error::Result;
use output::Place;
use target::failed;

pub use fps::Fps;
pub use frame::I420;
pub use output::{Container, Output};
#[cfg(feature = "uniffi")]
pub(crate) use sink::SinkFailure;
pub use sink::{FrameSink, SinkResult};

pub(crate) use decode::{Picture, pictures};
pub(crate) use finishing::{Finish, Finishing};
pub(crate) use frame::{Frame, Layout, Rgb8};
pub(crate) use target::Target;

/// What is known of a clip before its first frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClipSpec {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) fps: Fps,
    /// How many frames will come: no more and no fewer.
    pub(crate) frames: u32,
    /// Whether a picture file is played again and again. A video file has no such mark.
    pub(crate) looping: bool,
}

/// Takes the frames of one clip. Dropped before [`Encoder::finish`], it leaves nothing behind.
pub(crate) trait Encoder: Send {
    /// The layout that costs this encoder nothing; it converts the other one.
    fn layout(&self) -> Layout;

    /// The next frame, of the size in the spec.
    fn write(&mut self, frame: &Frame) -> Result<()>;

    /// Makes the clip whole and lasting.
    fn finish(self: Box<Self>) -> Result<Written>;
}

/// What a finished clip is.
#[derive(Debug)]
pub(crate) enum Written {
    /// A file, or the folder of PNG files.
    Path(PathBuf),
    Bytes(Vec<u8>),
    /// The sink has it.
    Sink,
}

/// Opens an encoder; whatever can be known to fail fails here, before any work. `finish` is done to
/// each file once it is whole, before it has its name.
///
/// # Errors
/// `request.odd_size`; `output.*`: no encoder, too large for it, a place that cannot be written.
pub(crate) fn open(output: Output, spec: &ClipSpec, finish: Finish) -> Result<Box<dyn Encoder>> {
    let main: Box<dyn Encoder> = match output.place {
        Place::File(container, path) => {
            container_encoder(container, spec, &finish, || Target::file(&path))?
        }
        Place::Bytes(container) => {
            container_encoder(container, spec, &finish, || Ok(Target::memory()))?
        }
        Place::Folder(folder) => Box::new(png_folder::PngFolder::open(&folder, finish.clone())?),
        Place::Sink(sink) => {
            frame::even(spec.width, spec.height)?;
            Box::new(sink::SinkEncoder::open(sink, spec)?)
        }
    };
    let encoder = match output.frames {
        Some(folder) => {
            let frames = png_folder::PngFolder::open(&folder, finish)?;
            Box::new(tee::Tee::new(main, Box::new(frames)))
        }
        None => main,
    };
    Ok(Box::new(Counted { encoder, spec: *spec, seen: 0 }))
}

fn container_encoder(
    container: Container,
    spec: &ClipSpec,
    finish: &Finish,
    target: impl FnOnce() -> Result<Target>,
) -> Result<Box<dyn Encoder>> {
    match container {
        #[cfg(all(feature = "openh264", not(any(target_os = "ios", target_os = "android"))))]
        Container::Mp4 => {
            mp4::check_size(spec)?;
            Ok(Box::new(mp4::Mp4::open(target()?.finished_by(finish), spec)?))
        }
        #[cfg(not(all(feature = "openh264", not(any(target_os = "ios", target_os = "android")))))]
        Container::Mp4 => Err(failed(
            "output.no_encoder",
            "this build has no H.264 encoder: give a FrameSink with the system's own, \
             or build with the feature `openh264` on a desktop",
        )),
        #[cfg(all(feature = "webp", not(any(target_os = "ios", target_os = "android"))))]
        Container::Webp => {
            webp::check_size(spec)?;
            Ok(Box::new(webp::Webp::open(target()?.finished_by(finish), spec)?))
        }
        #[cfg(not(all(feature = "webp", not(any(target_os = "ios", target_os = "android")))))]
        Container::Webp => Err(failed(
            "output.no_encoder",
            "this build has no WebP encoder: ask for a GIF, \
             or build with the feature `webp` on a desktop",
        )),
        Container::Gif => {
            gif::check_size(spec)?;
            Ok(Box::new(gif::Gif::open(target()?.finished_by(finish), spec)?))
        }
    }
}

/// A place for a clip that comes as a whole MP4 file.
#[cfg(feature = "remote")]
pub(crate) struct FilePlace(Target);

#[cfg(feature = "remote")]
impl FilePlace {
    /// # Errors
    /// `output.needs_mp4` for any other kind of output; `output.*` for a place that cannot be written.
    pub(crate) fn open(output: Output) -> Result<Self> {
        let wrong = || {
            failed(
                "output.needs_mp4",
                "a clip of a remote model comes as an MP4 file: give Output::mp4 or bytes of it",
            )
        };
        if output.frames.is_some() {
            return Err(wrong());
        }
        match output.place {
            Place::File(Container::Mp4, path) => Target::file(&path).map(Self),
            Place::Bytes(Container::Mp4) => Ok(Self(Target::memory())),
            Place::File(..) | Place::Bytes(_) | Place::Folder(_) | Place::Sink(_) => Err(wrong()),
        }
    }

    /// Writes the file and finishes it; it is whole and lasting when this returns.
    pub(crate) fn put(self, bytes: &[u8], finish: &Finish) -> Result<Written> {
        let mut target = self.0.finished_by(finish);
        target.put(bytes)?;
        target.commit()
    }
}

/// The refusal of a clip that a format has no room for.
fn too_large(spec: &ClipSpec, format: &str, limit: &str) -> crate::Error {
    let ClipSpec { width, height, .. } = spec;
    let message = format!("{width}×{height} does not fit {format}: choose a size {limit}");
    failed("output.size", message)
}

/// Holds every frame and the number of frames to the spec.
struct Counted {
    encoder: Box<dyn Encoder>,
    spec: ClipSpec,
    seen: u32,
}

impl Encoder for Counted {
    fn layout(&self) -> Layout {
        self.encoder.layout()
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        frame::same_size((self.spec.width, self.spec.height), frame.size())?;
        self.seen += 1;
        if self.seen > self.spec.frames {
            return Err(self.miscounted());
        }
        self.encoder.write(frame)
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        if self.seen != self.spec.frames {
            return Err(self.miscounted());
        }
        self.encoder.finish()
    }
}

impl Counted {
    fn miscounted(&self) -> crate::Error {
        let message = format!(
            "{} frames came into a clip of {}: please report it",
            self.seen, self.spec.frames
        );
        crate::Error::Internal(crate::error::Detail::new("internal.frame_count", message))
    }
}
