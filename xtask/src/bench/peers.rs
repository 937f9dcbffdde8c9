use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::place::Place;
use crate::runtime;

use super::figures::Figures;

/// What the scripts in benches/peers import, the same on every host.
const PACKAGES: &[&str] = &["numpy==2.3.5", "opencv-python-headless==4.13.0.92"];

/// Runs every script in benches/peers.
///
/// A script finds ONNX Runtime in `ORT_DYLIB_PATH`, the built command line in `KINORA_BIN`, the
/// repository in `KINORA_ROOT`, and prints `figure NAME NUMBER` lines. Without pip or network the
/// peers are named as missing, and our own benches still stand.
pub(super) fn run(place: &Place, library: &Path, figures: &mut Figures) {
    let scripts = scripts(&place.root.join("benches").join("peers"));
    if scripts.is_empty() {
        return figures.problems.push("benches/peers holds no script".to_owned());
    }
    let python = match set_up(&place.target.join("peers")) {
        Ok(python) => python,
        Err(failure) => return figures.problems.push(format!("all peers: {failure}")),
    };
    let kinora =
        place.target.join("release").join(format!("kinora{}", std::env::consts::EXE_SUFFIX));
    for script in scripts {
        eprintln!("xtask: peer {}", script.display());
        let mut command = Command::new(&python);
        command
            .arg(&script)
            .current_dir(&place.root)
            .env(runtime::VARIABLE, library)
            .env("KINORA_BIN", &kinora)
            .env("KINORA_ROOT", &place.root)
            // The figures are about two threads, whatever the host has.
            .env("OMP_NUM_THREADS", "2");
        figures.read_output(&script.display().to_string(), &mut command);
    }
}

fn scripts(folder: &Path) -> Vec<PathBuf> {
    let mut scripts: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    scripts.sort_unstable();
    scripts
}

/// The Python of a virtual environment that holds the pinned packages.
fn set_up(folder: &Path) -> Result<PathBuf, Failure> {
    let venv = folder.join("venv");
    let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let marker = folder.join("installed");
    let wanted = PACKAGES.join("\n");
    if python.exists() && fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("xtask: installing {} for the peers", PACKAGES.join(", "));
    fs::create_dir_all(folder).map_err(Failure::while_doing("cannot make the peers' folder"))?;
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    succeed(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--only-binary=:all:"])
            .arg("--disable-pip-version-check")
            .args(PACKAGES),
    )?;
    fs::write(&marker, wanted).map_err(Failure::while_doing("cannot note what is installed"))?;
    Ok(python)
}

fn succeed(command: &mut Command) -> Result<(), Failure> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Failure::new(
            "python3 with venv and pip, and the network once, are needed to install them",
        )),
    }
}
