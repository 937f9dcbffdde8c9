//! Downloading a pack's single file (feature `download`): begun by a call and by nothing else, gone on
//! with where it stopped, and never there under its name before it is the file that was asked for.

mod answer;
mod exchange;
mod fault;
mod part;

use std::cell::Cell;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use url::Url;

use crate::error::Result;
use crate::runtime::Cancel;
use crate::transport::{Coming, Fetch, HttpClientOptions};

use answer::Start;
use part::PartFile;

/// How often a host is asked and told, and a cancel is looked for.
const TICK: Duration = Duration::from_millis(200);
/// Bytes that a pack may have where nothing else is said: room for both experts of Wan 2.2 in `f32`.
const SIZE_LIMIT: u64 = 128 << 30;

/// One pack to be downloaded: where from, and which file it has to be.
///
/// The file is not in a store yet. The person reads [`PackStore::terms`](super::PackStore::terms) of it
/// first, and [`PackStore::add`](super::PackStore::add) takes it after their yes.
///
/// ```no_run
/// use kinora::pack::{Download, PackStore};
/// use kinora::runtime::Cancel;
///
/// # fn main() -> kinora::Result<()> {
/// # let sha256 = "";
/// let file = "wan-2.1-t2v-1.3b.kinora-pack";
/// Download::new("https://example.com/wan-2.1-t2v-1.3b.kinora-pack", sha256)?
///     .run(file, &(), &Cancel::new())?;
/// let terms = PackStore::terms(file)?; // to be shown
/// PackStore::open("packs")?.add(file, &terms.accept())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Download {
    url: Url,
    sha256: String,
    limit: u64,
    client: HttpClientOptions,
}

/// Who a download is for: an app that knows its network, and shows how far things are. `()` lets
/// everything go on and shows nothing.
///
/// It is called on the thread that [`Download::run`] was called on, about five times a second, also
/// while nothing comes.
pub trait DownloadHost {
    /// Whether bytes may come now: is this network unmetered, is there power? It is asked before there
    /// is a connection. After a no the download ends with `download.waiting`, and what has come is kept.
    fn may_go_on(&self) -> bool {
        true
    }

    /// How far it is.
    fn progress(&self, progress: DownloadProgress) {
        _ = progress;
    }
}

impl DownloadHost for () {}

/// The address may hold a key.
impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Download({} from {:?})", self.sha256, self.url.host_str())
    }
}

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadProgress {
    /// Bytes that are on the disk, with those of earlier runs.
    pub bytes: u64,
    /// Bytes that the file will have; none where the server does not say.
    pub of: Option<u64>,
}

impl Download {
    /// The file at `url`, an address that begins with `https://`, whose SHA-256 is `sha256`, 64
    /// hexadecimal digits. Nothing is connected yet.
    ///
    /// # Errors
    /// `download.url`, `download.sha256`.
    pub fn new(url: &str, sha256: &str) -> Result<Self> {
        let mut url = Url::parse(url)
            .ok()
            .filter(|url| url.scheme() == "https" && url.host().is_some())
            // They would be dropped in silence: no credentials are sent.
            .filter(|url| url.username().is_empty() && url.password().is_none())
            .ok_or_else(fault::url)?;
        url.set_fragment(None);
        let is_digest = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_digest {
            return Err(fault::sha256());
        }
        let sha256 = sha256.to_ascii_lowercase();
        Ok(Self { url, sha256, limit: SIZE_LIMIT, client: HttpClientOptions::default() })
    }

    /// Takes no more than so many bytes; 128 GiB by default.
    #[must_use]
    pub fn size_limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Trusts and finds hosts as these options say.
    #[must_use]
    pub fn client(mut self, options: HttpClientOptions) -> Self {
        self.client = options;
        self
    }

