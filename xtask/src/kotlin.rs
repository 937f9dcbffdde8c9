use std::path::Path;
use std::process::Command;

use crate::bindings::{self, Language};
use crate::failure::Failure;
use crate::place::Place;
use crate::steps::{Counts, Steps};
use crate::{prove, runtime, system};

/// The oldest Java that the packages are built with, as bindings/kotlin/pom.xml says it too.
const OLDEST_JAVA: u32 = 17;

/// The Kotlin packages' tests on this machine's JVM, which call the built library.
pub(crate) fn test(place: &Place, library: &Path, steps: &mut Steps) {
    steps.prepared("kotlin: the packages on the JVM", prepare(place, library), count_maven);
}

fn prepare(place: &Place, library: &Path) -> Result<Command, Failure> {
    bindings::sources(place, Language::Kotlin)?;
    let mut maven = maven(place)?;
    maven.arg("test").env(runtime::VARIABLE, library);
    // The traps are the system's, and only Linux has them; elsewhere that test is skipped by name.
    if cfg!(target_os = "linux") {
        maven.env(prove::VARIABLE, prove::program(place)?);
    }
    Ok(maven)
}

/// Maven in the folder of the Kotlin packages; everything that it builds lies in the target folder.
///
/// Where it or its JDK is missing, both are installed if this machine lets us.
pub(crate) fn maven(place: &Place) -> Result<Command, Failure> {
    let program = if cfg!(windows) { "mvn.cmd" } else { "mvn" };
    if !works(program) {
        // Debian names the version of a JDK, and its newer releases have left 17 behind.
        let installed = system::install(&["maven", "openjdk-17-jdk-headless"])
            .or_else(|_| system::install(&["maven", "default-jdk-headless"]));
        if installed.is_err() || !works(program) {
            return Err(Failure::new(
                "Kotlin needs Maven and a JDK from 17 on: install them (Debian: maven, \
                 openjdk-17-jdk-headless) and try again",
            ));
        }
    }
    let mut maven = Command::new(program);
    maven
        .args(["--batch-mode", "--no-transfer-progress", "-Dstyle.color=never"])
        .arg(format!("-Dkinora.target={}", place.target.display()))
        .current_dir(place.root.join("bindings/kotlin"));
    Ok(maven)
}

/// Whether Maven is there and runs on a Java that is new enough.
fn works(maven: &str) -> bool {
    let said = Command::new(maven).arg("--version").output();
    said.is_ok_and(|output| {
        let java = java_of(&String::from_utf8_lossy(&output.stdout));
        output.status.success() && java.is_some_and(|java| java >= OLDEST_JAVA)
    })
}

/// `Java version: 17.0.15, vendor: …`, a line of `mvn --version`; up to Java 8 it began with `1.`.
fn java_of(said: &str) -> Option<u32> {
    let version = said.split_once("Java version: ")?.1;
    let digits = version.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
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
    fn reads_which_java_maven_runs_on() {
        let said = "Apache Maven 3.8.7\nMaven home: /m\nJava version: 17.0.15, vendor: Debian\n";
        assert_eq!(java_of(said), Some(17));
        assert_eq!(java_of("Java version: 1.8.0_402, vendor: x"), Some(1));
        assert_eq!(java_of("Java version: 25-ea, vendor: x"), Some(25));
        assert_eq!(java_of("Apache Maven 3.8.7"), None);
    }

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
