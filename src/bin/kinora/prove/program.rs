//! What is known without running a job: what is compiled in, what the executable takes from others,
//! and which runtime it would load.

use std::ffi::OsStr;
use std::fs;
use std::io;

use super::child::Child;
use super::rung::{Control, Outcome, Rung};
use super::runs::{Program, Runs, SILENCE, Seen};

/// Names the runtime's library.
const LIBRARY: &str = "ORT_DYLIB_PATH";

/// Whether a network client is compiled in.
pub(super) fn client() -> Rung {
    let mut ways = Vec::new();
    if cfg!(feature = "remote-http") {
        ways.push(format!("to providers and after a consent only ({})", consents()));
    }
    if cfg!(feature = "download") {
        ways.push("for a pack where `kinora pack download` is told to".to_owned());
    }
    let outcome = Outcome::Noted(if ways.is_empty() {
        "it is not: no part of this program opens connections".to_owned()
    } else {
        format!(
            "it is: this program can open connections, {}; the traps below are about local jobs",
            ways.join(", and ")
        )
    });
    Rung {
        name: "client",
        checked: "whether a network client, remote-http or download, is compiled in".to_owned(),
        outcome,
        control: Control::NotRun("a fact of the build; tests/default_tree.rs holds it".to_owned()),
    }
}

#[cfg(feature = "remote-http")]
fn consents() -> String {
    crate::remote::standing().unwrap_or_else(|| "its consents cannot be read".to_owned())
}

#[cfg(not(feature = "remote-http"))]
fn consents() -> String {
    String::new()
}

/// What the executable takes from other libraries.
#[cfg(target_os = "linux")]
pub(super) fn symbols() -> Rung {
    use super::symbols::{network, taking};

    let read = |bytes: &[u8]| network(bytes).map_err(io::Error::other);
    let ours = std::env::current_exe().and_then(fs::read).and_then(|bytes| read(&bytes));
    let outcome = match ours {
        Ok(names) if names.is_empty() => Outcome::Passed("none".to_owned()),
        Ok(names) if cfg!(any(feature = "remote-http", feature = "download")) => {
            Outcome::Noted(format!(
                "{}: the network client's; a build without remote-http and download takes none",
                names.join(", ")
            ))
        }
        Ok(names) => Outcome::Failed(names.join(", ")),
        Err(error) => Outcome::NotRun(error.to_string()),
    };
    let control = match read(&taking(&["socket", "connect", "getaddrinfo"])) {
        Ok(names) if names.len() == 3 => {
            Control::Caught("a file that takes socket, connect and getaddrinfo".to_owned())
        }
        Ok(names) => Control::Missed(format!("of three names {} were found", names.len())),
        Err(error) => Control::Missed(error.to_string()),
    };
    Rung { name: "symbols", checked: SYMBOLS.to_owned(), outcome, control }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn symbols() -> Rung {
    let why = "this rung reads ELF files".to_owned();
    super::kernel::not_run("symbols", SYMBOLS, why)
}

const SYMBOLS: &str = "names in this executable by which it could reach another machine";

/// The runtime and what it says of itself.
pub(super) struct Opened {
    pub(super) rung: Rung,
    pub(super) json: serde_json::Value,
    /// Whether it only opens with its telemetry put to sleep.
    pub(super) silenced: bool,
}

/// Opens the installed runtime, and one that carries the marks of telemetry.
pub(super) fn runtime(runs: &Runs) -> io::Result<Opened> {
    let open = Program::ours(runs, Child::Open);
    let seen = runs.run("open", &[], &open)?;
    let refused = |seen: &Seen| seen.stderr.contains("[runtime.telemetry]");
    let silenced = refused(&seen);
    let again = [(SILENCE, OsStr::new("1"))];
    let seen = if silenced { runs.run_with("open-silenced", &[], &open, &again)? } else { seen };
    let json: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap_or_default();
    let text = |key: &str| json[key].as_str().unwrap_or("unknown").to_owned();
    let found = format!(
        "version {}, telemetry {}, {}",
        text("version"),
        text("telemetry"),
        text("library")
    );
    let outcome = match seen.problem() {
        Some(problem) => Outcome::Failed(problem),
        None if silenced => Outcome::Failed(format!(
            "{found}: it holds a telemetry client, which the library refuses and this program \
             puts to sleep; use version 1.28.0"
        )),
        None => Outcome::Passed(found),
    };
    // The marks backwards, as the library has them: this program shall not hold them either.
    let marks: String = "\0rotcelloCenO\0".chars().rev().collect();
    let fake = runs.folder().join("telemetry.so");
    fs::write(&fake, format!("{}{marks}{}", "x".repeat(4096), "x".repeat(4096)))?;
    let control = runs.run_with("open-fake", &[], &open, &[(LIBRARY, fake.as_os_str())])?;
    let control = if refused(&control) {
        Control::Caught("a library with the marks of telemetry was refused unloaded".to_owned())
    } else {
        Control::Missed(format!("a library with the marks of telemetry: {}", control.ended()))
    };
    let checked = "that ONNX Runtime holds no telemetry client".to_owned();
    Ok(Opened { rung: Rung { name: "runtime", checked, outcome, control }, json, silenced })
}
