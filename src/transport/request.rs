//! A request that may leave.

use std::any::Any;
use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use url::Url;
use zeroize::Zeroizing;

use super::leave::{Errand, Leave, Stop};

/// Bytes that a [`HttpRequest::body_reader`] gives at a time: so many may still go out when a
/// consent is withdrawn.
const PIECE: usize = 16 * 1024;

/// A request's body, shared and wiped with its last holder.
pub(crate) type Body = Arc<Zeroizing<Vec<u8>>>;

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// A header; the value of one that carries a credential does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Zeroizing<String>,
    /// Whether the value is a credential, or made with one.
    pub credential: bool,
}

impl Header {
    pub(crate) fn plain(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: Zeroizing::new(value.into()), credential: false }
    }

    pub(crate) fn credential(name: &str, value: impl Into<String>) -> Self {
        Self { credential: true, ..Self::plain(name, value) }
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.credential { "(credential)" } else { self.value.as_str() };
        write!(f, "{}: {value}", self.name)
    }
}

/// One request to one provider, that a permit allows. Only Kinora makes them:
///
/// ```compile_fail
/// let request = kinora::transport::HttpRequest::new();
/// ```
///
/// ```compile_fail
/// fn twice(request: kinora::transport::HttpRequest) {
///     let _ = request.clone();
/// }
/// ```
pub struct HttpRequest {
    method: Method,
    url: Url,
    headers: Vec<Header>,
    body: Option<Body>,
    timeout: Duration,
    errand: Errand,
    stop: Stop,
    _held: Box<dyn Any + Send + Sync>,
}

impl HttpRequest {
    /// Uses `leave` up. The URL is HTTPS: whoever built it has checked that.
    pub(crate) fn new(
        leave: Leave,
        method: Method,
        url: Url,
        headers: Vec<Header>,
        body: Option<Body>,
        timeout: Duration,
    ) -> Self {
        let Leave { errand, stop, held } = leave;
        Self { method, url, headers, body, timeout, errand, stop, _held: held }
    }

    /// Its method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Where it goes: an absolute `https` URL.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// All headers but `Host` and `Content-Length`, which follow from the URL and the body.
    pub fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// Length of the body in bytes; 0 where there is none.
    pub fn body_length(&self) -> usize {
        self.body.as_ref().map_or(0, |body| body.len())
    }

    /// Whether there is a body, be it empty.
    pub fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// The body, piece by piece. It fails with [`io::ErrorKind::ConnectionAborted`] as soon as the
    /// consent is withdrawn or the job cancelled.
    pub fn body_reader(&self) -> impl Read + Send + 'static {
        BodyReader { body: self.body.clone(), at: 0, stop: self.stop.clone() }
    }

    /// How long the whole exchange may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    #[cfg(feature = "uniffi")]
    pub(crate) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Whether it should be given up: the consent was withdrawn, or the job cancelled.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_stopped()
    }
}

/// Neither the body nor the path: they may name what only the person and the provider should know.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("errand", &self.errand)
            .field("host", &self.url.host_str())
            .field("body", &format_args!("{} bytes", self.body_length()))
            .finish_non_exhaustive()
    }
}

struct BodyReader {
    body: Option<Body>,
    at: usize,
    stop: Stop,
}

impl Read for BodyReader {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_stopped() {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "stopped"));
        }
        let Some(body) = &self.body else { return Ok(0) };
        let left = body.get(self.at..).unwrap_or_default();
        let count = left.len().min(to.len()).min(PIECE);
        to[..count].copy_from_slice(&left[..count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(stop: &Stop, body: &[u8]) -> HttpRequest {
        let leave = Leave::new(Errand::Submit, stop.clone(), Box::new(()));
        let url = Url::parse("https://example.com/secret-path").unwrap();
        let headers = vec![Header::credential("Authorization", "Key abc")];
        let body = Arc::new(Zeroizing::new(body.to_vec()));
        HttpRequest::new(leave, Method::Post, url, headers, Some(body), Duration::from_secs(1))
    }

    #[test]
    fn a_stopped_body_ends() {
        let stop = Stop::default();
        let request = request(&stop, &[7; 40_000]);
        let mut reader = request.body_reader();
        let mut piece = vec![0; 100_000];
        assert_eq!(reader.read(&mut piece).unwrap(), PIECE);
        stop.stop();
        let error = reader.read(&mut piece).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }

    #[test]
    fn neither_credentials_nor_paths_print() {
        let request = request(&Stop::default(), b"private");
        let text = format!("{request:?} {:?}", request.headers());
        assert!(!text.contains("abc") && !text.contains("secret-path"), "{text}");
        assert!(!text.contains("private"), "{text}");
    }
}
