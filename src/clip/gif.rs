//! Animated GIF, streamed.

use std::borrow::Cow;

use gif::{DisposalMethod, EncodingError, Repeat};
use zeroize::Zeroizing;

use crate::clip::frame::ToRgb;
use crate::clip::palette::{Palette, TRANSPARENT};
use crate::clip::target::Target;
use crate::clip::{ClipSpec, Encoder, Fps, Frame, Layout, Written, too_large};
use crate::error::{Detail, Error, Result};

/// GIF's clock.
const TICKS_A_SECOND: u32 = 100;
/// Browsers show a shorter frame for ten ticks.
const SHORTEST: u64 = 2;
/// How much worse than its own first frame a palette may show a later one before it is renewed,
/// as a ratio of squared errors and as a squared error that is never worth a new palette.
const WORSE: f64 = 1.5;
const NEGLIGIBLE: f64 = 12.0;

/// Encodes one clip.
pub(crate) struct Gif {
    writer: gif::Encoder<Target>,
    spec: ClipSpec,
    next: u32,
    /// The palette in use and its error on the frame that it was learnt from.
    palette: Option<(Palette, f64)>,
    indices: Zeroizing<Vec<u8>>,
    /// What the picture shows before this frame.
    shown: Zeroizing<Vec<u8>>,
    converted: ToRgb,
}

/// `output.size` when `spec` is not for this encoder.
pub(crate) fn check_size(spec: &ClipSpec) -> Result<()> {
    let side = |side: u32| u16::try_from(side).is_ok_and(|side| side > 0);
    if !side(spec.width) || !side(spec.height) {
        return Err(too_large(spec, "a GIF picture", "of at most 65535 pixels a side"));
    }
    Ok(())
}

impl Gif {
    pub(crate) fn open(target: Target, spec: &ClipSpec) -> Result<Self> {
        let (width, height) = (spec.width as u16, spec.height as u16);
        let mut writer = gif::Encoder::new(target, width, height, &[])
            .map_err(|source| refused(source, None))?;
        let repeat = if spec.looping { Repeat::Infinite } else { Repeat::Finite(0) };
        writer.set_repeat(repeat).map_err(|source| refused(source, None))?;
        let area = spec.width as usize * spec.height as usize;
        Ok(Self {
            writer,
            spec: *spec,
            next: 0,
            palette: None,
            indices: Zeroizing::new(vec![0; area]),
            shown: Zeroizing::new(vec![TRANSPARENT; area]),
            converted: ToRgb::new(),
        })
    }
}

impl Encoder for Gif {
    fn layout(&self) -> Layout {
        Layout::Rgb
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        let number = self.next;
        self.next += 1;
        let Some(delay) = delay(self.spec.fps, number, self.spec.frames) else {
            return Ok(());
        };
        let pixels = self.converted.view(frame)?.pixels();
        let kept = self.palette.take().filter(|(palette, own)| {
            palette.error(pixels) <= (own * WORSE).max(NEGLIGIBLE)
        });
        let (palette, own_error) = match kept {
            Some(kept) => kept,
            None => {
                // Indices of another palette say nothing about what is shown.
                self.shown.fill(TRANSPARENT);
                let palette = Palette::learn(pixels);
                let error = palette.error(pixels);
                (palette, error)
            }
        };
        let width = self.spec.width as usize;
        palette.map(pixels, width, &mut self.indices);
        for (index, shown) in self.indices.iter_mut().zip(self.shown.iter_mut()) {
            if *index == *shown {
                *index = TRANSPARENT;
            } else {
                *shown = *index;
            }
        }
        let written = self.writer.write_frame(&gif::Frame {
            delay,
            dispose: DisposalMethod::Keep,
            transparent: Some(TRANSPARENT),
            width: self.spec.width as u16,
            height: self.spec.height as u16,
            palette: Some(palette.colours().to_vec()),
            buffer: Cow::Borrowed(&self.indices),
            ..gif::Frame::default()
        });
        self.palette = Some((palette, own_error));
        written.map_err(|source| refused(source, Some(self.writer.get_ref())))
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        self.writer.into_inner().map_err(|source| refused(source, None))?.commit()
    }
}

/// Ticks that frame `number` is shown, or nothing when it is left out because the clock cannot
/// show it. Starts are rounded, so that the whole clip lasts as long as it should.
fn delay(fps: Fps, number: u32, frames: u32) -> Option<u16> {
    // Which frames are shown is counted from the first; a clip has some hundred.
    let start = |frame: u32| fps.ticks(frame, TICKS_A_SECOND);
    let end = start(frames);
    let mut shown = 0;
    while shown < number {
        shown = following(start, shown, frames, end);
    }
    if shown != number {
        return None;
    }
    let next = following(start, shown, frames, end);
    Some((start(next) - start(number)).min(u64::from(u16::MAX)) as u16)
}

/// The next frame that starts late enough and leaves enough time before the end.
fn following(start: impl Fn(u32) -> u64, shown: u32, frames: u32, end: u64) -> u32 {
    let fits = |&next: &u32| start(next) - start(shown) >= SHORTEST && end - start(next) >= SHORTEST;
    (shown + 1..frames).find(fits).unwrap_or(frames)
}

fn refused(source: EncodingError, target: Option<&Target>) -> Error {
    match (source, target) {
        (EncodingError::Io(source), Some(target)) => target.error(source),
        (other, _) => {
            let message = "the GIF encoder failed: try another size or format";
            Error::Output(Detail::new("output.gif", message).because(other))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(fps: f64, frames: u32) -> Vec<u16> {
        let fps = Fps::from_decimal(fps).unwrap();
        (0..frames).filter_map(|number| delay(fps, number, frames)).collect()
    }

    #[test]
    fn delays_add_up_to_the_clip() {
        for (fps, frames) in [(24.0, 48), (30.0, 60), (29.97, 90), (60.0, 120), (12.5, 25), (1.0, 3)] {
            let delays = delays(fps, frames);
            let total: f64 = delays.iter().map(|&delay| f64::from(delay) / 100.0).sum();
            let exact = f64::from(frames) / Fps::from_decimal(fps).unwrap().as_f64();
            assert!((total - exact).abs() <= 0.005, "{fps}: {total} for {exact}");
            assert!(delays.iter().all(|&delay| delay >= 2), "{fps}: {delays:?}");
        }
        assert_eq!(delays(24.0, 48).len(), 48);
        assert_eq!(delays(24.0, 48).iter().map(|&d| u32::from(d)).sum::<u32>(), 200);
    }

    #[test]
    fn frames_that_browsers_would_slow_down_are_left_out() {
        assert_eq!(delays(60.0, 60).len(), 40);
        assert_eq!(delays(50.0, 50).len(), 50);
    }
}
