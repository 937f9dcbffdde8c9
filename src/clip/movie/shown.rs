//! What a finished video holds, from its index alone: no picture is decoded.

use super::error::{MovieError, Result};
use super::samples::Sample;
use super::track::{Source, Window};

/// What an MP4 file shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Movie {
    /// Width of a picture in pixels, after it was turned the way it is shown.
    pub width: u32,
    /// Height of a picture in pixels, after it was turned the way it is shown.
    pub height: u32,
    /// How many pictures are shown, at least 1.
    pub frames: u32,
    /// How long they are shown in all, in seconds.
    pub seconds: f64,
    /// Pictures a second on average, as a reduced fraction: `(30000, 1001)` is 29.97.
    pub fps: (u32, u32),
    /// The four letters of the codec, such as `avc1` (H.264) or `hvc1` (H.265).
    pub codec: [u8; 4],
    /// Whether there is a sound track.
    pub has_audio: bool,
}

/// Reads what an MP4 or QuickTime file of up to 512 MiB shows.
///
/// The size is that of the coded pictures; a pixel aspect other than 1:1 is not applied. Memory
/// and time are at most of the order of `bytes`, whatever those claim.
///
/// # Errors
///
/// [`MovieError`] where the file is no MP4, is damaged, holds no pictures, is too large, is made
/// of fragments, or plays several pieces.
pub(crate) fn read(bytes: &[u8]) -> Result<Movie> {
    let Source { video, has_audio } = Source::open(bytes)?;
    let mut shown = Shown::default();
    for sample in video.samples {
        let sample = sample?;
        shown.add(&sample, sample.size, video.window);
    }
    let Shown { frames, ticks } = shown.check()?;
    let (mut width, mut height) = (u32::from(video.width), u32::from(video.height));
    if video.matrix.swaps_sides() {
        (width, height) = (height, width);
    }
    Ok(Movie {
        width,
        height,
        frames,
        seconds: ticks as f64 / f64::from(video.timescale),
        fps: reduced(u64::from(frames) * u64::from(video.timescale), ticks),
        codec: video.codec,
        has_audio,
    })
}

/// What of a track is shown.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) frames: u32,
    /// How long all of them last.
    pub(crate) ticks: u64,
}

impl Shown {
    /// Counts a sample in if it is shown. Its bytes may be fewer than in the file by now.
    pub(crate) fn add(&mut self, sample: &Sample, size: u32, window: Option<Window>) {
        let end = sample.shown.saturating_add(sample.lasts.max(1).into());
        if window.is_none_or(|window| end > window.start && sample.shown < window.end) {
            // A sample without bytes lets the picture before it stand.
            self.frames += u32::from(size > 0);
            self.ticks += u64::from(sample.lasts);
        }
    }

    pub(crate) fn check(self) -> Result<Self> {
        match self {
            Self { frames: 0, .. } => Err(MovieError::NoVideo),
            Self { ticks: 0, .. } => Err(MovieError::Damaged),
            shown => Ok(shown),
        }
    }
}

/// The fraction in lowest terms, or the nearest below that fits 32 bits.
fn reduced(numerator: u64, denominator: u64) -> (u32, u32) {
    let (mut a, mut b) = (numerator, denominator);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let (mut numerator, mut denominator) = (numerator / a.max(1), denominator / a.max(1));
    while numerator > u64::from(u32::MAX) || denominator > u64::from(u32::MAX) {
        (numerator, denominator) = (numerator / 2, denominator / 2);
    }
    (numerator as u32, denominator.max(1) as u32)
}

#[cfg(test)]
mod tests {
    use super::reduced;

    #[test]
    fn fractions_are_reduced_and_fit() {
        assert_eq!(reduced(60 * 30_000, 60 * 1001), (30_000, 1001));
        assert_eq!(reduced(1 << 40, 1 << 41), (1, 2));
        assert_eq!(reduced((1 << 40) + 1, 1 << 40), (u32::MAX / 2 + 1, u32::MAX / 2 + 1));
        assert_eq!(reduced(u64::MAX, 1), (u32::MAX, 1));
    }
}
