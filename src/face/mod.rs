//! Faces: found, aligned, and forgotten. Geometry is wiped when it is dropped and cannot be
//! serialised; nothing here says who somebody is.

pub(crate) mod align;
mod decode;
mod detector;
#[cfg(fuzzing)]
pub(crate) mod fuzz;
mod input;
mod landmarks;
mod nms;
pub(crate) mod points;

pub use detector::{Detector, DetectorOptions};
pub use landmarks::{Face, Landmarks};
