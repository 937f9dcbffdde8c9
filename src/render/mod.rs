//! Pure functions on pixels: crop, resize, warp, colour.

pub(crate) mod colour;
pub(crate) mod crop;
pub(crate) mod similarity;
