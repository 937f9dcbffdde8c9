//! What can go wrong at a provider, in one set of words for all of them.

use std::fmt;
use std::time::Duration;

use crate::error::{Detail, Error};
use crate::transport::TransportError;

/// A provider's own code, cut to letters that cannot carry a prompt: what it says in sentences may
/// repeat the person's words, so no sentence of a provider is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Word(String);

/// At most so many characters.
const WORD: usize = 48;

pub(super) fn word(text: &str) -> Word {
    let fits = (1..=WORD).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    Word(if fits { text.to_owned() } else { String::new() })
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " ({})", self.0) }
    }
}

/// Why there is no clip, or not yet.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The key is missing, wrong or has no rights.
    Unauthorised,
    /// The device's clock and the provider's differ by too much for a signature.
    ClockSkew,
    /// Too many requests or jobs at a time; when to try again, where the provider says so.
    RateLimited(Option<Duration>),
    /// The account has no money or its quota is used up.
    OutOfCredit,
    /// The provider's filter has turned it down.
    Moderated(Word),
    /// The model or interface no longer exists.
    Retired,
    /// The request is not one that the model takes.
    Refused(Word),
    /// The job or its result is not there any more.
    Gone,
    /// The result is not there yet.
    Early,
    /// The job has failed.
    Failed(Word),
    /// The job was cancelled, here or at the provider.
    Cancelled,
    /// The provider is out of order for now.
    Unavailable(Option<Duration>),
    /// An answer that cannot be read.
    Unreadable,
    /// An answer that tries to lead elsewhere.
    Hostile(&'static str),
    /// No whole answer.
    Transport(TransportError),
    /// Ours: no consent, no key, cancelled.
    Own(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

impl Fault {
    /// Whether the same question may be asked again soon, and when the provider wants it.
    pub(super) fn again(&self) -> Option<Option<Duration>> {
        match self {
            Self::RateLimited(after) | Self::Unavailable(after) => Some(*after),
            Self::Early => Some(None),
            Self::Transport(
                TransportError::Connect(_) | TransportError::Timeout | TransportError::Broken(_),
            ) => Some(None),
            _ => None,
        }
    }

    /// The error for the caller; `provider` is a name for people.
    pub(super) fn error(self, provider: &str) -> Error {
        let (code, message) = match self {
            Self::Own(error) => return error,
            Self::Transport(error) => return unreachable(provider, error),
            Self::Unauthorised => (
                "remote.unauthorised",
                format!("{provider} does not accept the key: put a valid one into the vault"),
            ),
            Self::ClockSkew => (
                "remote.clock",
                format!("{provider} finds this device's clock wrong: set date and time"),
            ),
            Self::RateLimited(after) => {
                let when = after.map_or_else(
                    || "in a few minutes".to_owned(),
                    |after| format!("in {} seconds", after.as_secs().max(1)),
                );
                (
                    "remote.rate_limited",
                    format!("{provider} has too much to do for this key: try again {when}"),
                )
            }
            Self::OutOfCredit => (
                "remote.out_of_credit",
                format!("the account at {provider} has no credit left: top it up there"),
            ),
            Self::Moderated(word) => (
                "remote.moderated",
                format!(
                    "{provider}'s filter has turned this photo or prompt down{word}: change it"
                ),
            ),
            Self::Retired => (
                "remote.retired",
                format!("{provider} no longer has this model: choose another one"),
            ),
            Self::Refused(word) => (
                "remote.refused",
                format!(
                    "{provider} does not take this request{word}: choose another length, size or photo"
                ),
            ),
            Self::Gone => (
                "remote.gone",
                format!("{provider} no longer has this job or its clip: start it anew"),
            ),
            Self::Early => {
                ("remote.early", format!("{provider} has no clip yet: wait and resume the job"))
            }
            Self::Failed(word) => (
                "remote.failed",
                format!(
                    "{provider} could not make the clip{word}: try again or change photo or prompt"
                ),
            ),
            Self::Cancelled => ("remote.cancelled", format!("the job was cancelled at {provider}")),
            Self::Unavailable(_) => (
                "remote.unavailable",
                format!("{provider} is out of order for now: try again later"),
            ),
            Self::Unreadable => (
                "remote.unreadable",
                format!("{provider} answers in a way that Kinora does not know: update Kinora"),
            ),
            Self::Hostile(what) => (
                "remote.hostile",
                format!("{provider}'s answer holds {what}, which is not followed"),
            ),
        };
        Error::Remote(Detail::new(code, message))
    }
}

fn unreachable(provider: &str, error: TransportError) -> Error {
    let (code, message) = match &error {
        TransportError::Connect(_) => (
            "remote.no_connection",
            format!("{provider} cannot be reached: check the network and try again"),
        ),
        TransportError::Certificate(_) => (
            "remote.certificate",
            format!(
                "whoever answers for {provider} cannot prove to be it, so nothing was sent: check \
                 the network"
            ),
        ),
        TransportError::Withheld(_) => {
            ("remote.withheld", format!("nothing was sent to {provider}"))
        }
        TransportError::Timeout | TransportError::Broken(_) => {
            ("remote.interrupted", format!("the connection to {provider} broke: try again"))
        }
        TransportError::TooLong => (
            "remote.too_long",
            format!("{provider} answers with more than a clip can have: it was not taken"),
        ),
        TransportError::Stopped => return Error::Cancelled,
    };
    Error::Remote(Detail::new(code, message).because(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_of_a_provider_are_kept() {
        assert_eq!(word("image_too_large").to_string(), " (image_too_large)");
        assert_eq!(word("she smiles at me").to_string(), "");
        assert_eq!(word(&"x".repeat(100)).to_string(), "");
    }
}
