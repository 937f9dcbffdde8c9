//! The app's own HTTP stack behind the core's transport.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroize;

use super::error::guard;
use super::{KinoraError, Result};
use crate::transport::{self, ReplyHead, Stop};

/// Bytes of a body that are handed over at a time.
const PIECE: usize = 16 * 1024;

/// Carries one request to its origin and the reply back: `URLSession`, OkHttp.
///
/// It sends exactly the given method, headers and body to the URL's own host over HTTPS, follows no
/// redirect, repeats nothing, keeps no cookie and no cache, and closes the connection where the
/// reply says no. It may block; it is called from a thread of Kinora's.
#[uniffi::export(rust, foreign)]
pub trait HttpTransport: Send + Sync {
    /// Sends `request` and fills `reply`; any HTTP status is a reply.
    fn exchange(
        &self,
        request: Arc<HttpRequest>,
        reply: Arc<HttpReply>,
    ) -> std::result::Result<(), TransportError>;
}

/// Why there is no whole reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum TransportError {
    /// No connection: nothing of the request has left.
    #[error("{reason}")]
    Connect {
        /// Why.
        reason: String,
    },
    /// The server's certificate was refused. Nothing has left.
    #[error("{reason}")]
    Certificate {
        /// Why.
        reason: String,
    },
    /// It took too long; the request may have arrived.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke; the request may have arrived.
    #[error("{reason}")]
    Broken {
        /// Why.
        reason: String,
    },
    /// The reply is longer than it may be.
    #[error("the reply is too long")]
    TooLong,
    /// Kinora asked to stop.
    #[error("stopped")]
    Stopped,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for TransportError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        // Its words may hold a URL or a key.
        Self::Broken { reason: "the app's transport has failed".to_owned() }
    }
}

/// A header.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Display)]
pub struct HttpHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Values may be credentials.
impl std::fmt::Debug for HttpHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: (..)", self.name)
    }
}

/// One request that a permit allows. Only Kinora makes them.
#[derive(uniffi::Object)]
pub struct HttpRequest {
    method: &'static str,
    url: String,
    headers: Vec<HttpHeader>,
    body_length: Option<u64>,
    body: Mutex<Box<dyn Read + Send>>,
    timeout: f64,
    stop: Stop,
}

#[uniffi::export]
impl HttpRequest {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub fn method(&self) -> Result<String> {
        Ok(self.method.to_owned())
    }

    /// Where it goes: an absolute `https` URL.
    pub fn url(&self) -> Result<String> {
        Ok(self.url.clone())
    }

    /// All headers but `Host` and `Content-Length`.
    pub fn headers(&self) -> Result<Vec<HttpHeader>> {
        Ok(self.headers.clone())
    }

    /// Length of the body in bytes; empty where there is none.
    pub fn body_length(&self) -> Result<Option<u64>> {
        Ok(self.body_length)
    }

    /// The next piece of the body; empty at its end.
    ///
    /// Fails with `stopped` as soon as the consent is withdrawn or the job cancelled.
    pub fn next_piece(&self) -> std::result::Result<Vec<u8>, TransportError> {
        let mut body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        let mut piece = vec![0; PIECE];
        let count = body.read(&mut piece).map_err(|_| TransportError::Stopped)?;
        piece.truncate(count);
        Ok(piece)
    }

    /// How long the whole exchange may take, in seconds.
    pub fn timeout_seconds(&self) -> Result<f64> {
        Ok(self.timeout)
    }

    /// Whether to give up: the consent was withdrawn, or the job cancelled.
    pub fn is_stopped(&self) -> Result<bool> {
        Ok(self.stop.is_stopped())
    }
}

impl Drop for HttpRequest {
    fn drop(&mut self) {
        self.headers.iter_mut().for_each(|header| header.value.zeroize());
    }
}

/// Takes one reply.
#[derive(Debug, uniffi::Object)]
pub struct HttpReply {
    reply: transport::HttpReply,
}

#[uniffi::export]
impl HttpReply {
    /// Takes status and headers; comes first.
    ///
    /// Fails with `stopped` or `too long`: close the connection.
    pub fn begin(
        &self,
        status: u16,
        headers: Vec<HttpHeader>,
    ) -> std::result::Result<(), TransportError> {
        let headers = headers.into_iter().map(|header| (header.name, header.value)).collect();
        self.reply.begin(ReplyHead { status, headers }).map_err(Into::into)
    }

    /// Takes the next piece of the body.
    ///
    /// Fails with `stopped` or `too long`: close the connection.
    pub fn push(&self, piece: Vec<u8>) -> std::result::Result<(), TransportError> {
        self.reply.push(&piece).map_err(Into::into)
    }

    /// Whether to give up.
    pub fn is_stopped(&self) -> Result<bool> {
        guard(|| Ok::<_, KinoraError>(self.reply.is_stopped()))
    }
}

/// The core's transport that calls the app's.
pub(super) fn forward(transport: Arc<dyn HttpTransport>) -> Arc<dyn transport::HttpTransport> {
    Arc::new(Forward { transport })
}

struct Forward {
    transport: Arc<dyn HttpTransport>,
}

impl transport::HttpTransport for Forward {
    fn exchange(
        &self,
        request: &transport::HttpRequest,
        reply: &transport::HttpReply,
    ) -> std::result::Result<(), transport::TransportError> {
        let headers = request.headers().iter();
        let headers = headers.map(|header| HttpHeader {
            name: header.name.clone(),
            value: header.value.as_str().to_owned(),
        });
        let request = HttpRequest {
            method: request.method().name(),
            url: request.url().to_owned(),
            headers: headers.collect(),
            body_length: request.has_body().then_some(request.body_length() as u64),
            body: Mutex::new(Box::new(request.body_reader())),
            timeout: request.timeout().as_secs_f64(),
            stop: request.stop(),
        };
        let reply = HttpReply { reply: reply.clone() };
        self.transport.exchange(Arc::new(request), Arc::new(reply)).map_err(Into::into)
    }
}

impl From<TransportError> for transport::TransportError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Connect { reason } => Self::Connect(reason),
            TransportError::Certificate { reason } => Self::Certificate(reason),
            TransportError::Timeout => Self::Timeout,
            TransportError::Broken { reason } => Self::Broken(reason),
            TransportError::TooLong => Self::TooLong,
            TransportError::Stopped => Self::Stopped,
        }
    }
}

impl From<transport::TransportError> for TransportError {
    fn from(error: transport::TransportError) -> Self {
        use transport::TransportError as Core;
        match error {
            Core::Connect(reason) => Self::Connect { reason },
            Core::Certificate(reason) => Self::Certificate { reason },
            Core::Timeout => Self::Timeout,
            Core::Broken(reason) => Self::Broken { reason },
            // Only our own client says so, and it is not behind this surface.
            Core::Withheld(reason) => Self::Broken { reason: reason.to_owned() },
            Core::TooLong => Self::TooLong,
            Core::Stopped => Self::Stopped,
        }
    }
}
