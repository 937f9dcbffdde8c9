//! How remote jobs are set up.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::model::Models;
use crate::consent::Sheets;
use crate::transport::{Clock, HttpTransport, SystemClock};
use crate::vault::KeyStore;

/// How [`Remote`](super::Remote) is opened.
pub struct RemoteOptions {
    pub(super) folder: PathBuf,
    pub(super) key_store: Arc<dyn KeyStore>,
    pub(super) transport: Option<Arc<dyn HttpTransport>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sheets: Option<Sheets>,
    pub(super) models: Option<Models>,
    pub(super) settings: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) prompt_gate: bool,
    pub(super) rights_question: bool,
}

impl RemoteOptions {
    /// Ledger, vault and job handles lie in `folder`, which is made if it is missing and should be
    /// the app's own; `key_store` wraps the vault's key.
    pub fn new(folder: impl Into<PathBuf>, key_store: Arc<dyn KeyStore>) -> Self {
        Self {
            folder: folder.into(),
            key_store,
            transport: None,
            clock: Arc::new(SystemClock),
            sheets: None,
            models: None,
            settings: BTreeMap::new(),
            prompt_gate: true,
            rights_question: true,
        }
    }

    /// Who carries requests. Without one consents and keys can be managed, and nothing can be sent.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn HttpTransport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Another clock than the system's, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Data sheets of the app's own instead of those that ship. Changed facts void the grants that
    /// were given to the old ones.
    #[must_use]
    pub fn sheets(mut self, sheets: Sheets) -> Self {
        self.sheets = Some(sheets);
        self
    }

    /// A table of models of the app's own instead of the one that ships.
    #[must_use]
    pub fn models(mut self, models: Models) -> Self {
        self.models = Some(models);
        self
    }

    /// Something of the account that is no secret: `project` of vertex, `s3_uri` of bedrock.
    #[must_use]
    pub fn setting(
        mut self,
        provider: impl Into<String>,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        self.settings.entry(provider.into()).or_default().insert(name.into(), value.into());
        self
    }

    /// Sends prompts unread. The gate against sexual content about minors and non-consensual
    /// intimacy is on unless this is called: an app that does so has a better one.
    #[must_use]
    pub fn without_prompt_gate(mut self) -> Self {
        self.prompt_gate = false;
        self
    }

    /// Does not ask whether a person's picture may be used. An app that calls this asks itself.
    #[must_use]
    pub fn without_rights_question(mut self) -> Self {
        self.rights_question = false;
        self
    }
}

impl std::fmt::Debug for RemoteOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteOptions")
            .field("transport", &self.transport.is_some())
            .field("prompt_gate", &self.prompt_gate)
            .field("rights_question", &self.rights_question)
            .finish_non_exhaustive()
    }
}
