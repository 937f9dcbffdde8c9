use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::place::Place;
use crate::runtime;

use super::entries::{PEERS, Peer};
use super::figures::Figures;

/// What the peers' scripts import, the same on every host.
const PACKAGES: &[&str] = &["numpy==2.3.5", "opencv-python-headless==4.13.0.92"];

/// Runs every peer whose files are there, and names the others.
///
/// A peer is an example of the crate. It finds ONNX Runtime in `ORT_DYLIB_PATH` and a Python with
/// the pinned packages in `KINORA_PYTHON`. Without pip or network all peers are named as missing,
/// and our own benches still stand.
pub(super) fn run(place: &Place, library: &Path, figures: &mut Figures) {
    let python = match set_up(&place.target.join("peers")) {
        Ok(python) => python,
        Err(failure) => return figures.problems.push(format!("all peers: {failure}")),
    };
    let data =
        env::var_os("KINORA_DATA").map_or_else(|| place.root.join("../shared/data"), PathBuf::from);
    for peer in PEERS {
        let absent = peer.needs.iter().find(|file| !place.root.join(file).exists());
        let args = arguments(peer, &data);
        if let Some(file) = absent {
            figures.problems.push(format!("{}: there is no {file}", peer.name));
        } else if let Err(path) = args {
            figures.problems.push(format!("{}: the test data lack {path}", peer.name));
        } else if let Ok(args) = args {
            eprintln!("xtask: peer {}", peer.name);
            let mut command = place.cargo("run");
            command
                .args(["--release", "--quiet", "--package", "kinora", "--features", "cli"])
                .args(["--example", peer.example, "--"])
                .args(args)
                .env(runtime::VARIABLE, library)
                .env("KINORA_PYTHON", &python);
            figures.read_output(peer.name, &mut command);
        }
    }
}

/// The peer's arguments, with `data:` paths below the test data; the first absent one as error.
fn arguments(peer: &Peer, data: &Path) -> Result<Vec<PathBuf>, &'static str> {
    peer.args
        .iter()
        .map(|arg| match arg.strip_prefix("data:") {
            Some(below) if data.join(below).exists() => Ok(data.join(below)),
            Some(below) => Err(below),
            None => Ok(PathBuf::from(arg)),
        })
        .collect()
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
