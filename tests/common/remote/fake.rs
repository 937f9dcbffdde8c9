//! The providers as providers.md describes them, each with every failure that it names.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::server::{Answer, Seen};

/// One model of each wire protocol.
pub(crate) const MODELS: [&str; 8] = [
    "fal/kling-2.5-turbo",
    "kling/3.0",
    "kling/v2-6",
    "dashscope/wan-2.7",
    "gemini/omni-1.2-flash",
    "vertex/veo-3.1",
    "gateway/sora-2",
    "bedrock/luma-ray-2",
];

/// Every host of every provider, and some that nobody may be sent to.
pub(crate) const HOSTS: [&str; 14] = [
    "queue.fal.run",
    "api.fal.ai",
    "v3.fal.media",
    "api-singapore.klingai.com",
    "cdn.klingai.com",
    "dashscope-intl.aliyuncs.com",
    "dashscope-result.oss-ap-southeast-1.aliyuncs.com",
    "generativelanguage.googleapis.com",
    "storage.googleapis.com",
    "us-central1-aiplatform.googleapis.com",
    "gateway.example.com",
    "bedrock-runtime.us-west-2.amazonaws.com",
    "kinora-clips.s3.us-west-2.amazonaws.com",
    "evil.example.com",
];

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Trouble {
    None,
    RateLimited,
    RateLimitedOnce,
    OutOfCredit,
    BadKey,
    ServerErrorAtPoll,
    ServerErrorOnce,
    ServerErrorAtSubmit,
    ModeratedAtSubmit,
    ModeratedLater,
    Failed,
    CancelledThere,
    Retired,
    ExpiredResult,
    EarlyFetch,
    HtmlForAClip,
    HostileStatusUrl,
    HostileMedia,
    RedirectOfTheInterface,
    RedirectedMedia,
    RedirectedMediaAtHome,
    EndlessAnswer,
    SlowDrip,
    BrokenJson,
    WrongCertificate,
    DisconnectAfterSubmit,
    ClockSkew,
    NeverDone,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Submit,
    Poll,
    Look,
    Find,
    Media,
    Cancel,
    Delete,
    Stray,
}

pub(crate) struct Fake {
    pub(crate) model: &'static str,
    pub(crate) trouble: Trouble,
    clip: Vec<u8>,
    /// Our own number of the job that was submitted.
    key: Mutex<String>,
    submits: AtomicUsize,
    polls: AtomicUsize,
    looks: AtomicUsize,
    refused: AtomicBool,
}

impl Fake {
    pub(crate) fn new(model: &'static str, trouble: Trouble, clip: Vec<u8>) -> Arc<Self> {
        Arc::new(Self {
            model,
            trouble,
            clip,
            key: Mutex::default(),
            submits: AtomicUsize::new(0),
            polls: AtomicUsize::new(0),
            looks: AtomicUsize::new(0),
            refused: AtomicBool::new(false),
        })
    }

