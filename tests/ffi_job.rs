//! Promise: what Swift and Kotlin call makes the same clip, tells its progress, can be awaited by
//! many and cancelled by letting go, and never lets a panic or an error of the host through.

#![cfg(feature = "uniffi")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "common/ffi.rs"]
mod app;
mod common;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use app::Result;
use kinora::ffi::{
    ClipOutput, Container, FrameSink, GenerationProgress, GenerationRequest, KinoraError, LogLevel,
    LogRecord, LogSink, Photo, ProgressListener, ProgressStage, Studio, VideoFormat, prompts,
    set_log_sink,
};

fn studio() -> Option<Arc<Studio>> {
    app::studio(app::options()).map(Result::unwrap)
}

fn photo() -> Arc<Photo> {
    app::photo(192, 128)
}

fn request(photo: &Arc<Photo>, output: ClipOutput) -> GenerationRequest {
    GenerationRequest { output: Some(output), ..app::request(Some(Arc::clone(photo))) }
}

#[derive(Default)]
struct Listener {
    told: Mutex<Vec<GenerationProgress>>,
    fails: bool,
}

impl ProgressListener for Listener {
    fn progressed(&self, progress: GenerationProgress) -> Result<()> {
        self.told.lock().unwrap().push(progress);
        if self.fails {
            panic!("a listener that panics");
        }
        Ok(())
    }
}

#[derive(Default)]
struct Sink {
    frames: AtomicU32,
    abandoned: AtomicBool,
    finished: AtomicBool,
    fails: bool,
}

impl FrameSink for Sink {
    fn begin(&self, format: VideoFormat) -> Result<()> {
        assert_eq!((format.width, format.height), (192, 128));
        Ok(())
    }

    fn frame(&self, i420: Vec<u8>, _timestamp_us: u64) -> Result<()> {
        assert_eq!(i420.len(), 192 * 128 * 3 / 2);
        self.frames.fetch_add(1, Ordering::Relaxed);
        if self.fails {
            let reason = "no encoder is free".to_owned();
            return Err(KinoraError::Host { code: "host.busy".to_owned(), reason, detail: None });
        }
        Ok(())
    }

    fn finish(&self) -> Result<()> {
        self.finished.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn abandon(&self) -> Result<()> {
        self.abandoned.store(true, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn the_clip_is_the_one_that_rust_makes_and_many_may_await_it() {
    let Some(studio) = studio() else { return };
    let bytes = || ClipOutput::Bytes { container: Container::Mp4 };
    let (photo, listener) = (photo(), Arc::new(Listener::default()));
    let job = studio.start(request(&photo, bytes()), Some(listener.clone())).unwrap();
    let (one, other) = thread::scope(|scope| {
        let other = scope.spawn(|| pollster::block_on(job.clip()));
        (pollster::block_on(job.clip()).unwrap(), other.join().unwrap().unwrap())
    });
    assert_eq!((one.frames, one.width, one.height, one.seed), (12, 192, 128, 3));
    assert_eq!(one.used, ["zoom", "in"]);
    assert!(one.bytes.is_some() && one.bytes == other.bytes);

    let told = listener.told.lock().unwrap();
    assert!(told.len() > 3 && told.windows(2).all(|pair| pair[0].share <= pair[1].share));
    assert_eq!(told.last().unwrap().stage, ProgressStage::Done);

    let rgba = app::slope(192, 128);
    let same = kinora::Photo::from_pixels(&rgba, 192, 128, 4 * 192, Default::default()).unwrap();
    let pure = common::studio().unwrap();
    let job = pure.generate(
        kinora::GenerationRequest::animate(same)
            .prompt("zoom in")
            .seconds(1.0)
            .fps(12.0)
            .seed(3)
            .output(kinora::Output::bytes(kinora::Container::Mp4)),
    );
    let kinora::studio::Made::Bytes(pure) = job.unwrap().wait().unwrap().made else { panic!() };
    assert!(Some(pure) == one.bytes, "the two clips differ");
}

#[test]
fn letting_go_cancels_and_abandons() {
    let Some(studio) = studio() else { return };
    let sink = Arc::new(Sink::default());
    let mut asked = request(&photo(), ClipOutput::Sink { sink: sink.clone() });
    asked.seconds = Some(10.0);
    asked.fps = Some(60.0);
    let job = studio.start(asked, None).unwrap();
    while sink.frames.load(Ordering::Relaxed) == 0 {
        thread::sleep(Duration::from_millis(2));
    }
    drop(job);
    for _ in 0..500 {
        if sink.abandoned.load(Ordering::Relaxed) {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    assert!(sink.abandoned.load(Ordering::Relaxed) && !sink.finished.load(Ordering::Relaxed));
    assert!(sink.frames.load(Ordering::Relaxed) < 600);
}

#[test]
fn what_the_host_does_wrong_is_told_in_its_own_words() {
    let Some(studio) = studio() else { return };
    let sink = Arc::new(Sink { fails: true, ..Sink::default() });
    let job = studio.start(request(&photo(), ClipOutput::Sink { sink: sink.clone() }), None);
    let error = pollster::block_on(job.unwrap().clip()).unwrap_err();
    let KinoraError::Host { code, reason, .. } = error else { panic!("{error:?}") };
    assert_eq!((code.as_str(), reason.as_str()), ("host.busy", "no encoder is free"));
    assert!(sink.abandoned.load(Ordering::Relaxed));

    // A listener that panics costs the job its watcher, not the process.
    let listener = Arc::new(Listener { fails: true, ..Listener::default() });
    let output = ClipOutput::Bytes { container: Container::Gif };
    let job = studio.start(request(&photo(), output), Some(listener)).unwrap();
    let error = pollster::block_on(job.clip()).unwrap_err();
    let KinoraError::Internal { code, .. } = error else { panic!("{error:?}") };
    assert_eq!(code, "internal.panic");

    let mut late = request(&photo(), ClipOutput::Bytes { container: Container::Gif });
    late.seconds = Some(99.0);
    let error = studio.start(late, None).unwrap_err();
    assert!(matches!(error, KinoraError::Request { code, .. } if code == "request.seconds"));
}

#[test]
fn the_log_tells_of_a_job_and_never_of_its_prompt() {
    #[derive(Default)]
    struct Lines(Mutex<Vec<LogRecord>>);
    impl LogSink for Lines {
        fn log(&self, record: LogRecord) -> Result<()> {
            self.0.lock().unwrap().push(record);
            Ok(())
        }
    }
    let lines = Arc::new(Lines::default());
    set_log_sink(Some(lines.clone()), LogLevel::Debug).unwrap();
    let Some(studio) = studio() else { return };
    let mut asked = request(&photo(), ClipOutput::Bytes { container: Container::Gif });
    asked.prompt = "zoom in on aunt mathilda".to_owned();
    pollster::block_on(studio.start(asked, None).unwrap().clip()).unwrap();
    set_log_sink(None, LogLevel::Debug).unwrap();
    let lines = lines.0.lock().unwrap();
    assert!(lines.iter().any(|line| line.message.starts_with("job done: 12 frames")), "{lines:?}");
    assert!(lines.iter().all(|line| !line.message.contains("mathilda")));
}

#[test]
fn the_catalogue_is_the_lexicon() {
    let sections = prompts().unwrap();
    let entries: usize = sections.iter().map(|section| section.entries.len()).sum();
    let known: usize = kinora::prompt::LEXICON.iter().map(|section| section.entries.len()).sum();
    assert_eq!(entries, known);
}
