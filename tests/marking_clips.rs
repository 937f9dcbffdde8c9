//! Promise: a clip says that a model made it, in its frames and in its file, unless its request says
//! otherwise, and then the clip says that too.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use kinora::marking::watermark::{WatermarkModel, WatermarkPayload};
use kinora::marking::{Day, Layer, LayerKind, LayerState, Marking, verify};
use kinora::photo::PhotoMarks;
use kinora::studio::Made;
use kinora::{Clip, Container, GenerationRequest, Output, Photo, Studio};

const DAY: Day = Day::from_days(20_783);

/// A picture with something to see everywhere, as photos have.
fn photo() -> Photo {
    if let Some(photo) = common::astronaut() {
        return photo;
    }
    common::picture(480, 360)
}

fn request(photo: &Photo) -> GenerationRequest {
    let request = GenerationRequest::animate(photo.clone()).size(480).seconds(0.5).fps(12.0);
    request.seed(3).prompt("slow zoom in").marking(Marking::default().day(DAY))
}

fn made(studio: &Studio, request: GenerationRequest, container: Container) -> (Clip, Vec<u8>) {
    let job = studio.generate(request.output(Output::bytes(container))).unwrap();
    let mut clip = job.wait().unwrap();
    let Made::Bytes(bytes) = std::mem::replace(&mut clip.made, Made::Sink) else { panic!() };
    (clip, bytes)
}

fn layer(layers: &[Layer], kind: LayerKind) -> &Layer {
    layers.iter().find(|layer| layer.kind == kind).unwrap()
}

fn containers() -> Vec<Container> {
    let mut all = vec![Container::Gif];
    all.extend(cfg!(feature = "openh264").then_some(Container::Mp4));
    all.extend(cfg!(feature = "webp").then_some(Container::Webp));
    all
}

#[test]
fn every_clip_is_marked_and_says_with_what() {
    let Some(studio) = common::studio() else { return };
    let photo = photo();
    for container in containers() {
        let (clip, bytes) = made(studio, request(&photo), container);
        assert_eq!(clip.marks, [LayerKind::Xmp, LayerKind::Watermark]);
        let layers = verify(&bytes).unwrap();
        assert_eq!(layer(&layers, LayerKind::Manifest).state, LayerState::Absent);
        let xmp = layer(&layers, LayerKind::Xmp);
        assert_eq!(xmp.state, LayerState::Intact);
        assert!(xmp.digital_source_type.unwrap().is_generated());
        let watermark = layer(&layers, LayerKind::Watermark);
        assert_eq!(watermark.state, LayerState::Intact, "{container:?}");
        let payload = watermark.watermark.unwrap();
        assert_eq!((payload.model, payload.day), (WatermarkModel::Motion, DAY));
        assert!(!payload.source_marked && clip.photo_marks.is_empty());
    }
}

#[test]
fn without_marks_a_clip_has_none_and_says_so() {
    let Some(studio) = common::studio() else { return };
    for container in containers() {
        let (clip, bytes) = made(studio, request(&photo()).marking(Marking::none()), container);
        assert!(clip.marks.is_empty());
        let layers = verify(&bytes).unwrap();
        assert!(layers.iter().all(|layer| layer.state == LayerState::Absent), "{layers:?}");
    }
}

#[test]
fn marks_change_neither_what_is_drawn_nor_from_one_time_to_the_next() {
    let Some(studio) = common::studio() else { return };
    let photo = photo();
    let (_, first) = made(studio, request(&photo), Container::Gif);
    let (_, again) = made(studio, request(&photo), Container::Gif);
    assert!(first == again, "the same day gave another file");
    let other = request(&photo).marking(Marking::default().day(Day::from_days(20_784)));
    assert!(first != made(studio, other, Container::Gif).1, "the day is in no mark");

    let frames = |marking: Marking| {
        let (_, seen) = common::watch(studio, request(&photo).marking(marking)).unwrap();
        seen.lumas
    };
    let (plain, marked) = (frames(Marking::none()), frames(Marking::default().day(DAY)));
    assert_eq!(plain.len(), marked.len());
    // The mark is the same in every frame, so what is drawn below it is the same too.
    let change = |index: usize| -> Vec<i16> {
        let pairs = plain[index].iter().zip(&marked[index]);
        pairs.map(|(a, b)| i16::from(*b) - i16::from(*a)).collect()
    };
    let first = change(0);
    assert!(first.iter().any(|&change| change != 0) && first.iter().all(|c| c.abs() <= 7));
    for index in 1..plain.len() {
        let same = first.iter().zip(change(index)).filter(|(a, b)| **a == *b).count();
        // Where luma meets its end a mark is cut off.
        assert!(same * 1000 >= first.len() * 995, "{same} of {}", first.len());
    }
}

/// A photo as a model's program writes it: a comment is enough, wherever it stands.
fn marked_photo() -> Photo {
    let mut png = Vec::new();
    let plain = photo();
    let image =
        image::RgbImage::from_raw(plain.width(), plain.height(), plain.pixels().to_vec()).unwrap();
    image.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
    let end = png.len() - 12;
    let text =
        b"tEXtSource\0http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";
    let mut chunk = ((text.len() - 4) as u32).to_be_bytes().to_vec();
    chunk.extend(text);
    chunk.extend(crc32fast::hash(text).to_be_bytes());
    png.splice(end..end, chunk);
    Photo::from_bytes(&png).unwrap()
}

#[test]
fn marks_of_the_photo_are_carried_on() {
    let Some(studio) = common::studio() else { return };
    let photo = marked_photo();
    assert!(photo.marks().generated && !photo.marks().manifest);
    let (clip, bytes) = made(studio, request(&photo), Container::Gif);
    assert!(clip.photo_marks.generated && !clip.photo_marks.manifest);
    let layers = verify(&bytes).unwrap();
    let payload: WatermarkPayload = layer(&layers, LayerKind::Watermark).watermark.unwrap();
    assert!(payload.source_marked);
    assert_eq!(crate::photo().marks(), PhotoMarks::default());
}

#[test]
fn a_sink_gets_marked_frames_and_its_file_is_signed_afterwards() {
    let Some(studio) = common::studio() else { return };
    let (clip, seen) = common::watch(studio, request(&marked_photo())).unwrap();
    assert_eq!(clip.marks, [LayerKind::Watermark]);
    let mut detector =
        kinora::marking::watermark::WatermarkDetector::new(clip.width, clip.height).unwrap();
    for luma in &seen.lumas {
        detector.add_luma(luma, clip.width as usize).unwrap();
    }
    assert!(matches!(
        detector.read(),
        kinora::marking::watermark::WatermarkReading::Intact(payload) if payload.day == DAY
    ));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("phone.gif");
    let (_, bytes) = made(studio, request(&photo()).marking(Marking::none()), Container::Gif);
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(clip.sign_file(&path).unwrap(), [LayerKind::Xmp]);
    let layers = kinora::marking::verify_file(&path).unwrap();
    assert_eq!(layer(&layers, LayerKind::Xmp).state, LayerState::Intact);
    // What the photo was marked with is told where a phone's encoder wrote the file, too.
    let text = std::fs::read(&path).unwrap();
    assert!(memchr::memmem::find(&text, b"SourceDigitalSourceType").is_some());
}
