use std::env::consts::OS;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::elf::Library;
use crate::bindings;
use crate::failure::Failure;
use crate::place::Place;

/// Android's page from 2025 on; a library that is aligned for less does not load there.
const PAGE: u64 = 16 * 1024;
/// The library without the models, stripped. What reads and writes manifests is most of it (ADR 0097),
/// packs and their tokenizers a tenth (ADR 0101).
const BUDGET: u64 = 27_000_000;
/// What may be exported: uniffi's own entry points.
const OURS: [&str; 3] = ["ffi_kinora_", "uniffi_kinora_", "UNIFFI_META_"];
/// Names by which a library could open a connection, or look a host up.
const SOCKETS: [&str; 18] = [
    "socket",
    "socketpair",
    "connect",
    "bind",
    "listen",
    "accept",
    "accept4",
    "send",
    "sendto",
    "sendmsg",
    "recv",
    "recvfrom",
    "recvmsg",
    "getaddrinfo",
    "gethostbyname",
    "gethostbyname_r",
    "getnameinfo",
    "res_query",
];
/// What telemetry clients carry: their names, and the hosts they report to.
const TELEMETRY: [&str; 7] = [
    "OneCollector",
    "events.data.microsoft.com",
    "vortex.data.microsoft.com",
    "app-measurement.com",
    "firebaselogging",
    "sentry.io",
    "crashlytics",
];
/// The default model inside the library.
const MODELS: [&str; 4] =
    ["face_detector.onnx", "face_points.onnx", "perception.onnx", "motion.onnx"];

/// One gate: its name, what was found, and whether it holds.
#[derive(Debug)]
pub(super) struct Gate {
    name: &'static str,
    found: String,
    holds: bool,
}

/// `package check`: the given libraries, or the one that is built for this machine.
pub(super) fn check(place: &Place, libraries: &[String]) -> Result<(), Failure> {
    let libraries = match libraries {
        [] => {
            gated(OS)?;
            vec![bindings::library(place)?]
        }
        given => given.iter().map(PathBuf::from).collect(),
    };
    let mut broken = Vec::new();
    for library in &libraries {
        println!("{}", library.display());
        for gate in built(place, library)? {
            let word = if gate.holds { "ok" } else { "BROKEN" };
            println!("  {word:<7} {:<28} {}", gate.name, gate.found);
            if !gate.holds {
                broken.push(gate.name);
            }
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("gates that do not hold: {}", broken.join(", "))))
}

/// Whether the gates can be held against what is built for `system`, named as [`OS`] names it.
///
/// Errors: why not, since they read ELF alone.
pub(crate) fn gated(system: &str) -> Result<(), Failure> {
    match system {
        "linux" | "android" => Ok(()),
        other => Err(Failure::new(format!(
            "the gates read ELF libraries, which {other} does not have: name Android's with \
             `package check LIBRARY`"
        ))),
    }
}

/// All gates on one built library; what is measured of its size is measured on a stripped copy.
pub(super) fn built(place: &Place, library: &Path) -> Result<Vec<Gate>, Failure> {
    let copy = place.target.join("package").join("stripped");
    let folder = place.target.join("package");
    fs::create_dir_all(&folder)
        .map_err(Failure::while_doing(format!("cannot make {}", folder.display())))?;
    fs::copy(library, &copy)
        .map_err(Failure::while_doing(format!("cannot copy {}", library.display())))?;
    let stripped = Command::new("strip").arg(&copy).stderr(Stdio::null()).status();
    let bytes = fs::read(&copy).map_err(Failure::while_doing("cannot read the copy"))?;
    _ = fs::remove_file(&copy);
    let mut models = 0;
    for name in MODELS {
        let path = place.root.join("models").join(name);
        models += fs::metadata(&path)
            .map_err(Failure::while_doing(format!("cannot read {}", path.display())))?
            .len();
    }
    let mut gates = gates(&bytes, &fs::read(library).unwrap_or_default())?;
    // Without the tool the size is that of the unstripped library: larger, never smaller.
    let tool = if stripped.is_ok_and(|s| s.success()) { "stripped" } else { "not stripped" };
    let without = (bytes.len() as u64).saturating_sub(models);
    gates.push(Gate {
        name: "size without models",
        found: format!("{without} bytes, {tool} ({} with models)", bytes.len()),
        holds: without <= BUDGET,
    });
    Ok(gates)
}

