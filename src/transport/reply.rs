//! A reply as it comes in: its head once, then pieces, within limits.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::TransportError;
use super::head::ReplyHead;
use super::leave::Stop;

/// Bytes that all names and values of a head may have.
const MAX_HEAD: usize = 64 * 1024;

/// Takes one reply. An [`HttpTransport`](super::HttpTransport) fills it. Clones are the same.
#[derive(Clone)]
pub struct HttpReply {
    state: Arc<Mutex<State>>,
    limit: u64,
    stop: Stop,
}

#[derive(Default)]
struct State {
    head: Option<ReplyHead>,
    body: Vec<u8>,
}

/// Bytes by which the body's memory grows where no length is announced: doubling it would take
/// twice the memory of a long clip.
const GROWTH: usize = 8 << 20;

impl HttpReply {
    /// At most `limit` bytes of body.
    pub(crate) fn new(limit: u64, stop: Stop) -> Self {
        Self { state: Arc::default(), limit, stop }
    }

    /// Takes the head.
    ///
    /// # Errors
    /// [`TransportError::Stopped`] and [`TransportError::TooLong`]: close the connection.
    pub fn begin(&self, head: ReplyHead) -> Result<(), TransportError> {
        self.go_on()?;
        let size: usize = head.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > MAX_HEAD {
            return Err(TransportError::TooLong);
        }
        // A length that is announced too long need not be waited for.
        let announced = head.header("content-length").and_then(|text| text.trim().parse().ok());
        if announced.is_some_and(|length: u64| length > self.limit) {
            return Err(TransportError::TooLong);
        }
        let mut state = self.lock();
        if let Some(length) = announced.and_then(|length| usize::try_from(length).ok()) {
            // Where there is no room for it, the pieces will say so.
            _ = state.body.try_reserve_exact(length);
        }
        state.head = Some(head);
        Ok(())
    }

    /// Takes the next piece of the body.
    ///
    /// # Errors
    /// [`TransportError::Stopped`] and [`TransportError::TooLong`]: close the connection.
    pub fn push(&self, piece: &[u8]) -> Result<(), TransportError> {
        self.go_on()?;
        let mut state = self.lock();
        if state.body.len() as u64 + piece.len() as u64 > self.limit {
            return Err(TransportError::TooLong);
        }
        let body = &mut state.body;
        if body.capacity() - body.len() < piece.len() {
            let grow = if body.len() < GROWTH { piece.len().max(body.len()) } else { GROWTH };
            if body.try_reserve_exact(grow.max(piece.len())).is_err() {
                return Err(TransportError::TooLong);
            }
        }
        body.extend_from_slice(piece);
        Ok(())
    }

    /// Whether to give up.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_stopped()
    }

    /// Head and body.
    pub(crate) fn take(&self) -> (Option<ReplyHead>, Vec<u8>) {
        let state = std::mem::take(&mut *self.lock());
        (state.head, state.body)
    }

    fn go_on(&self) -> Result<(), TransportError> {
        if self.stop.is_stopped() { Err(TransportError::Stopped) } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for HttpReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        write!(f, "HttpReply({:?}, {} bytes)", state.head, state.body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, length: &str) -> ReplyHead {
        ReplyHead { status, headers: vec![("Content-Length".into(), length.into())] }
    }

    #[test]
    fn an_endless_body_is_cut() {
        let reply = HttpReply::new(100, Stop::default());
        reply.begin(ReplyHead { status: 200, headers: Vec::new() }).unwrap();
        reply.push(&[0; 60]).unwrap();
        assert_eq!(reply.push(&[0; 60]), Err(TransportError::TooLong));
    }

    #[test]
    fn a_length_that_is_announced_too_long_is_not_waited_for() {
        let reply = HttpReply::new(100, Stop::default());
        assert_eq!(reply.begin(head(200, "101")), Err(TransportError::TooLong));
    }
}
