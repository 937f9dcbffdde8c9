//! How ONNX Runtime is opened.

use std::path::{Path, PathBuf};

use super::ExecutionProvider;

/// More threads than this do not make the embedded networks quicker: they are small.
const MOST_DEFAULT_THREADS: usize = 8;

/// Which library, how many threads, which execution provider.
#[derive(Clone, Debug, Default)]
pub struct RuntimeOptions {
    library: Option<PathBuf>,
    threads: Option<usize>,
    execution_provider: ExecutionProvider,
}

impl RuntimeOptions {
    /// The library file of ONNX Runtime; nowhere else is looked.
    #[must_use]
    pub fn library(mut self, path: impl Into<PathBuf>) -> Self {
        self.library = Some(path.into());
        self
    }

    /// Threads of a session, at least 1. The same photo and request give the same clip for the
    /// same number. Default: as many as the machine has, at most 8.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// Where networks run. Default: [`ExecutionProvider::Auto`].
    #[must_use]
    pub fn execution_provider(mut self, execution_provider: ExecutionProvider) -> Self {
        self.execution_provider = execution_provider;
        self
    }

    pub(super) fn library_path(&self) -> Option<&Path> {
        self.library.as_deref()
    }

    pub(super) fn thread_count(&self) -> usize {
        self.threads.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, usize::from).min(MOST_DEFAULT_THREADS)
        })
    }

    pub(super) fn asked_execution_provider(&self) -> ExecutionProvider {
        self.execution_provider
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_never_none() {
        assert_eq!(RuntimeOptions::default().threads(0).thread_count(), 1);
        assert!(RuntimeOptions::default().thread_count() >= 1);
    }
}
