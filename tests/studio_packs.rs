//! Promise: a pack is run like the default model, through the same door, and says clearly what it
//! cannot do.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use common::picture;
use kinora::marking::{LayerKind, Marking};
use kinora::pack::PackStore;
use kinora::studio::{Made, Stage};
use kinora::{
    Clip, Container, Error, ExecutionProvider, GenerationJob, GenerationRequest, Model, Output,
    Result, Studio, StudioOptions,
};

/// A studio whose store holds these packs of tests/fixtures.
fn studio(folder: &Path, packs: &[&str]) -> Option<Studio> {
    std::env::var_os("ORT_DYLIB_PATH").or_else(|| {
        let thread = std::thread::current();
        eprintln!("skipped {}: ORT_DYLIB_PATH names no ONNX Runtime", thread.name()?);
        None
    })?;
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/packs");
    let store = PackStore::open(folder).unwrap();
    for pack in packs {
        let source: PathBuf = fixtures.join(pack);
        store.add(&source, &PackStore::terms(&source).unwrap().accept()).unwrap();
    }
    let options = StudioOptions::default().threads(2).packs(folder);
    Some(Studio::open(options).unwrap())
}

fn with(pack: &str) -> Model {
    Model::Pack { id: format!("tiny-{pack}") }
}

fn bytes(clip: &Clip) -> &[u8] {
    let Made::Bytes(bytes) = &clip.made else { panic!("{:?}", clip.made) };
    bytes
}

fn code(result: Result<GenerationJob>) -> &'static str {
    result.err().as_ref().map_or("a job", Error::code)
}

#[test]
fn words_alone_become_a_clip_on_the_pack_that_can() {
    let folder = tempfile::tempdir().unwrap();
    let Some(studio) = studio(folder.path(), &["ltx", "wan-t2v"]) else { return };
    let ask = || GenerationRequest::imagine("a lighthouse in a storm").seed(7).steps(3);
    let make = || {
        let request = ask().output(Output::bytes(Container::Mp4));
        studio.generate(request).unwrap().wait().unwrap()
    };
    let clip = make();
    assert_eq!(clip.pack.as_ref().unwrap().id, "tiny-wan-t2v");
    // Where it ran, and not what was asked for.
    assert_eq!(clip.execution_provider, Some(ExecutionProvider::Cpu));
    // What the request left open is the pack's.
    let manifest = studio.packs().unwrap().pack("tiny-wan-t2v").unwrap().manifest().clone();
    let defaults = &manifest.defaults;
    let made = (clip.width, clip.height, clip.frames, clip.fps.as_f64());
    assert_eq!(made, (defaults.width, defaults.height, defaults.frames, defaults.fps));
    assert_eq!(clip.marks, [LayerKind::Xmp, LayerKind::Watermark]);
    assert!(String::from_utf8_lossy(bytes(&clip)).contains("kinora/tiny-wan-t2v"));
    assert!(bytes(&clip) == bytes(&make()), "the same seed gives the same clip");
    let other = ask().seed(8).output(Output::bytes(Container::Mp4));
    let other = studio.generate(other).unwrap().wait().unwrap();
    assert!(bytes(&clip) != bytes(&other));
}

#[test]
fn photos_become_clips_on_every_family() {
    let folder = tempfile::tempdir().unwrap();
    let packs = ["svd", "ltx", "wan-i2v", "wan-ti2v"];
    let Some(studio) = studio(folder.path(), &packs) else { return };
    for pack in packs {
        let request = GenerationRequest::animate(picture(96, 64))
            .prompt("the clouds drift")
            .model(with(pack))
            .size(96)
            .steps(2)
            .marking(Marking::none())
            .output(Output::bytes(Container::Gif));
        let clip =
            studio.generate(request).unwrap().wait().unwrap_or_else(|e| panic!("{pack}: {e}"));
        assert_eq!((clip.width, clip.height), (96, 64), "{pack}");
        assert!(clip.frames > 1 && clip.marks.is_empty(), "{pack}");
        assert!(bytes(&clip).starts_with(b"GIF89a"), "{pack}");
    }
}

