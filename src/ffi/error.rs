//! One error for both languages, with the core's codes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::clip::SinkFailure;
use crate::error::{Detail, Error};

/// What went wrong, by who can mend it.
///
/// Each case has a `code` that stays the same across versions, such as `photo.heic`, a `reason`
/// that says what to do, and where there is one a `detail` with the words of the error below.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum KinoraError {
    /// The photo cannot be read: another photo is needed.
    #[error("{reason}")]
    Photo {
        /// Stable code, `photo.…`.
        code: String,
        /// What to do.
        reason: String,
        /// The error below.
        detail: Option<String>,
    },
    /// The request asks for something that is out of range or contradicts itself.
    #[error("{reason}")]
    Request {
        /// Stable code, `request.…`.
        code: String,
        /// What to do.
        reason: String,
        /// The error below.
        detail: Option<String>,
    },
    /// ONNX Runtime or an execution provider is missing or failed.
    #[error("{reason}")]
    Runtime {
        /// Stable code, `runtime.…`.
        code: String,
        /// What to do.
        reason: String,
        /// The error below.
        detail: Option<String>,
    },
    /// A network's file is not what its place needs.
    #[error("{reason}")]
    Model {
        /// Stable code, `model.…`.
        code: String,
        /// What to do.
        reason: String,
        /// The error below.
        detail: Option<String>,
    },
    /// The clip cannot be encoded or written.
    #[error("{reason}")]
    Output {
        /// Stable code, `output.…` or `marking.…`.
        code: String,
        /// What to do.
        reason: String,
        /// The error below.
        detail: Option<String>,
    },
    /// There is no consent that covers what was asked: ask the person, or stay on the device.
    #[error("{reason}")]
    Consent {
        /// Stable code, `consent.…`.
        code: String,
        /// What to do.
        reason: String,
        /// The error below.
        detail: Option<String>,
    },
    /// A secret cannot be sealed or opened, or is not there.
    #[error("{reason}")]
    Vault {
        /// Stable code, `vault.…`.
        code: String,
        /// What to do.
        reason: String,
        /// The error below.
        detail: Option<String>,
    },
    /// A remote provider refused, failed or could not be reached.
    #[error("{reason}")]
    Remote {
        /// Stable code, `remote.…`.
        code: String,
        /// What to do.
        reason: String,
        /// The error below.
        detail: Option<String>,
    },
    /// The job was cancelled.
    #[error("{reason}")]
    Cancelled {
        /// Always `cancelled`.
        code: String,
        /// A sentence for a log.
        reason: String,
        /// Always empty.
        detail: Option<String>,
    },
    /// An object of the app that Kinora called (a sink, a listener, a key store) failed.
    #[error("{reason}")]
    Host {
        /// Stable code, `host.…`.
        code: String,
        /// What the object said.
        reason: String,
        /// The error below.
        detail: Option<String>,
    },
    /// A fault of Kinora itself, please report it.
    #[error("{reason}")]
    Internal {
        /// Stable code, `internal.…`.
        code: String,
        /// What happened.
        reason: String,
        /// The error below.
        detail: Option<String>,
    },
}

impl KinoraError {
    pub(super) fn host(reason: impl Into<String>) -> Self {
        Self::Host { code: "host.failed".to_owned(), reason: reason.into(), detail: None }
    }
}

impl From<Error> for KinoraError {
    fn from(error: Error) -> Self {
        if let Error::Output(detail) = &error
            && let Some(own) = thrown_by_sink(detail)
        {
            return own.clone();
        }
        let code = error.code().to_owned();
        let (reason, detail) = match &error {
            Error::Photo(detail)
            | Error::Request(detail)
            | Error::Runtime(detail)
            | Error::Model(detail)
            | Error::Output(detail)
            | Error::Consent(detail)
            | Error::Vault(detail)
            | Error::Remote(detail)
            | Error::Internal(detail) => told(detail),
            Error::Cancelled => (error.to_string(), None),
        };
        match error {
            Error::Photo(_) => Self::Photo { code, reason, detail },
            Error::Request(_) => Self::Request { code, reason, detail },
            Error::Runtime(_) => Self::Runtime { code, reason, detail },
            Error::Model(_) => Self::Model { code, reason, detail },
            Error::Output(_) => Self::Output { code, reason, detail },
            Error::Consent(_) => Self::Consent { code, reason, detail },
            Error::Vault(_) => Self::Vault { code, reason, detail },
            Error::Remote(_) => Self::Remote { code, reason, detail },
            Error::Cancelled => Self::Cancelled { code, reason, detail },
            Error::Internal(_) => Self::Internal { code, reason, detail },
        }
    }
}

/// What an object of the app threw that its declaration does not name.
impl From<uniffi::UnexpectedUniFFICallbackError> for KinoraError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::host(error.reason)
    }
}

/// What a sink of the app threw: it comes back to the app as it was.
fn thrown_by_sink(detail: &Detail) -> Option<&KinoraError> {
    detail.source()?.downcast_ref::<SinkFailure>()?.0.downcast_ref()
}

fn told(detail: &Detail) -> (String, Option<String>) {
    (detail.message().to_owned(), detail.source().map(ToString::to_string))
}

/// Runs an export's body; a panic in it becomes `internal.panic`.
pub(super) fn guard<T>(body: impl FnOnce() -> Result<T, KinoraError>) -> Result<T, KinoraError> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| Err(panicked()))
}

fn panicked() -> KinoraError {
    KinoraError::Internal {
        code: "internal.panic".to_owned(),
        reason: "Kinora failed in a way it should not: please report it".to_owned(),
        detail: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_sentences_and_causes_cross() {
        let below = std::io::Error::other("the disk said no");
        let error =
            Error::Output(Detail::new("output.write", "choose another place").because(below));
        let KinoraError::Output { code, reason, detail } = error.into() else { panic!() };
        assert_eq!((code.as_str(), reason.as_str()), ("output.write", "choose another place"));
        assert_eq!(detail.as_deref(), Some("the disk said no"));
        assert!(matches!(Error::Cancelled.into(), KinoraError::Cancelled { .. }));
    }

    #[test]
    fn a_panic_becomes_an_error() {
        let result: Result<(), _> = guard(|| panic!("never mind"));
        let KinoraError::Internal { code, .. } = result.unwrap_err() else { panic!() };
        assert_eq!(code, "internal.panic");
    }
}
