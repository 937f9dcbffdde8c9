//! Secrets, sealed: API keys and tokens that only a request to their own provider gets to see.
//!
//! Each entry is sealed with AES-256-GCM under a data key, with a random nonce of 96 bits and the
//! entry's provider and purpose as associated data, so that entries cannot change places. The data
//! key is random, and only its wrapped form is kept: the host's [`KeyStore`] wraps it.
//!
//! A secret goes in and never comes out of the public surface:
//!
//! ```compile_fail
//! fn read(vault: &kinora::vault::Vault) {
//!     let _ = vault.open_secret("fal", "api_key");
//! }
//! ```

mod file;
mod key_store;
mod passphrase;
mod seal;
mod secret;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Detail, Error, Result};
use crate::scratch::FolderLock;
use file::{Record, Stored};

pub(crate) use seal::{DataKey, random};

pub use key_store::{KeyStore, KeyStoreError};
pub use passphrase::Passphrase;
pub use secret::Secret;

/// The file in the vault's folder.
const FILE: &str = "vault.json";
/// Bytes of one secret.
const MAX_SECRET: usize = 16 * 1024;

/// A sealed store of secrets in a folder of the host's.
pub struct Vault {
    path: PathBuf,
    key_store: Arc<dyn KeyStore>,
    /// One at a time: reading, changing and writing back belong together.
    turn: Mutex<()>,
}

/// What the vault tells of an entry: everything but the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultEntry {
    /// The provider that it is for, such as `fal`.
    pub provider: String,
    /// What it is, such as `api_key`.
    pub purpose: String,
}

impl Vault {
    /// A vault in `folder`, which is made if it is missing. Nothing is opened or unwrapped yet.
    ///
    /// # Errors
    /// `vault.folder` when the folder cannot be made.
    pub fn open(folder: &Path, key_store: Arc<dyn KeyStore>) -> Result<Self> {
        crate::scratch::private_folder(folder).map_err(|error| {
            let message = "the vault's folder cannot be made: give one that the app may write to";
            Error::Vault(Detail::new("vault.folder", message).because(error))
        })?;
        Ok(Self { path: folder.join(FILE), key_store, turn: Mutex::new(()) })
    }

    /// Seals `secret` for `provider` and `purpose`; one that was there is replaced.
    ///
    /// # Errors
    /// `vault.name` for an empty or overlong name, `vault.too_long` for a secret over 16 KiB or an
    /// empty one, `vault.key_store` when the host's key store fails, `vault.damaged`, `vault.write`.
    pub fn put(&self, provider: &str, purpose: &str, secret: &Secret) -> Result<()> {
        for name in [provider, purpose] {
            let fits = (1..=64).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            if !fits {
                let message = "a provider or purpose is 1 to 64 letters, digits, '-', '_' or '.'";
                return Err(failed("vault.name", message));
            }
        }
        if secret.is_empty() || secret.len() > MAX_SECRET {
            return Err(failed("vault.too_long", "a secret has 1 to 16,384 bytes"));
        }
        let _turn = self.turn()?;
        let (mut stored, key) = match Stored::read(&self.path)? {
            Some(stored) => {
                let key = DataKey::unwrap(&*self.key_store, &stored.wrapped)?;
                (stored, key)
            }
            None => {
                let (key, wrapped) = DataKey::make(&*self.key_store)?;
                (Stored { wrapped, records: Vec::new() }, key)
            }
        };
        let sealed = key.seal(provider, purpose, secret)?;
        stored.records.retain(|record| !record.is(provider, purpose));
        stored.records.push(Record {
            provider: provider.to_owned(),
            purpose: purpose.to_owned(),
            sealed,
        });
        stored.write(&self.path)
    }

    /// Opens a secret, for a request to its own provider.
    #[cfg(any(feature = "remote", test))]
    pub(crate) fn open_secret(&self, provider: &str, purpose: &str) -> Result<Secret> {
        let _turn = self.turn()?;
        let missing = || {
            let message = format!(
                "there is no {purpose} for {provider} in the vault: put it there first \
                 (Vault::put, or `kinora vault set {provider}`)"
            );
            failed("vault.missing", message)
        };
        let stored = Stored::read(&self.path)?.ok_or_else(missing)?;
        let record = stored.records.iter().find(|record| record.is(provider, purpose));
        let record = record.ok_or_else(missing)?;
        DataKey::unwrap(&*self.key_store, &stored.wrapped)?.open(provider, purpose, &record.sealed)
    }

    /// Whether there is a secret for `provider` and `purpose`.
    ///
    /// # Errors
    /// `vault.damaged`, `vault.read`.
    pub fn contains(&self, provider: &str, purpose: &str) -> Result<bool> {
        Ok(self.entries()?.iter().any(|e| e.provider == provider && e.purpose == purpose))
    }

    /// What is in it, without the secrets.
    ///
    /// # Errors
    /// `vault.damaged`, `vault.read`.
    pub fn entries(&self) -> Result<Vec<VaultEntry>> {
        let _turn = self.turn()?;
        let records = Stored::read(&self.path)?.map(|stored| stored.records).unwrap_or_default();
        Ok(records.into_iter().map(Record::entry).collect())
    }

    /// Deletes one secret; says whether it was there.
    ///
    /// # Errors
    /// `vault.damaged`, `vault.read`, `vault.write`.
    pub fn remove(&self, provider: &str, purpose: &str) -> Result<bool> {
        let _turn = self.turn()?;
        let Some(mut stored) = Stored::read(&self.path)? else { return Ok(false) };
        let before = stored.records.len();
        stored.records.retain(|record| !record.is(provider, purpose));
        if stored.records.len() == before {
            return Ok(false);
        }
        stored.write(&self.path)?;
        Ok(true)
    }

    /// Deletes everything in it, also a damaged file.
    ///
    /// # Errors
    /// `vault.write`.
    pub fn erase(&self) -> Result<()> {
        let _turn = self.turn()?;
        crate::scratch::remove(&self.path).map_err(file::write_failed)
    }

    /// Holds off other threads and other processes.
    fn turn(&self) -> Result<(MutexGuard<'_, ()>, FolderLock)> {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = self.path.parent().unwrap_or(Path::new("."));
        Ok((turn, FolderLock::take(folder).map_err(file::write_failed)?))
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(..)")
    }
}

/// A vault's file that anybody wrote: parsed, and every entry tried.
#[cfg(fuzzing)]
pub fn fuzz(bytes: &[u8]) {
    let Ok(stored) = Stored::parse(bytes) else { return };
    for record in &stored.records {
        // Nobody can seal with a key that is not theirs.
        assert!(seal::open(&[7; seal::KEY], b"", &record.sealed).is_err());
    }
}

fn failed(code: &'static str, message: impl Into<String>) -> Error {
    Error::Vault(Detail::new(code, message))
}
