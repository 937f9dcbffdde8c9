//! Consent: what a person was told, what they answered, and what that allows.
//!
//! The way from a question to a request is a chain of types, each made only from the one before:
//! [`Question`] (the notice was asked for) ► [`Grant`] (the answer was yes) ► [`Permit`] (for these
//! bytes) ► a leave for one request. The ledger has a line for each step, written before the step
//! counts. Nothing else in the crate can make a leave, and without one there is no
//! [`HttpRequest`](crate::transport::HttpRequest):
//!
//! ```compile_fail
//! let permit = kinora::consent::Permit {};
//! ```
//!
//! ```compile_fail
//! let grant = kinora::consent::Grant {};
//! ```
//!
//! ```compile_fail
//! fn twice(consent: &kinora::consent::Consent, question: kinora::consent::Question) {
//!     let _ = consent.answer(question, kinora::consent::Answer::no());
//!     let _ = consent.answer(question, kinora::consent::Answer::yes());
//! }
//! ```

mod grant;
mod kind;
mod ledger;
mod notice;
mod permit;
mod sheet;
mod standing;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::error::{Detail, Error, Result};
use crate::scratch::{self, FolderLock};
use crate::transport::Clock;
use ledger::Ledger;
use permit::Salted;
use standing::{Standing, Standings};

pub use grant::{Answer, ConsentState, Grant, Question, Withdrawal};
pub use kind::{DataKind, Purpose};
pub use ledger::{About, EventKind, LedgerEvent};
pub use notice::{Notice, Translation};
pub use permit::Permit;
pub use sheet::{Destination, ProviderSheet, Region, Sheets, Vendor};

pub(crate) use permit::{CleanUp, Contents, Pass};

/// How long a withdrawal waits for what is being sent to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks, remembers answers, and gives permits. Clones are the same; so are all that are opened on
/// one folder, in this process or another.
#[derive(Clone)]
pub struct Consent {
    inner: Arc<Inner>,
}

struct Inner {
    sheets: Sheets,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    ledger: Ledger,
    standings: Standings,
    translation: Option<Translation>,
}

impl Consent {
    /// Opens the ledger in `folder`, which is made if it is missing.
    ///
    /// # Errors
    /// `consent.folder`, `consent.ledger_read`, `consent.ledger_write`. A ledger that was cut or
    /// edited opens, and then every question, grant and permit is refused with
    /// `consent.ledger_damaged` until it is erased.
    pub fn open(folder: &Path, sheets: Sheets, clock: Arc<dyn Clock>) -> Result<Self> {
        let folder: PathBuf = folder.into();
        scratch::private_folder(&folder).map_err(|error| {
            let message =
                "the folder for consents cannot be made: give one that the app may write to";
            Error::Consent(Detail::new("consent.folder", message).because(error))
        })?;
        let ledger = Ledger::open(&folder, clock.now())?;
        let mut standings = Standings::default();
        standings.read(ledger.events());
        let state = Mutex::new(State { ledger, standings, translation: None });
        Ok(Self { inner: Arc::new(Inner { sheets, clock, state }) })
    }

    /// The data sheets that notices are built from.
    pub fn sheets(&self) -> &Sheets {
        &self.inner.sheets
    }

    /// The texts of later notices, in the app's language.
    pub fn translate(&self, translation: Translation) {
        self.inner.lock().translation = Some(translation);
    }

    /// The notice for a destination, to look at; nothing is entered and nothing can be answered.
    ///
    /// # Errors
    /// `consent.no_kinds` for an empty list, `consent.no_provider` where the sheets lack it.
    pub fn notice(&self, destination: &Destination, kinds: &[DataKind]) -> Result<Notice> {
        let translation = self.inner.lock().translation.clone();
        self.inner.notice(destination, kinds, translation.as_ref())
    }

    /// Asks: enters that the notice is shown, and gives the question to show.
    ///
    /// # Errors
    /// As [`Consent::notice`], `consent.ledger_damaged`, `consent.ledger_write`.
    pub fn ask(&self, destination: &Destination, kinds: &[DataKind]) -> Result<Question> {
        let notice = self.notice(destination, kinds)?;
        self.inner.turn(|turn| {
            turn.enter(LedgerEvent::new(EventKind::Asked, Some(grant::about(&notice))))?;
            Ok(Question::new(notice))
        })
    }

