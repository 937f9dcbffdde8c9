//! Promise: prompt, photo and frames pass the gates or no clip is made of them; a gate that cannot
//! judge refuses; what is switched off is switched off by name, and a clip says what it has passed.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::env;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kinora::safety::{
    ChannelOrder, CheckFailure, Checked, Classifier, Gate, HashList, PdqHash, Picture,
    PictureCheck, Refusal, Safety, Scores, Side, Verdict, check_prompt,
};
use kinora::{Container, Error, GenerationRequest, Output, Photo, Result, Studio, StudioOptions};

/// Mean brightness b of the picture: scores 1 − b and b for `dark` and `bright`, threshold 0.8 for
/// `bright`. Made with ONNX 1.23: mean over channels and places, then a concatenation.
const BRIGHTNESS: &[u8] = include_bytes!("fixtures/brightness.onnx");
/// The same with 0 / 0 added to both scores.
const NOT_A_NUMBER: &[u8] = include_bytes!("fixtures/not_a_number.onnx");

fn options() -> Option<StudioOptions> {
    if env::var_os("ORT_DYLIB_PATH").is_none() {
        eprintln!("skipped: ORT_DYLIB_PATH names no ONNX Runtime");
        return None;
    }
    Some(StudioOptions::default().threads(2))
}

fn studio(safety: Safety) -> Option<Studio> {
    Some(Studio::open(options()?.safety(safety)).unwrap())
}

/// A second of 12 frames, of which the gates see 0, 6 and 11.
fn request(photo: &Photo) -> GenerationRequest {
    GenerationRequest::animate(photo.clone()).size(192).seconds(1.0).fps(12.0).prompt("zoom in")
}

fn bytes(studio: &Studio, photo: &Photo) -> Result<kinora::Clip> {
    studio.generate(request(photo).output(Output::bytes(Container::Mp4)))?.wait()
}

/// Refuses the picture whose turn it is, counted from 0 on its side.
struct Refuses {
    side: Side,
    turn: u32,
    seen: Arc<AtomicU32>,
}

impl Refuses {
    fn new(side: Side, turn: u32) -> (Self, Arc<AtomicU32>) {
        let seen = Arc::new(AtomicU32::new(0));
        (Self { side, turn, seen: Arc::clone(&seen) }, seen)
    }
}

impl PictureCheck for Refuses {
    fn name(&self) -> &str {
        "stand-in"
    }

    fn check(&self, picture: &Picture<'_>) -> std::result::Result<Verdict, CheckFailure> {
        assert_eq!(picture.side(), self.side);
        assert_eq!(picture.pixels().len(), 3 * (picture.width() * picture.height()) as usize);
        match self.seen.fetch_add(1, Ordering::SeqCst) == self.turn {
            true => Ok(Verdict::Refuse { category: "a stand-in".to_owned() }),
            false => Ok(Verdict::Allow),
        }
    }
}

