//! Finding the library of ONNX Runtime, and looking into it before it is loaded.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use memchr::memmem::Finder;

use crate::error::{Detail, Error, Result};

/// The environment variable that ONNX Runtime's own bindings use.
pub(super) const PATH_VARIABLE: &str = "ORT_DYLIB_PATH";
/// Set to 1 before the process starts, ONNX Runtime's telemetry client stays asleep.
const SILENCE_VARIABLE: &str = "ORT_DISABLE_TELEMETRY";
/// What only a library with the telemetry client holds (official builds from 1.29 on): its name
/// and the host that it reports to. Written backwards, so that nobody who searches this library for
/// them finds its own list.
const CLIENT_MARKS_BACKWARDS: [&str; 2] = ["rotcelloCenO", "moc.tfosorcim.atad.stneve"];
/// The version stands in the symbols on ELF systems and in the install name on Apple's.
const VERSION_MARKS: [&str; 2] = ["VERS_1.", "libonnxruntime.1."];
/// Read at a time: the library has tens of megabytes, and they need not be in memory at once.
const CHUNK: usize = 1 << 20;
/// Longer than every mark with a version behind it, so that none is cut by a chunk's end.
const OVERLAP: usize = 64;

/// What the library does about telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Telemetry {
    /// The library holds no telemetry client.
    Absent,
    /// It holds one, and the host had put it to sleep with `ORT_DISABLE_TELEMETRY=1`.
    Disabled,
    /// It is linked into the app or found by the system's loader, so nobody could look into it.
    Unknown,
}

/// A library that may be loaded.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) path: PathBuf,
    pub(super) telemetry: Telemetry,
    pub(super) version: Option<String>,
}

impl Library {
    /// The library at `asked`, or the first that is found.
    pub(super) fn find(asked: Option<&Path>) -> Result<Self> {
        if let Some(name) = name_for_the_loader(asked) {
            return Ok(Self { path: name, telemetry: Telemetry::Unknown, version: None });
        }
        let mut looked_at = Vec::new();
        for place in places(asked) {
            for path in &place.files {
                if path.is_file() {
                    return Self::examine(path);
                }
            }
            looked_at.push(place.to_string());
        }
        Err(Error::Runtime(Detail::new(
            "runtime.not_found",
            format!(
                "ONNX Runtime was not found; looked at {}. Run `cargo xtask setup` in a checkout, \
                 or take the library ({}) out of an ONNX Runtime 1.28.0 package and name it in \
                 `RuntimeOptions::library` or {PATH_VARIABLE}",
                looked_at.join("; "),
                file_name(),
            ),
        )))
    }

    /// Reads the file once: is there a telemetry client, and which version is it?
    pub(super) fn examine(path: &Path) -> Result<Self> {
        let unreadable = |error: std::io::Error| {
            Error::Runtime(
                Detail::new(
                    "runtime.unusable",
                    format!("ONNX Runtime at {} cannot be read", path.display()),
                )
                .because(error),
            )
        };
        // An absolute path: the loader must take this file and look nowhere else.
        let path = path.canonicalize().map_err(unreadable)?;
        let found = scan(File::open(&path).map_err(unreadable)?).map_err(unreadable)?;
        let telemetry = match (found.client, silenced_by_host()) {
            (false, _) => Telemetry::Absent,
            (true, true) => Telemetry::Disabled,
            (true, false) => {
                return Err(Error::Runtime(Detail::new(
                    "runtime.telemetry",
                    format!(
                        "ONNX Runtime at {} holds a telemetry client and was not loaded; use \
                         version 1.28.0 or a build without telemetry, or start the process with \
                         {SILENCE_VARIABLE}=1",
                        path.display()
                    ),
                )));
            }
        };
        Ok(Self { path, telemetry, version: found.version })
    }
}

/// On Android the library usually lies in the app's package and is no file: the system's loader finds
/// it by its bare name, which is also the default there.
fn name_for_the_loader(asked: Option<&Path>) -> Option<PathBuf> {
    if !cfg!(target_os = "android") || (asked.is_none() && env::var_os(PATH_VARIABLE).is_some()) {
        return None;
    }
    let name = asked.map_or_else(|| file_name().into(), Path::to_path_buf);
    (name.components().count() == 1).then_some(name)
}

fn silenced_by_host() -> bool {
    env::var_os(SILENCE_VARIABLE).is_some_and(|value| value == "1")
}

/// A place where the library may be: what it is called in an error, and the files tried.
struct Place {
    name: String,
    files: Vec<PathBuf>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

fn places(asked: Option<&Path>) -> Vec<Place> {
    if let Some(path) = asked {
        let name = format!("RuntimeOptions::library ({})", path.display());
        return vec![Place { name, files: vec![path.to_path_buf()] }];
    }
    let mut places = Vec::new();
    match env::var_os(PATH_VARIABLE).filter(|value| !value.is_empty()) {
        Some(value) => places.push(Place {
            name: format!("{PATH_VARIABLE} ({}: no such file)", value.display()),
            files: vec![PathBuf::from(value)],
        }),
        None => places.push(Place { name: format!("{PATH_VARIABLE} (not set)"), files: vec![] }),
    }
    let beside = env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_path_buf));
    for folder in beside.iter().flat_map(|folder| {
        [folder.clone(), folder.join("lib"), folder.join("../lib"), folder.join("../Frameworks")]
    }) {
        places.push(in_folder("beside the executable", &folder));
    }
    for folder in system_folders() {
        places.push(in_folder("the system's", &folder));
    }
    places
}

