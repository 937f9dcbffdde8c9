//! The providers' wire protocols, without I/O: what to ask, and what an answer means.
//!
//! Each file has one protocol. None of them sends anything, and none sees a credential: a call names
//! the credentials that it needs, and `send` adds them when the origin is right.

mod bedrock;
mod dashscope;
mod fal;
mod interactions;
mod kling;
mod kling_legacy;
mod openai;
mod veo;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::failed;
use super::fault::Fault;
use super::model::{Hosts, RemoteModel, WireName};
use crate::error::Result;
use crate::transport::{Method, ReplyHead};

pub(super) use bedrock::is_bucket;

/// Bytes of an answer that is no media, unless its protocol says otherwise.
pub(super) const ANSWER: u64 = 1 << 20;
/// Bytes of an answer that may hold a whole clip as text.
pub(super) const INLINE: u64 = 24 << 20;
/// Bytes of a clip.
pub(super) const MEDIA: u64 = 256 << 20;

/// How long one exchange may take.
const SUBMIT: Duration = Duration::from_secs(180);
const ASK: Duration = Duration::from_secs(60);
const DOWNLOAD: Duration = Duration::from_secs(900);

/// A request before it has leave and credentials.
#[derive(Clone)]
pub(crate) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Arc<Zeroizing<Vec<u8>>>>,
    pub(super) auth: Auth,
    /// Bytes of the answer.
    pub(super) limit: u64,
    pub(super) timeout: Duration,
}

/// The credentials that a call needs, by their purposes in the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Auth {
    /// None: the call goes to a host that must not see any.
    None,
    /// One header: its name, what stands before the secret, the purpose.
    Header(&'static str, &'static str, &'static str),
    /// A JWT made of `access_key` and `secret_key`.
    Jwt,
    /// AWS Signature Version 4 with `access_key_id`, `secret_access_key` and, where there is one,
    /// `session_token`.
    SigV4 { service: &'static str, region: String },
}

/// An answer with any status.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(super) head: ReplyHead,
    pub(super) body: Vec<u8>,
}

/// What is asked for, in the model's own terms.
pub(crate) struct Ask {
    pub(super) photo: Option<super::picture::Picture>,
    pub(super) video: Option<super::video::Video>,
    pub(super) prompt: String,
    pub(super) seconds: u32,
    /// One of the model's sizes, by its name on the wire.
    pub(super) size: Option<String>,
    /// Width through height of what is wanted.
    pub(super) ratio: f64,
    pub(super) seed: u64,
    /// Our own random number for the job.
    pub(super) key: String,
}

/// A job at the provider: what is needed to follow it, without a credential. It can be saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Handle {
    pub(super) id: String,
    /// What else is needed: URLs that the provider gave, the kind of job.
    #[serde(default)]
    pub(super) more: BTreeMap<String, String>,
}

/// How far a job is.
pub(crate) enum Progress {
    /// Waiting; how many are before it, where the provider says so.
    Queued(Option<u32>),
    /// At work; the share that is done, where the provider says so.
    Running(Option<f32>),
    /// Another answer says where the clip is.
    Look(Call),
    /// The clip is there.
    Ready(Media),
}

/// Where the clip is.
pub(crate) enum Media {
    /// Behind a URL that the provider named: fetched without credentials from a listed domain.
    Url(Url),
    /// Behind a call of our own making, with credentials.
    Call(Call),
    /// In the answer.
    Bytes(Vec<u8>),
}

/// Everything a protocol needs to know of where it is used.
pub(crate) struct Context<'a> {
    pub(super) model: &'a RemoteModel,
    pub(super) hosts: &'a Hosts,
    pub(super) region: &'a str,
    /// What the app has set for the provider, such as a project or a bucket.
    pub(super) settings: &'a BTreeMap<String, String>,
}