/// The gates that look into a library: `bytes` of the stripped one, `whole` as it was built.
fn gates(bytes: &[u8], whole: &[u8]) -> Result<Vec<Gate>, Failure> {
    let library = Library::read(bytes)?;
    let strangers: Vec<&str> = library
        .exported
        .iter()
        .map(String::as_str)
        .filter(|name| !OURS.iter().any(|ours| name.starts_with(ours)))
        .collect();
    let sockets: Vec<&str> = library
        .undefined
        .iter()
        .map(String::as_str)
        .filter(|name| SOCKETS.contains(name))
        .collect();
    let told: Vec<&str> = TELEMETRY
        .into_iter()
        .filter(|mark| [bytes, whole].iter().any(|place| contains(place, mark.as_bytes())))
        .collect();
    Ok(vec![
        Gate {
            name: "pages of 16 KB",
            found: format!("aligned to {}", library.alignment),
            holds: library.alignment >= PAGE && library.alignment.is_multiple_of(PAGE),
        },
        Gate {
            name: "exports only its surface",
            found: summary(library.exported.len() - strangers.len(), "of ours", &strangers),
            holds: strangers.is_empty() && !library.exported.is_empty(),
        },
        Gate {
            name: "takes no socket symbol",
            found: summary(library.undefined.len(), "taken", &sockets),
            holds: sockets.is_empty(),
        },
        Gate {
            name: "no telemetry strings",
            found: summary(TELEMETRY.len(), "marks looked for", &told),
            holds: told.is_empty(),
        },
    ])
}

fn summary(count: usize, what: &str, wrong: &[&str]) -> String {
    match wrong {
        [] => format!("{count} {what}"),
        some => format!("{count} {what}; and {}", some.join(", ")),
    }
}

fn contains(bytes: &[u8], mark: &[u8]) -> bool {
    // A first-byte search keeps this quick on tens of megabytes.
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == mark[0]) {
        if rest[at..].starts_with(mark) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

impl Gate {
    /// What is said of it where it is broken.
    pub(super) fn broken(&self) -> Option<String> {
        (!self.holds).then(|| format!("{}: {}", self.name, self.found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A library of C, built for each gate to fall on; `None` where there is no C compiler.
    fn compiled(source: &str, flags: &[&str]) -> Option<Vec<u8>> {
        let folder = std::env::temp_dir().join(format!("kinora-gates-{}", source.len()));
        fs::create_dir_all(&folder).unwrap();
        let (code, library) = (folder.join("a.c"), folder.join("a.so"));
        fs::write(&code, source).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-nostdlib", "-o"]).arg(&library).arg(&code).args(flags);
        let built = cc.status();
        if !built.is_ok_and(|status| status.success()) {
            eprintln!("skipped: there is no C compiler for the positive controls");
            return None;
        }
        let bytes = fs::read(&library).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        Some(bytes)
    }

    fn holding(bytes: &[u8]) -> Vec<&'static str> {
        gates(bytes, bytes).unwrap().into_iter().filter(|g| g.holds).map(|g| g.name).collect()
    }

    const WIDE: &str = "-Wl,-z,max-page-size=16384";

    #[test]
    fn each_gate_can_fall() {
        let Some(good) = compiled("int ffi_kinora_x(void) { return 1; }", &[WIDE]) else { return };
        let all = holding(&good);
        assert_eq!(all.len(), 4);
        let without = |name: &str| -> Vec<&str> {
            all.iter().copied().filter(|other| *other != name).collect()
        };
        let page = "-Wl,-z,max-page-size=4096";
        let narrow = compiled("int ffi_kinora_y(void) { return 10; }", &[page]).unwrap();
        assert_eq!(holding(&narrow), without("pages of 16 KB"));
        let stranger = "int ffi_kinora_x(void) { return 1; } int WebPEncode(void) { return 2; }";
        let stranger = compiled(stranger, &[WIDE]).unwrap();
        assert_eq!(holding(&stranger), without("exports only its surface"));
        for name in ["socket", "connect", "getaddrinfo", "sendto"] {
            let caller = format!("int {name}(int); int ffi_kinora_x(void) {{ return {name}(1); }}");
            let caller = compiled(&caller, &[WIDE, "-fno-builtin"]).unwrap();
            assert_eq!(holding(&caller), without("takes no socket symbol"), "{name}");
        }
        let teller = "const char *ffi_kinora_x = \"https://mobile.events.data.microsoft.com/One\";";
        let teller = compiled(teller, &[WIDE]).unwrap();
        assert_eq!(holding(&teller), without("no telemetry strings"));
    }

    #[test]
    fn only_systems_with_elf_are_gated() {
        assert!(gated("linux").is_ok() && gated("android").is_ok());
        for other in ["macos", "ios", "windows"] {
            assert!(gated(other).unwrap_err().to_string().contains(other));
        }
    }

    #[test]
    fn what_is_no_library_is_refused() {
        assert!(gates(b"\x7fELF and so on", b"").is_err());
        assert!(contains(b"aaOneOneCollector", b"OneCollector"));
        assert!(!contains(b"OneCollecto", b"OneCollector"));
    }
}