fn in_folder(what: &str, folder: &Path) -> Place {
    let mut files = vec![folder.join(file_name())];
    // Packages often ship only the name with a version at its end.
    let versioned = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut versioned: Vec<_> = versioned
        .filter(|entry| entry.file_name().to_str().is_some_and(is_versioned_name))
        .map(|entry| entry.path())
        .collect();
    versioned.sort();
    files.extend(versioned);
    Place { name: format!("{what} folder {}", folder.display()), files }
}

fn is_versioned_name(name: &str) -> bool {
    let middle = name.strip_prefix("libonnxruntime.so.").or_else(|| {
        name.strip_prefix("libonnxruntime.").and_then(|rest| rest.strip_suffix(".dylib"))
    });
    middle.is_some_and(|v| !v.is_empty() && v.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

fn file_name() -> String {
    format!("{}onnxruntime{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX)
}

fn system_folders() -> Vec<PathBuf> {
    let fixed: &[&str] = if cfg!(target_os = "macos") {
        &["/opt/homebrew/lib", "/usr/local/lib"]
    } else if cfg!(windows) {
        // Windows brings an old onnxruntime.dll of its own in its system folder: not that one.
        &[]
    } else {
        &["/usr/local/lib", "/usr/lib", "/usr/lib64"]
    };
    let mut folders: Vec<PathBuf> = fixed.iter().map(PathBuf::from).collect();
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        folders.push(format!("/usr/lib/{}-linux-gnu", env::consts::ARCH).into());
    }
    folders
}

#[derive(Default)]
struct Found {
    client: bool,
    version: Option<String>,
}

fn scan(mut file: impl Read) -> std::io::Result<Found> {
    let marks = client_marks();
    let clients = marks.each_ref().map(Finder::new);
    let versions = VERSION_MARKS.map(|mark| Finder::new(mark.as_bytes()));
    let mut found = Found::default();
    let mut buffer = vec![0; OVERLAP + CHUNK];
    let mut kept = 0;
    loop {
        let read = file.read(&mut buffer[kept..])?;
        if read == 0 {
            return Ok(found);
        }
        let bytes = &buffer[..kept + read];
        found.client |= clients.iter().any(|mark| mark.find(bytes).is_some());
        if found.version.is_none() {
            found.version = versions.iter().find_map(|mark| {
                mark.find_iter(bytes)
                    .find_map(|at| version_after(&bytes[at + mark.needle().len()..]))
            });
        }
        let end = bytes.len();
        kept = OVERLAP.min(end);
        buffer.copy_within(end - kept..end, 0);
    }
}

fn client_marks() -> [Vec<u8>; 2] {
    CLIENT_MARKS_BACKWARDS.map(|mark| mark.bytes().rev().collect())
}

/// `28.0` and what follows ► `1.28.0`.
fn version_after(bytes: &[u8]) -> Option<String> {
    let digits = bytes.iter().take(16).take_while(|b| b.is_ascii_digit() || **b == b'.');
    let text: String = digits.map(|b| char::from(*b)).collect();
    let text = text.trim_end_matches('.');
    (text.split('.').count() == 2).then(|| format!("1.{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(content: &[u8]) -> tempfile::NamedTempFile {
        use std::io::Write;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        file
    }

    #[test]
    fn a_telemetry_client_is_seen_across_chunks() {
        for mark in ["OneCollector", "events.data.microsoft.com"] {
            let mut bytes = vec![b'x'; CHUNK + OVERLAP - 4];
            bytes.extend_from_slice(mark.as_bytes());
            bytes.extend_from_slice(&[0; 100]);
            assert!(scan(&bytes[..]).unwrap().client, "{mark}");
        }
        assert!(!scan(&b"OneCollecto telemetry"[..]).unwrap().client);
    }

    #[test]
    fn the_version_is_read_out_of_the_symbols() {
        let found = scan(&b"\0VERS_1.28.0\0"[..]).unwrap();
        assert_eq!(found.version.as_deref(), Some("1.28.0"));
        let found = scan(&b"@rpath/libonnxruntime.1.28.0.dylib\0"[..]).unwrap();
        assert_eq!(found.version.as_deref(), Some("1.28.0"));
        assert_eq!(scan(&b"VERS_1.x"[..]).unwrap().version, None);
    }

    #[test]
    fn a_library_with_the_client_is_refused_unless_the_host_silenced_it() {
        let file = fixture(b"... https://mobile.events.data.microsoft.com/OneCollector/1.0 ...");
        match Library::examine(file.path()) {
            Ok(library) => {
                assert!(silenced_by_host());
                assert_eq!(library.telemetry, Telemetry::Disabled);
            }
            Err(error) => {
                assert_eq!(error.code(), "runtime.telemetry");
                assert!(error.to_string().contains("1.28.0"), "{error}");
            }
        }
    }

    #[test]
    fn a_missing_library_names_the_place_and_the_fix() {
        let error = Library::find(Some(Path::new("/nowhere/libonnxruntime.so"))).unwrap_err();
        assert_eq!(error.code(), "runtime.not_found");
        let text = error.to_string();
        assert!(text.contains("/nowhere/libonnxruntime.so"), "{text}");
        assert!(text.contains("cargo xtask setup"), "{text}");
    }

    #[test]
    fn every_place_is_named() {
        let places: Vec<String> = places(None).iter().map(ToString::to_string).collect();
        assert!(places[0].starts_with(PATH_VARIABLE), "{places:?}");
        assert!(places.iter().any(|place| place.contains("beside the executable")), "{places:?}");
    }

    #[test]
    fn versioned_names_are_known() {
        assert!(is_versioned_name("libonnxruntime.so.1.28.0"));
        assert!(is_versioned_name("libonnxruntime.1.28.0.dylib"));
        assert!(!is_versioned_name("libonnxruntime_providers_shared.so"));
        assert!(!is_versioned_name("libonnxruntime.so.debug"));
    }
}
