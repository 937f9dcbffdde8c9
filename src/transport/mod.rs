//! HTTP as a trait: what a request is, how its reply is taken, and who carries both.
//!
//! Nothing in here opens a connection but [`HttpClient`] (feature `remote-http`). An [`HttpRequest`]
//! can be read by everyone and made by nobody outside the crate; inside it takes a leave that only
//! [`consent`](crate::consent) gives.

#[cfg(feature = "remote-http")]
mod agent;
mod clock;
mod error;
mod head;
#[cfg(feature = "remote-http")]
mod http;
mod leave;
mod reply;
mod request;

#[cfg(feature = "remote-http")]
pub use agent::HttpClientOptions;
pub use clock::{Clock, SystemClock};
pub use error::TransportError;
pub use head::ReplyHead;
#[cfg(feature = "remote-http")]
pub use http::HttpClient;
pub use reply::HttpReply;
pub use request::{Header, HttpRequest, Method};

pub(crate) use leave::{Errand, Leave, Stop};

/// Carries one request to its origin and the reply back: `URLSession`, OkHttp, or our own
/// [`HttpClient`].
///
/// What an implementation holds to:
/// - one connection to the request's own host over HTTPS, the certificate checked for that host;
/// - exactly the given method, headers and body: no cookies, no cache, no user data of its own;
/// - no redirect is followed and nothing is repeated: the core decides both;
/// - the body is read from [`HttpRequest::body_reader`], which fails when a consent is withdrawn;
/// - the head goes to [`HttpReply::begin`], then every piece to [`HttpReply::push`]; where one of
///   them says no, the connection is closed at once.
///
/// It may block; the core calls it from a thread that it can leave behind.
pub trait HttpTransport: Send + Sync {
    /// Sends `request` and takes the reply.
    ///
    /// # Errors
    /// Whatever went wrong before a whole reply was there; any HTTP status is a reply.
    fn exchange(&self, request: &HttpRequest, reply: &HttpReply) -> Result<(), TransportError>;
}
