//! Promise: a full disk and a place that must not be written give typed errors, leave nothing, and
//! spoil nothing that was there; with room again everything goes on.
//!
//! Where a disk of our own cannot be mounted (that takes root, on Linux), the tests name what they
//! skip.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![cfg(all(target_os = "linux", feature = "remote-http"))]

mod common;
#[path = "common/killed.rs"]
mod killed;
#[path = "common/remote/mod.rs"]
mod remote;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use killed::{Worker, assert_whole, is_part, make, names};
use kinora::remote::{Remote, RemoteOptions};
use kinora::vault::Secret;
use remote::{Pad, grant};

const OUTPUTS: [&str; 4] = ["clip.mp4", "clip.webp", "clip.gif", "frames"];

/// A small disk of its own, in memory; gone with this value.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount(test: &str, options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        if run("mount", &["-t", "tmpfs", "-o", options, "tmpfs"], folder.path()) {
            return Some(Self(folder));
        }
        eprintln!("skipped {test}: no disk can be mounted here (it takes root)");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, options: &str) {
        assert!(run("mount", &["-o", &format!("remount,{options}")], self.path()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &["--lazy"], self.path());
    }
}

fn run(program: &str, args: &[&str], folder: &Path) -> bool {
    let mut command = Command::new(program);
    command.args(args).arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Not a test of its own: a process whose files may not grow.
#[test]
fn child() {
    killed::child();
}

#[test]
fn a_full_disk_is_said_and_nothing_is_left() {
    if common::studio().is_none() {
        return;
    }
    let name = "a_full_disk_is_said_and_nothing_is_left";
    let Some(disk) = Disk::mount(name, "size=4k") else { return };
    for output in OUTPUTS {
        let error = make(&disk.path().join(output)).unwrap_err();
        assert_eq!(error.code(), "output.disk_full", "{output}: {error}");
        assert_eq!(names(disk.path()), Vec::<String>::new(), "{output}");
    }
    disk.remount("size=16m");
    for output in OUTPUTS {
        make(&disk.path().join(output)).unwrap();
    }
    assert_whole(&disk.path().join("clip.mp4"));
}

/// Signing needs the room of the clip twice more, and may run out of it at any point.
#[cfg(feature = "c2pa")]
#[test]
fn a_disk_that_fills_while_a_clip_is_signed_leaves_the_clip_as_it_was() {
    use kinora::marking::{Day, FileMarks, LayerState, Marking, OwnSigner, Statement, verify};
    let Some(studio) = common::studio() else { return };
    let name = "a_disk_that_fills_while_a_clip_is_signed_leaves_the_clip_as_it_was";
    let Some(disk) = Disk::mount(name, "size=16m") else { return };
    let path = disk.path().join("clip.gif");
    let request = kinora::GenerationRequest::animate(common::picture(320, 240)).seconds(0.5);
    let request = request.fps(12.0).marking(Marking::none());
    studio.generate(request.output(kinora::Output::gif(&path))).unwrap().wait().unwrap();
    let before = std::fs::read(&path).unwrap();
    let marks = FileMarks::new(Statement::new("kinora/motion", "2", Day::from_days(20_783)));
    let marks = marks.signed_by(Arc::new(OwnSigner::from_seed([1; 32])));
    let (mut full, mut signed) = (0, 0);
    for tenths in 11..40 {
        disk.remount(&format!("size={}k", before.len() * tenths / 10 / 1024));
        match marks.sign_file(&path) {
            Ok(_) => {
                let layers = verify(&std::fs::read(&path).unwrap()).unwrap();
                assert_eq!(layers[0].state, LayerState::Intact, "{tenths}");
                std::fs::write(&path, &before).unwrap();
                signed += 1;
            }
            Err(error) => {
                assert_eq!(error.code(), "output.disk_full", "{tenths}: {error:?}");
                assert_eq!(std::fs::read(&path).unwrap(), before, "{tenths}");
                full += 1;
            }
        }
        assert_eq!(names(disk.path()), ["clip.gif"], "{tenths}");
    }
    assert!(full > 3 && signed > 3, "{full} full, {signed} signed");
}

#[test]
fn a_place_that_must_not_be_written_is_said() {
    if common::studio().is_none() {
        return;
    }
    let Some(disk) = Disk::mount("a_place_that_must_not_be_written_is_said", "size=16m") else {
        return;
    };
    std::fs::write(disk.path().join("clip.mp4"), "an older clip").unwrap();
    disk.remount("ro");
    for output in OUTPUTS {
        let error = make(&disk.path().join(output)).unwrap_err();
        assert_eq!(error.code(), "output.not_writable", "{output}: {error}");
    }
    assert_eq!(std::fs::read(disk.path().join("clip.mp4")).unwrap(), b"an older clip");
    disk.remount("rw");
    make(&disk.path().join("clip.mp4")).unwrap();
    assert_eq!(names(disk.path()), ["clip.mp4"]);
}

/// A file may also be too long for its user's limit; the signal for it is the host's to ignore.
#[test]
fn a_file_that_may_not_grow_is_a_typed_error() {
    if common::studio().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    let worker = Worker::start(&path, Some("trap '' XFSZ; ulimit -f 16; exec \"$@\""));
    assert_eq!(worker.outcome().as_deref(), Some("output.write"));
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

fn open(folder: &Path) -> kinora::Result<Remote> {
    Remote::open(RemoteOptions::new(folder, Arc::new(Pad(7))))
}

#[test]
fn consents_and_secrets_survive_a_full_disk() {
    const MODEL: &str = "fal/kling-2.5-turbo";
    let name = "consents_and_secrets_survive_a_full_disk";
    let Some(disk) = Disk::mount(name, "size=64k") else { return };
    let remote = open(disk.path()).unwrap();
    let given = grant(&remote, MODEL);
    remote.vault().put("fal", "api_key", &Secret::new("first")).unwrap();
    // Filled to the last byte, also of the blocks that the files have.
    let filling = disk.path().join("filling");
    for chunk in [4096, 1] {
        while append(&filling, chunk) {}
    }
    let kept = remote.consent().log().unwrap().len();
    let mut refused = Vec::new();
    for _ in 0..40 {
        let destination = given.destination();
        let kinds = [kinora::consent::DataKind::Photo];
        refused.extend(remote.consent().ask(destination, &kinds).err().map(|e| e.code()));
        let secret = Secret::new("k".repeat(9000));
        refused.extend(remote.vault().put("fal", "api_key", &secret).err().map(|e| e.code()));
    }
    assert!(refused.contains(&"consent.ledger_write") && refused.contains(&"vault.write"));
    assert!(refused.iter().all(|code| ["consent.ledger_write", "vault.write"].contains(code)));
    // Taking a consent back has no room either, and is believed all the same.
    remote.withdraw(given.destination()).unwrap_err();
    assert!(remote.consent().grant(given.destination()).is_err());
    drop(remote);

    std::fs::remove_file(&filling).unwrap();
    let remote = open(disk.path()).unwrap();
    assert!(remote.consent().grant(given.destination()).is_err(), "it came back");
    assert!(remote.consent().log().unwrap().len() >= kept.min(1));
    assert!(remote.vault().contains("fal", "api_key").unwrap());
    for room in ["consent", "vault", "jobs"] {
        assert!(!names(&disk.path().join(room)).iter().any(|name| is_part(name)), "{room}");
    }
}

fn append(path: &Path, bytes: usize) -> bool {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    let file = options.create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(&vec![0; bytes])).is_ok()
}
