//! What a decoder hands over: samples in the file's own colours, not yet upright, not yet sRGB.

use zeroize::Zeroize;

use super::orientation::Orientation;

/// A decoded picture, rows from the top without padding; the samples are wiped when it is dropped.
pub(super) struct Raster {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) model: Model,
    pub(super) samples: Samples,
    /// The colour profile as it stood in the file, not yet trusted.
    pub(super) icc: Option<Vec<u8>>,
    pub(super) orientation: Orientation,
}

impl Raster {
    /// Keeps the upper left corner of `width` × `height` pixels, which must lie inside.
    pub(super) fn crop(&mut self, width: u32, height: u32) {
        fn cut<T: Copy>(samples: &mut Vec<T>, from: usize, to: usize, rows: usize) {
            for row in 0..rows {
                samples.copy_within(row * from..row * from + to, row * to);
            }
            samples.truncate(rows * to);
        }
        let channels = self.model.channels();
        let (from, to) = (self.width as usize * channels, width as usize * channels);
        match &mut self.samples {
            Samples::U8(samples) => cut(samples, from, to, height as usize),
            Samples::U16(samples) => cut(samples, from, to, height as usize),
        }
        (self.width, self.height) = (width, height);
    }
}

/// What the channels of a pixel mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
    /// Amounts of ink: 0 is bare paper.
    Cmyk,
}

impl Model {
    /// Samples of one pixel.
    pub(super) fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }
}

/// Samples over the full range of their type.
pub(super) enum Samples {
    U8(Vec<u8>),
    U16(Vec<u16>),
}

impl Drop for Samples {
    fn drop(&mut self) {
        match self {
            Self::U8(samples) => samples.zeroize(),
            Self::U16(samples) => samples.zeroize(),
        }
    }
}

impl Drop for Raster {
    fn drop(&mut self) {
        self.icc.zeroize();
    }
}
