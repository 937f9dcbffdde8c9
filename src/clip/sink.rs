//! A phone's own encoder, or anything else that takes frames one by one.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::clip::{ClipSpec, Encoder, Fps, Frame, I420, Layout, Written, frame::ToI420};
use crate::error::{Detail, Error, Result};

/// What a [`FrameSink`] answers: any error ends the job.
pub type SinkResult = std::result::Result<(), Box<dyn StdError + Send + Sync>>;

/// Takes a clip frame by frame: a phone's own encoder, a network stream, a window.
///
/// The calls come one after another, on a thread of the job: [`begin`](Self::begin) once,
/// [`frame`](Self::frame) for each frame in order, [`finish`](Self::finish) once. A call that
/// blocks holds the job back, so no frames pile up; an error cancels the job, and so does
/// [`Error::Cancelled`], which is handed on as it is. A sink that is dropped before `finish` was
/// called has an unfinished clip: the job was cancelled or failed.
pub trait FrameSink: Send {
    /// The clip starts: `width` × `height` pixels, both even.
    ///
    /// # Errors
    /// Whatever the sink cannot do.
    fn begin(&mut self, width: u32, height: u32, fps: Fps) -> SinkResult;

    /// The next frame, shown from `timestamp` on; the first is at 0.
    ///
    /// The frame is only lent: its memory holds another picture after the call.
    ///
    /// # Errors
    /// Whatever the sink cannot do.
    fn frame(&mut self, frame: &I420, timestamp: Duration) -> SinkResult;

    /// All frames have come.
    ///
    /// # Errors
    /// Whatever the sink cannot do.
    fn finish(&mut self) -> SinkResult;
}

/// Hands frames to a [`FrameSink`].
pub(crate) struct SinkEncoder {
    sink: Box<dyn FrameSink>,
    fps: Fps,
    next: u32,
    converted: ToI420,
}

impl SinkEncoder {
    pub(crate) fn open(mut sink: Box<dyn FrameSink>, spec: &ClipSpec) -> Result<Self> {
        sink.begin(spec.width, spec.height, spec.fps).map_err(refused)?;
        Ok(Self { sink, fps: spec.fps, next: 0, converted: ToI420::new() })
    }
}

impl Encoder for SinkEncoder {
    fn layout(&self) -> Layout {
        Layout::I420
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        let timestamp = self.fps.timestamp(self.next);
        self.next += 1;
        self.sink.frame(self.converted.view(frame)?, timestamp).map_err(refused)
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        self.sink.finish().map_err(refused)?;
        Ok(Written::Sink)
    }
}

fn refused(source: Box<dyn StdError + Send + Sync>) -> Error {
    match source.downcast::<Error>() {
        Ok(own) => *own,
        Err(other) => Error::Output(
            Detail::new(
                "output.sink",
                "the encoder that takes the frames failed: see its own message",
            )
            .because(SinkFailure(other)),
        ),
    }
}

/// A boxed error as an error, which the box itself is not.
#[derive(Debug)]
pub(crate) struct SinkFailure(pub(crate) Box<dyn StdError + Send + Sync>);

impl fmt::Display for SinkFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for SinkFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<String>>>, Option<usize>);

    impl FrameSink for Log {
        fn begin(&mut self, width: u32, height: u32, fps: Fps) -> SinkResult {
            self.0.lock().unwrap().push(format!("begin {width} {height} {fps}"));
            Ok(())
        }

        fn frame(&mut self, frame: &I420, timestamp: Duration) -> SinkResult {
            let mut log = self.0.lock().unwrap();
            if self.1 == Some(log.len()) {
                return Err("no more room".into());
            }
            log.push(format!("{:?} at {} ms", frame, timestamp.as_millis()));
            Ok(())
        }

        fn finish(&mut self) -> SinkResult {
            self.0.lock().unwrap().push("finish".into());
            Ok(())
        }
    }

    fn spec() -> ClipSpec {
        let fps = Fps::new(25, 1).unwrap();
        ClipSpec { width: 4, height: 2, fps, frames: 2, looping: false }
    }

    #[test]
    fn a_sink_sees_the_whole_clip_in_order() {
        let log = Log::default();
        let mut encoder = Box::new(SinkEncoder::open(Box::new(log.clone()), &spec()).unwrap());
        let frame = Frame::new(encoder.layout(), 4, 2).unwrap();
        encoder.write(&frame).unwrap();
        encoder.write(&Frame::new(Layout::Rgb, 4, 2).unwrap()).unwrap();
        assert!(matches!(encoder.finish().unwrap(), Written::Sink));
        let seen = log.0.lock().unwrap();
        assert_eq!(*seen, ["begin 4 2 25", "I420(4×2) at 0 ms", "I420(4×2) at 40 ms", "finish"]);
    }

    #[test]
    fn an_error_of_the_sink_is_told_in_its_own_words() {
        let log = Log(Arc::default(), Some(1));
        let mut encoder = SinkEncoder::open(Box::new(log), &spec()).unwrap();
        let error = encoder.write(&Frame::new(Layout::I420, 4, 2).unwrap()).unwrap_err();
        assert_eq!(error.code(), "output.sink");
        assert!(error.to_string().contains("no more room"));
        assert_eq!(refused(Box::new(Error::Cancelled)).code(), "cancelled");
    }
}
