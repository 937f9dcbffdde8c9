//! The networks that make frames, each opened as often as it has to be.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::VideoPipeline;
use crate::error::Result;
use crate::runtime::Session;

/// A clip's decoders, and those of a photo's latents.
pub(super) struct Decoders<'p> {
    pub(super) pipeline: &'p VideoPipeline,
    /// Those that are open, where they are needed again: for the next strip, or the next part in time.
    kept: Option<Mutex<BTreeMap<String, Arc<Session>>>>,
}

impl<'p> Decoders<'p> {
    /// Each goes with who asked for it.
    pub(super) fn passing(pipeline: &'p VideoPipeline) -> Arc<Self> {
        Arc::new(Self { pipeline, kept: None })
    }

    /// Each is opened once, and keeps no more memory than its weights between its runs.
    pub(super) fn staying(pipeline: &'p VideoPipeline) -> Arc<Self> {
        Arc::new(Self { pipeline, kept: Some(Mutex::default()) })
    }

    /// Whether each stays open.
    pub(super) fn stay(&self) -> bool {
        self.kept.is_some()
    }

    /// # Errors
    /// `pack.*`, `model.unreadable`.
    pub(super) fn open(&self, role: &str) -> Result<Arc<Session>> {
        let Some(kept) = &self.kept else { return self.pipeline.session(role).map(Arc::new) };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = kept.get(role) {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(self.pipeline.session(role)?.frugal());
        kept.insert(role.to_owned(), Arc::clone(&session));
        Ok(session)
    }
}
