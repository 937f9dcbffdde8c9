//! A pack that has been checked.

use std::path::Path;

use super::estimate::Estimate;
use super::graph::{Weights, placed};
use super::licence::Terms;
use super::manifest::{LARGEST_GRAPH, PackManifest, Precision, version};
use super::members::{MANIFEST, Members};
use super::verify::{same, verify};
use super::{refuse, refuse_for};
use crate::digest::sha256;
use crate::error::Result;
use crate::runtime::{self, Runtime, Session, Source};

/// Bytes of the longest licence and the largest tokenizer.
const LONGEST_TEXT: u64 = 256 << 20;

/// A pack whose files are those that its `pack.json` lists.
#[derive(Debug, Clone)]
pub struct Pack {
    manifest: PackManifest,
    members: Members,
}

impl Pack {
    /// Opens a folder or a single file, and reads all of it once to check it.
    ///
    /// # Errors
    /// `pack.*`: what is missing, too much, changed or not what a pack may hold.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let members = Members::open(path.as_ref())?;
        let manifest = members.manifest()?;
        verify(&members, &manifest)?;
        Ok(Self { manifest, members })
    }

    /// One that was checked before and has not been touched since.
    pub(super) fn checked(manifest: PackManifest, members: Members) -> Self {
        Self { manifest, members }
    }

    /// What `pack.json` says.
    pub fn manifest(&self) -> &PackManifest {
        &self.manifest
    }

    /// What `pack.json` says, to try other settings with the same files.
    #[cfg(test)]
    pub(crate) fn manifest_mut(&mut self) -> &mut PackManifest {
        &mut self.manifest
    }

    /// Writes what jobs take into `pack.json` of a folder.
    ///
    /// # Errors
    /// `pack.write`; `pack.measure` for a pack that is one file: measured before, it says it too.
    pub fn note_estimate(&self, estimate: Estimate) -> Result<()> {
        if !matches!(self.members, Members::Folder(_)) {
            let message = "a pack of one file is not changed any more: measure its folder, and export it then";
            return Err(refuse("pack.measure", message));
        }
        let failed = |error: std::io::Error| {
            let message = "pack.json cannot be written: make room and check permissions";
            refuse_for("pack.write", message, error)
        };
        let manifest = PackManifest { estimate: Some(estimate), ..self.manifest.clone() };
        let json = serde_json::to_vec_pretty(&manifest).map_err(|error| failed(error.into()))?;
        crate::scratch::replace(&self.members.path().join(MANIFEST), &json).map_err(failed)
    }

    /// The folder or file.
    pub fn path(&self) -> &Path {
        self.members.path()
    }

    pub(super) fn members(&self) -> &Members {
        &self.members
    }

    /// The terms of its weights.
    ///
    /// # Errors
    /// `pack.licence` for a text that is none.
    pub fn terms(&self) -> Result<Terms> {
        terms(&self.members, &self.manifest)
    }

    /// A whole file of the pack.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>> {
        let bytes = self.members.read(name, LONGEST_TEXT)?;
        same(name, &sha256(&bytes), &self.manifest)?;
        Ok(bytes)
    }

    /// Whether `runtime` is new enough.
    ///
    /// # Errors
    /// `pack.runtime_too_old`.
    pub(crate) fn fits(&self, runtime: &Runtime) -> Result<()> {
        let wanted = &self.manifest.minimum_runtime;
        match runtime.version() {
            Some(found) if version(found) < version(wanted) => Err(refuse(
                "pack.runtime_too_old",
                format!(
                    "{} needs ONNX Runtime {wanted} and this is {found}: bring a newer one",
                    self.manifest.id
                ),
            )),
            _ => Ok(()),
        }
    }

    /// A session for the component of that role. Its weights are mapped from the pack, not copied.
    ///
    /// # Errors
    /// `pack.*`, `model.unreadable`.
    pub(crate) fn session(&self, runtime: &Runtime, role: &str) -> Result<Session> {
        let component = self.manifest.component(role)?;
        let graph = self.members.read(&component.graph, LARGEST_GRAPH)?;
        same(&component.graph, &sha256(&graph), &self.manifest)?;
        let name = format!("{}/{role}", self.manifest.id);
        let Some(data) = &component.data else {
            return runtime.session(&placed(&graph, None)?, &name);
        };
        let located = self.members.locate(data)?;
        let (folder, file) =
            (located.file.parent(), located.file.file_name().and_then(|n| n.to_str()));
        let (Some(folder), Some(file)) = (folder, file) else {
            let message = format!(
                "{} is no path that ONNX Runtime can open: move the pack",
                located.file.display()
            );
            return Err(refuse("pack.path", message));
        };
        let graph = placed(&graph, Some(&Weights { name: data, file, span: located.span }))?;
        let in_place = self.manifest.precision == Precision::F32;
        let weights = Some(runtime::Weights { folder, in_place });
        runtime.session_of(Source { model: &graph, weights }, &name)
    }
}

/// The terms of a pack that may not have been checked.
pub(super) fn terms(members: &Members, manifest: &PackManifest) -> Result<Terms> {
    let text = manifest.licence.file.as_ref().map(|name| {
        let bytes = members.read(name, LONGEST_TEXT)?;
        same(name, &sha256(&bytes), manifest)?;
        String::from_utf8(bytes).map_err(|error| {
            refuse_for("pack.licence", format!("{name} is no text: export the pack anew"), error)
        })
    });
    Ok(Terms {
        pack: manifest.id.clone(),
        licence: manifest.licence.clone(),
        text: text.transpose()?,
    })
}
