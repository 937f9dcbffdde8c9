//! The leave to send one request.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Errand {
    /// Hands the payload over.
    Submit,
    /// Asks how far the job is.
    Poll,
    /// Gets the result.
    Fetch,
    /// Ends the job.
    Cancel,
    /// Has the provider's copies deleted.
    Delete,
}

/// Leave to send one request: used up by it. `consent` alone makes one (tests/remote_structure.rs
/// looks for others).
pub(crate) struct Leave {
    pub(super) errand: Errand,
    pub(super) stop: Stop,
    /// Held until the request is gone: whoever withdraws waits for it.
    pub(super) held: Box<dyn Any + Send + Sync>,
}

impl Leave {
    pub(crate) fn new(errand: Errand, stop: Stop, held: Box<dyn Any + Send + Sync>) -> Self {
        Self { errand, stop, held }
    }

    /// The same leave with a flag below its own, which ends this request alone.
    pub(crate) fn with_own_stop(mut self) -> (Self, Stop) {
        let stop = Stop { own: Arc::default(), above: Some(Arc::clone(&self.stop.own)) };
        self.stop = stop.clone();
        (self, stop)
    }
}

/// A flag that ends what is being sent: a consent's, or one request's below it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    own: Arc<AtomicBool>,
    above: Option<Arc<AtomicBool>>,
}

impl Stop {
    pub(crate) fn stop(&self) {
        self.own.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.own.load(Ordering::SeqCst)
            || self.above.as_ref().is_some_and(|above| above.load(Ordering::SeqCst))
    }
}
