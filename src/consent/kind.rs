//! Kinds of data, and what they are sent for.

use serde::{Deserialize, Serialize};

/// A kind of personal data that may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DataKind {
    /// The photo's pixels, with whoever they show; no metadata.
    Photo,
    /// A video's pictures; no sound and no metadata.
    Video,
    /// The words of the prompt.
    Prompt,
    /// Length, size and seed; the device's network address, which every connection shows.
    TechnicalMetadata,
}

impl DataKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Photo, Self::Video, Self::Prompt, Self::TechnicalMetadata];

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Video => "video",
            Self::Prompt => "prompt",
            Self::TechnicalMetadata => "technical_metadata",
        }
    }
}

/// What data are sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Purpose {
    /// One clip is made of them, for the person who asked.
    MakeClip,
}

impl Purpose {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::MakeClip => "make_clip",
        }
    }
}
