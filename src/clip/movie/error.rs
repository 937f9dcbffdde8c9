//! Why a video file is refused, each with a sentence that says what to do.

/// Why a video file cannot be read or stripped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum MovieError {
    /// The bytes do not begin as an MP4 or QuickTime file does.
    #[error("this is not an MP4 file: choose a video that ends in .mp4 or .mov")]
    NotMp4,
    /// The file ends too early or contradicts itself.
    #[error("the video file is damaged or incomplete: copy or download it again")]
    Damaged,
    /// No track holds pictures, or none of them is shown.
    #[error("the file shows no pictures: choose a file with a video in it")]
    NoVideo,
    /// The pictures are not H.264 (`avc1`). Holds the four letters of what was found.
    #[error("the video is coded as '{}': convert it to H.264 in an MP4 file", .0.escape_ascii())]
    Codec([u8; 4]),
    /// The file is larger than 512 MiB.
    #[error("the video file is larger than 512 MiB: shorten it or make it smaller")]
    TooLarge,
    /// The file is made of fragments (`moof`), as streams are.
    #[error("the video is cut into fragments for streaming: save it as one ordinary MP4 file")]
    Fragmented,
    /// The file plays several pieces, out of order, at another speed, or from other files.
    #[error("the video is put together from pieces: export it anew as one plain MP4 file")]
    Assembled,
}

pub(crate) type Result<T> = std::result::Result<T, MovieError>;
