//! `kinora pack download`: a pack's single file, from wherever its maker keeps it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use kinora::Result;
use kinora::pack::{self, DownloadHost, DownloadProgress, PackStore};
use kinora::runtime::Cancel;

use crate::packs::{self, Place};
use crate::say;

/// What the name of such a file ends in.
const ENDING: &str = ".kinora-pack";

#[derive(Args)]
pub(crate) struct Download {
    /// Where it is: an address that begins with https://
    url: String,
    /// The SHA-256 that the pack's maker published; another file is not taken.
    #[arg(long, value_name = "HEX")]
    sha256: String,
    /// The file; by default the address's own last name, here.
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Take no more than so many bytes.
    #[arg(long, value_name = "BYTES")]
    size_limit: Option<u64>,
    /// Then show the terms of the weights, ask, and add the pack.
    #[arg(long)]
    add: bool,
    /// With --add: say yes to the terms without being asked: you have read them.
    #[arg(long, requires = "add")]
    accept_licence: bool,
}

impl Download {
    pub(crate) fn run(self, place: &Place) -> Result<ExitCode> {
        let Some(file) = self.out.or_else(|| own_name(&self.url)) else {
            eprintln!("error: the address does not end in a name with {ENDING}: say -o FILE");
            return Ok(ExitCode::FAILURE);
        };
        let mut download = pack::Download::new(&self.url, &self.sha256)?;
        if let Some(bytes) = self.size_limit {
            download = download.size_limit(bytes);
        }
        let bar = Bar::new();
        let ran = download.run(&file, &bar, &Cancel::new());
        bar.0.finish_and_clear();
        ran?;
        if self.add {
            return packs::add(&PackStore::open(place.folder())?, &file, self.accept_licence);
        }
        say(file.display());
        eprintln!("next: kinora pack add {}", file.display());
        Ok(ExitCode::SUCCESS)
    }
}

/// The last name of an address, where it is plainly that of a pack: whoever wrote the address does not
/// choose any other file here.
fn own_name(url: &str) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next()?;
    let (_, name) = path.rsplit_once('/')?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let stem = name.strip_suffix(ENDING)?;
    let is_plain = !stem.is_empty() && !stem.starts_with('.') && name.bytes().all(plain);
    is_plain.then(|| PathBuf::from(name))
}

/// Shows the progress on a terminal; silent where there is none.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::no_length();
        let template = "{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }
}

impl DownloadHost for Bar {
    fn progress(&self, progress: DownloadProgress) {
        if let Some(of) = progress.of {
            self.0.set_length(of);
        }
        self.0.set_position(progress.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_packs_own_name_is_taken_from_an_address() {
        let name = |url: &str| own_name(url).map(|path| path.to_string_lossy().into_owned());
        assert_eq!(
            name("https://a.example/b/wan-2.1.kinora-pack?key=/x"),
            Some("wan-2.1.kinora-pack".into())
        );
        for url in [
            "https://a.example/",
            "https://a.example/b",
            "https://a.example/.kinora-pack",
            "https://a.example/.x.kinora-pack",
            "https://a.example/%2e%2e%2fx.kinora-pack",
            "https://a.example/a\\b.kinora-pack",
            "https://a.example/b?x.kinora-pack",
            "x.kinora-pack",
        ] {
            assert_eq!(name(url), None, "{url}");
        }
    }
}
