//! fal's queue: submit, poll and fetch at the URLs that it gives, all at one origin.
//!
//! Source: fal.ai/docs (inference API, data retention, errors) and fal's own Python and JavaScript
//! clients.

use serde_json::{Value, json};
use url::Url;

use super::{
    Ask, Auth, Call, Context, Handle, Media, Progress, Reply, Wire, at, id, media_url, text,
};
use crate::error::Result;
use crate::remote::fault::{Fault, word};
use crate::transport::Method;

const KEY: Auth = Auth::Header("Authorization", "Key ", "api_key");
/// How long fal keeps what its model makes, seconds.
const MEDIA_LIFE: &str = r#"{"expiration_duration_seconds":3600}"#;

pub(super) struct Fal;

impl Wire for Fal {
    fn credentials(&self) -> &'static [&'static str] {
        &["api_key"]
    }

    fn submit(&self, context: &Context<'_>, ask: &Ask) -> Result<Call> {
        let path: Vec<&str> = context.model.model.split('/').collect();
        let mut body = json!({ "prompt": ask.prompt });
        if let Some(photo) = &ask.photo {
            // In the request and not uploaded: what is uploaded lies at a public address.
            body[context.model.field("image").unwrap_or("image_url")] = json!(photo.data_uri());
        }
        if context.model.field("seconds") == Some("text") {
            body["duration"] = json!(ask.seconds.to_string());
        }
        if let Some(size) = &ask.size {
            body["resolution"] = json!(size);
        }
        if context.model.seed {
            body["seed"] = json!(ask.seed % (1 << 31));
        }
        Ok(Call::submit(at(&context.hosts.api, &path)?, KEY, &body)
            .header("X-Fal-Store-IO", "0")
            .header("X-Fal-Object-Lifecycle-Preference", MEDIA_LIFE))
    }

    fn submitted(&self, context: &Context<'_>, _: &Url, reply: &Reply) -> Result<Handle, Fault> {
        let body = reply.success(self)?;
        let id = id(&body, "/request_id")?;
        let mut urls = std::collections::BTreeMap::new();
        for name in ["status_url", "response_url", "cancel_url"] {
            let url = media_url(&body, &format!("/{name}"))?;
            own(context, &url, &id)?;
            urls.insert(name.to_owned(), url.into());
        }
        Ok(Handle { id, more: urls })
    }

    fn poll(&self, context: &Context<'_>, handle: &Handle) -> Result<Call> {
        Ok(Call::get(given(context, handle, "status_url")?, KEY))
    }

    fn polled(
        &self,
        context: &Context<'_>,
        handle: &Handle,
        reply: &Reply,
    ) -> Result<Progress, Fault> {
        let body = reply.success(self)?;
        match text(&body, "/status")? {
            "IN_QUEUE" => {
                let before = body["queue_position"].as_u64().and_then(|n| u32::try_from(n).ok());
                Ok(Progress::Queued(before))
            }
            "IN_PROGRESS" => Ok(Progress::Running(None)),
            "COMPLETED" if body["error"].is_null() && body["error_type"].is_null() => {
                let url = given(context, handle, "response_url")?;
                Ok(Progress::Look(Call::get(url, KEY)))
            }
            "COMPLETED" => Err(by_type(body["error_type"].as_str().unwrap_or_default())),
            _ => Err(Fault::Unreadable),
        }
    }

    fn looked(&self, _: &Context<'_>, _: &Handle, reply: &Reply) -> Result<Media, Fault> {
        let body = reply.success(self)?;
        Ok(Media::Url(media_url(&body, "/video/url")?))
    }

    fn cancel(&self, context: &Context<'_>, handle: &Handle) -> Result<Option<Call>> {
        let url = given(context, handle, "cancel_url")?;
        Ok(Some(Call::with_method(Method::Put, url, KEY)))
    }

    fn delete(&self, context: &Context<'_>, handle: &Handle) -> Result<Option<Call>> {
        // It takes an administrator's key, which few put on a phone.
        let Some(api) = context.hosts.more.first() else { return Ok(None) };
        let url = at(api, &["v1", "models", "requests", &handle.id, "payloads"])?;
        let auth = Auth::Header("Authorization", "Key ", "admin_key");
        Ok(Some(Call::with_method(Method::Delete, url, auth)))
    }

    fn fault(&self, reply: &Reply) -> Fault {
        let body = reply.any();
        if let Some(kind) = body["error_type"].as_str() {
            return match by_type(kind) {
                Fault::Failed(_) if reply.head.status >= 500 => {
                    Fault::Unavailable(reply.retry_after())
                }
                fault => fault,
            };
        }
        match &body["detail"] {
            Value::String(detail) if detail.contains("still in progress") => Fault::Early,
            Value::String(detail) if detail.to_ascii_lowercase().contains("balance") => {
                Fault::OutOfCredit
            }
            Value::Array(details) => match details.first().and_then(|d| d["type"].as_str()) {
                Some(kind) => by_type(kind),
                None => reply.by_status(),
            },
            _ => reply.by_status(),
        }
    }
}

fn by_type(kind: &str) -> Fault {
    match kind {
        "content_policy_violation" => Fault::Moderated(word(kind)),
        "image_too_large" | "image_too_small" | "image_load_error" | "value_error" | "missing" => {
            Fault::Refused(word(kind))
        }
        _ => Fault::Failed(word(kind)),
    }
}

/// A URL that fal gave: at the queue's origin and of this very job, or it is not followed.
fn own(context: &Context<'_>, url: &Url, id: &str) -> Result<(), Fault> {
    let of_the_job = url.path_segments().is_some_and(|mut path| path.any(|part| part == id));
    if url.origin() == context.hosts.api.origin() && of_the_job {
        return Ok(());
    }
    Err(Fault::Hostile("a URL of another place"))
}

fn given(context: &Context<'_>, handle: &Handle, name: &str) -> Result<Url> {
    let fault = |fault: Fault| fault.error(context.model.provider());
    let url = handle.more.get(name).and_then(|text| Url::parse(text).ok());
    let url = url.ok_or_else(|| fault(Fault::Unreadable))?;
    own(context, &url, &handle.id).map_err(fault)?;
    Ok(url)
}
