//! The vault's file: JSON with the wrapped key and the sealed entries.

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{VaultEntry, failed};
use crate::error::{Detail, Error, Result};

/// The only version so far.
const VERSION: u32 = 1;
/// Bytes of a file: hundreds of entries of the largest size.
const LIMIT: u64 = 16 << 20;

/// A vault as it is stored.
pub(super) struct Stored {
    /// The data key, wrapped by the host.
    pub(super) wrapped: Vec<u8>,
    pub(super) records: Vec<Record>,
}

/// A sealed entry.
pub(super) struct Record {
    pub(super) provider: String,
    pub(super) purpose: String,
    pub(super) sealed: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    kinora_vault: u32,
    key: String,
    entries: Vec<EntryShape>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryShape {
    provider: String,
    purpose: String,
    sealed: String,
}

impl Record {
    pub(super) fn is(&self, provider: &str, purpose: &str) -> bool {
        self.provider == provider && self.purpose == purpose
    }

    pub(super) fn entry(self) -> VaultEntry {
        VaultEntry { provider: self.provider, purpose: self.purpose }
    }
}

impl Stored {
    /// `None` where there is no file yet.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        let bytes = crate::scratch::read(path, LIMIT).map_err(|error| {
            let message = "the vault's file cannot be read: check the folder's rights";
            Error::Vault(Detail::new("vault.read", message).because(error))
        })?;
        bytes.map(|bytes| Self::parse(&bytes)).transpose()
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let shape: Shape = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        if shape.kinora_vault != VERSION {
            return Err(failed(
                "vault.version",
                "the vault was written by a newer Kinora: update, or erase it",
            ));
        }
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| damaged());
        let records = shape.entries.into_iter().map(|entry| {
            let sealed = decode(&entry.sealed)?;
            Ok(Record { provider: entry.provider, purpose: entry.purpose, sealed })
        });
        Ok(Self { wrapped: decode(&shape.key)?, records: records.collect::<Result<_>>()? })
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let entries = self.records.iter().map(|record| EntryShape {
            provider: record.provider.clone(),
            purpose: record.purpose.clone(),
            sealed: STANDARD.encode(&record.sealed),
        });
        let shape = Shape {
            kinora_vault: VERSION,
            key: STANDARD.encode(&self.wrapped),
            entries: entries.collect(),
        };
        let bytes =
            serde_json::to_vec_pretty(&shape).map_err(|error| write_failed(error.into()))?;
        crate::scratch::replace(path, &bytes).map_err(write_failed)
    }
}

pub(super) fn write_failed(error: io::Error) -> Error {
    let message =
        "the vault's file cannot be written: free some space or check the folder's rights";
    Error::Vault(Detail::new("vault.write", message).because(error))
}

fn damaged() -> Error {
    failed(
        "vault.damaged",
        "the vault's file is damaged: erase the vault and put the secrets in again",
    )
}
