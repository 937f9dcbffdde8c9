//! Kinora turns a photo into a short video on the device that holds it.

mod error;

pub mod clip;
pub mod face;
pub mod photo;
mod render;
pub mod runtime;

pub use error::{Detail, Error, Result};
pub use face::{Detector, DetectorOptions, Face, Landmarks};
pub use photo::{Orientation, Photo};
pub use runtime::{Cancel, ExecutionProvider, Runtime, RuntimeOptions};
