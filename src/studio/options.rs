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
    memory_limit: Option<u64>,
    #[cfg(feature = "vault")]
    checkpoints: Option<crate::checkpoint::Checkpoints>,
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

    /// Where jobs of packs keep what they need to outlive their process; by default they keep nothing.
    #[cfg(feature = "vault")]
    #[must_use]
    pub fn checkpoints(mut self, checkpoints: crate::checkpoint::Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    /// The most bytes that a job of a pack may take beside what the process has. On Linux and Android
    /// the system says what is left; elsewhere only the host knows, such as by
    /// `os_proc_available_memory` on iOS, and without this nothing is refused for its size there.
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = Some(bytes);
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

    #[cfg(feature = "vault")]
    pub(super) fn take_checkpoints(&mut self) -> Option<crate::checkpoint::Checkpoints> {
        self.checkpoints.take()
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

    pub(super) fn memory_limit_bytes(&self) -> Option<u64> {
        self.memory_limit
    }

    pub(super) fn packs_folder(&self) -> Option<&Path> {
        self.packs.as_deref()
    }

    pub(super) fn models_folder(&self) -> Option<&Path> {
        self.models.as_deref()
    }
}
