//! Kling's API 2.0: an API key, the model in the path, jobs found again by our own number.
//!
//! Source: kling.ai document-api pages (common information, image to video, concurrency rules).

use serde_json::{Value, json};
use url::Url;

use super::{
    Ask, Auth, Call, Context, Handle, Media, Progress, Reply, Wire, at, id, media_url, text,
};
use crate::error::Result;
use crate::remote::fault::{Fault, word};

const KEY: Auth = Auth::Header("Authorization", "Bearer ", "api_key");
const RATIOS: [(&str, f64); 3] = [("16:9", 16.0 / 9.0), ("9:16", 9.0 / 16.0), ("1:1", 1.0)];

pub(super) struct Kling;

impl Wire for Kling {
    fn credentials(&self) -> &'static [&'static str] {
        &["api_key"]
    }

    fn submit(&self, context: &Context<'_>, ask: &Ask) -> Result<Call> {
        let mut settings = json!({ "duration": ask.seconds });
        if let Some(size) = &ask.size {
            settings["resolution"] = json!(size);
        }
        if context.model.field("audio") == Some("off") {
            settings["audio"] = json!("off");
        }
        if context.model.field("multi_shot") == Some("off") {
            settings["multi_shot"] = json!(false);
        }
        let options =
            json!({ "external_task_id": ask.key, "watermark_info": { "enabled": false } });
        let (kind, body) = match &ask.photo {
            Some(photo) => {
                let mut contents = vec![json!({ "type": "first_frame", "url": photo.base64() })];
                if !ask.prompt.is_empty() {
                    contents.push(json!({ "type": "prompt", "text": ask.prompt }));
                }
                let body =
                    json!({ "contents": contents, "settings": settings, "options": options });
                ("image-to-video", body)
            }
            None => {
                settings["aspect_ratio"] = json!(super::nearest_ratio(ask.ratio, &RATIOS));
                let body =
                    json!({ "prompt": ask.prompt, "settings": settings, "options": options });
                ("text-to-video", body)
            }
        };
        Ok(Call::submit(at(&context.hosts.api, &[kind, &context.model.model])?, KEY, &body))
    }

    fn submitted(&self, _: &Context<'_>, _: &Url, reply: &Reply) -> Result<Handle, Fault> {
        let body = success(self, reply)?;
        Ok(Handle { id: id(&body, "/data/id")?, more: Default::default() })
    }

    fn poll(&self, context: &Context<'_>, handle: &Handle) -> Result<Call> {
        tasks(context, "task_ids", &handle.id)
    }

    fn polled(&self, _: &Context<'_>, handle: &Handle, reply: &Reply) -> Result<Progress, Fault> {
        let body = success(self, reply)?;
        let tasks = body["data"].as_array().ok_or(Fault::Unreadable)?;
        let task = tasks.iter().find(|task| task["id"].as_str() == Some(&handle.id));
        let task = task.ok_or(Fault::Gone)?;
        match text(task, "/status")? {
            "submitted" => Ok(Progress::Queued(None)),
            "processing" => Ok(Progress::Running(None)),
            "succeeded" | "succeed" => {
                let outputs = task["outputs"].as_array().ok_or(Fault::Unreadable)?;
                let video = outputs.iter().find(|output| output["type"] == "video");
                Ok(Progress::Ready(Media::Url(media_url(video.ok_or(Fault::Unreadable)?, "/url")?)))
            }
            "failed" => Err(failure(task["message"].as_str())),
            _ => Err(Fault::Unreadable),
        }
    }

    fn find(&self, context: &Context<'_>, key: &str) -> Result<Option<Call>> {
        tasks(context, "external_task_ids", key).map(Some)
    }

    fn found(&self, _: &Context<'_>, key: &str, reply: &Reply) -> Result<Option<Handle>, Fault> {
        let body = success(self, reply)?;
        let tasks = body["data"].as_array().ok_or(Fault::Unreadable)?;
        let task = tasks.iter().find(|task| task["external_id"].as_str() == Some(key));
        let Some(task) = task else { return Ok(None) };
        Ok(Some(Handle { id: id(task, "/id")?, more: Default::default() }))
    }

    fn fault(&self, reply: &Reply) -> Fault {
        fault(reply)
    }
}

fn tasks(context: &Context<'_>, by: &str, id: &str) -> Result<Call> {
    let mut url = at(&context.hosts.api, &["tasks"])?;
    url.query_pairs_mut().append_pair(by, id);
    Ok(Call::get(url, KEY))
}

/// A success whose own code is 0 too.
pub(super) fn success(wire: &dyn Wire, reply: &Reply) -> Result<Value, Fault> {
    let body = reply.success(wire)?;
    match body["code"].as_i64() {
        Some(0) => Ok(body),
        Some(_) => Err(fault(reply)),
        None => Err(Fault::Unreadable),
    }
}

/// Kling's codes; a 429 stands for money as well as for too many jobs.
pub(super) fn fault(reply: &Reply) -> Fault {
    match reply.any()["code"].as_i64() {
        Some(1003 | 1004) => Fault::ClockSkew,
        Some(1000..=1002) => Fault::Unauthorised,
        Some(1100..=1102) => Fault::OutOfCredit,
        Some(1301) => Fault::Moderated(word("1301")),
        Some(1302 | 1303) => Fault::RateLimited(reply.retry_after()),
        Some(1304) => Fault::Unauthorised,
        Some(code @ 1200..=1299) => Fault::Refused(word(&code.to_string())),
        Some(5000..=5002) => Fault::Unavailable(reply.retry_after()),
        _ => reply.by_status(),
    }
}

/// A failed job's message is the only sign of the content filter; only whether it is one is kept.
pub(super) fn failure(message: Option<&str>) -> Fault {
    let message = message.unwrap_or_default().to_ascii_lowercase();
    let filtered = ["risk control", "content policy", "sensitive", "moderation"];
    if filtered.iter().any(|sign| message.contains(sign)) {
        Fault::Moderated(word("risk_control"))
    } else {
        Fault::Failed(word("failed"))
    }
}
