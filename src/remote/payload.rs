//! What leaves: exactly this, and nothing else can be put in.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::model::{Need, RemoteModel};
use super::picture::Picture;
use super::video::Video;
use super::wire::{Ask, Auth, Call, wire};
use super::{Remote, failed};
use crate::consent::{Contents, DataKind, Destination};
use crate::digest::hex;
use crate::error::{Detail, Error, Result};
use crate::photo::{Photo, PhotoMarks};
use crate::safety::{Subject, check_prompt};
use crate::transport::{Header, Method};

/// What somebody asks a remote model for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) photo: Option<Photo>,
    pub(crate) video: Option<Video>,
    pub(crate) prompt: String,
    pub(crate) seconds: f32,
    pub(crate) size: Option<u32>,
    pub(crate) seed: u64,
    /// Whether the photo or video shows, or may show, a person.
    pub(crate) shows_person: bool,
}

/// What one submit would send, byte for byte.
///
/// It is built from a photo's pixels, a video's pictures, the prompt and numbers, and there is no
/// way to put anything else in. The same request gives the same payload until something was sent.
pub struct Payload {
    pub(super) model: String,
    pub(super) destination: Destination,
    pub(super) call: Call,
    pub(super) key: String,
    kinds: Vec<DataKind>,
    sha256: [u8; 32],
    shows_person: bool,
    pub(super) photo_marks: PhotoMarks,
    seconds: u32,
    photo: Option<(u32, u32, usize)>,
}

impl Payload {
    pub(super) fn build(
        remote: &Remote,
        model: &RemoteModel,
        destination: Destination,
        asked: Asked,
    ) -> Result<Self> {
        let inner = &*remote.inner;
        if let Some(retired) = &model.retired {
            return Err(failed(
                "remote.retired",
                format!(
                    "{} was switched off by its provider on {}: take {} instead",
                    model.name, retired.on, retired.instead
                ),
            ));
        }
        if inner.prompt_gate {
            // Stricter than the rights question: a face that the detector misses is still a face.
            let shows_person = asked.photo.is_some() || asked.video.is_some();
            let subject = Subject { shows_person };
            check_prompt(&asked.prompt, subject)
                .map_err(|why| Error::Request(Detail::new(why.code(), why.what_to_do())))?;
        }
        if asked.prompt.chars().count() > model.prompt {
            return Err(failed(
                "remote.prompt",
                format!("{} takes prompts of at most {} characters", model.name, model.prompt),
            ));
        }
        let source = asked.photo.is_some() || asked.video.is_some();
        if !source && (model.photo == Need::Needed || asked.prompt.trim().is_empty()) {
            return Err(failed(
                "remote.no_photo",
                format!(
                    "{} needs a photo{}",
                    model.name,
                    match model.photo {
                        Need::Needed => "",
                        Need::Optional => " or a prompt",
                    }
                ),
            ));
        }
        if asked.video.is_some() && !model.video {
            return Err(failed(
                "remote.no_video",
                format!("{} takes no video: give a photo", model.name),
            ));
        }
        let seconds = length(model, asked.seconds)?;
        let ratio = match (&asked.photo, &asked.video) {
            (Some(photo), _) => f64::from(photo.width()) / f64::from(photo.height()),
            (None, Some(video)) => f64::from(video.width()) / f64::from(video.height()),
            (None, None) => 16.0 / 9.0,
        };
        let photo_marks = asked.photo.as_ref().map(Photo::marks).unwrap_or_default();
        let photo = asked.photo.map(|photo| Picture::of(&photo, &model.image)).transpose()?;

        let mut kinds = vec![DataKind::TechnicalMetadata];
        kinds.extend(photo.is_some().then_some(DataKind::Photo));
        kinds.extend(asked.video.is_some().then_some(DataKind::Video));
        kinds.extend((!asked.prompt.is_empty()).then_some(DataKind::Prompt));
        kinds.sort_unstable();

        let shown = photo.as_ref().map(|photo| {
            let (width, height) = photo.size();
            (width, height, photo.jpeg().len())
        });
        let mut ask = Ask {
            photo,
            video: asked.video,
            prompt: asked.prompt,
            seconds,
            size: size(model, asked.size, ratio),
            ratio,
            seed: asked.seed,
            key: String::new(),
        };
        ask.key = key(remote, model, &destination, &ask)?;
        let context = inner.context(model, &destination)?;
        let call = wire(model.wire).submit(&context, &ask)?;
        let sha256 = digest(&call);
        Ok(Self {
            model: model.id.clone(),
            destination,
            call,
            key: ask.key,
            kinds,
            sha256,
            shows_person: asked.shows_person,
            photo_marks,
            seconds,
            photo: shown,
        })
    }

