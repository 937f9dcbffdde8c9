//! Remote models: consent, keys, jobs and what is held.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::Result;
use super::consent::{
    ConsentOverview, ConsentQuestion, ConsentState, DataKind, Destination, Grant, LedgerEntry,
    NoticeLine,
};
use super::data::{Copies, DataItem, DataKept, RemoteJob, VaultEntry, Withdrawal};
use super::error::guard;
use super::key_store::{ForwardKeys, KeyStore};
use super::transport::{self, HttpHeader, HttpTransport};
use crate::consent::Translation;
use crate::remote;
use crate::vault::Secret;

/// How the remote side is opened.
#[derive(Clone, uniffi::Record)]
pub struct RemoteOptions {
    /// The app's own folder for ledger, vault and job handles; it is made if it is missing.
    pub folder: String,
    /// Wraps the vault's key.
    pub key_store: Arc<dyn KeyStore>,
    /// Who carries requests. Without one consents and keys can be managed, and nothing is sent.
    #[uniffi(default)]
    pub transport: Option<Arc<dyn HttpTransport>>,
    /// What of an account is no secret: `project` of vertex, `s3_uri` of bedrock.
    #[uniffi(default = [])]
    pub settings: Vec<RemoteSetting>,
    /// Data sheets of the app's own, JSON in the shape of those that ship.
    #[uniffi(default)]
    pub sheets: Option<String>,
    /// A table of models of the app's own, JSON in the shape of the one that ships.
    #[uniffi(default)]
    pub models: Option<String>,
    /// The notices' texts in the app's language; without them they are English.
    #[uniffi(default)]
    pub translation: Option<NoticeTranslation>,
    /// Sends prompts unread: for an app that has a better gate.
    #[uniffi(default = false)]
    pub without_prompt_gate: bool,
    /// Does not ask whether a person's picture may be used: for an app that asks itself.
    #[uniffi(default = false)]
    pub without_rights_question: bool,
}

/// The texts of notices in another language.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct NoticeTranslation {
    /// A BCP 47 tag such as `de` or `pt-BR`.
    pub language: String,
    /// The texts by the keys of `notice_texts`; what is left out stays English.
    pub texts: HashMap<String, String>,
}

/// The English texts of notices, for translators: their keys and what stands for `{names}`.
#[uniffi::export]
pub fn notice_texts() -> Result<Vec<NoticeLine>> {
    let texts = crate::consent::Notice::texts().iter();
    Ok(texts
        .map(|(key, text)| NoticeLine { key: (*key).to_owned(), text: (*text).to_owned() })
        .collect())
}

/// Something of an account that is no secret.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RemoteSetting {
    /// The provider's short name.
    pub provider: String,
    /// The setting's name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A remote model.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RemoteModel {
    /// Its id, such as `kling/3.0`.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The lengths that it makes, in seconds.
    pub seconds: Vec<u32>,
    /// Whether it needs a photo.
    pub needs_photo: bool,
    /// Whether it takes a video.
    pub takes_video: bool,
    /// The purposes under which its keys must be in the vault.
    pub credentials: Vec<String>,
    /// Since when it is switched off, `YYYY-MM-DD`; empty for one that works.
    pub retired: Option<String>,
}

/// A remote model for a request.
#[derive(Debug, Clone, uniffi::Record)]
pub struct RemoteChoice {
    /// The model's id.
    pub model: String,
    /// The person's yes.
    pub grant: Arc<Grant>,
    /// The person's answer to the question of rights, which a photo that shows somebody needs.
    #[uniffi(default)]
    pub rights: Option<Rights>,
}

/// What a person says of their right to have a picture of somebody animated elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Rights {
    /// It shows the person who asks.
    Own,
    /// Whoever it shows has agreed, or their parents for a child.
    Agreed,
    /// It shows nobody real.
    NobodyReal,
}

/// What would be sent, byte for byte.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Display)]
pub struct PayloadPreview {
    /// Whom it would go to.
    pub destination: Destination,
    /// The kinds of data in it: what a grant must cover.
    pub kinds: Vec<DataKind>,
    /// The HTTP method.
    pub method: String,
    /// Where it would go.
    pub url: String,
    /// The headers; in the place of a credential stands where it comes from.
    pub headers: Vec<HttpHeader>,
    /// The body.
    pub body: Vec<u8>,
    /// SHA-256 over all of it, in hexadecimal.
    pub sha256: String,
    /// The length that the model will make, seconds.
    pub seconds: u32,
    /// Whether the person must say that they may use the picture of whom it shows.
    pub asks_for_rights: bool,
}

