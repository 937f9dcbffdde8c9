//! Promise: a file that claims to be huge is refused at once, before memory is taken for it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::{Duration, Instant};

use kinora::{Orientation, Photo};

/// Refused by its header, so far below a frame's time; a busy machine is given more.
const AT_ONCE: Duration = Duration::from_secs(1);

fn png(width: u32, height: u32) -> Vec<u8> {
    // Colour type 6, 16 bits; the header's checksum must hold for the claim to be believed.
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([16, 6, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1A\n\0\0\0\x0D".to_vec();
    file.extend(&header);
    file.extend(crc(&header).to_be_bytes());
    file.extend(b"\0\0\0\0IDAT");
    file.extend(crc(b"IDAT").to_be_bytes());
    file.extend(b"\0\0\0\0IEND");
    file.extend(crc(b"IEND").to_be_bytes());
    file
}

/// CRC-32 as PNG has it (ISO/IEC 15948, annex D).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 }
        })
    })
}

fn gif(width: u16, height: u16) -> Vec<u8> {
    let mut file = b"GIF89a".to_vec();
    file.extend(width.to_le_bytes());
    file.extend(height.to_le_bytes());
    file.extend([0x80, 0, 0, 0, 0, 0, 255, 255, 255, 0x2C, 0, 0, 0, 0]);
    file.extend(width.to_le_bytes());
    file.extend(height.to_le_bytes());
    file.extend([0, 2, 2, 0x4C, 1, 0, 0x3B]);
    file
}

fn bmp(width: i32, height: i32) -> Vec<u8> {
    let mut file = b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    file.extend(width.to_le_bytes());
    file.extend(height.to_le_bytes());
    file.extend([1, 0, 24, 0]);
    file.extend([0; 24]);
    file
}

fn tiff(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"II\x2A\0\x08\0\0\0".to_vec();
    let tags: [(u16, u32); 9] = [
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, height),
        (279, 4),
    ];
    file.extend((tags.len() as u16).to_le_bytes());
    for (tag, value) in tags {
        file.extend(tag.to_le_bytes());
        file.extend([4, 0, 1, 0, 0, 0]);
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file
}

fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut file = b"\xFF\xD8\xFF\xC0\0\x11\x08".to_vec();
    file.extend(height.to_be_bytes());
    file.extend(width.to_be_bytes());
    file.extend([3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
    file.extend(b"\xFF\xDA\0\x0C\x03\x01\0\x02\0\x03\0\0\x3F\0\xFF\xD9");
    file
}

fn webp(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"RIFF\x2A\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0".to_vec();
    file.extend(&(width - 1).to_le_bytes()[..3]);
    file.extend(&(height - 1).to_le_bytes()[..3]);
    let (w, h) = (width.min(1 << 14) - 1, height.min(1 << 14) - 1);
    file.extend(b"VP8L\x06\0\0\0\x2F");
    file.extend((w | h << 14).to_le_bytes());
    file.push(0);
    file
}

#[test]
fn claims_beyond_the_limits_are_refused_at_once() {
    let bombs = [
        ("PNG", png(60_000, 60_000)),
        ("PNG, one long row", png(1_000_000, 1)),
        ("PNG, 256 megapixels", png(16_000, 16_000)),
        ("GIF", gif(60_000, 60_000)),
        ("BMP", bmp(60_000, 60_000)),
        ("BMP, top down", bmp(60_000, -60_000)),
        ("TIFF", tiff(60_000, 60_000)),
        ("TIFF, the largest", tiff(u32::MAX, u32::MAX)),
        ("JPEG", jpeg(60_000, 60_000)),
        ("WebP", webp(60_000, 60_000)),
    ];
    for (name, file) in bombs {
        let start = Instant::now();
        let error = Photo::from_bytes(&file).unwrap_err();
        assert_eq!(error.code(), "photo.too_large", "{name}: {error}");
        assert!(error.to_string().contains("64 megapixels"), "{name}: {error}");
        assert!(start.elapsed() < AT_ONCE, "{name}: {:?}", start.elapsed());
    }
}

/// Within the limits, but there is nothing behind the header: no photo, and no long wait for it.
#[test]
fn claims_within_the_limits_without_data_are_no_photo() {
    for (name, file) in [
        ("PNG", png(8000, 8000)),
        ("BMP", bmp(8000, 8000)),
        ("TIFF", tiff(8000, 8000)),
        ("WebP", webp(8000, 8000)),
    ] {
        let start = Instant::now();
        let error = Photo::from_bytes(&file).unwrap_err();
        assert_eq!(error.code(), "photo.damaged", "{name}: {error}");
        assert!(start.elapsed() < 5 * AT_ONCE, "{name}: {:?}", start.elapsed());
    }
}

#[test]
fn pixels_beyond_the_limits_are_refused_too() {
    let code = |w, h| {
        Photo::from_pixels(&[], w, h, 4 * w as usize, Orientation::Upright).unwrap_err().code()
    };
    assert_eq!(code(60_000, 60_000), "photo.too_large");
    assert_eq!(code(16_000, 16_000), "photo.too_large");
}

#[test]
fn a_file_beyond_the_limits_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.png");
    let file = std::fs::File::create(&path).unwrap();
    // A hole: long on paper, empty on disk.
    file.set_len((512 << 20) + 1).unwrap();
    let start = Instant::now();
    assert_eq!(Photo::open(&path).unwrap_err().code(), "photo.too_large");
    assert!(start.elapsed() < AT_ONCE);
}

#[test]
fn the_smallest_photo_is_one_pixel() {
    let photo = Photo::from_pixels(&[1, 2, 3, 255], 1, 1, 4, Orientation::Upright).unwrap();
    assert_eq!(photo.pixels(), [1, 2, 3]);
}
