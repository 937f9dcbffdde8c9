//! C2PA manifests (C2PA Technical Specification 2.3), made and read by the crate `c2pa`.
//!
//! A manifest says with `c2pa.created` that a model made the clip, names Kinora as the software and
//! the model in an assertion `kinora.model`, and is bound to every byte of the media by hashes. A
//! file that had a manifest is `c2pa.opened` instead, with the old one as its parent.
//!
//! The crate fills salts from the system's random numbers; [`settle`] replaces them by hashes, so
//! that the same clip, statement and signer give the same bytes. No time server is asked: the time
//! is only the signer's word, and no more than a day.

mod certificate;
mod cose;
mod jumbf;
mod read;
mod settle;
mod signer;

use std::fmt;
use std::io::{BufReader, ErrorKind, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use c2pa::{Builder, Context};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::container::{Kind, Scan};
use super::statement::GENERATOR;
use super::{DigitalSourceType, Statement};
use crate::clip::Target;
use crate::error::{Detail, Error, Result};

pub use signer::{ManifestSigner, OwnSigner, SigningAlgorithm};

pub(super) use read::check;

/// The label of the assertion that names the model.
const MODEL: &str = "kinora.model";

/// Who signs, and what a manifest names beside its statement.
#[derive(Clone)]
pub(super) struct Order {
    signer: Arc<dyn ManifestSigner>,
    photo: Option<Arc<[u8]>>,
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the key nor the photo is anybody's business.
        f.debug_struct("Order").field("photo", &self.photo.is_some()).finish_non_exhaustive()
    }
}

impl Order {
    pub(super) fn new(signer: Arc<dyn ManifestSigner>) -> Self {
        Self { signer, photo: None }
    }

    pub(super) fn made_of(self, photo: Arc<[u8]>) -> Self {
        Self { photo: Some(photo), ..self }
    }

    /// A manifest for `file` as it is now; a manifest that it carries becomes the parent.
    pub(super) fn draft(
        &self,
        file: &mut Target,
        scan: &Scan,
        statement: &Statement,
    ) -> Result<Draft<'_>> {
        guarded(|| self.drafted(file, scan, statement))
    }

    fn drafted(&self, file: &mut Target, scan: &Scan, statement: &Statement) -> Result<Draft<'_>> {
        let format = scan.kind.media_type();
        let content = digest(file)?;
        let name = Name::of(&content, statement, &*self.signer)?;
        let parent = (scan.manifests > 0).then_some("parent");
        let photo = self.photo.as_ref().map(|_| "photo");
        let definition = definition(statement, &name, format, parent, photo);
        let mut builder =
            Builder::from_context(context()?).with_definition(definition).map_err(failed)?;
        if let Some(label) = parent {
            let ingredient = ingredient("parentOf", label, &name.id("parent"));
            file.seek(SeekFrom::Start(0)).map_err(|source| file.error(source))?;
            builder
                .add_ingredient_from_stream(ingredient, format, &mut BufReader::new(&mut *file))
                .map_err(failed)?;
        }
        if let (Some(label), Some(photo)) = (photo, &self.photo) {
            let format = Kind::of(photo).map_or("application/octet-stream", Kind::media_type);
            let ingredient = ingredient("inputTo", label, &name.id("photo"));
            builder
                .add_ingredient_from_stream(ingredient, format, &mut std::io::Cursor::new(photo))
                .map_err(failed)?;
        }
        Ok(Draft { signer: &*self.signer, builder, name, format })
    }
}

/// A manifest that is not signed yet.
pub(super) struct Draft<'a> {
    signer: &'a dyn ManifestSigner,
    builder: Builder,
    name: Name,
    format: &'static str,
}

impl Draft<'_> {
    /// Binds the manifest to `file`, signs it and puts it in. After an error of `marking.*` the file
    /// is as it was.
    pub(super) fn sign(self, file: &mut Target) -> Result<()> {
        guarded(|| self.signed(file))
    }

    fn signed(mut self, file: &mut Target) -> Result<()> {
        let cose = cose::Cose::new(self.signer)?;
        let rewind = |file: &mut Target| {
            file.seek(SeekFrom::Start(0)).map(drop).map_err(|source| file.error(source))
        };
        let mut bound = file.spare()?;
        rewind(file)?;
        let manifest =
            self.builder.sign(&cose, self.format, &mut BufReader::new(&mut *file), &mut bound);
        let manifest = manifest.map_err(|source| match source {
            c2pa::Error::IoError(source) if source.kind() != ErrorKind::UnexpectedEof => {
                file.error(source)
            }
            source => failed(source),
        })?;
        let settled = settle::settle(manifest, &self.name.label(), &cose)?;
        // The same length, so that every offset that was hashed stays right.
        file.truncate(0)?;
        rewind(&mut bound)?;
        let put = c2pa::jumbf_io::save_jumbf_to_stream(
            self.format,
            &mut BufReader::new(&mut bound),
            &mut *file,
            &settled,
        );
        // The file is cut by now: this is no clip without a manifest, it is none at all.
        put.map_err(|source| file.error(std::io::Error::other(source)))
    }
}

/// What the parts of a manifest are named after instead of random numbers: what it is about.
struct Name([u8; 32]);

