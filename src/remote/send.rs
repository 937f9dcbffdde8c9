//! Carries calls: the only place where a request is made, gets its credentials and goes out.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::Inner;
use super::fault::Fault;
use super::sign::{self, AwsKeys, Scope};
use super::wire::{self, Auth, Call, Context, Reply};
use crate::consent::{CleanUp, Pass};
use crate::error::{Detail, Error, Result};
use crate::runtime::Cancel;
use crate::transport::{
    Errand, Header, HttpReply, HttpRequest, HttpTransport, Leave, Stop, TransportError,
};
use crate::vault::Secret;

/// How often one question is asked before its error counts.
const ATTEMPTS: u32 = 6;
/// The first pause between two attempts, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A result may be handed on so often.
const REDIRECTS: u32 = 3;
/// How often a waiting core looks for a cancel.
const GLANCE: Duration = Duration::from_millis(20);
/// How long a transport that was told to stop is waited for.
const GRACE: Duration = Duration::from_secs(2);
/// A clock that is off by less is not the reason of a refusal.
const LEAST_SKEW: SignedDuration = SignedDuration::from_secs(30);

/// Whose leave a call goes out with.
pub(super) enum Pardon<'a> {
    Pass(&'a Pass),
    CleanUp(&'a CleanUp),
}

impl Pardon<'_> {
    fn leave(&self, errand: Errand) -> Result<Leave> {
        match self {
            Self::Pass(pass) => pass.leave(errand),
            Self::CleanUp(clean_up) => clean_up.leave(errand),
        }
    }
}

/// What an answer to a download is.
enum Download {
    Whole(Vec<u8>),
    Elsewhere(Url),
}

/// Sends for one job.
pub(super) struct Sender<'a> {
    inner: &'a Inner,
    context: &'a Context<'a>,
    cancel: &'a Cancel,
    /// Opened once a job and wiped with it: a key store may ask the person, or take its time.
    secrets: RefCell<BTreeMap<&'static str, Rc<Secret>>>,
}

impl<'a> Sender<'a> {
    pub(super) fn new(inner: &'a Inner, context: &'a Context<'a>, cancel: &'a Cancel) -> Self {
        Self { inner, context, cancel, secrets: RefCell::default() }
    }

    /// Asks a question that may be asked again, until its answer can be read.
    pub(super) fn ask<T>(
        &self,
        pardon: &Pardon<'_>,
        errand: Errand,
        call: &Call,
        read: impl Fn(&mut Reply) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut attempt = 0;
        let mut mended = false;
        loop {
            attempt += 1;
            let answer = self.once(call, pardon.leave(errand)?);
            let fault = match answer {
                Ok(mut reply) => match read(&mut reply) {
                    Ok(value) => return Ok(value),
                    Err(Fault::ClockSkew) if !mended && self.mend_clock(&reply) => {
                        mended = true;
                        continue;
                    }
                    Err(fault) => fault,
                },
                Err(fault) => fault,
            };
            match fault.again() {
                Some(after) if attempt < ATTEMPTS => self.pause(attempt, after)?,
                _ => return Err(fault),
            }
        }
    }

    /// Gets a result's bytes, over redirects to listed domains.
    pub(super) fn download(&self, pardon: &Pardon<'_>, call: Call) -> Result<Vec<u8>, Fault> {
        let mut call = call;
        for _ in 0..=REDIRECTS {
            let answer = self.ask(pardon, Errand::Fetch, &call, |reply| match reply.head.status {
                200 => Ok(Download::Whole(std::mem::take(&mut reply.body))),
                301 | 302 | 303 | 307 | 308 => {
                    let to = reply.head.header("location").and_then(|to| call.url.join(to).ok());
                    to.map(Download::Elsewhere).ok_or(Fault::Hostile("a redirect to nowhere"))
                }
                // What expired is refused in several ways by those who store it.
                403 | 404 | 410 => Err(Fault::Gone),
                _ => Err(reply.by_status()),
            });
            match answer? {
                Download::Whole(body) => return Ok(body),
                // Without credentials from here on, whatever the first call had.
                Download::Elsewhere(url) => call = Call::download(url, Auth::None),
            }
        }
        Err(Fault::Hostile("redirects without end"))
    }

