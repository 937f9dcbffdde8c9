//! What works here: the report behind `kinora doctor`.

use std::path::PathBuf;

use ndarray::Array2;

use super::session::{Session, SessionOptions};
use super::{Cancel, ExecutionProvider, Runtime, Telemetry, probe};
use crate::error::{Detail, Error, Result};

/// Side of the matrix that the probe multiplies.
const PROBE_SIZE: usize = 8;

/// What the opened ONNX Runtime is and what it can do here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RuntimeReport {
    /// The library's version where it could be read, such as `1.28.0`.
    pub version: Option<String>,
    /// How it was built, in its own words.
    pub build: String,
    /// The file that was loaded.
    pub library: PathBuf,
    /// What is known about telemetry; it is also switched off.
    pub telemetry: Telemetry,
    /// Threads of a session.
    pub threads: usize,
    /// Every execution provider, the CPU first.
    pub providers: Vec<ProviderReport>,
}

/// Whether one execution provider works here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProviderReport {
    /// Which one.
    pub execution_provider: ExecutionProvider,
    /// True if a tiny network ran on it, and on nothing else, and gave the right numbers.
    pub works: bool,
    /// Why it does not.
    pub problem: Option<String>,
}

pub(super) fn examine(runtime: &Runtime) -> RuntimeReport {
    let library = &runtime.shared.environment.library;
    let providers = ExecutionProvider::ALL.map(|execution_provider| {
        let problem = try_out(runtime, execution_provider).err().map(|error| error.to_string());
        ProviderReport { execution_provider, works: problem.is_none(), problem }
    });
    RuntimeReport {
        version: library.version.clone(),
        build: ort::info().to_owned(),
        library: library.path.clone(),
        telemetry: library.telemetry,
        threads: runtime.threads(),
        providers: providers.into(),
    }
}

fn try_out(runtime: &Runtime, execution_provider: ExecutionProvider) -> Result<()> {
    let options = SessionOptions {
        execution_provider,
        threads: runtime.threads(),
        whole: execution_provider != ExecutionProvider::Cpu,
    };
    let model = probe::model(PROBE_SIZE, 1);
    let session =
        Session::open(runtime.shared.environment, &options, model.as_slice().into(), "probe")?;
    let x = Array2::from_shape_fn((PROBE_SIZE, PROBE_SIZE), |(i, j)| (i + 2 * j) as f32 / 16.0);
    let outputs = session.run(&[("x", (&x).into())], &Cancel::new())?;
    let y = outputs.view("y")?;
    let off = ndarray::Zip::from(&x.dot(&x).into_dyn())
        .and(&y)
        .fold(0.0f32, |worst, a, b| worst.max((a - b).abs()));
    if off < 1e-2 {
        return Ok(());
    }
    Err(Error::Runtime(Detail::new(
        "runtime.provider_wrong",
        format!("`{execution_provider}` runs but its numbers are off by {off}"),
    )))
}
