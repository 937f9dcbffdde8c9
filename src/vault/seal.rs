//! AES-256-GCM (NIST SP 800-38D) under a data key that a key store wraps.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use zeroize::Zeroizing;

use super::key_store::KeyStore;
use super::{Secret, failed};
use crate::error::{Detail, Error, Result};

/// Bytes of the key.
pub(super) const KEY: usize = 32;
/// Bytes of the nonce, random for each sealing: at one vault's number of entries a repetition is
/// out of reach.
const NONCE: usize = 12;

/// A key that seals, wiped when dropped.
pub(crate) struct DataKey(Zeroizing<[u8; KEY]>);

impl DataKey {
    /// A random one, and its wrapped form.
    pub(crate) fn make(store: &dyn KeyStore) -> Result<(Self, Vec<u8>)> {
        let key = Self(random()?);
        let wrapped = store.wrap(&*key.0).map_err(store_failed)?;
        // A store that hands the key back as it came, or loses it, is found now and not later.
        if wrapped.windows(KEY).any(|part| part == &key.0[..]) {
            return Err(failed(
                "vault.key_store",
                "the key store gives the key back unwrapped: it protects nothing",
            ));
        }
        let again = Self::unwrap(store, &wrapped)?;
        if again.0 != key.0 {
            return Err(failed("vault.key_store", "the key store unwraps another key than it got"));
        }
        Ok((key, wrapped))
    }

    pub(crate) fn unwrap(store: &dyn KeyStore, wrapped: &[u8]) -> Result<Self> {
        let bytes = store.unwrap(wrapped).map_err(store_failed)?;
        let key: &[u8; KEY] = bytes.as_slice().try_into().map_err(|_| {
            failed("vault.key_store", "the key store gives a key of the wrong length")
        })?;
        Ok(Self(Zeroizing::new(*key)))
    }

    pub(super) fn seal(&self, provider: &str, purpose: &str, secret: &Secret) -> Result<Vec<u8>> {
        seal(&self.0, &associated(provider, purpose), secret.bytes())
    }

    #[cfg(any(feature = "remote", test))]
    pub(super) fn open(&self, provider: &str, purpose: &str, sealed: &[u8]) -> Result<Secret> {
        open(&self.0, &associated(provider, purpose), sealed)
            .map(|bytes| Secret::new(bytes.as_slice()))
    }
}

/// For what is no secret of a vault.
impl DataKey {
    /// Seals `plain` as `name`, which it then opens by alone.
    pub(crate) fn seal_as(&self, name: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        seal(&self.0, name, plain)
    }

    /// What [`DataKey::seal_as`] sealed; none for anything else.
    pub(crate) fn open_as(&self, name: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        open(&self.0, name, sealed).ok()
    }
}

/// Nonce, ciphertext and tag, one after another.
pub(super) fn seal(key: &[u8; KEY], associated: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
    let nonce: Zeroizing<[u8; NONCE]> = random()?;
    let payload = Payload { msg: plain, aad: associated };
    let sealed = cipher(key).encrypt(&Nonce::from(*nonce), payload).map_err(|_| {
        Error::Internal(Detail::new("internal.seal", "a secret could not be sealed: report it"))
    })?;
    Ok([&nonce[..], &sealed].concat())
}

/// `vault.damaged` for whatever [`seal`] did not make with this key and these associated data.
pub(super) fn open(
    key: &[u8; KEY],
    associated: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let wrong = || {
        failed(
            "vault.damaged",
            "the vault's entry was changed, or sealed with another key: remove it and put the \
             secret in again",
        )
    };
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or_else(wrong)?;
    let payload = Payload { msg: sealed, aad: associated };
    let plain = cipher(key).decrypt(&Nonce::from(*nonce), payload).map_err(|_| wrong())?;
    Ok(Zeroizing::new(plain))
}

fn cipher(key: &[u8; KEY]) -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
}

/// Which entry a ciphertext belongs to. Lengths go first, so that no two pairs read alike.
fn associated(provider: &str, purpose: &str) -> Vec<u8> {
    let mut out = b"kinora vault 1".to_vec();
    for part in [provider, purpose] {
        out.extend((part.len() as u32).to_be_bytes());
        out.extend(part.as_bytes());
    }
    out
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(|error| {
        let message = "the system gives no random numbers: nothing can be sealed";
        Error::Vault(Detail::new("vault.random", message).because(error))
    })?;
    Ok(bytes)
}

fn store_failed(error: super::KeyStoreError) -> Error {
    let message = "the key store does not open the vault: unlock the device or the keyring, or \
                   check the passphrase; a vault of another installation can only be erased";
    Error::Vault(Detail::new("vault.key_store", message).because(StoreSaid(error)))
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct StoreSaid(super::KeyStoreError);

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        text.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// Test cases 14 and 16 of the GCM specification by McGrew and Viega.
    #[test]
    fn known_answers() {
        let key: [u8; 32] = [0; 32];
        let sealed = hex(concat!(
            "000000000000000000000000",
            "cea7403d4d606b6e074ec5d3baf39d18",
            "d0d1c8a799996bf0265b98b5d48ab919"
        ));
        assert_eq!(*open(&key, b"", &sealed).unwrap(), [0; 16]);

        let key: [u8; 32] = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
            .try_into()
            .unwrap();
        let plain = hex(concat!(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        ));
        let associated = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let sealed = hex(concat!(
            "cafebabefacedbaddecaf888",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
            "76fc6ece0f4e1768cddf8853bb2d551b"
        ));
        assert_eq!(*open(&key, &associated, &sealed).unwrap(), plain);
        assert_eq!(open(&key, b"", &sealed).unwrap_err().code(), "vault.damaged");
    }

    #[test]
    fn names_do_not_run_together() {
        assert_ne!(associated("ab", "c"), associated("a", "bc"));
    }

    #[test]
    fn a_nonce_is_not_used_twice() {
        let key = [1; 32];
        let (one, two) = (seal(&key, b"", b"same").unwrap(), seal(&key, b"", b"same").unwrap());
        assert_ne!(one[..NONCE], two[..NONCE]);
    }
}
