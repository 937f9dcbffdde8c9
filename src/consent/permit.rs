//! Permits: what a grant allows for one payload.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::grant::Grant;
use super::kind::DataKind;
use super::ledger::{EventKind, Ledger, LedgerEvent};
use super::sheet::Destination;
use super::{Inner, Turn, refused};
use crate::digest::hex;
use crate::error::{Error, Result};
use crate::transport::{Errand, Leave, Stop, TransportError};

/// What is in a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contents {
    /// SHA-256 of where it goes and of its bytes.
    pub(crate) sha256: [u8; 32],
    pub(crate) kinds: Vec<DataKind>,
    /// What the person said of their right to use the photo, for the ledger.
    pub(crate) rights: Option<&'static str>,
}

/// Allows one payload to be submitted once, and the job that comes of it to be followed.
///
/// It is used up by the submit, and worth nothing when the grant ends before that.
pub struct Permit {
    inner: Arc<Inner>,
    grant: Grant,
    contents: Contents,
}

impl Permit {
    pub(super) fn new(inner: Arc<Inner>, grant: Grant, contents: Contents) -> Self {
        Self { inner, grant, contents }
    }

    /// SHA-256 of the payload that it is for.
    pub fn payload_sha256(&self) -> &[u8; 32] {
        &self.contents.sha256
    }

    /// Enters the use and gives leave for the submit; what follows has the pass.
    pub(crate) fn submit(self) -> Result<(Leave, Pass)> {
        let Self { inner, grant, contents } = self;
        let destination = grant.destination().clone();
        let (leave, salted) = inner.turn(|turn| {
            turn.covers(&grant, &contents)?;
            let salted = turn.salted(&contents.sha256);
            turn.used(&destination, &salted, contents.rights)?;
            Ok((turn.leave(&destination, Errand::Submit)?, salted))
        })?;
        Ok((leave, Pass::new(inner, destination, salted)))
    }
}

impl std::fmt::Debug for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Permit(for {})", self.grant.destination())
    }
}

/// A payload that was sent, in the ledger that has its submit.
struct Sent {
    inner: Arc<Inner>,
    destination: Destination,
    payload: Salted,
}

impl Sent {
    /// A turn at that ledger; refused where it was erased since, whatever the one that followed it allows.
    fn turn<T>(&self, body: impl FnOnce(&mut Turn<'_>) -> Result<T>) -> Result<T> {
        self.inner.turn(|turn| {
            if self.payload.principal != turn.state.ledger.principal() {
                return Err(unknown_job());
            }
            body(turn)
        })
    }
}

/// Follows one job: polls, fetches, ends it. Worth nothing when the grant ends.
pub(crate) struct Pass(Sent);

impl Pass {
    pub(super) fn new(inner: Arc<Inner>, destination: Destination, payload: Salted) -> Self {
        Self(Sent { inner, destination, payload })
    }

    /// Whether the consent has ended in this process, as far as can be told without the ledger: for
    /// whoever waits between two requests.
    pub(crate) fn is_over(&self) -> bool {
        let live = self.0.inner.lock().standings.live(&self.0.destination);
        live.is_none_or(|live| live.token().is_stopped())
    }

    /// Leave for one request that follows the submit.
    pub(crate) fn leave(&self, errand: Errand) -> Result<Leave> {
        if errand == Errand::Submit {
            return Err(refused("consent.submitted", "a permit is good for one submit"));
        }
        self.0.turn(|turn| {
            turn.grant(&self.0.destination)?;
            if let Some(event) = parting(errand) {
                turn.parted(event, &self.0.destination, &self.0.payload)?;
            }
            turn.leave(&self.0.destination, errand)
        })
    }

    /// Leave to hand the payload over after no connection came about: nothing of it has left.
    pub(crate) fn submit_unsent(&self, error: &TransportError) -> Result<Leave> {
        if error.may_have_arrived() {
            return Err(refused("consent.submitted", "a permit is good for one submit"));
        }
        self.0.turn(|turn| {
            turn.grant(&self.0.destination)?;
            turn.leave(&self.0.destination, Errand::Submit)
        })
    }

    /// Leave to hand the same payload over again after a reply that says that it was not taken:
    /// 401 and 403 (a clock that is off, a key), 429 (too many at a time). Every other reply may
    /// stand for a job that costs money.
    pub(crate) fn submit_again(&self, status: u16) -> Result<Leave> {
        if !matches!(status, 401 | 403 | 429) {
            return Err(refused("consent.submitted", "a permit is good for one submit"));
        }
        self.0.turn(|turn| {
            turn.grant(&self.0.destination)?;
            turn.used(&self.0.destination, &self.0.payload, None)?;
            turn.leave(&self.0.destination, Errand::Submit)
        })
    }
}

/// Ends a job and has copies deleted, after the grant's end too.
pub(crate) struct CleanUp(Sent);

impl CleanUp {
    pub(super) fn new(inner: Arc<Inner>, destination: Destination, payload: Salted) -> Self {
        Self(Sent { inner, destination, payload })
    }

