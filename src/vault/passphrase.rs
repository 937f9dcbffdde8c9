//! A key store for desktops without a keyring: a passphrase.

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::key_store::{KeyStore, KeyStoreError};
use super::seal::{self, KEY};
use super::{Secret, failed};
use crate::error::Result;

/// Argon2id with 64 MiB and 3 passes on one lane: the memory-constrained second recommendation of
/// RFC 9106, section 4, whose four lanes would not run side by side here.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const SALT: usize = 16;
/// Bytes that a passphrase needs to be worth its name.
const SHORTEST: usize = 8;
/// What the blob is for: another program's blob does not open here.
const CONTEXT: &[u8] = b"kinora passphrase 1";

/// Wraps with a key that Argon2id derives from a passphrase, with a random salt for each blob.
pub struct Passphrase {
    passphrase: Secret,
}

impl Passphrase {
    /// # Errors
    /// `vault.passphrase` for one of fewer than 8 bytes.
    pub fn new(passphrase: Secret) -> Result<Self> {
        if passphrase.len() < SHORTEST {
            return Err(failed("vault.passphrase", "a passphrase has at least 8 characters"));
        }
        Ok(Self { passphrase })
    }

    fn derive(&self, salt: &[u8]) -> Result<Zeroizing<[u8; KEY]>, KeyStoreError> {
        let parameters = Params::new(MEMORY_KIB, PASSES, 1, Some(KEY)).map_err(text)?;
        let mut key = Zeroizing::new([0; KEY]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
            .hash_password_into(self.passphrase.bytes(), salt, &mut *key)
            .map_err(text)?;
        Ok(key)
    }
}

impl KeyStore for Passphrase {
    fn wrap(&self, key: &[u8]) -> Result<Vec<u8>, KeyStoreError> {
        let salt = seal::random::<SALT>()?;
        let sealed = seal::seal(&*self.derive(&salt[..])?, CONTEXT, key)?;
        Ok([&salt[..], &sealed].concat())
    }

    fn unwrap(&self, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyStoreError> {
        let (salt, sealed) = blob.split_first_chunk::<SALT>().ok_or("the blob is too short")?;
        seal::open(&*self.derive(salt)?, CONTEXT, sealed)
            .map_err(|_| "the passphrase is wrong, or the blob was changed".into())
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

fn text(error: argon2::Error) -> KeyStoreError {
    error.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_passphrase_unwraps() {
        let right = Passphrase::new(Secret::new("correct horse")).unwrap();
        let blob = right.wrap(&[7; 32]).unwrap();
        assert_eq!(*right.unwrap(&blob).unwrap(), [7; 32]);
        let wrong = Passphrase::new(Secret::new("battery staple")).unwrap();
        assert!(wrong.unwrap(&blob).is_err());
        assert!(right.unwrap(&blob[..20]).is_err());
        assert!(Passphrase::new(Secret::new("short")).is_err());
    }
}
