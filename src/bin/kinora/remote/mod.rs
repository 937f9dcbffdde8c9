//! What talks to remote providers: consents, keys, jobs, and what is held of them.

mod consent;
mod data;
mod jobs;
mod make;
mod vault;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use kinora::remote::{Remote, RemoteOptions};
use kinora::transport::HttpClient;

use crate::passphrase::Asked;
use crate::{HOME, complain};

pub(crate) use consent::ConsentCommand;
pub(crate) use data::DataCommand;
pub(crate) use jobs::JobsCommand;
pub(crate) use make::Make;
pub(crate) use vault::VaultCommand;

/// The folder that every one of these commands works in.
#[derive(Args)]
pub(crate) struct Place {
    /// Where consents, sealed keys and job handles lie; by default KINORA_HOME, else the system's
    /// folder for application data.
    #[arg(long, value_name = "DIR", global = true)]
    folder: Option<PathBuf>,
    /// What a provider's account needs besides keys: PROVIDER.NAME=VALUE, for instance
    /// vertex.project=my-project or bedrock.s3_uri=s3://bucket/folder.
    #[arg(long = "set", value_name = "SETTING", value_parser = setting, global = true)]
    settings: Vec<(String, String, String)>,
}

/// A command of the remote side.
pub(crate) trait Command {
    fn run(self, remote: &Remote) -> Result<(), Failure>;
}

/// Why a command ended.
pub(crate) enum Failure {
    Kinora(kinora::Error),
    Said(String),
}

impl From<kinora::Error> for Failure {
    fn from(error: kinora::Error) -> Self {
        Self::Kinora(error)
    }
}

/// A group of commands with its place.
#[derive(Args)]
pub(crate) struct Group<C: Subcommand> {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: C,
}

impl<C: Subcommand + Command> Group<C> {
    pub(crate) fn run(self) -> ExitCode {
        run(self.place, self.command)
    }
}

/// Opens the place and runs `command` in it.
pub(crate) fn run(place: Place, command: impl Command) -> ExitCode {
    match open(place).and_then(|remote| command.run(&remote)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Kinora(error)) => complain(&error),
        Err(Failure::Said(message)) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// How many consents stand, without making a folder for them; `None` if that cannot be read.
pub(crate) fn standing() -> Option<String> {
    use kinora::consent::ConsentState;

    let folder = folder(None).ok()?;
    if !folder.exists() {
        return Some("none was ever given here".to_owned());
    }
    let remote = open(Place { folder: Some(folder), settings: Vec::new() }).ok()?;
    let all = remote.consent().overview().ok()?;
    let stand = all.iter().filter(|(_, state)| matches!(state, ConsentState::Given { .. })).count();
    Some(format!("{stand} stand now"))
}

fn folder(asked: Option<PathBuf>) -> Result<PathBuf, Failure> {
    asked
        .or_else(crate::data_folder)
        .ok_or_else(|| Failure::Said(format!("this system has no folder for data: set {HOME}")))
}

fn open(place: Place) -> Result<Remote, Failure> {
    let folder = folder(place.folder)?;
    let mut options = RemoteOptions::new(folder, Arc::new(Asked::default()))
        .transport(Arc::new(HttpClient::default()));
    for (provider, name, value) in place.settings {
        options = options.setting(provider, name, value);
    }
    Ok(Remote::open(options)?)
}

/// A yes or no at the terminal; no where there is none.
fn yes(question: &str) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    eprint!("{question} [y/N] ");
    _ = std::io::stderr().flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok()
        && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

fn setting(text: &str) -> Result<(String, String, String), String> {
    let parts = text.split_once('=').and_then(|(name, value)| {
        let (provider, name) = name.split_once('.')?;
        Some((provider.to_owned(), name.to_owned(), value.to_owned()))
    });
    parts.ok_or_else(|| "give PROVIDER.NAME=VALUE".to_owned())
}
