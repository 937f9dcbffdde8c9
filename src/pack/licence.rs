//! The terms of a model's weights, and somebody's yes to them.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::digest::hex;

/// Under which terms weights may be used, as `pack.json` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Licence {
    /// Its name for people.
    pub name: String,
    /// Its SPDX identifier; none where there is none, as with most licences of models.
    pub spdx: Option<String>,
    /// Where it can be read.
    pub url: String,
    /// Whether it is an open source licence (opensource.org): without limits on who may use the
    /// weights and for what.
    pub open: bool,
    /// The file of the pack that holds its text.
    pub file: Option<String>,
}

/// The terms of one pack, to be shown to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// The pack's id.
    pub pack: String,
    /// What `pack.json` says of the licence.
    pub licence: Licence,
    /// Its text, where the pack holds it.
    pub text: Option<String>,
}

/// A yes to the [`Terms`] of one pack. It fits no other terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    pub(super) record: AcceptanceRecord,
}

/// What a store keeps of a yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AcceptanceRecord {
    pub(super) pack: String,
    pub(super) licence: Licence,
    /// SHA-256 of what was shown.
    pub(super) shown: String,
    /// Seconds since 1970.
    pub(super) at: u64,
}

impl Terms {
    /// Says yes to these terms: to be called when a person, or the app's maker for all its users,
    /// has read them and agrees.
    pub fn accept(&self) -> Acceptance {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Acceptance {
            record: AcceptanceRecord {
                pack: self.pack.clone(),
                licence: self.licence.clone(),
                shown: self.fingerprint(),
                at: now.as_secs(),
            },
        }
    }

    /// SHA-256 over everything that is shown.
    pub(super) fn fingerprint(&self) -> String {
        let Licence { name, spdx, url, open, file: _ } = &self.licence;
        let mut hash = Sha256::new();
        for part in [&self.pack, name, spdx.as_deref().unwrap_or_default(), url] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hash.update([u8::from(*open)]);
        hash.update(self.text.as_deref().unwrap_or_default().as_bytes());
        hex(&hash.finalize())
    }
}
