//! Where bytes of strangers come in, one function each, for the fuzz targets in fuzz/.
//!
//! Compiled only under `cfg(fuzzing)`, which `cargo xtask fuzz` sets: no feature turns it on, so no
//! build that ships has it. What lies within a room is reached through the room's own `fuzz` part.

use std::path::Path;

pub use crate::consent::fuzz as ledger;
pub use crate::face::fuzz::{detector, points};
pub use crate::pack::fuzz::pack;
pub use crate::photo::fuzz as profile;
pub use crate::pipeline::motion::fuzz::{curves, motion};
pub use crate::remote::fuzz::{reply, tables};
pub use crate::vault::fuzz as vault;

use crate::clip::{self, Picture, movie};
use crate::marking::{Day, FileMarks, Statement, Xmp, find_xmp, has_manifest};
use crate::pipeline::motion::fuzz::schedule;
use crate::prompt::Reading;
use crate::safety::{Subject, check_prompt};

/// A photo of any format.
pub fn photo(bytes: &[u8]) {
    if let Ok(photo) = crate::Photo::from_bytes(bytes) {
        let (width, height) = (photo.width() as usize, photo.height() as usize);
        assert_eq!(photo.pixels().len(), 3 * width * height);
    }
}

/// A video of a person's or a provider's.
pub fn video(bytes: &[u8]) {
    if let Ok(shown) = movie::read(bytes) {
        assert!(shown.frames > 0 && shown.seconds > 0.0 && shown.fps.1 > 0);
    }
    if let Ok(stream) = movie::Stream::open(bytes) {
        let left = stream.left();
        assert!(!stream.head.is_empty());
        assert_eq!(stream.count(), left);
    }
    if let Ok(stripped) = movie::strip(bytes) {
        // What was stripped is whole, and there is nothing left to take out of it.
        assert!(movie::read(&stripped).is_ok());
        assert!(movie::strip(&stripped).is_ok_and(|again| again == stripped));
    }
}

/// Marks of anybody, and a file that gets ours beside them.
pub fn marks(bytes: &[u8]) {
    let before = find_xmp(bytes);
    let Ok(day) = Day::new(2026, 11, 26) else { return };
    let marks = FileMarks::new(Statement::new("kinora/motion", "1", day));
    if let Ok(marked) = marks.sign_bytes(bytes.to_vec()) {
        if has_manifest(bytes) {
            assert_eq!(marked, bytes, "what a manifest vouches for stays as it is");
            return;
        }
        // What was taken for sound is sound afterwards, and says what was made.
        let after = find_xmp(&marked);
        let Xmp::Intact { digital_source_type: Some(declared) } = after else {
            panic!("{before:?} became {after:?}");
        };
        assert!(declared.is_generated(), "{before:?} became {after:?}");
        assert_eq!(marks.sign_bytes(marked.clone()).ok(), Some(marked), "twice is once");
    }
}

/// A film or picture that is looked at for a watermark, up to its pixels.
pub fn film(bytes: &[u8]) {
    let shown = clip::pictures(bytes, 16, &mut |picture| {
        if let Picture::Rgb { width, height, pixels } = picture {
            assert_eq!(pixels.len(), 3 * width as usize * height as usize);
        }
        Ok(())
    });
    assert!(shown.is_ok());
}

/// A prompt: what it asks for, and whether a provider may be asked.
pub fn prompt(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let reading = Reading::of(&text);
    schedule(&reading);
    for shows_person in [false, true] {
        _ = check_prompt(&text, Subject { shows_person });
    }
}

/// Numbers out of bytes, as a target needs them; zeros after the last.
pub(crate) struct Feed<'b>(pub(crate) &'b [u8]);

impl Feed<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number of two bytes: NaN, infinities and 65,504 are as near as 0 and 1.
    pub(crate) fn number(&mut self) -> f32 {
        let number = half::f16::from_le_bytes([self.byte(), self.byte()]);
        // Networks can give more than half precision holds.
        match self.0.len() % 61 {
            7 => number.to_f32() * 1e30,
            _ => number.to_f32(),
        }
    }

    pub(crate) fn numbers(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.number()).collect()
    }
}

/// A folder of this process's own, in memory where there is such a place.
pub(crate) fn folder(name: &str) -> std::path::PathBuf {
    let memory = Path::new("/dev/shm");
    let root = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    root.join(format!("kinora-fuzz-{name}-{}", std::process::id()))
}
