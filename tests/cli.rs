//! Promise: the command line says what it did in words or in JSON, and its exit status tells
//! whether it worked.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![cfg(feature = "cli")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn kinora(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kinora")).args(arguments).output().expect("kinora starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json_lines(output: &Output) -> Vec<Value> {
    let text = text(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn runtime() -> bool {
    let there = std::env::var_os("ORT_DYLIB_PATH").is_some();
    if !there {
        let thread = std::thread::current();
        eprintln!("skipped {}: no ORT_DYLIB_PATH", thread.name().unwrap_or("a test"));
    }
    there
}

/// A made photo as a file.
fn made(folder: &Path) -> PathBuf {
    let photo = common::picture(160, 120);
    let path = folder.join("made.png");
    let format = image::ExtendedColorType::Rgb8;
    image::save_buffer(&path, photo.pixels(), photo.width(), photo.height(), format).unwrap();
    path
}

fn word(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[test]
fn animate_ends_with_one_line_of_json() {
    if !runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut photos = vec![made(folder.path())];
    photos.extend(common::data("faces/imageio/astronaut.png"));
    for photo in photos {
        for extension in ["mp4", "webp", "gif"] {
            let out = folder.path().join(format!("clip.{extension}"));
            let run = kinora(&[
                "animate",
                word(&photo),
                "-o",
                word(&out),
                "--prompt",
                "slow zoom in, xylophone",
                "--seconds",
                "0.5",
                "--fps",
                "8",
                "--size",
                "96",
                "--seed",
                "11",
                "--threads",
                "2",
                "--loop",
                "--json",
            ]);
            assert!(run.status.success(), "{}", text(&run.stderr));
            let lines = json_lines(&run);
            let report = &lines[lines.len() - 1];
            for key in [
                "out",
                "frames",
                "fps",
                "width",
                "height",
                "seed",
                "execution_provider",
                "used",
                "ignored",
                "seconds",
            ] {
                assert!(!report[key].is_null(), "{key} of {report}");
            }
            for key in ["decode", "faces", "motion", "render", "encode", "total"] {
                assert!(report["seconds"][key].is_f64(), "{key} of {report}");
            }
            assert_eq!(report["out"], word(&out));
            assert_eq!((&report["frames"], &report["seed"]), (&4.into(), &11.into()));
            assert_eq!(report["width"].as_u64().max(report["height"].as_u64()), Some(96));
            assert_eq!(report["execution_provider"], "cpu");
            assert_eq!(report["ignored"], serde_json::json!(["xylophone"]));
            assert!(report["used"].as_array().is_some_and(|used| !used.is_empty()));
            assert!(std::fs::metadata(&out).unwrap().len() > 100);
        }
    }
}

#[cfg(feature = "c2pa")]
#[test]
fn animate_signs_with_another_key_each_time_and_verify_reads_it() {
    if !runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let photo = made(folder.path());
    let signed = ["a.mp4", "b.mp4"].map(|name| {
        let out = folder.path().join(name);
        let run =
            kinora(&["animate", word(&photo), "-o", word(&out), "--seconds", "0.5", "--sign"]);
        assert!(run.status.success(), "{}", text(&run.stderr));
        let run = kinora(&["verify", word(&out), "--json"]);
        assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
        let layers = &json_lines(&run)[0]["layers"];
        assert_eq!(
            (&layers[0]["layer"], &layers[0]["state"]),
            (&"manifest".into(), &"intact".into())
        );
        assert_eq!((&layers[0]["generated"], &layers[0]["trusted"]), (&true.into(), &false.into()));
        std::fs::read(out).unwrap()
    });
    assert_ne!(signed[0], signed[1]);
}

#[test]
fn verify_tells_in_its_status_what_it_found() {
    let folder = tempfile::tempdir().unwrap();
    let status = |path: &Path| kinora(&["verify", word(path)]).status.code();
    let plain = made(folder.path());
    assert_eq!(status(&plain), Some(1));
    // A camera's packet is intact and says nothing of a model.
    let packet = |term: &str| {
        let text = format!(
            "XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF \
             xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' \
             xmlns:i='http://iptc.org/std/Iptc4xmpExt/2008-02-29/' i:DigitalSourceType=\
             'http://cv.iptc.org/newscodes/digitalsourcetype/{term}'/></rdf:RDF></x:xmpmeta>"
        );
        let chunk = [b"iTXt", text.as_bytes()].concat();
        let mut png = std::fs::read(&plain).unwrap();
        let length = (text.len() as u32).to_be_bytes();
        let sum = crc32fast::hash(&chunk).to_be_bytes();
        png.splice(33..33, [&length[..], &chunk, &sum].concat());
        let path = folder.path().join(format!("{term}.png"));
        std::fs::write(&path, png).unwrap();
        path
    };
    assert_eq!(status(&packet("digitalCapture")), Some(1));
    let generated = packet("trainedAlgorithmicMedia");
    assert_eq!(status(&generated), Some(0));
    let mut cut = std::fs::read(&generated).unwrap();
    cut[100] ^= 1;
    std::fs::write(&generated, cut).unwrap();
    assert_eq!(status(&generated), Some(2));
    assert_eq!(status(&folder.path().join("absent.png")), Some(3));
}

#[test]
fn animate_writes_frames_beside_the_clip() {
    if !runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (photo, out) = (made(folder.path()), folder.path().join("clip.mp4"));
    let frames = folder.path().join("frames");
    let run = kinora(&[
        "animate",
        word(&photo),
        "-o",
        word(&out),
        "--seconds",
        "0.5",
        "--fps",
        "8",
        "--frames",
        word(&frames),
    ]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    assert_eq!(std::fs::read_dir(frames).unwrap().count(), 4);
    assert_eq!(text(&run.stdout).trim(), word(&out));
}

#[cfg(feature = "vault")]
#[test]
fn an_interrupted_clip_goes_on_to_the_same_bytes() {
    use std::process::Stdio;

    if !runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/packs/wan-ti2v");
    let (packs, kept) = (folder.join("packs"), folder.join("kept"));
    assert!(
        kinora(&["pack", "add", word(&pack), "--accept-licence", "--packs", word(&packs)])
            .status
            .success()
    );
    let command = |arguments: &[&str], out: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kinora"));
        command.args(arguments).args(["--packs", word(&packs), "-o", word(out)]);
        command.env("KINORA_PASSPHRASE", "correct horse battery").stdin(Stdio::null());
        command
    };
    let photo = made(folder);
    let begin = [
        "animate",
        word(&photo),
        "--pack",
        "tiny-wan-ti2v",
        "--prompt",
        "a river",
        "--size",
        "96",
        "--steps",
        "200",
        "--day",
        "2026-11-28",
    ];
    let keeping = [&begin[..], &["--checkpoints", word(&kept)]].concat();
    let (whole, never, again) =
        (folder.join("whole.mp4"), folder.join("never.mp4"), folder.join("again.mp4"));
    assert!(command(&begin, &whole).status().unwrap().success());

    let mut child = command(&keeping, &never).spawn().unwrap();
    let sealed = || {
        let files = std::fs::read_dir(&kept).into_iter().flatten().map_while(Result::ok);
        files
            .map(|file| file.path())
            .find(|path| path.extension().is_some_and(|end| end == "checkpoint"))
    };
    while sealed().is_none() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(sealed().is_some() && !never.exists());

    let resume = ["resume", "--checkpoints", word(&kept)];
    let wrong = command(&resume, &again)
        .env("KINORA_PASSPHRASE", "another one, and wrong")
        .output()
        .unwrap();
    assert!(
        !wrong.status.success() && text(&wrong.stderr).contains("[vault."),
        "{}",
        text(&wrong.stderr)
    );
    let resumed = command(&resume, &again).output().unwrap();
    assert!(resumed.status.success(), "{}", text(&resumed.stderr));
    assert_eq!(std::fs::read(&again).unwrap(), std::fs::read(&whole).unwrap());
    let nothing = command(&resume, &never).output().unwrap();
    assert!(!nothing.status.success());
    assert!(text(&nothing.stderr).contains("no clip was interrupted"), "{}", text(&nothing.stderr));
}

#[test]
fn faces_goes_on_after_a_broken_photo_and_tells_in_the_end() {
    if !runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.jpg");
    std::fs::write(&broken, [0xff, 0xd8, 0xff, 0xe0, 0, 1]).unwrap();
    let mut photos = vec![(made(folder.path()), 0)];
    photos.extend(common::data("faces/imageio/astronaut.png").map(|path| (path, 1)));
    for (photo, faces) in photos {
        let run = kinora(&["faces", "--json", word(&broken), word(&photo)]);
        assert_eq!(run.status.code(), Some(1));
        let lines = json_lines(&run);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["photo"], word(&broken));
        let code = lines[0]["error"]["code"].as_str().unwrap();
        assert!(code.starts_with("photo."), "{code}");
        assert!(lines[0]["error"]["message"].as_str().is_some_and(|m| m.len() > 20));
        assert_eq!(lines[1]["photo"], word(&photo));
        assert!(lines[1]["width"].is_u64() && lines[1]["height"].is_u64());
        let found = lines[1]["faces"].as_array().unwrap();
        assert_eq!(found.len(), faces);
        for face in found {
            assert_eq!(face["box"].as_array().map(Vec::len), Some(4));
            assert!(face["score"].as_f64().is_some_and(|score| (0.0..=1.0).contains(&score)));
            let points = face["points"].as_array().unwrap();
            assert_eq!(points.len(), 5);
            assert!(points.iter().all(|point| point.as_array().is_some_and(|p| p.len() == 2)));
        }
        assert!(kinora(&["faces", "--json", word(&photo)]).status.success());
    }
}

#[test]
fn an_overlay_is_a_picture_of_the_photo() {
    if !runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("overlay.png");
    let mut photos = vec![(made(folder.path()), (160, 120))];
    photos.extend(common::data("faces/imageio/astronaut.png").map(|path| (path, (512, 512))));
    for (path, size) in photos {
        let run = kinora(&["faces", word(&path), "--overlay", word(&out)]);
        assert!(run.status.success(), "{}", text(&run.stderr));
        let overlay = kinora::Photo::open(&out).unwrap();
        assert_eq!((overlay.width(), overlay.height()), size);
        let drawn = overlay.pixels() != kinora::Photo::open(&path).unwrap().pixels();
        assert_eq!(drawn, size.0 == 512, "a box is drawn where there is a face");
    }
}

#[test]
fn doctor_says_what_works() {
    if !runtime() {
        return;
    }
    let run = kinora(&["doctor", "--json"]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let report = &json_lines(&run)[0];
    for key in ["kinora", "models", "h264", "onnxruntime", "providers", "threads", "memory_mib"] {
        assert!(!report[key].is_null(), "{key} of {report}");
    }
    let providers = report["providers"].as_array().unwrap();
    assert!(providers.iter().any(|p| p["execution_provider"] == "cpu" && p["works"] == true));
    assert!(!report["onnxruntime"]["telemetry"].as_str().unwrap().starts_with("unknown"));
    assert!(kinora(&["doctor"]).status.success());
}

#[test]
fn doctor_names_a_missing_runtime() {
    let run = Command::new(env!("CARGO_BIN_EXE_kinora"))
        .arg("doctor")
        .env("ORT_DYLIB_PATH", "/nowhere/it.so")
        .output()
        .unwrap();
    if run.status.success() {
        // Another one beside the executable or in the system.
        return;
    }
    let message = text(&run.stderr);
    assert!(message.contains("[runtime.not_found]"), "{message}");
    assert!(message.contains("/nowhere/it.so"), "{message}");
}

#[test]
fn prompts_lists_every_phrase() {
    let run = kinora(&["prompts"]);
    assert!(run.status.success());
    let table = text(&run.stdout);
    // Long rows are broken after a comma.
    let listed = table.replace(",\n      ", ", ");
    let entries = || kinora::prompt::LEXICON.iter().flat_map(|section| section.entries);
    for phrase in entries().flat_map(|entry| entry.phrases) {
        let alone = listed.lines().any(|line| line.trim().split(", ").any(|p| p == *phrase));
        assert!(alone, "{phrase} is missing");
    }
    for (word, _) in kinora::prompt::STRENGTHS {
        assert!(table.contains(word), "{word} is missing");
    }
    for (word, _) in kinora::prompt::ORDER {
        assert!(table.contains(word), "{word} is missing");
    }
    let json = &json_lines(&kinora(&["prompts", "--json"]))[0];
    assert_eq!(json["lexicon"].as_array().unwrap().len(), entries().count());
    assert_eq!(json["strengths"]["slightly"], 0.5);
    assert_eq!(json["order"]["then"], "next");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let photo = made(folder.path());
    let (photo, out) = (word(&photo), folder.path().join("clip.mp4"));
    let out = word(&out);
    let missing = folder.path().join("no.png");
    let cases: &[&[&str]] = &[
        &[],
        &["paint"],
        &["animate"],
        &["animate", photo],
        &["animate", photo, "-o", "clip.mov"],
        &["animate", word(&missing), "-o", out],
        &["animate", photo, "-o", out, "--seconds", "11"],
        &["animate", photo, "-o", out, "--seconds", "two"],
        &["animate", photo, "-o", out, "--fps", "0"],
        &["animate", photo, "-o", out, "--face", "biggest"],
        &["animate", photo, "-o", out, "--face", "7"],
        &["animate", photo, "-o", out, "--execution-provider", "abacus"],
        &["animate", photo, "-o", out, "--strenght", "1"],
        &["faces"],
        &["faces", photo, photo, "--overlay", "x.png"],
        &["faces", photo, "--pack", word(&missing)],
        &["doctor", "--paper"],
    ];
    for case in cases {
        let run = kinora(case);
        assert!(run.status.code().is_some_and(|code| code != 0), "{case:?}");
        assert!(!run.stderr.is_empty(), "{case:?}");
        assert!(run.stdout.is_empty(), "{case:?}");
        assert!(!text(&run.stderr).contains("panicked"), "{case:?}: {}", text(&run.stderr));
    }
    assert!(!Path::new(out).exists());
}

#[cfg(feature = "remote-http")]
mod remote {
    use super::*;

    /// A command in a folder of its own; nobody is there to be asked.
    fn kinora(folder: &Path, arguments: &[&str], input: &str) -> (bool, String, String) {
        use std::io::Write;
        let mut child = Command::new(env!("CARGO_BIN_EXE_kinora"))
            .args(arguments)
            .env("KINORA_HOME", folder)
            .env("KINORA_PASSPHRASE", "correct horse battery")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("kinora starts");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    }

    #[test]
    fn consent_is_shown_given_withdrawn_and_logged() {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| kinora(folder.path(), arguments, "");
        let (_, shown, _) = run(&["consent", "show", "kling/3.0"]);
        assert!(shown.contains("LOHAS GAMES") && shown.contains("state: never given"), "{shown}");
        let hash = shown.trim_end().rsplit(' ').next().unwrap();
        // Nobody can be asked here, and silence is no consent.
        let (ok, _, said) = run(&["consent", "give", "kling/3.0"]);
        assert!(!ok && said.contains("not given"), "{said}");
        let (ok, _, said) = run(&["consent", "give", "kling/3.0", "--agree", "0123"]);
        assert!(!ok && said.contains("read it first"), "{said}");
        let (ok, given, said) = run(&["consent", "give", "kling/3.0", "--agree", hash]);
        assert!(ok && given.contains("given until"), "{said}");
        let (ok, withdrawn, _) = run(&["consent", "withdraw", "kling/3.0"]);
        assert!(ok && withdrawn.contains("nothing had been sent"), "{withdrawn}");
        let (_, log, _) = run(&["consent", "log"]);
        for line in ["ledger begun", "asked", "refused", "given", "withdrawn"] {
            assert!(log.contains(line), "{line}: {log}");
        }
        let (_, json, _) = run(&["consent", "log", "--json"]);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert!(json["schema_version"].as_str().unwrap().contains("27560"));
    }

    #[test]
    fn keys_go_in_and_do_not_come_out() {
        let folder = tempfile::tempdir().unwrap();
        let (ok, _, said) =
            kinora(folder.path(), &["vault", "set", "fal"], "CANARY-KEY-from-stdin\n");
        assert!(ok, "{said}");
        let mut told = said;
        for arguments in [&["vault", "list"][..], &["data", "show"], &["data", "export"]] {
            let (ok, out, err) = kinora(folder.path(), arguments, "");
            assert!(ok, "{err}");
            told += &(out + &err);
        }
        assert!(told.contains("fal") && !told.contains("CANARY"), "{told}");
        let (ok, _, said) = kinora(folder.path(), &["data", "delete", "everything"], "");
        assert!(!ok && said.contains("--yes"), "{said}");
        let (ok, ..) = kinora(folder.path(), &["data", "delete", "everything", "--yes"], "");
        assert!(ok);
        let (_, list, _) = kinora(folder.path(), &["vault", "list"], "");
        assert_eq!(list, "");
    }

    #[test]
    fn nothing_is_sent_without_a_consent_and_a_preview_says_what_would_be() {
        if !runtime() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let photo = folder.path().join("made.png");
        let made = common::picture(640, 480);
        let format = image::ExtendedColorType::Rgb8;
        image::save_buffer(&photo, made.pixels(), made.width(), made.height(), format).unwrap();
        let (ok, shown, said) = kinora(
            folder.path(),
            &["remote", "fal", word(&photo), "--prompt", "a river", "--preview"],
            "",
        );
        assert!(ok, "{said}");
        assert!(shown.contains("POST https://queue.fal.run/"), "{shown}");
        assert!(shown.contains("(api_key from the vault)"), "{shown}");
        let out = folder.path().join("out.mp4");
        let (ok, _, said) =
            kinora(folder.path(), &["remote", "fal", word(&photo), "-o", word(&out)], "");
        assert!(!ok && said.contains("kinora consent give fal"), "{said}");
        let (ok, _, said) =
            kinora(folder.path(), &["remote", "openai", word(&photo), "--preview"], "");
        assert!(!ok && said.contains("[remote.retired]"), "{said}");
        assert!(!out.exists());
    }
}

/// What can be seen without a server; tests/pack_download.rs has one.
#[cfg(feature = "download")]
mod download {
    use super::*;
    use sha2::{Digest, Sha256};

    const URL: &str = "https://packs.invalid/newest";

    fn kinora(folder: &Path, arguments: &[&str]) -> (bool, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kinora"));
        command.args(["pack", "download"]).args(arguments).env("KINORA_HOME", folder);
        let output = command.stdin(std::process::Stdio::null()).output().expect("kinora starts");
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    }

    #[test]
    fn a_download_says_what_comes_next_and_adds_nothing_without_a_yes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wan.kinora-pack");
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/packs/wan-t2v");
        let pack = kinora::pack::Pack::open(fixture).unwrap();
        pack.write_file(&file).unwrap();
        // It is there already, so nobody is asked for it.
        let sum = Sha256::digest(std::fs::read(&file).unwrap());
        let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        let run = |more: &[&str]| {
            let arguments = [&[URL, "--sha256", &sum, "-o", word(&file)], more].concat();
            kinora(folder.path(), &arguments)
        };
        let (ok, out, said) = run(&[]);
        assert!(ok && out.trim() == word(&file), "{said}");
        assert!(said.contains(&format!("kinora pack add {}", word(&file))), "{said}");
        assert!(!folder.path().join("packs").exists());
        let (ok, _, said) = run(&["--add"]);
        assert!(!ok && said.contains("nothing was added"), "{said}");
        let (ok, ..) = run(&["--accept-licence"]);
        assert!(!ok, "there is nothing to say yes to");
        let (ok, out, said) = run(&["--add", "--accept-licence"]);
        assert!(ok && out.trim() == pack.manifest().id, "{said}");
        assert!(said.contains(&pack.manifest().licence.name), "{said}");
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let sum = "0".repeat(64);
        let out = folder.path().join("x.kinora-pack");
        let cases: [(&[&str], &str); 5] = [
            (&["https://packs.invalid/x.kinora-pack"], "--sha256"),
            (&[URL, "--sha256", &sum], "-o FILE"),
            (&["http://packs.invalid/x", "--sha256", &sum, "-o", word(&out)], "[download.url]"),
            (&[URL, "--sha256", "12", "-o", word(&out)], "[download.sha256]"),
            (&[URL, "--sha256", &sum, "-o", word(&out)], "[download.no_connection]"),
        ];
        for (arguments, wanted) in cases {
            let (ok, out, said) = kinora(folder.path(), arguments);
            assert!(!ok && out.is_empty() && said.contains(wanted), "{arguments:?}: {said}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