#[test]
fn what_a_pack_cannot_do_is_said_before_a_job_begins() {
    let folder = tempfile::tempdir().unwrap();
    let Some(studio) = studio(folder.path(), &["svd", "wan-t2v"]) else { return };
    let out = || Output::bytes(Container::Gif);
    let words = || GenerationRequest::imagine("a lighthouse").output(out());
    let photo = || GenerationRequest::animate(picture(96, 64)).output(out());
    assert_eq!(code(studio.generate(words().model(with("svd")))), "request.task");
    assert_eq!(code(studio.generate(photo().model(with("wan-t2v")))), "request.task");
    assert_eq!(code(studio.generate(photo().model(with("nothing")))), "pack.not_installed");
    assert_eq!(code(studio.generate(photo().model(with("svd")).steps(0))), "request.steps");
    assert_eq!(code(studio.generate(photo().model(with("svd")).seconds(99.0))), "request.seconds");
    let nowhere = GenerationRequest::animate(picture(96, 64)).model(with("svd"));
    assert_eq!(code(studio.generate(nowhere)), "request.no_output");
    // Names that could lead out of the store lead nowhere.
    let tricky = Model::Pack { id: "../../etc".to_owned() };
    assert_eq!(code(studio.generate(photo().model(tricky))), "pack.not_installed");
}

#[test]
fn without_a_pack_for_words_the_error_says_what_is_there_and_what_would_do() {
    let folder = tempfile::tempdir().unwrap();
    let Some(studio) = studio(folder.path(), &["svd"]) else { return };
    let ask = || GenerationRequest::imagine("a lighthouse").output(Output::bytes(Container::Gif));
    let error = studio.generate(ask()).unwrap_err();
    assert_eq!(error.code(), "request.no_photo");
    let told = error.to_string();
    assert!(told.contains("tiny-svd") && told.contains("text-to-video"), "{told}");
    let bare = Studio::open(StudioOptions::default().threads(2)).unwrap();
    assert_eq!(code(bare.generate(ask())), "request.no_photo");
    assert_eq!(bare.packs().unwrap_err().code(), "pack.no_store");
    assert_eq!(code(bare.generate(ask().model(with("wan-t2v")))), "pack.no_store");
}

#[test]
fn lengths_and_sizes_become_the_nearest_that_the_pack_makes() {
    let folder = tempfile::tempdir().unwrap();
    let Some(studio) = studio(folder.path(), &["wan-t2v"]) else { return };
    let make = |seconds: f32, size: u32| {
        let request = GenerationRequest::imagine("a lighthouse")
            .seconds(seconds)
            .fps(8.0)
            .size(size)
            .steps(1)
            .output(Output::bytes(Container::Gif));
        let clip = studio.generate(request).unwrap().wait().unwrap();
        (clip.width, clip.height, clip.frames)
    };
    // 4·n + 1 frames, sides of 16·n.
    assert_eq!(make(0.8, 70), (64, 48, 5));
    assert_eq!(make(1.0, 90), (96, 64, 9));
    assert_eq!(make(0.5, 16), (16, 16, 5));
}

#[test]
fn a_job_shows_how_far_it_is_and_stops_within_a_step() {
    let folder = tempfile::tempdir().unwrap();
    let Some(studio) = studio(folder.path(), &["wan-t2v"]) else { return };
    let ask = |steps| {
        GenerationRequest::imagine("a lighthouse")
            .size(256)
            .seconds(2.0)
            .steps(steps)
            .output(Output::bytes(Container::Mp4))
    };
    let job = studio.generate(ask(4)).unwrap();
    let mut steps = Vec::new();
    let mut share = 0.0;
    while !job.is_finished() {
        let Some(progress) = job.next_progress(Duration::from_millis(50)) else { continue };
        assert!(progress.share >= share);
        share = progress.share;
        if progress.stage == Stage::Denoising {
            steps.push(progress.step);
            assert_eq!(progress.of, 4);
        }
    }
    assert!(steps.is_sorted() && steps.last() == Some(&4), "{steps:?}");
    assert!(job.preview().is_some());
    job.wait().unwrap();

    let job = studio.generate(ask(200)).unwrap();
    while job.progress().step == 0 {
        assert!(job.next_progress(Duration::from_secs(60)).is_some());
    }
    let preview = job.preview().expect("a rough picture after the first step");
    assert_eq!(preview.pixels.len() as u32, 3 * preview.width * preview.height);
    job.cancel();
    assert!(matches!(job.wait(), Err(Error::Cancelled)));
}
