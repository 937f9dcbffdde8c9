//! Where networks run: the names, and how each is registered with a session.

use std::fmt;
use std::str::FromStr;

use ort::session::builder::{BuilderResult, SessionBuilder};

use super::environment::Environment;
use crate::error::{Detail, Error, Result};

/// Where networks run.
///
/// Each but `Auto` and `Cpu` needs the cargo feature of its name and an ONNX Runtime that was built
/// with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExecutionProvider {
    /// CUDA or Core ML where they work, else the CPU.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// NVIDIA graphics cards.
    Cuda,
    /// Apple's accelerators.
    CoreMl,
    /// XNNPACK, quick on the processors of phones.
    Xnnpack,
    /// WebGPU, for graphics cards of any maker, as a plugin beside ONNX Runtime.
    WebGpu,
}

impl ExecutionProvider {
    /// Every execution provider by name, the CPU first; without `Auto`.
    pub const ALL: [Self; 5] = [Self::Cpu, Self::Cuda, Self::CoreMl, Self::Xnnpack, Self::WebGpu];

    /// The name as it stands on a command line: `auto`, `cpu`, `cuda`, `coreml`, `xnnpack`, `webgpu`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::CoreMl => "coreml",
            Self::Xnnpack => "xnnpack",
            Self::WebGpu => "webgpu",
        }
    }

    /// True where the cargo feature that it needs is on.
    pub fn is_compiled_in(self) -> bool {
        match self {
            Self::Auto | Self::Cpu => true,
            Self::Cuda => cfg!(feature = "cuda"),
            Self::CoreMl => cfg!(feature = "coreml"),
            Self::Xnnpack => cfg!(feature = "xnnpack"),
            Self::WebGpu => cfg!(feature = "webgpu"),
        }
    }

    /// What is tried, in order: `Auto` stands for several, the CPU is its last.
    pub(super) fn candidates(self) -> &'static [Self] {
        match self {
            Self::Auto => &[Self::Cuda, Self::CoreMl, Self::Cpu],
            Self::Cpu => &[Self::Cpu],
            Self::Cuda => &[Self::Cuda],
            Self::CoreMl => &[Self::CoreMl],
            Self::Xnnpack => &[Self::Xnnpack],
            Self::WebGpu => &[Self::WebGpu],
        }
    }

    /// Threads of the session's own pool: XNNPACK brings a pool, two would fight for the cores.
    pub(super) fn session_threads(self, threads: usize) -> usize {
        if self == Self::Xnnpack { 1 } else { threads }
    }

    /// Registers it, so that a failure is an error and not a silent change to the CPU.
    #[cfg_attr(not(all(feature = "webgpu", feature = "xnnpack")), allow(unused_variables))]
    pub(super) fn register(
        self,
        builder: SessionBuilder,
        environment: &Environment,
        threads: usize,
    ) -> Result<SessionBuilder> {
        let registered: BuilderResult = match self {
            // The CPU is always there; naming it would switch its memory arena off.
            Self::Auto | Self::Cpu => Ok(builder),
            #[cfg(feature = "cuda")]
            Self::Cuda => builder
                .with_execution_providers([ort::ep::CUDA::default().build().error_on_failure()]),
            #[cfg(feature = "coreml")]
            Self::CoreMl => builder.with_execution_providers([ort::ep::CoreML::default()
                .with_model_format(ort::ep::coreml::ModelFormat::MLProgram)
                .with_static_input_shapes(true)
                .build()
                .error_on_failure()]),
            #[cfg(feature = "xnnpack")]
            Self::Xnnpack => {
                let threads =
                    std::num::NonZeroUsize::new(threads).unwrap_or(std::num::NonZeroUsize::MIN);
                builder.with_execution_providers([ort::ep::XNNPACK::default()
                    .with_intra_op_num_threads(threads)
                    .build()
                    .error_on_failure()])
            }
            #[cfg(feature = "webgpu")]
            Self::WebGpu => {
                const NAME: &str = "WebGpuExecutionProvider";
                environment.load_plugin("webgpu")?;
                let devices: Vec<_> = environment
                    .ort
                    .devices()
                    .filter(|device| device.ep().is_ok_and(|name| name == NAME))
                    .collect();
                if devices.is_empty() {
                    return Err(self.missing("no graphics card answers it"));
                }
                builder.with_devices(devices, None)
            }
            #[allow(unreachable_patterns)]
            _ => {
                return Err(self
                    .missing(&format!("Kinora was built without its feature `{}`", self.name())));
            }
        };
        registered.map_err(|error| {
            let error = ort::Error::<()>::from(error);
            Error::Runtime(self.missing_detail("ONNX Runtime refuses it").because(error))
        })
    }

    pub(super) fn missing(self, why: &str) -> Error {
        Error::Runtime(self.missing_detail(why))
    }

    fn missing_detail(self, why: &str) -> Detail {
        Detail::new(
            "runtime.provider_missing",
            format!(
                "the execution provider `{self}` cannot run here: {why}; ask for `auto` or `cpu`, \
                 or open an ONNX Runtime that was built with it"
            ),
        )
    }
}

impl fmt::Display for ExecutionProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ExecutionProvider {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        std::iter::once(Self::Auto)
            .chain(Self::ALL)
            .find(|known| known.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                Error::Request(Detail::new(
                    "request.execution_provider",
                    format!(
                        "`{name}` is no execution provider; name auto, cpu, cuda, coreml, xnnpack \
                         or webgpu"
                    ),
                ))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for provider in ExecutionProvider::ALL {
            assert_eq!(provider.to_string().parse::<ExecutionProvider>().unwrap(), provider);
        }
        assert_eq!("CPU".parse::<ExecutionProvider>().unwrap(), ExecutionProvider::Cpu);
        let error = "gpu".parse::<ExecutionProvider>().unwrap_err();
        assert_eq!(error.code(), "request.execution_provider");
    }

    #[test]
    fn auto_ends_on_the_cpu() {
        assert_eq!(ExecutionProvider::Auto.candidates().last(), Some(&ExecutionProvider::Cpu));
    }
}
