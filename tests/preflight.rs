//! Promise: what a pack's job will take is told before it begins, a job that does not fit is refused
//! with numbers, and what would fit is offered.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::picture;
use kinora::pack::{Pack, PackStore};
use kinora::runtime::RuntimeOptions;
use kinora::studio::Measured;
use kinora::{
    Container, ExecutionProvider, GenerationRequest, Model, Output, Studio, StudioOptions,
};
use serde_json::{Value, json};

const MB: f64 = 1e6;

/// A copy of a pack, with an estimate or without.
fn pack(folder: &Path, name: &str, estimate: Option<Value>) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/packs").join(name);
    let copy = folder.join(format!("{name}-copy"));
    fs::create_dir_all(&copy).unwrap();
    for entry in fs::read_dir(&source).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
    }
    if let Some(estimate) = estimate {
        let json = copy.join("pack.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
        manifest["estimate"] = estimate;
        fs::write(&json, manifest.to_string()).unwrap();
    }
    copy
}

/// 100 MB and a megabyte for each latent position of a decoded frame: decoding is what takes most.
fn greedy() -> Value {
    let stage = |memory: [f64; 6], seconds: [f64; 6]| json!({"memory": memory, "seconds": seconds});
    let small = [100.0 * MB, 0.0, 0.0, 0.0, 0.0, 0.0];
    json!({
        "begin": stage(small, [0.1, 0.0, 0.0, 0.0, 0.0, 0.0]),
        "step": stage(small, [0.0, 0.0, 1e-3, 0.0, 0.0, 0.0]),
        "decode": stage([100.0 * MB, MB, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1e-3, 0.0, 0.0, 0.0]),
        "smallest": [32, 32, 5],
    })
}

/// A studio with the pack, and with so many bytes left.
fn studio(folder: &Path, pack: &Path, limit: Option<u64>) -> Option<Studio> {
    std::env::var_os("ORT_DYLIB_PATH").or_else(|| {
        let thread = std::thread::current();
        eprintln!("skipped {}: ORT_DYLIB_PATH names no ONNX Runtime", thread.name()?);
        None
    })?;
    let store = PackStore::open(folder.join("packs")).unwrap();
    store.add(pack, &PackStore::terms(pack).unwrap().accept()).unwrap();
    let mut options = StudioOptions::default().threads(2).packs(folder.join("packs"));
    if let Some(limit) = limit {
        options = options.memory_limit(limit);
    }
    Some(Studio::open(options).unwrap())
}

fn words() -> GenerationRequest {
    GenerationRequest::imagine("a lighthouse").size(256).steps(2)
}

#[test]
fn a_job_that_does_not_fit_is_refused_with_numbers_and_what_would_fit_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let source = pack(folder.path(), "wan-t2v", Some(greedy()));
    // 32 × 24 latent positions: 868 MB as a whole.
    let Some(studio) = studio(folder.path(), &source, Some(400_000_000)) else { return };
    let told = studio.preflight(&words()).unwrap();
    assert_eq!(told.size, [256, 192, 9]);
    assert_eq!(told.peak_bytes, Some(868_000_000));
    assert!(!told.fits() && told.available_bytes.unwrap() <= 400_000_000);
    assert!(told.seconds.unwrap() > 0.0);
    let refused = studio.generate(words().output(Output::bytes(Container::Gif))).unwrap_err();
    assert_eq!(refused.code(), "request.memory");
    let said = refused.to_string();
    for part in ["868 MB", "400 MB", "would fit"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!told.offers.is_empty());
    for offer in &told.offers {
        let asked = words().size(offer.long_side).seconds(offer.seconds).tiled(offer.tiled);
        let again = studio.preflight(&asked).unwrap();
        assert!(again.fits(), "{offer:?}");
        assert_eq!(again.peak_bytes, Some(offer.peak_bytes));
        let clip = studio.generate(asked.output(Output::bytes(Container::Gif))).unwrap().wait();
        assert_eq!(clip.unwrap().width.max(48), offer.long_side.max(48));
    }
}

/// What a child is to do: the folder of the test.
const ORDER: &str = "KINORA_TEST_PREFLIGHT";
/// Bytes that the control group of the child may take.
const GROUP: u64 = 600_000_000;

/// Not a test of its own: what runs inside a control group.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(ORDER).map(PathBuf::from) else { return };
    // Until it is in its group.
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let studio = Studio::open(StudioOptions::default().threads(2).packs(folder.join("packs")));
    let studio = studio.unwrap();
    let out = || Output::bytes(Container::Gif);
    let told = studio.preflight(&words()).unwrap();
    println!("left {}", told.available_bytes.unwrap());
    println!("outcome {}", studio.generate(words().output(out())).unwrap_err().code());
    let offer = &told.offers[0];
    let smaller = words().tiled(offer.tiled).size(offer.long_side).seconds(offer.seconds);
    studio.generate(smaller.output(out())).unwrap().wait().unwrap();
    println!("outcome clip");
}

