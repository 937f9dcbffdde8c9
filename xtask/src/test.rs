use std::process::Command;

use crate::failure::Failure;
use crate::place::Place;
use crate::steps::{Steps, count_rust};
use crate::{kotlin, runtime, swift};

/// `test`: every test of the repository, with what it needs set up.
pub(crate) fn test(place: &Place, args: &[String]) -> Result<(), Failure> {
    let require_swift = match args {
        [] => false,
        [only] if only == "--require-swift" => true,
        _ => return Err(Failure::new("test takes --require-swift or nothing")),
    };
    let library = runtime::set_up(place)?;
    let mut steps = Steps::default();
    steps.run(
        "kinora: the library, its promises and the command line",
        cargo_test(place, "kinora")
            .args(["--features", "cli,uniffi"])
            .env(runtime::VARIABLE, &library),
        count_rust,
    );
    steps.run("xtask: the chores", &mut cargo_test(place, "xtask"), count_rust);
    kotlin::test(place, &library, &mut steps);
    swift::test(place, &library, require_swift, &mut steps);
    steps.close()
}

/// One package at a time: tested together, the packages would lend each other features, and
/// everything would be built a second time for `cargo xtask run`.
fn cargo_test(place: &Place, package: &str) -> Command {
    let mut command = place.cargo("test");
    command.args(["--release", "--no-fail-fast", "--package", package]).current_dir(&place.root);
    command
}
