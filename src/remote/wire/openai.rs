//! OpenAI's Videos interface. Its own service was switched off on 2026-09-24; gateways imitate it.
//!
//! Source: openai/openai-python (resources/videos, types/video).

use serde_json::json;
use url::Url;

use super::{Ask, Auth, Call, Context, Handle, Media, Progress, Reply, Wire, at, id, text};
use crate::error::Result;
use crate::remote::fault::{Fault, word};
use crate::transport::Method;

const KEY: Auth = Auth::Header("Authorization", "Bearer ", "api_key");

pub(super) struct Openai;

impl Wire for Openai {
    fn credentials(&self) -> &'static [&'static str] {
        &["api_key"]
    }

    fn submit(&self, context: &Context<'_>, ask: &Ask) -> Result<Call> {
        let mut body = json!({
            "model": context.model.model,
            "prompt": ask.prompt,
            "seconds": ask.seconds.to_string(),
        });
        // The wire names portrait sizes; a wide picture turns them.
        if let Some((short, long)) = ask.size.as_deref().and_then(|size| size.split_once('x')) {
            let turned = ask.ratio > 1.0;
            body["size"] =
                json!(if turned { format!("{long}x{short}") } else { format!("{short}x{long}") });
        }
        if let Some(photo) = &ask.photo {
            body["input_reference"] = json!({ "image_url": photo.data_uri() });
        }
        Ok(Call::submit(at(&context.hosts.api, &["v1", "videos"])?, KEY, &body))
    }

    fn submitted(&self, _: &Context<'_>, _: &Url, reply: &Reply) -> Result<Handle, Fault> {
        let body = reply.success(self)?;
        Ok(Handle { id: id(&body, "/id")?, more: Default::default() })
    }

    fn poll(&self, context: &Context<'_>, handle: &Handle) -> Result<Call> {
        Ok(Call::get(at(&context.hosts.api, &["v1", "videos", &handle.id])?, KEY))
    }

    fn polled(
        &self,
        context: &Context<'_>,
        handle: &Handle,
        reply: &Reply,
    ) -> Result<Progress, Fault> {
        let body = reply.success(self)?;
        match text(&body, "/status")? {
            "queued" => Ok(Progress::Queued(None)),
            "in_progress" => {
                let share = body["progress"].as_f64().map(|percent| (percent / 100.0) as f32);
                Ok(Progress::Running(share))
            }
            "completed" => {
                let url = at(&context.hosts.api, &["v1", "videos", &handle.id, "content"])?;
                Ok(Progress::Ready(Media::Call(Call::download(url, KEY))))
            }
            "failed" => Err(by_code(body["error"]["code"].as_str().unwrap_or("failed"))),
            _ => Err(Fault::Unreadable),
        }
    }

    fn delete(&self, context: &Context<'_>, handle: &Handle) -> Result<Option<Call>> {
        let url = at(&context.hosts.api, &["v1", "videos", &handle.id])?;
        Ok(Some(Call::with_method(Method::Delete, url, KEY)))
    }

    fn fault(&self, reply: &Reply) -> Fault {
        let body = reply.any();
        let error = &body["error"];
        match (error["code"].as_str(), error["type"].as_str()) {
            (Some("insufficient_quota"), _) => Fault::OutOfCredit,
            (Some("model_not_found"), _) => Fault::Retired,
            (Some(code), _) if code.contains("moderation") => Fault::Moderated(word(code)),
            (_, Some("invalid_request_error")) if reply.head.status == 400 => {
                Fault::Refused(word(error["code"].as_str().unwrap_or("invalid_request_error")))
            }
            _ => reply.by_status(),
        }
    }
}

fn by_code(code: &str) -> Fault {
    if code.contains("moderation") {
        Fault::Moderated(word(code))
    } else {
        Fault::Failed(word(code))
    }
}
