//! Promise: nothing of a file but its pixels survives in a `Photo`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

// Helpers of tests may fail as tests do.

use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder, RgbImage};
use kinora::Photo;

const SECRET: &[u8] = b"52.5163N 13.3777E Jane Doe";

/// A JPEG with a place in EXIF, a colour profile, a comment and a thumbnail's worth of trailing
/// bytes, each of which holds the secret.
fn talkative_jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut exif = b"MM\0\x2A\0\0\0\x08\0\x01\x88\x25\0\x04\0\0\0\x01\0\0\0\x1A\0\0\0\0".to_vec();
    // The GPS directory: GPSAreaInformation, undefined bytes after it.
    exif.extend([0, 1, 0, 0x1C, 0, 7, 0, 0, 0, SECRET.len() as u8, 0, 0, 0, 0x2C, 0, 0, 0, 0]);
    exif.extend(SECRET);
    let mut profile = moxcms::ColorProfile::new_display_p3();
    profile.copyright =
        Some(moxcms::ProfileText::PlainString(String::from_utf8_lossy(SECRET).into_owned()));
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 95);
    encoder.set_exif_metadata(exif).unwrap();
    encoder.set_icc_profile(profile.encode().unwrap()).unwrap();
    encoder.encode_image(picture).unwrap();
    // A comment right after the start of the image.
    let mut comment = vec![0xFF, 0xFE, 0, SECRET.len() as u8 + 2];
    comment.extend(SECRET);
    jpeg.splice(2..2, comment);
    jpeg.extend(SECRET);
    jpeg
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn only_pixels_survive() {
    let picture = RgbImage::from_fn(50, 40, |x, y| image::Rgb([x as u8 * 5, y as u8 * 6, 128]));
    let jpeg = talkative_jpeg(&picture);
    assert!(holds(&jpeg, SECRET), "the fixture must hold what is looked for");
    let photo = Photo::from_bytes(&jpeg).unwrap();

    // A photo is a share in its pixels, two numbers and two answers of yes or no, padded to a word:
    // there is no room for anything else.
    assert_eq!(photo.pixels().len(), 3 * 50 * 40);
    assert_eq!((photo.width(), photo.height()), (50, 40));
    assert_eq!(size_of::<kinora::photo::PhotoMarks>(), 2);
    assert_eq!(size_of::<Photo>(), 2 * size_of::<usize>() + 2 * size_of::<u32>());
    for part in SECRET.windows(8) {
        assert!(!holds(photo.pixels(), part));
    }
}

#[test]
fn debug_prints_the_size_and_nothing_else() {
    let picture = RgbImage::from_pixel(50, 40, image::Rgb([77, 78, 79]));
    let photo = Photo::from_bytes(&talkative_jpeg(&picture)).unwrap();
    assert_eq!(format!("{photo:?}"), "Photo(50×40)");
    assert_eq!(format!("{photo:#?}"), "Photo(50×40)");
}

#[test]
fn errors_hold_nothing_of_the_file() {
    let picture = RgbImage::new(50, 40);
    let jpeg = talkative_jpeg(&picture);
    for cut in (0..jpeg.len() - 100).step_by(3) {
        if let Err(error) = Photo::from_bytes(&jpeg[..cut]) {
            let text = format!("{error} {error:?}");
            assert!(!text.contains("Jane") && !text.contains("52.5"), "{text}");
        }
    }
}
