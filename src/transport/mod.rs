//! HTTP as a trait: what a request is, how its reply is taken, and who carries both.
//!
//! Nothing in here opens a connection but [`HttpClient`] (feature `remote-http`) and the client that
//! downloads packs (feature `download`, [`pack::Download`](crate::pack)). An [`HttpRequest`]
//! can be read by everyone and made by nobody outside the crate; inside it takes a leave that only
//! [`consent`](crate::consent) gives.

#[cfg(any(feature = "remote-http", feature = "download"))]
mod agent;
#[cfg(feature = "remote")]
mod clock;
mod error;
#[cfg(feature = "download")]
mod fetch;
mod head;
#[cfg(feature = "remote-http")]
mod http;
#[cfg(feature = "remote")]
mod leave;
#[cfg(feature = "remote")]
mod reply;
#[cfg(feature = "remote")]
mod request;

#[cfg(any(feature = "remote-http", feature = "download"))]
pub use agent::HttpClientOptions;
#[cfg(feature = "remote")]
pub use clock::{Clock, SystemClock};
pub use error::TransportError;
pub use head::ReplyHead;
#[cfg(feature = "remote-http")]
pub use http::HttpClient;
#[cfg(feature = "remote")]
pub use reply::HttpReply;
#[cfg(feature = "remote")]
pub use request::{Header, HttpRequest, Method};

#[cfg(feature = "download")]
pub(crate) use fetch::{Coming, Fetch};
#[cfg(feature = "remote")]
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
#[cfg(feature = "remote")]
pub trait HttpTransport: Send + Sync {
    /// Sends `request` and takes the reply.
    ///
    /// # Errors
    /// Whatever went wrong before a whole reply was there; any HTTP status is a reply.
    fn exchange(&self, request: &HttpRequest, reply: &HttpReply) -> Result<(), TransportError>;
}
