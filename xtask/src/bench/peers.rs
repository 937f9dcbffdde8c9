use std::env;
use std::path::{Path, PathBuf};

use crate::place::Place;
use crate::{python, runtime};

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
    let python = match python::environment(&place.target.join("peers"), PACKAGES) {
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
                .args(["--release", "--quiet", "--package", "kinora", "--features", "cli,uniffi"])
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