    /// The remote model's id.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Whom it would go to.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// The kinds of data in it: what a grant must cover.
    pub fn kinds(&self) -> &[DataKind] {
        &self.kinds
    }

    /// The HTTP method.
    pub fn method(&self) -> Method {
        self.call.method
    }

    /// Where it would go.
    pub fn url(&self) -> &str {
        self.call.url.as_str()
    }

    /// The headers; in the place of a credential stands where it comes from.
    pub fn headers(&self) -> Vec<Header> {
        let mut headers: Vec<Header> =
            self.call.headers.iter().map(|(name, value)| Header::plain(name, value)).collect();
        headers.extend(match &self.call.auth {
            Auth::None => None,
            Auth::Header(name, prefix, purpose) => {
                Some(Header::plain(name, format!("{prefix}({purpose} from the vault)")))
            }
            Auth::Jwt => Some(Header::plain(
                "Authorization",
                "Bearer (a token made of access_key and secret_key from the vault)",
            )),
            Auth::SigV4 { .. } => Some(Header::plain(
                "Authorization",
                "AWS4-HMAC-SHA256 (a signature made with the keys from the vault)",
            )),
        });
        headers
    }

    /// The body, to the byte.
    pub fn body(&self) -> &[u8] {
        self.call.body.as_ref().map_or(&[], |body| body.as_slice())
    }

    /// SHA-256 over method, URL, headers and body, which its permit is bound to.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The length that the model will make, seconds: the next that it offers from what was asked.
    pub fn seconds(&self) -> u32 {
        self.seconds
    }

    /// The photo in it: width, height and bytes of the JPEG.
    pub fn photo(&self) -> Option<(u32, u32, usize)> {
        self.photo
    }

    /// Whether the person must say that they may use the picture of whom it shows.
    pub fn asks_for_rights(&self) -> bool {
        self.shows_person
    }

    pub(super) fn contents(&self, rights: Option<Rights>) -> Contents {
        let rights = rights.map(Rights::name);
        Contents { sha256: self.sha256, kinds: self.kinds.clone(), rights }
    }
}

/// Neither the words nor the picture.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes for {})", self.body().len(), self.model)
    }
}

/// What a person says of their right to have a picture of somebody animated elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rights {
    /// It shows the person who asks.
    Own,
    /// Whoever it shows has agreed, or their parents for a child.
    Agreed,
    /// It shows nobody real: a drawing, a statue, a made-up face.
    NobodyReal,
}

impl Rights {
    /// The question, in English, for an app that has no wording of its own.
    pub const QUESTION: &'static str =
        "The photo shows a person. May you have it turned into a video by this provider?";

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Agreed => "agreed",
            Self::NobodyReal => "nobody_real",
        }
    }
}

/// The shortest length that is not shorter than what was asked.
fn length(model: &RemoteModel, asked: f32) -> Result<u32> {
    // A little over: 5.04 s of frames are 5 s.
    let wanted = f64::from(asked) - 0.05;
    let found = model.seconds.iter().copied().find(|seconds| f64::from(*seconds) >= wanted);
    found.ok_or_else(|| {
        let most = model.seconds.last().copied().unwrap_or_default();
        failed("remote.seconds", format!("{} makes at most {most} seconds", model.name))
    })
}

/// The smallest size that is not smaller than what was asked, else the largest.
fn size(model: &RemoteModel, long_side: Option<u32>, ratio: f64) -> Option<String> {
    let (first, last) = (model.sizes.first()?, model.sizes.last()?);
    let Some(long) = long_side else { return Some(first.name.clone()) };
    let short = f64::from(long) / ratio.max(1.0 / ratio);
    let found = model.sizes.iter().find(|size| f64::from(size.short) >= short - 1.0);
    Some(found.unwrap_or(last).name.clone())
}

/// Our number for the job: it follows from what is asked and from how much was sent before, so
/// that a preview shows the bytes that will go, and the same request made again later is new.
fn key(
    remote: &Remote,
    model: &RemoteModel,
    destination: &Destination,
    ask: &Ask,
) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(remote.inner.consent.counter()?);
    hash.update(format!(
        "{}\n{destination}\n{}\n{:?}\n{}\n",
        model.id, ask.seconds, ask.size, ask.seed
    ));
    for part in [
        ask.prompt.as_bytes(),
        ask.photo.as_ref().map_or(&[], Picture::jpeg),
        ask.video.as_ref().map_or(&[], Video::bytes),
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Ok(format!("kinora-{}", &hex(&hash.finalize())[..32]))
}

fn digest(call: &Call) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(format!("{} {}\n", call.method.name(), call.url));
    for (name, value) in &call.headers {
        hash.update(format!("{name}: {value}\n"));
    }
    let none = Zeroizing::new(Vec::new());
    hash.update(call.body.as_deref().unwrap_or(&none).as_slice());
    hash.finalize().into()
}
