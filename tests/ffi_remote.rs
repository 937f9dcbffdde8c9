//! Promise: an app that brings its own HTTP stack and key store has the whole remote side through
//! the foreign surface, under the same consents.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![cfg(feature = "uniffi")]

#[path = "common/ffi.rs"]
mod app;

use std::sync::{Arc, Mutex};

use kinora::ffi::{
    ClipOutput, ConsentState, Container, DataItem, DataKind, GenerationRequest, HttpHeader,
    HttpReply, HttpRequest, HttpTransport, KeyStore, KinoraError, Photo, Remote, RemoteChoice,
    RemoteOptions, Studio, StudioOptions, TransportError,
};

const MODEL: &str = "gemini/omni-1.2-flash";

/// An app's key store: a pad with a sum behind it.
struct Pad;

impl KeyStore for Pad {
    fn wrap(&self, key: Vec<u8>) -> Result<Vec<u8>, KinoraError> {
        let sum = key.iter().fold(1u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte));
        Ok(key.iter().map(|byte| byte ^ 0xa5).chain([sum]).collect())
    }

    fn unwrap(&self, blob: Vec<u8>) -> Result<Vec<u8>, KinoraError> {
        let (_, key) = blob.split_last().unwrap();
        Ok(key.iter().map(|byte| byte ^ 0xa5).collect())
    }
}

/// An app's HTTP stack that is the provider too.
struct Provider {
    clip: Vec<u8>,
    seen: Mutex<Vec<(String, String, Vec<u8>)>>,
}

impl HttpTransport for Provider {
    fn exchange(
        &self,
        request: Arc<HttpRequest>,
        reply: Arc<HttpReply>,
    ) -> Result<(), TransportError> {
        let mut body = Vec::new();
        loop {
            let piece = request.next_piece()?;
            if piece.is_empty() {
                break;
            }
            body.extend(piece);
        }
        let (method, url) = (request.method().unwrap(), request.url().unwrap());
        assert_eq!(request.body_length().unwrap().unwrap_or(0), body.len() as u64);
        let key = request.headers().unwrap();
        let key = key.iter().find(|header| header.name == "x-goog-api-key").unwrap();
        assert_eq!(key.value, "the-key");
        self.seen.lock().unwrap().push((method.clone(), url.clone(), body));
        let media = "https://generativelanguage.googleapis.com/v1beta/files/clip:download";
        let answer = match (method.as_str(), url.as_str()) {
            ("GET", url) if url == media => self.clip.clone(),
            ("GET", _) => format!(
                r#"{{"id":"job-1","status":"completed","steps":[{{"type":"model_output",
                "content":[{{"type":"video","uri":"{media}"}}]}}]}}"#
            )
            .into_bytes(),
            _ => br#"{"id":"job-1","status":"queued"}"#.to_vec(),
        };
        let length = HttpHeader { name: "Content-Length".into(), value: answer.len().to_string() };
        reply.begin(200, vec![length])?;
        for piece in answer.chunks(1000) {
            reply.push(piece.to_vec())?;
        }
        Ok(())
    }
}

fn request(photo: &Arc<Photo>, remote: Option<RemoteChoice>) -> GenerationRequest {
    GenerationRequest {
        remote,
        output: Some(ClipOutput::Bytes { container: Container::Mp4 }),
        prompt: "a river".into(),
        seconds: Some(3.0),
        size: Some(720),
        ..app::request(Some(Arc::clone(photo)))
    }
}

fn studio(remote: Option<Arc<Remote>>) -> Option<Arc<Studio>> {
    app::studio(StudioOptions { remote, ..app::options() }).map(Result::unwrap)
}

fn code(error: &KinoraError) -> &str {
    match error {
        KinoraError::Consent { code, .. }
        | KinoraError::Vault { code, .. }
        | KinoraError::Remote { code, .. }
        | KinoraError::Request { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_app_asks_sends_and_withdraws_through_its_own_stack() {
    let Some(alone) = studio(None) else { return };
    let photo = app::photo(640, 480);
    let mut local = request(&photo, None);
    (local.seconds, local.size) = (Some(0.5), Some(128));
    let job = alone.start(local, None).unwrap();
    let clip = pollster::block_on(job.clip()).unwrap().bytes.unwrap();

    let provider = Arc::new(Provider { clip: clip.clone(), seen: Mutex::default() });
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        Remote::open(RemoteOptions {
            folder: folder.path().to_string_lossy().into_owned(),
            key_store: Arc::new(Pad),
            transport: Some(Arc::clone(&provider) as Arc<dyn HttpTransport>),
            settings: Vec::new(),
            sheets: None,
            models: None,
            translation: None,
            without_prompt_gate: false,
            without_rights_question: false,
        })
        .unwrap()
    };
    let remote = open();
    let studio = studio(Some(Arc::clone(&remote))).unwrap();
    let destination = remote.destination(MODEL.into(), None).unwrap();
    assert_eq!(remote.state(destination.clone()).unwrap(), ConsentState::Never);
    assert_eq!(code(&remote.grant(destination.clone()).unwrap_err()), "consent.never");

    let kinds = vec![DataKind::Photo, DataKind::Prompt, DataKind::TechnicalMetadata];
    let question = remote.ask(destination.clone(), kinds).unwrap();
    assert!(question.notice().unwrap().lines[0].text.contains("Google"));
    let grant = question.allow(Some(30)).unwrap();
    assert_eq!(code(&question.allow(None).unwrap_err()), "consent.answered");

    let choice = || {
        let choice = RemoteChoice { model: MODEL.into(), grant: Arc::clone(&grant), rights: None };
        request(&photo, Some(choice))
    };
    let start = |request| studio.start(request, None);
    // Without a key nothing is tried.
    assert_eq!(code(&start(choice()).unwrap_err()), "vault.missing");
    remote.put_secret("gemini".into(), "api_key".into(), b"the-key".to_vec()).unwrap();

    let preview = studio.preview(choice(), MODEL.into(), None).unwrap();
    assert!(provider.seen.lock().unwrap().is_empty());
    let made = pollster::block_on(start(choice()).unwrap().clip()).unwrap();
    assert_eq!((made.bytes.unwrap(), made.remote_model.as_deref()), (clip, Some(MODEL)));
    let seen = std::mem::take(&mut *provider.seen.lock().unwrap());
    assert_eq!((&seen[0].1, &seen[0].2), (&preview.url, &preview.body));
    // What the provider kept was deleted after it.
    assert_eq!(seen.last().unwrap().0, "DELETE");

    let done = remote.withdraw(destination.clone()).unwrap();
    assert_eq!((done.sent, done.still_sending), (1, false));
    assert_eq!(code(&start(choice()).unwrap_err()), "consent.withdrawn");
    // Also after a restart.
    drop(remote);
    let remote = open();
    assert_eq!(code(&remote.grant(destination).unwrap_err()), "consent.withdrawn");
    assert!(remote.export_log_json().unwrap().contains("27560"));
    assert_eq!(remote.secrets().unwrap().len(), 1);
    assert!(remote.delete(DataItem::Everything).unwrap().is_empty());
    let data = remote.data().unwrap();
    assert_eq!((data.ledger_entries, data.secrets.len(), data.jobs.len()), (1, 0, 0));
    assert!(provider.seen.lock().unwrap().is_empty());
}
