//! The detector finds faces with YuNet and UltraFace files, says nothing of a picture without
//! faces, and stops when it is cancelled.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::path::PathBuf;

use kinora::face::{Detector, DetectorOptions, Face};
use kinora::photo::Orientation;
use kinora::runtime::{Cancel, Runtime, RuntimeOptions};
use kinora::{Error, Photo, Studio, StudioOptions};

fn detector(model: &str) -> Option<Detector> {
    let path = common::data("models")?.join(model);
    let runtime = match Runtime::open(&RuntimeOptions::default().threads(2)) {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("skipped {model}: {error}");
            return None;
        }
    };
    let bytes = std::fs::read(path).unwrap();
    Some(Detector::open(&runtime, &bytes, DetectorOptions::default()).unwrap())
}

fn astronaut() -> Option<PathBuf> {
    common::data("faces/imageio/astronaut.png")
}

fn assert_close(face: &Face, bounds: [f32; 4], by: f32) {
    for (got, wanted) in face.bounds().iter().zip(bounds) {
        assert!((got - wanted).abs() <= by, "a side is off by {}", (got - wanted).abs());
    }
}

#[test]
fn every_family_and_input_size_finds_the_standard_portrait() {
    let Some(path) = astronaut() else { return };
    let photo = Photo::open(path).unwrap();
    for model in [
        "yunet/yunet_s_dynamic.onnx",
        "yunet/yunet_n_dynamic.onnx",
        "yunet/yunet_s_640_640.onnx",
        "yunet/yunet_n_320_320.onnx",
        "ultraface/version-RFB-320.onnx",
        "ultraface/version-RFB-640.onnx",
        "ultraface/version-slim-320.onnx",
    ] {
        let Some(detector) = detector(model) else { return };
        let faces = detector.detect(&photo, &Cancel::new()).unwrap();
        assert_eq!(faces.len(), 1, "{model}");
        // The box of faces/labels/imageio.pseudo.csv.
        assert_close(&faces[0], [181.3, 53.8, 92.5, 124.3], 16.0);
        let landmarks = faces[0].landmarks();
        assert_eq!(landmarks.are_estimated(), model.starts_with("ultraface"));
        let eyes = [[205.0, 96.9], [247.5, 102.8]];
        for (got, wanted) in landmarks.points().iter().zip(eyes) {
            assert!((got[0] - wanted[0]).hypot(got[1] - wanted[1]) < 14.0, "{model}");
        }
    }
}

/// The default detector, as the studio opens it, sees one face whether the portrait is far or close.
#[test]
fn a_portrait_has_one_face_at_every_distance() {
    let Some(path) = astronaut() else { return };
    let studio = match Studio::open(StudioOptions::default()) {
        Ok(studio) => studio,
        Err(error) => {
            eprintln!("skipped: {error}");
            return;
        }
    };
    let photo = Photo::open(path).unwrap();
    // Squares around the face's middle: from the whole picture to one that the face fills.
    let (middle, wanted) = ([227.5, 116.0], [92.5, 124.3]);
    for side in [512u32, 320, 230, 150] {
        let half = side as f32 / 2.0;
        let corner = middle.map(|at: f32| (at - half).clamp(0.0, 512.0 - side as f32) as u32);
        let faces = studio.faces(&cut(&photo, corner, side)).unwrap();
        assert_eq!(faces.len(), 1, "in a square of {side}");
        let [.., width, height] = *faces[0].bounds();
        assert!((width / wanted[0] - 1.0).abs() < 0.35, "{width} wide in a square of {side}");
        assert!((height / wanted[1] - 1.0).abs() < 0.35, "{height} high in a square of {side}");
    }
}

fn cut(photo: &Photo, [left, top]: [u32; 2], side: u32) -> Photo {
    let row = |y: u32| {
        let start = 3 * (y * photo.width() + left) as usize;
        photo.pixels()[start..start + 3 * side as usize].as_chunks::<3>().0
    };
    let rgba: Vec<u8> =
        (top..top + side).flat_map(row).flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
    Photo::from_pixels(&rgba, side, side, 4 * side as usize, Orientation::Upright).unwrap()
}

#[test]
fn the_largest_face_comes_first() {
    let (Some(detector), Some(folder)) =
        (detector("yunet/yunet_s_dynamic.onnx"), common::data("faces/dlib_faces"))
    else {
        return;
    };
    let mut several = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jpg") {
            continue;
        }
        let faces = detector.detect(&Photo::open(path).unwrap(), &Cancel::new()).unwrap();
        let areas: Vec<f32> =
            faces.iter().map(|face| face.bounds()[2] * face.bounds()[3]).collect();
        assert!(areas.is_sorted_by(|a, b| a >= b));
        several += usize::from(faces.len() > 1);
    }
    assert!(several > 0);
}

#[test]
fn a_plain_picture_of_any_size_has_no_face() {
    let Some(detector) = detector("yunet/yunet_s_dynamic.onnx") else { return };
    for (width, height) in [(1, 1), (1, 300), (31, 33), (1500, 20)] {
        let rgba = vec![127; 4 * width * height];
        let photo =
            Photo::from_pixels(&rgba, width as u32, height as u32, 4 * width, Orientation::Upright)
                .unwrap();
        assert!(detector.detect(&photo, &Cancel::new()).unwrap().is_empty(), "{width}×{height}");
    }
}

#[test]
fn a_cancelled_detection_says_so() {
    let (Some(detector), Some(path)) = (detector("yunet/yunet_s_dynamic.onnx"), astronaut()) else {
        return;
    };
    let photo = Photo::open(path).unwrap();
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(matches!(detector.detect(&photo, &cancel), Err(Error::Cancelled)));
    assert_eq!(detector.detect(&photo, &Cancel::new()).unwrap().len(), 1);
}

#[test]
fn a_large_face_can_be_asked_to_be_surer() {
    let (Some(path), Some(models)) = (astronaut(), common::data("models")) else { return };
    let Ok(runtime) = Runtime::open(&RuntimeOptions::default()) else {
        eprintln!("skipped a_large_face_can_be_asked_to_be_surer: no ONNX Runtime");
        return;
    };
    let bytes = std::fs::read(models.join("yunet/yunet_s_dynamic.onnx")).unwrap();
    let photo = Photo::open(path).unwrap();
    // The face's shorter side is .18 of the photo.
    let found = |share| {
        let options = DetectorOptions::default().large_score(0.999, share);
        let detector = Detector::open(&runtime, &bytes, options).unwrap();
        detector.detect(&photo, &Cancel::new()).unwrap().len()
    };
    assert_eq!((found(0.1), found(0.9)), (0, 1));
}

#[test]
fn another_network_is_no_detector() {
    let Some(folder) = common::data("models") else { return };
    let Ok(runtime) = Runtime::open(&RuntimeOptions::default()) else {
        eprintln!("skipped another_network_is_no_detector: no ONNX Runtime");
        return;
    };
    let open = |bytes: &[u8]| Detector::open(&runtime, bytes, DetectorOptions::default());
    assert_eq!(open(b"no network").unwrap_err().code(), "model.unreadable");
    let landmarks = std::fs::read(folder.join("openseeface/lm_model0_opt.onnx")).unwrap();
    assert_eq!(open(&landmarks).unwrap_err().code(), "model.not_a_detector");
}
