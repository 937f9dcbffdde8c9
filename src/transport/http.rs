//! Our own HTTPS client, for desktops and servers (feature `remote-http`).

use std::collections::BTreeMap;
use std::fmt;
use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{Request, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, SendBody};

use super::{HttpReply, HttpRequest, HttpTransport, Method, ReplyHead, TransportError};

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(20);
/// How long the other side may stay silent: a slow drip ends.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes that are taken at a time.
const PIECE: usize = 64 * 1024;

/// Where ureq writes every byte of a connection down, if a logger lets it.
const WIRE_LOG: &str = "ureq_proto::util";

/// What an [`HttpClient`] trusts and where it finds hosts.
#[derive(Debug, Clone, Default)]
pub struct HttpClientOptions {
    roots: Vec<Vec<u8>>,
    hosts: BTreeMap<String, SocketAddr>,
    silence: Option<Duration>,
}

impl HttpClientOptions {
    /// Trusts this root certificate (DER), and no longer Mozilla's: for a company's own gateway.
    #[must_use]
    pub fn root_certificate(mut self, der: Vec<u8>) -> Self {
        self.roots.push(der);
        self
    }

    /// Finds `host` at `address` instead of asking the resolver. The certificate must still be the
    /// host's.
    #[must_use]
    pub fn resolve(mut self, host: impl Into<String>, address: SocketAddr) -> Self {
        self.hosts.insert(host.into(), address);
        self
    }

    /// How long the other side may stay silent; 60 seconds by default.
    #[must_use]
    pub fn silence(mut self, silence: Duration) -> Self {
        self.silence = Some(silence);
        self
    }
}

/// ureq with rustls and Mozilla's root certificates. No proxy of the environment, no cookies, no
/// cache, no redirect, and no connection is kept open after its exchange. It sends nothing while the
/// app's logger takes trace lines of `ureq_proto`, which would hold keys and photos.
pub struct HttpClient {
    agent: Agent,
}

impl HttpClient {
    /// A client; nothing is connected yet.
    pub fn new(options: HttpClientOptions) -> Self {
        let roots = if options.roots.is_empty() {
            RootCerts::WebPki
        } else {
            let own = options.roots.iter().map(|der| Certificate::from_der(der).to_owned());
            own.collect::<Vec<_>>().into()
        };
        let config = Config::builder()
            .https_only(true)
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .max_idle_connections_per_host(0)
            .user_agent("")
            .accept("")
            .accept_encoding("")
            .timeout_connect(Some(CONNECT))
            .timeout_resolve(Some(CONNECT))
            .timeout_per_read(Some(options.silence.unwrap_or(SILENCE)))
            .timeout_per_write(Some(options.silence.unwrap_or(SILENCE)))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        let resolver = Hosts { own: options.hosts, system: DefaultResolver::default() };
        Self { agent: Agent::with_parts(config, DefaultConnector::default(), resolver) }
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
        if log::log_enabled!(target: WIRE_LOG, log::Level::Trace) {
            return Err(TransportError::Withheld(
                "the app's logger takes trace lines of ureq_proto, which hold keys and photos: \
                 switch that target off",
            ));
        }
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

/// What ureq says, in the terms of [`HttpTransport`]. Its words may hold a URL, so only their kind
/// goes on.
fn told(error: ureq::Error, request: &HttpRequest) -> TransportError {
    if request.is_stopped() {
        return TransportError::Stopped;
    }
    match error {
        ureq::Error::HostNotFound => TransportError::Connect("no such host, or no network".into()),
        ureq::Error::ConnectionFailed => TransportError::Connect("the host does not answer".into()),
        ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
            TransportError::Connect("no connection in time".into())
        }
        ureq::Error::Timeout(_) => TransportError::Timeout,
        ureq::Error::Rustls(error) => certificate(&error),
        ureq::Error::Tls(what) => TransportError::Certificate(what.into()),
        ureq::Error::Io(error) => match error.get_ref().and_then(|e| e.downcast_ref()) {
            Some(rustls_error) => certificate(rustls_error),
            None if never_connected(error.kind()) => {
                TransportError::Connect("the host cannot be reached".into())
            }
            None => TransportError::Broken(error.kind().to_string()),
        },
        ureq::Error::LargeResponseHeader(..) | ureq::Error::BodyExceedsLimit(_) => {
            TransportError::TooLong
        }
        ureq::Error::RequireHttpsOnly(_) => TransportError::Connect("only HTTPS is used".into()),
        _ => TransportError::Broken("the answer is no HTTP".into()),
    }
}

/// Kinds that only the making of a connection gives.
fn never_connected(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::AddrNotAvailable
    )
}

fn certificate(error: &rustls::Error) -> TransportError {
    match error {
        rustls::Error::InvalidCertificate(why) => TransportError::Certificate(format!("{why:?}")),
        _ => TransportError::Broken("TLS".into()),
    }
}

/// Hosts that the options name, else the system's resolver.
#[derive(Debug)]
struct Hosts {
    own: BTreeMap<String, SocketAddr>,
    system: DefaultResolver,
}

impl Resolver for Hosts {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        match uri.host().and_then(|host| self.own.get(host)) {
            Some(address) => {
                let mut found = self.empty();
                found.push(*address);
                Ok(found)
            }
            // Whatever the system says: there is no address, so nothing was sent.
            None => {
                self.system.resolve(uri, config, timeout).map_err(|_| ureq::Error::HostNotFound)
            }
        }
    }
}
