//! `kinora`: photos to videos from the command line.

mod animate;
mod doctor;
mod faces;
mod prompts;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Turns photos into short videos on this machine; nothing leaves it.
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
    /// Find the faces of photos.
    Faces(faces::Faces),
    /// Say what works on this machine.
    Doctor(doctor::Doctor),
    /// List the words that a prompt may use.
    Prompts(prompts::Prompts),
}

fn main() -> ExitCode {
    silence_telemetry();
    match Cli::parse().command {
        Command::Animate(animate) => animate.run(),
        Command::Faces(faces) => faces.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Prompts(prompts) => prompts.run(),
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

/// A line of output. Whoever reads it may have gone (`| head`), which is no failure.
fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Says what went wrong, with its stable code.
fn complain(error: &kinora::Error) -> ExitCode {
    eprintln!("error: {error} [{}]", error.code());
    ExitCode::FAILURE
}
