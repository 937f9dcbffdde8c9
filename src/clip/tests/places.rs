//! Files appear whole or not at all, and what cannot be written is said before the work.

use std::fs;

use super::*;

/// One frame of three, then the job is cancelled.
fn cancel(output: Output, spec: &ClipSpec) {
    let mut encoder = open(output, spec, Finish::none()).unwrap();
    let mut frame = Frame::new(encoder.layout(), spec.width, spec.height).unwrap();
    draw(&mut frame, 0);
    encoder.write(&frame).unwrap();
}

fn outputs(folder: &Path) -> Vec<Output> {
    let path = |name: &str| folder.join(name);
    let mut outputs =
        vec![Output::gif(path("clip")), Output::gif(path("clip")).with_frames(path("f"))];
    #[cfg(feature = "openh264")]
    outputs.push(Output::mp4(path("clip")));
    #[cfg(feature = "webp")]
    outputs.push(Output::webp(path("clip")));
    outputs
}

#[test]
fn a_cancelled_clip_leaves_nothing_and_keeps_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(32, 32, 24.0, 3);
    for output in outputs(folder.path()) {
        cancel(output, &spec);
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }
    fs::write(folder.path().join("clip"), "old").unwrap();
    for output in outputs(folder.path()) {
        cancel(output, &spec);
        assert_eq!(names(folder.path()), ["clip"]);
        assert_eq!(fs::read(folder.path().join("clip")).unwrap(), b"old");
    }
}

#[test]
fn a_finished_clip_takes_the_place_of_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(32, 32, 24.0, 3);
    for output in outputs(folder.path()) {
        fs::write(folder.path().join("clip"), "old").unwrap();
        let written = make(output, &spec).unwrap();
        assert!(matches!(written, Written::Path(path) if path == folder.path().join("clip")));
        assert_ne!(fs::read(folder.path().join("clip")).unwrap(), b"old");
    }
    assert_eq!(names(folder.path()), ["clip", "f"]);
    assert_eq!(names(&folder.path().join("f")).len(), 3);
}

#[test]
fn frames_of_two_clips_never_mix() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(16, 16, 24.0, 2);
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    cancel(Output::png_folder(folder.path()), &spec);
    assert_eq!(names(folder.path()), ["notes.txt"]);
    make(Output::png_folder(folder.path()), &spec).unwrap();
    assert_eq!(names(folder.path()), ["frame_0000.png", "frame_0001.png", "notes.txt"]);
    let again = open(Output::png_folder(folder.path()), &spec, Finish::none()).err().unwrap();
    assert_eq!(again.code(), "output.folder_in_use");
}

#[test]
fn places_that_cannot_be_written_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(16, 16, 24.0, 2);
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let code = |output: Output| open(output, &spec, Finish::none()).err().unwrap().code();
    assert_eq!(code(Output::gif(folder.path().join("no/clip.gif"))), "output.no_folder");
    assert_eq!(code(Output::gif(folder.path())), "output.is_folder");
    assert_eq!(code(Output::gif("")), "output.no_name");
    assert_eq!(code(Output::png_folder(&file)), "output.is_file");
    assert_eq!(code(Output::png_folder(folder.path().join("no/frames"))), "output.no_folder");
    // A clip whose frames cannot be written does not begin either.
    let clip = folder.path().join("clip.gif");
    assert_eq!(code(Output::gif(clip).with_frames(&file)), "output.is_file");
    assert_eq!(names(folder.path()), ["file"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_without_permission_is_a_typed_error() {
    // Even the superuser cannot create files here.
    let error =
        open(Output::gif("/proc/clip.gif"), &spec(16, 16, 24.0, 2), Finish::none()).err().unwrap();
    assert!(["output.not_writable", "output.write"].contains(&error.code()), "{error}");
}

#[test]
fn a_clip_of_another_length_or_size_is_not_finished() {
    let spec = spec(16, 16, 24.0, 2);
    let encoder = open(Output::bytes(Container::Gif), &spec, Finish::none()).unwrap();
    assert_eq!(encoder.finish().unwrap_err().code(), "internal.frame_count");
    let mut encoder = open(Output::bytes(Container::Gif), &spec, Finish::none()).unwrap();
    let frame = Frame::new(Layout::Rgb, 18, 16).unwrap();
    assert_eq!(encoder.write(&frame).unwrap_err().code(), "internal.frame_size");
}

#[test]
fn a_clip_with_its_frames_is_drawn_once_in_rgb() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(32, 32, 24.0, 2);
    let output = Output::gif(folder.path().join("a.gif")).with_frames(folder.path());
    assert_eq!(open(output, &spec, Finish::none()).unwrap().layout(), Layout::Rgb);
}
