//! Promise: every remote provider makes a clip, every failure that it is known for ends in a state
//! that says what to do, nothing is paid for twice, and no key goes where it does not belong.

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

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use common::{picture, studio};
use kinora::marking::{LayerKind, Marking};
use kinora::remote::{Copies, RemoteJobState, Rights};
use kinora::studio::Made;
use kinora::{Clip, Container, GenerationRequest, Model, Output, Result, Studio};
use remote::fake::{Fake, MODELS, Step, Trouble};
use remote::server::Seen;
use remote::{Jumping, KEY, client, grant, impatient, keys, serve};

/// What came of one job.
struct Outcome {
    clip: Result<Clip>,
    fake: Arc<Fake>,
    seen: Vec<Seen>,
    job: Option<kinora::remote::RemoteJob>,
    submits_in_ledger: usize,
}

impl Outcome {
    fn code(&self) -> &str {
        self.clip.as_ref().err().map_or("clip", |error| error.code())
    }

    fn count(&self, step: Step) -> usize {
        self.seen.iter().filter(|request| self.fake.step(request) == step).count()
    }
}

fn small_clip(studio: &Studio) -> Vec<u8> {
    static CLIP: OnceLock<Vec<u8>> = OnceLock::new();
    CLIP.get_or_init(|| remote::clip(studio, picture(160, 120))).clone()
}

fn run(studio: &Studio, model: &'static str, trouble: Trouble) -> Outcome {
    run_for(studio, model, trouble, small_clip(studio), Marking::default())
}

