//! The chores of this repository, typed: `cargo xtask help` lists them.

mod bench;
mod bindings;
mod crate_size;
mod demo;
mod failure;
mod fuzz;
mod kotlin;
mod mobile;
mod package;
mod peers;
mod place;
mod portrait;
mod prove;
mod python;
mod quality;
mod released;
mod reproduce;
mod runtime;
mod sample;
mod sbom;
mod sha256;
mod sheet;
mod steps;
mod swift;
mod system;
mod test;
mod train;
mod wheel;

use std::process::ExitCode;

use failure::Failure;
use place::Place;

const HELP: &str = "\
cargo xtask CHORE

  setup                 find ONNX Runtime, or fetch the pinned one and check it
  demo [PHOTO] [ARGS…]  make demo.mp4 of a photo (without one: a public-domain portrait)
  run -- ARGS…          the kinora command line, for instance: run -- doctor
  test [SUITE]          every test, with what it needs set up; SUITE: rust, gates, kotlin or swift alone.
                        Where Swift cannot be had it is skipped by name; --require-swift fails instead
  prove [ARGS…]         that a local job is silent, with the command line as users have it, and what a
                        runtime with telemetry does instead; fetches one, and takes minutes
  bindings              the library for this machine and its Kotlin and Swift sources
  bench                 the benches, and Kinora beside other programs
  peers [--quick] [--rounds N]  packs beside diffusers and OpenVINO, to benches/PEERS.md; an hour or two
  quality [ARGS…]       judge the default model on rendered frames; quality --help says how
  package WHAT          check, android or apple: what app developers install
  check-mobile          the crate's types for iOS and Android, and that nothing compiles C there
  crate-size            the size of the published crate
  sbom [--out FOLDER]   what the released packages are made of, as CycloneDX JSON
  reproduce             builds the Linux library twice, in two places, and compares the sums
  fuzz [TARGET] [--runs N]  feeds made-up bytes to whatever reads a stranger's (docs/fuzzing.md)
  sheet [--out FILE]    the contact sheet of docs/
  train [ARGS…]         the four networks from their data: train --help
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let chore = args.next();
    let rest: Vec<String> = args.collect();
    match chore_by_name(chore.as_deref(), &rest) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn chore_by_name(chore: Option<&str>, rest: &[String]) -> Result<ExitCode, Failure> {
    let place = Place::find;
    match chore {
        Some("setup") => {
            runtime::set_up(&place()?).map(|library| println!("{}", library.display()))?;
        }
        Some("demo") => return demo::demo(&place()?, rest),
        Some("run") => return demo::run(&place()?, rest),
        Some("test") => test::test(&place()?, rest)?,
        Some("bindings") => bindings::bindings(&place()?)?,
        Some("peers") => return peers::peers(&place()?, rest),
        Some("quality") => return quality::quality(&place()?, rest),
        Some("prove") => return prove::prove(&place()?, rest),
        Some("bench") => bench::bench(&place()?)?,
        Some("sbom") => sbom::sbom(&place()?, rest)?,
        Some("reproduce") => reproduce::reproduce(&place()?)?,
        Some("fuzz") => fuzz::fuzz(&place()?, rest)?,
        Some("sheet") => sheet::sheet(&place()?, rest)?,
        Some("train") => return train::train(&place()?, rest),
        Some("package") => package::package(&place()?, rest)?,
        Some("check-mobile") => mobile::check(&place()?)?,
        Some("crate-size") => crate_size::check(&place()?)?,
        None | Some("help" | "--help" | "-h") => print!("{HELP}"),
        Some(other) => {
            return Err(Failure::new(format!("there is no chore {other}\n\n{HELP}")));
        }
    }
    Ok(ExitCode::SUCCESS)
}
