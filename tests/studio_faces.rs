//! Promise: the studio finds the faces of a photo and moves those that were chosen.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::path::PathBuf;

use kinora::{FaceChoice, GenerationRequest, Photo};

#[test]
fn a_picture_without_faces_becomes_a_clip_too() {
    let Some(studio) = common::studio() else { return };
    let photo = common::picture(320, 240);
    assert!(studio.faces(&photo).unwrap().is_empty());
    let request = GenerationRequest::animate(photo).seconds(1.0).fps(8.0).prompt("zoom in");
    let (clip, seen) = common::watch(studio, request).unwrap();
    assert_eq!(clip.faces, 0);
    assert!(common::moves(&seen, [0, 0, 320, 240]) > 0.5);
}

#[test]
fn the_portrait_has_one_face_and_it_moves() {
    let (Some(studio), Some(photo)) = (common::studio(), common::astronaut()) else { return };
    let faces = studio.faces(&photo).unwrap();
    assert_eq!(faces.len(), 1);
    let [x, y, w, h] = *faces[0].bounds();
    let [fx, fy, fw, fh] = common::ASTRONAUT_FACE.map(|n| n as f32);
    let off = (x + w / 2.0 - fx - fw / 2.0).hypot(y + h / 2.0 - fy - fh / 2.0);
    assert!(off < 0.2 * fw, "{off:.1} px off");

    let motion = |choice| {
        let request = GenerationRequest::animate(photo.clone())
            .prompt("turn right")
            .faces(choice)
            .seconds(1.5)
            .fps(8.0);
        let (clip, seen) = common::watch(studio, request).unwrap();
        (clip.faces, common::moves(&seen, common::ASTRONAUT_FACE))
    };
    let (all, none) = (motion(FaceChoice::All), motion(FaceChoice::None));
    eprintln!("face region: all {:.2}, none {:.2}", all.1, none.1);
    assert_eq!((all.0, none.0), (1, 0));
    assert!(none.1 < 0.5 * all.1, "{:.2} of {:.2}", none.1, all.1);
    assert_eq!(motion(FaceChoice::Number(0)), all);
}

/// A street photo with several faces that are large enough to be seen moving.
fn group(studio: &kinora::Studio) -> Option<(PathBuf, Photo, usize)> {
    let folder = common::data("faces/kaggle_facemask/images_jpg90")?;
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let found = paths.into_iter().take(60).find_map(|path| {
        let photo = Photo::open(&path).ok()?;
        let faces = studio.faces(&photo).unwrap();
        let large = faces.iter().filter(|face| face.bounds()[2] >= 24.0).count();
        (large >= 3).then_some((path, photo, faces.len()))
    });
    assert!(found.is_some(), "60 street photos and no group among them");
    found
}

#[test]
fn several_faces_of_a_group_move() {
    let Some(studio) = common::studio() else { return };
    let Some((path, photo, count)) = group(studio) else { return };
    let faces = studio.faces(&photo).unwrap();
    let areas: Vec<f32> = faces.iter().map(|face| face.bounds()[2] * face.bounds()[3]).collect();
    assert!(areas.is_sorted_by(|a, b| a >= b), "the largest comes first");
    let make = |choice| {
        let request = GenerationRequest::animate(photo.clone())
            .prompt("nod")
            .faces(choice)
            .seconds(1.5)
            .fps(8.0);
        common::watch(studio, request)
    };
    let (clip, seen) = make(FaceChoice::All).unwrap();
    assert!((2..=count).contains(&clip.faces), "{} of {count}", clip.faces);
    let (none, rest) = make(FaceChoice::None).unwrap();
    assert_eq!(none.faces, 0);
    let mut moved = 0;
    for face in &faces {
        let bounds = face.bounds().map(|n| n.max(0.0) as usize);
        moved += usize::from(common::moves(&seen, bounds) > 1.5 * common::moves(&rest, bounds));
    }
    eprintln!("{}: {moved} of {count} faces move", path.display());
    assert!(moved >= 2, "{moved} of {count}");
    for choice in [FaceChoice::Largest, FaceChoice::Number(1)] {
        assert_eq!(make(choice).unwrap().0.faces, 1, "{choice:?}");
    }
    assert_eq!(make(FaceChoice::Number(count)).err().unwrap().code(), "request.face");
}
