//! The table of everything that can be asked for.

mod face;
mod scene;

use super::motion::Motion;

use face::{EYES, HEAD, MOUTH};
use scene::{CAMERA, LIFE, SCENERY};

/// Entries that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// What they are about.
    pub title: &'static str,
    /// The entries.
    pub entries: &'static [Entry],
}

/// What some phrases ask for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// Phrases of one meaning. Small words may stand between their words, and any ending is
    /// understood.
    pub phrases: &'static [&'static str],
    /// What moves and how much, −1.2–1.2, before words such as "slightly"; 0: does not, or goes
    /// back. The same motion in two directions happens in this order.
    pub asks: &'static [(Motion, f32)],
    /// How often; more than once only for gestures.
    pub times: u8,
    /// What is seen.
    pub does: &'static str,
}

const fn row(
    phrases: &'static [&'static str],
    asks: &'static [(Motion, f32)],
    does: &'static str,
) -> Entry {
    Entry { phrases, asks, times: 1, does }
}

/// All phrases. Where several fit, the one with more words counts.
pub const LEXICON: &[Section] = &[
    Section { title: "Eyes and brows", entries: EYES },
    Section { title: "Mouth and mood", entries: MOUTH },
    Section { title: "Head", entries: HEAD },
    Section { title: "Life and stillness", entries: LIFE },
    Section { title: "Scenery", entries: SCENERY },
    Section { title: "Camera", entries: CAMERA },
];
