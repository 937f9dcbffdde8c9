//! Promise: whoever waits sees how far the job is; a sink gets every frame in order, and what goes
//! wrong in it becomes an error of the job.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::time::Duration;

use kinora::clip::{Fps, FrameSink, I420, SinkResult};
use kinora::studio::Stage;
use kinora::{Container, GenerationRequest, Output};

fn request() -> GenerationRequest {
    GenerationRequest::animate(common::picture(320, 240)).seconds(1.0)
}

#[test]
fn progress_never_falls_and_stages_come_in_order() {
    let Some(studio) = common::studio() else { return };
    let job = studio.generate(request().output(Output::bytes(Container::Mp4))).unwrap();
    let place = |stage| match stage {
        Stage::Faces => 0,
        Stage::Motion => 1,
        Stage::Frames => 2,
        Stage::Done => 3,
        other => panic!("a stage without a place: {other:?}"),
    };
    let mut all = vec![job.progress()];
    while all[all.len() - 1].stage != Stage::Done {
        all.extend(job.next_progress(Duration::from_secs(20)));
    }
    for progress in &all {
        assert!((0.0..=1.0).contains(&progress.share), "{progress:?}");
        assert!(progress.step <= progress.of && progress.of > 0, "{progress:?}");
        assert!(progress.seconds_left.is_none_or(|left| left >= 0.0), "{progress:?}");
    }
    for pair in all.windows(2) {
        assert!(pair[0].share <= pair[1].share, "{pair:?}");
        assert!(place(pair[0].stage) <= place(pair[1].stage), "{pair:?}");
    }
    assert!(all.iter().any(|p| p.stage == Stage::Frames && p.seconds_left.is_some()));
    assert_eq!(all[all.len() - 1].share, 1.0);
    assert!(job.next_progress(Duration::from_millis(1)).is_none(), "nothing changes any more");

    let preview = job.preview().expect("frames were drawn");
    assert!(preview.width.max(preview.height) <= 160);
    assert_eq!(preview.pixels.len(), (3 * preview.width * preview.height) as usize);
    // A look at the picture, not at a grey card.
    let (low, high) = preview.pixels.iter().fold((255, 0), |(l, h), p| (*p.min(&l), *p.max(&h)));
    assert!(high - low > 50, "{low} to {high}");
    assert_eq!(job.wait().unwrap().frames, 24);
}

#[test]
fn jobs_run_beside_each_other() {
    let Some(studio) = common::studio() else { return };
    let alone: Vec<_> =
        (0..3).map(|seed| common::watch(studio, request().seed(seed)).unwrap().1.lumas).collect();
    let together: Vec<_> = std::thread::scope(|scope| {
        let studio = studio.clone();
        let jobs: Vec<_> = (0..3)
            .map(|seed| {
                let studio = studio.clone();
                scope.spawn(move || common::watch(&studio, request().seed(seed)).unwrap().1.lumas)
            })
            .collect();
        jobs.into_iter().map(|job| job.join().unwrap()).collect()
    });
    assert!(alone == together, "a job changed another one");
}

#[test]
fn a_sink_gets_every_frame_in_order() {
    let Some(studio) = common::studio() else { return };
    let (clip, seen) = common::watch(studio, request().fps(29.97)).unwrap();
    assert_eq!(seen.calls, format!("b{}h", "f".repeat(30)));
    assert_eq!((clip.frames, seen.size), (30, (320, 240)));
    let fps = seen.fps.unwrap();
    assert_eq!((fps.numerator(), fps.denominator()), (30_000, 1001));
    for (i, timestamp) in seen.timestamps.iter().enumerate() {
        assert_eq!(*timestamp, fps.timestamp(i as u32), "frame {i}");
    }
}

/// Where a [`Faulty`] sink goes wrong.
#[derive(Clone, Copy, PartialEq, Debug)]
enum At {
    Begin,
    Frame(u32),
    Finish,
}

struct Faulty {
    at: At,
    panics: bool,
    frames: u32,
}

impl Faulty {
    fn reach(&self, at: At) -> SinkResult {
        if self.at != at {
            return Ok(());
        }
        assert!(!self.panics, "the sink panics, as the test wants");
        Err("the battery is empty".into())
    }
}

impl FrameSink for Faulty {
    fn begin(&mut self, _: u32, _: u32, _: Fps) -> SinkResult {
        self.reach(At::Begin)
    }

    fn frame(&mut self, _: &I420, _: Duration) -> SinkResult {
        self.frames += 1;
        self.reach(At::Frame(self.frames))
    }

    fn finish(&mut self) -> SinkResult {
        self.reach(At::Finish)
    }
}

#[test]
fn a_failing_sink_ends_the_job_in_its_own_words() {
    let Some(studio) = common::studio() else { return };
    for at in [At::Begin, At::Frame(1), At::Frame(9), At::Frame(24), At::Finish] {
        let sink = Faulty { at, panics: false, frames: 0 };
        let job = studio.generate(request().output(Output::sink(Box::new(sink)))).unwrap();
        let error = job.wait().unwrap_err();
        assert_eq!(error.code(), "output.sink", "{at:?}");
        assert!(error.to_string().contains("the battery is empty"), "{at:?}: {error}");
    }
}

#[test]
fn a_panicking_sink_is_an_error_and_the_studio_goes_on() {
    let Some(studio) = common::studio() else { return };
    for at in [At::Begin, At::Frame(1), At::Frame(24), At::Finish] {
        let sink = Faulty { at, panics: true, frames: 0 };
        let job = studio.generate(request().output(Output::sink(Box::new(sink)))).unwrap();
        let error = job.wait().unwrap_err();
        assert_eq!(error.code(), "internal.panic", "{at:?}: {error}");
    }
    assert_eq!(common::watch(studio, request()).unwrap().0.frames, 24);
}