/// A new control group with a limit on its memory, of either kind; none where that is not allowed.
struct Group(PathBuf);

impl Group {
    fn make() -> Option<Self> {
        let kinds =
            [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        kinds.into_iter().find_map(|(root, limit)| {
            let group = Self(Path::new(root).join(format!("kinora-{}", std::process::id())));
            fs::create_dir(&group.0).ok()?;
            // One that cannot be limited is removed again.
            fs::write(group.0.join(limit), GROUP.to_string()).ok()?;
            Some(group)
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn in_a_control_group_a_job_is_refused_and_the_process_lives() {
    let folder = tempfile::tempdir().unwrap();
    let source = pack(folder.path(), "wan-t2v", Some(greedy()));
    if studio(folder.path(), &source, None).is_none() {
        return;
    }
    let Some(group) = Group::make() else {
        eprintln!("skipped in_a_control_group_…: no control group can be made here");
        return;
    };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env(ORDER, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    fs::write(group.0.join("cgroup.procs"), child.id().to_string()).unwrap();
    writeln!(child.stdin.take().unwrap(), "go").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    // The first line begins with the test's name.
    let left = said.lines().find_map(|line| line.split_once("left ")?.1.parse::<u64>().ok());
    assert!(left.is_some_and(|left| left < GROUP), "{said}");
    assert!(said.contains("outcome request.memory") && said.contains("outcome clip"), "{said}");
    assert!(output.status.success(), "{:?}", output.status);
}

#[test]
fn what_nobody_has_measured_is_not_made_up() {
    let folder = tempfile::tempdir().unwrap();
    let source = pack(folder.path(), "wan-t2v", None);
    let Some(studio) = studio(folder.path(), &source, Some(1)) else { return };
    let told = studio.preflight(&words()).unwrap();
    assert_eq!((told.peak_bytes, told.seconds), (None, None));
    assert!(told.fits() && told.offers.is_empty());
    studio.generate(words().output(Output::bytes(Container::Gif))).unwrap().wait().unwrap();
    let error = |request: GenerationRequest| studio.preflight(&request).unwrap_err().code();
    assert_eq!(error(GenerationRequest::animate(picture(96, 64))), "request.model");
    assert_eq!(error(words().steps(0)), "request.steps");
    let photo = GenerationRequest::animate(picture(96, 64));
    assert_eq!(error(photo.model(Model::Pack { id: "tiny-wan-t2v".to_owned() })), "request.task");
}

#[test]
fn measurements_become_an_estimate_in_pack_json() {
    let folder = tempfile::tempdir().unwrap();
    let source = pack(folder.path(), "wan-t2v", None);
    if std::env::var_os("ORT_DYLIB_PATH").is_none() {
        eprintln!("skipped measurements: ORT_DYLIB_PATH names no ONNX Runtime");
        return;
    }
    let options = RuntimeOptions::default().threads(2).execution_provider(ExecutionProvider::Cpu);
    let opened = Pack::open(&source).unwrap();
    let sizes = Measured::sizes(opened.manifest());
    assert!(sizes.len() >= 4, "{sizes:?}");
    let measured: Vec<_> =
        sizes.iter().map(|size| Measured::of(&source, &options, *size).unwrap()).collect();
    assert!(measured.iter().all(|m| m.step.seconds > 0.0 && m.decode.seconds > 0.0));
    let too_few = Measured::fit(opened.manifest(), &measured[..2]).unwrap_err();
    assert_eq!(too_few.code(), "pack.measure");
    opened.note_estimate(Measured::fit(opened.manifest(), &measured).unwrap()).unwrap();
    // It is a sound pack still, and says what jobs take.
    let again = Pack::open(&source).unwrap();
    assert_eq!(again.manifest().estimate.as_ref().unwrap().smallest, sizes[0]);
    let Some(studio) = studio(folder.path(), &source, None) else { return };
    let told = studio.preflight(&words()).unwrap();
    assert!(told.seconds.is_some_and(|seconds| seconds > 0.0) && told.peak_bytes.is_some());
    // Numbers that are none are refused.
    let mut estimate = greedy();
    estimate["step"]["seconds"][0] = json!(-1.0);
    let wrong = pack(folder.path(), "ltx", Some(estimate));
    assert_eq!(Pack::open(wrong).unwrap_err().code(), "pack.manifest");
}
