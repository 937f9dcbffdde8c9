//! Clips of every encoder, and files of others, are marked and read back.

mod foreign;
pub(super) mod hostile;

use std::fs;
use std::sync::OnceLock;

use super::*;
use crate::clip::tests::{make_with, names, spec};
use crate::clip::{Container, Finish, Output, Written};
use crate::photo::PhotoMarks;

/// The formats that this build encodes.
pub(super) fn containers() -> Vec<Container> {
    let mut containers = vec![Container::Gif];
    if cfg!(feature = "openh264") {
        containers.push(Container::Mp4);
    }
    if cfg!(feature = "webp") {
        containers.push(Container::Webp);
    }
    containers
}

pub(super) fn statement() -> Statement {
    Statement::new("kinora/motion", "2", Day::new(2026, 11, 26).unwrap())
}

pub(super) fn marks() -> FileMarks {
    FileMarks::new(statement())
}

/// A small clip as the encoder leaves it, made once.
pub(super) fn plain(container: Container) -> Vec<u8> {
    static CLIPS: [OnceLock<Vec<u8>>; 3] = [const { OnceLock::new() }; 3];
    let number = match container {
        Container::Mp4 => 0,
        Container::Webp => 1,
        Container::Gif => 2,
    };
    CLIPS[number].get_or_init(|| made(container, &Finish::none())).clone()
}

