//! Whether a pack's files are those that `pack.json` lists.

use rayon::prelude::*;

use super::manifest::{PackManifest, is_plain};
use super::members::{MANIFEST, Members, unreadable};
use super::refuse;
use crate::digest::sha256_of;
use crate::error::Result;

/// Reads every file of a pack.
///
/// # Errors
/// `pack.missing_file`, `pack.extra_file`, `pack.path`, `pack.size`, `pack.hash`, `pack.unreadable`.
pub(super) fn verify(members: &Members, manifest: &PackManifest) -> Result<()> {
    verify_names(members, manifest)?;
    // The largest first: two threads then end at about the same time.
    let mut names: Vec<_> = manifest.files.keys().collect();
    names.sort_by_key(|name| std::cmp::Reverse(manifest.files[*name].size));
    names.par_iter().with_max_len(1).try_for_each(|name| verify_file(members, manifest, name))
}

/// Looks at names and sizes alone.
///
/// # Errors
/// `pack.missing_file`, `pack.extra_file`, `pack.path`, `pack.size`.
pub(super) fn verify_names(members: &Members, manifest: &PackManifest) -> Result<()> {
    for name in members.names()? {
        if name != MANIFEST && !manifest.files.contains_key(&name) {
            let what = if is_plain(&name) { "pack.extra_file" } else { "pack.path" };
            let message =
                format!("{name:?} is in the pack and pack.json does not list it: remove it");
            return Err(refuse(what, message));
        }
    }
    for (name, record) in &manifest.files {
        let size = members.locate(name)?.span.size;
        if size != record.size {
            let message = format!(
                "{name} has {size} bytes and should have {}: copy or download it again",
                record.size
            );
            return Err(refuse("pack.size", message));
        }
    }
    Ok(())
}

fn verify_file(members: &Members, manifest: &PackManifest, name: &str) -> Result<()> {
    let digest = sha256_of(&mut members.reader(name)?, &mut |_| Ok(()))
        .map_err(|error| unreadable(members.path(), error))?;
    same(name, &digest, manifest)
}

/// Whether a member's digest is the one that is listed.
pub(super) fn same(name: &str, digest: &str, manifest: &PackManifest) -> Result<()> {
    if manifest.files.get(name).is_some_and(|record| record.sha256 == digest) {
        return Ok(());
    }
    let message = format!("{name} is not the file that pack.json lists: copy or download it again");
    Err(refuse("pack.hash", message))
}
