//! Promise: whatever is asked, answered, withdrawn, expired, changed, crashed or restarted in
//! whatever order, not one byte of a payload leaves without a live consent, and nothing is submitted
//! after a withdrawal.
//!
//! KINORA_SEQUENCES sets how many random sequences are tried.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![cfg(feature = "remote-http")]

mod common;
#[path = "common/remote/mod.rs"]
mod remote;

use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use kinora::consent::{Answer, Consent, ConsentState, DataKind, Grant, Sheets};
use kinora::remote::{Models, Remote, RemoteOptions};
use kinora::transport::{
    Clock, HttpReply, HttpRequest, HttpTransport, Method, ReplyHead, TransportError,
};
use kinora::vault::Secret;
use kinora::{Container, GenerationRequest, Model, Output, Studio};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use remote::{Jumping, Pad};

const MODEL: &str = "gemini/omni-1.2-flash";

type Midway = Box<dyn FnOnce(&HttpRequest) + Send>;
type After = Box<dyn FnOnce() + Send>;

/// Sees every exchange. Knows from the test, not from Kinora, whether a consent lives.
#[derive(Default)]
struct Spy {
    /// What the test believes.
    live: AtomicBool,
    submits: AtomicUsize,
    /// Payload bytes that were read, and those among them without a live consent.
    bytes: AtomicUsize,
    stray: AtomicUsize,
    stray_requests: AtomicUsize,
    /// Called in the middle of the next submit.
    midway: Mutex<Option<Midway>>,
    /// Called at the end of the exchange of a job with that number, the submit being 0.
    after: Mutex<Option<(usize, After)>>,
    exchange: AtomicUsize,
}

impl HttpTransport for Spy {
    fn exchange(&self, request: &HttpRequest, reply: &HttpReply) -> Result<(), TransportError> {
        let submit =
            request.method() == Method::Post && request.url().ends_with("/v1beta/interactions");
        let live = || self.live.load(Ordering::SeqCst);
        self.submits.fetch_add(usize::from(submit), Ordering::SeqCst);
        // Only ending and deleting may go without a consent.
        if (submit || request.method() == Method::Get) && !live() {
            self.stray_requests.fetch_add(1, Ordering::SeqCst);
        }
        let mut body = request.body_reader();
        let mut piece = [0; 64];
        let mut first = true;
        loop {
            let count = body.read(&mut piece).map_err(|_| TransportError::Stopped)?;
            if count == 0 {
                break;
            }
            self.bytes.fetch_add(count, Ordering::SeqCst);
            if !live() {
                self.stray.fetch_add(count, Ordering::SeqCst);
            }
            if submit
                && std::mem::take(&mut first)
                && let Some(midway) = self.midway.lock().unwrap().take()
            {
                midway(request);
            }
        }
        if submit {
            self.exchange.store(0, Ordering::SeqCst);
        }
        let number = self.exchange.fetch_add(1, Ordering::SeqCst);
        let body: &[u8] = match request.method() {
            Method::Get if number < 3 => br#"{"id":"job-1","status":"in_progress"}"#,
            Method::Get => br#"{"id":"job-1","status":"failed","errors":[]}"#,
            _ => br#"{"id":"job-1","status":"queued"}"#,
        };
        reply.begin(ReplyHead { status: 200, headers: Vec::new() })?;
        reply.push(body)?;
        let mut after = self.after.lock().unwrap();
        if after.as_ref().is_some_and(|(at, _)| *at == number)
            && let Some((_, then)) = after.take()
        {
            then();
        }
        Ok(())
    }
}

/// A clock that jumps far ahead when it is looked at for the n-th time: a consent runs out between
/// any two steps of a job.
struct Trap {
    clock: Jumping,
    looks: Mutex<Option<usize>>,
    spy: Arc<Spy>,
}

impl Clock for Trap {
    fn now(&self) -> jiff::Timestamp {
        let mut looks = self.looks.lock().unwrap();
        match &mut *looks {
            Some(0) => {
                *looks = None;
                self.clock.jump(Duration::from_secs(400 * 86_400));
                self.spy.live.store(false, Ordering::SeqCst);
            }
            Some(left) => *left -= 1,
            None => {}
        }
        self.clock.now()
    }

    fn wait(&self, duration: Duration) {
        self.clock.wait(duration);
    }
}

