//! Veo on Google Cloud: a long-running operation whose clip comes in the answer.
//!
//! Source: docs.cloud.google.com (generate videos), googleapis/python-genai, the AI SDK.

use serde_json::json;
use url::Url;

use super::interactions::google_fault;
use super::{
    Ask, Auth, Call, Context, Handle, INLINE, Media, Progress, Reply, Wire, at, id, setting,
};
use crate::error::Result;
use crate::remote::fault::{Fault, word};
use crate::remote::picture;

const TOKEN: Auth = Auth::Header("Authorization", "Bearer ", "access_token");
const RATIOS: [(&str, f64); 2] = [("16:9", 16.0 / 9.0), ("9:16", 9.0 / 16.0)];

pub(super) struct Veo;

impl Wire for Veo {
    fn credentials(&self) -> &'static [&'static str] {
        &["access_token"]
    }

    fn submit(&self, context: &Context<'_>, ask: &Ask) -> Result<Call> {
        let mut instance = json!({ "prompt": ask.prompt });
        if let Some(photo) = &ask.photo {
            instance["image"] =
                json!({ "bytesBase64Encoded": photo.base64(), "mimeType": "image/jpeg" });
        }
        // No bucket is named: the clip comes in the answer and lies nowhere.
        let mut parameters = json!({
            "sampleCount": 1,
            "durationSeconds": ask.seconds,
            "aspectRatio": super::nearest_ratio(ask.ratio, &RATIOS),
            "generateAudio": false,
            "enhancePrompt": false,
            "seed": ask.seed % (1 << 32),
        });
        if let Some(size) = &ask.size {
            parameters["resolution"] = json!(size);
        }
        if let Some(people) = context.model.field("people") {
            parameters["personGeneration"] = json!(people);
        }
        let body = json!({ "instances": [instance], "parameters": parameters });
        Ok(Call::submit(model(context, "predictLongRunning")?, TOKEN, &body))
    }

    fn submitted(&self, _: &Context<'_>, _: &Url, reply: &Reply) -> Result<Handle, Fault> {
        let body = reply.success(self)?;
        Ok(Handle { id: id(&body, "/name")?, more: Default::default() })
    }

    fn poll(&self, context: &Context<'_>, handle: &Handle) -> Result<Call> {
        let body = json!({ "operationName": handle.id });
        Ok(Call::json(model(context, "fetchPredictOperation")?, TOKEN, &body).limit(INLINE))
    }

    fn polled(&self, _: &Context<'_>, _: &Handle, reply: &Reply) -> Result<Progress, Fault> {
        let body = reply.success(self)?;
        if body["done"] != true {
            return Ok(Progress::Running(None));
        }
        if !body["error"].is_null() {
            // google.rpc.Code: 3 is an invalid argument, 8 an exhausted quota.
            return Err(match body["error"]["code"].as_i64() {
                Some(3) => Fault::Refused(word("INVALID_ARGUMENT")),
                Some(8) => Fault::OutOfCredit,
                Some(code) => Fault::Failed(word(&code.to_string())),
                None => Fault::Failed(word("failed")),
            });
        }
        let response = &body["response"];
        if let Some(data) = response["videos"][0]["bytesBase64Encoded"].as_str() {
            let bytes = picture::from_base64(data).ok_or(Fault::Unreadable)?;
            return Ok(Progress::Ready(Media::Bytes(bytes)));
        }
        if response["raiMediaFilteredCount"].as_u64().is_some_and(|count| count > 0) {
            return Err(Fault::Moderated(word("rai_filter")));
        }
        Err(Fault::Unreadable)
    }

    fn fault(&self, reply: &Reply) -> Fault {
        match google_fault(reply) {
            // The path holds the model: what is not found is that.
            Fault::Gone => Fault::Retired,
            fault => fault,
        }
    }
}

fn model(context: &Context<'_>, verb: &str) -> Result<Url> {
    let call = format!("{}:{verb}", context.model.model);
    let project = setting(context, "project")?;
    let path = ["v1beta1", "projects", project, "locations", context.region];
    at(&context.hosts.api, &[&path[..], &["publishers", "google", "models", &call]].concat())
}