    /// Takes the person's answer: a grant, or nothing. A no to a destination that was granted before
    /// withdraws that.
    ///
    /// # Errors
    /// `consent.notice_changed` when the facts changed while it was shown: ask again;
    /// `consent.days` for a time that is not 1 to 365 days; `consent.ledger_*`.
    pub fn answer(&self, question: Question, answer: Answer) -> Result<Option<Grant>> {
        let notice = question.into_notice();
        let about = grant::about(&notice);
        let Some(days) = answer.days()? else {
            self.inner
                .turn(|turn| turn.enter(LedgerEvent::new(EventKind::Refused, Some(about))))?;
            if self.inner.turn(|turn| Ok(turn.granted(notice.destination())))? {
                self.withdraw(notice.destination())?;
            }
            return Ok(None);
        };
        let current = self.inner.notice(notice.destination(), notice.kinds(), None)?;
        if current.hash() != notice.hash() {
            return Err(refused(
                "consent.notice_changed",
                "the notice changed while it was shown: ask again",
            ));
        }
        self.inner.turn(|turn| {
            let mut event = LedgerEvent::new(EventKind::Given, Some(about));
            event.grant = Some(random_hex()?);
            let until = turn.now.checked_add(jiff::SignedDuration::from_hours(24 * days));
            event.until = Some(until.map_err(|error| {
                let message = "the clock is out of range: set it right";
                Error::Consent(Detail::new("consent.clock", message).because(error))
            })?);
            turn.enter(event)?;
            turn.grant(notice.destination()).map(Some)
        })
    }

    /// How a destination stands now.
    ///
    /// # Errors
    /// `consent.ledger_*`.
    pub fn state(&self, destination: &Destination) -> Result<ConsentState> {
        self.inner.turn(|turn| {
            turn.settle(destination)?;
            Ok(turn.standing(destination).map_or(ConsentState::Never, Standing::state))
        })
    }

    /// The grant that a destination has, also one from before a restart.
    ///
    /// # Errors
    /// `consent.never`, `consent.withdrawn`, `consent.expired`, `consent.notice_changed`,
    /// `consent.ledger_*`.
    pub fn grant(&self, destination: &Destination) -> Result<Grant> {
        self.inner.turn(|turn| turn.grant(destination))
    }

    /// All destinations that were ever answered, with their state.
    ///
    /// # Errors
    /// `consent.ledger_*`.
    pub fn overview(&self) -> Result<Vec<(Destination, ConsentState)>> {
        self.inner.turn(|turn| {
            let all: Vec<Destination> = turn.state.standings.destinations();
            for destination in &all {
                turn.settle(destination)?;
            }
            let state =
                |d: &Destination| turn.standing(d).map_or(ConsentState::Never, Standing::state);
            Ok(all.iter().map(|d| (d.clone(), state(d))).collect())
        })
    }

    /// Takes a grant back: from here on nothing is submitted, polled or fetched there, and what was
    /// being sent has been stopped when this returns. Withdrawing what was not granted is no error.
    ///
    /// # Errors
    /// `consent.ledger_*`; also then nothing more is sent, in this run and after a restart.
    pub fn withdraw(&self, destination: &Destination) -> Result<Withdrawal> {
        // Before the ledger: nothing may hold a withdrawal up.
        let live = self.inner.lock().standings.live(destination);
        if let Some(live) = &live {
            live.stop();
        }
        let entered = self.inner.turn(|turn| {
            let Some(standing) = turn.standing(destination) else { return Ok(0) };
            let uses = standing.uses();
            let Some((about, grant)) = standing.granted() else { return Ok(uses) };
            let mut event = LedgerEvent::new(EventKind::Withdrawn, Some(about.clone()));
            event.grant = Some(grant.to_owned());
            turn.enter(event)?;
            Ok(uses)
        });
        if entered.is_err() {
            // A withdrawal that cannot be entered must hold after a restart too.
            self.inner.lock().ledger.spoil();
        }
        let ended = live.is_none_or(|live| live.wait_until_idle(PATIENCE));
        Ok(Withdrawal { sent: entered?, still_sending: !ended })
    }

    /// The ledger's entries, oldest first.
    ///
    /// # Errors
    /// `consent.ledger_read`.
    pub fn log(&self) -> Result<Vec<LedgerEvent>> {
        self.inner.readable(|state| Ok(state.ledger.events().to_vec()))
    }

    /// Whether the ledger is whole.
    ///
    /// # Errors
    /// `consent.ledger_read`.
    pub fn is_intact(&self) -> Result<bool> {
        self.inner.readable(|state| Ok(!state.ledger.is_damaged()))
    }

