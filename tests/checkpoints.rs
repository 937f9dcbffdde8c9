//! Promise: a pack's job whose process is killed goes on from its last step and ends in the same
//! bytes; what it keeps until then is sealed, lies where the host said, and goes with the job.

#![cfg(feature = "vault")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use common::picture;
use kinora::checkpoint::Checkpoints;
use kinora::clip::{Fps, FrameSink, I420, SinkResult};
use kinora::marking::{Day, Marking};
use kinora::pack::PackStore;
use kinora::studio::{Made, Stage};
use kinora::vault::{Passphrase, Secret};
use kinora::{
    Clip, Container, Error, GenerationRequest, Model, Output, Result, Studio, StudioOptions,
};

/// What a child is to do: the folder of the test.
const ORDER: &str = "KINORA_TEST_CHECKPOINTS";
const PASSPHRASE: &str = "correct horse battery staple";
const PROMPT: &str = "a zyxomma over a quagmire";
const STEPS: usize = 5;

fn checkpoints(folder: &Path, passphrase: &str) -> Checkpoints {
    let key_store = Passphrase::new(Secret::new(passphrase)).unwrap();
    Checkpoints::open(folder.join("checkpoints"), Arc::new(key_store)).unwrap()
}

/// A studio with a pack for photos, and checkpoints; `None` where there is no ONNX Runtime.
fn studio(folder: &Path) -> Option<Studio> {
    std::env::var_os("ORT_DYLIB_PATH").or_else(|| {
        let thread = std::thread::current();
        eprintln!("skipped {}: ORT_DYLIB_PATH names no ONNX Runtime", thread.name()?);
        None
    })?;
    let packs = folder.join("packs");
    let store = PackStore::open(&packs).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/packs/wan-ti2v");
    store.add(&source, &PackStore::terms(&source).unwrap().accept()).unwrap();
    Some(open(folder))
}

/// The studio of another process, in the same folders.
fn open(folder: &Path) -> Studio {
    let options = StudioOptions::default().threads(2).packs(folder.join("packs"));
    Studio::open(options.checkpoints(checkpoints(folder, PASSPHRASE))).unwrap()
}

fn request() -> GenerationRequest {
    GenerationRequest::animate(picture(200, 130))
        .prompt(PROMPT)
        .model(Model::Pack { id: "tiny-wan-ti2v".to_owned() })
        .seed(11)
        .size(96)
        .steps(STEPS)
        // No step of the marks is left to the clock.
        .marking(Marking::default().day(Day::from_days(20_000)))
}

fn bytes(clip: Clip) -> Vec<u8> {
    let Made::Bytes(bytes) = clip.made else { panic!("{:?}", clip.made) };
    bytes
}

fn mp4() -> Output {
    Output::bytes(Container::Mp4)
}

fn resumed(studio: &Studio, id: &str) -> Result<Clip> {
    studio.resume_clip(id, mp4(), None)?.wait()
}

/// What lies in the folder of checkpoints.
fn left(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("checkpoints")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Not a test of its own: what the killed process runs.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(ORDER).map(PathBuf::from) else { return };
    let job = open(&folder).generate(request().output(mp4())).unwrap();
    while !job.is_finished() {
        if let Some(progress) = job.next_progress(Duration::from_millis(5)) {
            println!("at {:?} {}", progress.stage, progress.step);
        }
    }
}

/// Kills a process at work as soon as its job says that it is there.
fn killed(folder: &Path, at: &str) {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env(ORDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut reached = false;
    for line in lines.map_while(std::io::Result::ok) {
        reached |= line.ends_with(at);
        if reached {
            process.kill().unwrap();
        }
    }
    process.wait().unwrap();
    assert!(reached, "the job never came to {at}");
}

#[test]
fn killed_at_any_step_a_job_goes_on_and_ends_in_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(studio) = studio(folder) else { return };
    let whole = bytes(studio.generate(request().output(mp4())).unwrap().wait().unwrap());
    assert!(left(folder).is_empty(), "{:?}", left(folder));
    let steps = (1..=STEPS).map(|step| format!("Denoising {step}"));
    for at in steps.chain(["Frames 3".to_owned()]) {
        killed(folder, &at);
        let found = studio.checkpoints().unwrap().list().unwrap();
        assert_eq!(found.len(), 1, "{at}");
        #[cfg(feature = "remote")]
        assert_eq!(studio.data().unwrap().checkpoints, found);
        // The prompt, the photo and what came of them are sealed.
        for path in left(folder) {
            let file = std::fs::read(path).unwrap();
            assert!(!file.windows(8).any(|part| PROMPT.as_bytes().starts_with(part)), "{at}");
        }
        let job = studio.resume_clip(&found[0].id, mp4(), None).unwrap();
        let mut first = None;
        while !job.is_finished() {
            let progress = job.next_progress(Duration::from_millis(5));
            let step = progress.filter(|now| now.stage == Stage::Denoising).map(|now| now.step);
            first = first.or(step);
        }
        assert!(bytes(job.wait().unwrap()) == whole, "{at}");
        // Nothing was done twice.
        if let (Some(first), Some(step)) = (first, at.strip_prefix("Denoising ")) {
            assert!(first > step.parse().unwrap(), "{at}: {first}");
        }
        assert!(left(folder).is_empty(), "{at}: {:?}", left(folder));
    }
}

