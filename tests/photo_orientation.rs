//! Promise: however the camera was held, the photo comes out upright.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

// Helpers of tests may fail as tests do.

mod common;

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::metadata::Orientation as Turn;
use image::{DynamicImage, ImageEncoder, RgbImage};
use kinora::{Orientation, Photo};

/// Where the real photos have their number drawn, each its own: columns and rows.
const NUMBER: [std::ops::Range<usize>; 2] = [840..960, 500..670];

/// Peak signal-to-noise ratio of two pictures of one size, in dB, over the pixels that `counts`
/// takes (column, row), on what `values` makes of each.
fn psnr_where(
    a: &Photo,
    b: &Photo,
    counts: impl Fn(usize, usize) -> bool,
    values: impl Fn(&[u8]) -> [f64; 3],
) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let width = a.width() as usize;
    let (mut squares, mut number) = (0.0, 0.0);
    for (i, (a, b)) in a.pixels().chunks(3).zip(b.pixels().chunks(3)).enumerate() {
        if counts(i % width, i / width) {
            squares += values(a).iter().zip(values(b)).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
            number += 3.0;
        }
    }
    10.0 * (255.0f64.powi(2) * number / squares.max(1e-9)).log10()
}

fn psnr(a: &Photo, b: &Photo) -> f64 {
    psnr_where(a, b, |_, _| true, |rgb| [rgb[0], rgb[1], rgb[2]].map(f64::from))
}

/// BT.601 luma three times: the set's colours were subsampled along other axes when it was turned.
fn luma(rgb: &[u8]) -> [f64; 3] {
    [0.299 * f64::from(rgb[0]) + 0.587 * f64::from(rgb[1]) + 0.114 * f64::from(rgb[2]); 3]
}

/// EXIF with nothing but an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0]);
    tiff
}

/// The turn that undoes `orientation`: the two quarter turns undo each other, the rest themselves.
fn undone(orientation: u8) -> Turn {
    Turn::from_exif(match orientation {
        6 => 8,
        8 => 6,
        same => same,
    })
    .unwrap()
}

#[test]
fn the_eight_orientations_of_real_photos_are_one_upright_picture() {
    let Some(folder) = common::data("bad/exif_orientation") else { return };
    let open = |n: u8| Photo::open(folder.join(format!("Landscape_{n}.jpg"))).unwrap();
    let upright = open(1);
    // 0 is no orientation and leaves the picture as it is; the set draws another one for it.
    let unknown = open(0);
    assert_eq!((unknown.width(), unknown.height()), (1800, 1200));
    for n in 1..=8 {
        let off_the_number = |x, y| !(NUMBER[0].contains(&x) && NUMBER[1].contains(&y));
        let db = psnr_where(&open(n), &upright, off_the_number, luma);
        eprintln!("Landscape_{n}.jpg: {db:.1} dB");
        assert!(db >= 35.0, "Landscape_{n}.jpg: {db:.1} dB");
    }
}

#[test]
fn the_eight_orientations_of_every_format_are_one_upright_picture() {
    // Smooth, so that JPEG hardly changes it; unlike itself under every turn.
    let upright = RgbImage::from_fn(96, 64, |x, y| {
        image::Rgb([(x * 2) as u8, (y * 3) as u8, ((x + 2 * y) / 2) as u8])
    });
    let wanted = {
        let rgba = DynamicImage::ImageRgb8(upright.clone()).to_rgba8();
        Photo::from_pixels(&rgba, 96, 64, 4 * 96, Orientation::Upright).unwrap()
    };
    for n in 1..=8 {
        let mut stored = DynamicImage::ImageRgb8(upright.clone());
        stored.apply_orientation(undone(n));
        let mut jpeg = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 98);
        encoder.set_exif_metadata(exif(n)).unwrap();
        stored.write_with_encoder(encoder).unwrap();
        let mut png = Vec::new();
        let mut encoder = PngEncoder::new(&mut png);
        encoder.set_exif_metadata(exif(n)).unwrap();
        stored.write_with_encoder(encoder).unwrap();
        let mut webp = Vec::new();
        let mut encoder = WebPEncoder::new_lossless(&mut webp);
        encoder.set_exif_metadata(exif(n)).unwrap();
        stored.write_with_encoder(encoder).unwrap();
        let mut tiff = Cursor::new(Vec::new());
        let mut encoder = tiff::encoder::TiffEncoder::new(&mut tiff).unwrap();
        let mut page = encoder
            .new_image::<tiff::encoder::colortype::RGB8>(stored.width(), stored.height())
            .unwrap();
        page.encoder().write_tag(tiff::tags::Tag::Orientation, u16::from(n)).unwrap();
        page.write_data(stored.as_bytes()).unwrap();

        for (format, file, least) in [
            ("JPEG", &jpeg, 35.0),
            ("PNG", &png, 100.0),
            ("WebP", &webp, 100.0),
            ("TIFF", tiff.get_ref(), 100.0),
        ] {
            let db = psnr(&Photo::from_bytes(file).unwrap(), &wanted);
            assert!(db >= least, "{format}, orientation {n}: {db:.1} dB");
        }
        let rgba = stored.to_rgba8();
        let (width, height) = (stored.width(), stored.height());
        let turn = Orientation::from_exif(u16::from(n)).unwrap();
        let photo = Photo::from_pixels(&rgba, width, height, 4 * width as usize, turn).unwrap();
        assert!(psnr(&photo, &wanted) >= 100.0, "pixels, orientation {n}");
    }
}