fn open(folder: &Path, spy: &Arc<Spy>, clock: &Arc<Trap>, changed: bool) -> Remote {
    static SHEETS: OnceLock<[Sheets; 2]> = OnceLock::new();
    let sheets = SHEETS.get_or_init(|| {
        let shipped = include_str!("../src/consent/sheets.json");
        let other = shipped.replace("for a limited time", "for ever");
        assert_ne!(shipped, other);
        [Sheets::from_json(shipped).unwrap(), Sheets::from_json(&other).unwrap()]
    });
    static MODELS: OnceLock<Models> = OnceLock::new();
    let options = RemoteOptions::new(folder, Arc::new(Pad(0x5c)))
        .transport(Arc::clone(spy) as Arc<dyn HttpTransport>)
        .clock(Arc::clone(clock) as Arc<dyn Clock>)
        .models(MODELS.get_or_init(|| Models::shipped().unwrap()).clone())
        .sheets(sheets[usize::from(changed)].clone());
    Remote::open(options).unwrap()
}

/// What must be true, kept beside Kinora in the simplest way.
#[derive(Default)]
struct Oracle {
    /// Until when, under which notice, in milliseconds.
    given: Option<(i64, bool)>,
    changed: bool,
}

impl Oracle {
    fn live(&self, clock: &Jumping) -> bool {
        let now = clock.now().as_millisecond();
        self.given.is_some_and(|(until, notice)| now < until && notice == self.changed)
    }
}

const KINDS: [DataKind; 2] = [DataKind::Prompt, DataKind::TechnicalMetadata];

struct World<'a> {
    studio: &'a Studio,
    folder: tempfile::TempDir,
    spy: Arc<Spy>,
    clock: Jumping,
    trap: Arc<Trap>,
    oracle: Oracle,
    remote: Remote,
    /// Grants that came out at any time: old ones are tried too.
    grants: Vec<Grant>,
    sent: usize,
}

impl<'a> World<'a> {
    fn new(studio: &'a Studio, at: &Path) -> Self {
        let folder = tempfile::tempdir_in(at).unwrap();
        let (spy, clock) = (Arc::new(Spy::default()), Jumping::new());
        let trap =
            Arc::new(Trap { clock: clock.clone(), looks: Mutex::default(), spy: Arc::clone(&spy) });
        let remote = open(folder.path(), &spy, &trap, false);
        remote.vault().put("gemini", "api_key", &Secret::new("k")).unwrap();
        let (oracle, grants) = (Oracle::default(), Vec::new());
        Self { studio, folder, spy, clock, trap, oracle, remote, grants, sent: 0 }
    }

    fn consent(&self) -> &Consent {
        self.remote.consent()
    }

    fn step(&mut self, random: &mut ChaCha8Rng) {
        let destination = self.remote.destination(MODEL, None).unwrap();
        match random.next_u32() % 14 {
            0 | 1 => {
                let days = 1 + (random.next_u32() % 3) as u16;
                let question = self.consent().ask(&destination, &KINDS).unwrap();
                let grant =
                    self.consent().answer(question, Answer::yes_for_days(days)).unwrap().unwrap();
                self.grants.push(grant);
                let until = self.clock.now().as_millisecond() + i64::from(days) * 86_400_000;
                self.oracle.given = Some((until, self.oracle.changed));
            }
            2 => {
                let question = self.consent().ask(&destination, &KINDS).unwrap();
                assert!(self.consent().answer(question, Answer::no()).unwrap().is_none());
                self.oracle.given = None;
            }
            3 => {
                self.oracle.given = None;
                self.spy.live.store(false, Ordering::SeqCst);
                self.remote.withdraw(&destination).unwrap();
            }
            4 => self.clock.jump(Duration::from_secs(u64::from(random.next_u32() % 260_000))),
            5 => {
                // The provider's facts change: the app ships other sheets.
                self.oracle.changed = !self.oracle.changed;
                self.reopen();
            }
            6 => self.reopen(),
            7 => {
                // A crash has left half a line, and the process starts again.
                let ledger = self.folder.path().join("consent/ledger");
                let mut file = std::fs::OpenOptions::new().append(true).open(ledger).unwrap();
                file.write_all(
                    &b"0123456789abcdef {\"number\":"[..(random.next_u32() % 27) as usize],
                )
                .unwrap();
                self.reopen();
            }
            8 => self.send_while_withdrawing(),
            9 => self.send_while_time_runs_out(random),
            10 => self.send_while_another_process_withdraws(random),
            _ => self.send(random),
        }
        // A consent that went out of force comes back only by a new answer.
        if !self.oracle.live(&self.clock) {
            let state = self.consent().state(&destination).unwrap();
            assert!(!matches!(state, ConsentState::Given { .. }), "{state:?}");
            self.oracle.given = None;
        }
    }

