//! Words become motions with strengths, in order of time, and the reader says which words it
//! understood.
//!
//! The whole vocabulary is data: [`LEXICON`] (what can be asked), [`STRENGTHS`] (how much) and
//! [`ORDER`] (when). `kinora prompts` prints it. Left and right are the picture's, as its viewer
//! sees it, also where a prompt says "her left".

mod lexicon;
mod motion;
mod reading;
#[cfg(test)]
mod tests;
mod text;
mod words;

pub use lexicon::{Entry, LEXICON, Section};
pub use motion::Motion;
pub use words::{Moment, ORDER, STRENGTHS};

pub(crate) use reading::{Ask, Reading, Step};
