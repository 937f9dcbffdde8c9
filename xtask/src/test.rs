use std::env::consts::OS;
use std::process::Command;

use crate::failure::Failure;
use crate::place::Place;
use crate::steps::{Steps, count_rust};
use crate::{kotlin, package, runtime, swift};

/// `test`: every test of the repository, with what it needs set up.
pub(crate) fn test(place: &Place, args: &[String]) -> Result<(), Failure> {
    let Asked { require_swift, only } = asked(args)?;
    let wanted = |suite: &str| only.is_none_or(|only| only == suite);
    let library = runtime::set_up(place)?;
    let mut steps = Steps::default();
    if wanted("rust") {
        steps.run(
            "kinora: the library, its promises and the command line",
            cargo_test(place, "kinora")
                .args(["--features", "cli,uniffi,remote-http,download,c2pa"])
                .env(runtime::VARIABLE, &library),
            count_rust,
        );
        steps.run("xtask: the chores", &mut cargo_test(place, "xtask"), count_rust);
    }
    if wanted("gates") {
        gates(&mut steps);
    }
    if wanted("kotlin") {
        kotlin::test(place, &library, &mut steps);
    }
    if wanted("swift") {
        swift::test(place, &library, require_swift, &mut steps);
    }
    steps.close()
}

/// The gates on the library that is built for this machine; where they cannot read it they are
/// skipped by name.
fn gates(steps: &mut Steps) {
    if let Err(failure) = package::gated(OS) {
        println!("skipped: the built library's gates ({failure})");
        return;
    }
    let check = std::env::current_exe().map_err(Failure::while_doing("xtask")).map(|xtask| {
        let mut check = Command::new(xtask);
        check.args(["package", "check"]);
        check
    });
    steps.prepared("the built library: pages, symbols, strings, size", check, |_| None);
}

struct Asked<'a> {
    require_swift: bool,
    only: Option<&'a str>,
}

fn asked(args: &[String]) -> Result<Asked<'_>, Failure> {
    let mut asked = Asked { require_swift: false, only: None };
    for arg in args {
        match arg.as_str() {
            "--require-swift" => asked.require_swift = true,
            "rust" | "gates" | "kotlin" | "swift" if asked.only.is_none() => asked.only = Some(arg),
            _ => {
                return Err(Failure::new(format!(
                    "test takes --require-swift and one of rust, gates, kotlin and swift, not {arg}"
                )));
            }
        }
    }
    Ok(asked)
}

/// One package at a time: tested together, the packages would lend each other features, and
/// everything would be built a second time for `cargo xtask run`.
fn cargo_test(place: &Place, package: &str) -> Command {
    let mut command = place.cargo("test");
    command.args(["--release", "--no-fail-fast", "--package", package]).current_dir(&place.root);
    command
}