    fn reopen(&mut self) {
        self.remote = open(self.folder.path(), &self.spy, &self.trap, self.oracle.changed);
    }

    /// Any grant that ever came out, the newest most of the time.
    fn some_grant(&self, random: &mut ChaCha8Rng) -> Option<Grant> {
        let count = self.grants.len();
        let newest = !random.next_u32().is_multiple_of(4);
        let at =
            if newest { count.checked_sub(1)? } else { random.next_u32() as usize % count.max(1) };
        self.grants.get(at).cloned()
    }

    fn request(&self, grant: Grant) -> GenerationRequest {
        GenerationRequest::imagine("a river under snow, for a long time, seen from a bridge")
            .seconds(3.0)
            .seed(self.sent as u64)
            .model(Model::Remote { model: MODEL.to_owned(), grant })
            .output(Output::bytes(Container::Mp4))
    }

    fn send(&mut self, random: &mut ChaCha8Rng) {
        let Some(grant) = self.some_grant(random) else { return };
        let newest = self.grants.last().is_some_and(|last| last.id() == grant.id());
        let live = self.oracle.live(&self.clock);
        self.spy.live.store(live && newest, Ordering::SeqCst);
        let before = self.spy.submits.load(Ordering::SeqCst);
        let code = self.sent_with(grant);
        let submitted = self.spy.submits.load(Ordering::SeqCst) - before;
        if live && newest {
            // It was sent, once; the spy's jobs all fail.
            assert_eq!((code, submitted), ("remote.failed", 1));
        } else {
            assert!(code.starts_with("consent."), "{code}");
            assert_eq!(submitted, 0);
        }
        self.spy.live.store(false, Ordering::SeqCst);
    }

    /// The consent runs out at some step of the job.
    fn send_while_time_runs_out(&mut self, random: &mut ChaCha8Rng) {
        let Some(grant) = self.grants.last().cloned() else { return };
        if !self.oracle.live(&self.clock) {
            return;
        }
        self.spy.live.store(true, Ordering::SeqCst);
        *self.trap.looks.lock().unwrap() = Some((random.next_u32() % 14) as usize);
        let code = self.sent_with(grant);
        let sprung = self.trap.looks.lock().unwrap().take().is_none();
        if sprung {
            // Hundreds of days are also more than anybody waits for a clip.
            let known = ["remote.failed", "remote.patience"].contains(&code);
            assert!(known || code.starts_with("consent."), "{code}");
            self.oracle.given = None;
        } else {
            assert_eq!(code, "remote.failed");
        }
        self.spy.live.store(false, Ordering::SeqCst);
    }

    /// Another process takes it back after some exchange of the job.
    fn send_while_another_process_withdraws(&mut self, random: &mut ChaCha8Rng) {
        let Some(grant) = self.grants.last().cloned() else { return };
        if !self.oracle.live(&self.clock) {
            return;
        }
        self.spy.live.store(true, Ordering::SeqCst);
        let (folder, clock) = (self.folder.path().to_path_buf(), Arc::clone(&self.trap));
        let (spy, changed) = (Arc::clone(&self.spy), self.oracle.changed);
        let destination = grant.destination().clone();
        let at = (random.next_u32() % 3) as usize;
        let then: After = Box::new(move || {
            let other = open(&folder, &spy, &clock, changed);
            other.consent().withdraw(&destination).unwrap();
            spy.live.store(false, Ordering::SeqCst);
        });
        *self.spy.after.lock().unwrap() = Some((at, then));
        let code = self.sent_with(grant);
        assert_eq!(code, "consent.withdrawn");
        self.oracle.given = None;
        self.spy.live.store(false, Ordering::SeqCst);
    }

