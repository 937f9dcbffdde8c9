//! Amazon Bedrock's asynchronous invocation: the clip lands in the account owner's own bucket.
//!
//! Source: boto/botocore (bedrock-runtime, auth), docs.aws.amazon.com (Bedrock, Luma Ray2).

use serde_json::json;
use url::Url;

use super::{
    Ask, Auth, Call, Context, Handle, Media, Progress, Reply, Wire, at, id, setting, text,
};
use crate::error::Result;
use crate::remote::failed;
use crate::remote::fault::{Fault, word};
use crate::remote::sign;
use crate::transport::Method;

const RATIOS: [(&str, f64); 7] = [
    ("1:1", 1.0),
    ("16:9", 16.0 / 9.0),
    ("9:16", 9.0 / 16.0),
    ("4:3", 4.0 / 3.0),
    ("3:4", 3.0 / 4.0),
    ("21:9", 21.0 / 9.0),
    ("9:21", 9.0 / 21.0),
];

pub(super) struct Bedrock;

impl Wire for Bedrock {
    fn credentials(&self) -> &'static [&'static str] {
        &["access_key_id", "secret_access_key"]
    }

    fn submit(&self, context: &Context<'_>, ask: &Ask) -> Result<Call> {
        let mut input = json!({
            "prompt": ask.prompt,
            "aspect_ratio": super::nearest_ratio(ask.ratio, &RATIOS),
            "duration": format!("{}s", ask.seconds),
        });
        if let Some(size) = &ask.size {
            input["resolution"] = json!(size);
        }
        if let Some(photo) = &ask.photo {
            let source =
                json!({ "type": "base64", "media_type": "image/jpeg", "data": photo.base64() });
            input["keyframes"] = json!({ "frame0": { "type": "image", "source": source } });
        }
        let bucket = Bucket::of(context)?;
        let body = json!({
            "clientRequestToken": ask.key,
            "modelId": context.model.model,
            "modelInput": input,
            "outputDataConfig": { "s3OutputDataConfig": { "s3Uri": bucket.uri() } },
        });
        Ok(Call::submit(at(&context.hosts.api, &["async-invoke"])?, bedrock(context), &body))
    }

    fn submitted(&self, _: &Context<'_>, _: &Url, reply: &Reply) -> Result<Handle, Fault> {
        let body = reply.success(self)?;
        Ok(Handle { id: id(&body, "/invocationArn")?, more: Default::default() })
    }

    fn poll(&self, context: &Context<'_>, handle: &Handle) -> Result<Call> {
        // The whole ARN is one segment, with its colons and slashes encoded.
        let path = format!("async-invoke/{}", sign::encode(&handle.id, false));
        let url = context.hosts.api.join(&path);
        let url = url.map_err(|_| failed("remote.models", "a host of the table is no origin"))?;
        Ok(Call::get(url, bedrock(context)))
    }

    fn polled(
        &self,
        context: &Context<'_>,
        handle: &Handle,
        reply: &Reply,
    ) -> Result<Progress, Fault> {
        let body = reply.success(self)?;
        match text(&body, "/status")? {
            "InProgress" => Ok(Progress::Running(None)),
            "Completed" => {
                let (url, auth) = output(context, handle)?;
                Ok(Progress::Ready(Media::Call(Call::download(url, auth))))
            }
            "Failed" => {
                let why = body["failureMessage"].as_str().unwrap_or_default().to_ascii_lowercase();
                let filtered = ["moderat", "content filter", "policy", "responsible ai"];
                Err(if filtered.iter().any(|sign| why.contains(sign)) {
                    Fault::Moderated(word("content_filter"))
                } else {
                    Fault::Failed(word("failed"))
                })
            }
            _ => Err(Fault::Unreadable),
        }
    }

    fn find(&self, context: &Context<'_>, _: &str) -> Result<Option<Call>> {
        let mut url = at(&context.hosts.api, &["async-invoke"])?;
        url.query_pairs_mut().append_pair("maxResults", "50");
        Ok(Some(Call::get(url, bedrock(context))))
    }

    fn found(&self, _: &Context<'_>, key: &str, reply: &Reply) -> Result<Option<Handle>, Fault> {
        let body = reply.success(self)?;
        let all = body["asyncInvokeSummaries"].as_array().ok_or(Fault::Unreadable)?;
        let own = all.iter().find(|one| one["clientRequestToken"].as_str() == Some(key));
        let Some(own) = own else { return Ok(None) };
        Ok(Some(Handle { id: id(own, "/invocationArn")?, more: Default::default() }))
    }

    fn delete(&self, context: &Context<'_>, handle: &Handle) -> Result<Option<Call>> {
        let (url, auth) = output(context, handle)?;
        Ok(Some(Call::with_method(Method::Delete, url, auth)))
    }

    fn fault(&self, reply: &Reply) -> Fault {
        let body = reply.any();
        let kind = reply.head.header("x-amzn-errortype").or(body["__type"].as_str());
        // `ThrottlingException:http://…` and `com.amazon…#ThrottlingException` are both seen.
        let kind = kind.unwrap_or_default().split(':').next().unwrap_or_default();
        let kind = kind.rsplit('#').next().unwrap_or_default();
        match kind {
            "ThrottlingException" => Fault::RateLimited(reply.retry_after()),
            "ServiceQuotaExceededException" => Fault::OutOfCredit,
            "RequestTimeTooSkewed" | "InvalidSignatureException" => Fault::ClockSkew,
            "AccessDeniedException" | "UnrecognizedClientException" => Fault::Unauthorised,
            "ResourceNotFoundException" => Fault::Retired,
            "ValidationException" => {
                let said = body["message"].as_str().unwrap_or_default().to_ascii_lowercase();
                if ["content filter", "moderat", "responsible ai"].iter().any(|s| said.contains(s))
                {
                    Fault::Moderated(word(kind))
                } else if said.contains("end of its life") || said.contains("end of life") {
                    Fault::Retired
                } else {
                    Fault::Refused(word(kind))
                }
            }
            _ => reply.by_status(),
        }
    }
}

