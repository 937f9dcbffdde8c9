use std::path::Path;
use std::process::Command;

use crate::bindings::{self, Language};
use crate::failure::Failure;
use crate::place::Place;
use crate::runtime;
use crate::steps::{Counts, Steps};

/// The Kotlin packages' tests on this machine's JVM, which call the built library.
pub(crate) fn test(place: &Place, library: &Path, steps: &mut Steps) {
    steps.prepared("kotlin: the packages on the JVM", prepare(place, library), count_maven);
}

fn prepare(place: &Place, library: &Path) -> Result<Command, Failure> {
    bindings::sources(place, Language::Kotlin)?;
    let mut maven = maven(place)?;
    maven.arg("test").env(runtime::VARIABLE, library);
    Ok(maven)
}

/// Maven in the folder of the Kotlin packages; everything that it builds lies in the target folder.
pub(crate) fn maven(place: &Place) -> Result<Command, Failure> {
    let program = if cfg!(windows) { "mvn.cmd" } else { "mvn" };
    let found = Command::new(program).arg("--version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        return Err(Failure::new(
            "Kotlin needs Maven and a JDK from 17 on: install them (Debian: maven, \
             openjdk-17-jdk-headless) and try again",
        ));
    }
    let mut maven = Command::new(program);
    maven
        .args(["--batch-mode", "--no-transfer-progress", "-Dstyle.color=never"])
        .arg(format!("-Dkinora.target={}", place.target.display()))
        .current_dir(place.root.join("bindings/kotlin"));
    Ok(maven)
}

/// `[INFO] Tests run: 19, Failures: 0, Errors: 0, Skipped: 0`, the closing line of a module; the lines
/// of its classes go on with the time that they took.
fn count_maven(line: &str) -> Option<Counts> {
    let line = line.trim_end();
    let numbers = line.split_once("Tests run: ")?.1;
    if numbers.contains("Time elapsed") {
        return None;
    }
    let parts: Vec<u64> = numbers
        .split(", ")
        .map(|part| part.rsplit(' ').next().and_then(|number| number.parse().ok()))
        .collect::<Option<_>>()?;
    let [run, failures, errors, skipped] = parts[..] else { return None };
    let failed = failures + errors;
    Some(Counts { passed: run.saturating_sub(failed + skipped), failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_closing_line_of_a_module() {
        let counts = |line| count_maven(line);
        assert_eq!(
            counts("[INFO] Tests run: 19, Failures: 0, Errors: 0, Skipped: 1"),
            Some(Counts { passed: 18, failed: 0 })
        );
        assert_eq!(
            counts("[ERROR] Tests run: 19, Failures: 1, Errors: 2, Skipped: 0"),
            Some(Counts { passed: 16, failed: 3 })
        );
        let class = "[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 1 s";
        assert_eq!(counts(class), None);
        assert_eq!(counts("[INFO] BUILD SUCCESS"), None);
    }
}