    /// Leave for one cancel or delete, which goes into the ledger.
    pub(crate) fn leave(&self, errand: Errand) -> Result<Leave> {
        let Some(event) = parting(errand) else {
            return Err(refused(
                "consent.withdrawn",
                "after a withdrawal a job can only be ended and its copies deleted",
            ));
        };
        self.0.turn(|turn| turn.parted(event, &self.0.destination, &self.0.payload))?;
        Ok(Leave::new(errand, Stop::default(), Box::new(())))
    }
}

fn parting(errand: Errand) -> Option<EventKind> {
    match errand {
        Errand::Cancel => Some(EventKind::CancelSent),
        Errand::Delete => Some(EventKind::DeleteSent),
        Errand::Submit | Errand::Poll | Errand::Fetch => None,
    }
}

impl Turn<'_> {
    fn used(
        &mut self,
        destination: &Destination,
        payload: &Salted,
        rights: Option<&'static str>,
    ) -> Result<()> {
        let mut event = self.event(EventKind::Used, destination);
        event.payload = Some(payload.hash.clone());
        event.rights = rights.map(str::to_owned);
        self.enter(event)
    }

    fn parted(
        &mut self,
        kind: EventKind,
        destination: &Destination,
        payload: &Salted,
    ) -> Result<()> {
        let mut event = self.event(kind, destination);
        event.payload = Some(payload.hash.clone());
        self.enter(event)
    }

    /// About the destination's last grant.
    fn event(&self, kind: EventKind, destination: &Destination) -> LedgerEvent {
        let last = self.standing(destination).map(|standing| standing.last());
        let mut event = LedgerEvent::new(kind, last.map(|(about, _)| about.clone()));
        event.grant = last.map(|(_, grant)| grant.to_owned());
        event
    }

    /// Counted in this turn, so that a withdrawal after it waits for the request.
    fn leave(&self, destination: &Destination, errand: Errand) -> Result<Leave> {
        let live = self.state.standings.live(destination).ok_or_else(|| {
            refused("consent.never", format!("the consent for {destination} was not given: ask"))
        })?;
        Ok(Leave::new(errand, live.token(), Box::new(live.send())))
    }
}

/// A payload as one ledger knows it; another, or the one that follows when it is erased, does not.
pub(super) struct Salted {
    principal: String,
    /// SHA-256 of the ledger's own number and the payload's hash, in hexadecimal.
    pub(super) hash: String,
}

impl Salted {
    pub(super) fn new(ledger: &Ledger, payload: &[u8; 32]) -> Self {
        let principal = ledger.principal().to_owned();
        let salted = Sha256::new().chain_update(&principal).chain_update(payload);
        Self { principal, hash: hex(&salted.finalize()) }
    }
}

pub(super) fn unknown_job() -> Error {
    refused(
        "consent.unknown_job",
        "the ledger does not know this job: it was not sent from here, or the ledger was erased since",
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, Consent, Sheets};
    use super::*;
    use crate::transport::SystemClock;

    fn given(consent: &Consent, destination: &Destination) -> Grant {
        let question = consent.ask(destination, &[DataKind::Photo]).unwrap();
        consent.answer(question, Answer::yes()).unwrap().unwrap()
    }

    #[test]
    fn what_was_begun_under_an_erased_ledger_leaves_no_line_in_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let sheets = Sheets::shipped().unwrap();
        let consent = Consent::open(folder.path(), sheets, Arc::new(SystemClock)).unwrap();
        let destination = consent.sheets().destination("fal", "luma", None).unwrap();
        let grant = given(&consent, &destination);
        let contents = Contents { sha256: [7; 32], kinds: vec![DataKind::Photo], rights: None };
        let (_, pass) = consent.permit(&grant, contents).unwrap().submit().unwrap();
        let clean_up = consent.clean_up(&destination, &[7; 32]).unwrap();
        clean_up.leave(Errand::Cancel).unwrap();
        consent.erase().unwrap();
        // A new yes to the same destination does not bring them back.
        given(&consent, &destination);
        let lines = consent.log().unwrap().len();
        let refusals = [
            clean_up.leave(Errand::Delete).err(),
            pass.leave(Errand::Poll).err(),
            pass.submit_again(429).err(),
            pass.submit_unsent(&TransportError::Connect("no network".into())).err(),
        ];
        for refusal in refusals {
            assert_eq!(refusal.unwrap().code(), "consent.unknown_job");
        }
        assert_eq!(consent.log().unwrap().len(), lines);
    }
}