impl Name {
    fn of(content: &[u8; 32], statement: &Statement, signer: &dyn ManifestSigner) -> Result<Self> {
        let mut hash = Sha256::new_with_prefix("kinora/c2pa/name/1");
        hash.update(content);
        hash.update(format!("{statement:?}"));
        for certificate in signer.certificates()? {
            hash.update(Sha256::digest(certificate));
        }
        Ok(Self(hash.finalize().into()))
    }

    /// The manifest's own label.
    fn label(&self) -> String {
        format!("urn:c2pa:{}", self.uuid("manifest"))
    }

    fn id(&self, of: &str) -> String {
        format!("xmp:iid:{}", self.uuid(of))
    }

    /// A UUID of version 4 in all but its origin, since that is the only one that is taken.
    fn uuid(&self, of: &str) -> String {
        let hash = Sha256::new_with_prefix(of).chain_update(self.0).finalize();
        let mut bytes: [u8; 16] = std::array::from_fn(|i| hash[i]);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let (a, b) = (&hex[..8], &hex[8..12]);
        format!("{a}-{b}-{}-{}-{}", &hex[12..16], &hex[16..20], &hex[20..])
    }
}

/// What the crate may do: nothing outside the files that it is given.
fn context() -> Result<Context> {
    let settings = json!({
        "core": { "allowed_network_hosts": [] },
        "verify": { "remote_manifest_fetch": false, "ocsp_fetch": false, "verify_after_sign": false },
        "builder": { "thumbnail": { "enabled": false } },
    });
    Context::new().with_settings(settings).map_err(failed)
}

fn definition(
    statement: &Statement,
    name: &Name,
    format: &str,
    parent: Option<&str>,
    photo: Option<&str>,
) -> Value {
    let agent = json!({ "name": GENERATOR, "version": statement.generator_version });
    let when = format!("{}T00:00:00Z", statement.day);
    let source_type = statement.digital_source_type.uri();
    let mut first = json!({ "when": when, "softwareAgent": agent });
    match parent {
        Some(parent) => {
            first["action"] = json!("c2pa.opened");
            first["parameters"] = json!({ "ingredientIds": [parent] });
        }
        None => {
            first["action"] = json!("c2pa.created");
            first["digitalSourceType"] = json!(source_type);
            if let Some(photo) = photo {
                first["parameters"] = json!({ "ingredientIds": [photo] });
            }
        }
    }
    let mut actions = vec![first];
    if parent.is_some() {
        // The marks were added to what was opened.
        actions.push(json!({
            "action": "c2pa.edited.metadata",
            "when": when,
            "softwareAgent": agent,
            "digitalSourceType": source_type,
        }));
    }
    if statement.watermarked {
        actions.push(json!({
            "action": "c2pa.watermarked.unbound",
            "when": when,
            "softwareAgent": agent,
        }));
    }
    json!({
        "claim_version": 2,
        "claim_generator_info": [agent],
        "label": name.label(),
        "instance_id": name.id("instance"),
        "format": format,
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "created": true,
                "data": { "actions": actions, "allActionsIncluded": parent.is_none() },
            },
            { "label": MODEL, "created": true, "data": model(statement) },
        ],
    })
}

fn model(statement: &Statement) -> Value {
    let mut model = json!({
        "id": statement.model,
        "generator": statement.generator(),
        "day": statement.day.to_string(),
        "digitalSourceType": statement.digital_source_type.uri(),
    });
    if !statement.model_version.is_empty() {
        model["version"] = json!(statement.model_version);
    }
    let marks = statement.photo_marks;
    if !marks.is_empty() {
        let generated = DigitalSourceType::TrainedAlgorithmicMedia;
        let source_type = marks.generated.then(|| generated.uri());
        model["sourceMarks"] = json!({ "digitalSourceType": source_type, "c2pa": marks.manifest });
    }
    model
}

fn ingredient(relationship: &str, label: &str, instance: &str) -> String {
    json!({ "relationship": relationship, "label": label, "instance_id": instance }).to_string()
}

/// SHA-256 of a whole file.
fn digest(file: &mut Target) -> Result<[u8; 32]> {
    use std::io::Read;
    file.seek(SeekFrom::Start(0)).map_err(|source| file.error(source))?;
    let (mut hash, mut part) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut part).map_err(|source| file.error(source))? {
            0 => return Ok(hash.finalize().into()),
            length => hash.update(&part[..length]),
        }
    }
}

/// Strangers' manifests are read on the way. What the crate stumbles over there ends no app.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let message = "the manifest could not be made: please report what file it was for";
        Err(Error::Internal(Detail::new("internal.manifest", message)))
    })
}

/// `marking.manifest`, or what an object of the host said.
fn failed(source: c2pa::Error) -> Error {
    let source = match source {
        c2pa::Error::OtherError(inner) => match inner.downcast::<Error>() {
            Ok(own) => return *own,
            Err(inner) => c2pa::Error::OtherError(inner),
        },
        source => source,
    };
    let message = "the manifest could not be made: copy the file or make it again";
    Error::Output(Detail::new("marking.manifest", message).because(source))
}

#[cfg(test)]
mod tests;
