//! Promise: an app in Swift or Kotlin brings its own gates, hears what they refused in its own words,
//! and keeps reports on the device.

#![cfg(feature = "uniffi")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "common/ffi.rs"]
mod app;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use app::Result;
use kinora::ffi::{
    CheckedPicture, ClassifierFile, ClassifierOptions, ClipCheck, GenerationRequest, KinoraError,
    NewClipReport, PictureCheck, PictureGate, PictureSide, PictureVerdict, ReportCategory,
    ReportQueue, SafetyOptions, Studio, StudioOptions,
};

fn studio(safety: SafetyOptions) -> Option<Result<Arc<Studio>>> {
    app::studio(StudioOptions { safety: Some(safety), ..app::options() })
}

fn request() -> GenerationRequest {
    GenerationRequest { seconds: Some(0.5), ..app::request(Some(app::photo(192, 128))) }
}

/// An app's check, with what it says of photos and of frames.
struct Says {
    seen: Mutex<Vec<PictureSide>>,
    frames: fn() -> Result<PictureVerdict>,
}

impl PictureCheck for Says {
    fn check(&self, picture: CheckedPicture) -> Result<PictureVerdict> {
        assert_eq!(picture.rgb.len(), 3 * 192 * 128);
        assert_eq!((picture.width, picture.height), (192, 128));
        self.seen.lock().unwrap().push(picture.side);
        match picture.side {
            PictureSide::Input => Ok(PictureVerdict::Allow),
            PictureSide::Output => (self.frames)(),
        }
    }
}

fn outcome(frames: fn() -> Result<PictureVerdict>) -> Option<Result<Vec<ClipCheck>>> {
    let check = Arc::new(Says { seen: Mutex::default(), frames });
    let gate = || Some(vec![PictureGate::Check { check: check.clone() }]);
    let safety = SafetyOptions { input: gate(), output: gate(), without_prompt_gate: false };
    let job = studio(safety)?.unwrap().start(request(), None).unwrap();
    let clip = pollster::block_on(job.clip());
    assert_eq!(check.seen.lock().unwrap()[..2], [PictureSide::Input, PictureSide::Output]);
    Some(clip.map(|clip| clip.checks))
}

fn told(error: KinoraError) -> (String, String) {
    let KinoraError::Request { code, detail, .. } = error else { panic!("{error:?}") };
    (code, detail.unwrap_or_default())
}

#[test]
fn a_check_of_the_app_allows_refuses_or_fails() {
    let Some(passed) = outcome(|| Ok(PictureVerdict::Allow)) else { return };
    let gate = "host".to_owned();
    let (input, output) =
        (ClipCheck::Input { gate: gate.clone() }, ClipCheck::Output { gate, frames: 2 });
    assert_eq!(passed.unwrap(), [ClipCheck::Prompt, input, output]);

    let refused = outcome(|| Ok(PictureVerdict::Refuse { category: "apples".to_owned() }));
    let (code, detail) = told(refused.unwrap().unwrap_err());
    assert_eq!((code.as_str(), detail.as_str()), ("safety.output_refused", "host: apples"));

    let fails: fn() -> _ = || {
        let reason = "no memory".to_owned();
        Err(KinoraError::Host { code: "host.memory".to_owned(), reason, detail: None })
    };
    for broken in [fails, || panic!("a check that panics")] {
        let error = outcome(broken).unwrap().unwrap_err();
        assert_eq!(told(error).0, "safety.check_failed");
    }
}

#[test]
fn classifiers_and_lists_cross() {
    let classifier = |mean: Option<Vec<f32>>| ClassifierOptions {
        file: ClassifierFile::Bytes { bytes: include_bytes!("fixtures/brightness.onnx").to_vec() },
        name: "brightness".to_owned(),
        labels: None,
        mean,
        deviation: None,
        channels: None,
        scores: None,
        // The photo's mean is 120 of 255.
        thresholds: Some(HashMap::from([("bright".to_owned(), 0.4)])),
    };
    let input =
        |gate| SafetyOptions { input: Some(vec![gate]), output: None, without_prompt_gate: true };
    let gate = PictureGate::Classifier { options: classifier(None) };
    let Some(studio_with) = studio(input(gate)) else { return };
    let job = studio_with.unwrap().start(request(), None).unwrap();
    let (code, detail) = told(pollster::block_on(job.clip()).unwrap_err());
    assert_eq!((code.as_str(), detail.as_str()), ("safety.input_refused", "brightness: bright"));

    let half = PictureGate::Classifier { options: classifier(Some(vec![0.5])) };
    let error = studio(input(half)).unwrap().unwrap_err();
    assert!(matches!(error, KinoraError::Model { code, .. } if code == "model.classifier"));
    let list = PictureGate::HashList { text: "no hash".to_owned() };
    let error = studio(input(list)).unwrap().unwrap_err();
    assert_eq!(told(error).0, "safety.hash_list");
}

#[test]
fn the_prompt_gate_is_on_until_it_is_switched_off() {
    let mut asked = request();
    asked.prompt = "the prime minister confesses a murder".to_owned();
    let safety =
        |without_prompt_gate| SafetyOptions { input: None, output: None, without_prompt_gate };
    let Some(guarded) = studio(safety(false)) else { return };
    let error = guarded.unwrap().start(asked.clone(), None).unwrap_err();
    assert_eq!(told(error).0, "safety.named_person_abuse");
    let job = studio(safety(true)).unwrap().unwrap().start(asked, None).unwrap();
    assert_eq!(pollster::block_on(job.clip()).unwrap().checks, []);
}

#[test]
fn reports_are_kept_until_they_are_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reports").to_str().unwrap().to_owned();
    let queue = ReportQueue::open(path.clone()).unwrap();
    let report = NewClipReport {
        clip: "clip-7".to_owned(),
        category: ReportCategory::RealPerson,
        text: "This is aunt Mathilda.".to_owned(),
        picture: None,
    };
    assert_eq!(report.to_string(), "NewClipReport(RealPerson)");
    let id = queue.add(report).unwrap();
    queue.mark_handled(id.clone()).unwrap();
    let queue = ReportQueue::open(path).unwrap();
    let all = queue.list().unwrap();
    let [report] = &all.reports[..] else { panic!("{all:?}") };
    assert_eq!((report.id.as_str(), report.clip.as_str()), (id.as_str(), "clip-7"));
    assert!(report.filed_ms > 0 && report.handled_ms >= Some(report.filed_ms));
    assert!(!report.has_picture && !report.to_string().contains("Mathilda"));
    assert_eq!(told(queue.picture(id.clone()).unwrap_err()).0, "safety.no_report");
    queue.delete(id).unwrap();
    assert!(queue.list().unwrap().reports.is_empty());
    queue.delete_all().unwrap();
}
