//! Promise: an ONNX Runtime that holds a telemetry client is not loaded, unless the host put that
//! to sleep before the start.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::path::Path;
use std::process::Command;

use kinora::runtime::{Runtime, RuntimeOptions};

/// Names the library that a child opens.
const LIBRARY: &str = "KINORA_TEST_LIBRARY";
const SWITCH: &str = "ORT_DISABLE_TELEMETRY";

/// Not a test of its own: a host that opens a runtime.
#[test]
fn host() {
    let Some(library) = std::env::var_os(LIBRARY) else { return };
    match Runtime::open(&RuntimeOptions::default().library(library)) {
        Ok(_) => println!("outcome: opened"),
        Err(error) => println!("outcome: {}", error.code()),
    }
}

fn outcome(library: &Path, switch: Option<&str>) -> String {
    let mut host = Command::new(std::env::current_exe().unwrap());
    host.args(["host", "--exact", "--nocapture"]).env(LIBRARY, library).env_remove(SWITCH);
    host.envs(switch.map(|value| (SWITCH, value)));
    let output = host.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = text.lines().find_map(|line| line.split_once("outcome: "));
    found.unwrap_or_else(|| panic!("{text}")).1.trim().to_owned()
}

#[test]
fn a_library_with_a_telemetry_client_is_refused_unless_it_sleeps() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libonnxruntime.so.1.31.0");
    std::fs::write(&library, common::telemetry()).unwrap();
    for awake in [None, Some(""), Some("0"), Some("true")] {
        assert_eq!(outcome(&library, awake), "runtime.telemetry", "{awake:?}");
    }
    // Put to sleep it would be loaded, were it a library.
    assert_eq!(outcome(&library, Some("1")), "runtime.unusable");
    // The control: without the marks, it is only no library.
    std::fs::write(&library, vec![b'x'; 3 << 20]).unwrap();
    assert_eq!(outcome(&library, None), "runtime.unusable");
}
