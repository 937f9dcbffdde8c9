//! A network that is ready to run.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::RunOptions;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::{DynValue, Outlet, TensorElementType, ValueType};

use super::cancel::Cancel;
use super::environment::Environment;
use super::execution_provider::ExecutionProvider;
use super::onnx;
use super::tensor::{Flat, Kept, Outputs, Tensor};
use crate::error::{Detail, Error, Result};

/// kOrtSessionOptionsModelExternalInitializersFileFolderPath (onnxruntime_session_options_config_keys.h).
const WEIGHTS_FOLDER: &str = "session.model_external_initializers_file_folder_path";

/// kOrtSessionOptionsConfigDisablePrepacking (the same file).
const NO_PREPACKING: &str = "session.disable_prepacking";

/// kOrtSessionOptionsAvx2PrecisionMode (the same file).
const EXACT_8_BITS: &str = "session.x64quantprecision";

/// kOrtRunOptionsConfigEnableMemoryArenaShrinkage (onnxruntime_run_options_config_keys.h).
const SHRINKING: &str = "memory.enable_memory_arena_shrinkage";

/// How a session is opened.
pub(super) struct SessionOptions {
    pub(super) execution_provider: ExecutionProvider,
    pub(super) threads: usize,
    /// The whole network has to run on the execution provider, no part of it on the CPU.
    pub(super) whole: bool,
}

/// What a session is opened from.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The ONNX file's bytes.
    pub(crate) model: &'a [u8],
    /// Where its weights lie, if it does not hold them itself.
    pub(crate) weights: Option<Weights<'a>>,
}

/// Weights that ONNX Runtime maps.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a> {
    /// The folder with their files.
    pub(crate) folder: &'a Path,
    /// Whether they are used from where they are mapped, or copied in the order in which kernels like
    /// them best. On a processor single precision is as quick either way, opens ten times as fast
    /// uncopied, and what is mapped the system can take back; weights of 8 bits need the copy.
    pub(crate) in_place: bool,
}

impl<'a> From<&'a [u8]> for Source<'a> {
    fn from(model: &'a [u8]) -> Self {
        Self { model, weights: None }
    }
}

/// A network that is ready to run; runs take turns.
pub(crate) struct Session {
    name: String,
    execution_provider: ExecutionProvider,
    inputs: Arc<[Port]>,
    outputs: Arc<[Port]>,
    // ONNX Runtime's `Run` is not safe from several threads, whatever its documentation says.
    ort: Mutex<ort::session::Session>,
    /// Nanoseconds in ONNX Runtime's `Run`.
    spent: AtomicU64,
    /// Whether memory goes back after each run.
    frugal: bool,
}

/// An input or output: its name and its sizes, where they are fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    /// The name in the network.
    pub(crate) name: String,
    /// One entry per dimension, `None` for those that may change.
    pub(crate) shape: Vec<Option<usize>>,
    element: TensorElementType,
}

impl Session {
    pub(super) fn open(
        environment: &Environment,
        options: &SessionOptions,
        source: Source<'_>,
        name: &str,
    ) -> Result<Self> {
        let (last, before) = match options.execution_provider.candidates() {
            [before @ .., last] => (*last, before),
            [] => (ExecutionProvider::Cpu, &[][..]),
        };
        for provider in before.iter().filter(|provider| provider.is_compiled_in()) {
            if let Ok(session) = Self::open_on(*provider, environment, options, source, name) {
                return Ok(session);
            }
        }
        Self::open_on(last, environment, options, source, name)
    }

    fn open_on(
        provider: ExecutionProvider,
        environment: &Environment,
        options: &SessionOptions,
        source: Source<'_>,
        name: &str,
    ) -> Result<Self> {
        let builder = builder(environment, provider.session_threads(options.threads))
            .and_then(|builder| {
                if options.whole { Ok(builder.with_disable_cpu_fallback()?) } else { Ok(builder) }
            })
            .map_err(|error| {
                let message = format!("ONNX Runtime refuses the settings for `{name}`");
                Error::Runtime(Detail::new("runtime.session", message).because(error))
            })?;
        let mut builder = provider.register(builder, environment, options.threads)?;
        if let Some(Weights { folder, in_place }) = source.weights {
            let no_prepacking = if in_place { "1" } else { "0" };
            builder = builder
                .with_config_entry(WEIGHTS_FOLDER, folder.to_string_lossy())
                .map_err(|error| unreadable(name, error.into()))?
                .with_config_entry(NO_PREPACKING, no_prepacking)
                .map_err(|error| unreadable(name, error.into()))?
                .with_config_entry(EXACT_8_BITS, if adds_8_bits_exactly() { "0" } else { "1" })
                .map_err(|error| unreadable(name, error.into()))?
                // A plan of all a run's memory, kept from one run to the next, takes more of it.
                .with_memory_pattern(false)
                .map_err(|error| unreadable(name, error.into()))?;
        }
        let mut model = Cow::Borrowed(source.model);
        if provider == ExecutionProvider::Cpu && source.weights.is_some() {
            // What is no model is left to ONNX Runtime to refuse.
            model = onnx::without_shapes(source.model).map_or(model, Cow::Owned);
        }
        let ort = builder.commit_from_memory(&model).map_err(|error| unreadable(name, error))?;
        Ok(Self {
            name: name.to_owned(),
            execution_provider: provider,
            inputs: ort.inputs().iter().map(Port::new).collect(),
            outputs: ort.outputs().iter().map(Port::new).collect(),
            ort: Mutex::new(ort),
            spent: AtomicU64::new(0),
            frugal: false,
        })
    }