    /// The ledger as consent records after ISO/IEC TS 27560:2023, JSON.
    ///
    /// # Errors
    /// `consent.ledger_read`.
    pub fn export_json(&self) -> Result<String> {
        let sheets = &self.inner.sheets;
        self.inner.readable(|state| {
            let ledger = &state.ledger;
            let intact = !ledger.is_damaged();
            let value = ledger::json_27560(ledger.events(), ledger.principal(), sheets, intact);
            Ok(format!("{value:#}"))
        })
    }

    /// The ledger as text, a line for each entry.
    ///
    /// # Errors
    /// `consent.ledger_read`.
    pub fn export_text(&self) -> Result<String> {
        self.inner
            .readable(|state| Ok(ledger::text(state.ledger.events(), !state.ledger.is_damaged())))
    }

    /// Forgets everything: all grants end, and a new ledger begins under a new number.
    ///
    /// # Errors
    /// `consent.ledger_*`.
    pub fn erase(&self) -> Result<()> {
        let mut state = self.inner.lock();
        state.standings.end_all();
        let _lock = state.ledger.lock()?;
        let now = self.inner.clock.now();
        state.ledger.erase(now)?;
        state.standings = Standings::default();
        Ok(())
    }

    /// Changes with every submit, and differs from device to device.
    pub(crate) fn counter(&self) -> Result<String> {
        self.inner.readable(|state| {
            let events = state.ledger.events().iter();
            let uses = events.filter(|event| event.event == EventKind::Used).count();
            Ok(format!("{} {uses}\n", state.ledger.principal()))
        })
    }

    /// Stops everything that is being sent under any grant, and waits for that: before all is deleted.
    pub(crate) fn halt(&self) {
        let lives = self.inner.lock().standings.lives();
        lives.iter().for_each(|live| live.stop());
        for live in lives {
            live.wait_until_idle(PATIENCE);
        }
    }

    /// A permit to submit `contents` once.
    pub(crate) fn permit(&self, grant: &Grant, contents: Contents) -> Result<Permit> {
        self.inner.turn(|turn| turn.covers(grant, &contents))?;
        Ok(Permit::new(Arc::clone(&self.inner), grant.clone(), contents))
    }

    /// What follows a submit from before a restart: the grant must still stand, and the ledger must
    /// have the submit.
    pub(crate) fn resume(&self, destination: &Destination, payload: &[u8; 32]) -> Result<Pass> {
        let salted = self.inner.turn(|turn| {
            turn.grant(destination)?;
            let salted = turn.salted(payload);
            let events = turn.state.ledger.events();
            let known = events.iter().any(|event| {
                event.event == EventKind::Used && event.payload.as_ref() == Some(&salted.hash)
            });
            if known { Ok(salted) } else { Err(permit::unknown_job()) }
        })?;
        Ok(Pass::new(Arc::clone(&self.inner), destination.clone(), salted))
    }

    /// For ending a job and deleting its copies, also after a withdrawal. Worth nothing when the
    /// ledger is erased.
    pub(crate) fn clean_up(
        &self,
        destination: &Destination,
        payload: &[u8; 32],
    ) -> Result<CleanUp> {
        let salted = self.inner.readable(|state| Ok(Salted::new(&state.ledger, payload)))?;
        Ok(CleanUp::new(Arc::clone(&self.inner), destination.clone(), salted))
    }
}

impl std::fmt::Debug for Consent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Consent(..)")
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notice(
        &self,
        destination: &Destination,
        kinds: &[DataKind],
        translation: Option<&Translation>,
    ) -> Result<Notice> {
        let mut kinds = kinds.to_vec();
        kinds.sort_unstable();
        kinds.dedup();
        if kinds.is_empty() {
            return Err(refused("consent.no_kinds", "say which kinds of data are to be sent"));
        }
        Notice::build(&self.sheets, destination, &kinds, Purpose::MakeClip, translation)
    }

    /// With what the ledger has now, also of a damaged one.
    fn readable<T>(&self, body: impl FnOnce(&State) -> Result<T>) -> Result<T> {
        let mut state = self.lock();
        let _lock = state.ledger.lock()?;
        state.refresh()?;
        body(&state)
    }

    /// One turn at the ledger: no other thread or process changes it meanwhile.
    fn turn<T>(&self, body: impl FnOnce(&mut Turn<'_>) -> Result<T>) -> Result<T> {
        let mut state = self.lock();
        let lock = state.ledger.lock()?;
        state.refresh()?;
        if state.ledger.is_damaged() {
            state.standings.end_all();
            return Err(ledger::damaged());
        }
        // A clock that was turned back does not bring an old grant to life.
        let last = state.ledger.events().last().map_or(Timestamp::MIN, |event| event.time);
        let now = self.clock.now().max(last);
        body(&mut Turn { state: &mut state, inner: self, now, _lock: lock })
    }
}

