//! Promise: what cannot be written is refused with a code and a sentence that says what to do.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kinora::clip::{Container, Fps, FrameSink, I420, Output, SinkResult};

#[test]
fn an_extension_chooses_the_format() {
    for (name, format) in [("a.mp4", "Mp4"), ("a.M4V", "Mp4"), ("b.WebP", "Webp"), ("c.gif", "Gif")]
    {
        let output = Output::from_path(name).unwrap();
        assert!(format!("{output:?}").contains(format), "{output:?}");
    }
    for name in ["a.mov", "mp4", "a.", ""] {
        let error = Output::from_path(name).unwrap_err();
        assert_eq!(error.code(), "output.unknown_format");
        for supported in [".mp4", ".webp", ".gif"] {
            assert!(error.to_string().contains(supported), "{error}");
        }
    }
}

#[test]
fn a_sink_can_be_written_and_tried_outside_the_crate() {
    struct Lengths(Arc<Mutex<Vec<usize>>>);
    impl FrameSink for Lengths {
        fn begin(&mut self, _: u32, _: u32, _: Fps) -> SinkResult {
            Ok(())
        }
        fn frame(&mut self, frame: &I420, _: Duration) -> SinkResult {
            let rows = frame.y().chunks(frame.y_stride()).count();
            assert_eq!(rows, frame.height() as usize);
            self.0.lock().map_err(|_| "poisoned")?.push(frame.u().len() / frame.uv_stride());
            Ok(())
        }
        fn finish(&mut self) -> SinkResult {
            Err("the battery is empty".into())
        }
    }
    // `?` works on any error, this crate's too.
    impl Lengths {
        fn refuse(&self) -> SinkResult {
            I420::new(3, 2)?;
            Ok(())
        }
    }
    let rows = Arc::new(Mutex::new(Vec::new()));
    let mut sink = Lengths(Arc::clone(&rows));
    sink.begin(4, 6, Fps::new(24, 1).unwrap()).unwrap();
    sink.frame(&I420::new(4, 6).unwrap(), Duration::ZERO).unwrap();
    assert!(sink.finish().is_err());
    assert!(sink.refuse().unwrap_err().to_string().contains("even"));
    assert_eq!(*rows.lock().unwrap(), [3]);
    let output = Output::sink(Box::new(sink)).with_frames("frames");
    assert!(format!("{output:?}").contains("frame sink"));
}

#[test]
fn containers_know_their_names() {
    assert_eq!((Container::Mp4.extension(), Container::Mp4.media_type()), ("mp4", "video/mp4"));
    assert_eq!(Container::Webp.media_type(), "image/webp");
}
