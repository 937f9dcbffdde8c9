//! Promise: of a photo its pixels leave and nothing else: no EXIF, no place, no name, no other job's
//! words, no face; and no log line, error or file tells of any of it. The memory of a remote job is
//! bounded by its clip.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![cfg(feature = "remote-http")]

mod common;
#[path = "common/remote/mod.rs"]
mod remote;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, RwLock};

use common::{astronaut, picture, studio};
use kinora::remote::{DataItem, Rights};
use kinora::studio::Made;
use kinora::{Container, GenerationRequest, Model, Output, Photo, Studio};
use remote::fake::{Fake, MODELS, Step, Trouble};
use remote::{Jumping, client, grant, keys, serve};

/// Every log line of this process, but for the bytes of connections unless `WIRE` is set.
struct Lines;

static LINES: Mutex<String> = Mutex::new(String::new());
static WIRE: AtomicBool = AtomicBool::new(false);

impl log::Log for Lines {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        !metadata.target().starts_with("ureq_proto") || WIRE.load(Ordering::SeqCst)
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let mut lines = LINES.lock().unwrap();
        lines.push_str(&format!("{} {}\n", record.target(), record.args()));
    }

    fn flush(&self) {}
}

/// Held for reading by every test that sends: one of them changes what the logger takes.
static LOGGER: RwLock<()> = RwLock::new(());

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Lines).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
}

/// A JPEG with everything in its metadata that a phone puts there, marked.
fn marked_jpeg(photo: &Photo) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let format = image::ExtendedColorType::Rgb8;
    image::codecs::jpeg::JpegEncoder::new(&mut jpeg)
        .encode(photo.pixels(), photo.width(), photo.height(), format)
        .unwrap();
    let segment = |marker: u8, body: &[u8]| {
        let mut out = vec![0xff, marker];
        out.extend((body.len() as u16 + 2).to_be_bytes());
        out.extend(body);
        out
    };
    // A TIFF header with one entry, an image description; then as much text as one likes.
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0e\x01\x02\0".to_vec();
    let text = b"CANARY-EXIF GPS 48.8583 N 2.2945 E\0";
    exif.extend((text.len() as u32).to_le_bytes());
    exif.extend(26u32.to_le_bytes());
    exif.extend(0u32.to_le_bytes());
    exif.extend(text);
    let mut out = jpeg[..2].to_vec();
    out.extend(segment(0xe1, &exif));
    out.extend(segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0<x>CANARY-XMP</x>"));
    out.extend(segment(0xed, b"Photoshop 3.0\0CANARY-IPTC"));
    out.extend(segment(0xfe, b"CANARY-COMMENT"));
    out.extend(&jpeg[2..]);
    out.extend(b"CANARY-TRAILER");
    out
}

/// Every way in which a marker could be written.
fn forms(marker: &str) -> Vec<Vec<u8>> {
    use base64::Engine as _;
    let mut forms = vec![
        marker.as_bytes().to_vec(),
        marker.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        marker.bytes().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(),
    ];
    // In Base64 it depends on what stands before it: of each of three beginnings, the digits that the
    // marker alone decides. Fewer would be those that all markers share.
    for pad in 0..3 {
        let text = format!("{}{marker}", &"xx"[..pad]);
        let coded = base64::engine::general_purpose::STANDARD.encode(&text);
        forms.push(coded.as_bytes()[(8 * pad).div_ceil(6)..8 * text.len() / 6].to_vec());
    }
    // What is left of a short marker would be found everywhere.
    forms.retain(|form| form.len() >= 6);
    forms
}

fn holds(bytes: &[u8], marker: &str) -> bool {
    forms(marker).iter().any(|form| bytes.windows(form.len()).any(|part| part == form))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { out.extend(files(&path)) } else { out.push(path) }
    }
    out
}

/// Whom the photo shows, where there is somebody.
fn portrait() -> (Photo, bool) {
    match astronaut() {
        Some(photo) => (photo, true),
        None => (picture(640, 480), false),
    }
}

