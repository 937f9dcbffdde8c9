//! Kling's older interface: a JWT of two keys, the model in the body.
//!
//! Source: Kling's archived common information page; the AI SDK's and ComfyUI's clients.

use serde_json::json;
use url::Url;

use super::kling::{failure, fault, success};
use super::{
    Ask, Auth, Call, Context, Handle, Media, Progress, Reply, Wire, at, id, media_url, text,
};
use crate::error::Result;
use crate::remote::fault::Fault;

const RATIOS: [(&str, f64); 3] = [("16:9", 16.0 / 9.0), ("9:16", 9.0 / 16.0), ("1:1", 1.0)];
/// Which of the two kinds of job it is: the handle must know, since they are polled apart.
const KIND: &str = "kind";

pub(super) struct KlingLegacy;

impl Wire for KlingLegacy {
    fn credentials(&self) -> &'static [&'static str] {
        &["access_key", "secret_key"]
    }

    fn submit(&self, context: &Context<'_>, ask: &Ask) -> Result<Call> {
        let model = context.model;
        let mut body = json!({
            "model_name": model.model,
            "prompt": ask.prompt,
            "duration": ask.seconds.to_string(),
            "external_task_id": ask.key,
        });
        for name in ["mode", "sound"] {
            if let Some(value) = model.field(name) {
                body[name] = json!(value);
            }
        }
        match &ask.photo {
            Some(photo) => body["image"] = json!(photo.base64()),
            None => body["aspect_ratio"] = json!(super::nearest_ratio(ask.ratio, &RATIOS)),
        }
        let kind = if ask.photo.is_some() { "image2video" } else { "text2video" };
        Ok(Call::submit(at(&context.hosts.api, &["v1", "videos", kind])?, Auth::Jwt, &body))
    }

    fn submitted(&self, _: &Context<'_>, sent: &Url, reply: &Reply) -> Result<Handle, Fault> {
        let body = success(self, reply)?;
        let id = id(&body, "/data/task_id")?;
        let kind = sent.path_segments().and_then(|mut path| path.next_back()).unwrap_or_default();
        Ok(Handle { id, more: [(KIND.to_owned(), kind.to_owned())].into() })
    }

    fn poll(&self, context: &Context<'_>, handle: &Handle) -> Result<Call> {
        let kind = handle.more.get(KIND).map_or("image2video", String::as_str);
        Ok(Call::get(at(&context.hosts.api, &["v1", "videos", kind, &handle.id])?, Auth::Jwt))
    }

    fn polled(&self, _: &Context<'_>, _: &Handle, reply: &Reply) -> Result<Progress, Fault> {
        let body = success(self, reply)?;
        match text(&body, "/data/task_status")? {
            "submitted" => Ok(Progress::Queued(None)),
            "processing" => Ok(Progress::Running(None)),
            "succeed" | "succeeded" => {
                let url = media_url(&body, "/data/task_result/videos/0/url")?;
                Ok(Progress::Ready(Media::Url(url)))
            }
            "failed" => Err(failure(body["data"]["task_status_msg"].as_str())),
            _ => Err(Fault::Unreadable),
        }
    }

    fn fault(&self, reply: &Reply) -> Fault {
        fault(reply)
    }
}