    /// Brings the file to `file`, or goes on where an earlier run stopped; returns when it is there and
    /// was read back with the right SHA-256. Nothing is asked of anybody if it is there already. What
    /// has come lies beside it until then, as `….part` and `….part.json`.
    ///
    /// It blocks. Only the request for the file is sent, over HTTPS, also after a redirect.
    ///
    /// # Errors
    /// To be called again later, since what has come is kept: `download.waiting` where `host` says no,
    /// [`Error::Cancelled`](crate::Error::Cancelled), `download.no_connection`, `download.interrupted`,
    /// `download.unavailable`, `download.disk_full`, `download.write`, `download.busy` while another run
    /// brings the same file.
    ///
    /// To be mended first: `download.certificate`, `download.not_found`, `download.refused`,
    /// `download.redirect`, `download.answer`, `download.too_large`, `download.withheld`;
    /// `download.hash` for another file, which is removed. What was in `file` before then is still there.
    pub fn run(
        &self,
        file: impl AsRef<Path>,
        host: &dyn DownloadHost,
        cancel: &Cancel,
    ) -> Result<()> {
        let file = file.as_ref();
        cancel.check()?;
        if part::is_there(file, &self.sha256, cancel)? {
            return Ok(());
        }
        let mut part = PartFile::open(file, &self.sha256)?;
        if !part.is_whole() {
            self.fetch(&mut part, &Watch::new(host, cancel))?;
        }
        part.finish(cancel)
    }

    fn fetch(&self, part: &mut PartFile, watch: &Watch<'_>) -> Result<()> {
        let mut start = exchange::ask(self, part.resume(), watch)?;
        if let Start::Anew = start {
            part.restart()?;
            start = exchange::ask(self, None, watch)?;
        }
        let (fetch, total) = match start {
            Start::Rest { fetch, total } => (fetch, total),
            Start::First { fetch, total, validator } => {
                part.begin(validator, total)?;
                (fetch, total)
            }
            // It was the server's last byte already.
            Start::Whole => return part.note_whole(),
            Start::Anew => {
                return Err(fault::answer(&self.url, "no file where it was asked for one"));
            }
        };
        let progress = |part: &PartFile| DownloadProgress { bytes: part.length(), of: total };
        watch.tell(progress(part));
        while let Some(piece) = watch.next(&fetch, &self.url)? {
            if part.length() + piece.len() as u64 > total.unwrap_or(self.limit) {
                part.remove();
                return Err(match total {
                    Some(_) => fault::answer(&self.url, "more bytes than it announced"),
                    None => fault::too_large(&self.url, self.limit),
                });
            }
            part.append(&piece)?;
            watch.tell_now_and_then(progress(part));
        }
        if total.is_some_and(|total| part.length() < total) {
            return Err(fault::interrupted(&self.url));
        }
        watch.tell(progress(part));
        part.note_whole()
    }
}

/// Who is asked and told while one waits.
struct Watch<'w> {
    host: &'w dyn DownloadHost,
    cancel: &'w Cancel,
    asked: Cell<Option<Instant>>,
    told: Cell<Option<Instant>>,
}

impl<'w> Watch<'w> {
    fn new(host: &'w dyn DownloadHost, cancel: &'w Cancel) -> Self {
        Self { host, cancel, asked: Cell::default(), told: Cell::default() }
    }

    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled), `download.waiting`.
    fn look(&self) -> Result<()> {
        self.cancel.check()?;
        if is_due(&self.asked) && !self.host.may_go_on() {
            return Err(fault::waiting());
        }
        Ok(())
    }

    /// The next that comes of `fetch`, however long that takes.
    fn wait(&self, fetch: &Fetch, url: &Url) -> Result<Coming> {
        loop {
            self.look()?;
            if let Some(coming) = fetch.next(TICK) {
                return coming.map_err(|error| fault::transport(url, error));
            }
        }
    }

    /// The next piece; none after the last.
    fn next(&self, fetch: &Fetch, url: &Url) -> Result<Option<Vec<u8>>> {
        match self.wait(fetch, url)? {
            Coming::Piece(piece) => Ok(Some(piece)),
            Coming::Head(_) | Coming::End => Ok(None),
        }
    }

    fn tell(&self, progress: DownloadProgress) {
        self.host.progress(progress);
    }

    fn tell_now_and_then(&self, progress: DownloadProgress) {
        if is_due(&self.told) {
            self.tell(progress);
        }
    }
}

/// Whether a tick has gone by; it begins anew then.
fn is_due(last: &Cell<Option<Instant>>) -> bool {
    let due = last.get().is_none_or(|last| last.elapsed() >= TICK);
    if due {
        last.set(Some(Instant::now()));
    }
    due
}
