//! Damaged and hostile files: every one ends soon, without a panic.

use std::time::{Duration, Instant};

use super::*;
use crate::clip::Finish;

/// Numbers that look random and are the same each time (xorshift64).
pub(in crate::marking) struct Dice(pub(in crate::marking) u64);

impl Dice {
    pub(in crate::marking) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

fn files() -> Vec<Vec<u8>> {
    let finish = Finish::with(marks());
    let mut files: Vec<_> = containers().into_iter().map(|kind| made(kind, &finish)).collect();
    let picture = image::RgbImage::from_pixel(9, 7, image::Rgb([90, 80, 70]));
    for format in [image::ImageFormat::Jpeg, image::ImageFormat::Png, image::ImageFormat::Tiff] {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        let bytes = bytes.into_inner();
        files.push(marks().sign_bytes(bytes.clone()).unwrap_or(bytes));
    }
    files
}

fn look(bytes: &[u8]) {
    _ = find_xmp(bytes);
    if !cfg!(feature = "c2pa") {
        _ = verify(bytes);
    }
    if let Ok(marked) = marks().sign_bytes(bytes.to_vec()) {
        if has_manifest(bytes) {
            assert_eq!(marked, bytes, "what a manifest vouches for stays as it is");
            return;
        }
        // What was taken for sound is sound afterwards, and says what was made.
        let after = find_xmp(&marked);
        let Xmp::Intact { digital_source_type: Some(declared) } = after else {
            panic!("{after:?}")
        };
        assert!(declared.is_generated(), "{after:?}");
        assert_eq!(marks().sign_bytes(marked.clone()).unwrap(), marked, "twice is once");
    }
}

#[test]
fn cut_files() {
    for file in files() {
        // Every place near the ends, some between.
        let step = (file.len() / 200).max(1);
        let near = (0..file.len().min(600)).chain(file.len().saturating_sub(600)..file.len());
        for length in near.chain((0..file.len()).step_by(step)) {
            look(&file[..length]);
        }
    }
}

#[test]
fn flipped_files() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for file in files() {
        for _ in 0..1500 {
            let mut bytes = file.clone();
            for _ in 0..=dice.below(4) {
                let place = if dice.below(2) == 0 {
                    dice.below(bytes.len().min(200))
                } else {
                    dice.below(bytes.len())
                };
                bytes[place] ^= 1 << dice.below(8);
            }
            look(&bytes);
        }
    }
}

#[test]
fn an_open_part_within_another_is_damage() {
    let box_of = |size: u32, name: &[u8; 4]| [&size.to_be_bytes()[..], name].concat();
    // The inner one reaches to the end of the file, until something is written there.
    let file = [box_of(8, b"ftyp"), box_of(16, b"moov"), box_of(0, b"udta")].concat();
    assert_eq!(marks().sign_bytes(file).unwrap_err().code(), "marking.damaged");
}

#[test]
fn sizes_that_lie_cost_no_more_than_the_file() {
    let started = Instant::now();
    let box_of = |size: u32, name: &[u8; 4]| [&size.to_be_bytes()[..], name].concat();
    let mut many = box_of(8, b"ftyp");
    (0..500_000).for_each(|_| many.extend(box_of(8, b"free")));
    let xmp = b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac";
    let mut packets = box_of(8, b"ftyp");
    (0..100_000).for_each(|_| packets.extend([&box_of(24, b"uuid")[..], xmp].concat()));
    let huge = [&box_of(8, b"ftyp")[..], &box_of(1, b"uuid"), &u64::MAX.to_be_bytes()].concat();
    let spaces = format!("<rdf:RDF {}/>", "xmlns:a='b' a:c='d' ".repeat(40_000));
    let long = [
        &box_of(8, b"ftyp")[..],
        &box_of(24 + spaces.len() as u32, b"uuid"),
        xmp,
        spaces.as_bytes(),
    ]
    .concat();
    for file in [&many, &packets, &huge, &long] {
        look(file);
    }
    assert_eq!(find_xmp(&packets), Xmp::Damaged);
    assert_eq!(marks().sign_bytes(packets).unwrap_err().code(), "marking.damaged");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
