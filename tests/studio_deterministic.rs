//! Promise: the same photo, request, seed and thread count give the same file; another seed gives
//! another clip.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use kinora::studio::Made;
use kinora::{Container, GenerationRequest, Output, Photo, Studio};

fn request(photo: &Photo, seed: u64) -> GenerationRequest {
    GenerationRequest::animate(photo.clone()).size(256).seconds(1.0).fps(12.0).seed(seed)
}

fn file(studio: &Studio, photo: &Photo, seed: u64) -> Vec<u8> {
    let request = request(photo, seed).output(Output::bytes(Container::Mp4));
    match studio.generate(request).unwrap().wait().unwrap().made {
        Made::Bytes(bytes) => bytes,
        other => panic!("asked for bytes, got {other:?}"),
    }
}

fn repeats(studio: &Studio, photo: &Photo) {
    let first = file(studio, photo, 7);
    assert_eq!(&first[4..8], b"ftyp");
    assert!(first == file(studio, photo, 7), "the same studio made another file");
    let other = common::open_studio().unwrap();
    assert!(first == file(&other, photo, 7), "another studio made another file");

    let (clip, a) = common::watch(studio, request(photo, 7)).unwrap();
    let (_, b) = common::watch(studio, request(photo, 8)).unwrap();
    assert_eq!(clip.seed, 7);
    let apart = a.lumas.iter().zip(&b.lumas).map(|(a, b)| common::difference(a, b));
    let apart = apart.fold(0.0, f64::max);
    eprintln!("another seed: up to {apart:.3} away");
    assert!(apart > 0.02, "{apart:.3}");
}

#[test]
fn a_made_picture_gives_the_same_file_again() {
    let Some(studio) = common::studio() else { return };
    repeats(studio, &common::picture(320, 240));
}

#[test]
fn a_portrait_gives_the_same_file_again() {
    let (Some(studio), Some(photo)) = (common::studio(), common::astronaut()) else { return };
    repeats(studio, &photo);
}
