//! A picture on its way through the gates, and the trait that judges it.

use std::fmt;

/// Which end of a job a picture stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The photo, before any model of the clip sees it.
    Input,
    /// A frame, before the encoder or sink gets it.
    Output,
}

/// A picture that is judged: sRGB, 8 bits a channel, borrowed for the time of the call.
#[derive(Clone, Copy)]
pub struct Picture<'p> {
    width: u32,
    height: u32,
    pixels: &'p [u8],
    side: Side,
}

impl<'p> Picture<'p> {
    /// `pixels`: RGB, (H, W, 3), rows from the top without padding. `None` where their number is
    /// not 3 × `width` × `height`, or a side is 0.
    #[must_use]
    pub fn new(width: u32, height: u32, pixels: &'p [u8], side: Side) -> Option<Self> {
        let wanted = (width as usize).checked_mul(height as usize)?.checked_mul(3)?;
        (wanted > 0 && pixels.len() == wanted).then_some(Self { width, height, pixels, side })
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// RGB, 8 bits a channel, (H, W, 3), rows from the top without padding.
    #[must_use]
    pub fn pixels(&self) -> &'p [u8] {
        self.pixels
    }

    /// Photo or frame.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }
}

/// No pixels.
impl fmt::Debug for Picture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}×{}, {:?})", self.width, self.height, self.side)
    }
}

/// What a check says of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on.
    Allow,
    /// The job ends; nothing of it is kept.
    Refuse {
        /// What was found, in the host's words, such as `nudity`; an error carries it.
        category: String,
    },
}

/// Why a check could not judge; the picture is then refused.
pub type CheckFailure = Box<dyn std::error::Error + Send + Sync>;

/// A check of pictures that the host brings: its own classifier, the system's, a hash service.
///
/// It is called from the threads of jobs, perhaps of several at a time, and a job waits for it. An
/// error or a panic counts as a refusal. It sees a person's photo: nothing of it should be kept.
pub trait PictureCheck: Send + Sync {
    /// A short name for [`Checked`](super::Checked) and errors.
    fn name(&self) -> &str {
        "host"
    }

    /// Judges one picture.
    ///
    /// # Errors
    /// Whatever kept it from judging; the job then ends with `safety.check_failed`.
    fn check(&self, picture: &Picture<'_>) -> Result<Verdict, CheckFailure>;
}

#[cfg(test)]
mod tests {
    use super::{Picture, Side};

    #[test]
    fn a_picture_has_all_its_pixels_and_prints_none() {
        let pixels = [7; 2 * 3 * 3];
        let picture = Picture::new(2, 3, &pixels, Side::Input).unwrap();
        assert_eq!(format!("{picture:?}"), "Picture(2×3, Input)");
        assert!(Picture::new(3, 3, &pixels, Side::Input).is_none());
        assert!(Picture::new(0, 0, &[], Side::Input).is_none());
        assert!(Picture::new(u32::MAX, u32::MAX, &pixels, Side::Output).is_none());
    }
}
