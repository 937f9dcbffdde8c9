use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::time::Instant;

use crate::failure::Failure;
use crate::place::Place;
use crate::{portrait, runtime};

/// What the demo asks for when no `--prompt` is given.
const PROMPT: &str = "blink, smile, turn the head a little";
/// Where the demo puts the clip when no `-o` is given.
const OUTPUT: &str = "demo.mp4";

/// `demo [PHOTO] [ARGS…]`: everything between a fresh clone and a moving picture.
pub(crate) fn demo(place: &Place, args: &[String]) -> Result<ExitCode, Failure> {
    let start = Instant::now();
    let library = runtime::set_up(place)?;
    let (photo, args) = match args.split_first() {
        Some((first, rest)) if !first.starts_with('-') => (PathBuf::from(first), rest),
        _ => (portrait::set_up(place)?, args),
    };
    if !photo.is_file() {
        return Err(Failure::new(format!("there is no photo {}", photo.display())));
    }
    let set_up = start.elapsed();

    let start = Instant::now();
    build(place)?;
    let built = start.elapsed();

    let output = value_of(args, &["-o", "--output"]).unwrap_or(OUTPUT);
    let mut animate = kinora(place, &library);
    animate.arg("animate").arg(&photo).args(args);
    if value_of(args, &["-o", "--output"]).is_none() {
        animate.args(["-o", OUTPUT]);
    }
    if value_of(args, &["--prompt"]).is_none() {
        animate.args(["--prompt", PROMPT]);
    }
    let start = Instant::now();
    let status = status_of(&mut animate)?;
    let animated = start.elapsed();
    if !status.success() {
        return Ok(code_of(status));
    }

    let output = std::path::absolute(output).unwrap_or_else(|_| PathBuf::from(output));
    if !output.exists() {
        return Err(Failure::new(format!("the command line left no {}", output.display())));
    }
    eprintln!(
        "set-up {:.1} s, build {:.1} s, photo to clip {:.1} s",
        set_up.as_secs_f64(),
        built.as_secs_f64(),
        animated.as_secs_f64()
    );
    eprintln!("the clip: {}", output.display());
    Ok(ExitCode::SUCCESS)
}

/// `run -- ARGS…`: the command line, which alone writes to the standard output.
pub(crate) fn run(place: &Place, args: &[String]) -> Result<ExitCode, Failure> {
    let library = runtime::set_up(place)?;
    let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    let features = features(args);
    build_with(place, features)?;
    Ok(code_of(status_of(kinora_with(place, &library, features).args(args))?))
}

/// The network stays out of the program until a command asks for it by name.
fn features(args: &[String]) -> &'static str {
    let remote = ["remote", "consent", "vault", "jobs", "data"];
    match args.first() {
        Some(command) if remote.contains(&command.as_str()) => "cli,remote-http",
        Some(command) if command == "pack" && args.iter().any(|arg| arg == "download") => {
            "cli,download"
        }
        _ => "cli",
    }
}

/// Builds the command line; cargo says what it does on the standard error.
pub(crate) fn build(place: &Place) -> Result<(), Failure> {
    build_with(place, "cli")
}

fn build_with(place: &Place, features: &str) -> Result<(), Failure> {
    let mut build = place.cargo("build");
    build.args(["--release", "--package", "kinora", "--bin", "kinora"]);
    build.args(["--features", features]);
    if status_of(&mut build)?.success() {
        Ok(())
    } else {
        Err(Failure::new("the command line does not build: see what cargo says above"))
    }
}

/// The command line, ready for arguments.
pub(crate) fn kinora(place: &Place, library: &Path) -> Command {
    kinora_with(place, library, "cli")
}

fn kinora_with(place: &Place, library: &Path, features: &str) -> Command {
    let mut kinora = place.cargo("run");
    kinora.args(["--release", "--quiet", "--package", "kinora", "--bin", "kinora"]);
    kinora.args(["--features", features, "--"]).env(runtime::VARIABLE, library);
    kinora
}

pub(crate) fn status_of(command: &mut Command) -> Result<ExitStatus, Failure> {
    command.status().map_err(Failure::while_doing("cargo did not start"))
}

/// The child's own exit status, so that scripts see what the command line said.
pub(crate) fn code_of(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// The value that follows one of `names`, or is joined to a long one with `=`.
pub(crate) fn value_of<'a>(args: &'a [String], names: &[&str]) -> Option<&'a str> {
    args.iter().enumerate().find_map(|(at, arg)| {
        names.iter().find_map(|name| {
            if arg == name {
                return args.get(at + 1).map(String::as_str);
            }
            arg.strip_prefix(name)?.strip_prefix('=')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::value_of;

    #[test]
    fn finds_a_value_in_both_spellings() {
        let args = ["--seed", "7", "-o", "a.webp", "--prompt=nod"].map(String::from);
        assert_eq!(value_of(&args, &["-o", "--output"]), Some("a.webp"));
        assert_eq!(value_of(&args, &["--prompt"]), Some("nod"));
        assert_eq!(value_of(&args, &["--size"]), None);
    }
}
