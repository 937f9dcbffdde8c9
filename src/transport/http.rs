//! Our own HTTPS client, for desktops and servers (feature `remote-http`).

use std::fmt;
use std::io::Read;

use ureq::http::Request;
use ureq::{Agent, SendBody};

use super::agent::{self, HttpClientOptions, agent, withheld};
use super::{HttpReply, HttpRequest, HttpTransport, Method, ReplyHead, TransportError};

/// Bytes that are taken at a time.
const PIECE: usize = 64 * 1024;

/// ureq with rustls and Mozilla's root certificates. No proxy of the environment, no cookies, no
/// cache, no redirect, and no connection is kept open after its exchange. It sends nothing while the
/// app's logger takes trace lines of `ureq_proto`, which would hold keys and photos.
pub struct HttpClient {
    agent: Agent,
}

impl HttpClient {
    /// A client; nothing is connected yet.
    pub fn new(options: HttpClientOptions) -> Self {
        Self { agent: agent(options) }
    }
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new(HttpClientOptions::default())
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient(..)")
    }
}

impl HttpTransport for HttpClient {
    fn exchange(&self, request: &HttpRequest, reply: &HttpReply) -> Result<(), TransportError> {
        if request.is_stopped() {
            return Err(TransportError::Stopped);
        }
        withheld()?;
        let method = match request.method() {
            Method::Get => ureq::http::Method::GET,
            Method::Post => ureq::http::Method::POST,
            Method::Put => ureq::http::Method::PUT,
            Method::Delete => ureq::http::Method::DELETE,
        };
        let mut builder = Request::builder().method(method).uri(request.url());
        for header in request.headers() {
            builder = builder.header(header.name.as_str(), header.value.as_str());
        }
        let sent = if request.has_body() {
            builder = builder.header("content-length", request.body_length());
            let body = SendBody::from_owned_reader(request.body_reader());
            self.run(builder.body(body), request)
        } else {
            self.run(builder.body(SendBody::none()), request)
        };
        let mut answer = sent.map_err(|error| told(error, request))?;
        let headers = answer.headers().iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        reply.begin(ReplyHead { status: answer.status().as_u16(), headers: headers.collect() })?;
        let mut body = answer.body_mut().as_reader();
        let mut piece = vec![0; PIECE];
        loop {
            match body.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(count) => reply.push(&piece[..count])?,
                Err(_) if reply.is_stopped() => return Err(TransportError::Stopped),
                Err(error) => return Err(told(error.into(), request)),
            }
        }
    }
}

impl HttpClient {
    fn run(
        &self,
        built: Result<Request<SendBody<'_>>, ureq::http::Error>,
        request: &HttpRequest,
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let timed = self.agent.configure_request(built?);
        self.agent.run(timed.timeout_global(Some(request.timeout())).build())
    }
}

/// What ureq says; a request that was stopped fails in any case.
fn told(error: ureq::Error, request: &HttpRequest) -> TransportError {
    if request.is_stopped() { TransportError::Stopped } else { agent::told(error) }
}