pub(super) fn made(container: Container, finish: &Finish) -> Vec<u8> {
    match make_with(Output::bytes(container), &spec(48, 32, 24.0, 6), finish.clone()).unwrap() {
        Written::Bytes(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

pub(super) const GENERATED: Xmp = Xmp::Intact {
    digital_source_type: Some(Declared::Generated(DigitalSourceType::TrainedAlgorithmicMedia)),
};

pub(super) fn layer(bytes: &[u8], kind: LayerKind) -> Layer {
    verify(bytes).unwrap().into_iter().find(|layer| layer.kind == kind).unwrap()
}

/// Where boxes of an MP4 file begin, by their names.
pub(super) fn boxes(bytes: &[u8]) -> Vec<String> {
    let (mut names, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        names.push(String::from_utf8(bytes[at + 4..at + 8].to_vec()).unwrap());
        at += if size == 0 { bytes.len() - at } else { size };
    }
    names
}

#[test]
fn clips_are_whole_with_their_packet_when_they_appear() {
    let folder = tempfile::tempdir().unwrap();
    let finish = Finish::with(marks());
    for container in containers() {
        let bytes = made(container, &finish);
        assert_eq!(find_xmp(&bytes), GENERATED, "{container:?}");
        assert_eq!(layer(&bytes, LayerKind::Manifest).state, LayerState::Absent);
        let packet = layer(&bytes, LayerKind::Xmp);
        assert_eq!(packet.state, LayerState::Intact);
        assert!(packet.digital_source_type.unwrap().is_generated());
        // The same, whether it is finished on its way or afterwards, in memory or on the disk.
        assert_eq!(marks().sign_bytes(plain(container)).unwrap(), bytes);
        let path = folder.path().join("clip");
        let file = match container {
            Container::Mp4 => Output::mp4(&path),
            Container::Webp => Output::webp(&path),
            Container::Gif => Output::gif(&path),
        };
        make_with(file, &spec(48, 32, 24.0, 6), finish.clone()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
        fs::write(&path, plain(container)).unwrap();
        assert_eq!(marks().sign_file(&path).unwrap(), [LayerKind::Xmp]);
        assert_eq!(fs::read(&path).unwrap(), bytes);
        // Marked once is marked.
        assert_eq!(marks().sign_file(&path).unwrap(), [LayerKind::Xmp]);
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(names(folder.path()), ["clip"]);
    }
}

#[cfg(unix)]
#[test]
fn a_file_keeps_its_permissions_and_is_found_behind_a_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("clip.gif"), folder.path().join("link.gif"));
    fs::write(&path, plain(Container::Gif)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    symlink(&path, &link).unwrap();
    marks().sign_file(&link).unwrap();
    assert!(link.is_symlink());
    assert_eq!(find_xmp(&fs::read(&path).unwrap()), GENERATED);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn frames_of_a_folder_are_marked_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = Output::gif(folder.path().join("clip.gif")).with_frames(folder.path().join("f"));
    make_with(output, &spec(16, 16, 24.0, 3), Finish::with(marks())).unwrap();
    let frames = names(&folder.path().join("f"));
    assert_eq!(frames.len(), 3);
    for name in frames {
        let bytes = fs::read(folder.path().join("f").join(name)).unwrap();
        assert_eq!(find_xmp(&bytes), GENERATED);
        image::load_from_memory(&bytes).unwrap();
    }
    assert_eq!(find_xmp(&fs::read(folder.path().join("clip.gif")).unwrap()), GENERATED);
}

#[test]
fn a_failed_finish_leaves_nothing_and_keeps_the_old_file() {
    struct Fails;
    impl crate::clip::Finishing for Fails {
        fn finish(&self, _: &mut crate::clip::Target) -> Result<(), crate::Error> {
            Err(failed("marking.signer", "no"))
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.gif");
    fs::write(&path, "old").unwrap();
    let finish = Finish::with(Fails);
    let output = Output::gif(&path).with_frames(folder.path().join("f"));
    let error = make_with(output, &spec(16, 16, 24.0, 2), finish.clone()).unwrap_err();
    assert_eq!(error.code(), "marking.signer");
    let error = make_with(Output::gif(&path), &spec(16, 16, 24.0, 2), finish).unwrap_err();
    assert_eq!(error.code(), "marking.signer");
    assert_eq!(names(folder.path()), ["clip.gif"]);
    assert_eq!(fs::read(&path).unwrap(), b"old");
}

#[cfg(feature = "openh264")]
#[test]
fn a_marked_mp4_plays_from_the_front() {
    let bytes = made(Container::Mp4, &Finish::with(marks()));
    assert_eq!(boxes(&bytes), ["ftyp", "moov", "free", "mdat", "uuid"]);
    let before = plain(Container::Mp4);
    // Not one byte of what was there moves.
    assert_eq!(bytes[..before.len()], before);
    #[cfg(feature = "remote")]
    assert_eq!(crate::clip::movie::read(&bytes), crate::clip::movie::read(&before));
}

#[test]
fn pictures_are_the_same_with_and_without_marks() {
    use image::AnimationDecoder;
    use image::codecs::{gif::GifDecoder, webp::WebPDecoder};
    use std::io::Cursor;

    let frames = |bytes: &[u8], container| -> Vec<Vec<u8>> {
        let frames = match container {
            Container::Webp => WebPDecoder::new(Cursor::new(bytes)).unwrap().into_frames(),
            _ => GifDecoder::new(Cursor::new(bytes)).unwrap().into_frames(),
        };
        frames.map(|frame| frame.unwrap().into_buffer().into_raw()).collect()
    };
    for container in containers().into_iter().filter(|container| *container != Container::Mp4) {
        let (before, after) = (plain(container), made(container, &Finish::with(marks())));
        let shown = frames(&after, container);
        assert_eq!(shown.len(), 6);
        assert_eq!(shown, frames(&before, container), "{container:?}");
    }
}

#[test]
fn what_cannot_be_marked_is_said() {
    let code = |bytes: &[u8]| marks().sign_bytes(bytes.to_vec()).unwrap_err().code();
    assert_eq!(code(b""), "marking.format");
    assert_eq!(code(b"no format at all"), "marking.format");
    assert_eq!(code(b"II\x2a\0\x08\0\0\0\0\0"), "marking.format");
    let gif = plain(Container::Gif);
    assert_eq!(code(&gif[..gif.len() - 1]), "marking.damaged");
    assert_eq!(verify(b"no format at all").unwrap_err().code(), "marking.format");
    let missing = marks().sign_file("/nowhere/clip.mp4").unwrap_err();
    assert_eq!(missing.code(), "marking.unreadable_file");
}
