use std::fmt;
use std::process::{Command, Stdio};

/// Why a chore stopped, as a sentence that says what to do.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// For a `map_err`: what was being done, then what the system said.
    pub(crate) fn while_doing<E: fmt::Display>(
        what: impl fmt::Display,
    ) -> impl FnOnce(E) -> Failure {
        move |error| Self(format!("{what}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runs a command to its end; `otherwise` says what did not happen when it fails.
pub(crate) fn succeed(command: &mut Command, otherwise: &str) -> Result<(), Failure> {
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Failure::new(otherwise)),
        Err(error) => Err(Failure::new(format!("{otherwise}: {error}"))),
    }
}