    /// One exchange. A job's cancel and a consent's withdrawal both end it.
    pub(super) fn once(&self, call: &Call, leave: Leave) -> Result<Reply, Fault> {
        self.cancel.check()?;
        self.allowed(call)?;
        let transport = self.inner.transport()?;
        let headers = self.headers(call)?;
        let (leave, stop) = leave.with_own_stop();
        let request = HttpRequest::new(
            leave,
            call.method,
            call.url.clone(),
            headers,
            call.body.clone(),
            call.timeout,
        );
        let reply = HttpReply::new(call.limit, stop.clone());
        carry(transport, request, &reply, &stop, self.cancel)?;
        let (head, body) = reply.take();
        let head =
            head.ok_or_else(|| Fault::Transport(TransportError::Broken("no head".into())))?;
        Ok(Reply { head, body })
    }

    /// Credentials go to their provider's own origins; everything else to listed domains.
    fn allowed(&self, call: &Call) -> Result<(), Fault> {
        let url = &call.url;
        let hosts = self.context.hosts;
        let allowed = match &call.auth {
            Auth::None => hosts.is_media(url),
            Auth::SigV4 { service: "s3", .. } => wire::is_bucket(self.context, url),
            _ => url.scheme() == "https" && hosts.is_own(url),
        };
        if allowed { Ok(()) } else { Err(Fault::Hostile("a place that is not on the list")) }
    }

    fn headers(&self, call: &Call) -> Result<Vec<Header>> {
        let mut headers: Vec<Header> =
            call.headers.iter().map(|(name, value)| Header::plain(name, value)).collect();
        match &call.auth {
            Auth::None => {}
            Auth::Header(name, prefix, purpose) => {
                let secret = self.secret(purpose)?;
                headers.push(Header::credential(name, format!("{prefix}{}", text(&secret)?)));
            }
            Auth::Jwt => {
                let (access, secret) = (self.secret("access_key")?, self.secret("secret_key")?);
                let token = sign::jwt(text(&access)?, secret.bytes(), self.now());
                headers.push(Header::credential("Authorization", format!("Bearer {token}")));
            }
            Auth::SigV4 { service, region } => {
                let (id, secret) =
                    (self.secret("access_key_id")?, self.secret("secret_access_key")?);
                let session = match self.secret("session_token") {
                    Ok(token) => Some(token),
                    Err(error) if error.code() == "vault.missing" => None,
                    Err(error) => return Err(error),
                };
                let keys = AwsKeys {
                    access_key_id: text(&id)?,
                    secret_access_key: secret.bytes(),
                    session_token: session.as_deref().map(text).transpose()?,
                };
                let scope = Scope { service, region, now: self.now() };
                let own: Vec<(&str, &str)> =
                    call.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let body = call.body.as_ref().map_or(&[][..], |body| body.as_slice());
                let signed = sign::sigv4(&keys, &scope, call.method, &call.url, &own, body);
                let signed =
                    signed.into_iter().map(|(name, value)| Header::credential(name, value));
                headers.extend(signed);
            }
        }
        Ok(headers)
    }

    fn secret(&self, purpose: &'static str) -> Result<Rc<Secret>> {
        if let Some(secret) = self.secrets.borrow().get(purpose) {
            return Ok(Rc::clone(secret));
        }
        let provider = self.context.model.provider();
        let secret = Rc::new(self.inner.vault.open_secret(provider, purpose)?);
        self.secrets.borrow_mut().insert(purpose, Rc::clone(&secret));
        Ok(secret)
    }

    /// The time as the provider has it.
    fn now(&self) -> Timestamp {
        let skew = SignedDuration::from_millis(self.inner.skew_ms.load(Ordering::SeqCst));
        let now = self.inner.clock.now();
        now.checked_add(skew).unwrap_or(now)
    }

