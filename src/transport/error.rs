//! What can go wrong between a request and the end of its reply.

/// Why there is no whole reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection: nothing of the request has left. The text says why (no network, no such host).
    #[error("no connection: {0}")]
    Connect(String),
    /// The other side is not who it should be: its certificate was refused. Nothing has left.
    #[error("the server's certificate was refused: {0}")]
    Certificate(String),
    /// The client will not send under these circumstances. Nothing has left.
    #[error("nothing was sent: {0}")]
    Withheld(&'static str),
    /// It took too long; the request may have arrived.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke; the request may have arrived.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The reply is longer than it may be.
    #[error("the reply is too long")]
    TooLong,
    /// The core asked to stop: cancelled, or the consent was withdrawn.
    #[error("stopped")]
    Stopped,
}

impl TransportError {
    /// Whether the request may have reached the server, so that a second one could count twice.
    pub fn may_have_arrived(&self) -> bool {
        !matches!(self, Self::Connect(_) | Self::Certificate(_) | Self::Withheld(_))
    }
}
