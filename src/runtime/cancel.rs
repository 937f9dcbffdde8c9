//! A token that stops work, also in the middle of a network's run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ort::session::RunOptions;

use crate::error::{Error, Result};

/// Stops work from another thread; clones are the same token.
///
/// Once cancelled it stays so. A network that runs is told to end, which it does after the node
/// that it is at.
#[derive(Clone, Default)]
pub struct Cancel {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    cancelled: AtomicBool,
    running: Mutex<Vec<Arc<RunOptions>>>,
}

impl Cancel {
    /// A token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everything that holds the token to stop; returns at once.
    pub fn cancel(&self) {
        self.inner.cancelled.store(true, Ordering::SeqCst);
        for options in self.inner.running().iter() {
            // It fails for a null handle only, and then there is nothing to end.
            let _ = options.terminate();
        }
    }

    /// True from the first [`Cancel::cancel`] on.
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancelled.load(Ordering::SeqCst)
    }

    /// Goes on, or stops.
    ///
    /// # Errors
    /// [`Error::Cancelled`] from the first [`Cancel::cancel`] on.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Registers a run for as long as the guard lives.
    pub(super) fn watch(&self, options: Arc<RunOptions>) -> Result<Watch<'_>> {
        self.inner.running().push(Arc::clone(&options));
        let watch = Watch { inner: &self.inner, options };
        // After the registration: a cancel before it is seen here, one after it ends the run.
        self.check()?;
        Ok(watch)
    }
}

impl Inner {
    fn running(&self) -> MutexGuard<'_, Vec<Arc<RunOptions>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Cancel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}

/// A run that the token can end.
pub(super) struct Watch<'c> {
    inner: &'c Inner,
    options: Arc<RunOptions>,
}

impl Watch<'_> {
    pub(super) fn options(&self) -> &RunOptions {
        &self.options
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.inner.running().retain(|other| !Arc::ptr_eq(other, &self.options));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_are_one_token() {
        let token = Cancel::new();
        let other = token.clone();
        assert!(token.check().is_ok());
        other.cancel();
        assert!(matches!(token.check(), Err(Error::Cancelled)));
        assert_eq!(token.check().unwrap_err().code(), "cancelled");
    }
}
