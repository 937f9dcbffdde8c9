//! Google's Interactions interface: Gemini Omni.
//!
//! Source: googleapis/python-genai (interactions types), Google's model pages and the AI SDK.

use serde_json::{Value, json};
use url::Url;

use super::{Ask, Auth, Call, Context, Handle, INLINE, Media, Progress, Reply, Wire, at, id, text};
use crate::error::Result;
use crate::remote::fault::{Fault, word};
use crate::transport::Method;

const KEY: Auth = Auth::Header("x-goog-api-key", "", "api_key");
const RATIOS: [(&str, f64); 2] = [("16:9", 16.0 / 9.0), ("9:16", 9.0 / 16.0)];

pub(super) struct Interactions;

impl Wire for Interactions {
    fn credentials(&self) -> &'static [&'static str] {
        &["api_key"]
    }

    fn submit(&self, context: &Context<'_>, ask: &Ask) -> Result<Call> {
        let mut input = vec![json!({ "type": "text", "text": ask.prompt })];
        let task = match (&ask.photo, &ask.video) {
            (Some(photo), _) => {
                let data = photo.base64();
                input.push(json!({ "type": "image", "data": data, "mime_type": "image/jpeg" }));
                "image_to_video"
            }
            (None, Some(video)) => {
                let data = super::super::picture::base64(video.bytes());
                input.push(json!({ "type": "video", "data": data, "mime_type": "video/mp4" }));
                "edit"
            }
            (None, None) => "text_to_video",
        };
        let mut format = json!({
            "type": "video",
            "aspect_ratio": super::nearest_ratio(ask.ratio, &RATIOS),
            "duration": format!("{}s", ask.seconds),
            "delivery": "uri",
        });
        if let Some(size) = &ask.size {
            format["resolution"] = json!(size);
        }
        // Without being stored a run in the background may have no id to ask for, so it is stored
        // and deleted as soon as the clip is here.
        let body = json!({
            "model": context.model.model,
            "input": input,
            "background": true,
            "store": true,
            "response_format": format,
            "generation_config": {
                "seed": ask.seed % (1 << 31),
                "video_config": { "task": task },
            },
        });
        Ok(Call::submit(at(&context.hosts.api, &["v1beta", "interactions"])?, KEY, &body))
    }

    fn submitted(&self, _: &Context<'_>, _: &Url, reply: &Reply) -> Result<Handle, Fault> {
        let body = reply.success(self)?;
        Ok(Handle { id: id(&body, "/id")?, more: Default::default() })
    }

    fn poll(&self, context: &Context<'_>, handle: &Handle) -> Result<Call> {
        Ok(Call::get(one(context, handle, &[])?, KEY).limit(INLINE))
    }

    fn polled(&self, context: &Context<'_>, _: &Handle, reply: &Reply) -> Result<Progress, Fault> {
        let body = reply.success(self)?;
        match text(&body, "/status")? {
            "queued" => Ok(Progress::Queued(None)),
            "in_progress" => Ok(Progress::Running(None)),
            "completed" => clip(context, &body).map(Progress::Ready),
            "cancelled" => Err(Fault::Cancelled),
            "budget_exceeded" => Err(Fault::OutOfCredit),
            "failed" | "incomplete" | "requires_action" => Err(failure(&body)),
            _ => Err(Fault::Unreadable),
        }
    }

    fn cancel(&self, context: &Context<'_>, handle: &Handle) -> Result<Option<Call>> {
        let url = one(context, handle, &["cancel"])?;
        Ok(Some(Call::with_method(Method::Post, url, KEY)))
    }

    fn delete(&self, context: &Context<'_>, handle: &Handle) -> Result<Option<Call>> {
        let url = one(context, handle, &[])?;
        Ok(Some(Call::with_method(Method::Delete, url, KEY)))
    }

    fn fault(&self, reply: &Reply) -> Fault {
        google_fault(reply)
    }
}

fn one(context: &Context<'_>, handle: &Handle, more: &[&str]) -> Result<Url> {
    at(&context.hosts.api, &[&["v1beta", "interactions", &handle.id][..], more].concat())
}

/// The video among what the model put out: bytes, or a URI at Google's own origin that wants the
/// key.
fn clip(context: &Context<'_>, body: &Value) -> Result<Media, Fault> {
    let steps = body["steps"].as_array().ok_or(Fault::Unreadable)?;
    let outputs = steps.iter().filter(|step| step["type"] == "model_output");
    let mut contents = outputs.filter_map(|step| step["content"].as_array()).flatten();
    let Some(video) = contents.find(|part| part["type"] == "video") else {
        // It is done and there is none: its filter took it.
        return Err(Fault::Moderated(word("no_video")));
    };
    if let Some(data) = video["data"].as_str() {
        return super::super::picture::from_base64(data).map(Media::Bytes).ok_or(Fault::Unreadable);
    }
    let url = super::media_url(video, "/uri")?;
    if context.hosts.is_own(&url) {
        return Ok(Media::Call(Call::download(url, KEY)));
    }
    Ok(Media::Url(url))
}

fn failure(body: &Value) -> Fault {
    let code = body["errors"][0]["code"].as_str().unwrap_or_default();
    let lower = code.to_ascii_lowercase();
    if ["safety", "blocked", "prohibited", "policy"].iter().any(|sign| lower.contains(sign)) {
        return Fault::Moderated(word(code));
    }
    Fault::Failed(word(code))
}

/// Google's shape of an error: a status in capitals, and on 429 perhaps when to come back.
pub(super) fn google_fault(reply: &Reply) -> Fault {
    let body = reply.any();
    let error = &body["error"];
    let delay = || {
        let details = error["details"].as_array()?;
        let text = details.iter().find_map(|detail| detail["retryDelay"].as_str())?;
        let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
        std::time::Duration::try_from_secs_f64(seconds).ok()
    };
    match error["status"].as_str().unwrap_or_default() {
        "RESOURCE_EXHAUSTED" => Fault::RateLimited(delay().or_else(|| reply.retry_after())),
        "UNAUTHENTICATED" | "PERMISSION_DENIED" => Fault::Unauthorised,
        "FAILED_PRECONDITION" => Fault::OutOfCredit,
        "INVALID_ARGUMENT" => Fault::Refused(word("INVALID_ARGUMENT")),
        "NOT_FOUND" => Fault::Gone,
        "UNAVAILABLE" | "INTERNAL" | "DEADLINE_EXCEEDED" => Fault::Unavailable(reply.retry_after()),
        _ => reply.by_status(),
    }
}
