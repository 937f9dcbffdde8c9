//! The default model: where its four networks come from.

use std::borrow::Cow;
use std::path::Path;

use crate::error::{Detail, Error, Result};

/// The four files of the default model, in memory.
pub(crate) struct DefaultModel {
    pub(crate) detector: Cow<'static, [u8]>,
    pub(crate) points: Cow<'static, [u8]>,
    pub(crate) perception: Cow<'static, [u8]>,
    pub(crate) motion: Cow<'static, [u8]>,
}

impl DefaultModel {
    /// From `folder`, or what is embedded.
    ///
    /// # Errors
    /// `model.missing` when a file of the folder cannot be read, or nothing is embedded.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Self> {
        match folder {
            Some(folder) => Ok(Self {
                detector: read(folder, "face_detector.onnx")?,
                points: read(folder, "face_points.onnx")?,
                perception: read(folder, "perception.onnx")?,
                motion: read(folder, "motion.onnx")?,
            }),
            None => embedded(),
        }
    }
}

fn read(folder: &Path, name: &str) -> Result<Cow<'static, [u8]>> {
    let path = folder.join(name);
    std::fs::read(&path).map(Cow::Owned).map_err(|error| {
        let message = format!(
            "{} cannot be read: give a folder that holds the four files of models/",
            path.display()
        );
        Error::Model(Detail::new("model.missing", message).because(error))
    })
}

#[cfg(feature = "embedded-models")]
fn embedded() -> Result<DefaultModel> {
    Ok(DefaultModel {
        detector: Cow::Borrowed(include_bytes!("../../models/face_detector.onnx")),
        points: Cow::Borrowed(include_bytes!("../../models/face_points.onnx")),
        perception: Cow::Borrowed(include_bytes!("../../models/perception.onnx")),
        motion: Cow::Borrowed(include_bytes!("../../models/motion.onnx")),
    })
}

#[cfg(not(feature = "embedded-models"))]
fn embedded() -> Result<DefaultModel> {
    Err(Error::Model(Detail::new(
        "model.missing",
        "this build embeds no models: set StudioOptions::models to a folder that holds them, \
         or build with the feature `embedded-models`",
    )))
}
