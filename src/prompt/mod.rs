//! Words become motions with strengths, and the reader says which words it understood.

mod lexicon;
mod reading;

pub use lexicon::{Entry, LEXICON, Motion};
pub(crate) use reading::Reading;