#[test]
fn what_a_cancel_or_a_gate_ends_is_removed_and_what_a_full_disk_ends_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(studio) = studio(folder) else { return };
    let job = studio.generate(request().steps(100).output(mp4())).unwrap();
    while job.progress().step == 0 {
        job.next_progress(Duration::from_secs(60));
    }
    // A running job is nobody else's.
    assert_eq!(studio.checkpoints().unwrap().list().unwrap(), []);
    let running = left(folder).into_iter().find(|path| path.extension().unwrap() == "checkpoint");
    let running = running.unwrap().file_stem().unwrap().to_str().unwrap().to_owned();
    assert_eq!(resumed(&studio, &running).unwrap_err().code(), "checkpoint.busy");
    job.cancel();
    assert!(matches!(job.wait(), Err(Error::Cancelled)));
    assert!(left(folder).is_empty(), "{:?}", left(folder));

    let full = Output::sink(Box::new(Full));
    let error = studio.generate(request().output(full)).unwrap().wait().unwrap_err();
    assert_eq!(error.code(), "output.sink");
    let whole = bytes(studio.generate(request().output(mp4())).unwrap().wait().unwrap());
    let found = studio.checkpoints().unwrap().list().unwrap();
    assert_eq!(found.len(), 1);
    assert!(bytes(resumed(&studio, &found[0].id).unwrap()) == whole);
    assert!(left(folder).is_empty());
}

/// A sink without room.
struct Full;

impl FrameSink for Full {
    fn begin(&mut self, _: u32, _: u32, _: Fps) -> SinkResult {
        Ok(())
    }

    fn frame(&mut self, _: &I420, _: Duration) -> SinkResult {
        Err("no space is left".into())
    }

    fn finish(&mut self) -> SinkResult {
        Ok(())
    }
}

#[test]
fn a_checkpoint_that_does_not_fit_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(studio) = studio(folder) else { return };
    killed(folder, "Denoising 2");
    let found = studio.checkpoints().unwrap().list().unwrap();
    let id = found[0].id.as_str();
    let place = |id: &str| folder.join(format!("checkpoints/{id}.checkpoint"));
    let code = |studio: &Studio, id: &str| resumed(studio, id).unwrap_err().code();
    assert_eq!(code(&studio, "0123456789abcdef"), "checkpoint.missing");
    assert_eq!(code(&studio, "../../etc/passwd"), "checkpoint.missing");

    let options = || StudioOptions::default().threads(2).packs(folder.join("packs"));
    let bare = Studio::open(options()).unwrap();
    assert_eq!(code(&bare, id), "checkpoint.none");
    let strange = checkpoints(folder, "battery staple horse");
    let strange = Studio::open(options().checkpoints(strange)).unwrap();
    assert_eq!(code(&strange, id), "vault.key_store");

    // Under another number it does not open, and no byte of it can be changed.
    let good = std::fs::read(place(id)).unwrap();
    std::fs::write(place("0123456789abcdef"), &good).unwrap();
    assert_eq!(code(&studio, "0123456789abcdef"), "checkpoint.damaged");
    for at in [0, 30, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(place(id), bad).unwrap();
        let got = code(&studio, id);
        assert!(["checkpoint.damaged", "vault.key_store"].contains(&got), "{at}: {got}");
    }
    for length in [0, 10, 25, good.len() - 1] {
        std::fs::write(place(id), &good[..length]).unwrap();
        let got = code(&studio, id);
        assert!(["checkpoint.damaged", "vault.key_store"].contains(&got), "{length}: {got}");
    }
    let mut later = good.clone();
    later[b"kinora checkpoint ".len()] = b'9';
    std::fs::write(place(id), later).unwrap();
    assert_eq!(code(&studio, id), "checkpoint.version");

    // Another version of the pack makes another clip.
    std::fs::write(place(id), &good).unwrap();
    let json = folder.join("packs/tiny-wan-ti2v/pack.json");
    let manifest = std::fs::read_to_string(&json).unwrap();
    let changed = manifest.replacen("\"version\": \"", "\"version\": \"9", 1);
    assert_ne!(manifest, changed);
    std::fs::write(&json, changed).unwrap();
    assert_eq!(code(&studio, id), "checkpoint.pack");
    std::fs::write(&json, manifest).unwrap();

    studio.checkpoints().unwrap().clear().unwrap();
    assert!(left(folder).is_empty(), "{:?}", left(folder));
}
