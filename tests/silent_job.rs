//! Promise: a whole local job, and the time after it, opens no socket of any kind, needs no network
//! and writes only where it was told to. `kinora prove` holds the traps; the jobs are the library's,
//! in this file. Each trap has a program that falls into it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![cfg(all(feature = "cli", target_os = "linux"))]

mod common;

use std::io::Write;
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use kinora::{GenerationRequest, Output};
use serde_json::Value;

/// What the program does beside its job, and with what.
const DEED: &str = "KINORA_TEST_DEED";
const TRAPS: [&str; 4] = ["kernel", "isolation", "calls", "files"];

/// Not a test of its own: the program that is put into the traps.
#[test]
fn program() {
    let Some(out) = std::env::var_os("KINORA_PROVE_OUT").map(PathBuf::from) else { return };
    let deed = std::env::var(DEED).unwrap_or_default();
    match deed.split_once(' ').unwrap_or((&deed, "")) {
        ("tcp", address) => drop(TcpStream::connect(address).unwrap()),
        ("udp", _) => drop(UdpSocket::bind("127.0.0.1:0").unwrap()),
        ("name", _) => assert!(("kinora.invalid", 80).to_socket_addrs().is_err()),
        ("local", _) => drop(UnixStream::pair().unwrap()),
        ("thread", _) => drop(std::thread::spawn(|| UdpSocket::bind("127.0.0.1:0")).join()),
        ("write", _) => {
            let home = PathBuf::from(std::env::var_os("HOME").unwrap());
            std::fs::File::create(home.join(".cache")).unwrap().write_all(b"me").unwrap();
        }
        _ => job(out),
    }
}

/// From the photo to the clip, with everything left open for the wait.
fn job(out: PathBuf) {
    let studio = common::open_studio().unwrap();
    let photo = common::astronaut().unwrap_or_else(|| common::picture(640, 480));
    let request = GenerationRequest::animate(photo)
        .prompt("she smiles, slow zoom in")
        .seconds(1.0)
        .output(Output::mp4(out.join("clip.mp4")).with_frames(out.join("frames")));
    let clip = studio.generate(request).unwrap().wait().unwrap();
    assert_eq!(clip.frames, 24);
    let idle = std::env::var("KINORA_PROVE_IDLE").unwrap().parse().unwrap();
    std::thread::sleep(Duration::from_secs(idle));
}

/// `kinora prove` on this file's program.
fn prove(deed: &str, arguments: &[&str]) -> (bool, Value) {
    let run = Command::new(env!("CARGO_BIN_EXE_kinora"))
        .args(["prove", "--json"])
        .args(arguments)
        .arg("--")
        .arg(std::env::current_exe().unwrap())
        .args(["program", "--exact", "--nocapture"])
        .env(DEED, deed)
        // As on a build server: the program must not see it.
        .env("CI", "true")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&run.stdout);
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&run.stderr)));
    (run.status.success(), report)
}

fn rung<'r>(report: &'r Value, name: &str) -> &'r Value {
    let rungs = report["rungs"].as_array().unwrap();
    rungs.iter().find(|rung| rung["rung"] == name).unwrap_or_else(|| panic!("{name}: {report}"))
}

/// Whether the rung ran; one that cannot run here is named.
fn ran(rung: &Value) -> bool {
    let ran = rung["result"] != "not run";
    if !ran {
        eprintln!("skipped: {} ({})", rung["rung"], rung["found"]);
    }
    ran
}

#[test]
fn a_local_job_opens_no_socket_and_writes_only_where_it_is_told() {
    if std::env::var_os("ORT_DYLIB_PATH").is_none() {
        eprintln!("skipped: ORT_DYLIB_PATH names no ONNX Runtime");
        return;
    }
    // The telemetry of newer runtimes woke up 9 s after the start.
    let (holds, report) = prove("", &["--idle", "15"]);
    assert!(holds, "{report:#}");
    assert_eq!(rung(&report, "kernel")["result"], "passed", "seccomp is everywhere on Linux");
    for name in TRAPS {
        let rung = rung(&report, name);
        if ran(rung) {
            assert_eq!(rung["result"], "passed", "{rung:#}");
            assert_eq!(rung["control"], "caught", "{rung:#}");
            let found = rung["found"].as_str().unwrap();
            eprintln!("{name}: {found}");
            match name {
                "calls" => assert_eq!(found, "0 calls"),
                "files" => assert!(found.contains("all in the given folder")),
                _ => assert!(found.contains("clip.mp4 of "), "{found}"),
            }
        }
    }
}

#[test]
fn each_trap_springs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = format!("tcp {}", listener.local_addr().unwrap());
    for (deed, caught) in [
        (tcp.as_str(), &["kernel", "isolation", "calls"][..]),
        ("udp", &["kernel", "calls"]),
        ("name", &["kernel", "calls"]),
        ("local", &["kernel", "calls"]),
        ("thread", &["kernel", "calls"]),
        ("write", &TRAPS),
    ] {
        let (holds, report) = prove(deed, &["--idle", "0"]);
        assert!(!holds, "{deed}: {report:#}");
        for name in TRAPS {
            let rung = rung(&report, name);
            if ran(rung) {
                let failed = rung["result"] == "failed";
                assert_eq!(failed, caught.contains(&name), "{deed}: {rung:#}");
            }
        }
        if deed != "write" {
            let found = rung(&report, "kernel")["found"].as_str().unwrap();
            assert!(found.contains("SIGSYS"), "{deed}: {found}");
        }
    }
}

#[test]
fn sockets_of_this_machine_alone_can_be_allowed() {
    let arguments = ["--idle", "0", "--unix", "--only", "kernel", "--only", "trace"];
    let (holds, report) = prove("local", &arguments);
    assert!(holds, "{report:#}");
    let (holds, report) = prove("udp", &arguments);
    assert!(!holds, "{report:#}");
    assert_eq!(rung(&report, "kernel")["result"], "failed");
}
