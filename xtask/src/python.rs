use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

/// The Python of a virtual environment under `folder` that holds exactly the pinned `packages`.
pub(crate) fn environment(folder: &Path, packages: &[&str]) -> Result<PathBuf, Failure> {
    let venv = folder.join("venv");
    let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let marker = folder.join("installed");
    let wanted = packages.join("\n");
    if python.exists() && fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("xtask: installing {}", packages.join(", "));
    fs::create_dir_all(folder)
        .map_err(Failure::while_doing(format!("cannot make {}", folder.display())))?;
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    succeed(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--only-binary=:all:"])
            .arg("--disable-pip-version-check")
            .args(packages),
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
