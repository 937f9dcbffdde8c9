//! What a clip says of itself: that a model made it.

mod day;
pub mod watermark;

pub use day::Day;
