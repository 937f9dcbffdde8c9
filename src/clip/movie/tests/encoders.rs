//! Files as a common encoder writes them, where it is installed; without it each test passes and
//! says that it was skipped.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::fixture::holds;
use crate::clip::movie::{Movie, MovieError, read, strip};

const MARKERS: [&[u8]; 14] = [
    b"+12.3",
    b"004.5",
    b"MARKER",
    b"Lavf",
    b"Lavc",
    b"x264",
    b"udta",
    b"meta",
    b"free",
    b"soun",
    b"mp4a",
    b"tmcd",
    b"2019",
    b"SoundHandler",
];

const PLACE_AND_NAMES: &[&str] = &[
    "-metadata",
    "location=+12.3-004.5/",
    "-metadata",
    "title=MARKER title",
    "-metadata",
    "comment=MARKER comment",
    "-metadata",
    "creation_time=2019-05-04T03:02:01Z",
    "-metadata:s:v",
    "handler_name=MARKER handler",
    "-timecode",
    "01:02:03:04",
];

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// Nothing, and a line that says so, where the programs are missing.
    fn open(test: &str) -> Option<Self> {
        let there = ["ffmpeg", "ffprobe"].iter().all(|program| {
            let mut command = Command::new(program);
            command.arg("-version").stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        });
        if !there {
            eprintln!("skipped {test}: ffmpeg and ffprobe are not installed");
            return None;
        }
        Some(Self { folder: tempfile::tempdir().unwrap() })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A moving test picture of 61 frames of 96 by 64 pixels, with sound.
    fn make(&self, name: &str, rate: &str, options: &[&str]) -> PathBuf {
        let path = self.path(name);
        let picture = format!("testsrc2=size=96x64:rate={rate}");
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-y", "-f", "lavfi", "-i", &picture]);
        command.args(["-f", "lavfi", "-i", "sine=frequency=440", "-map", "0:v", "-map", "1:a"]);
        command.args(["-frames:v", "61", "-shortest", "-pix_fmt", "yuv420p", "-threads", "1"]);
        command.args(["-c:v", "libx264", "-preset", "veryfast", "-g", "20", "-c:a", "aac"]);
        command.args(PLACE_AND_NAMES).args(options).arg(&path);
        assert!(command.status().unwrap().success());
        path
    }

    /// Copies the streams of a file.
    fn copy(&self, name: &str, before: &[&str], from: &Path, after: &[&str]) -> PathBuf {
        let path = self.path(name);
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-y"]).args(before).arg("-i").arg(from);
        command.args(["-c", "copy", "-map_metadata", "0"]).args(after).arg(&path);
        assert!(command.status().unwrap().success());
        path
    }

    /// Strips a file and checks all that holds for every file.
    fn check(&self, path: &Path, frames: u32) -> (Movie, Vec<u8>) {
        let bytes = std::fs::read(path).unwrap();
        let clean = strip(&bytes).unwrap();
        for marker in MARKERS {
            assert!(!holds(&clean, marker), "{} is left", marker.escape_ascii());
        }
        assert_eq!(strip(&clean).unwrap(), clean);
        let out = self.path("clean.mp4");
        std::fs::write(&out, &clean).unwrap();
        let hashes = decoded(path);
        assert_eq!(hashes.len(), frames as usize);
        assert_eq!(decoded(&out), hashes);
        let (before, after) = (read(&bytes).unwrap(), read(&clean).unwrap());
        assert!(before.has_audio);
        assert_eq!(after, Movie { has_audio: false, ..before.clone() });
        assert_eq!(before.frames, frames);
        assert_eq!(probe(&out, "-show_entries", "stream=codec_type"), ["video"]);
        let tags = probe(&out, "-show_entries", "stream_tags:format_tags");
        let tags: Vec<_> = tags.iter().filter(|tag| tag.contains("MARKER")).collect();
        assert!(tags.is_empty(), "{tags:?}");
        (before, clean)
    }
}

