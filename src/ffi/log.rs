//! What the library and ONNX Runtime have to say, handed to the host.

use std::sync::{Arc, PoisonError, RwLock};

use super::Result;
use super::error::guard;

/// Takes what Kinora and ONNX Runtime have to say. The calls come from many threads.
///
/// No line holds a prompt, a path of a photo, or anything of a face.
#[uniffi::export(rust, foreign)]
pub trait LogSink: Send + Sync {
    /// One line.
    fn log(&self, record: LogRecord) -> Result<()>;
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LogRecord {
    /// How much it matters.
    pub level: LogLevel,
    /// Who says it: `kinora…` or `onnxruntime`.
    pub source: String,
    /// What is said.
    pub message: String,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something works less well than it might.
    Warning,
    /// What happens, a line or two a job.
    Info,
    /// What only helps to find a fault.
    Debug,
}

/// Sends every line from now on, down to `level`, to `sink`; without one, nowhere.
///
/// Fails with `host.logger` where another part of the app already holds the log of Rust code.
#[uniffi::export]
pub fn set_log_sink(sink: Option<Arc<dyn LogSink>>, level: LogLevel) -> Result<()> {
    guard(|| {
        let ours = log::set_logger(&Forward).is_ok() || is_ours();
        if !ours {
            return Err(super::KinoraError::Host {
                code: "host.logger".to_owned(),
                reason: "another part of this app already takes the log of Rust code".to_owned(),
                detail: None,
            });
        }
        log::set_max_level(match (&sink, level) {
            (None, _) => log::LevelFilter::Off,
            (Some(_), LogLevel::Error) => log::LevelFilter::Error,
            (Some(_), LogLevel::Warning) => log::LevelFilter::Warn,
            (Some(_), LogLevel::Info) => log::LevelFilter::Info,
            (Some(_), LogLevel::Debug) => log::LevelFilter::Debug,
        });
        *SINK.write().unwrap_or_else(PoisonError::into_inner) = sink;
        Ok(())
    })
}

static SINK: RwLock<Option<Arc<dyn LogSink>>> = RwLock::new(None);

struct Forward;

impl log::Log for Forward {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &log::Record<'_>) {
        // Cloned, so that a sink may set another sink.
        let sink = SINK.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(sink) = sink.filter(|_| self.enabled(record.metadata())) {
            let level = match record.level() {
                log::Level::Error => LogLevel::Error,
                log::Level::Warn => LogLevel::Warning,
                log::Level::Info => LogLevel::Info,
                log::Level::Debug | log::Level::Trace => LogLevel::Debug,
            };
            let (source, message) = (record.target().to_owned(), record.args().to_string());
            // A log that fails has nobody to tell.
            _ = sink.log(LogRecord { level, source, message });
        }
    }

    fn flush(&self) {}
}

fn is_ours() -> bool {
    let ours: *const dyn log::Log = &Forward;
    std::ptr::addr_eq(log::logger(), ours)
}
