//! A longer clip needs no more memory: a child process makes one and says what it took.
#![cfg(target_os = "linux")]

use std::process::Command;

use super::*;

const FRAMES: &str = "KINORA_TEST_FRAMES";
const OUT: &str = "KINORA_TEST_OUT";

/// The most memory that this process has held, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Not a test: the child's work.
#[test]
#[ignore = "the work of another test's child process"]
fn child() {
    let frames = std::env::var(FRAMES).unwrap().parse().unwrap();
    let path = std::path::PathBuf::from(std::env::var_os(OUT).unwrap());
    make(Output::from_path(path).unwrap(), &spec(640, 360, 30.0, frames)).unwrap();
    eprintln!("peak {}", peak());
}

fn peak_of(name: &str, frames: u32) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "clip::tests::memory::child", "--ignored", "--nocapture"])
        .env(FRAMES, frames.to_string())
        .env(OUT, folder.path().join(name))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stderr).into_owned();
    let peak = text.lines().find_map(|line| line.strip_prefix("peak "));
    peak.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}

#[test]
fn memory_does_not_grow_with_the_clip() {
    let mut names = vec!["clip.gif"];
    #[cfg(feature = "openh264")]
    names.push("clip.mp4");
    #[cfg(feature = "webp")]
    names.push("clip.webp");
    for name in names {
        let (short, long) = (peak_of(name, 8), peak_of(name, 64));
        // 56 frames more would be 18 MiB in I420 and 37 MiB in RGB.
        assert!(long < short + 2048, "{name}: {short} KiB for 8 frames, {long} KiB for 64");
        eprintln!("{name}: {short} KiB for 8 frames, {long} KiB for 64");
    }
}