fn bedrock(context: &Context<'_>) -> Auth {
    Auth::SigV4 { service: "bedrock", region: context.region.to_owned() }
}

/// `s3://bucket/folder`, where the account owner wants clips.
struct Bucket<'a> {
    name: &'a str,
    folder: Vec<&'a str>,
}

impl<'a> Bucket<'a> {
    fn of(context: &'a Context<'_>) -> Result<Self> {
        let text = setting(context, "s3_uri")?;
        let mut parts = text.strip_prefix("s3://").unwrap_or_default().split('/');
        let name = parts.next().unwrap_or_default();
        // Amazon's rules for names; without dots, which its certificates do not cover.
        let fits = (3..=63).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !fits {
            let message = "the setting s3_uri of bedrock is `s3://bucket` or `s3://bucket/folder`";
            return Err(failed("remote.setting", message));
        }
        Ok(Self { name, folder: parts.filter(|part| !part.is_empty()).collect() })
    }

    fn uri(&self) -> String {
        let path: String = self.folder.iter().map(|part| format!("/{part}")).collect();
        format!("s3://{}{path}", self.name)
    }
}

/// The clip of a job: a folder named after the invocation, in the owner's bucket. The bucket's own
/// host is built from the app's setting and never taken from an answer.
fn output(context: &Context<'_>, handle: &Handle) -> Result<(Url, Auth)> {
    let bucket = Bucket::of(context)?;
    let invocation = handle.id.rsplit('/').next().unwrap_or_default();
    let origin = format!("https://{}.s3.{}.amazonaws.com", bucket.name, context.region);
    let origin =
        Url::parse(&origin).map_err(|_| failed("remote.setting", "s3_uri names no bucket"))?;
    let path = [&bucket.folder[..], &[invocation, "output.mp4"]].concat();
    let auth = Auth::SigV4 { service: "s3", region: context.region.to_owned() };
    Ok((at(&origin, &path)?, auth))
}

/// Whether a signed call may go to `url`: the owner's own bucket.
pub(in crate::remote) fn is_bucket(context: &Context<'_>, url: &Url) -> bool {
    let Ok(bucket) = Bucket::of(context) else { return false };
    let own = format!("{}.s3.{}.amazonaws.com", bucket.name, context.region);
    url.scheme() == "https" && url.host_str() == Some(&own) && url.port().is_none()
}
