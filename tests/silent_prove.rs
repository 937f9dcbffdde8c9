//! Promise: `kinora prove` tells whoever runs it what was checked, how, what came out and whether the
//! trap can spring; it fails where anything did.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![cfg(feature = "cli")]

mod common;

use std::process::{Command, Output};

use serde_json::Value;

fn prove(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kinora"));
    command.arg("prove").args(arguments).envs(variables.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)))
}

fn rung<'r>(report: &'r Value, name: &str) -> &'r Value {
    report["rungs"].as_array().unwrap().iter().find(|rung| rung["rung"] == name).unwrap()
}

#[test]
fn every_rung_is_told_with_its_control() {
    if std::env::var_os("ORT_DYLIB_PATH").is_none() {
        eprintln!("skipped: ORT_DYLIB_PATH names no ONNX Runtime");
        return;
    }
    let mut arguments = vec!["--json", "--idle", "1"];
    let photo = common::data("faces/imageio/astronaut.png");
    arguments.extend(photo.as_ref().map(|path| path.to_str().unwrap()));
    let run = prove(&arguments, &[]);
    let report = json(&run);
    assert!(run.status.success(), "{report:#}");
    assert_eq!(report["holds"], true);
    assert_eq!(report["remote_http"], cfg!(feature = "remote-http"));
    assert_eq!(report["download"], cfg!(feature = "download"));
    assert_eq!(report["runtime"]["telemetry"], "absent");
    assert!(report["runtime"]["version"].is_string(), "{report:#}");
    for name in ["client", "symbols", "runtime", "kernel", "isolation", "calls", "files"] {
        let rung = rung(&report, name);
        for key in ["checked", "result", "found", "control", "control_found"] {
            assert!(rung[key].as_str().is_some_and(|text| !text.is_empty()), "{key} of {rung:#}");
        }
        match rung["result"].as_str().unwrap() {
            "passed" => assert_eq!(rung["control"], "caught", "{rung:#}"),
            "noted" => assert!(["client", "symbols"].contains(&name), "{rung:#}"),
            "not run" => eprintln!("skipped: {name} ({})", rung["found"]),
            other => panic!("{other}: {rung:#}"),
        }
    }
    let told = rung(&report, "client")["found"].as_str().unwrap();
    assert_eq!(told.contains("consent"), cfg!(feature = "remote-http"), "{told}");
    assert_eq!(told.contains("pack download"), cfg!(feature = "download"), "{told}");
    if cfg!(all(any(feature = "remote-http", feature = "download"), target_os = "linux")) {
        // The client's names are there, are found, and are not kept quiet.
        assert_eq!(rung(&report, "symbols")["result"], "noted");
        assert!(rung(&report, "symbols")["found"].as_str().unwrap().contains("connect"));
    }
}

#[test]
fn a_missing_runtime_fails_by_name() {
    let run = prove(&["--idle", "0", "--only", "kernel"], &[("ORT_DYLIB_PATH", "/nowhere/it.so")]);
    if run.status.success() {
        // Another one beside the executable or in the system.
        return;
    }
    let told = text(&run.stdout);
    let line = told.lines().find(|line| line.starts_with("FAILED   runtime"));
    assert!(line.is_some() && told.contains("/nowhere/it.so"), "{told}");
    // The trap's own control does not depend on the runtime.
    assert!(!told.contains("MISSED"), "{told}");
}

#[test]
fn a_runtime_with_telemetry_fails_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let fake = folder.path().join("libonnxruntime.so");
    std::fs::write(&fake, common::telemetry()).unwrap();
    let fake = ("ORT_DYLIB_PATH", fake.to_str().unwrap());
    let run = prove(&["--json", "--idle", "0", "--only", "kernel"], &[fake]);
    assert!(!run.status.success());
    assert_eq!(rung(&json(&run), "runtime")["result"], "failed");
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_that_opens_a_socket_fails() {
    let kinora = env!("CARGO_BIN_EXE_kinora");
    let deed = ["--idle", "0", "--", kinora, "prove", "--child", "datagram"];
    let run = prove(&deed, &[]);
    assert_eq!(run.status.code(), Some(1));
    let told = text(&run.stdout);
    assert!(told.lines().any(|line| line.starts_with("FAILED   kernel")), "{told}");
    assert!(told.contains("called for a socket and was ended by SIGSYS"), "{told}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    for case in [&["--idle", "long"][..], &["no.png", "--", "true"], &["--unix"], &["--only", "x"]]
    {
        let run = prove(case, &[]);
        assert!(!run.status.success() && run.stdout.is_empty(), "{case:?}");
        assert!(!text(&run.stderr).contains("panicked"), "{case:?}");
    }
}