/// A job whose provider sends `clip`.
fn run_for(
    studio: &Studio,
    model: &'static str,
    trouble: Trouble,
    clip: Vec<u8>,
    marking: Marking,
) -> Outcome {
    let fake = Fake::new(model, trouble, clip);
    let wrong: &[&str] =
        if trouble == Trouble::WrongCertificate { &remote::fake::HOSTS } else { &[] };
    let server = serve(&fake, wrong);
    let folder = tempfile::tempdir().unwrap();
    let client = match trouble {
        // Shorter than the pauses of the drip.
        Trouble::SlowDrip => impatient(&server, Duration::from_millis(300)),
        _ => client(&server),
    };
    let remote = remote::remote(folder.path(), client, &Jumping::new());
    keys(&remote, model);
    let grant = grant(&remote, model);
    let studio = studio.with_remote(remote.clone());
    let request = GenerationRequest::animate(picture(640, 480))
        .prompt("she smiles CANARY-PROMPT")
        .seconds(5.0)
        .rights(Rights::Agreed)
        .model(Model::Remote { model: model.to_owned(), grant })
        .marking(marking)
        .output(Output::bytes(Container::Mp4));
    let clip = studio.generate(request).and_then(|job| job.wait());
    // Nobody gets a key who should not, whatever happened.
    for request in server.seen() {
        let shown = String::from_utf8_lossy(&request.bytes()).into_owned();
        assert_ne!(request.host, "evil.example.com", "{trouble:?}");
        let media = ["fal.media", "cdn.klingai", "dashscope-result", "storage.googleapis"];
        if media.iter().any(|part| request.host.contains(part)) {
            assert!(!shown.contains("CANARY"), "{model} {trouble:?}: {shown}");
            assert!(request.header("authorization").is_none());
            assert!(request.header("x-goog-api-key").is_none());
        }
        if fake.step(&request) != Step::Submit {
            assert!(!shown.contains("CANARY-PROMPT"), "{model} {trouble:?}: {shown}");
        }
    }
    if let Err(error) = &clip {
        let said = format!("{error} {error:?}");
        assert!(!said.contains("CANARY"), "{model} {trouble:?}: {said}");
    }
    // Neither key nor prompt lies in any file.
    for entry in walk(folder.path()) {
        let bytes = std::fs::read(&entry).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("CANARY"), "{}", entry.display());
    }
    let log = remote.consent().log().unwrap();
    let used = kinora::consent::EventKind::Used;
    Outcome {
        clip,
        fake,
        seen: server.seen(),
        job: remote.jobs().unwrap().pop(),
        submits_in_ledger: log.iter().filter(|event| event.event == used).count(),
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn every_provider_makes_a_clip() {
    let Some(studio) = studio() else { return };
    for model in MODELS {
        let outcome = run(studio, model, Trouble::None);
        let clip = outcome.clip.as_ref().unwrap_or_else(|error| panic!("{model}: {error}"));
        let Made::Bytes(bytes) = &clip.made else { panic!("{model}: {:?}", clip.made) };
        assert_eq!(*bytes, small_clip(studio), "{model}");
        assert_eq!((clip.width, clip.height, clip.frames), (128, 96, 6), "{model}");
        assert_eq!(clip.remote_model.as_deref(), Some(model));
        assert_eq!(clip.execution_provider, None);
        assert_eq!((outcome.fake.jobs(), outcome.submits_in_ledger), (1, 1), "{model}");
        assert_eq!(outcome.count(Step::Stray), 0, "{model}: {:?}", outcome.seen);
        let job = outcome.job.as_ref().unwrap();
        assert_eq!(job.state, RemoteJobState::Done, "{model}");
        // What can be deleted is, and what cannot is said.
        let deletes = ["gemini", "gateway", "bedrock"].contains(&outcome.fake.provider());
        let copies = if deletes { Copies::Deleted } else { Copies::Expire };
        assert_eq!(job.copies, copies, "{model}");
        assert_eq!(outcome.count(Step::Delete), usize::from(deletes), "{model}");
        // The photo went as pixels: a JPEG in Base64 somewhere in the submit.
        let submit = outcome.seen.iter().find(|r| outcome.fake.step(r) == Step::Submit).unwrap();
        let body = String::from_utf8_lossy(&submit.body);
        assert!(body.contains("/9j/4AAQSkZJRg"), "{model}: {body:.300}");
        assert!(!body.contains(KEY), "{model}");
    }
}

#[test]
fn a_clip_that_is_signed_afterwards_names_the_model_that_made_it() {
    let Some(studio) = studio() else { return };
    let bare = GenerationRequest::animate(picture(160, 120))
        .seconds(0.5)
        .marking(Marking::none())
        .output(Output::bytes(Container::Mp4));
    let Made::Bytes(bare) = studio.generate(bare).unwrap().wait().unwrap().made else { panic!() };
    let outcome = run_for(studio, MODELS[0], Trouble::None, bare.clone(), Marking::default());
    // An app that packs the clip anew loses what the file said, and says it again.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    std::fs::write(&path, bare).unwrap();
    assert_eq!(outcome.clip.unwrap().sign_file(&path).unwrap(), [LayerKind::Xmp]);
    let told = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
    assert!(told.contains(MODELS[0]) && !told.contains("kinora/motion"));
}

/// The code that each trouble ends in, and how many jobs the provider may have made.
fn expected(model: &str, trouble: Trouble) -> Option<(&'static str, usize)> {
    let provider = model.split('/').next().unwrap();
    // Those that let a lost job be looked for by our own number.
    let finds = matches!(model, "kling/3.0" | "bedrock/luma-ray-2");
    let by_url = !matches!(provider, "vertex" | "gateway" | "bedrock");
    let media = model != "vertex/veo-3.1";
    Some(match trouble {
        Trouble::RateLimited => ("remote.rate_limited", 5),
        Trouble::RateLimitedOnce | Trouble::ServerErrorOnce => ("clip", 1),
        Trouble::OutOfCredit => ("remote.out_of_credit", 1),
        Trouble::BadKey => ("remote.unauthorised", 1),
        Trouble::ServerErrorAtPoll => ("remote.unavailable", 1),
        Trouble::ServerErrorAtSubmit | Trouble::DisconnectAfterSubmit if finds => ("clip", 1),
        Trouble::ServerErrorAtSubmit | Trouble::DisconnectAfterSubmit => {
            ("remote.unknown_outcome", 1)
        }
        // Google says of a prompt that it does not like that the argument is invalid.
        Trouble::ModeratedAtSubmit if matches!(provider, "gemini" | "vertex") => {
            ("remote.refused", 1)
        }
        Trouble::ModeratedAtSubmit | Trouble::ModeratedLater => ("remote.moderated", 1),
        Trouble::Failed => ("remote.failed", 1),
        Trouble::CancelledThere if matches!(provider, "dashscope" | "gemini") => {
            ("remote.cancelled", 1)
        }
        Trouble::Retired if provider == "kling" => ("remote.refused", 1),
        // Their "not found" does not say what.
        Trouble::Retired if matches!(provider, "fal" | "gemini") => ("remote.gone", 1),
        Trouble::Retired => ("remote.retired", 1),
        Trouble::ExpiredResult if media => ("remote.gone", 1),
        Trouble::EarlyFetch if provider == "fal" => ("clip", 1),
        Trouble::HtmlForAClip if media => ("remote.unreadable", 1),
        Trouble::HostileStatusUrl if provider == "fal" => ("remote.hostile", 1),
        Trouble::HostileMedia if by_url => ("remote.hostile", 1),
        Trouble::RedirectOfTheInterface => ("remote.hostile", 1),
        Trouble::RedirectedMedia if media => ("remote.hostile", 1),
        Trouble::RedirectedMediaAtHome if by_url => ("clip", 1),
        Trouble::EndlessAnswer => ("remote.too_long", 1),
        Trouble::SlowDrip => ("remote.interrupted", 1),
        Trouble::BrokenJson => ("remote.unreadable", 1),
        Trouble::WrongCertificate => ("remote.certificate", 0),
        Trouble::ClockSkew if matches!(model, "kling/v2-6" | "bedrock/luma-ray-2") => ("clip", 1),
        Trouble::NeverDone => ("remote.patience", 1),
        _ => return None,
    })
}

fn troubles(all: &[Trouble]) {
    let Some(studio) = studio() else { return };
    let mut wrong = Vec::new();
    let mut tried = 0;
    for model in MODELS {
        for trouble in all {
            let Some((code, jobs)) = expected(model, *trouble) else { continue };
            let outcome = run(studio, model, *trouble);
            tried += 1;
            if (outcome.code(), outcome.fake.jobs()) != (code, jobs) {
                wrong.push(format!(
                    "{model} {trouble:?}: {} with {} jobs, not {code} with {jobs}",
                    outcome.code(),
                    outcome.fake.jobs()
                ));
            }
            // Each payload that went is in the ledger.
            if outcome.submits_in_ledger < outcome.count(Step::Submit) {
                wrong.push(format!("{model} {trouble:?}: a submit is not in the ledger"));
            }
        }
    }
    assert!(tried > 0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn refusals_are_told_apart() {
    troubles(&[
        Trouble::RateLimited,
        Trouble::RateLimitedOnce,
        Trouble::OutOfCredit,
        Trouble::BadKey,
        Trouble::ModeratedAtSubmit,
        Trouble::ModeratedLater,
        Trouble::Failed,
        Trouble::CancelledThere,
        Trouble::Retired,
    ]);
}

#[test]
fn outages_are_waited_out_or_said_and_nothing_is_sent_twice() {
    troubles(&[
        Trouble::ServerErrorAtPoll,
        Trouble::ServerErrorOnce,
        Trouble::ServerErrorAtSubmit,
        Trouble::DisconnectAfterSubmit,
        Trouble::EarlyFetch,
        Trouble::ExpiredResult,
        Trouble::ClockSkew,
        Trouble::NeverDone,
    ]);
}

#[test]
fn hostile_answers_lead_nowhere() {
    troubles(&[
        Trouble::HtmlForAClip,
        Trouble::HostileStatusUrl,
        Trouble::HostileMedia,
        Trouble::RedirectOfTheInterface,
        Trouble::RedirectedMedia,
        Trouble::RedirectedMediaAtHome,
        Trouble::EndlessAnswer,
        Trouble::BrokenJson,
        Trouble::WrongCertificate,
    ]);
}

#[test]
fn a_slow_drip_ends() {
    troubles(&[Trouble::SlowDrip]);
}
