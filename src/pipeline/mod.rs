//! One room per model family: conditions ► latents ► frames.

pub(crate) mod motion;
pub(crate) mod video;