    /// Takes the time out of a refusal; whether that may help.
    pub(super) fn mend_clock(&self, reply: &Reply) -> bool {
        let Some(date) = reply.head.header("date") else { return false };
        let Ok(theirs) = jiff::fmt::rfc2822::parse(date) else { return false };
        let skew = theirs.timestamp().duration_since(self.inner.clock.now());
        if (skew - theirs_known(self.inner)).abs() < LEAST_SKEW {
            return false;
        }
        let Ok(millis) = i64::try_from(skew.as_millis()) else { return false };
        self.inner.skew_ms.store(millis, Ordering::SeqCst);
        true
    }

    /// Waits before attempt `attempt` + 1: twice as long each time, a quarter more or less, or as
    /// long as the provider says.
    pub(super) fn pause(&self, attempt: u32, after: Option<Duration>) -> Result<()> {
        let own = FIRST_PAUSE * 2u32.saturating_pow(attempt.saturating_sub(1));
        let pause = own.mul_f64(jitter()).max(after.unwrap_or_default());
        self.wait(pause.min(LONGEST_PAUSE))
    }

    /// Lets time pass, in pieces between which a cancel is seen.
    pub(super) fn wait(&self, duration: Duration) -> Result<()> {
        self.wait_unless(duration, &|| false)
    }

    /// The same, until `over` says that there is nothing to wait for.
    pub(super) fn wait_unless(&self, duration: Duration, over: &dyn Fn() -> bool) -> Result<()> {
        const PIECE: Duration = Duration::from_millis(50);
        let mut left = duration;
        while !left.is_zero() && !over() {
            self.cancel.check()?;
            let piece = left.min(PIECE);
            self.inner.clock.wait(piece);
            left -= piece;
        }
        self.cancel.check()
    }
}

fn theirs_known(inner: &Inner) -> SignedDuration {
    SignedDuration::from_millis(inner.skew_ms.load(Ordering::SeqCst))
}

/// Runs a transport on a thread of its own, which is left behind if it does not stop.
fn carry(
    transport: Arc<dyn HttpTransport>,
    request: HttpRequest,
    reply: &HttpReply,
    stop: &Stop,
    cancel: &Cancel,
) -> Result<(), Fault> {
    let (done, ended) = sync_channel(1);
    let to_fill = reply.clone();
    let work = move || {
        let result = catch_unwind(AssertUnwindSafe(|| transport.exchange(&request, &to_fill)));
        // The request goes first: whoever withdraws waits for that.
        drop(request);
        // Nobody may be waiting any more.
        _ =
            done.send(result.unwrap_or_else(|_| {
                Err(TransportError::Broken("the transport has panicked".into()))
            }));
    };
    std::thread::Builder::new().name("kinora-http".to_owned()).spawn(work).map_err(|error| {
        let detail = Detail::new(
            "runtime.threads",
            "no thread could be started: close other work and try again",
        );
        Fault::Own(Error::Runtime(detail.because(error)))
    })?;
    loop {
        match ended.recv_timeout(GLANCE) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => return Err(Fault::Transport(error)),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Fault::Transport(TransportError::Broken(
                    "the transport is gone".into(),
                )));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if cancel.is_cancelled() {
            stop.stop();
        }
        if stop.is_stopped() {
            return match ended.recv_timeout(GRACE) {
                // It was through already: what came counts.
                Ok(Ok(())) => Ok(()),
                _ => Err(Fault::Transport(TransportError::Stopped)),
            };
        }
    }
}

/// Between three quarters and five quarters, so that devices do not come back all at once.
pub(super) fn jitter() -> f64 {
    let mut byte = [128u8];
    // Without random numbers there is no jitter, and nothing worse.
    _ = getrandom::fill(&mut byte);
    0.75 + f64::from(byte[0]) / 510.0
}

fn text(secret: &Secret) -> Result<&str> {
    let text = std::str::from_utf8(secret.bytes()).ok();
    let text = text.filter(|text| text.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
    text.ok_or_else(|| {
        let message = "a key in the vault holds characters that no key has: put it in again";
        Error::Vault(Detail::new("vault.key", message))
    })
}
