use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::place::Place;
use crate::released::Released;

const PHONES: [Released; 2] = [Released::Android, Released::Apple];
/// Crates whose build scripts compile C.
const COMPILERS: [&str; 3] = ["cc", "cmake", "nasm-rs"];

/// `check-mobile`: type-checks the crate for phones, and that nothing compiles C for them.
///
/// Nothing is linked: that needs the phones' own tools (see `package`).
pub(crate) fn check(place: &Place) -> Result<(), Failure> {
    for phone in PHONES {
        let (target, features) = (phone.target(), phone.features());
        let added = Command::new("rustup").args(["target", "add", target]).status();
        if !added.is_ok_and(|status| status.success()) {
            return Err(Failure::new(format!(
                "{target} is not installed and `rustup target add {target}` did not work"
            )));
        }
        for compiler in COMPILERS {
            if compiles_with(place, target, features, compiler)? {
                return Err(Failure::new(format!(
                    "something compiles C for {target}: see `cargo tree --target {target} -e \
                     normal,build -i {compiler}`"
                )));
            }
        }
        println!("{target}: nothing compiles C");
        let mut clippy = place.cargo("clippy");
        clippy.args(["--release", "--package", "kinora", "--lib", "--target", target]).args([
            "--features",
            features,
            "--",
            "-D",
            "warnings",
        ]);
        if !clippy.status().is_ok_and(|status| status.success()) {
            return Err(Failure::new(format!("the crate does not type-check for {target}")));
        }
        println!("{target}: type-checks with {features}");
    }
    Ok(())
}

/// Whether `compiler` stands in the tree of what is built for `target`.
fn compiles_with(
    place: &Place,
    target: &str,
    features: &str,
    compiler: &str,
) -> Result<bool, Failure> {
    let tree = place
        .cargo("tree")
        .args(["--package", "kinora", "--target", target, "--features", features])
        .args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::while_doing("cargo tree did not start"))?;
    if !tree.status.success() {
        return Err(Failure::new("cargo tree failed: see what it says above"));
    }
    let list = String::from_utf8_lossy(&tree.stdout);
    Ok(list.lines().any(|line| line.split(' ').next() == Some(compiler)))
}
