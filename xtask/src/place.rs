use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

/// Where the repository and its build folder are.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
}

impl Place {
    /// Asks cargo, so that `CARGO_TARGET_DIR` and a user's own cargo settings are respected.
    pub(crate) fn find() -> Result<Self, Failure> {
        let root = env::var_os("CARGO_MANIFEST_DIR")
            .and_then(|xtask| Path::new(&xtask).parent().map(Path::to_path_buf))
            .ok_or_else(|| Failure::new("start the chores with `cargo xtask`"))?;
        let output = cargo()
            .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
            .arg("--manifest-path")
            .arg(root.join("Cargo.toml"))
            .output()
            .map_err(Failure::while_doing("cargo metadata did not start"))?;
        let target = json_string(&String::from_utf8_lossy(&output.stdout), "target_directory")
            .ok_or_else(|| Failure::new("cargo metadata names no target folder"))?;
        Ok(Self { root, target: PathBuf::from(target) })
    }

    /// A cargo command about this repository that leaves the working directory alone, since the
    /// paths that a user types are relative to it.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut command = cargo();
        command.arg(subcommand).arg("--manifest-path").arg(self.root.join("Cargo.toml"));
        command
    }
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The first string under `key` in a JSON text.
fn json_string(json: &str, key: &str) -> Option<String> {
    let start = json.find(&format!("\"{key}\":\""))? + key.len() + 4;
    let mut value = String::new();
    let mut characters = json.get(start..)?.chars();
    loop {
        match characters.next()? {
            '"' => return Some(value),
            '\\' => value.push(characters.next()?),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::json_string;

    #[test]
    fn reads_a_string_with_escapes() {
        let json = r#"{"a":1,"target_directory":"C:\\built \"here\"","z":"no"}"#;
        assert_eq!(json_string(json, "target_directory").unwrap(), r#"C:\built "here""#);
        assert_eq!(json_string(json, "absent"), None);
    }
}
