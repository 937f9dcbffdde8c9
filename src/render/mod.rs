//! Pure functions on pixels: crop, resize, warp, colour.

pub(crate) mod bars;
pub(crate) mod canvas;
pub(crate) mod colour;
pub(crate) mod crop;
pub(crate) mod field;
pub(crate) mod resize;
pub(crate) mod similarity;
pub(crate) mod warp;
mod warper;

pub use warper::Warper;
