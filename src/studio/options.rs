//! How a studio is opened.

use std::path::{Path, PathBuf};

use crate::marking::Marking;
use crate::runtime::{ExecutionProvider, RuntimeOptions};
use crate::safety::Safety;

/// How a [`Studio`](crate::Studio) is opened: by default with the embedded models, on the CPU with
/// all cores.
#[derive(Debug, Clone, Default)]
pub struct StudioOptions {
    runtime: RuntimeOptions,
    models: Option<PathBuf>,
    packs: Option<PathBuf>,
    safety: Safety,
    marking: Marking,
    #[cfg(feature = "remote")]
    remote: Option<crate::remote::Remote>,
}

impl StudioOptions {
    /// The ONNX Runtime library to load, before any other place is looked at.
    #[must_use]
    pub fn runtime(mut self, library: impl Into<PathBuf>) -> Self {
        self.runtime = self.runtime.library(library);
        self
    }

    /// How many threads the networks and the warp use; all cores by default.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.runtime = self.runtime.threads(threads);
        self
    }

    /// Where the networks run.
    #[must_use]
    pub fn execution_provider(mut self, provider: ExecutionProvider) -> Self {
        self.runtime = self.runtime.execution_provider(provider);
        self
    }

    /// A folder with the default model's four files, instead of the embedded ones.
    #[must_use]
    pub fn models(mut self, folder: impl Into<PathBuf>) -> Self {
        self.models = Some(folder.into());
        self
    }

    /// The folder of a [`PackStore`](crate::pack::PackStore): clips can then be made with its packs.
    #[must_use]
    pub fn packs(mut self, folder: impl Into<PathBuf>) -> Self {
        self.packs = Some(folder.into());
        self
    }

    /// The gates that prompt, photo and frames pass; by default the prompt's alone.
    #[must_use]
    pub fn safety(mut self, safety: Safety) -> Self {
        self.safety = safety;
        self
    }

    /// What clips are marked with; a request may say otherwise. By default watermark and XMP.
    #[must_use]
    pub fn marking(mut self, marking: Marking) -> Self {
        self.marking = marking;
        self
    }

    /// Lets the studio make clips with remote models too, under consents. Without it nothing can.
    #[cfg(feature = "remote")]
    #[must_use]
    pub fn remote(mut self, remote: crate::remote::Remote) -> Self {
        self.remote = Some(remote);
        self
    }

    #[cfg(feature = "remote")]
    pub(super) fn take_remote(&mut self) -> Option<crate::remote::Remote> {
        self.remote.take()
    }

    pub(super) fn take_safety(&mut self) -> Safety {
        std::mem::take(&mut self.safety)
    }

    pub(super) fn take_marking(&mut self) -> Marking {
        std::mem::take(&mut self.marking)
    }

    pub(super) fn runtime_options(&self) -> &RuntimeOptions {
        &self.runtime
    }

    pub(super) fn packs_folder(&self) -> Option<&Path> {
        self.packs.as_deref()
    }

    pub(super) fn models_folder(&self) -> Option<&Path> {
        self.models.as_deref()
    }
}
