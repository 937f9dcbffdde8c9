use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Stdio;

use super::cyclonedx::{Component, Kind};
use crate::failure::Failure;
use crate::place::Place;

/// What something is made of, and what of it uses what.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// The reference of what it is about.
    pub(super) root: String,
    /// By reference.
    pub(super) components: BTreeMap<String, Component>,
    pub(super) uses: BTreeMap<String, BTreeSet<String>>,
}

impl Tree {
    /// The root uses this too.
    pub(super) fn uses(&mut self, component: Component) {
        let reference = component.reference();
        self.uses.entry(self.root.clone()).or_default().insert(reference.clone());
        self.components.insert(reference, component);
    }
}

/// What is linked into the library for `target`: no build tools and no macros.
pub(super) fn read(place: &Place, target: &str, features: &str) -> Result<Tree, Failure> {
    let mut cargo = place.cargo("tree");
    cargo.args(["--locked", "--package", "kinora", "--target", target, "--features", features]);
    cargo.args(["--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", "{p}|{l}"]);
    let output = cargo
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::while_doing("cargo tree did not start"))?;
    let lock = fs::read_to_string(place.root.join("Cargo.lock"))
        .map_err(Failure::while_doing("cannot read Cargo.lock"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match parse(&text, &sums(&lock)) {
        Some(tree) if output.status.success() => Ok(tree),
        _ => Err(Failure::new("cargo tree says nothing that can be read: see above")),
    }
}

/// Lines such as `2png v0.18.1|MIT OR Apache-2.0 (*)`: depth, package, licence.
fn parse(text: &str, sums: &BTreeMap<(String, String), String>) -> Option<Tree> {
    let mut tree = Tree::default();
    // The references on the way down to the line before.
    let mut way: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let digits = line.find(|c: char| !c.is_ascii_digit())?;
        let depth: usize = line[..digits].parse().ok()?;
        let (package, license) = line[digits..].split_once('|')?;
        let mut words = package.split(' ');
        let (name, version) = (words.next()?.to_owned(), words.next()?.strip_prefix('v')?);
        let license = license.trim_end_matches("(*)").trim();
        let component = Component {
            kind: Kind::Library,
            sha256: sums.get(&(name.clone(), version.to_owned())).cloned(),
            purl: Some(format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))),
            name,
            version: version.to_owned(),
            // Cargo's older way to say "or".
            license: (!license.is_empty()).then(|| license.replace('/', " OR ")),
        };
        let reference = component.reference();
        way.truncate(depth);
        match way.last() {
            Some(user) => {
                tree.uses.entry(user.clone()).or_default().insert(reference.clone());
            }
            None => tree.root = reference.clone(),
        }
        way.push(reference.clone());
        tree.components.insert(reference, component);
    }
    (!tree.root.is_empty()).then_some(tree)
}

/// The registry's sums out of Cargo.lock, by name and version.
fn sums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |entry: &str, key: &str| {
        let line = entry.lines().find_map(|line| line.strip_prefix(&format!("{key} = \"")))?;
        line.strip_suffix('"').map(str::to_owned)
    };
    lock.split("[[package]]")
        .filter_map(|entry| {
            let sum = value(entry, "checksum")?;
            Some(((value(entry, "name")?, value(entry, "version")?), sum))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_and_its_sums_are_read() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0+x\"\nchecksum = \"ab\"\n";
        let text = "0kinora v0.1.0 (/somewhere)|MIT\n1a v1.0.0+x|MIT/Apache-2.0\n2b v2.0.0|\n\
                    1b v2.0.0| (*)\n";
        let tree = parse(text, &sums(lock)).unwrap();
        assert_eq!(tree.root, "kinora@0.1.0");
        let a = &tree.components["a@1.0.0+x"];
        assert_eq!(a.sha256.as_deref(), Some("ab"));
        assert_eq!(a.license.as_deref(), Some("MIT OR Apache-2.0"));
        assert_eq!(a.purl.as_deref(), Some("pkg:cargo/a@1.0.0%2Bx"));
        assert_eq!(tree.components["b@2.0.0"].license, None);
        assert_eq!(tree.uses["kinora@0.1.0"].len(), 2);
        assert!(tree.uses["a@1.0.0+x"].contains("b@2.0.0"));
        assert!(parse("nothing", &BTreeMap::new()).is_none());
    }
}
