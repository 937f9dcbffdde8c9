use std::fs;
use std::process::Stdio;

use crate::failure::Failure;
use crate::place::Place;

/// What the registry takes; its own limit is 10 MiB.
const LIMIT: u64 = 10_000_000;
/// How many of the largest files are named.
const NAMED: usize = 5;

/// `crate-size`: packs the crate as for publishing and holds its size against the limit.
pub(crate) fn check(place: &Place) -> Result<(), Failure> {
    let listed = place
        .cargo("package")
        .args(["--package", "kinora", "--allow-dirty", "--list"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::while_doing("cargo did not start"))?;
    let mut files: Vec<(u64, String)> = String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter_map(|name| Some((fs::metadata(place.root.join(name)).ok()?.len(), name.into())))
        .collect();
    files.sort_unstable_by(|a, b| b.cmp(a));

    let packed = place
        .cargo("package")
        .args(["--package", "kinora", "--allow-dirty", "--no-verify", "--quiet"])
        .status()
        .map_err(Failure::while_doing("cargo did not start"))?;
    if !listed.status.success() || !packed.success() {
        return Err(Failure::new("cargo cannot pack the crate: see what it says above"));
    }
    let name = format!("kinora-{}.crate", version(place)?);
    let path = place.target.join("package").join(&name);
    let size = fs::metadata(&path)
        .map_err(Failure::while_doing(format!("cannot read {}", path.display())))?
        .len();

    for (bytes, file) in files.iter().take(NAMED) {
        println!("{bytes:>10}  {file}");
    }
    println!("{size:>10}  {name}, {} files, limit {LIMIT}", files.len());
    if size > LIMIT {
        return Err(Failure::new(format!("{name} is larger than {LIMIT} bytes")));
    }
    Ok(())
}

/// The version in the root manifest: the first `version = "…"` stands in `[package]`.
pub(crate) fn version(place: &Place) -> Result<String, Failure> {
    let path = place.root.join("Cargo.toml");
    let manifest = fs::read_to_string(&path)
        .map_err(Failure::while_doing(format!("cannot read {}", path.display())))?;
    manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .ok_or_else(|| Failure::new("Cargo.toml names no version"))
}
