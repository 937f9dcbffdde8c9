//! One error type: a few broad kinds, each with a stable code and a sentence that says what to do.

use std::fmt;
use std::sync::Arc;

/// What went wrong, by who can mend it.
///
/// Match on the variant to decide what to tell a user, and on [`Error::code`] for one exact cause.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The photo cannot be read: another photo is needed.
    #[error("{0}")]
    Photo(Detail),
    /// The request asks for something that is out of range or contradicts itself.
    #[error("{0}")]
    Request(Detail),
    /// ONNX Runtime or an execution provider is missing or failed.
    #[error("{0}")]
    Runtime(Detail),
    /// A network's file is not what its place needs, or does not come.
    #[error("{0}")]
    Model(Detail),
    /// The clip cannot be encoded or written.
    #[error("{0}")]
    Output(Detail),
    /// There is no consent that covers what was asked: ask the person, or stay on the device.
    #[error("{0}")]
    Consent(Detail),
    /// A secret cannot be sealed or opened, or is not there.
    #[error("{0}")]
    Vault(Detail),
    /// A remote provider refused, failed or could not be reached.
    #[error("{0}")]
    Remote(Detail),
    /// The job was cancelled.
    #[error("the job was cancelled")]
    Cancelled,
    /// A fault of Kinora itself, please report it.
    #[error("{0}")]
    Internal(Detail),
}

/// The result of everything in Kinora that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A code that stays the same across versions, such as `photo.unsupported_format`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Photo(detail)
            | Self::Request(detail)
            | Self::Runtime(detail)
            | Self::Model(detail)
            | Self::Output(detail)
            | Self::Consent(detail)
            | Self::Vault(detail)
            | Self::Remote(detail)
            | Self::Internal(detail) => detail.code,
            Self::Cancelled => "cancelled",
        }
    }
}

/// The cause behind an [`Error`]: its code, its sentence and the error below it.
#[derive(Debug, Clone)]
pub struct Detail {
    code: &'static str,
    message: String,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Detail {
    /// `code` is `kind.cause` in snake case; `message` is a sentence that says what to do.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), source: None }
    }

    /// Keeps the error below, for [`std::error::Error::source`]-like inspection and logs.
    pub(crate) fn because(
        mut self,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The sentence that says what to do, without the error below.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The error below this one, where there is one.
    pub fn source(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.source.as_deref()
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.source {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}
