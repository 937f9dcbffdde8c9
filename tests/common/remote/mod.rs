//! What the tests of remote jobs share.

#![allow(dead_code, reason = "each test file links its own copy and uses its own part")]

pub(crate) mod fake;
pub(crate) mod server;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kinora::consent::{Answer, Grant, Sheets};
use kinora::remote::{Models, Remote, RemoteOptions};
use kinora::transport::{Clock, HttpClient, HttpClientOptions, HttpTransport};
use kinora::vault::{KeyStore, KeyStoreError, Secret};
use kinora::{GenerationRequest, Output, Photo};
use zeroize::Zeroizing;

use fake::{Fake, HOSTS};
use server::Server;

/// A secret that must not show up where it does not belong.
pub(crate) const KEY: &str = "CANARY-KEY-5f0c";

/// How often a [`Pad`] of this process has unwrapped a key.
pub(crate) static UNWRAPS: AtomicUsize = AtomicUsize::new(0);

/// Xor with a pad and a sum behind it: quick, and no store for real keys.
pub(crate) struct Pad(pub(crate) u8);

impl KeyStore for Pad {
    fn wrap(&self, key: &[u8]) -> Result<Vec<u8>, KeyStoreError> {
        let sum = key.iter().fold(self.0, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte));
        Ok(key.iter().map(|byte| byte ^ self.0).chain([sum]).collect())
    }

    fn unwrap(&self, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyStoreError> {
        UNWRAPS.fetch_add(1, Ordering::SeqCst);
        let (sum, key) = blob.split_last().ok_or("empty")?;
        let key: Vec<u8> = key.iter().map(|byte| byte ^ self.0).collect();
        let own = key.iter().fold(self.0, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte));
        if own == *sum { Ok(Zeroizing::new(key)) } else { Err("damaged".into()) }
    }
}

/// A clock that jumps instead of waiting.
#[derive(Clone)]
pub(crate) struct Jumping(Arc<Mutex<jiff::Timestamp>>);

impl Jumping {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new("2026-11-26T12:00:00Z".parse().unwrap())))
    }

    pub(crate) fn jump(&self, duration: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(duration).unwrap();
    }

    /// The calendar is set anew: forwards, or back.
    pub(crate) fn set_by(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
    }
}

impl Clock for Jumping {
    fn now(&self) -> jiff::Timestamp {
        *self.0.lock().unwrap()
    }

    fn wait(&self, duration: Duration) {
        self.jump(duration);
        // A moment for other threads, so that what is waited for can happen.
        std::thread::yield_now();
    }
}

/// The shipped tables, and a gateway of the app's own that speaks OpenAI's wire.
pub(crate) fn tables() -> (Sheets, Models) {
    let mut sheets: serde_json::Value =
        serde_json::from_str(include_str!("../../../src/consent/sheets.json")).unwrap();
    let mut gateway = sheets["providers"][5].clone();
    assert_eq!(gateway["id"], "openai");
    gateway["id"] = "gateway".into();
    gateway["name"] = "Our own gateway".into();
    sheets["providers"].as_array_mut().unwrap().push(gateway);

    let mut models: serde_json::Value =
        serde_json::from_str(include_str!("../../../src/remote/models.json")).unwrap();
    let all = models["models"].as_array_mut().unwrap();
    let mut sora = all.iter().find(|model| model["id"] == "openai/sora-2").unwrap().clone();
    sora["id"] = "gateway/sora-2".into();
    sora.as_object_mut().unwrap().remove("retired");
    all.push(sora);
    models["hosts"].as_array_mut().unwrap().push(serde_json::json!({
        "provider": "gateway", "region": "global", "api": "https://gateway.example.com", "media": [],
    }));
    let sheets = Sheets::from_json(&sheets.to_string()).unwrap();
    (sheets, Models::from_json(&models.to_string()).unwrap())
}

/// Our own client, which finds every host at `server`. It waits long enough for a busy machine.
pub(crate) fn client(server: &Server) -> Arc<HttpClient> {
    impatient(server, Duration::from_secs(10))
}

/// The same, which takes a silence of that length for a broken connection.
pub(crate) fn impatient(server: &Server, silence: Duration) -> Arc<HttpClient> {
    let options =
        HttpClientOptions::default().root_certificate(server.root.clone()).silence(silence);
    let options = HOSTS.iter().fold(options, |o, host| o.resolve(*host, server.address));
    Arc::new(HttpClient::new(options))
}

pub(crate) fn remote(folder: &Path, transport: Arc<dyn HttpTransport>, clock: &Jumping) -> Remote {
    let (sheets, models) = tables();
    let options = RemoteOptions::new(folder, Arc::new(Pad(0x5c)))
        .transport(transport)
        .clock(Arc::new(clock.clone()))
        .sheets(sheets)
        .models(models)
        .setting("vertex", "project", "p")
        .setting("bedrock", "s3_uri", "s3://kinora-clips/here");
    Remote::open(options).unwrap()
}

/// Puts the keys that a model wants into the vault.
pub(crate) fn keys(remote: &Remote, model: &str) {
    let provider = model.split('/').next().unwrap();
    for purpose in remote.credentials(model).unwrap() {
        remote.vault().put(provider, purpose, &Secret::new(KEY)).unwrap();
    }
}

/// The person says yes to everything that a photo with a prompt needs.
pub(crate) fn grant(remote: &Remote, model: &str) -> Grant {
    use kinora::consent::DataKind;
    let destination = remote.destination(model, None).unwrap();
    let kinds = [DataKind::Photo, DataKind::Prompt, DataKind::TechnicalMetadata];
    let question = remote.consent().ask(&destination, &kinds).unwrap();
    remote.consent().answer(question, Answer::yes()).unwrap().unwrap()
}

/// A server that is the fake's provider.
pub(crate) fn serve(fake: &Arc<Fake>, wrong: &[&str]) -> Server {
    let fake = Arc::clone(fake);
    Server::start(&HOSTS, wrong, move |request| fake.answer(request))
}

/// A small clip to be handed out, made on the device.
pub(crate) fn clip(studio: &kinora::Studio, photo: Photo) -> Vec<u8> {
    let output = Output::bytes(kinora::Container::Mp4);
    let request = GenerationRequest::animate(photo).seconds(0.5).size(128).fps(12.0).output(output);
    match studio.generate(request).unwrap().wait().unwrap().made {
        kinora::studio::Made::Bytes(bytes) => bytes,
        made => panic!("{made:?}"),
    }
}