#[test]
fn no_marker_leaves_or_stays() {
    let Some(studio) = studio() else { return };
    listen();
    let _others = LOGGER.read().unwrap();
    let clip = remote::clip(studio, picture(160, 120));
    let (photo, person) = portrait();
    // The trap must spring: the marker is in the file.
    let jpeg = marked_jpeg(&photo);
    assert!(holds(&jpeg, "CANARY-EXIF") && holds(&jpeg, "CANARY-XMP"));
    for model in MODELS {
        for trouble in [Trouble::None, Trouble::ModeratedLater] {
            let fake = Fake::new(model, trouble, clip.clone());
            let server = serve(&fake, &[]);
            let folder = tempfile::tempdir().unwrap();
            let remote = remote::remote(folder.path(), client(&server), &Jumping::new());
            keys(&remote, model);
            let grant = grant(&remote, model);
            let own = studio.with_remote(remote.clone());
            let named = folder.path().join("CANARY-NAME.jpg");
            std::fs::write(&named, &jpeg).unwrap();
            let request = |prompt: &str| {
                GenerationRequest::animate(Photo::open(&named).unwrap())
                    .prompt(prompt)
                    .seconds(5.0)
                    .rights(Rights::Agreed)
                    .model(Model::Remote { model: model.to_owned(), grant: grant.clone() })
                    .output(Output::bytes(Container::Mp4))
            };
            // Another job's words, in the same studio, before.
            let local = GenerationRequest::animate(picture(160, 120))
                .prompt("CANARY-OTHER-PROMPT smile")
                .seconds(0.5)
                .size(64)
                .output(Output::bytes(Container::Mp4));
            own.generate(local).unwrap().wait().unwrap();
            let result = own.generate(request("CANARY-OWN-PROMPT")).and_then(|job| job.wait());
            let told = format!(
                "{result:?} {}",
                result.as_ref().map_or_else(ToString::to_string, |_| String::new())
            );
            std::fs::remove_file(&named).unwrap();

            for seen in server.seen() {
                let bytes = seen.bytes();
                for marker in [
                    "CANARY-EXIF",
                    "CANARY-XMP",
                    "CANARY-IPTC",
                    "CANARY-COMMENT",
                    "CANARY-TRAILER",
                    "CANARY-NAME",
                    "CANARY-OTHER-PROMPT",
                ] {
                    assert!(!holds(&bytes, marker), "{model}: {marker} in a request");
                }
                if fake.step(&seen) == Step::Submit {
                    assert!(holds(&bytes, "CANARY-OWN-PROMPT"), "{model}: the prompt is not there");
                } else {
                    assert!(!holds(&bytes, "CANARY-OWN-PROMPT"), "{model}: the prompt went twice");
                }
            }
            assert!(!holds(told.as_bytes(), "CANARY"), "{model}: {told}");
            for file in files(folder.path()) {
                let bytes = std::fs::read(&file).unwrap();
                assert!(!holds(&bytes, "CANARY"), "{model}: in {}", file.display());
            }
            let log = remote.consent().export_json().unwrap() + &remote.export().unwrap();
            assert!(!holds(log.as_bytes(), "CANARY"), "{model}: in the export");
            // After the request for its deletion nothing is left.
            remote.delete(&DataItem::Everything).unwrap();
            let data = remote.data().unwrap();
            assert_eq!((data.ledger_entries, data.jobs.len(), data.secrets.len()), (1, 0, 0));
        }
    }
    let lines = LINES.lock().unwrap().clone();
    assert!(lines.contains("job"), "the trap must see lines");
    assert!(!holds(lines.as_bytes(), "CANARY"), "{lines}");
    assert!(!lines.contains("landmark"), "{lines}");
    if !person {
        eprintln!("skipped: without the test data no photo shows a face");
    }
}

#[test]
fn a_preview_is_what_goes_to_the_byte() {
    let Some(studio) = studio() else { return };
    let _others = LOGGER.read().unwrap();
    let clip = remote::clip(studio, picture(160, 120));
    for model in MODELS {
        let fake = Fake::new(model, Trouble::None, clip.clone());
        let server = serve(&fake, &[]);
        let folder = tempfile::tempdir().unwrap();
        let remote = remote::remote(folder.path(), client(&server), &Jumping::new());
        keys(&remote, model);
        let grant = grant(&remote, model);
        let own = studio.with_remote(remote);
        let request = || {
            GenerationRequest::animate(picture(640, 480))
                .prompt("a slow river")
                .seconds(5.0)
                .seed(9)
        };
        let payload = own.preview(request(), model, None).unwrap();
        assert!(server.seen().is_empty(), "a preview sends nothing");
        let request = request()
            .model(Model::Remote { model: model.to_owned(), grant })
            .output(Output::bytes(Container::Mp4));
        own.generate(request).unwrap().wait().unwrap();
        let seen = server.seen();
        let submit = seen.iter().find(|seen| fake.step(seen) == Step::Submit).unwrap();
        assert_eq!(submit.body, payload.body(), "{model}");
        assert_eq!(format!("https://{}{}", submit.host, submit.path), payload.url(), "{model}");
        let shown: Vec<String> =
            payload.headers().iter().map(|header| header.name.to_ascii_lowercase()).collect();
        for (name, _) in &submit.headers {
            let own = ["host", "content-length", "x-amz-date"];
            let name = name.to_ascii_lowercase();
            assert!(own.contains(&name.as_str()) || shown.contains(&name), "{model}: {name}");
        }
        assert!(!format!("{:?}", payload.headers()).contains(remote::KEY), "{model}");
    }
}