fn output(command: &mut Command) -> String {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn probe(path: &Path, option: &str, what: &str) -> Vec<String> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-of", "csv=p=0", option, what]).arg(path);
    let lines = output(&mut command);
    let lines = lines.lines().map(|line| line.trim_end_matches(','));
    // A stream's side data gives a line of its own.
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The time and hash of every decoded picture, turned the way it is shown.
fn decoded(path: &Path) -> Vec<String> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(path);
    command.args(["-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-"]);
    let lines = output(&mut command);
    lines.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn b_frames_at_a_broadcast_rate() {
    let Some(bench) = Bench::open("b_frames_at_a_broadcast_rate") else { return };
    for (name, flags) in [("late.mp4", "+use_metadata_tags"), ("early.mp4", "+faststart")] {
        let path = bench.make(name, "30000/1001", &["-bf", "3", "-movflags", flags]);
        let (movie, _) = bench.check(&path, 61);
        assert_eq!((movie.width, movie.height, movie.fps), (96, 64, (30_000, 1001)));
        assert!((movie.seconds - 61.0 * 1001.0 / 30_000.0).abs() < 1e-9);
        assert_eq!(&movie.codec, b"avc1");
    }
}

#[test]
fn quicktime_and_signed_offsets() {
    let Some(bench) = Bench::open("quicktime_and_signed_offsets") else { return };
    let path = bench.make("phone.mov", "25", &["-bf", "2", "-movflags", "use_metadata_tags"]);
    assert_eq!(bench.check(&path, 61).0.fps, (25, 1));
    let path = bench.make("cts.mp4", "24", &["-movflags", "+negative_cts_offsets"]);
    assert_eq!(bench.check(&path, 61).0.fps, (24, 1));
    // Delimiters, buffering messages and filler in the stream itself.
    let path = bench.make(
        "aud.mp4",
        "30",
        &["-x264-params", "aud=1:nal-hrd=cbr:bitrate=200:vbv-maxrate=200:vbv-bufsize=200:filler=1"],
    );
    assert_eq!(bench.check(&path, 61).0.fps, (30, 1));
}

#[test]
fn a_turned_video_stays_turned() {
    let Some(bench) = Bench::open("a_turned_video_stays_turned") else { return };
    let upright = bench.make("upright.mp4", "30", &[]);
    for (angle, size) in [("90", (64, 96)), ("180", (96, 64)), ("270", (64, 96))] {
        let tag = format!("rotate={angle}");
        let path = bench.copy("turned.mp4", &[], &upright, &["-metadata:s:v:0", &tag]);
        let (movie, clean) = bench.check(&path, 61);
        assert_eq!((movie.width, movie.height), size);
        let out = bench.path("turned-clean.mp4");
        std::fs::write(&out, clean).unwrap();
        let rotation = "stream_side_data=rotation";
        let turned = probe(&path, "-show_entries", rotation);
        assert_eq!(probe(&out, "-show_entries", rotation)[0], turned[0]);
        assert!(!turned[0].is_empty());
    }
}

#[test]
fn what_a_cut_hides_is_not_sent() {
    let Some(bench) = Bench::open("what_a_cut_hides_is_not_sent") else { return };
    let whole = bench.make("whole.mp4", "30", &["-bf", "2"]);
    let cut = bench.copy("cut.mp4", &["-ss", "1.0"], &whole, &["-t", "0.5"]);
    let bytes = std::fs::read(&cut).unwrap();
    let shown = decoded(&cut).len() as u32;
    let (movie, _) = bench.check(&cut, shown);
    assert!(movie.frames < 20, "{}", movie.frames);
    assert!(strip(&bytes).unwrap().len() < bytes.len());
}

#[test]
fn fragments_and_other_codecs_are_refused() {
    let Some(bench) = Bench::open("fragments_and_other_codecs_are_refused") else { return };
    let whole = bench.make("whole.mp4", "30", &[]);
    for flags in ["frag_keyframe+empty_moov", "frag_keyframe", "dash"] {
        let path = bench.copy("fragments.mp4", &[], &whole, &["-movflags", flags]);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(read(&bytes), Err(MovieError::Fragmented), "{flags}");
        assert_eq!(strip(&bytes), Err(MovieError::Fragmented), "{flags}");
    }
    let path = bench.make("other.mp4", "30", &["-c:v", "mpeg4"]);
    let bytes = std::fs::read(&path).unwrap();
    let movie = read(&bytes).unwrap();
    assert_eq!((&movie.codec, movie.frames, movie.fps), (b"mp4v", 61, (30, 1)));
    assert_eq!(strip(&bytes), Err(MovieError::Codec(*b"mp4v")));
}
