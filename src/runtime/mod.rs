//! ONNX Runtime: finding it, one environment for the process, sessions, execution providers, cancel.
//!
//! The library is never linked and never fetched: it is looked for when a [`Runtime`] is opened
//! (see [`Runtime::open`]). One with a telemetry client inside is refused before it is loaded.

mod cancel;
mod doctor;
mod environment;
mod execution_provider;
#[cfg_attr(target_os = "ios", allow(dead_code, reason = "iOS links it: nothing is looked for"))]
mod library;
pub(crate) mod memory;
pub(crate) mod onnx;
mod options;
mod probe;
mod session;
mod tensor;

use std::path::Path;
use std::sync::Arc;

pub use cancel::Cancel;
pub use doctor::{ProviderReport, RuntimeReport};
pub use execution_provider::ExecutionProvider;
pub use library::Telemetry;
pub use options::RuntimeOptions;
pub(crate) use session::{Session, Source, Weights};
pub(crate) use tensor::{Kept, Outputs, Tensor};

use crate::Result;
use environment::Environment;

/// An opened ONNX Runtime; clones share it.
#[derive(Clone, Debug)]
pub struct Runtime {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    environment: &'static Environment,
    execution_provider: ExecutionProvider,
    threads: usize,
}

impl Runtime {
    /// Opens ONNX Runtime with these options.
    ///
    /// The library is looked for in [`RuntimeOptions::library`], in the environment variable
    /// `ORT_DYLIB_PATH`, beside the executable and in the system's library folders, in this order; on
    /// Android the app's own libraries are the default.
    /// A process holds one ONNX Runtime: the next call gets the one that is already open.
    ///
    /// # Errors
    /// `runtime.not_found` names every place that was looked at; `runtime.telemetry` when the
    /// library would report to its maker; `runtime.unusable` when it is too old or cannot be loaded;
    /// `runtime.other_library` when another library is already open.
    pub fn open(options: &RuntimeOptions) -> Result<Self> {
        let environment = environment::open(options.library_path())?;
        let threads = options.thread_count();
        let execution_provider = options.asked_execution_provider();
        Ok(Self { shared: Arc::new(Shared { environment, execution_provider, threads }) })
    }

    /// The file that was loaded; empty where ONNX Runtime is linked into the app (iOS).
    pub fn library(&self) -> &Path {
        &self.shared.environment.library.path
    }

    /// Its version where it could be read, such as `1.28.0`.
    pub fn version(&self) -> Option<&str> {
        self.shared.environment.library.version.as_deref()
    }

    /// The execution provider that was asked for, perhaps `Auto`.
    pub fn execution_provider(&self) -> ExecutionProvider {
        self.shared.execution_provider
    }

    /// How many threads a session uses.
    pub fn threads(&self) -> usize {
        self.shared.threads
    }

    /// Says what works here: a tiny session is opened on every execution provider.
    pub fn report(&self) -> RuntimeReport {
        doctor::examine(self)
    }

    /// A session for a network in memory; `name` stands in errors.
    ///
    /// # Errors
    /// `model.unreadable`, and `runtime.provider_missing` when the execution provider that was
    /// asked for by name is not there.
    pub(crate) fn session(&self, model: &[u8], name: &str) -> Result<Session> {
        self.session_of(model.into(), name)
    }

    /// A session for a network whose weights may lie in files beside it.
    ///
    /// # Errors
    /// As [`Runtime::session`].
    pub(crate) fn session_of(&self, source: Source<'_>, name: &str) -> Result<Session> {
        Session::open(self.shared.environment, &self.shared.session_options(), source, name)
    }
}

impl Shared {
    fn session_options(&self) -> session::SessionOptions {
        session::SessionOptions {
            execution_provider: self.execution_provider,
            threads: self.threads,
            whole: false,
        }
    }
}
