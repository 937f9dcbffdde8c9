//! ureq as both of our clients use it (features `remote-http` and `download`): HTTPS alone, and nothing
//! sent but what was asked for.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::TransportError;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(20);
/// How long the other side may stay silent: a slow drip ends.
const SILENCE: Duration = Duration::from_secs(60);

/// Where ureq writes every byte of a connection down, if a logger lets it.
const WIRE_LOG: &str = "ureq_proto::util";

/// What our own client trusts and where it finds hosts.
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

/// An agent with rustls and Mozilla's root certificates. No proxy of the environment, no cookies, no
/// cache, no redirect, no header of its own but the host's, and no connection is kept open.
pub(super) fn agent(options: HttpClientOptions) -> Agent {
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
    Agent::with_parts(config, DefaultConnector::default(), resolver)
}

/// Nothing is sent while every byte of it would be logged.
pub(super) fn withheld() -> Result<(), TransportError> {
    if log::log_enabled!(target: WIRE_LOG, log::Level::Trace) {
        return Err(TransportError::Withheld(
            "the app's logger takes trace lines of ureq_proto, which hold all that is sent, keys and \
             photos too: switch that target off",
        ));
    }
    Ok(())
}

/// What ureq says, in the terms of this crate. Its words may hold a URL, so only their kind goes on.
pub(super) fn told(error: ureq::Error) -> TransportError {
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
