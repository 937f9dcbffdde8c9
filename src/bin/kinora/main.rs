//! `kinora`: photos to videos from the command line.

mod animate;
mod doctor;
#[cfg(feature = "download")]
mod download;
mod faces;
mod measure;
mod packs;
#[cfg(feature = "vault")]
mod passphrase;
mod prompts;
mod prove;
#[cfg(feature = "remote-http")]
mod remote;
#[cfg(feature = "vault")]
mod resume;
mod verify;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Names the folder that consents, keys, jobs and packs lie in.
const HOME: &str = "KINORA_HOME";

/// Turns photos into short videos on this machine; nothing leaves it without your consent.
#[derive(Parser)]
#[command(name = "kinora", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a clip of a photo.
    Animate(Box<animate::Animate>),
    /// Make a clip out of words alone, with a pack.
    Imagine(Box<animate::Imagine>),
    /// Go on with a clip of a pack that was begun with --checkpoints and interrupted.
    #[cfg(feature = "vault")]
    Resume(Box<resume::Resume>),
    /// Models that are brought along: add, list, verify, remove, export.
    Pack(packs::Packs),
    /// Find the faces of photos.
    Faces(faces::Faces),
    /// Say what works on this machine.
    Doctor(doctor::Doctor),
    /// List the words that a prompt may use.
    Prompts(prompts::Prompts),
    /// Say whether a clip or picture is marked as made by a model. Ends with 0 if a mark is intact, 1
    /// if there is none, 2 if there are only damaged ones.
    Verify(verify::Verify),
    /// Show on this machine that a local job opens no socket and writes nowhere else.
    Prove(prove::Prove),
    /// Make a clip with a provider's model. What it needs leaves this machine, under your consent.
    #[cfg(feature = "remote-http")]
    Remote(Box<remote::Make>),
    /// What may be sent where: show, give, withdraw, log.
    #[cfg(feature = "remote-http")]
    Consent(remote::Group<remote::ConsentCommand>),
    /// The sealed keys of providers.
    #[cfg(feature = "remote-http")]
    Vault(remote::Group<remote::VaultCommand>),
    /// Remote jobs: list, resume, end.
    #[cfg(feature = "remote-http")]
    Jobs(remote::Group<remote::JobsCommand>),
    /// Everything that Kinora holds on this machine: show, export, delete.
    #[cfg(feature = "remote-http")]
    Data(remote::Group<remote::DataCommand>),
}

fn main() -> ExitCode {
    if !prove::is_child() {
        silence_telemetry();
    }
    match Cli::parse().command {
        Command::Animate(animate) => animate.run(),
        Command::Imagine(imagine) => imagine.run(),
        #[cfg(feature = "vault")]
        Command::Resume(resume) => resume.run(),
        Command::Pack(packs) => packs.run(),
        Command::Faces(faces) => faces.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Prompts(prompts) => prompts.run(),
        Command::Verify(verify) => verify.run(),
        Command::Prove(prove) => prove.run(),
        #[cfg(feature = "remote-http")]
        Command::Remote(make) => make.run(),
        #[cfg(feature = "remote-http")]
        Command::Consent(group) => group.run(),
        #[cfg(feature = "remote-http")]
        Command::Vault(group) => group.run(),
        #[cfg(feature = "remote-http")]
        Command::Jobs(group) => group.run(),
        #[cfg(feature = "remote-http")]
        Command::Data(group) => group.run(),
    }
}

/// Official ONNX Runtime builds from 1.29 on report to their maker unless this is set before they
/// are loaded. The library never touches the environment; a program of its own may.
fn silence_telemetry() {
    // SAFETY: first thing in `main`, before any other thread exists.
    #[allow(unsafe_code)]
    unsafe {
        std::env::set_var("ORT_DISABLE_TELEMETRY", "1");
    }
}

/// Where this user's programs keep what is Kinora's; `None` where the system has no such place.
fn data_folder() -> Option<PathBuf> {
    use etcetera::BaseStrategy;

    let system = || Some(etcetera::choose_base_strategy().ok()?.data_dir().join("kinora"));
    std::env::var_os(HOME).map(PathBuf::from).or_else(system)
}

/// A line of output. Whoever reads it may have gone (`| head`), which is no failure.
fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Says what went wrong, with its stable code.
fn complain(error: &kinora::Error) -> ExitCode {
    eprintln!("error: {error} [{}]", error.code());
    ExitCode::FAILURE
}
