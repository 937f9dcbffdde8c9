//! Frames in the two layouts that encoders take; their pixels are wiped when they are dropped.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Detail, Error, Result};
use crate::render::colour::{self, Planes};

/// A frame in I420: BT.709, limited range, 8 bits.
///
/// `y` is (H, W); `u` (Cb) and `v` (Cr) are (H/2, W/2). Rows run from the top, each plane's row
/// starts a stride after the one before. Chroma samples lie on the left luma column, between two
/// rows (H.264's location type 0). The pixels are wiped when the frame is dropped.
pub struct I420 {
    width: u32,
    height: u32,
    samples: Zeroizing<Vec<u8>>,
}

impl I420 {
    /// A black frame of `width` × `height` pixels, both even.
    ///
    /// # Errors
    /// `request.odd_size` when a side is odd or 0.
    pub fn new(width: u32, height: u32) -> Result<Self> {
        even(width, height)?;
        let luma = area(width, height);
        let mut samples = Zeroizing::new(vec![colour::CHROMA_OFFSET as u8; luma + luma / 2]);
        samples[..luma].fill(colour::LUMA_OFFSET as u8);
        Ok(Self { width, height, samples })
    }

    /// Width in pixels, even.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, even.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The luma plane.
    pub fn y(&self) -> &[u8] {
        &self.samples[..self.luma()]
    }

    /// The Cb plane.
    pub fn u(&self) -> &[u8] {
        &self.samples[self.luma()..self.luma() * 5 / 4]
    }

    /// The Cr plane.
    pub fn v(&self) -> &[u8] {
        &self.samples[self.luma() * 5 / 4..]
    }

    /// Bytes from one row of `y` to the next.
    pub fn y_stride(&self) -> usize {
        self.width as usize
    }

    /// Bytes from one row of `u` or `v` to the next.
    pub fn uv_stride(&self) -> usize {
        self.width as usize / 2
    }

    /// All three planes at once, to draw into.
    pub(crate) fn planes_mut(&mut self) -> Planes<'_> {
        let luma = self.luma();
        let (y, chroma) = self.samples.split_at_mut(luma);
        let (u, v) = chroma.split_at_mut(luma / 4);
        Planes { y, u, v }
    }

    /// Draws an RGB frame of the same size into this one.
    pub(crate) fn convert_from(&mut self, rgb: &Rgb8) -> Result<()> {
        same_size((self.width, self.height), (rgb.width, rgb.height))?;
        colour::i420_from_rgb8(&rgb.pixels, self.width as usize, self.planes_mut());
        Ok(())
    }

    fn luma(&self) -> usize {
        area(self.width, self.height)
    }
}

impl fmt::Debug for I420 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "I420({}×{})", self.width, self.height)
    }
}

/// A frame in RGB, 8 bits a channel, (H, W, 3) without padding.
pub(crate) struct Rgb8 {
    width: u32,
    height: u32,
    pixels: Zeroizing<Vec<u8>>,
}

impl Rgb8 {
    /// A black frame.
    pub(crate) fn new(width: u32, height: u32) -> Self {
        let pixels = Zeroizing::new(vec![0; area(width, height) * 3]);
        Self { width, height, pixels }
    }

    pub(crate) fn width(&self) -> u32 {
        self.width
    }

    pub(crate) fn height(&self) -> u32 {
        self.height
    }

    pub(crate) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    pub(crate) fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    /// Draws an I420 frame of the same size into this one.
    pub(crate) fn convert_from(&mut self, frame: &I420) -> Result<()> {
        same_size((self.width, self.height), (frame.width, frame.height))?;
        let width = self.width as usize;
        colour::rgb8_from_i420(frame.y(), frame.u(), frame.v(), width, &mut self.pixels);
        Ok(())
    }
}

/// One frame in the layout that the encoder asked for; a buffer that can be drawn into again.
pub(crate) enum Frame {
    I420(I420),
    Rgb(Rgb8),
}

impl Frame {
    /// A black frame in `layout`.
    pub(crate) fn new(layout: Layout, width: u32, height: u32) -> Result<Self> {
        Ok(match layout {
            Layout::I420 => Self::I420(I420::new(width, height)?),
            Layout::Rgb => Self::Rgb(Rgb8::new(width, height)),
        })
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        match self {
            Self::I420(frame) => (frame.width, frame.height),
            Self::Rgb(frame) => (frame.width, frame.height),
        }
    }
}

/// What an encoder wants its frames to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    I420,
    Rgb,
}

/// A frame in I420 whatever it came in: encoders that can take both convert with this.
pub(crate) struct ToI420(Option<I420>);

impl ToI420 {
    pub(crate) fn new() -> Self {
        Self(None)
    }

    pub(crate) fn view<'a>(&'a mut self, frame: &'a Frame) -> Result<&'a I420> {
        match frame {
            Frame::I420(frame) => Ok(frame),
            Frame::Rgb(rgb) => {
                let mut own = match self.0.take() {
                    Some(own) => own,
                    None => I420::new(rgb.width, rgb.height)?,
                };
                own.convert_from(rgb)?;
                Ok(self.0.insert(own))
            }
        }
    }
}

/// A frame in RGB whatever it came in.
pub(crate) struct ToRgb(Option<Rgb8>);

impl ToRgb {
    pub(crate) fn new() -> Self {
        Self(None)
    }

    pub(crate) fn view<'a>(&'a mut self, frame: &'a Frame) -> Result<&'a Rgb8> {
        match frame {
            Frame::Rgb(frame) => Ok(frame),
            Frame::I420(i420) => {
                let mut own = self.0.take().unwrap_or_else(|| Rgb8::new(i420.width, i420.height));
                own.convert_from(i420)?;
                Ok(self.0.insert(own))
            }
        }
    }
}

/// Both sides even and not 0, as 4:2:0 needs.
pub(crate) fn even(width: u32, height: u32) -> Result<()> {
    if width == 0 || height == 0 || !width.is_multiple_of(2) || !height.is_multiple_of(2) {
        return Err(Error::Request(Detail::new(
            "request.odd_size",
            format!("a video of {width}×{height} cannot be made: choose an even width and height"),
        )));
    }
    Ok(())
}

/// A frame of another size than the clip is our own mistake.
pub(crate) fn same_size(wanted: (u32, u32), got: (u32, u32)) -> Result<()> {
    if wanted == got {
        return Ok(());
    }
    let ((w, h), (gw, gh)) = (wanted, got);
    Err(Error::Internal(Detail::new(
        "internal.frame_size",
        format!("a frame of {gw}×{gh} came into a clip of {w}×{h}: please report it"),
    )))
}

fn area(width: u32, height: u32) -> usize {
    width as usize * height as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_have_the_sizes_of_420() {
        let frame = I420::new(6, 4).unwrap();
        assert_eq!((frame.y().len(), frame.u().len(), frame.v().len()), (24, 6, 6));
        assert!(frame.y().iter().all(|&y| y == 16) && frame.u().iter().all(|&u| u == 128));
    }

    #[test]
    fn odd_sizes_are_refused() {
        for (width, height) in [(5, 4), (4, 5), (0, 4)] {
            assert_eq!(I420::new(width, height).unwrap_err().code(), "request.odd_size");
        }
    }

    #[test]
    fn a_frame_of_another_size_is_an_error() {
        let mut frame = I420::new(4, 4).unwrap();
        assert!(frame.convert_from(&Rgb8::new(4, 2)).is_err());
    }
}