/// One protocol.
pub(crate) trait Wire: Sync {
    /// The purposes of the credentials that must be in the vault.
    fn credentials(&self) -> &'static [&'static str];

    /// The call that hands everything over.
    fn submit(&self, context: &Context<'_>, ask: &Ask) -> Result<Call>;

    /// What the answer to it says; `sent` is where it went.
    fn submitted(&self, context: &Context<'_>, sent: &Url, reply: &Reply) -> Result<Handle, Fault>;

    /// Asks how far the job is.
    fn poll(&self, context: &Context<'_>, handle: &Handle) -> Result<Call>;

    /// What the answer to it says.
    fn polled(
        &self,
        context: &Context<'_>,
        handle: &Handle,
        reply: &Reply,
    ) -> Result<Progress, Fault>;

    /// What the answer to a [`Progress::Look`] says.
    fn looked(&self, _: &Context<'_>, _: &Handle, reply: &Reply) -> Result<Media, Fault> {
        Err(self.fault(reply))
    }

    /// Asks for a job by our own number, where a submit's answer was lost.
    fn find(&self, _: &Context<'_>, _key: &str) -> Result<Option<Call>> {
        Ok(None)
    }

    /// What the answer to it says: the job, or that there is none.
    fn found(&self, _: &Context<'_>, _key: &str, reply: &Reply) -> Result<Option<Handle>, Fault> {
        Err(self.fault(reply))
    }

    /// Ends the job, where the provider can.
    fn cancel(&self, _: &Context<'_>, _: &Handle) -> Result<Option<Call>> {
        Ok(None)
    }

    /// Deletes what the provider keeps of the job, where it can.
    fn delete(&self, _: &Context<'_>, _: &Handle) -> Result<Option<Call>> {
        Ok(None)
    }

    /// What an answer that is no success means.
    fn fault(&self, reply: &Reply) -> Fault;
}

pub(super) fn wire(name: WireName) -> &'static dyn Wire {
    match name {
        WireName::Fal => &fal::Fal,
        WireName::Kling => &kling::Kling,
        WireName::KlingLegacy => &kling_legacy::KlingLegacy,
        WireName::Dashscope => &dashscope::Dashscope,
        WireName::Interactions => &interactions::Interactions,
        WireName::Veo => &veo::Veo,
        WireName::Openai => &openai::Openai,
        WireName::Bedrock => &bedrock::Bedrock,
    }
}

impl Call {
    fn get(url: Url, auth: Auth) -> Self {
        Self {
            method: Method::Get,
            url,
            headers: Vec::new(),
            body: None,
            auth,
            limit: ANSWER,
            timeout: ASK,
        }
    }

    fn with_method(method: Method, url: Url, auth: Auth) -> Self {
        Self { method, ..Self::get(url, auth) }
    }

    /// A body of JSON, which makes it a POST.
    fn json(url: Url, auth: Auth, body: &Value) -> Self {
        let bytes = Zeroizing::new(body.to_string().into_bytes());
        let mut call = Self::with_method(Method::Post, url, auth);
        call.headers.push(("Content-Type", "application/json".to_owned()));
        call.body = Some(Arc::new(bytes));
        call
    }

    /// The submit of a job.
    fn submit(url: Url, auth: Auth, body: &Value) -> Self {
        Self { timeout: SUBMIT, ..Self::json(url, auth, body) }
    }

    /// The download of a clip.
    pub(super) fn download(url: Url, auth: Auth) -> Self {
        Self { limit: MEDIA, timeout: DOWNLOAD, ..Self::get(url, auth) }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }
}

impl Reply {
    pub(super) fn ok(&self) -> bool {
        (200..300).contains(&self.head.status)
    }

    /// The body as JSON.
    fn json(&self) -> Result<Value, Fault> {
        serde_json::from_slice(&self.body).map_err(|_| Fault::Unreadable)
    }

    /// The body of a success as JSON.
    fn success(&self, wire: &dyn Wire) -> Result<Value, Fault> {
        if self.ok() { self.json() } else { Err(wire.fault(self)) }
    }

    /// The body of whatever it is as JSON; null where it is none.
    fn any(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Seconds or, in milliseconds, what the provider says of the next attempt.
    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.head.header("retry-after").and_then(|text| text.trim().parse().ok());
        let millis = self.head.header("retry-after-ms").and_then(|text| text.trim().parse().ok());
        millis.map(Duration::from_millis).or(seconds.map(Duration::from_secs))
    }

    /// What a status says where the body says nothing better.
    pub(super) fn by_status(&self) -> Fault {
        match self.head.status {
            300..=399 => Fault::Hostile("a redirect of the interface"),
            401 | 403 => Fault::Unauthorised,
            402 => Fault::OutOfCredit,
            404 | 410 => Fault::Gone,
            408 | 500..=599 => Fault::Unavailable(self.retry_after()),
            429 => Fault::RateLimited(self.retry_after()),
            _ => Fault::Refused(super::fault::word(&self.head.status.to_string())),
        }
    }
}

/// `path` below the origin `base`; each segment is encoded.
fn at(base: &Url, path: &[&str]) -> Result<Url> {
    let mut url = base.clone();
    match url.path_segments_mut() {
        Ok(mut segments) => {
            segments.clear();
            segments.extend(path);
        }
        Err(()) => return Err(failed("remote.models", "a host of the table is no origin")),
    }
    Ok(url)
}

/// A text of an answer that must be there.
fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str, Fault> {
    value.pointer(pointer).and_then(Value::as_str).ok_or(Fault::Unreadable)
}

/// An id of an answer: short, and of letters that are safe in a path, a log and a file.
fn id(value: &Value, pointer: &str) -> Result<String, Fault> {
    let found = text(value, pointer)?;
    let safe = (1..=256).contains(&found.len())
        && found.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/".contains(&b))
        && !found.contains("..");
    if safe { Ok(found.to_owned()) } else { Err(Fault::Hostile("an id that is none")) }
}

/// A URL of an answer, over HTTPS.
fn media_url(value: &Value, pointer: &str) -> Result<Url, Fault> {
    let url = Url::parse(text(value, pointer)?).map_err(|_| Fault::Unreadable)?;
    if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::Hostile("a result that is not behind HTTPS"));
    }
    Ok(url)
}

/// A setting of the app's that a protocol cannot do without.
fn setting<'a>(context: &'a Context<'_>, name: &str) -> Result<&'a str> {
    context.settings.get(name).map(String::as_str).filter(|text| !text.is_empty()).ok_or_else(
        || {
            let provider = context.model.provider();
            let message = format!("{provider} needs the setting {name}: RemoteOptions::setting");
            failed("remote.setting", message)
        },
    )
}

/// The nearest of the ratios that a protocol knows.
fn nearest_ratio<'a>(ratio: f64, known: &[(&'a str, f64)]) -> &'a str {
    let distance = |one: f64| (one.ln() - ratio.ln()).abs();
    let nearest = known.iter().min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
    nearest.map_or("16:9", |(name, _)| *name)
}
