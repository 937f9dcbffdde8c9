use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// Whether a folder of the `PATH` holds a file of this name.
pub(crate) fn on_path(program: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// Whether it succeeded; what it writes is for nobody.
pub(crate) fn quietly(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Installs packages with apt-get, where this is a Debian and we are root.
///
/// Errors: the packages that are to be installed by hand, on any other machine too.
pub(crate) fn install(packages: &[&str]) -> Result<(), Failure> {
    let list = packages.join(" ");
    let missing = |why| Failure::new(format!("{why}: install {list}"));
    if !Path::new("/etc/debian_version").exists() || !on_path("apt-get") {
        return Err(missing("this is no Debian"));
    }
    if !is_root() {
        return Err(missing("apt-get needs root"));
    }
    eprintln!("xtask: installing {list}");
    let apt = |args: &[&str]| {
        let mut apt = Command::new("apt-get");
        quietly(apt.args(args).args(["-y", "-qq"]).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    let get = || apt(&[&["install"], packages].concat());
    // Where the lists are old the second try finds them renewed.
    let got = get() || {
        apt(&["update"]);
        get()
    };
    if got { Ok(()) } else { Err(missing("apt-get did not install what is needed")) }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.status.success() && output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_programs_by_name() {
        assert!(!on_path("no-such-program-here"));
        assert!(!quietly(&mut Command::new("no-such-program-here")));
        if cfg!(unix) {
            assert!(on_path("sh"));
            assert!(quietly(Command::new("sh").args(["-c", "exit 0"])));
            assert!(!quietly(Command::new("sh").args(["-c", "exit 1"])));
        }
    }
}
