//! Remote providers: what leaves, how it is sent, and how the clip comes back.
//!
//! A [`Payload`] is what one submit would send. It becomes a job only together with a
//! [`Grant`](crate::consent::Grant) that covers it; without one no request can be made, since the
//! only maker of requests takes a leave that only `consent` gives. The wire protocols know no I/O:
//! they make calls and read answers. `send` carries them through the app's
//! [`HttpTransport`].
//!
//! This module knows nothing of faces: what it is handed has none.

mod data;
mod fault;
#[cfg(fuzzing)]
pub(crate) mod fuzz;
mod jobs;
mod model;
mod options;
mod payload;
mod picture;
mod run;
mod send;
mod sign;
mod video;
mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use crate::consent::{Consent, Destination, Sheets};
use crate::error::{Detail, Error, Result};
use crate::scratch;
use crate::transport::{Clock, HttpTransport};
use crate::vault::Vault;
use jobs::Jobs;

pub use data::{DataItem, DataKept, RemoteWithdrawal};
pub use jobs::{Copies, RemoteJob, RemoteJobState};
pub use model::{ImageLimits, Models, Need, RemoteModel, RemoteSize, Retired};
pub use options::RemoteOptions;
pub use payload::{Payload, Rights};
pub use video::Video;

pub(crate) use payload::Asked;
pub(crate) use run::{Fetched, RemoteProgress};

/// The folders below the host's.
const PARTS: [&str; 3] = ["consent", "vault", "jobs"];

/// Everything that remote jobs need, opened once: consent, vault, job handles and the transport.
/// Clones are the same.
#[derive(Clone)]
pub struct Remote {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    consent: Consent,
    vault: Vault,
    jobs: Jobs,
    models: Models,
    transport: Option<Arc<dyn HttpTransport>>,
    clock: Arc<dyn Clock>,
    settings: BTreeMap<String, BTreeMap<String, String>>,
    prompt_gate: bool,
    rights_question: bool,
    /// How far the providers' clocks are ahead of ours, milliseconds.
    skew_ms: AtomicI64,
}

impl Remote {
    /// Opens the folder of `options`. Nothing is sent, and the vault stays closed until a key is
    /// needed.
    ///
    /// # Errors
    /// `consent.*`, `vault.folder`, `remote.job_file`.
    pub fn open(options: RemoteOptions) -> Result<Self> {
        let RemoteOptions {
            folder,
            key_store,
            transport,
            clock,
            sheets,
            models,
            settings,
            prompt_gate,
            rights_question,
        } = options;
        let sheets = sheets.map_or_else(Sheets::shipped, Ok)?;
        let consent = Consent::open(&folder.join("consent"), sheets, Arc::clone(&clock))?;
        let vault = Vault::open(&folder.join("vault"), key_store)?;
        let jobs = Jobs::open(folder.join("jobs"))?;
        for part in PARTS {
            // What a crash has left of a file in the making.
            _ = scratch::sweep(&folder.join(part));
        }
        let models = models.map_or_else(Models::shipped, Ok)?;
        Ok(Self {
            inner: Arc::new(Inner {
                folder,
                consent,
                vault,
                jobs,
                models,
                transport,
                clock,
                settings,
                prompt_gate,
                rights_question,
                skew_ms: AtomicI64::new(0),
            }),
        })
    }

    /// Notices, grants and the ledger.
    pub fn consent(&self) -> &Consent {
        &self.inner.consent
    }

    /// The sealed keys.
    pub fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    /// The models that can be asked for.
    pub fn models(&self) -> &Models {
        &self.inner.models
    }

    /// Whether prompts pass the gate before they are sent.
    pub(crate) fn checks_prompts(&self) -> bool {
        self.inner.prompt_gate
    }

    /// Whom a model's data go to; without a region, the provider's first.
    ///
    /// # Errors
    /// `remote.no_model`, `consent.no_region`.
    pub fn destination(&self, model: &str, region: Option<&str>) -> Result<Destination> {
        let model = self.inner.models.model(model)?;
        self.inner.models.destination(model, self.inner.consent.sheets(), region)
    }

    /// The purposes under which a model's keys must be in the vault.
    ///
    /// # Errors
    /// `remote.no_model`.
    pub fn credentials(&self, model: &str) -> Result<&'static [&'static str]> {
        Ok(wire::wire(self.inner.models.model(model)?.wire).credentials())
    }

    /// What would be sent for `asked`.
    pub(crate) fn payload(
        &self,
        model: &str,
        region: Option<&str>,
        asked: Asked,
    ) -> Result<Payload> {
        let destination = self.destination(model, region)?;
        Payload::build(self, self.inner.models.model(model)?, destination, asked)
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Remote(..)")
    }
}

impl Inner {
    fn transport(&self) -> Result<Arc<dyn HttpTransport>> {
        self.transport.clone().ok_or_else(|| {
            failed(
                "remote.no_transport",
                "nothing can be sent without a transport: RemoteOptions::transport takes the app's \
                 own or, with the feature remote-http, transport::HttpClient",
            )
        })
    }

    fn context<'a>(
        &'a self,
        model: &'a RemoteModel,
        destination: &'a Destination,
    ) -> Result<wire::Context<'a>> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        Ok(wire::Context {
            model,
            hosts: self.models.hosts(destination)?,
            region: destination.region(),
            settings: self.settings.get(model.provider()).unwrap_or(&NONE),
        })
    }
}

fn failed(code: &'static str, message: impl Into<String>) -> Error {
    Error::Remote(Detail::new(code, message))
}