    pub(crate) fn provider(&self) -> &'static str {
        self.model.split('/').next().unwrap()
    }

    /// Jobs that were made.
    pub(crate) fn jobs(&self) -> usize {
        self.submits.load(Ordering::SeqCst)
    }

    pub(crate) fn step(&self, request: &Seen) -> Step {
        let (method, path) = (request.method.as_str(), request.path.as_str());
        let media = ["fal.media", "cdn.klingai", "dashscope-result", "storage.googleapis"];
        if media.iter().any(|part| request.host.contains(part)) {
            return Step::Media;
        }
        match (self.provider(), method) {
            ("fal", "POST") => Step::Submit,
            ("fal", "GET") if path.ends_with("/status") => Step::Poll,
            ("fal", "GET") => Step::Look,
            ("fal", "PUT") => Step::Cancel,
            (_, "DELETE") => Step::Delete,
            ("kling", "POST") => Step::Submit,
            ("kling", "GET") if path.contains("external_task_ids") => Step::Find,
            ("kling", "GET") => Step::Poll,
            (_, "POST") if path.ends_with("/cancel") => Step::Cancel,
            ("dashscope" | "gemini", "POST") => Step::Submit,
            ("dashscope" | "gemini", "GET") if path.contains("/files/") => Step::Media,
            ("dashscope" | "gemini", "GET") => Step::Poll,
            ("vertex", "POST") if path.ends_with(":fetchPredictOperation") => Step::Poll,
            ("vertex", "POST") => Step::Submit,
            ("gateway", "POST") => Step::Submit,
            ("gateway", "GET") if path.ends_with("/content") => Step::Media,
            ("gateway", "GET") => Step::Poll,
            ("bedrock", "POST") => Step::Submit,
            ("bedrock", "GET") if request.host.contains(".s3.") => Step::Media,
            ("bedrock", "GET") if path.contains("maxResults") => Step::Find,
            ("bedrock", "GET") => Step::Poll,
            _ => Step::Stray,
        }
    }

    pub(crate) fn answer(&self, request: &Seen) -> Answer {
        if request.host == "evil.example.com" {
            return Answer::With(200, Vec::new(), self.clip.clone());
        }
        let step = self.step(request);
        let count = match step {
            Step::Submit => self.submits.fetch_add(1, Ordering::SeqCst),
            Step::Poll => self.polls.fetch_add(1, Ordering::SeqCst),
            Step::Look => self.looks.fetch_add(1, Ordering::SeqCst),
            _ => 0,
        };
        if step == Step::Submit {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let own = [
                &body["external_task_id"],
                &body["options"]["external_task_id"],
                &body["clientRequestToken"],
            ];
            let key = own.iter().find_map(|value| value.as_str()).unwrap_or_default();
            *self.key.lock().unwrap() = key.to_owned();
        }
        match self.bad(step, count) {
            Some(answer) => answer,
            None => self.good(step, count),
        }
    }

    /// What the trouble makes of a step.
    fn bad(&self, step: Step, count: usize) -> Option<Answer> {
        let ok_json = |value| Some(Answer::Json(200, value));
        match (self.trouble, step) {
            (Trouble::RateLimited, Step::Submit) => Some(self.refuses(429, Refusal::Rate)),
            (Trouble::RateLimitedOnce, Step::Submit) if self.first_refusal() => {
                Some(self.refuses(429, Refusal::Rate))
            }
            (Trouble::OutOfCredit, Step::Submit) => Some(self.refuses(429, Refusal::Money)),
            (Trouble::BadKey, Step::Submit) => Some(self.refuses(401, Refusal::Key)),
            (Trouble::ServerErrorAtPoll, Step::Poll) => Some(Answer::Json(503, json!({}))),
            (Trouble::ServerErrorOnce, Step::Poll) if count == 0 => {
                Some(Answer::Json(503, json!({})))
            }
            (Trouble::ServerErrorAtSubmit, Step::Submit) => Some(Answer::Json(500, json!({}))),
            (Trouble::ModeratedAtSubmit, Step::Submit) => Some(self.refuses(400, Refusal::Content)),
            (Trouble::ModeratedLater, Step::Poll) => ok_json(self.ended(Refusal::Content)),
            (Trouble::Failed, Step::Poll) => ok_json(self.ended(Refusal::Rate)),
            (Trouble::CancelledThere, Step::Poll) => ok_json(match self.provider() {
                "dashscope" => json!({ "output": { "task_status": "CANCELED" } }),
                _ => json!({ "id": "job-1", "status": "cancelled" }),
            }),
            (Trouble::Retired, Step::Submit) => Some(self.refuses(404, Refusal::Model)),
            (Trouble::ExpiredResult, Step::Media) => Some(Answer::Json(404, json!({}))),
            (Trouble::EarlyFetch, Step::Look) if count == 0 => {
                Some(Answer::Json(400, json!({ "detail": "Request is still in progress" })))
            }
            (Trouble::HtmlForAClip, Step::Media) => Some(Answer::With(
                200,
                vec![("content-type", "text/html".into())],
                b"<html>sorry</html>".to_vec(),
            )),
            (Trouble::HostileStatusUrl, Step::Submit) => ok_json(json!({
                "request_id": "job-1",
                "status_url": "https://evil.example.com/requests/job-1/status",
                "response_url": "https://queue.fal.run/x/requests/job-1",
                "cancel_url": "https://queue.fal.run/x/requests/job-1/cancel",
            })),
            (Trouble::HostileMedia, Step::Poll | Step::Look) => match self.good(step, 2) {
                Answer::Json(status, value) => {
                    let text = value.to_string();
                    let text = [
                        "v3.fal.media",
                        "cdn.klingai.com",
                        "generativelanguage.googleapis.com",
                        "dashscope-result.oss-ap-southeast-1.aliyuncs.com",
                    ]
                    .iter()
                    .fold(text, |text, host| {
                        // Only results move: the queue's own URLs are another trouble.
                        text.replace(&format!("https://{host}"), "https://evil.example.com")
                    });
                    Some(Answer::Json(status, serde_json::from_str(&text).unwrap()))
                }
                other => Some(other),
            },
            (Trouble::RedirectOfTheInterface, Step::Poll) => Some(Answer::With(
                302,
                vec![("location", "https://evil.example.com/poll".into())],
                Vec::new(),
            )),
            (Trouble::RedirectedMedia, Step::Media) => Some(Answer::With(
                302,
                vec![("location", "https://evil.example.com/clip.mp4".into())],
                Vec::new(),
            )),
            (Trouble::RedirectedMediaAtHome, Step::Media)
                if !self.refused.swap(true, Ordering::SeqCst) =>
            {
                let home = match self.provider() {
                    "fal" | "gemini" => "https://storage.googleapis.com/bucket/clip.mp4",
                    "kling" => "https://cdn.klingai.com/elsewhere/clip.mp4",
                    _ => "/elsewhere/clip.mp4",
                };
                Some(Answer::With(307, vec![("location", home.into())], Vec::new()))
            }
            (Trouble::EndlessAnswer, Step::Poll) => Some(Answer::Endless),
            (Trouble::SlowDrip, Step::Poll) => Some(Answer::Drip),
            (Trouble::BrokenJson, Step::Poll) => {
                Some(Answer::With(200, Vec::new(), b"{\"status\": \"COMP".to_vec()))
            }
            (Trouble::DisconnectAfterSubmit, Step::Submit) => Some(Answer::Hangup),
            (Trouble::ClockSkew, Step::Submit) if self.first_refusal() => {
                // Half an hour ahead of the device.
                let date = vec![("date", "Thu, 26 Nov 2026 12:30:00 GMT".to_owned())];
                let (status, body) = match self.provider() {
                    "bedrock" => (403, json!({ "__type": "InvalidSignatureException" })),
                    _ => (401, json!({ "code": 1004, "message": "expired" })),
                };
                Some(Answer::With(status, date, body.to_string().into_bytes()))
            }
            (Trouble::NeverDone, Step::Poll) => Some(self.good(Step::Poll, 1)),
            _ => None,
        }
    }

    /// Whether this is the first submit that is refused; it makes no job.
    fn first_refusal(&self) -> bool {
        let first = !self.refused.swap(true, Ordering::SeqCst);
        if first {
            self.submits.fetch_sub(1, Ordering::SeqCst);
        }
        first
    }

    /// Each provider's own way to say no at submit. The texts repeat the prompt, as some do.
    fn refuses(&self, status: u16, why: Refusal) -> Answer {
        let said = "the prompt CANARY-PROMPT is not possible";
        match self.provider() {
            "fal" => match why {
                Refusal::Rate => Answer::Json(429, json!({ "detail": said })),
                Refusal::Money => {
                    Answer::Json(403, json!({ "detail": "User is locked. Exhausted balance." }))
                }
                Refusal::Content => Answer::Json(
                    422,
                    json!({ "detail": [{ "loc": ["body"], "msg": said, "type": "content_policy_violation" }] }),
                ),
                Refusal::Key => Answer::Json(401, json!({ "detail": said })),
                Refusal::Model => Answer::Json(404, json!({ "detail": said })),
            },
            "kling" => {
                let (status, code) = match why {
                    Refusal::Rate => (429, 1303),
                    Refusal::Money => (429, 1102),
                    Refusal::Content => (400, 1301),
                    Refusal::Key => (401, 1002),
                    Refusal::Model => (404, 1203),
                };
                Answer::Json(status, json!({ "code": code, "message": said, "request_id": "r" }))
            }
            "dashscope" => {
                let (status, code) = match why {
                    Refusal::Rate => (429, "Throttling.RateQuota"),
                    Refusal::Money => (403, "Arrearage"),
                    Refusal::Content => (400, "DataInspectionFailed"),
                    Refusal::Key => (401, "InvalidApiKey"),
                    Refusal::Model => (404, "ModelNotFound"),
                };
                Answer::Json(status, json!({ "code": code, "message": said, "request_id": "r" }))
            }
            "gateway" => {
                let (status, code) = match why {
                    Refusal::Rate => (429, "rate_limit_exceeded"),
                    Refusal::Money => (429, "insufficient_quota"),
                    Refusal::Content => (400, "moderation_blocked"),
                    Refusal::Key => (401, "invalid_api_key"),
                    Refusal::Model => (404, "model_not_found"),
                };
                Answer::Json(
                    status,
                    json!({ "error": { "message": said, "code": code, "type": "x" } }),
                )
            }
            "bedrock" => {
                let (status, kind, said) = match why {
                    Refusal::Rate => (429, "ThrottlingException", said),
                    Refusal::Money => (400, "ServiceQuotaExceededException", said),
                    Refusal::Content => (400, "ValidationException", "blocked by a content filter"),
                    Refusal::Key => (403, "AccessDeniedException", said),
                    Refusal::Model => (404, "ResourceNotFoundException", said),
                };
                let headers = vec![("x-amzn-errortype", format!("{kind}:http://x"))];
                Answer::With(status, headers, json!({ "message": said }).to_string().into_bytes())
            }
            _ => {
                let (status, name) = match why {
                    Refusal::Rate => (429, "RESOURCE_EXHAUSTED"),
                    Refusal::Money => (400, "FAILED_PRECONDITION"),
                    Refusal::Content => (status, "INVALID_ARGUMENT"),
                    Refusal::Key => (401, "UNAUTHENTICATED"),
                    Refusal::Model => (404, "NOT_FOUND"),
                };
                let details = json!([{ "@type": "google.rpc.RetryInfo", "retryDelay": "0.2s" }]);
                Answer::Json(
                    status,
                    json!({ "error": { "code": status, "message": said, "status": name, "details": details } }),
                )
            }
        }
    }

    /// Each provider's own way to say at a poll that there will be no clip.
    fn ended(&self, why: Refusal) -> Value {
        let filtered = why == Refusal::Content;
        match self.model {
            "fal/kling-2.5-turbo" => json!({
                "status": "COMPLETED",
                "error": "CANARY-PROMPT",
                "error_type": if filtered { "content_policy_violation" } else { "runner_disconnected" },
            }),
            "kling/3.0" => json!({ "code": 0, "data": [{
                "id": "job-1",
                "status": "failed",
                "message": if filtered { "Failure to pass the risk control system" } else { "CANARY-PROMPT" },
            }] }),
            "kling/v2-6" => json!({ "code": 0, "data": {
                "task_status": "failed",
                "task_status_msg": if filtered { "risk control" } else { "CANARY-PROMPT" },
            } }),
            "dashscope/wan-2.7" => json!({ "output": {
                "task_status": "FAILED",
                "code": if filtered { "DataInspectionFailed" } else { "InternalError.Algo" },
                "message": "CANARY-PROMPT",
            } }),
            "gemini/omni-1.2-flash" => json!({
                "id": "job-1",
                "status": "failed",
                "errors": [{ "code": if filtered { "SAFETY_BLOCKED" } else { "INTERNAL" }, "message": "CANARY-PROMPT" }],
            }),
            "vertex/veo-3.1" if filtered => json!({
                "name": "job-1",
                "done": true,
                "response": { "raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["CANARY-PROMPT"] },
            }),
            "vertex/veo-3.1" => {
                json!({ "name": "job-1", "done": true, "error": { "code": 13, "message": "CANARY-PROMPT" } })
            }
            "gateway/sora-2" => json!({
                "id": "job-1",
                "status": "failed",
                "error": { "code": if filtered { "moderation_blocked" } else { "video_generation_failed" }, "message": "CANARY-PROMPT" },
            }),
            _ => json!({
                "status": "Failed",
                "failureMessage": if filtered { "Blocked by our content filter" } else { "CANARY-PROMPT" },
            }),
        }
    }

    /// What the provider answers when all is well: queued, at work, done.
    fn good(&self, step: Step, count: usize) -> Answer {
        let key = self.key.lock().unwrap().clone();
        let arn = "arn:aws:bedrock:us-west-2:123456789012:async-invoke/job1";
        let json = |value| Answer::Json(200, value);
        if step == Step::Media {
            let headers = vec![("content-type", "video/mp4".to_owned())];
            return Answer::With(200, headers, self.clip.clone());
        }
        match (self.model, step) {
            ("fal/kling-2.5-turbo", Step::Submit) => json(json!({
                "request_id": "job-1",
                "status": "IN_QUEUE",
                "status_url": "https://queue.fal.run/fal-ai/kling-video/requests/job-1/status",
                "response_url": "https://queue.fal.run/fal-ai/kling-video/requests/job-1",
                "cancel_url": "https://queue.fal.run/fal-ai/kling-video/requests/job-1/cancel",
            })),
            ("fal/kling-2.5-turbo", Step::Poll) => match count {
                0 => Answer::Json(202, json!({ "status": "IN_QUEUE", "queue_position": 3 })),
                1 => Answer::Json(202, json!({ "status": "IN_PROGRESS" })),
                _ => json(json!({ "status": "COMPLETED", "metrics": {} })),
            },
            ("fal/kling-2.5-turbo", Step::Look) => json(json!({
                "video": { "url": "https://v3.fal.media/files/a/clip.mp4", "content_type": "video/mp4" },
            })),
            ("fal/kling-2.5-turbo", Step::Cancel) => {
                Answer::Json(202, json!({ "status": "CANCELLATION_REQUESTED" }))
            }
            ("fal/kling-2.5-turbo", Step::Delete) => json(json!({ "cdn_delete_results": [] })),

            ("kling/3.0", Step::Submit) => {
                json(json!({ "code": 0, "data": { "id": "job-1", "status": "submitted" } }))
            }
            ("kling/3.0", Step::Find) => json(json!({ "code": 0, "data": [
                { "id": "job-1", "status": "submitted", "external_id": key },
            ] })),
            ("kling/3.0", Step::Poll) => {
                let status = ["submitted", "processing", "succeeded"][count.min(2)];
                let outputs =
                    json!([{ "type": "video", "url": "https://cdn.klingai.com/clip.mp4" }]);
                json(
                    json!({ "code": 0, "data": [{ "id": "job-1", "status": status, "outputs": outputs }] }),
                )
            }
            ("kling/v2-6", Step::Submit) => json(
                json!({ "code": 0, "data": { "task_id": "job-1", "task_status": "submitted" } }),
            ),
            ("kling/v2-6", Step::Poll) => {
                let status = ["submitted", "processing", "succeed"][count.min(2)];
                let videos = json!([{ "url": "https://cdn.klingai.com/clip.mp4" }]);
                json(json!({ "code": 0, "data": {
                    "task_status": status,
                    "task_result": { "videos": videos },
                } }))
            }

            ("dashscope/wan-2.7", Step::Submit) => json(json!({
                "output": { "task_id": "job-1", "task_status": "PENDING" }, "request_id": "r",
            })),
            ("dashscope/wan-2.7", Step::Poll) => json(json!({ "output": {
                "task_status": (["PENDING", "RUNNING", "SUCCEEDED"][count.min(2)]),
                "video_url": "https://dashscope-result.oss-ap-southeast-1.aliyuncs.com/clip.mp4?Signature=x",
                "orig_prompt": "CANARY-PROMPT",
            } })),

            ("gemini/omni-1.2-flash", Step::Submit) => {
                json(json!({ "id": "job-1", "status": "queued" }))
            }
            ("gemini/omni-1.2-flash", Step::Poll) => json(json!({
                "id": "job-1",
                "status": (["queued", "in_progress", "completed"][count.min(2)]),
                "steps": [{ "type": "model_output", "content": [{
                    "type": "video",
                    "uri": "https://generativelanguage.googleapis.com/v1beta/files/clip:download",
                    "mime_type": "video/mp4",
                }] }],
            })),

            ("vertex/veo-3.1", Step::Submit) => {
                json(json!({ "name": "projects/p/locations/us-central1/operations/job-1" }))
            }
            ("vertex/veo-3.1", Step::Poll) if count < 2 => json(json!({ "name": "job-1" })),
            ("vertex/veo-3.1", Step::Poll) => {
                use base64::Engine as _;
                let data = base64::engine::general_purpose::STANDARD.encode(&self.clip);
                json(json!({ "name": "job-1", "done": true, "response": { "videos": [
                    { "bytesBase64Encoded": data, "mimeType": "video/mp4" },
                ] } }))
            }

            ("gateway/sora-2", Step::Submit) => json(json!({ "id": "job-1", "status": "queued" })),
            ("gateway/sora-2", Step::Poll) => json(json!({
                "id": "job-1",
                "status": (["queued", "in_progress", "completed"][count.min(2)]),
                "progress": 50,
            })),

            ("bedrock/luma-ray-2", Step::Submit) => json(json!({ "invocationArn": arn })),
            ("bedrock/luma-ray-2", Step::Find) => json(json!({ "asyncInvokeSummaries": [
                { "invocationArn": arn, "clientRequestToken": key },
            ] })),
            ("bedrock/luma-ray-2", Step::Poll) => json(json!({
                "invocationArn": arn,
                "status": (["InProgress", "InProgress", "Completed"][count.min(2)]),
            })),
            (_, Step::Cancel | Step::Delete) => json(json!({ "deleted": true })),
            _ => Answer::Json(404, json!({ "error": "stray" })),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Rate,
    Money,
    Content,
    Key,
    Model,
}
