//! What is done to a whole file before anybody sees it.

use std::fmt;
use std::sync::Arc;

use crate::clip::Target;
use crate::error::Result;

/// Works on a file after its encoder's last byte and before it gets its name, so that nobody ever
/// sees a clip without its marks. It is called once for each file: for the clip, and for every
/// picture of a folder of PNG files. A sink's frames are no file, so it is not called for them.
pub(crate) trait Finishing: Send + Sync {
    /// `file` holds whole bytes of MP4, WebP, GIF or PNG and stands anywhere.
    ///
    /// # Errors
    /// Any error ends the job, and the file is dropped.
    fn finish(&self, file: &mut Target) -> Result<()>;
}

/// The finishing of a clip's files, if there is any.
#[derive(Clone, Default)]
pub(crate) struct Finish(Option<Arc<dyn Finishing>>);

impl Finish {
    /// Files stay as the encoder left them.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    pub(crate) fn with(finishing: impl Finishing + 'static) -> Self {
        Self(Some(Arc::new(finishing)))
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn apply(&self, file: &mut Target) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |finishing| finishing.finish(file))
    }
}

impl fmt::Debug for Finish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_none() { "Finish(none)" } else { "Finish" })
    }
}