/// A person's own video for a model that takes one: H.264 pictures without sound and metadata.
#[derive(Debug, uniffi::Object)]
pub struct Video {
    pub(super) video: remote::Video,
}

/// Everything that remote jobs need: consents, keys, job handles and the transport.
#[derive(Debug, uniffi::Object)]
pub struct Remote {
    pub(super) remote: remote::Remote,
}

#[uniffi::export]
impl Video {
    /// Takes the bytes of an MP4 or QuickTime file with H.264 pictures, up to 512 MiB.
    ///
    /// Fails with `request.video`.
    #[uniffi::constructor]
    pub fn from_bytes(bytes: &[u8]) -> Result<Arc<Self>> {
        guard(|| Ok(Arc::new(Self { video: remote::Video::from_bytes(bytes)? })))
    }
}

#[uniffi::export]
impl Remote {
    /// Opens the folder. Nothing is sent, and the vault stays closed until a key is needed.
    #[uniffi::constructor]
    pub fn open(options: RemoteOptions) -> Result<Arc<Self>> {
        guard(|| {
            let mut core = remote::RemoteOptions::new(
                options.folder,
                Arc::new(ForwardKeys::new(options.key_store)),
            );
            if let Some(transport) = options.transport {
                core = core.transport(transport::forward(transport));
            }
            for RemoteSetting { provider, name, value } in options.settings {
                core = core.setting(provider, name, value);
            }
            if let Some(json) = options.sheets {
                core = core.sheets(crate::consent::Sheets::from_json(&json)?);
            }
            if let Some(json) = options.models {
                core = core.models(remote::Models::from_json(&json)?);
            }
            if options.without_prompt_gate {
                core = core.without_prompt_gate();
            }
            if options.without_rights_question {
                core = core.without_rights_question();
            }
            let remote = remote::Remote::open(core)?;
            if let Some(NoticeTranslation { language, texts }) = options.translation {
                remote.consent().translate(Translation::new(language, texts));
            }
            Ok(Arc::new(Self { remote }))
        })
    }

    /// The models that can be asked for, the retired ones too.
    pub fn models(&self) -> Result<Vec<RemoteModel>> {
        guard(|| {
            let all = self.remote.models().all().iter();
            all.map(|model| {
                let credentials = self.remote.credentials(&model.id)?;
                Ok(RemoteModel {
                    id: model.id.clone(),
                    name: model.name.clone(),
                    seconds: model.seconds.clone(),
                    needs_photo: model.photo == remote::Need::Needed,
                    takes_video: model.video,
                    credentials: credentials.iter().map(ToString::to_string).collect(),
                    retired: model.retired.as_ref().map(|retired| retired.on.clone()),
                })
            })
            .collect()
        })
    }

    /// Whom a model's data go to; without a region, the provider's first.
    #[uniffi::method(default(region = None))]
    pub fn destination(&self, model: String, region: Option<String>) -> Result<Destination> {
        guard(|| Ok((&self.remote.destination(&model, region.as_deref())?).into()))
    }

    /// Asks: enters that the notice is shown, and gives the question to show.
    pub fn ask(
        &self,
        destination: Destination,
        kinds: Vec<DataKind>,
    ) -> Result<Arc<ConsentQuestion>> {
        guard(|| {
            let consent = self.remote.consent();
            let kinds: Vec<_> = kinds.into_iter().map(Into::into).collect();
            let question = consent.ask(&destination.known(consent)?, &kinds)?;
            Ok(ConsentQuestion::new(consent, question))
        })
    }

    /// How a destination stands now.
    pub fn state(&self, destination: Destination) -> Result<ConsentState> {
        guard(|| {
            let consent = self.remote.consent();
            Ok(consent.state(&destination.known(consent)?)?.into())
        })
    }

    /// The grant that a destination has, also one from before a restart.
    ///
    /// Fails with `consent.never`, `consent.withdrawn`, `consent.expired` or
    /// `consent.notice_changed`.
    pub fn grant(&self, destination: Destination) -> Result<Arc<Grant>> {
        guard(|| {
            let consent = self.remote.consent();
            Ok(Arc::new(Grant { grant: consent.grant(&destination.known(consent)?)? }))
        })
    }

