//! Promise: a process that is killed at any stage of a job leaves no clip under the clip's name but
//! a whole one, and nothing in the way of the next job, which clears up what was left long ago.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;
#[path = "common/killed.rs"]
mod killed;

use std::path::Path;

use killed::{Worker, age, assert_whole, is_part, make, names};
use kinora::studio::Stage;

/// Of the clip that is killed: three seconds of 24 pictures.
const LAST_FRAME: u32 = 72;

/// Not a test of its own: what the killed process runs.
#[test]
fn child() {
    killed::child();
}

/// Kills a process when its job is so far. What it leaves is checked, and that another job works.
/// False where the job was done before the signal came.
fn killed_at(folder: &Path, name: &str, stage: Stage, step: u32) -> bool {
    let path = folder.join(name);
    let mut worker = Worker::start(&path, None);
    assert!(worker.until(stage, step), "the job never came to {stage:?} {step}");
    worker.kill();
    let is_folder = path.extension().is_none();
    let (inside, own) = if is_folder { (path.as_path(), 0) } else { (folder, 1) };
    let left = names(inside);
    let parts = left.iter().filter(|name| is_part(name)).count();
    if parts == 0 {
        // It was quicker than the signal, so all of it is there.
        if is_folder {
            assert!(left.len() > 1, "{stage:?}: {left:?}");
        } else {
            assert_whole(&path);
        }
        return false;
    }
    assert_eq!((parts, left.len()), (1, 1), "{stage:?}: {left:?}");
    // Young leftovers are in nobody's way, and stay: nobody knows whose they are on every drive.
    make(&path).unwrap();
    assert!(names(inside).iter().any(|name| is_part(name)), "{stage:?}");
    if is_folder {
        std::fs::remove_file(path.join("frame_0000.png")).unwrap();
        names(&path).iter().filter(|name| !is_part(name)).for_each(|name| {
            std::fs::remove_file(path.join(name)).unwrap();
        });
    }
    age(inside);
    make(&path).unwrap();
    let left = names(inside);
    assert!(!left.iter().any(|name| is_part(name)), "{stage:?}: {left:?}");
    assert!(left.len() > usize::from(is_folder) && left.len() >= own);
    true
}

#[test]
fn a_killed_job_leaves_no_half_clip_and_the_next_one_clears_up() {
    if common::studio().is_none() {
        return;
    }
    // Faces found, in the middle of the denoising, in the middle of the frames, at the last one.
    for (stage, step) in
        [(Stage::Faces, 1), (Stage::Motion, 3), (Stage::Frames, 20), (Stage::Frames, LAST_FRAME)]
    {
        let folder = tempfile::tempdir().unwrap();
        let hit = killed_at(folder.path(), "clip.mp4", stage, step);
        // Only after the last frame may it be done by then.
        assert!(hit || step == LAST_FRAME, "{stage:?} {step} was missed");
    }
}

#[test]
fn a_killed_job_leaves_no_half_folder_of_frames() {
    if common::studio().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(killed_at(folder.path(), "frames", Stage::Frames, 10));
}
