//! A server with one file, and a folder to download it to.

#![allow(dead_code, reason = "each test file links its own copy and uses its own part")]

#[path = "remote/server.rs"]
pub(crate) mod server;

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kinora::pack::{Download, DownloadHost, DownloadProgress};
use kinora::runtime::Cancel;
use kinora::transport::HttpClientOptions;
use sha2::{Digest, Sha256};

use server::{Answer, Seen, Server};

pub(crate) const HOSTS: [&str; 2] = ["packs.example.com", "mirror.example.com"];
pub(crate) const URL: &str = "https://packs.example.com/a.kinora-pack";

/// Several times what a client takes at once, and no part of it like another.
pub(crate) fn file(seed: u8) -> Vec<u8> {
    let mut state = u32::from(seed) + 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..700_001).map(|_| next()).collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A server's file, and what is wrong with it.
#[derive(Clone)]
pub(crate) struct Shelf {
    pub(crate) file: Vec<u8>,
    /// `ETag` or `Last-Modified`, with its value.
    pub(crate) validator: Option<(&'static str, String)>,
    /// Whether it gives parts.
    pub(crate) ranges: bool,
    /// Of the next answers, after how many bytes each is cut, or held.
    pub(crate) cuts: Vec<(usize, bool)>,
}

impl Shelf {
    pub(crate) fn new(file: Vec<u8>) -> Self {
        let validator = Some(("etag", format!("\"{}\"", &sha256(&file)[..8])));
        Self { file, validator, ranges: true, cuts: Vec::new() }
    }

    /// As RFC 9110 has it: a range only where `If-Range` is the file's own.
    pub(crate) fn answer(&mut self, request: &Seen) -> Answer {
        let own = self.validator.as_ref().map(|(_, value)| value.as_str());
        let same = request.header("if-range").is_none_or(|tag| own == Some(tag));
        let from = request.header("range").filter(|_| self.ranges && same).map(|range| {
            range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap()
        });
        let mut headers: Vec<_> = self.validator.clone().into_iter().collect();
        let total = self.file.len();
        let (status, from) = match from {
            Some(from) if from >= total => {
                headers.push(("content-range", format!("bytes */{total}")));
                return Answer::With(416, headers, Vec::new());
            }
            Some(from) => {
                headers.push(("content-range", format!("bytes {from}-{}/{total}", total - 1)));
                (206, from)
            }
            None => (200, 0),
        };
        let body = &self.file[from..];
        if self.cuts.is_empty() {
            return Answer::With(status, headers, body.to_vec());
        }
        let (cut, held) = self.cuts.remove(0);
        let announced = body.len();
        Answer::Short { status, headers, announced, body: body[..cut].to_vec(), held }
    }
}

/// A server with one shelf, and a folder to download to.
pub(crate) struct Place {
    pub(crate) server: Server,
    pub(crate) shelf: Arc<Mutex<Shelf>>,
    pub(crate) folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new(shelf: Shelf) -> Self {
        let shelf = Arc::new(Mutex::new(shelf));
        let own = Arc::clone(&shelf);
        let server = Server::start(&HOSTS, &[], move |seen| own.lock().unwrap().answer(seen));
        Self { server, shelf, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.folder.path().join("a.kinora-pack")
    }

    pub(crate) fn download(&self, sha256: &str) -> Download {
        Download::new(URL, sha256).unwrap().client(options(&self.server))
    }

    pub(crate) fn run(&self, sha256: &str) -> kinora::Result<()> {
        self.download(sha256).run(self.target(), &(), &Cancel::new())
    }

    /// Bytes of the part; the notes lie beside it.
    pub(crate) fn part(&self) -> usize {
        assert_eq!(names(self.folder.path()), ["a.kinora-pack.part", "a.kinora-pack.part.json"]);
        fs::metadata(self.folder.path().join("a.kinora-pack.part")).unwrap().len() as usize
    }

    /// The file is there, and nothing beside it.
    pub(crate) fn assert_done(&self, wanted: &[u8]) {
        assert_eq!(names(self.folder.path()), ["a.kinora-pack"]);
        assert!(fs::read(self.target()).unwrap() == wanted);
    }

    pub(crate) fn ranges(&self) -> Vec<Option<String>> {
        let seen = self.server.seen();
        seen.iter().map(|seen| seen.header("range").map(str::to_owned)).collect()
    }
}

pub(crate) fn options(server: &Server) -> HttpClientOptions {
    let options = HttpClientOptions::default()
        .root_certificate(server.root.clone())
        .silence(Duration::from_secs(10));
    HOSTS.iter().fold(options, |options, host| options.resolve(*host, server.address))
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Writes down how far it is.
#[derive(Default)]
pub(crate) struct Told(pub(crate) RefCell<Vec<DownloadProgress>>);

impl DownloadHost for Told {
    fn progress(&self, progress: DownloadProgress) {
        self.0.borrow_mut().push(progress);
    }
}
