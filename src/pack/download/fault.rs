//! What keeps a file from coming, in sentences that say what to do. They name hosts and never whole
//! addresses, which may hold a key.

use std::io::{self, ErrorKind};
use std::path::Path;

use url::Url;

use crate::error::{Detail, Error};
use crate::pack::{refuse, refuse_for};
use crate::transport::TransportError;

pub(super) fn url() -> Error {
    Error::Request(Detail::new(
        "download.url",
        "packs come over HTTPS alone: give an address that begins with https:// and holds no password",
    ))
}

pub(super) fn sha256() -> Error {
    Error::Request(Detail::new(
        "download.sha256",
        "a SHA-256 has 64 hexadecimal digits: give the one that the pack's maker published",
    ))
}

pub(super) fn waiting() -> Error {
    refuse(
        "download.waiting",
        "the app lets nothing come over this network now: start the download again when it does, and it \
         goes on where it stopped",
    )
}

pub(super) fn interrupted(url: &Url) -> Error {
    refuse("download.interrupted", broke(url))
}

pub(super) fn transport(url: &Url, error: TransportError) -> Error {
    let host = host(url);
    let (code, message) = match &error {
        TransportError::Connect(_) => (
            "download.no_connection",
            format!("{host} cannot be reached: check the network and the address, and try again"),
        ),
        TransportError::Certificate(_) => (
            "download.certificate",
            format!("whoever answers for {host} cannot prove to be it: check the network"),
        ),
        TransportError::Withheld(_) => {
            ("download.withheld", format!("nothing was asked of {host}"))
        }
        TransportError::Timeout | TransportError::Broken(_) => ("download.interrupted", broke(url)),
        TransportError::TooLong => (
            "download.answer",
            format!("{host} answers with too much before the file: try another"),
        ),
        TransportError::Stopped => return Error::Cancelled,
    };
    refuse_for(code, message, error)
}

pub(super) fn status(url: &Url, status: u16) -> Error {
    let host = host(url);
    match status {
        404 | 410 => refuse(
            "download.not_found",
            format!("{host} has no such file (HTTP {status}): check the address"),
        ),
        408 | 425 | 429 | 500..=599 => refuse(
            "download.unavailable",
            format!("{host} cannot give the file now (HTTP {status}): try again later"),
        ),
        _ => refuse(
            "download.refused",
            format!("{host} does not give the file (HTTP {status}): check the address"),
        ),
    }
}

pub(super) fn redirect(url: &Url, what: &str) -> Error {
    let message = format!(
        "a redirect of {} {what}, and is not followed: ask the pack's maker for another address",
        host(url)
    );
    refuse("download.redirect", message)
}

pub(super) fn answer(url: &Url, what: &str) -> Error {
    let message = format!("{} answers with {what}: try another address", host(url));
    refuse("download.answer", message)
}

pub(super) fn too_large(url: &Url, limit: u64) -> Error {
    let message = format!(
        "the file of {} has more than the {limit} bytes that it may have: check the address, or raise the \
         limit",
        host(url)
    );
    refuse("download.too_large", message)
}

pub(super) fn hash(path: &Path) -> Error {
    let message = format!(
        "what came for {} has another SHA-256 than was asked for and was removed: check the sum and the \
         address, and download it again",
        path.display()
    );
    refuse("download.hash", message)
}

pub(super) fn busy(path: &Path) -> Error {
    let message = format!("{} is being downloaded already: wait for that to end", path.display());
    refuse("download.busy", message)
}

pub(super) fn theirs(path: &Path) -> Error {
    let message = format!(
        "{} is there and is no part of a download: move it away, or choose another place",
        path.display()
    );
    refuse("download.write", message)
}

/// What a failed read or write means to the one who asked for the file.
pub(super) fn disk(path: &Path, error: io::Error) -> Error {
    let path = path.display();
    let (code, message) = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => (
            "download.disk_full",
            format!(
                "no room left for {path}: make room and try again, and it goes on where it stopped"
            ),
        ),
        _ => (
            "download.write",
            format!(
                "{path} cannot be written: check its folder and permissions, or choose another"
            ),
        ),
    };
    refuse_for(code, message, error)
}

fn broke(url: &Url) -> String {
    format!("the connection to {} broke: try again, and it goes on where it stopped", host(url))
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}