/// Everywhere that a job could leave something, also what is hidden.
fn leaves_nothing(safety: Safety, code: &str) {
    let Some(studio) = studio(safety) else { return };
    let photo = common::picture(240, 160);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for output in [
        Output::mp4(at("clip.mp4")),
        Output::webp(at("clip.webp")),
        Output::gif(at("clip.gif")),
        Output::png_folder(at("frames")),
    ] {
        let error = studio.generate(request(&photo).output(output)).unwrap().wait().unwrap_err();
        assert_eq!(error.code(), code);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

/// Refuses every picture.
struct Always;

impl PictureCheck for Always {
    fn check(&self, _: &Picture<'_>) -> std::result::Result<Verdict, CheckFailure> {
        Ok(Verdict::Refuse { category: "anything".to_owned() })
    }
}

/// Refuses the last frame of four clips of 12, of which it sees three each.
struct Last(AtomicU32);

impl PictureCheck for Last {
    fn check(&self, _: &Picture<'_>) -> std::result::Result<Verdict, CheckFailure> {
        match self.0.fetch_add(1, Ordering::SeqCst) % 3 {
            2 => Ok(Verdict::Refuse { category: "the last frame".to_owned() }),
            _ => Ok(Verdict::Allow),
        }
    }
}

#[test]
fn a_refused_photo_makes_no_file() {
    leaves_nothing(Safety::default().input(Gate::check(Always)), "safety.input_refused");
}

#[test]
fn a_refused_frame_makes_no_file() {
    let last = Last(AtomicU32::new(0));
    leaves_nothing(Safety::default().output(Gate::check(last)), "safety.output_refused");
    leaves_nothing(Safety::default().output(Gate::check(Always)), "safety.output_refused");
}

#[test]
fn a_sink_gets_no_frame_from_a_refused_one_on() {
    // The frames 0, 6 and 11 are looked at: the second look refuses frame 6.
    for (turn, most) in [(0, 0), (1, 6), (2, 11)] {
        let (gate, seen) = Refuses::new(Side::Output, turn);
        let Some(studio) = studio(Safety::default().output(Gate::check(gate))) else { return };
        let watcher = common::Watcher::default();
        let watched = watcher.seen();
        let request = request(&common::picture(240, 160)).output(Output::sink(Box::new(watcher)));
        let error = studio.generate(request).unwrap().wait().unwrap_err();
        let Error::Request(detail) = &error else { panic!("{error:?}") };
        assert_eq!(detail.source().unwrap().downcast_ref::<Refusal>().unwrap().gate, "stand-in");
        let watched = watched.lock().unwrap();
        assert_eq!(watched.calls.matches('f').count(), most, "{}", watched.calls);
        assert!(watched.dropped && !watched.calls.contains('h'), "{}", watched.calls);
        assert_eq!(seen.load(Ordering::SeqCst), turn + 1);
    }
}

#[test]
fn a_clip_says_what_it_has_passed() {
    let (input, _) = Refuses::new(Side::Input, 99);
    let (output, seen) = Refuses::new(Side::Output, 99);
    let nothing = HashList::parse(&"0f".repeat(32)).unwrap();
    let safety = Safety::default()
        .input(Gate::check(input))
        .output(Gate::check(output))
        .output(Classifier::bytes(BRIGHTNESS).name("brightness"))
        .hash_list(nothing);
    let Some(studio) = studio(safety) else { return };
    let clip = bytes(&studio, &common::picture(240, 160)).unwrap();
    let (gate, frames) = (|name: &str| name.to_owned(), 3);
    assert_eq!(
        clip.checks,
        [
            Checked::Prompt,
            Checked::Input { gate: gate("stand-in") },
            Checked::Input { gate: gate("hash list") },
            Checked::Output { gate: gate("stand-in"), frames },
            Checked::Output { gate: gate("brightness"), frames },
            Checked::Output { gate: gate("hash list"), frames },
        ]
    );
    assert_eq!(seen.load(Ordering::SeqCst), 3);
}

#[test]
fn a_classifier_refuses_from_its_threshold_on_and_what_is_no_number_is_refused() {
    let flat = |value: u8| {
        let rgba: Vec<u8> = [value, value, value, 255].repeat(64 * 48);
        Photo::from_pixels(&rgba, 64, 48, 4 * 64, Default::default()).unwrap()
    };
    let Some(bright) = studio(Safety::default().input(Classifier::bytes(BRIGHTNESS))) else {
        return;
    };
    bytes(&bright, &flat(200)).unwrap();
    let error = bytes(&bright, &flat(210)).unwrap_err();
    assert_eq!(error.code(), "safety.input_refused");
    let Error::Request(detail) = &error else { panic!("{error:?}") };
    let refusal: &Refusal = detail.source().unwrap().downcast_ref().unwrap();
    assert_eq!((refusal.side, refusal.category.as_str()), (Side::Input, "bright"));

    let broken = Classifier::bytes(NOT_A_NUMBER);
    let broken = studio(Safety::default().input(broken)).unwrap();
    assert_eq!(bytes(&broken, &flat(10)).unwrap_err().code(), "safety.check_failed");

    // The builder goes before the file; a score that is no probability refuses.
    let wide = Classifier::bytes(BRIGHTNESS).normalisation([0.0; 3], [0.1; 3]);
    let wide = studio(Safety::default().input(wide)).unwrap();
    assert_eq!(bytes(&wide, &flat(200)).unwrap_err().code(), "safety.check_failed");
    // Scores of 0.961 and 0.039 become 0.715 and 0.285.
    let soft = Classifier::bytes(BRIGHTNESS).scores(Scores::Softmax).threshold("dark", 0.72);
    bytes(&studio(Safety::default().input(soft)).unwrap(), &flat(10)).unwrap();
    let soft = Classifier::bytes(BRIGHTNESS).scores(Scores::Softmax).threshold("dark", 0.71);
    let soft = studio(Safety::default().input(soft)).unwrap();
    assert_eq!(bytes(&soft, &flat(10)).unwrap_err().code(), "safety.input_refused");
}

#[test]
fn a_classifier_that_breaks_its_contract_does_not_open() {
    let Some(options) = options() else { return };
    let whole = || Classifier::bytes(BRIGHTNESS);
    // The file without what it says of itself: a key that nobody knows any more.
    let silent = |key: &str| {
        let at = BRIGHTNESS.windows(key.len()).position(|part| part == key.as_bytes()).unwrap();
        let mut file = BRIGHTNESS.to_vec();
        file[at] = b'x';
        Classifier::bytes(file)
    };
    let cases = [
        ("nonsense", Classifier::bytes(&b"nonsense"[..]), "model.unreadable"),
        ("no file", Classifier::path("/nowhere.onnx"), "model.missing"),
        ("another network", Classifier::path("models/motion.onnx"), "model.classifier"),
        ("three labels", whole().labels(["a", "b", "bright"]), "model.classifier"),
        ("a label twice", whole().labels(["bright", "bright"]), "model.classifier"),
        ("an unknown label", whole().threshold("shiny", 0.5), "model.classifier"),
        ("a threshold of 0", whole().threshold("dark", 0.0), "model.classifier"),
        ("no deviation", whole().normalisation([0.0; 3], [1.0, 0.0, 1.0]), "model.classifier"),
        ("no labels", silent("kinora.labels"), "model.classifier"),
        ("no mean", silent("kinora.mean"), "model.classifier"),
        ("no order", silent("kinora.channels"), "model.classifier"),
        ("no thresholds", silent("kinora.thresholds"), "model.classifier"),
    ];
    for (what, classifier, code) in cases {
        let safety = Safety::default().output(classifier);
        let error = Studio::open(options.clone().safety(safety)).unwrap_err();
        assert_eq!(error.code(), code, "{what}: {error}");
    }
    let told = silent("kinora.channels").channels(ChannelOrder::Bgr);
    Studio::open(options.safety(Safety::default().output(told))).unwrap();
}

#[test]
fn a_hook_that_panics_or_fails_refuses() {
    struct Broken(bool);
    impl PictureCheck for Broken {
        fn check(&self, _: &Picture<'_>) -> std::result::Result<Verdict, CheckFailure> {
            assert!(!self.0, "a hook that panics");
            Err("no memory left".into())
        }
    }
    for panics in [true, false] {
        for safety in [
            Safety::default().input(Gate::check(Broken(panics))),
            Safety::default().output(Gate::check(Broken(panics))),
        ] {
            leaves_nothing(safety, "safety.check_failed");
        }
    }
}

#[test]
fn a_copy_of_a_listed_picture_is_refused() {
    let photo = common::picture(640, 480);
    let picture = Picture::new(640, 480, photo.pixels(), Side::Input).unwrap();
    let (hash, quality) = PdqHash::of(&picture);
    assert!(quality > 49, "{quality}");
    let list = HashList::parse(&format!("# a stand-in\n{hash}\n")).unwrap();
    let Some(studio) = studio(Safety::default().hash_list(list)) else { return };
    // The picture itself, and a smaller copy of it.
    for copy in [photo, common::picture(320, 240)] {
        let error = bytes(&studio, &copy).unwrap_err();
        assert_eq!(error.code(), "safety.input_refused");
        let text = error.to_string();
        assert!(text.ends_with("(hash list: known picture)"), "{text}");
    }
    bytes(&studio, &common::picture(200, 320)).unwrap();
}

#[test]
fn the_prompt_gate_guards_local_jobs_unless_it_is_switched_off_by_name() {
    let photo = common::picture(240, 160);
    let asked = |prompt: &str| request(&photo).prompt(prompt).output(Output::bytes(Container::Gif));
    let Some(guarded) = studio(Safety::default()) else { return };
    for (prompt, code) in [
        ("a nude child", "safety.sexual_minors"),
        ("rape scene", "safety.non_consensual_intimacy"),
        ("the president confesses to a murder", "safety.named_person_abuse"),
        ("wave\u{0}", "safety.unreadable"),
    ] {
        let error = guarded.generate(asked(prompt)).unwrap_err();
        assert_eq!(error.code(), code, "{prompt}");
        assert!(!error.to_string().contains("was not sent"), "{error}");
    }
    // Nobody is in this photo, so a statue may stand in it.
    let clip = guarded.generate(asked("the nude marble statue")).unwrap().wait().unwrap();
    assert_eq!(clip.checks, [Checked::Prompt]);
    if let Some(portrait) = common::astronaut() {
        let asked = request(&portrait).prompt("the nude marble statue");
        let error = guarded.generate(asked.output(Output::bytes(Container::Gif))).unwrap_err();
        assert_eq!(error.code(), "safety.non_consensual_intimacy");
    }

    let open = studio(Safety::default().without_prompt_gate()).unwrap();
    let clip = open.generate(asked("rape scene, zoom in")).unwrap().wait().unwrap();
    assert_eq!(clip.checks, []);
}

#[test]
fn every_word_that_kinora_knows_passes() {
    for section in kinora::prompt::LEXICON {
        for words in section.entries.iter().flat_map(|entry| entry.phrases) {
            assert_eq!(check_prompt(words, Default::default()), Ok(()), "{words}");
        }
    }
    for prompt in ["", "smile", "wave", "nod", "look left", "she smiles, slow zoom in"] {
        assert_eq!(check_prompt(prompt, Default::default()), Ok(()), "{prompt}");
    }
}
