//! Finished videos: reading what an MP4 file holds, and taking out of it all but the pictures.

#[cfg(any(fuzzing, all(feature = "openh264", not(any(target_os = "ios", target_os = "android")))))]
mod annexb;
mod boxes;
mod error;
mod h264;
mod index;
mod matrix;
mod remux;
mod samples;
mod shown;
mod track;

#[cfg(test)]
mod tests;

#[cfg(any(
    fuzzing,
    all(feature = "openh264", not(any(target_os = "ios", target_os = "android")))
))]
pub(crate) use annexb::Stream;
pub(crate) use error::MovieError;
pub(crate) use remux::strip;
pub(crate) use shown::{Movie, read};

use crate::error::{Detail, Error};

/// A person's own video that cannot be taken.
impl From<MovieError> for Error {
    fn from(error: MovieError) -> Self {
        Self::Request(Detail::new("request.video", error.to_string()))
    }
}