    /// Gives the memory that a run took back at its end; the next run takes some percent longer. For sessions
    /// that stay open while others run.
    pub(crate) fn frugal(mut self) -> Self {
        self.frugal = true;
        self
    }

    /// Runs the network on named inputs.
    ///
    /// Waits while another thread runs it. A cancelled token ends the run after the node it is at.
    ///
    /// # Errors
    /// [`Error::Cancelled`]; `model.input` for an input that the network does not have;
    /// `runtime.run` when ONNX Runtime gives up, for instance on a wrong shape.
    pub(crate) fn run(&self, inputs: &[(&str, Tensor<'_>)], cancel: &Cancel) -> Result<Outputs> {
        let flat = self.flatten(inputs)?;
        let values = flat
            .iter()
            .map(|(name, flat)| Ok((Cow::Borrowed(*name), flat.value()?)))
            .collect::<Result<Vec<_>, ort::Error>>()
            .map_err(|error| self.failed(error))?;
        self.turn(cancel, |ort, options| {
            let outputs = ort.run_with_options::<_, 0>(values, options)?;
            Ok(outputs.into_iter().map(|(_, value)| value).collect())
        })
    }

    /// Runs the network, and writes outputs over inputs: of each `(input, output, kept)` the kept value
    /// goes in, and what comes out takes its place in memory, so that it is there once.
    ///
    /// The network has to have read such an input before it makes the output. Elsewhere than on the
    /// processor, and in half precision, the two lie apart.
    ///
    /// # Errors
    /// As [`Session::run`]; the kept values are gone then.
    pub(crate) fn run_over(
        &self,
        inputs: &[(&str, Tensor<'_>)],
        over: Vec<(String, String, Kept)>,
        cancel: &Cancel,
    ) -> Result<Outputs> {
        let here = self.execution_provider == ExecutionProvider::Cpu;
        let apart = over.is_empty() || over.iter().any(|(_, _, kept)| kept.there().is_none());
        if !here || apart {
            let mut inputs: Vec<_> = inputs.iter().map(|(name, x)| (*name, x.view())).collect();
            inputs.extend(over.iter().map(|(name, _, kept)| (name.as_str(), kept.into())));
            return self.run(&inputs, cancel);
        }
        let flat = self.flatten(inputs)?;
        self.turn(cancel, |ort, options| {
            let mut binding = ort.create_binding()?;
            for (name, flat) in &flat {
                flat.bind(&mut binding, name)?;
            }
            let anywhere = MemoryInfo::new(
                AllocationDevice::CPU,
                0,
                AllocatorType::Device,
                MemoryType::CPUOutput,
            )?;
            let mut places = BTreeMap::new();
            for (input, output, kept) in over {
                let Some(value) = kept.into_there() else { continue };
                binding.bind_input(input, &value)?;
                places.insert(output, value);
            }
            for port in self.outputs.iter() {
                match places.remove(&port.name) {
                    Some(value) => binding.bind_output(&port.name, value)?,
                    None => binding.bind_output_to_device(&port.name, &anywhere)?,
                }
            }
            let outputs = ort.run_binding_with_options(&binding, options)?;
            Ok(outputs.into_iter().map(|(_, value)| value).collect())
        })
    }

    /// Waits for its turn, and runs.
    fn turn(
        &self,
        cancel: &Cancel,
        run: impl FnOnce(&mut ort::session::Session, &RunOptions) -> Result<Vec<DynValue>, ort::Error>,
    ) -> Result<Outputs> {
        let mut ort = self.ort.lock().unwrap_or_else(PoisonError::into_inner);
        let mut options = RunOptions::new().map_err(|error| self.failed(error))?;
        if self.frugal && self.execution_provider == ExecutionProvider::Cpu {
            options.set(SHRINKING, "cpu:0").map_err(|error| self.failed(error))?;
        }
        let watch = cancel.watch(Arc::new(options))?;
        let clock = Instant::now();
        let outcome = run(&mut ort, watch.options());
        self.spent.fetch_add(clock.elapsed().as_nanos() as u64, Ordering::Relaxed);
        match outcome {
            Ok(values) => Outputs::new(Arc::clone(&self.outputs), values),
            Err(_) if cancel.is_cancelled() => Err(Error::Cancelled),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, error: ort::Error) -> Error {
        let message = format!("`{}` cannot run on these inputs", self.name);
        Error::Runtime(Detail::new("runtime.run", message).because(error))
    }

    /// Where the network runs: never `Auto`.
    pub(crate) fn execution_provider(&self) -> ExecutionProvider {
        self.execution_provider
    }

    /// How long it has run so far, without what stands around a run.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    /// The inputs in the network's order.
    pub(crate) fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// The outputs in the network's order.
    pub(crate) fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// A value of the file's custom metadata.
    pub(crate) fn metadata(&self, key: &str) -> Option<String> {
        let ort = self.ort.lock().unwrap_or_else(PoisonError::into_inner);
        ort.metadata().ok()?.custom(key)
    }

    fn flatten<'i>(&self, inputs: &'i [(&str, Tensor<'_>)]) -> Result<Vec<(&'i str, Flat<'i>)>> {
        inputs
            .iter()
            .map(|(name, tensor)| {
                let port = self.inputs.iter().find(|port| port.name == *name).ok_or_else(|| {
                    let message = format!("`{}` has no input `{name}`", self.name);
                    Error::Model(Detail::new("model.input", message))
                })?;
                Ok((*name, tensor.flatten(port.element)))
            })
            .collect()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("name", &self.name)
            .field("execution_provider", &self.execution_provider)
            .finish_non_exhaustive()
    }
}

impl Port {
    /// Whether it holds single precision numbers.
    pub(crate) fn is_f32(&self) -> bool {
        self.element == TensorElementType::Float32
    }

    fn new(outlet: &Outlet) -> Self {
        let (element, shape) = match outlet.dtype() {
            ValueType::Tensor { ty, shape, .. } => {
                (*ty, shape.iter().map(|size| usize::try_from(*size).ok()).collect())
            }
            _ => (TensorElementType::Undefined, Vec::new()),
        };
        Self { name: outlet.name().to_owned(), shape, element }
    }
}

fn builder(environment: &Environment, threads: usize) -> Result<SessionBuilder, ort::Error> {
    // Threads that spin between nodes are a little quicker and empty the battery.
    Ok(ort::session::Session::builder(&environment.ort)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        .with_intra_op_spinning(false)?
        .with_deterministic_compute(true)?)
}

/// Whether the processor adds products of 8 bits in 32 bits. Older ones of this kind add pairs of them in 16, and
/// hold what is too large for these at the limit, so ONNX Runtime has to take a slower way.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn adds_8_bits_exactly() -> bool {
    is_x86_feature_detected!("avx512vnni") || is_x86_feature_detected!("avxvnni")
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
fn adds_8_bits_exactly() -> bool {
    true
}

fn unreadable(name: &str, error: ort::Error) -> Error {
    let message = format!("ONNX Runtime cannot read the network `{name}`");
    Error::Model(Detail::new("model.unreadable", message).because(error))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use super::super::{Runtime, RuntimeOptions, probe};
    use super::*;

    fn runtime(test: &str) -> Option<Runtime> {
        let options =
            RuntimeOptions::default().threads(2).execution_provider(ExecutionProvider::Cpu);
        match Runtime::open(&options) {
            Ok(runtime) => Some(runtime),
            Err(error) => {
                eprintln!("skipped {test}: {error}");
                None
            }
        }
    }

    #[test]
    fn a_network_in_memory_runs() {
        let Some(runtime) = runtime("a_network_in_memory_runs") else { return };
        let session = runtime.session(&probe::model(4, 2), "probe").unwrap();
        assert_eq!(session.execution_provider(), ExecutionProvider::Cpu);
        assert_eq!(session.metadata("kinora.probe").as_deref(), Some("1"));
        assert_eq!(session.metadata("nothing"), None);
        assert_eq!(session.inputs()[0].name, "x");
        assert_eq!(session.outputs()[0].shape, [Some(4), Some(4)]);

        let x = Array2::from_shape_fn((4, 4), |(i, j)| i as f32 - 0.5 * j as f32);
        // Columns first in memory: the session has to put the numbers in order.
        let reversed = x.t().as_standard_layout().into_owned().reversed_axes();
        for input in [&x, &reversed] {
            let outputs = session.run(&[("x", input.into())], &Cancel::new()).unwrap();
            let wanted = x.dot(&x).dot(&x).into_dyn();
            assert!((&outputs.view("y").unwrap() - &wanted).iter().all(|d| d.abs() < 1e-4));
            assert_eq!(outputs.view("z").err().unwrap().code(), "model.output");
        }
    }

    /// The network has one layer twice, `y` in 8 bits and `exact`; its first column overflows where pairs of
    /// products are added in 16 bits.
    #[test]
    fn products_of_eight_bits_do_not_overflow() {
        const LAYER: &[u8] = include_bytes!("../../tests/fixtures/packs/eight-bits.onnx");
        let Some(runtime) = runtime("products_of_eight_bits_do_not_overflow") else { return };
        let weights = Some(Weights { folder: Path::new("."), in_place: false });
        let session = runtime.session_of(Source { model: LAYER, weights }, "eight-bits").unwrap();
        let mut x = Array2::from_shape_fn((5, 64), |(token, i)| ((token * 64 + i) as f32).sin());
        x.row_mut(0).fill(1.0);
        x.row_mut(1).map_inplace(|x| *x *= 1000.0);
        x.row_mut(2).fill(0.0);
        let outputs = session.run(&[("x", (&x).into())], &Cancel::new()).unwrap();
        let (y, exact) = (outputs.view("y").unwrap(), outputs.view("exact").unwrap());
        let mut rounded = false;
        for ((token, y), exact) in x.rows().into_iter().zip(y.outer_iter()).zip(exact.outer_iter())
        {
            let largest = token.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
            // half a step for each of 64 numbers, times a weight of 1 at most
            let bound = 0.5 * 64.0 * largest / 127.0 + 1e-4;
            let differences = (&y - &exact).mapv(f32::abs);
            assert!(differences.iter().all(|difference| *difference <= bound), "{differences}");
            rounded |= differences.iter().any(|difference| *difference > 1e-3 * largest);
        }
        assert!(rounded, "the layer `y` is not of 8 bits");
    }

    #[test]
    fn wrong_inputs_and_files_are_typed_errors() {
        let Some(runtime) = runtime("wrong_inputs_and_files_are_typed_errors") else { return };
        let error = runtime.session(b"not a network", "nonsense").unwrap_err();
        assert_eq!(error.code(), "model.unreadable");
        let session = runtime.session(&probe::model(4, 1), "probe").unwrap();
        let cube = Array3::<f32>::zeros((1, 4, 4));
        let error = session.run(&[("x", (&cube).into())], &Cancel::new()).err().unwrap();
        assert_eq!(error.code(), "runtime.run");
        let error = session.run(&[("w", (&cube).into())], &Cancel::new()).err().unwrap();
        assert_eq!(error.code(), "model.input");
    }

    #[test]
    fn an_execution_provider_that_is_not_there_is_an_error_and_auto_goes_on() {
        let name = "an_execution_provider_that_is_not_there_is_an_error_and_auto_goes_on";
        if runtime(name).is_none() {
            return;
        }
        let open = |provider| {
            let options = RuntimeOptions::default().execution_provider(provider);
            Runtime::open(&options).unwrap().session(&probe::model(4, 1), "probe")
        };
        let foreign = if cfg!(target_os = "macos") {
            ExecutionProvider::Cuda
        } else {
            ExecutionProvider::CoreMl
        };
        assert_eq!(open(foreign).unwrap_err().code(), "runtime.provider_missing");
        assert_ne!(
            open(ExecutionProvider::Auto).unwrap().execution_provider(),
            ExecutionProvider::Auto
        );
    }

    #[test]
    fn a_cancel_ends_a_long_run() {
        let Some(runtime) = runtime("a_cancel_ends_a_long_run") else { return };
        let session = runtime.session(&probe::model(512, 2000), "long").unwrap();
        let x = Array2::<f32>::eye(512);
        let mut late: Vec<Duration> = (0..20)
            .map(|turn| {
                let cancel = Cancel::new();
                std::thread::scope(|scope| {
                    let asked = scope.spawn(|| {
                        std::thread::sleep(Duration::from_millis(10 + turn));
                        cancel.cancel();
                        Instant::now()
                    });
                    let outcome = session.run(&[("x", (&x).into())], &cancel);
                    assert!(matches!(outcome, Err(Error::Cancelled)));
                    let returned = Instant::now();
                    returned.duration_since(asked.join().unwrap())
                })
            })
            .collect();
        late.sort();
        assert!(late[18] <= Duration::from_millis(100), "{late:?}");
        // The session is not spoiled.
        let small = runtime.session(&probe::model(4, 1), "probe").unwrap();
        assert!(small.run(&[("x", (&Array2::<f32>::eye(4)).into())], &Cancel::new()).is_ok());
        assert!(matches!(
            session.run(&[("x", (&x).into())], &{
                let cancelled = Cancel::new();
                cancelled.cancel();
                cancelled
            }),
            Err(Error::Cancelled)
        ));
    }
}
