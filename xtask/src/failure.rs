use std::fmt;

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
