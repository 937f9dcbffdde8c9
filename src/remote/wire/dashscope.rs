//! Alibaba Cloud's Model Studio (DashScope): Wan.
//!
//! Source: alibabacloud.com/help/en/model-studio (image to video, error codes, regions), the
//! DashScope Python SDK and the AI SDK.

use serde_json::json;
use url::Url;

use super::{
    Ask, Auth, Call, Context, Handle, Media, Progress, Reply, Wire, at, id, media_url, text,
};
use crate::error::Result;
use crate::remote::fault::{Fault, word};
use crate::transport::Method;

const KEY: Auth = Auth::Header("Authorization", "Bearer ", "api_key");
const RATIOS: [(&str, f64); 5] = [
    ("16:9", 16.0 / 9.0),
    ("9:16", 9.0 / 16.0),
    ("1:1", 1.0),
    ("4:3", 4.0 / 3.0),
    ("3:4", 3.0 / 4.0),
];

pub(super) struct Dashscope;

impl Wire for Dashscope {
    fn credentials(&self) -> &'static [&'static str] {
        &["api_key"]
    }

    fn submit(&self, context: &Context<'_>, ask: &Ask) -> Result<Call> {
        let model = context.model;
        let mut input = json!({ "prompt": ask.prompt });
        // The prompt goes as it is and is not rewritten, and no mark of the provider is asked for.
        let mut parameters = json!({
            "duration": ask.seconds,
            "prompt_extend": false,
            "watermark": false,
            "seed": ask.seed % (1 << 31),
        });
        if let Some(size) = &ask.size {
            parameters["resolution"] = json!(size);
        }
        match (&ask.photo, model.field("image")) {
            (Some(photo), Some("media")) => {
                input["media"] = json!([{ "type": "first_frame", "url": photo.data_uri() }]);
            }
            (Some(photo), _) => input["img_url"] = json!(photo.data_uri()),
            (None, _) => parameters["ratio"] = json!(super::nearest_ratio(ask.ratio, &RATIOS)),
        }
        if let (Some(_), Some(ratio)) = (&ask.photo, model.field("ratio")) {
            parameters["ratio"] = json!(ratio);
        }
        let url = at(
            &context.hosts.api,
            &["api", "v1", "services", "aigc", "video-generation", "video-synthesis"],
        )?;
        let body = json!({ "model": model.model, "input": input, "parameters": parameters });
        Ok(Call::submit(url, KEY, &body).header("X-DashScope-Async", "enable"))
    }

    fn submitted(&self, _: &Context<'_>, _: &Url, reply: &Reply) -> Result<Handle, Fault> {
        let body = reply.success(self)?;
        Ok(Handle { id: id(&body, "/output/task_id")?, more: Default::default() })
    }

    fn poll(&self, context: &Context<'_>, handle: &Handle) -> Result<Call> {
        Ok(Call::get(at(&context.hosts.api, &["api", "v1", "tasks", &handle.id])?, KEY))
    }

    fn polled(&self, _: &Context<'_>, _: &Handle, reply: &Reply) -> Result<Progress, Fault> {
        let body = reply.success(self)?;
        match text(&body, "/output/task_status")? {
            "PENDING" => Ok(Progress::Queued(None)),
            "RUNNING" => Ok(Progress::Running(None)),
            "SUCCEEDED" => Ok(Progress::Ready(Media::Url(media_url(&body, "/output/video_url")?))),
            "CANCELED" => Err(Fault::Cancelled),
            // A task that it no longer knows: ids are good for 24 hours.
            "UNKNOWN" => Err(Fault::Gone),
            "FAILED" => Err(by_code(body["output"]["code"].as_str().unwrap_or_default(), reply)
                .unwrap_or(Fault::Failed(word("failed")))),
            _ => Err(Fault::Unreadable),
        }
    }

    fn cancel(&self, context: &Context<'_>, handle: &Handle) -> Result<Option<Call>> {
        let url = at(&context.hosts.api, &["api", "v1", "tasks", &handle.id, "cancel"])?;
        Ok(Some(Call::with_method(Method::Post, url, KEY)))
    }

    fn fault(&self, reply: &Reply) -> Fault {
        let body = reply.any();
        by_code(body["code"].as_str().unwrap_or_default(), reply)
            .unwrap_or_else(|| reply.by_status())
    }
}

fn by_code(code: &str, reply: &Reply) -> Option<Fault> {
    Some(match code.split('.').next().unwrap_or_default() {
        "DataInspectionFailed" => Fault::Moderated(word("DataInspectionFailed")),
        "InvalidApiKey" => Fault::Unauthorised,
        "Arrearage" => Fault::OutOfCredit,
        "ModelNotFound" => Fault::Retired,
        "Throttling" if code.ends_with("AllocationQuota") => Fault::OutOfCredit,
        "Throttling" => Fault::RateLimited(reply.retry_after()),
        "InvalidParameter" => Fault::Refused(word(code)),
        "InternalError" => Fault::Failed(word(code)),
        _ => return None,
    })
}