impl State {
    /// Takes in what another process has entered.
    fn refresh(&mut self) -> Result<()> {
        let from = self.ledger.refresh()?;
        if from == 0 {
            self.standings.end_all();
            self.standings = Standings::default();
        }
        self.standings.read(self.ledger.events().get(from..).unwrap_or_default());
        Ok(())
    }
}

/// What may be done while the ledger is held.
struct Turn<'a> {
    state: &'a mut State,
    inner: &'a Inner,
    now: Timestamp,
    _lock: FolderLock,
}

impl Turn<'_> {
    fn enter(&mut self, event: LedgerEvent) -> Result<()> {
        self.state.ledger.append(event, self.now)?;
        if let Some(event) = self.state.ledger.events().last() {
            self.state.standings.read(std::slice::from_ref(event));
        }
        Ok(())
    }

    fn standing(&self, destination: &Destination) -> Option<&Standing> {
        self.state.standings.of(destination)
    }

    fn granted(&self, destination: &Destination) -> bool {
        self.standing(destination).is_some_and(|standing| standing.granted().is_some())
    }

    /// Enters that a grant's time is up or its notice changed, once.
    fn settle(&mut self, destination: &Destination) -> Result<()> {
        let Some(standing) = self.standing(destination) else { return Ok(()) };
        let Some((about, grant)) = standing.granted() else { return Ok(()) };
        let about = about.clone();
        let current = self.inner.notice(destination, &about.kinds, None);
        let over = if standing.until() <= self.now {
            EventKind::Expired
        } else if current.map(|notice| notice.hash().to_owned()).ok().as_ref()
            != Some(&about.notice)
        {
            // A provider that the sheets no longer have is a changed notice too.
            EventKind::NoticeChanged
        } else {
            return Ok(());
        };
        let mut event = LedgerEvent::new(over, Some(about));
        event.grant = Some(grant.to_owned());
        self.enter(event)
    }

    /// The live grant of a destination.
    fn grant(&mut self, destination: &Destination) -> Result<Grant> {
        self.settle(destination)?;
        match self.standing(destination) {
            Some(standing) => standing.grant(destination),
            None => Err(grant::none(&ConsentState::Never, destination)),
        }
    }

    /// Whether `grant` is the live one and covers `contents`.
    fn covers(&mut self, grant: &Grant, contents: &Contents) -> Result<()> {
        let current = self.grant(grant.destination())?;
        if current.id() != grant.id() {
            return Err(refused(
                "consent.other_grant",
                "this grant was replaced by a newer one: take that",
            ));
        }
        if contents.kinds.iter().all(|kind| current.kinds().contains(kind)) {
            return Ok(());
        }
        Err(refused(
            "consent.other_kinds",
            "the grant does not cover every kind of data in this request: ask for them too",
        ))
    }

    fn salted(&self, payload: &[u8; 32]) -> Salted {
        Salted::new(&self.state.ledger, payload)
    }
}

fn refused(code: &'static str, message: impl Into<String>) -> Error {
    Error::Consent(Detail::new(code, message))
}

/// A ledger's lines as anybody wrote them, opened, read and exported. With an odd first byte they
/// are chained as the ledger does it, since nobody guesses a SHA-256; with an even one they are not.
#[cfg(fuzzing)]
pub fn fuzz(bytes: &[u8]) {
    let Some((kind, lines)) = bytes.split_first() else { return };
    let folder = crate::fuzzing::folder("ledger");
    let laid = std::fs::create_dir_all(&folder).and_then(|()| match kind & 1 {
        0 => std::fs::write(folder.join("ledger"), lines),
        _ => ledger::forge(&folder, lines),
    });
    let (Ok(()), Ok(sheets)) = (laid, Sheets::shipped()) else { return };
    let clock = Arc::new(crate::transport::SystemClock);
    if let Ok(consent) = Consent::open(&folder, sheets, clock) {
        _ = (consent.export_json(), consent.export_text(), consent.overview(), consent.log());
        if let Ok(destination) = consent.sheets().destination("fal", "luma", None) {
            _ = (consent.state(&destination), consent.grant(&destination));
            // What was taken back stays so, whatever stood before.
            if consent.withdraw(&destination).is_ok() {
                assert!(consent.grant(&destination).is_err());
            }
        }
    }
}

/// 128 random bits, in hexadecimal.
pub(crate) fn random_hex() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        let message = "the system gives no random numbers: try again";
        Error::Consent(Detail::new("consent.random", message).because(error))
    })?;
    Ok(crate::digest::hex(&bytes))
}
