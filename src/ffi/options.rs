//! How a studio is opened.

use std::sync::Arc;

use super::Result;
use super::checkpoints::Checkpoints;
use super::marking::MarkingOptions;
use super::remote::Remote;
use super::safety::SafetyOptions;

/// How a studio is opened: by default with the embedded models, on all cores.
#[derive(Debug, Clone, uniffi::Record)]
pub struct StudioOptions {
    /// The ONNX Runtime library to load; where it is empty the usual places are looked at. The
    /// Swift and Kotlin packages for phones bring it along.
    #[uniffi(default)]
    pub runtime_library: Option<String>,
    /// Threads for the networks and the warp; all cores where it is empty.
    #[uniffi(default)]
    pub threads: Option<u32>,
    /// Where the networks run.
    #[uniffi(default)]
    pub execution_provider: Option<ExecutionProvider>,
    /// A folder with the default model's four files, instead of the embedded ones.
    #[uniffi(default)]
    pub models: Option<String>,
    /// The folder of a `PackStore`: clips can then be made with its packs.
    #[uniffi(default)]
    pub packs: Option<String>,
    /// The most bytes that a job of a pack may take beside what the app has already; left out, what
    /// Linux and Android say is left, and no limit on other systems.
    #[uniffi(default)]
    pub memory_limit: Option<u64>,
    /// Where jobs of packs keep what they need to outlive the app; left out they keep nothing.
    #[uniffi(default)]
    pub checkpoints: Option<Arc<Checkpoints>>,
    /// Lets the studio make clips with remote models too, under consents.
    #[uniffi(default)]
    pub remote: Option<Arc<Remote>>,
    /// The gates that prompt, photo and frames pass; left out, the prompt's alone.
    #[uniffi(default)]
    pub safety: Option<SafetyOptions>,
    /// What clips are marked with; left out, with everything.
    #[uniffi(default)]
    pub marking: Option<MarkingOptions>,
}

/// Where networks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum ExecutionProvider {
    /// CUDA or Core ML where they work, else the CPU.
    Auto,
    /// The processor.
    Cpu,
    /// NVIDIA graphics cards.
    Cuda,
    /// Apple's accelerators.
    CoreMl,
    /// XNNPACK, quick on the processors of phones.
    Xnnpack,
    /// WebGPU, for graphics cards of any maker.
    WebGpu,
}

impl StudioOptions {
    pub(super) fn into_core(self) -> Result<crate::StudioOptions> {
        let mut out = crate::StudioOptions::default();
        if let Some(library) = self.runtime_library {
            out = out.runtime(library);
        }
        if let Some(threads) = self.threads {
            out = out.threads(threads as usize);
        }
        if let Some(provider) = self.execution_provider {
            out = out.execution_provider(provider.into());
        }
        if let Some(models) = self.models {
            out = out.models(models);
        }
        if let Some(packs) = self.packs {
            out = out.packs(packs);
        }
        if let Some(bytes) = self.memory_limit {
            out = out.memory_limit(bytes);
        }
        if let Some(checkpoints) = self.checkpoints {
            out = out.checkpoints(checkpoints.checkpoints.clone());
        }
        if let Some(remote) = self.remote {
            out = out.remote(remote.remote.clone());
        }
        if let Some(safety) = self.safety {
            out = out.safety(safety.into_core()?);
        }
        if let Some(marking) = self.marking {
            out = out.marking(marking.into_core()?);
        }
        Ok(out)
    }
}

impl From<ExecutionProvider> for crate::ExecutionProvider {
    fn from(provider: ExecutionProvider) -> Self {
        match provider {
            ExecutionProvider::Auto => Self::Auto,
            ExecutionProvider::Cpu => Self::Cpu,
            ExecutionProvider::Cuda => Self::Cuda,
            ExecutionProvider::CoreMl => Self::CoreMl,
            ExecutionProvider::Xnnpack => Self::Xnnpack,
            ExecutionProvider::WebGpu => Self::WebGpu,
        }
    }
}

impl From<crate::ExecutionProvider> for ExecutionProvider {
    fn from(provider: crate::ExecutionProvider) -> Self {
        match provider {
            crate::ExecutionProvider::Auto => Self::Auto,
            crate::ExecutionProvider::Cpu => Self::Cpu,
            crate::ExecutionProvider::Cuda => Self::Cuda,
            crate::ExecutionProvider::CoreMl => Self::CoreMl,
            crate::ExecutionProvider::Xnnpack => Self::Xnnpack,
            crate::ExecutionProvider::WebGpu => Self::WebGpu,
        }
    }
}
