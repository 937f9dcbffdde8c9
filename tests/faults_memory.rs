//! Promise: what a file claims costs no memory before it is held against a limit, and a job whose
//! memory runs out leaves no half clip.
//!
//! Where the system gives no memory, Rust's allocator ends the process, and a library cannot change
//! that for its host. So the promise is what can be kept: nothing large is asked for on a stranger's
//! word, and what a process that is ended leaves is in nobody's way.

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

use std::process::Command;

use killed::{Worker, assert_whole, is_part, make, names};
use kinora::Photo;
use kinora::consent::Sheets;
use kinora::remote::{Models, Video};

const CLAIMS: &str = "KINORA_TEST_CLAIMS";

/// Not a test of its own: a process with little memory, at work on a clip.
#[test]
fn child() {
    killed::child();
}

/// Files of a few bytes that claim to be huge, each with its format's name.
fn claims() -> Vec<(&'static str, Vec<u8>)> {
    let png = |width: u32, height: u32| {
        let mut ihdr = b"IHDR".to_vec();
        ihdr.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
        ihdr.extend([16, 6, 0, 0, 0]);
        let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
        file.extend(&ihdr);
        file.extend(crc(&ihdr).to_be_bytes());
        file.extend(b"\0\0\0\x01IDAT\x78\0\0\0\0");
        file
    };
    let mut bmp = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bmp.extend([0x00FF_FFFFu32.to_le_bytes(), 0x00FF_FFFFu32.to_le_bytes()].concat());
    bmp.extend(b"\x01\0\x20\0");
    bmp.extend([0; 24]);
    let jpeg = b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03\x01\x22\0\x02\x11\x01\x03\x11\x01";
    let mut gif = b"GIF89a\xff\xff\xff\xff\0\0\0".to_vec();
    gif.extend(b"\x2c\0\0\0\0\xff\xff\xff\xff\0\x08\x01\0\0\x3b");
    let mut tiff = b"II*\0\x08\0\0\0\x05\0".to_vec();
    for (tag, value) in [(256u16, u32::MAX), (257, u32::MAX), (258, 16), (273, 8), (279, u32::MAX)]
    {
        tiff.extend(tag.to_le_bytes());
        tiff.extend(b"\x04\0\x01\0\0\0");
        tiff.extend(value.to_le_bytes());
    }
    tiff.extend([0; 4]);
    let webp = b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\xff\xff\xff\xff\xff\xff";
    vec![
        ("png", png(0x7FFF_FFFF, 0x7FFF_FFFF)),
        ("bmp", bmp),
        ("jpeg", jpeg.to_vec()),
        ("gif", gif),
        ("tiff", tiff),
        ("webp", webp.to_vec()),
    ]
}

/// CRC-32 as PNG has it (ISO/IEC 15948, annex D).
fn crc(bytes: &[u8]) -> u32 {
    let step = |mut crc: u32, byte: &u8| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
        }
        crc
    };
    !bytes.iter().fold(u32::MAX, step)
}

/// A video whose tables claim four thousand million rows each.
fn boundless_video() -> Vec<u8> {
    fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes()[..], name, body].concat()
    }
    let table = |name| boxed(name, b"\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff");
    let stbl: Vec<u8> =
        [b"stsd", b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco"].map(table).concat();
    let minf = boxed(b"minf", &boxed(b"stbl", &stbl));
    let mdia = boxed(b"mdia", &[boxed(b"hdlr", b"\0\0\0\0\0\0\0\0vide\0"), minf].concat());
    let moov = boxed(b"moov", &boxed(b"trak", &mdia));
    [boxed(b"ftyp", b"isom\0\0\x02\0isom"), moov].concat()
}

/// Not a test of its own: reads what claims to be huge, with room for nothing of the kind.
#[test]
fn claimant() {
    if std::env::var_os(CLAIMS).is_none() {
        return;
    }
    for (format, bytes) in claims() {
        let error = Photo::from_bytes(&bytes).unwrap_err();
        println!("{format}: {}", error.code());
        assert!(error.code().starts_with("photo."), "{format}: {error}");
    }
    assert_eq!(Video::from_bytes(&boundless_video()).unwrap_err().code(), "request.video");
    let long = "[".repeat(2 << 20);
    assert!(Models::from_json(&long).is_err() && Sheets::from_json(&long).is_err());
    println!("outcome survived");
}

/// Runs a test of this file with at most `kib` of address space.
fn limited(test: &str, kib: u32) -> String {
    let program = std::env::current_exe().unwrap();
    let script = format!("ulimit -v {kib}; exec \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script, "sh"])
        .arg(program)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CLAIMS, "1")
        .output()
        .unwrap();
    let [out, error] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{error}")
}

#[test]
fn what_files_claim_is_not_allocated() {
    // The program itself takes about 30 MiB of it, and each claim is for gigabytes.
    let told = limited("claimant", 128 * 1024);
    assert!(told.contains("outcome survived"), "{told}");
}

#[test]
fn a_job_whose_memory_runs_out_leaves_no_half_clip() {
    if common::studio().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    // From too little to load the networks to what may just do.
    for mebibytes in [200, 420, 520, 700] {
        let script = format!("ulimit -v {}; exec \"$@\"", mebibytes * 1024);
        let outcome = Worker::start(&path, Some(&script)).outcome();
        println!("{mebibytes} MiB: {outcome:?}");
        let whole = outcome.as_deref() == Some("clip");
        for name in names(folder.path()) {
            assert!(is_part(&name) || whole && name == "clip.mp4", "{mebibytes}: {name}");
        }
        if whole {
            assert_whole(&path);
            std::fs::remove_file(&path).unwrap();
        }
    }
    killed::age(folder.path());
    make(&path).unwrap();
    assert_eq!(names(folder.path()), ["clip.mp4"]);
}
