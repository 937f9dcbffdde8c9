//! What is read from a file made by hand, and what is left of it.

use super::fixture::{FRAME, Fixture, SECRET, UPRIGHT, boxed, full, holds, unit};
use crate::clip::movie::{MovieError, read, strip};

#[test]
fn the_index_is_read() {
    for media_first in [false, true] {
        let movie = read(&Fixture::default().build(media_first)).unwrap();
        assert_eq!((movie.width, movie.height), (48, 64));
        assert_eq!((movie.frames, movie.fps), (8, (30_000, 1001)));
        assert!((movie.seconds - 8.0 * 1001.0 / 30_000.0).abs() < 1e-12);
        assert_eq!((&movie.codec, movie.has_audio), (b"avc1", true));
    }
}

#[test]
fn the_pictures_alone_are_left() {
    let bytes = Fixture::default().build(true);
    assert!(holds(&bytes, SECRET));
    let clean = strip(&bytes).unwrap();
    assert!(!holds(&clean, SECRET));
    // Every box of the result, and of its sample description, is one that was meant to be there.
    for gone in [&b"udta"[..], b"meta", b"uuid", b"free", b"soun", b"sgpd", b"prof", b"tapt"] {
        assert!(!holds(&clean, gone), "{}", gone.escape_ascii());
    }
    let (before, after) = (read(&bytes).unwrap(), read(&clean).unwrap());
    assert_eq!(after, crate::clip::movie::Movie { has_audio: false, ..before });
    let media: Vec<u8> = (0..8)
        .flat_map(|n: u8| [0, 0, 0, 4, if n.is_multiple_of(4) { 0x65 } else { 0x61 }, n, b'P', n])
        .collect();
    assert!(clean.ends_with(&media));
    assert!(clean[..clean.len() - media.len()].ends_with(b"mdat"));
    assert_eq!(clean.get(36..40), Some(&b"moov"[..]));
}

#[test]
fn the_same_file_always_gives_the_same_bytes() {
    let [first, last] = [false, true].map(|media_first| Fixture::default().build(media_first));
    let clean = strip(&first).unwrap();
    assert_eq!(clean, strip(&last).unwrap());
    assert_eq!(clean, strip(&clean).unwrap());
}

#[test]
fn an_odd_last_chunk_is_understood() {
    let mut fixture = Fixture { offsets: vec![[7, FRAME]], ..Fixture::default() };
    fixture.samples.pop();
    let bytes = fixture.build(false);
    assert_eq!(read(&bytes).unwrap().frames, 7);
    assert_eq!(strip(&strip(&bytes).unwrap()).unwrap(), strip(&bytes).unwrap());
}

#[test]
fn pictures_that_a_cut_hides_are_left_out() {
    let hidden = |fixture: &Fixture, kept: std::ops::Range<u8>| {
        let clean = strip(&fixture.build(false)).unwrap();
        for n in 0..8 {
            assert_eq!(holds(&clean, &[n, b'P', n]), kept.contains(&n), "picture {n}");
        }
        assert_eq!(clean, strip(&clean).unwrap());
        read(&clean).unwrap()
    };
    let in_order = Fixture { offsets: vec![[8, 0]], matrix: UPRIGHT, ..Fixture::default() };
    // 20/600 s are 1000 ticks, a little less than a picture lasts.
    let cut = |start: u32, frames: u32| Fixture {
        edits: vec![(0, -1, 1 << 16), (frames * 20, (start * FRAME) as i32, 1 << 16)],
        ..in_order.clone()
    };
    assert_eq!(hidden(&cut(0, 3), 0..3).frames, 3);
    assert_eq!(hidden(&cut(4, 2), 4..6).frames, 2);
    // The fifth to seventh picture are shown, and the fourth is hidden behind a key frame.
    assert_eq!(hidden(&cut(5, 2), 4..7).frames, 2);
    assert_eq!(hidden(&cut(3, 5), 0..8).frames, 5);
    let nothing = Fixture { edits: vec![(0, 9 * FRAME as i32, 1 << 16)], ..in_order };
    assert_eq!(read(&nothing.build(false)), Err(MovieError::NoVideo));
    assert_eq!(strip(&nothing.build(false)), Err(MovieError::NoVideo));
}

#[test]
fn a_sample_of_messages_alone_becomes_empty() {
    let mut fixture = Fixture::default();
    fixture.samples[2] = vec![unit(6, SECRET)];
    let clean = strip(&fixture.build(false)).unwrap();
    assert!(!holds(&clean, SECRET));
    assert_eq!(read(&clean).unwrap().frames, 7);
    assert_eq!(clean, strip(&clean).unwrap());
}

#[test]
fn what_is_no_plain_h264_movie_is_refused_by_name() {
    let fixture = Fixture::default();
    let refusal = |fixture: Fixture| strip(&fixture.build(false)).unwrap_err();
    assert_eq!(strip(b""), Err(MovieError::NotMp4));
    assert_eq!(read(b"RIFF\0\0\0\0AVI LIST"), Err(MovieError::NotMp4));
    assert_eq!(read(&boxed(b"ftyp", &[b"isom\0\0\0\0"])), Err(MovieError::Damaged));

    let other = Fixture { codec: *b"hvc1", ..fixture.clone() };
    assert_eq!(read(&other.build(false)).unwrap().codec, *b"hvc1");
    let error = refusal(other);
    assert_eq!(error, MovieError::Codec(*b"hvc1"));
    assert!(error.to_string().contains("convert it to H.264"));

    let fragment = Fixture { more_in_file: boxed(b"moof", &[]), ..fixture.clone() };
    assert_eq!(refusal(fragment), MovieError::Fragmented);
    let fragments = Fixture { more_in_movie: boxed(b"mvex", &[]), ..fixture.clone() };
    assert_eq!(refusal(fragments), MovieError::Fragmented);

    let twice = Fixture { edits: vec![(80, 0, 1 << 16), (80, 0, 1 << 16)], ..fixture.clone() };
    assert_eq!(refusal(twice), MovieError::Assembled);
    let slow = Fixture { edits: vec![(160, 0, 1 << 15)], ..fixture.clone() };
    assert_eq!(refusal(slow), MovieError::Assembled);
    let elsewhere = Fixture { reference_flags: 0, ..fixture.clone() };
    assert_eq!(refusal(elsewhere), MovieError::Assembled);
    let empty = Fixture { samples: vec![], offsets: vec![], ..fixture.clone() };
    assert_eq!(refusal(empty), MovieError::NoVideo);
    let silent =
        boxed(b"moov", &[&full(b"mvhd", 0, &[&[0; 96]]), &super::fixture::data_track(b"soun")]);
    let silent = [boxed(b"ftyp", &[b"isom\0\0\0\0"]), silent].concat();
    assert_eq!(read(&silent), Err(MovieError::NoVideo));

    let short = Fixture { offsets: vec![[7, 0]], ..fixture.clone() };
    assert_eq!(refusal(short), MovieError::Damaged);
    let long = Fixture { offsets: vec![[9, 0]], ..fixture };
    assert_eq!(refusal(long), MovieError::Damaged);
}

#[test]
fn too_large_a_file_is_refused_before_it_is_read() {
    // Untouched pages of zeros cost no memory.
    let mut bytes = vec![0; (512 << 20) + 1];
    bytes[4..8].copy_from_slice(b"ftyp");
    assert_eq!(read(&bytes), Err(MovieError::TooLarge));
}
