//! Promise: two processes at work in one folder do not disturb each other: a clip is whole whoever
//! wrote it last, and what one is writing is never another's leftover.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![cfg(feature = "remote-http")]

mod common;
#[path = "common/killed.rs"]
mod killed;
#[path = "common/remote/mod.rs"]
mod remote;

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use killed::{Worker, age, assert_whole, is_part, make, names};
use kinora::remote::{Remote, RemoteOptions};
use kinora::studio::Stage;
use kinora::vault::Secret;
use remote::Pad;

/// The folder that [`opener`] opens again and again.
const OPENED: &str = "KINORA_TEST_OPENED";

/// Not a test of its own: the other process at work on a clip.
#[test]
fn child() {
    killed::child();
}

#[test]
fn two_jobs_may_write_the_same_clip_and_neither_sweeps_the_other() {
    if common::studio().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    let mut worker = Worker::start(&path, None);
    assert!(worker.until(Stage::Motion, 1));
    // However old it looks: its process is at work.
    age(folder.path());
    make(&path).unwrap();
    assert_whole(&path);
    assert!(names(folder.path()).iter().any(|name| is_part(name)), "the other's file is gone");
    assert_eq!(worker.outcome().as_deref(), Some("clip"));
    assert_whole(&path);
    assert_eq!(names(folder.path()), ["clip.mp4"]);
}

fn open(folder: &Path) -> Remote {
    Remote::open(RemoteOptions::new(folder, Arc::new(Pad(7)))).unwrap()
}

#[test]
fn opening_a_folder_leaves_what_another_process_is_writing() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    for room in ["consent", "vault", "jobs"] {
        let part = folder.path().join(room).join(".kinora-a1B2c3.part");
        // The lock is what tells; whose handle has it makes no difference to the system.
        let writing = File::create(&part).unwrap();
        writing.lock().unwrap();
        assert_eq!(open(folder.path()).data().unwrap().scratch_files, 0);
        assert!(part.exists(), "{room}: swept while it was written");
        // Unlocked by name: closing is not enough while another test's child, forked and not yet
        // executed, holds the same handle.
        writing.unlock().unwrap();
        drop(open(folder.path()));
        assert!(!part.exists(), "{room}: a leftover stays");
    }
}

/// Not a test of its own: the other process.
#[test]
fn opener() {
    let Some(folder) = std::env::var_os(OPENED) else { return };
    for _ in 0..200 {
        drop(open(Path::new(&folder)));
    }
}

#[test]
fn secrets_are_kept_while_another_process_opens_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let remote = open(folder.path());
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["opener", "--exact"])
        .env(OPENED, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut kept = 0;
    while other.try_wait().unwrap().is_none() || kept < 10 {
        remote.vault().put("fal", "api_key", &Secret::new("a key")).unwrap();
        kept += 1;
    }
    assert!(other.wait().unwrap().success());
    assert!(remote.vault().contains("fal", "api_key").unwrap());
    println!("{kept} secrets kept");
}
