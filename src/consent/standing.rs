//! How each destination stands, read from the ledger's entries.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::grant::{self, ConsentState, Grant};
use super::ledger::{About, EventKind, LedgerEvent};
use super::sheet::Destination;
use crate::error::Result;
use crate::transport::Stop;

/// All destinations that the ledger names.
#[derive(Default)]
pub(super) struct Standings(BTreeMap<Destination, Standing>);

/// One destination.
pub(super) struct Standing {
    state: ConsentState,
    /// Of the last grant.
    about: About,
    grant: String,
    /// Submits under the last grant.
    uses: u64,
    live: Arc<Live>,
}

impl Standings {
    /// Takes in entries that are new.
    pub(super) fn read(&mut self, events: &[LedgerEvent]) {
        for event in events {
            let Some(about) = &event.about else { continue };
            let About { provider, vendor, region, .. } = about.clone();
            let destination = Destination { provider, vendor, region };
            let standing = self.0.entry(destination).or_insert_with(|| Standing::new(about));
            standing.read(event, about);
        }
    }

    pub(super) fn of(&self, destination: &Destination) -> Option<&Standing> {
        self.0.get(destination)
    }

    pub(super) fn live(&self, destination: &Destination) -> Option<Arc<Live>> {
        self.of(destination).map(|standing| Arc::clone(&standing.live))
    }

    pub(super) fn lives(&self) -> Vec<Arc<Live>> {
        self.0.values().map(|standing| Arc::clone(&standing.live)).collect()
    }

    pub(super) fn destinations(&self) -> Vec<Destination> {
        self.0.keys().cloned().collect()
    }

    /// Stops everything that is being sent anywhere.
    pub(super) fn end_all(&self) {
        self.0.values().for_each(|standing| standing.live.stop());
    }
}

impl Standing {
    fn new(about: &About) -> Self {
        Self {
            state: ConsentState::Never,
            about: about.clone(),
            grant: String::new(),
            uses: 0,
            live: Arc::default(),
        }
    }

    fn read(&mut self, event: &LedgerEvent, about: &About) {
        let at = event.time;
        match event.event {
            EventKind::Given => {
                // What runs under the grant before goes on if the new one covers it.
                if !self.about.kinds.iter().all(|kind| about.kinds.contains(kind)) {
                    self.live.stop();
                }
                if self.live.stop.is_stopped() || self.granted().is_none() {
                    self.live = Arc::default();
                }
                self.state = ConsentState::Given { until: event.until.unwrap_or(at) };
                self.about = about.clone();
                self.grant = event.grant.clone().unwrap_or_default();
                self.uses = 0;
            }
            EventKind::Used => self.uses += 1,
            EventKind::Withdrawn => self.end(ConsentState::Withdrawn { at }),
            EventKind::Expired => self.end(ConsentState::Expired { at }),
            EventKind::NoticeChanged => self.end(ConsentState::NoticeChanged { at }),
            EventKind::Opened
            | EventKind::Asked
            | EventKind::Refused
            | EventKind::CancelSent
            | EventKind::DeleteSent => {}
        }
    }

    fn end(&mut self, state: ConsentState) {
        self.state = state;
        self.live.stop();
    }

    pub(super) fn state(&self) -> ConsentState {
        self.state.clone()
    }

    /// What was granted and under which number, while it stands.
    pub(super) fn granted(&self) -> Option<(&About, &str)> {
        matches!(self.state, ConsentState::Given { .. }).then_some((&self.about, &self.grant))
    }

    /// The last grant, whether it stands or not.
    pub(super) fn last(&self) -> (&About, &str) {
        (&self.about, &self.grant)
    }

    pub(super) fn until(&self) -> Timestamp {
        match self.state {
            ConsentState::Given { until } => until,
            _ => Timestamp::MIN,
        }
    }

    pub(super) fn grant(&self, destination: &Destination) -> Result<Grant> {
        match self.granted() {
            Some((about, id)) => Ok(Grant::of(id, destination, about, self.until())),
            None => Err(grant::none(&self.state, destination)),
        }
    }

    pub(super) fn uses(&self) -> u64 {
        self.uses
    }
}

/// What is being sent under a grant, and how to stop it.
#[derive(Default)]
pub(super) struct Live {
    stop: Stop,
    sending: Mutex<usize>,
    idle: Condvar,
}

impl Live {
    pub(super) fn stop(&self) {
        self.stop.stop();
    }

    pub(super) fn token(&self) -> Stop {
        self.stop.clone()
    }

    /// Counts one request for as long as the guard lives.
    pub(super) fn send(self: &Arc<Self>) -> Sending {
        *self.count() += 1;
        Sending(Arc::clone(self))
    }

    /// Whether nothing is being sent any more, waiting for that at most `patience`.
    pub(super) fn wait_until_idle(&self, patience: Duration) -> bool {
        let waited = self.idle.wait_timeout_while(self.count(), patience, |count| *count > 0);
        let (count, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *count == 0
    }

    fn count(&self) -> MutexGuard<'_, usize> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request that is being sent.
pub(super) struct Sending(Arc<Live>);

impl Drop for Sending {
    fn drop(&mut self) {
        *self.0.count() -= 1;
        self.0.idle.notify_all();
    }
}
