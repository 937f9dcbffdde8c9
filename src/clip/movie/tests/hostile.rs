//! Files that were cut, bent or made to harm: an error or a result, never a panic, in bounded
//! time.

use std::time::{Duration, Instant};

use super::fixture::{Fixture, be, boxed, full};
use crate::clip::movie::{MovieError, read, strip};

/// Both readers, and that what is stripped once stays as it is.
fn try_both(
    bytes: &[u8],
) -> (Result<crate::clip::movie::Movie, MovieError>, Result<Vec<u8>, MovieError>) {
    let results = (read(bytes), strip(bytes));
    if let Ok(clean) = &results.1 {
        assert_eq!(strip(clean).as_ref(), Ok(clean), "stripping twice changes the file");
        assert!(read(clean).is_ok() || results.0.is_err());
    }
    results
}

#[test]
fn every_truncation_is_an_error() {
    for media_first in [false, true] {
        let bytes = Fixture { more_in_file: vec![], ..Fixture::default() }.build(media_first);
        for cut in 0..bytes.len() {
            let (movie, clean) = try_both(&bytes[..cut]);
            assert!(movie.is_err() && clean.is_err(), "cut at {cut}");
        }
    }
}

#[test]
fn a_hundred_thousand_bent_files_do_no_harm() {
    let good = [false, true].map(|media_first| Fixture::default().build(media_first));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let start = Instant::now();
    let mut read_anyway = 0;
    for round in 0..100_000 {
        let mut bytes = good[round % 2].clone();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => bytes[at] = 0xff,
                1 => bytes[at] = 0,
                _ => bytes[at] ^= 1 << random.below(8),
            }
        }
        read_anyway += usize::from(try_both(&bytes).1.is_ok());
    }
    assert!((1000..99_000).contains(&read_anyway), "{read_anyway}");
    assert!(start.elapsed() < Duration::from_secs(120));
}

#[test]
fn random_bytes_after_a_good_start_do_no_harm() {
    let mut random = Random(1);
    for _ in 0..10_000 {
        let mut bytes = boxed(b"ftyp", &[b"isom\0\0\0\0"]);
        bytes.extend((0..random.below(300)).map(|_| random.below(256) as u8));
        assert!(try_both(&bytes).0.is_err());
    }
}

/// A file of one track with these tables.
fn file(tables: &[Vec<u8>], media: &[u8]) -> Vec<u8> {
    let upright: Vec<u8> =
        super::fixture::UPRIGHT.iter().flat_map(|cell| cell.to_be_bytes()).collect();
    let config = b"\x01\x42\x00\x1f\xff\xe1\x00\x01\x67\x01\x00\x01\x68";
    let entry = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 16], &[0, 1, 0, 1], &[0; 50]].concat();
    let entry = boxed(b"avc1", &[&entry, &boxed(b"avcC", &[config])]);
    let stsd = full(b"stsd", 0, &[&be(&[1]), &entry]);
    let hdlr = full(b"hdlr", 0, &[&[0; 4], b"vide", &[0; 13]]);
    let mdhd = full(b"mdhd", 0, &[&be(&[0, 0, 25, 1]), &[0; 4]]);
    let stbl = boxed(b"stbl", &[&stsd, &tables.concat()]);
    let mdia = boxed(b"mdia", &[&mdhd, &hdlr, &boxed(b"minf", &[&stbl])]);
    let tkhd = full(b"tkhd", 3, &[&[0; 36], &upright, &[0; 8]]);
    let mvhd = full(b"mvhd", 0, &[&be(&[0, 0, 25, 1]), &[0; 16], &upright, &[0; 28]]);
    let moov = boxed(b"moov", &[&mvhd, &boxed(b"trak", &[&tkhd, &mdia])]);
    [boxed(b"ftyp", &[b"isom\0\0\0\0"]), boxed(b"mdat", &[media]), moov].concat()
}

#[test]
fn billions_of_samples_in_a_few_bytes_are_refused_at_once() {
    const MANY: u32 = u32::MAX;
    let start = Instant::now();
    let mut media = vec![0; 100_000];
    media[..6].copy_from_slice(&[0, 1, 0x86, 0x9c, 0x65, 1]);
    let bomb = |same_size: u32, count: u32, in_chunk: u32, chunks: &[u32]| {
        file(
            &[
                full(b"stsz", 0, &[&be(&[same_size, count])]),
                full(b"stts", 0, &[&be(&[1, count, MANY])]),
                full(b"ctts", 0, &[&be(&[1, count, MANY])]),
                full(b"stsc", 0, &[&be(&[1, 1, in_chunk, 1])]),
                full(b"stco", 0, &[&be(&[chunks.len() as u32]), &be(chunks)]),
            ],
            &media,
        )
    };
    let sound = bomb(100_000, 1, 1, &[24]);
    assert_eq!(try_both(&sound).0.unwrap().frames, 1);
    assert_eq!(try_both(&bomb(1, MANY, MANY, &[24])).0, Err(MovieError::Damaged));
    assert_eq!(try_both(&bomb(0, MANY, MANY, &[24])).0, Err(MovieError::Damaged));
    // The same bytes again and again, which would make the result ever larger.
    let again = bomb(100_000, 1000, 1, &[24; 1000]);
    assert_eq!(try_both(&again).1, Err(MovieError::Damaged));
    // Samples that reach out of the media, into the index or past the end.
    for first in [0, 23, 25, 100_023, MANY] {
        assert_eq!(try_both(&bomb(100_000, 1, 1, &[first])).1, Err(MovieError::Damaged));
    }
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_million_nested_boxes_do_not_overflow_the_stack() {
    let mut bytes = boxed(b"ftyp", &[b"isom\0\0\0\0"]);
    for depth in (1..=1_000_000u32).rev() {
        bytes.extend((depth * 8).to_be_bytes());
        bytes.extend(if depth % 2 == 0 { b"moov" } else { b"trak" });
    }
    assert!(try_both(&bytes).0.is_err());
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}
