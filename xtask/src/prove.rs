use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

use crate::demo;
use crate::failure::{Failure, succeed};
use crate::place::Place;
use crate::steps::Counts;
use crate::{python, runtime};

/// Names the command line to the suites of other languages, whose jobs it puts into its traps.
pub(crate) const VARIABLE: &str = "KINORA_PROGRAM";

/// The first official release with a telemetry client that we looked at, and what its Python needs.
const TALKATIVE: &[&str] = &["onnxruntime==1.31.0", "numpy==2.3.5"];
/// Makes a session, says when, and waits longer than the client does.
const WAKE: &str = "\
import sys, time, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])
print(time.time())
time.sleep(20)";
/// Where that client sees one of these, it takes the machine for a build server and holds still.
const BUILD_SERVERS: [&str; 11] = [
    "CI",
    "TF_BUILD",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "CIRCLECI",
    "TRAVIS",
    "JENKINS_URL",
    "CODEBUILD_BUILD_ID",
    "BUILDKITE",
    "TEAMCITY_VERSION",
    "APPVEYOR",
];
const SILENCE: &str = "ORT_DISABLE_TELEMETRY";

/// The command line as the Rust suite builds it, so that it is built once for all suites.
pub(crate) fn program(place: &Place) -> Result<PathBuf, Failure> {
    let mut build = place.cargo("test");
    build.args(["--release", "--no-run", "--quiet", "--package", "kinora"]);
    build.args(["--features", "cli,uniffi,remote-http,download,c2pa", "--test", "silent_prove"]);
    succeed(build.current_dir(&place.root), "the command line did not build")?;
    Ok(built(place))
}

fn built(place: &Place) -> PathBuf {
    place.target.join("release").join(format!("kinora{}", env::consts::EXE_SUFFIX))
}

/// `4 passed, 0 failed, 1 not run, 0 noted`, the closing line of `kinora prove`.
pub(crate) fn count_rungs(line: &str) -> Option<Counts> {
    let (passed, rest) = line.strip_suffix(" noted")?.split_once(" passed, ")?;
    let (failed, _) = rest.split_once(" failed, ")?;
    Some(Counts { passed: passed.parse().ok()?, failed: failed.parse().ok()? })
}

/// `prove`: the whole ladder with the command line as users have it, without the network client; then
/// what a runtime with telemetry does, which shows that the wait is long enough.
///
/// Slow, and it fetches that runtime: no part of `test`.
pub(crate) fn prove(place: &Place, args: &[String]) -> Result<ExitCode, Failure> {
    let library = runtime::set_up(place)?;
    demo::build(place)?;
    let mut ladder = Command::new(built(place));
    ladder.arg("prove").args(args).env(runtime::VARIABLE, &library);
    succeed(&mut ladder, "the ladder does not hold")?;
    talkative(place)?;
    Ok(ExitCode::SUCCESS)
}

fn talkative(place: &Place) -> Result<(), Failure> {
    let folder = place.target.join("talkative");
    let python = python::environment(&folder, TALKATIVE)?;
    let library = library(&folder)?;
    println!("\n{}", library.display());
    // Idle as long as below: what it does asleep is told by the kernel's rung.
    let told = Command::new(built(place))
        .args(["prove", "--idle", "20"])
        .env(runtime::VARIABLE, &library)
        .stdin(Stdio::null())
        .output()
        .map_err(Failure::while_doing("kinora prove did not start"))?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    print!("{told}");
    if !told.lines().any(|line| line.starts_with("FAILED   runtime")) {
        return Err(Failure::new("a runtime with telemetry was not refused"));
    }
    for (name, asleep) in [("awake", false), ("asleep", true)] {
        let (calls, first) = calls(place, &python, &folder, asleep)?;
        println!("{name} for 20 s: {calls} calls on sockets{first}");
        if asleep == (calls > 0) {
            return Err(Failure::new("what is known of its telemetry no longer holds"));
        }
    }
    Ok(())
}

/// How often that runtime calls for sockets in 20 s, and how long after its session it begins.
fn calls(
    place: &Place,
    python: &Path,
    folder: &Path,
    asleep: bool,
) -> Result<(usize, String), Failure> {
    let (log, home) = (folder.join("calls"), folder.join("home"));
    fs::create_dir_all(&home).map_err(Failure::while_doing("cannot make a home"))?;
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-ttt", "-e", "signal=none", "-e", "trace=%network", "-o"]);
    strace.arg(&log).arg(python).args(["-c", WAKE]);
    strace.arg(place.root.join("models/face_detector.onnx")).stdin(Stdio::null());
    BUILD_SERVERS.iter().for_each(|variable| _ = strace.env_remove(variable));
    strace.env("HOME", &home).env("XDG_CACHE_HOME", &home).env_remove(SILENCE);
    if asleep {
        strace.env(SILENCE, "1");
    }
    let told = strace.output().map_err(Failure::while_doing("strace did not start"))?;
    if !told.status.success() {
        let said = String::from_utf8_lossy(&told.stderr).into_owned();
        return Err(Failure::new(format!("a session of that runtime did not end well: {said}")));
    }
    let start = String::from_utf8_lossy(&told.stdout).trim().parse::<f64>().ok();
    let log = fs::read_to_string(&log).map_err(Failure::while_doing("strace wrote nothing"))?;
    let time = |line: &str| line.split_whitespace().nth(1)?.parse::<f64>().ok();
    let first = match (log.lines().next().and_then(time), start) {
        (Some(first), Some(start)) => {
            format!(", from {:.1} s after its session was made", first - start)
        }
        _ => String::new(),
    };
    Ok((log.lines().count(), first))
}

/// The library in the Python environment below `folder`.
fn library(folder: &Path) -> Result<PathBuf, Failure> {
    let versions = fs::read_dir(folder.join("venv/lib")).into_iter().flatten().flatten();
    let folders = versions.map(|entry| entry.path().join("site-packages/onnxruntime/capi"));
    let files = folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let mut libraries = files.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libonnxruntime.")
    });
    libraries.next().ok_or_else(|| Failure::new("that runtime's package holds no library"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_rungs() {
        let counts = count_rungs("4 passed, 1 failed, 2 not run, 0 noted");
        assert_eq!(counts, Some(Counts { passed: 4, failed: 1 }));
        assert_eq!(count_rungs("passed   kernel     a whole job"), None);
    }
}
