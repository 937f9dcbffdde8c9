//! A manifest becomes the same each time.
//!
//! The crate `c2pa` salts each assertion of a new manifest with random bytes and has no way to be
//! told otherwise (0.90.22: `Claim::add_assertion_impl` and `salt::DefaultSalt`). Salts keep what a
//! redacted assertion said from being guessed; nothing of ours is secret or redacted. So they are
//! replaced by hashes of what they salt, the hashes over them in other assertions and in the claim
//! are made anew, and only then is the claim signed. No length changes.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::cose::Cose;
use super::jumbf::Super;
use crate::error::{Detail, Error, Result};

/// `store` with the manifest `label` settled and signed. Manifests of parents stay as they are.
pub(super) fn settle(mut store: Vec<u8>, label: &str, cose: &Cose<'_>) -> Result<Vec<u8>> {
    let places = Places::find(&store, label).ok_or_else(unknown)?;
    // All of them before the first changes: an ingredient's new hash changes the actions that name it.
    let old: Vec<_> = places.assertions.iter().map(|assertion| hash(&store, assertion)).collect();
    for (assertion, old) in places.assertions.iter().zip(&old) {
        let salt = assertion.salt.clone().ok_or_else(unknown)?;
        let new = Sha256::new_with_prefix("kinora/c2pa/salt/1")
            .chain_update(label)
            .chain_update(&assertion.label)
            .finalize();
        let length = salt.len().min(new.len());
        store[salt][..length].copy_from_slice(&new[..length]);
        let new = hash(&store, assertion);
        replace(&mut store[places.manifest.clone()], old, &new);
    }
    let signature = cose.sign(&store[places.claim])?;
    let place = store.get_mut(places.signature).ok_or_else(unknown)?;
    if place.len() != signature.len() {
        return Err(unknown());
    }
    place.copy_from_slice(&signature);
    Ok(store)
}

struct Places {
    manifest: Range<usize>,
    /// Those that others name come first.
    assertions: Vec<Super>,
    /// The claim and the signature, without their boxes.
    claim: Range<usize>,
    signature: Range<usize>,
}

impl Places {
    fn find(store: &[u8], label: &str) -> Option<Self> {
        let manifests = Super::whole(store)?.children(store)?;
        let manifest = manifests.into_iter().find(|manifest| manifest.label == label)?;
        let parts = manifest.children(store)?;
        let part = |name: &str| parts.iter().find(|part| part.label.starts_with(name));
        let mut assertions = part("c2pa.assertions")?.children(store)?;
        // Actions name ingredients, never the other way round; the claim names all.
        assertions.sort_by_key(|assertion| !assertion.label.starts_with("c2pa.ingredient"));
        Some(Self {
            assertions,
            claim: part("c2pa.claim")?.body(store)?,
            signature: part("c2pa.signature")?.body(store)?,
            manifest: manifest.content,
        })
    }
}

fn hash(store: &[u8], assertion: &Super) -> [u8; 32] {
    Sha256::digest(&store[assertion.content.clone()]).into()
}

fn replace(bytes: &mut [u8], old: &[u8; 32], new: &[u8; 32]) {
    let places: Vec<usize> = memchr::memmem::find_iter(bytes, old).collect();
    for place in places {
        bytes[place..place + old.len()].copy_from_slice(new);
    }
}

/// The crate laid a manifest out in another way than the one that is known here.
fn unknown() -> Error {
    let message = "the manifest has a layout that Kinora does not know: please report it";
    Error::Internal(Detail::new("internal.manifest", message))
}
