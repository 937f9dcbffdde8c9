//! Time from outside, so that a test can turn it.

use std::time::Duration;

use jiff::Timestamp;

/// What time it is, and waiting.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Lets `duration` pass. The core waits in short pieces, between which it looks for a cancel.
    fn wait(&self, duration: Duration);
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn wait(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}
