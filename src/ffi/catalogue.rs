//! What there is to ask for, and what works here.

use super::Result;
use super::error::guard;
use super::options::ExecutionProvider;
use crate::prompt::LEXICON;
use crate::runtime::{RuntimeReport, Telemetry};

/// Phrases that belong together.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PromptSection {
    /// What they are about.
    pub title: String,
    /// The phrases.
    pub entries: Vec<PromptEntry>,
}

/// Phrases of one meaning.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PromptEntry {
    /// The phrases; the first is the usual one, good for a chip.
    pub phrases: Vec<String>,
    /// What is seen.
    pub does: String,
}

/// What the opened ONNX Runtime is and what works here.
#[derive(Debug, Clone, uniffi::Record)]
pub struct DoctorReport {
    /// Kinora's version.
    pub kinora: String,
    /// ONNX Runtime's version, where it could be read.
    pub runtime: Option<String>,
    /// How it was built, in its own words.
    pub build: String,
    /// The file that was loaded; empty where it is linked into the app.
    pub library: String,
    /// What is known about telemetry; it is also switched off.
    pub telemetry: String,
    /// Threads of a studio.
    pub threads: u32,
    /// Every execution provider, the CPU first.
    pub providers: Vec<ProviderStatus>,
}

/// Whether one execution provider works here.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ProviderStatus {
    /// Which one.
    pub execution_provider: ExecutionProvider,
    /// True if a tiny network ran on it, and on nothing else, and gave the right numbers.
    pub works: bool,
    /// Why it does not.
    pub problem: Option<String>,
}

/// Everything that a prompt may ask for.
#[uniffi::export]
pub fn prompts() -> Result<Vec<PromptSection>> {
    guard(|| {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Ok(LEXICON
            .iter()
            .map(|section| PromptSection {
                title: section.title.to_owned(),
                entries: section
                    .entries
                    .iter()
                    .map(|entry| PromptEntry {
                        phrases: owned(entry.phrases),
                        does: entry.does.to_owned(),
                    })
                    .collect(),
            })
            .collect())
    })
}

/// Kinora's version.
#[uniffi::export]
pub fn version() -> Result<String> {
    Ok(env!("CARGO_PKG_VERSION").to_owned())
}

impl From<RuntimeReport> for DoctorReport {
    fn from(report: RuntimeReport) -> Self {
        Self {
            kinora: env!("CARGO_PKG_VERSION").to_owned(),
            runtime: report.version,
            build: report.build,
            library: report.library.to_string_lossy().into_owned(),
            telemetry: match report.telemetry {
                Telemetry::Absent => "absent",
                Telemetry::Disabled => "disabled",
                Telemetry::Unknown => "unknown",
            }
            .to_owned(),
            threads: report.threads as u32,
            providers: report
                .providers
                .into_iter()
                .map(|one| ProviderStatus {
                    execution_provider: one.execution_provider.into(),
                    works: one.works,
                    problem: one.problem,
                })
                .collect(),
        }
    }
}
