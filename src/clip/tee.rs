//! One stream of frames into two encoders.

use crate::clip::{Encoder, Frame, Layout, Written};
use crate::error::Result;

/// A clip and, beside it, its frames as files.
pub(crate) struct Tee {
    main: Box<dyn Encoder>,
    frames: Box<dyn Encoder>,
}

impl Tee {
    pub(crate) fn new(main: Box<dyn Encoder>, frames: Box<dyn Encoder>) -> Self {
        Self { main, frames }
    }
}

impl Encoder for Tee {
    fn layout(&self) -> Layout {
        // RGB holds all that I420 does; the way back would blur the colours of the PNG files.
        match (self.main.layout(), self.frames.layout()) {
            (Layout::I420, Layout::I420) => Layout::I420,
            _ => Layout::Rgb,
        }
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        self.main.write(frame)?;
        self.frames.write(frame)
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        // The clip last: where it stands, its frames stand too.
        self.frames.finish()?;
        self.main.finish()
    }
}
