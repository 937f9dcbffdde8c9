//! `kinora pack`: models that are brought along.

use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use kinora::Result;
use kinora::pack::{InstalledPack, PackStore, Task, Terms};
use serde_json::json;

use crate::{complain, measure, say};

/// Where packs are kept.
#[derive(Args)]
pub(crate) struct Place {
    /// The folder of packs; by default `packs` in this user's data folder.
    #[arg(long, value_name = "DIR", global = true)]
    packs: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Packs {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Download a pack's single file over HTTPS, or go on where that stopped; nothing is added yet.
    #[cfg(feature = "download")]
    Download(crate::download::Download),
    /// Add a pack: a folder that the exporter made, or a single file.
    Add {
        /// The folder or file.
        source: PathBuf,
        /// Say yes to the terms of the weights without being asked: you have read them.
        #[arg(long)]
        accept_licence: bool,
    },
    /// List the packs.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Read a pack, or all of them, and say whether it is what it was.
    Verify {
        /// The pack's id.
        id: Option<String>,
    },
    /// Delete a pack.
    Remove {
        /// The pack's id.
        id: String,
    },
    /// Find out what jobs of a pack take, and write it into its pack.json: a clip of each of some sizes
    /// is made, up to the pack's own.
    Measure {
        /// The pack's folder, before it is added.
        folder: PathBuf,
        /// Threads; by default all cores.
        #[arg(long)]
        threads: Option<usize>,
        /// Measure this size alone, and print it: what the command runs for each of them.
        #[arg(long, value_name = "WIDTHxHEIGHTxFRAMES", value_parser = clip_size)]
        at: Option<[u32; 3]>,
    },
    /// Write a pack as one file.
    Export {
        /// The pack's id.
        id: String,
        /// The file: a name that ends in .kinora-pack.
        out: PathBuf,
    },
}

impl Place {
    /// The folder: the one that was given, or this user's own.
    pub(crate) fn folder(&self) -> PathBuf {
        self.packs.clone().unwrap_or_else(|| {
            crate::data_folder()
                .map_or_else(|| PathBuf::from("packs"), |folder| folder.join("packs"))
        })
    }

    /// The folder where it is there already: a clip of the default model needs none.
    pub(crate) fn folder_if_any(&self) -> Option<PathBuf> {
        let folder = self.folder();
        (self.packs.is_some() || folder.is_dir()).then_some(folder)
    }
}

impl Packs {
    pub(crate) fn run(self) -> ExitCode {
        match self.command.run(&self.place) {
            Ok(code) => code,
            Err(error) => complain(&error),
        }
    }
}

impl Command {
    fn run(self, place: &Place) -> Result<ExitCode> {
        let open = || PackStore::open(place.folder());
        match self {
            #[cfg(feature = "download")]
            Self::Download(download) => return download.run(place),
            Self::Add { source, accept_licence } => return add(&open()?, &source, accept_licence),
            Self::List { json: true } => {
                let packs: Vec<_> = open()?.list()?.iter().map(as_json).collect();
                say(json!(packs));
            }
            Self::List { json: false } => {
                for pack in open()?.list()? {
                    say(line(&pack));
                }
            }
            Self::Verify { id: Some(id) } => {
                open()?.verify(&id)?;
                say(format!("{id} is what it was"));
            }
            Self::Verify { id: None } => {
                let store = open()?;
                for pack in store.list()? {
                    store.verify(&pack.manifest.id)?;
                    say(format!("{} is what it was", pack.manifest.id));
                }
            }
            Self::Remove { id } => open()?.remove(&id)?,
            Self::Export { id, out } => open()?.export(&id, out)?,
            Self::Measure { folder, threads, at } => return measure::run(&folder, threads, at),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn clip_size(text: &str) -> std::result::Result<[u32; 3], String> {
    let numbers: Vec<u32> = text.split('x').filter_map(|number| number.parse().ok()).collect();
    numbers.try_into().map_err(|_| "give three numbers, such as 832x480x33".to_owned())
}

/// Shows the terms of a pack, and adds it after a yes.
pub(crate) fn add(store: &PackStore, source: &Path, accept_licence: bool) -> Result<ExitCode> {
    let terms = PackStore::terms(source)?;
    show(&terms);
    if !accept_licence && !agreed() {
        eprintln!("nothing was added");
        return Ok(ExitCode::FAILURE);
    }
    let pack = store.add(source, &terms.accept())?;
    say(pack.manifest.id);
    Ok(ExitCode::SUCCESS)
}

fn show(terms: &Terms) {
    let licence = &terms.licence;
    eprintln!("The weights of {} are under: {}", terms.pack, licence.name);
    if !licence.open {
        eprintln!("That is no open source licence: it limits who may use them, and for what.");
    }
    eprintln!("{}", licence.url);
    if let Some(text) = &terms.text {
        eprintln!("\n{text}");
    }
}

/// Asks on the terminal; without one the answer is no.
fn agreed() -> bool {
    if !std::io::stdin().is_terminal() {
        eprintln!("say --accept-licence when you have read the terms and agree");
        return false;
    }
    eprint!("Do you agree? [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

fn tasks(pack: &InstalledPack) -> Vec<&'static str> {
    let name = |task: &Task| match task {
        Task::TextToVideo => "text to video",
        Task::ImageToVideo => "photo to video",
        _ => "another",
    };
    pack.manifest.tasks.iter().map(name).collect()
}

fn line(pack: &InstalledPack) -> String {
    let manifest = &pack.manifest;
    let defaults = &manifest.defaults;
    format!(
        "{} {}  {}  {}, {}×{}, {} frames  {:.1} GB  {}",
        manifest.id,
        manifest.version,
        manifest.name,
        tasks(pack).join(" and "),
        defaults.width,
        defaults.height,
        defaults.frames,
        manifest.size() as f64 / 1e9,
        manifest.licence.name
    )
}

fn as_json(pack: &InstalledPack) -> serde_json::Value {
    json!({
        "id": pack.manifest.id,
        "version": pack.manifest.version,
        "name": pack.manifest.name,
        "tasks": pack.manifest.tasks,
        "bytes": pack.manifest.size(),
        "licence": pack.manifest.licence,
        "accepted": pack.accepted.is_some(),
        "path": pack.path,
        "defaults": pack.manifest.defaults,
        "limits": pack.manifest.limits,
    })
}
