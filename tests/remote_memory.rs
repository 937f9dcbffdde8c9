//! Promise: a remote job needs no more memory than its clip and 64 MiB, and asks the key store once.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![cfg(all(feature = "remote-http", target_os = "linux"))]

mod common;
#[path = "common/remote/mod.rs"]
mod remote;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::{picture, studio};
use kinora::{GenerationRequest, Model, Output};
use remote::fake::{Fake, HOSTS, Step, Trouble};
use remote::server::{Answer, Server};
use remote::{Jumping, UNWRAPS, client, grant, keys};

/// Bytes of the clip that comes.
const CLIP: usize = 160 << 20;
const MODEL: &str = "kling/3.0";

/// The most memory that this process had so far, bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

fn run(studio: &kinora::Studio, zeros: usize) -> kinora::Result<kinora::Clip> {
    let fake = Fake::new(MODEL, Trouble::None, remote::clip(studio, picture(160, 120)));
    let (answers, clip) = (Arc::clone(&fake), remote::clip(studio, picture(160, 120)));
    let server = Server::start(&HOSTS, &[], move |request| match answers.step(request) {
        Step::Media => Answer::Padded(clip.clone(), zeros),
        _ => answers.answer(request),
    });
    let folder = tempfile::tempdir().unwrap();
    let remote = remote::remote(folder.path(), client(&server), &Jumping::new());
    keys(&remote, MODEL);
    let request = GenerationRequest::animate(picture(640, 480))
        .seconds(5.0)
        .model(Model::Remote { model: MODEL.to_owned(), grant: grant(&remote, MODEL) })
        .output(Output::mp4(folder.path().join("clip.mp4")));
    studio.with_remote(remote).generate(request)?.wait()
}

#[test]
fn memory_is_bounded_by_the_clip() {
    let Some(studio) = studio() else { return };
    // Everything that is there once is there.
    run(studio, 1 << 20).unwrap();
    // Once to make the vault's key and once for the job, which asks five times: a key store may
    // want a person's finger each time.
    assert_eq!(UNWRAPS.load(Ordering::SeqCst), 2);
    let before = peak();
    let clip = run(studio, CLIP).unwrap();
    assert_eq!(clip.frames, 6);
    let grown = peak() - before;
    println!("a clip of {} MiB, {} MiB more memory", CLIP >> 20, grown >> 20);
    // The server names no length, so the clip grows in memory; an allocator that wipes cannot move
    // what grows and copies it, so both are there for a moment.
    let copies = if cfg!(feature = "wipe-on-free") { 2 } else { 1 };
    let most = copies * CLIP + (64 << 20);
    assert!(grown < most, "{} MiB for a clip of {} MiB", grown >> 20, CLIP >> 20);
    // What is longer than a clip can be is cut, wherever it ends.
    let before = peak();
    let error = run(studio, 400 << 20).unwrap_err();
    assert_eq!(error.code(), "remote.too_long");
    let grown = peak() - before;
    assert!(grown < copies * ((256 << 20) - CLIP) + (64 << 20), "{} MiB more", grown >> 20);
}
