//! The one environment that a process may have.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ort::logging::LogLevel;

use super::library::Library;
use crate::error::{Detail, Error, Result};

/// ONNX Runtime takes one environment a process, also after the first is dropped: it stays.
static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
/// Held while the environment is opened, so that two threads do not both load a library.
static OPENING: Mutex<()> = Mutex::new(());

/// The loaded library and its environment.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) library: Library,
    pub(super) ort: ort::environment::Environment,
    #[cfg(feature = "webgpu")]
    plugins: Mutex<Vec<std::path::PathBuf>>,
}

/// Hands on what ONNX Runtime says, without the lines of its sources.
fn heard(level: LogLevel, _category: &str, _id: &str, _location: &str, message: &str) {
    let level = match level {
        LogLevel::Verbose => log::Level::Trace,
        LogLevel::Info => log::Level::Debug,
        LogLevel::Warning => log::Level::Warn,
        LogLevel::Error | LogLevel::Fatal => log::Level::Error,
    };
    log::log!(target: "onnxruntime", level, "{message}");
}

/// The environment of this process, opened now if it is not.
pub(super) fn open(asked: Option<&Path>) -> Result<&'static Environment> {
    let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = ENVIRONMENT.get() {
        return environment.same_library(asked);
    }
    let environment = Environment::load(asked)?;
    Ok(ENVIRONMENT.get_or_init(|| environment))
}

impl Environment {
    #[cfg(not(target_os = "ios"))]
    fn load(asked: Option<&Path>) -> Result<Self> {
        let library = Library::find(asked)?;
        let builder = ort::init_from(&library.path).map_err(|error| {
            Error::Runtime(
                Detail::new(
                    "runtime.unusable",
                    format!(
                        "ONNX Runtime at {} cannot be loaded; use version 1.28.0",
                        library.path.display()
                    ),
                )
                .because(error),
            )
        })?;
        Self::build(builder, library)
    }

    #[cfg(target_os = "ios")]
    fn load(_asked: Option<&Path>) -> Result<Self> {
        let library = Library {
            path: std::path::PathBuf::new(),
            telemetry: super::Telemetry::Unknown,
            version: None,
        };
        Self::build(ort::init(), library)
    }

    fn build(builder: ort::environment::EnvironmentBuilder, library: Library) -> Result<Self> {
        let builder = builder.with_name("kinora").with_telemetry(false);
        let ort = builder.with_logger(Arc::new(heard)).build().map_err(|error| {
            Error::Runtime(
                Detail::new(
                    "runtime.unusable",
                    "ONNX Runtime gave no environment; a process may have one, and another part \
                     of this app may hold it",
                )
                .because(error),
            )
        })?;
        Ok(Self {
            library,
            ort,
            #[cfg(feature = "webgpu")]
            plugins: Mutex::default(),
        })
    }

    /// Registers an execution provider that comes as a library of its own, beside ONNX Runtime.
    #[cfg(feature = "webgpu")]
    pub(super) fn load_plugin(&self, name: &str) -> Result<()> {
        use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};

        let file = format!("{DLL_PREFIX}onnxruntime_providers_{name}{DLL_SUFFIX}");
        let path = self.library.path.with_file_name(&file);
        let mut loaded = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.contains(&path) {
            return Ok(());
        }
        let missing = |why: String| {
            Detail::new(
                "runtime.provider_missing",
                format!("the execution provider `{name}` cannot run here: {why}"),
            )
        };
        if !path.is_file() {
            let why = format!("its plugin is not at {}; put it there", path.display());
            return Err(Error::Runtime(missing(why)));
        }
        self.ort.register_ep_library(format!("kinora.{name}"), &path).map_err(|error| {
            let why = format!("its plugin at {} does not load", path.display());
            Error::Runtime(missing(why).because(error))
        })?;
        loaded.push(path);
        Ok(())
    }

    /// Only a library that was asked for by name has to be the open one.
    fn same_library(&'static self, asked: Option<&Path>) -> Result<&'static Self> {
        let Some(asked) = asked else { return Ok(self) };
        let same = |path: &Path| path == self.library.path;
        if same(asked) || asked.canonicalize().is_ok_and(|asked| same(&asked)) {
            return Ok(self);
        }
        Err(Error::Runtime(Detail::new(
            "runtime.other_library",
            format!(
                "this process already runs ONNX Runtime from {}; a process can hold one, so leave \
                 out {} or start another process",
                self.library.path.display(),
                asked.display()
            ),
        )))
    }
}
