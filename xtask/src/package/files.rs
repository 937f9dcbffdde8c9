use std::fs;
use std::path::Path;

use crate::failure::Failure;

/// Copies a folder with everything in it, into one that is made if it is missing.
pub(super) fn copy_folder(from: &Path, to: &Path) -> Result<(), Failure> {
    make(to)?;
    let entries = fs::read_dir(from)
        .map_err(Failure::while_doing(format!("cannot list {}", from.display())))?;
    for entry in entries {
        let entry = entry.map_err(Failure::while_doing("cannot read a folder"))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            copy(&path, &target)?;
        }
    }
    Ok(())
}

pub(super) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    if let Some(folder) = to.parent() {
        make(folder)?;
    }
    fs::copy(from, to)
        .map(drop)
        .map_err(Failure::while_doing(format!("cannot copy {}", from.display())))
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        make(folder)?;
    }
    fs::write(path, text).map_err(Failure::while_doing(format!("cannot write {}", path.display())))
}

/// An empty folder: what an earlier run left is gone.
pub(super) fn fresh(folder: &Path) -> Result<(), Failure> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .map_err(Failure::while_doing(format!("cannot empty {}", folder.display())))?;
    }
    make(folder)
}

fn make(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder)
        .map_err(Failure::while_doing(format!("cannot make {}", folder.display())))
}
