//! A real HTTPS server on loopback, that can behave badly.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The host of the TLS handshake.
    pub(crate) host: String,
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Everything of it, as bytes to look through.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = format!("{} {} {}\n{:?}\n", self.host, self.method, self.path, self.headers)
            .into_bytes();
        out.extend(&self.body);
        out
    }
}

/// What the server does with a request.
pub(crate) enum Answer {
    Json(u16, serde_json::Value),
    With(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// A clip with a box of so many zeros behind it, without a length before it.
    Padded(Vec<u8>, usize),
    /// A head, and then bytes without end.
    Endless,
    /// A head, and then a byte now and then.
    Drip,
    /// A head that announces so many bytes, fewer of them, and then the end of the connection, as cut by
    /// a failing network; or, held, silence.
    Short {
        status: u16,
        headers: Vec<(&'static str, String)>,
        announced: usize,
        body: Vec<u8>,
        held: bool,
    },
    /// The connection closes without an answer.
    Hangup,
}

type Handler = dyn Fn(&Seen) -> Answer + Send + Sync;

/// Runs until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// The certificate that a client must trust.
    pub(crate) root: Vec<u8>,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Serves `hosts`; those in `wrong` with another host's certificate.
    pub(crate) fn start(
        hosts: &[&str],
        wrong: &[&str],
        handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let (root, right) = certificate(hosts, &provider);
        let (_, other) = certificate(&["somebody.example"], &provider);
        let wrong = wrong.iter().map(|host| (*host).to_owned()).collect();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Certificates { right, other, wrong }));
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, stop) = (Arc::new(Mutex::default()), Arc::new(AtomicBool::new(false)));
        let handler: Arc<Handler> = Arc::new(handler);
        let (kept, stopped) = (Arc::clone(&seen), Arc::clone(&stop));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let (config, kept) = (Arc::clone(&config), Arc::clone(&kept));
                let (handler, stopped) = (Arc::clone(&handler), Arc::clone(&stopped));
                std::thread::spawn(move || {
                    _ = serve(stream, config, &kept, &*handler, &stopped);
                });
            }
        });
        Self { address, root, seen, stop }
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener.
        _ = TcpStream::connect(self.address);
    }
}

fn certificate(
    hosts: &[&str],
    provider: &Arc<rustls::crypto::CryptoProvider>,
) -> (Vec<u8>, Arc<CertifiedKey>) {
    let names: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let der = made.cert.der().to_vec();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let key = provider.key_provider.load_private_key(key).unwrap();
    (der.clone(), Arc::new(CertifiedKey::new(vec![CertificateDer::from(der)], key)))
}

#[derive(Debug)]
struct Certificates {
    right: Arc<CertifiedKey>,
    other: Arc<CertifiedKey>,
    wrong: HashSet<String>,
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let wrong = hello.server_name().is_some_and(|name| self.wrong.contains(name));
        Some(Arc::clone(if wrong { &self.other } else { &self.right }))
    }
}

fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    seen: &Mutex<Vec<Seen>>,
    handler: &Handler,
    stop: &AtomicBool,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut tls = StreamOwned::new(connection, stream);
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        let count = tls.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        bytes.extend(&piece[..count]);
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let method = first.next().unwrap_or_default().to_owned();
    let path = first.next().unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned())))
        .collect();
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap_or(0));
    let mut body = bytes[head + 4..].to_vec();
    while body.len() < length {
        let count = tls.read(&mut piece)?;
        if count == 0 {
            break;
        }
        body.extend(&piece[..count]);
    }
    let host = tls.conn.server_name().unwrap_or_default().to_owned();
    let request = Seen { host, method, path, headers, body };
    seen.lock().unwrap().push(request.clone());
    match handler(&request) {
        Answer::Hangup => return Ok(()),
        Answer::Json(status, value) => {
            let headers = vec![("content-type", "application/json".to_owned())];
            write(&mut tls, status, &headers, value.to_string().as_bytes())?;
        }
        Answer::With(status, headers, body) => write(&mut tls, status, &headers, &body)?,
        Answer::Padded(clip, zeros) => {
            tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\n\r\n")?;
            tls.write_all(&clip)?;
            tls.write_all(&(zeros as u32 + 8).to_be_bytes())?;
            tls.write_all(b"free")?;
            let mut left = zeros;
            piece.fill(0);
            while left > 0 {
                let count = left.min(piece.len());
                tls.write_all(&piece[..count])?;
                left -= count;
            }
        }
        Answer::Endless => {
            tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")?;
            while !stop.load(Ordering::SeqCst) {
                tls.write_all(&piece)?;
            }
        }
        Answer::Short { status, headers, announced, body, held } => {
            write_of(&mut tls, status, &headers, announced, &body)?;
            tls.flush()?;
            while held && !stop.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(20));
            }
            // Without the word that ends TLS.
            return Ok(());
        }
        Answer::Drip => {
            tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")?;
            while !stop.load(Ordering::SeqCst) {
                tls.write_all(b" ")?;
                tls.flush()?;
                std::thread::sleep(Duration::from_millis(700));
            }
        }
    }
    tls.conn.send_close_notify();
    tls.flush()
}

fn write(
    to: &mut impl Write,
    status: u16,
    headers: &[(&str, String)],
    body: &[u8],
) -> std::io::Result<()> {
    write_of(to, status, headers, body.len(), body)
}

/// With a length that need not be the body's.
fn write_of(
    to: &mut impl Write,
    status: u16,
    headers: &[(&str, String)],
    length: usize,
    body: &[u8],
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {length}\r\n\r\n"));
    to.write_all(head.as_bytes())?;
    to.write_all(body)
}