#[test]
fn somebody_in_the_photo_is_asked_about_and_bad_prompts_stay() {
    let (Some(studio), Some(photo)) = (studio(), astronaut()) else { return };
    let fake = Fake::new(MODELS[0], Trouble::None, Vec::new());
    let server = serve(&fake, &[]);
    let folder = tempfile::tempdir().unwrap();
    let remote = remote::remote(folder.path(), client(&server), &Jumping::new());
    keys(&remote, MODELS[0]);
    let grant = grant(&remote, MODELS[0]);
    let own = studio.with_remote(remote);
    let code = |prompt: &str, rights: Option<Rights>| {
        let mut request = GenerationRequest::animate(photo.clone())
            .prompt(prompt)
            .seconds(5.0)
            .model(Model::Remote { model: MODELS[0].to_owned(), grant: grant.clone() })
            .output(Output::bytes(Container::Mp4));
        if let Some(rights) = rights {
            request = request.rights(rights);
        }
        own.generate(request).unwrap_err().code()
    };
    assert_eq!(code("she smiles", None), "remote.rights");
    let agreed = Some(Rights::Agreed);
    assert_eq!(code("she takes off her clothes", agreed), "safety.non_consensual_intimacy");
    assert_eq!(code("u.n.d.r.e.s.s her", agreed), "safety.non_consensual_intimacy");
    assert!(server.seen().is_empty());
}

#[test]
fn what_is_deleted_while_a_job_runs_stays_deleted() {
    let Some(studio) = studio() else { return };
    let _others = LOGGER.read().unwrap();
    let model = "gemini/omni-1.2-flash";
    let fake = Fake::new(model, Trouble::NeverDone, Vec::new());
    let server = serve(&fake, &[]);
    let folder = tempfile::tempdir().unwrap();
    let remote = remote::remote(folder.path(), client(&server), &Jumping::new());
    keys(&remote, model);
    let request = GenerationRequest::animate(picture(640, 480))
        .seconds(5.0)
        .model(Model::Remote { model: model.to_owned(), grant: grant(&remote, model) })
        .output(Output::bytes(Container::Mp4));
    let job = studio.with_remote(remote.clone()).generate(request).unwrap();
    while server.seen().len() < 3 {
        std::thread::yield_now();
    }
    let left = remote.delete(&DataItem::Everything).unwrap();
    job.wait().unwrap_err();
    let data = remote.data().unwrap();
    assert_eq!((data.jobs.len(), data.ledger_entries, data.secrets.len()), (0, 1, 0));
    // What the provider had was deleted too, before the key went.
    assert!(left.is_empty(), "{left:?}");
    assert!(server.seen().iter().any(|seen| seen.method == "DELETE"));
}

#[test]
fn a_local_job_never_asks_and_never_sends() {
    let Some(studio) = studio() else { return };
    let _others = LOGGER.read().unwrap();
    let fake = Fake::new(MODELS[0], Trouble::None, Vec::new());
    let server = serve(&fake, &[]);
    let folder = tempfile::tempdir().unwrap();
    let remote = remote::remote(folder.path(), client(&server), &Jumping::new());
    let own: Studio = studio.with_remote(remote.clone());
    let request = GenerationRequest::animate(picture(160, 120)).seconds(0.5).size(64);
    let clip = own.generate(request.output(Output::bytes(Container::Mp4))).unwrap().wait().unwrap();
    assert!(matches!(clip.made, Made::Bytes(_)) && clip.remote_model.is_none());
    assert!(server.seen().is_empty());
    // The ledger has its own first line and no other.
    assert_eq!(remote.data().unwrap().ledger_entries, 1);
}

#[test]
fn a_logger_that_takes_the_bytes_of_connections_stops_them() {
    let Some(studio) = studio() else { return };
    listen();
    let _alone = LOGGER.write().unwrap();
    let fake = Fake::new(MODELS[0], Trouble::None, Vec::new());
    let server = serve(&fake, &[]);
    let folder = tempfile::tempdir().unwrap();
    let remote = remote::remote(folder.path(), client(&server), &Jumping::new());
    keys(&remote, MODELS[0]);
    let grant = grant(&remote, MODELS[0]);
    let own = studio.with_remote(remote);
    let request = GenerationRequest::animate(picture(640, 480))
        .seconds(5.0)
        .model(Model::Remote { model: MODELS[0].to_owned(), grant })
        .output(Output::bytes(Container::Mp4));
    WIRE.store(true, Ordering::SeqCst);
    let error = own.generate(request).unwrap().wait().unwrap_err();
    WIRE.store(false, Ordering::SeqCst);
    assert_eq!(error.code(), "remote.withheld");
    assert!(server.seen().is_empty());
}
