//! Promise: every file can be marked as made by a model, still plays, and tells it when it is asked.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use kinora::marking::{
    Day, Declared, DigitalSourceType, FileMarks, LayerKind, LayerState, Marking, Statement, Xmp,
    find_xmp, verify,
};
use kinora::{GenerationRequest, Output};

fn statement() -> Statement {
    Statement::new("kinora/motion", "2", Day::new(2026, 11, 26).unwrap())
}

fn generated() -> Option<Declared> {
    Some(Declared::Generated(DigitalSourceType::TrainedAlgorithmicMedia))
}

/// Clips of every format that this build encodes, with 12 frames each, and a frame as PNG.
fn clips(folder: &Path) -> Option<Vec<std::path::PathBuf>> {
    let studio = common::studio()?;
    let mut clips = Vec::new();
    for name in ["clip.gif", "clip.mp4", "clip.webp"] {
        let encodes = match name {
            "clip.mp4" => cfg!(feature = "openh264"),
            "clip.webp" => cfg!(feature = "webp"),
            _ => true,
        };
        if !encodes {
            continue;
        }
        let path = folder.join(name);
        let mut output = Output::from_path(&path).unwrap();
        if name == "clip.gif" {
            output = output.with_frames(folder.join("frames"));
        }
        let request = GenerationRequest::animate(common::picture(96, 64))
            .seconds(0.5)
            .size(96)
            .marking(Marking::none())
            .output(output);
        studio.generate(request).unwrap().wait().unwrap();
        clips.push(path);
    }
    clips.push(folder.join("frames/frame_0003.png"));
    Some(clips)
}

#[test]
fn clips_tell_that_a_model_made_them_and_still_play() {
    let folder = tempfile::tempdir().unwrap();
    let Some(clips) = clips(folder.path()) else { return };
    for path in clips {
        // Whatever a later version marks by itself is written here over an unmarked file.
        let seen = decoded(&path);
        FileMarks::new(statement()).sign_file(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(find_xmp(&bytes), Xmp::Intact { digital_source_type: generated() });
        let layers = verify(&bytes).unwrap();
        assert_eq!(layers[1].kind, LayerKind::Xmp);
        assert_eq!(
            (layers[1].state, layers[1].digital_source_type),
            (LayerState::Intact, generated())
        );
        assert_eq!(decoded(&path), seen, "{}", path.display());
        // A second time changes nothing.
        FileMarks::new(statement()).sign_file(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[cfg(feature = "c2pa")]
#[test]
fn signed_clips_still_play_and_one_changed_byte_is_seen() {
    use kinora::marking::OwnSigner;

    let folder = tempfile::tempdir().unwrap();
    let Some(clips) = clips(folder.path()) else { return };
    let signer = std::sync::Arc::new(OwnSigner::from_seed([9; 32]));
    for path in clips {
        let seen = decoded(&path);
        FileMarks::new(statement()).signed_by(signer.clone()).sign_file(&path).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let layers = verify(&bytes).unwrap();
        assert_eq!(layers[0].kind, LayerKind::Manifest);
        assert_eq!((layers[0].state, layers[0].trusted), (LayerState::Intact, false));
        assert_eq!(layers[0].digital_source_type, generated());
        assert_eq!(decoded(&path), seen, "{}", path.display());
        let middle = bytes.len() * 3 / 4;
        bytes[middle] ^= 1;
        assert_ne!(verify(&bytes).unwrap()[0].state, LayerState::Intact);
    }
}

/// The hashes of all frames, by a decoder that is not ours; for MP4 also that it plays from the
/// front. Empty without ffmpeg.
fn decoded(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).unwrap();
    let find = |name: &[u8; 4]| bytes.windows(4).position(|window| window == name);
    if path.extension().is_some_and(|extension| extension == "mp4") {
        assert!(find(b"moov") < find(b"mdat"));
    }
    if path.extension().is_some_and(|extension| extension == "webp") {
        // ffmpeg reads no animated WebP; our own decoder counts the frames.
        return vec![bytes.windows(4).filter(|window| window == b"ANMF").count().to_string()];
    }
    let ffmpeg = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-f", "framemd5", "-"])
        .output();
    let Ok(output) = ffmpeg else {
        eprintln!("skipped: there is no ffmpeg to decode {}", path.display());
        return Vec::new();
    };
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && errors.is_empty(), "{}: {errors}", path.display());
    let lines = String::from_utf8(output.stdout).unwrap();
    let frames: Vec<_> =
        lines.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    assert!(!frames.is_empty());
    frames
}