    /// All destinations that were ever answered.
    pub fn grants(&self) -> Result<Vec<ConsentOverview>> {
        guard(|| {
            let all = self.remote.consent().overview()?.into_iter();
            Ok(all
                .map(|(destination, state)| ConsentOverview {
                    destination: (&destination).into(),
                    state: state.into(),
                })
                .collect())
        })
    }

    /// Takes a consent back, ends its jobs at the provider and has copies deleted there where that
    /// can be done. It may take seconds.
    pub fn withdraw(&self, destination: Destination) -> Result<Withdrawal> {
        guard(|| {
            let known = destination.known(self.remote.consent())?;
            Ok(self.remote.withdraw(&known)?.into())
        })
    }

    /// The ledger's entries, oldest first.
    pub fn log(&self) -> Result<Vec<LedgerEntry>> {
        guard(|| Ok(self.remote.consent().log()?.into_iter().map(Into::into).collect()))
    }

    /// The ledger as consent records after ISO/IEC TS 27560, JSON.
    pub fn export_log_json(&self) -> Result<String> {
        guard(|| Ok(self.remote.consent().export_json()?))
    }

    /// The ledger as text.
    pub fn export_log_text(&self) -> Result<String> {
        guard(|| Ok(self.remote.consent().export_text()?))
    }

    /// Seals a key or token for its provider. It never comes out again.
    pub fn put_secret(&self, provider: String, purpose: String, secret: Vec<u8>) -> Result<()> {
        guard(|| Ok(self.remote.vault().put(&provider, &purpose, &Secret::new(secret))?))
    }

    /// What is in the vault, without the secrets.
    pub fn secrets(&self) -> Result<Vec<VaultEntry>> {
        guard(|| Ok(self.remote.vault().entries()?.into_iter().map(Into::into).collect()))
    }

    /// The remote jobs that this device knows of.
    pub fn jobs(&self) -> Result<Vec<RemoteJob>> {
        guard(|| Ok(self.remote.jobs()?.into_iter().map(Into::into).collect()))
    }

    /// Ends a job at its provider and has its copies deleted there, as far as that can be done.
    pub fn clean_up(&self, job_id: String) -> Result<Copies> {
        guard(|| Ok(self.remote.clean_up(&job_id)?.into()))
    }

    /// Everything that is held on this device.
    pub fn data(&self) -> Result<DataKept> {
        guard(|| Ok(self.remote.data()?.into()))
    }

    /// All of it as JSON, to take along; never the secrets.
    pub fn export_data(&self) -> Result<String> {
        guard(|| Ok(self.remote.export()?))
    }

    /// Deletes something; gives the jobs whose copies stay at their providers until they expire.
    pub fn delete(&self, item: DataItem) -> Result<Vec<RemoteJob>> {
        guard(|| {
            let left = self.remote.delete(&item.into())?;
            Ok(left.into_iter().map(Into::into).collect())
        })
    }
}

impl From<&remote::Payload> for PayloadPreview {
    fn from(payload: &remote::Payload) -> Self {
        let headers = payload.headers();
        let headers = headers.iter().map(|header| HttpHeader {
            name: header.name.clone(),
            value: header.value.as_str().to_owned(),
        });
        Self {
            destination: payload.destination().into(),
            kinds: payload.kinds().iter().copied().map(Into::into).collect(),
            method: payload.method().name().to_owned(),
            url: payload.url().to_owned(),
            headers: headers.collect(),
            body: payload.body().to_vec(),
            sha256: crate::digest::hex(payload.sha256()),
            seconds: payload.seconds(),
            asks_for_rights: payload.asks_for_rights(),
        }
    }
}

impl From<Rights> for remote::Rights {
    fn from(rights: Rights) -> Self {
        match rights {
            Rights::Own => Self::Own,
            Rights::Agreed => Self::Agreed,
            Rights::NobodyReal => Self::NobodyReal,
        }
    }
}

impl fmt::Debug for RemoteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RemoteOptions(..)")
    }
}

/// Neither the words nor the picture.
impl fmt::Debug for PayloadPreview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PayloadPreview({} bytes for {:?})", self.body.len(), self.destination)
    }
}