    fn sent_with(&mut self, grant: Grant) -> &'static str {
        self.sent += 1;
        let studio = self.studio.with_remote(self.remote.clone());
        let result = studio.generate(self.request(grant)).and_then(|job| job.wait());
        result.unwrap_err().code()
    }

    /// A person takes it back while the request is going out.
    fn send_while_withdrawing(&mut self) {
        let Some(grant) = self.grants.last().cloned() else { return };
        if !self.oracle.live(&self.clock) {
            return;
        }
        self.spy.live.store(true, Ordering::SeqCst);
        let (remote, spy) = (self.remote.clone(), Arc::clone(&self.spy));
        let destination = grant.destination().clone();
        let (gone, wait) = std::sync::mpsc::channel();
        *self.spy.midway.lock().unwrap() = Some(Box::new(move |request| {
            let consent = remote.consent().clone();
            std::thread::spawn(move || {
                let done = consent.withdraw(&destination).unwrap();
                // From here on nothing may be read any more.
                spy.live.store(false, Ordering::SeqCst);
                gone.send(done).unwrap();
            });
            // The withdrawal stops what is being sent; it waits for it before it returns.
            while !request.is_stopped() {
                std::thread::yield_now();
            }
        }));
        let code = self.sent_with(grant);
        let done = wait.recv().unwrap();
        assert!(done.sent >= 1 && !done.still_sending, "{done:?}");
        assert!(code == "cancelled" || code.starts_with("consent."), "{code}");
        self.oracle.given = None;
        self.spy.live.store(false, Ordering::SeqCst);
    }
}

/// Memory is a disk that is quick to sync.
fn quick_folder() -> std::path::PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() }
}

#[test]
fn no_sequence_lets_a_byte_out_without_a_live_consent() {
    let Some(studio) = common::studio() else { return };
    let sequences: u64 =
        std::env::var("KINORA_SEQUENCES").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let at = quick_folder();
    let next = AtomicUsize::new(0);
    let (sent, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst) as u64;
                    if seed >= sequences {
                        break;
                    }
                    let mut random = ChaCha8Rng::seed_from_u64(seed);
                    let mut world = World::new(studio, &at);
                    for _ in 0..3 + random.next_u32() % 12 {
                        world.step(&mut random);
                    }
                    let stray = world.spy.stray.load(Ordering::SeqCst);
                    let submits = world.spy.stray_requests.load(Ordering::SeqCst);
                    assert_eq!((stray, submits), (0, 0), "sequence {seed}");
                    sent.fetch_add(world.spy.submits.load(Ordering::SeqCst), Ordering::SeqCst);
                    bytes.fetch_add(world.spy.bytes.load(Ordering::SeqCst), Ordering::SeqCst);
                }
            });
        }
    });
    let (sent, bytes) = (sent.into_inner(), bytes.into_inner());
    println!(
        "{sequences} sequences, {sent} submits and {bytes} bytes under live consents, 0 others"
    );
    // The trap would be worth nothing if nothing were ever sent.
    assert!(sent > sequences as usize / 10, "{sent}");
}

#[test]
fn the_spy_catches_a_byte_without_a_consent() {
    // A positive control: a spy that is told that there is no consent counts what comes.
    let Some(studio) = common::studio() else { return };
    let mut world = World::new(studio, &quick_folder());
    let destination = world.remote.destination(MODEL, None).unwrap();
    let question = world.consent().ask(&destination, &KINDS).unwrap();
    let grant = world.consent().answer(question, Answer::yes()).unwrap().unwrap();
    world.sent += 1;
    let studio = studio.with_remote(world.remote.clone());
    studio.generate(world.request(grant)).unwrap().wait().unwrap_err();
    assert!(world.spy.stray_requests.load(Ordering::SeqCst) > 1);
    assert!(world.spy.stray.load(Ordering::SeqCst) > 100);
}

#[test]
fn another_process_sees_a_withdrawal() {
    let Some(studio) = common::studio() else { return };
    let world = World::new(studio, &quick_folder());
    let destination = world.remote.destination(MODEL, None).unwrap();
    let question = world.consent().ask(&destination, &KINDS).unwrap();
    let grant = world.consent().answer(question, Answer::yes()).unwrap().unwrap();
    // A second holder of the folder, as a second process is one.
    let other = open(world.folder.path(), &world.spy, &world.trap, false);
    other.withdraw(&destination).unwrap();
    let studio = studio.with_remote(world.remote.clone());
    let error = studio.generate(world.request(grant)).unwrap_err();
    assert_eq!(error.code(), "consent.withdrawn");
    assert_eq!(world.spy.submits.load(Ordering::SeqCst), 0);
}
