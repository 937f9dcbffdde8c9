use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, succeed};
use crate::place::Place;
use crate::released::Released;
use crate::sha256;

/// Two places of different length, so that a path that gets into the library changes it.
const PLACES: [&str; 2] = ["one", "another-place-with-a-longer-name"];
/// What stands in the library where a path would.
const SOURCES: &str = "/kinora";
const REGISTRY: &str = "/cargo";

/// `reproduce`: builds the library of the packages for this Linux machine twice, in two places, and
/// holds their sums against each other.
pub(crate) fn reproduce(place: &Place) -> Result<(), Failure> {
    if !cfg!(target_os = "linux") {
        return Err(Failure::new("only the Linux library is made reproducibly: run it on Linux"));
    }
    let root = place.target.join("reproduce");
    let folders = PLACES.map(|name| root.join(name));
    // Both first: a build takes minutes, in which somebody may go on working.
    for folder in &folders {
        if folder.exists() {
            fs::remove_dir_all(folder)
                .map_err(Failure::while_doing(format!("cannot empty {}", folder.display())))?;
        }
        copy_tracked(&place.root, folder)?;
    }
    let mut libraries = Vec::new();
    for folder in &folders {
        let library = build(folder)?;
        let sum = sha256::of_file(&library)
            .map_err(Failure::while_doing(format!("cannot read {}", library.display())))?;
        println!("{sum}  {}", library.display());
        libraries.push((library, sum));
    }
    println!("{}", toolchain()?);
    match &libraries[..] {
        [(_, one), (_, other)] if one == other => Ok(()),
        [(one, _), (other, _)] => Err(Failure::new(format!(
            "the two libraries differ, first at byte {}: compare them with a tool such as \
             diffoscope",
            first_difference(one, other)?
        ))),
        _ => Err(Failure::new("nothing was built")),
    }
}

/// What git knows of, as it lies in the working tree.
fn copy_tracked(root: &Path, to: &Path) -> Result<(), Failure> {
    let list = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root)
        .output()
        .map_err(Failure::while_doing("git did not start"))?;
    if !list.status.success() {
        return Err(Failure::new("only a git checkout says what belongs to the sources"));
    }
    for name in String::from_utf8_lossy(&list.stdout).split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (root.join(name), to.join(name));
        let copied = fs::create_dir_all(to.parent().unwrap_or(&to));
        copied
            .and_then(|()| fs::copy(&from, &to))
            .map_err(Failure::while_doing(format!("cannot copy {}", from.display())))?;
    }
    Ok(())
}

/// The library as `bindings` builds it, but that no path of this machine gets in.
fn build(folder: &Path) -> Result<PathBuf, Failure> {
    let target = folder.join("target");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(folder).args(["rustc", "--release", "--locked", "--package", "kinora"]);
    cargo.args(["--lib", "--crate-type", "cdylib", "--features", Released::Library.features()]);
    cargo.args(["--", "-C", "link-arg=-Wl,-z,max-page-size=16384"]);
    // Names of local symbols hold hashes of modules, which come from where they were built, and those
    // of the assembler whole paths. The link's own number is a hash over them.
    cargo.args(["-C", "strip=symbols"]);
    for (name, value) in settings(folder, &cargo_home()?) {
        cargo.env(name, value);
    }
    // Of the shell's own settings none may reach the compilers.
    for name in ["CARGO_ENCODED_RUSTFLAGS", "CPPFLAGS", "LDFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(name);
    }
    cargo.env("CARGO_TARGET_DIR", &target);
    succeed(&mut cargo, "the library did not build")?;
    Ok(target.join("release").join("libkinora.so"))
}

/// The environment of a build in `folder`.
fn settings(folder: &Path, cargo_home: &Path) -> Vec<(&'static str, String)> {
    let (folder, home) = (folder.display(), cargo_home.display());
    // The later of two that fit counts.
    let rust =
        format!("--remap-path-prefix={home}={REGISTRY} --remap-path-prefix={folder}={SOURCES}");
    let c = format!("-ffile-prefix-map={home}={REGISTRY} -ffile-prefix-map={folder}={SOURCES} -g0");
    vec![
        ("RUSTFLAGS", rust),
        ("CFLAGS", c.clone()),
        ("CXXFLAGS", c),
        ("CARGO_INCREMENTAL", "0".to_owned()),
        // Archives without times and users; programs that write a date write this one.
        ("ZERO_AR_DATE", "1".to_owned()),
        ("SOURCE_DATE_EPOCH", "1".to_owned()),
        ("LC_ALL", "C".to_owned()),
        ("TZ", "UTC".to_owned()),
    ]
}

fn cargo_home() -> Result<PathBuf, Failure> {
    let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cargo"));
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(home)
        .ok_or_else(|| Failure::new("neither CARGO_HOME nor HOME says where the registry lies"))
}

/// The programs whose versions decide the sum.
fn toolchain() -> Result<String, Failure> {
    let mut told = Vec::new();
    for (program, argument) in
        [("rustc", "-vV"), ("c++", "--version"), ("nasm", "-v"), ("ld", "-v")]
    {
        let said = Command::new(program).arg(argument).output();
        let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let first = said.as_deref().ok().and_then(|text| text.lines().next());
        told.push(first.map_or_else(|| format!("no {program}"), str::to_owned));
    }
    Ok(told.join("\n"))
}

fn first_difference(one: &Path, other: &Path) -> Result<usize, Failure> {
    let read = |path: &Path| {
        fs::read(path).map_err(Failure::while_doing(format!("cannot read {}", path.display())))
    };
    let (one, other) = (read(one)?, read(other)?);
    let at = one.iter().zip(&other).position(|(a, b)| a != b);
    Ok(at.unwrap_or(one.len().min(other.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_compiler_is_told_to_leave_paths_out() {
        let settings = settings(Path::new("/a/b"), Path::new("/home/x/.cargo"));
        let value = |name: &str| &settings.iter().find(|(own, _)| *own == name).unwrap().1;
        for (name, flag) in [
            ("RUSTFLAGS", "--remap-path-prefix=/a/b=/kinora"),
            ("RUSTFLAGS", "--remap-path-prefix=/home/x/.cargo=/cargo"),
            ("CFLAGS", "-ffile-prefix-map=/a/b=/kinora"),
            ("CXXFLAGS", "-ffile-prefix-map=/home/x/.cargo=/cargo"),
        ] {
            assert!(value(name).contains(flag), "{name}: {}", value(name));
        }
    }
}
