//! A reply as it comes in: its head once, then pieces, within limits.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::TransportError;
use super::leave::Stop;

/// Bytes that all names and values of a head may have.
const MAX_HEAD: usize = 64 * 1024;

/// The status and the headers of a reply.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ReplyHead {
    /// The HTTP status.
    pub status: u16,
    /// Names and values; names in any case.
    pub headers: Vec<(String, String)>,
}

impl ReplyHead {
    /// The first value of the header `name`, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Values may carry what a provider echoes.
impl fmt::Debug for ReplyHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyHead({}, {} headers)", self.status, self.headers.len())
    }
}

/// Takes one reply. An [`HttpTransport`](super::HttpTransport) fills it.
pub struct HttpReply {
    state: Mutex<State>,
    limit: u64,
    stop: Stop,
}

struct State {
    head: Option<ReplyHead>,
    length: u64,
    sink: Sink,
}

enum Sink {
    Memory(Vec<u8>),
    Writer(Box<dyn Write + Send>),
    /// The body of what is no success: for the error, not for the writer.
    Aside(Vec<u8>),
}

/// What is kept of the body of a failed download.
const ASIDE: usize = 64 * 1024;

impl HttpReply {
    /// Into memory, at most `limit` bytes.
    pub(crate) fn in_memory(limit: u64, stop: Stop) -> Self {
        Self::new(Sink::Memory(Vec::new()), limit, stop)
    }

    /// A success's body into `writer`, at most `limit` bytes; any other's start is kept in memory.
    pub(crate) fn into_writer(writer: Box<dyn Write + Send>, limit: u64, stop: Stop) -> Self {
        Self::new(Sink::Writer(writer), limit, stop)
    }

    fn new(sink: Sink, limit: u64, stop: Stop) -> Self {
        Self { state: Mutex::new(State { head: None, length: 0, sink }), limit, stop }
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
        if matches!(state.sink, Sink::Writer(_)) && !(200..300).contains(&head.status) {
            state.sink = Sink::Aside(Vec::new());
        }
        state.head = Some(head);
        Ok(())
    }

    /// Takes the next piece of the body.
    ///
    /// # Errors
    /// [`TransportError::Stopped`], [`TransportError::TooLong`], or that the piece cannot be kept:
    /// close the connection.
    pub fn push(&self, piece: &[u8]) -> Result<(), TransportError> {
        self.go_on()?;
        let mut state = self.lock();
        state.length += piece.len() as u64;
        if state.length > self.limit {
            return Err(TransportError::TooLong);
        }
        match &mut state.sink {
            Sink::Memory(bytes) => bytes.extend_from_slice(piece),
            Sink::Writer(writer) => {
                writer
                    .write_all(piece)
                    .map_err(|e| TransportError::Broken(e.kind().to_string()))?;
            }
            Sink::Aside(bytes) => {
                let room = ASIDE.saturating_sub(bytes.len()).min(piece.len());
                bytes.extend_from_slice(&piece[..room]);
            }
        }
        Ok(())
    }

    /// Whether to give up.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_stopped()
    }

    /// Head, body in memory and the length of all that came.
    pub(crate) fn take(&self) -> (Option<ReplyHead>, Vec<u8>, u64) {
        let mut state = self.lock();
        let body = match &mut state.sink {
            Sink::Memory(bytes) | Sink::Aside(bytes) => std::mem::take(bytes),
            Sink::Writer(_) => Vec::new(),
        };
        (state.head.take(), body, state.length)
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
        write!(f, "HttpReply({:?}, {} bytes)", state.head, state.length)
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
        let reply = HttpReply::in_memory(100, Stop::default());
        reply.begin(ReplyHead { status: 200, headers: Vec::new() }).unwrap();
        reply.push(&[0; 60]).unwrap();
        assert_eq!(reply.push(&[0; 60]), Err(TransportError::TooLong));
    }

    #[test]
    fn a_length_that_is_announced_too_long_is_not_waited_for() {
        let reply = HttpReply::in_memory(100, Stop::default());
        assert_eq!(reply.begin(head(200, "101")), Err(TransportError::TooLong));
    }

    #[test]
    fn what_is_no_success_does_not_reach_the_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip");
        let file = std::fs::File::create(&path).unwrap();
        let reply = HttpReply::into_writer(Box::new(file), 1 << 20, Stop::default());
        reply.begin(head(404, "3")).unwrap();
        reply.push(b"no!").unwrap();
        assert_eq!(reply.take().1, b"no!");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    }
}
