//! A phone's own encoder behind the core's frame sink.

use std::sync::Arc;
use std::time::Duration;

use super::Result;
use crate::clip::{Fps, I420, SinkResult};
use crate::error::Error;

/// Takes a clip frame by frame: a phone's own encoder, a window, a stream.
///
/// The calls come one after another, on a thread of the job: `begin` once, `frame` for each frame
/// in order, `finish` once. A call that blocks holds the job back, so no frames pile up. An error
/// ends the job and is what the job fails with. A job that is cancelled or fails does not call
/// `finish`: it calls `abandon`, and nobody wants the clip.
#[uniffi::export(rust, foreign)]
pub trait FrameSink: Send + Sync {
    /// The clip starts.
    fn begin(&self, format: VideoFormat) -> Result<()>;

    /// The next frame, to be shown from `timestamp_us` microseconds on; the first is at 0.
    ///
    /// `i420`: the planes Y (width × height), U and V (half of each side), one after another, rows
    /// from the top without padding; BT.709, limited range.
    fn frame(&self, i420: Vec<u8>, timestamp_us: u64) -> Result<()>;

    /// All frames have come.
    fn finish(&self) -> Result<()>;

    /// The job ended before its last frame: what was written so far may be thrown away.
    fn abandon(&self) -> Result<()>;
}

/// What the frames of a clip look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct VideoFormat {
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Frames a second as a fraction: above the line.
    pub fps_numerator: u32,
    /// Below the line.
    pub fps_denominator: u32,
}

/// The core's sink that calls `sink`.
pub(super) fn forward(sink: Arc<dyn FrameSink>) -> Box<dyn crate::FrameSink> {
    Box::new(Forward { sink, open: false })
}

struct Forward {
    sink: Arc<dyn FrameSink>,
    /// Begun and not yet finished.
    open: bool,
}

impl crate::FrameSink for Forward {
    fn begin(&mut self, width: u32, height: u32, fps: Fps) -> SinkResult {
        let (fps_numerator, fps_denominator) = (fps.numerator(), fps.denominator());
        self.open = true;
        let format = VideoFormat { width, height, fps_numerator, fps_denominator };
        self.sink.begin(format).map_err(handed_on)
    }

    fn frame(&mut self, frame: &I420, timestamp: Duration) -> SinkResult {
        self.sink.frame(planes(frame), timestamp.as_micros() as u64).map_err(handed_on)
    }

    fn finish(&mut self) -> SinkResult {
        self.open = false;
        self.sink.finish().map_err(handed_on)
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        if self.open {
            // The job has its own error; a second one from cleaning up would hide it.
            _ = self.sink.abandon();
        }
    }
}

/// A sink that says "cancelled" means the job.
fn handed_on(error: super::KinoraError) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        super::KinoraError::Cancelled { .. } => Box::new(Error::Cancelled),
        other => Box::new(other),
    }
}

/// The three planes one after another, without padding.
fn planes(frame: &I420) -> Vec<u8> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let mut out = Vec::with_capacity(width * height * 3 / 2);
    let chroma = (frame.uv_stride(), width / 2, height / 2);
    for (plane, (stride, width, height)) in
        [(frame.y(), (frame.y_stride(), width, height)), (frame.u(), chroma), (frame.v(), chroma)]
    {
        if stride == width {
            out.extend_from_slice(&plane[..width * height]);
        } else {
            plane.chunks(stride).take(height).for_each(|row| out.extend_from_slice(&row[..width]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::ffi::KinoraError;

    #[derive(Default)]
    struct Seen(Mutex<Vec<String>>);

    impl FrameSink for Seen {
        fn begin(&self, format: VideoFormat) -> Result<()> {
            self.0.lock().unwrap().push(format!("begin {}×{}", format.width, format.height));
            Ok(())
        }

        fn frame(&self, i420: Vec<u8>, timestamp_us: u64) -> Result<()> {
            if timestamp_us > 50_000 {
                let reason = "stop".to_owned();
                return Err(KinoraError::Cancelled {
                    code: "cancelled".into(),
                    reason,
                    detail: None,
                });
            }
            self.0.lock().unwrap().push(format!("{} bytes at {timestamp_us}", i420.len()));
            Ok(())
        }

        fn finish(&self) -> Result<()> {
            self.0.lock().unwrap().push("finish".into());
            Ok(())
        }

        fn abandon(&self) -> Result<()> {
            self.0.lock().unwrap().push("abandon".into());
            Ok(())
        }
    }

    #[test]
    fn frames_cross_whole_and_a_clip_that_ends_early_is_abandoned() {
        let seen = Arc::new(Seen::default());
        let mut sink = forward(seen.clone());
        let fps = Fps::new(25, 1).unwrap();
        let frame = I420::new(6, 4).unwrap();
        sink.begin(6, 4, fps).unwrap();
        sink.frame(&frame, Duration::from_millis(40)).unwrap();
        let stopped = sink.frame(&frame, Duration::from_millis(80)).unwrap_err();
        assert!(matches!(*stopped.downcast::<Error>().unwrap(), Error::Cancelled));
        drop(sink);
        assert_eq!(*seen.0.lock().unwrap(), ["begin 6×4", "36 bytes at 40000", "abandon"]);
        let mut whole = forward(seen.clone());
        whole.begin(6, 4, fps).unwrap();
        whole.finish().unwrap();
        drop(whole);
        assert_eq!(seen.0.lock().unwrap().last().unwrap(), "finish");
    }
}
