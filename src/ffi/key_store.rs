//! The host's key store: the master key never crosses.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::error::guard;
use super::{KinoraError, Result};
use crate::vault::KeyStoreError;

/// Wraps keys with a master key that stays where it is: the Keychain, the Android Keystore, a
/// hardware token. Kinora hands it data keys and keeps only what comes back.
#[uniffi::export(rust, foreign)]
pub trait KeyStore: Send + Sync {
    /// Encrypts `key` (32 bytes) with the master key. What comes back is opaque to Kinora.
    fn wrap(&self, key: Vec<u8>) -> Result<Vec<u8>>;

    /// Decrypts what `wrap` gave. A blob that was changed, or that another key made, is an error.
    fn unwrap(&self, blob: Vec<u8>) -> Result<Vec<u8>>;
}

/// Tries a key store out with a key that protects nothing: wraps, unwraps, and checks that a
/// damaged blob is refused.
///
/// Fails with `host.failed` when the store throws, and with `host.key_store` when it gives back
/// another key, hands out the key itself, or takes a damaged blob.
#[uniffi::export]
pub fn check_key_store(store: Arc<dyn KeyStore>) -> Result<()> {
    guard(|| {
        let key: Vec<u8> = (0..32u8).map(|i| i.wrapping_mul(37) ^ 0x5a).collect();
        let blob = store.wrap(key.clone())?;
        if blob.windows(key.len()).any(|part| part == key) {
            return Err(wrong("what wrap gives holds the key itself"));
        }
        if store.unwrap(blob.clone())? != key {
            return Err(wrong("unwrap gives another key than wrap was given"));
        }
        let mut damaged = blob;
        match damaged.last_mut() {
            Some(last) => *last ^= 1,
            None => return Err(wrong("wrap gives nothing")),
        }
        match store.unwrap(damaged) {
            Ok(_) => Err(wrong("unwrap takes a damaged blob: use authenticated encryption")),
            Err(_) => Ok(()),
        }
    })
}

fn wrong(what: &str) -> KinoraError {
    let reason = format!("the key store cannot be trusted: {what}");
    KinoraError::Host { code: "host.key_store".to_owned(), reason, detail: None }
}

/// The core's key store that calls the app's.
pub(super) struct ForwardKeys {
    store: Arc<dyn KeyStore>,
}

impl ForwardKeys {
    pub(super) fn new(store: Arc<dyn KeyStore>) -> Self {
        Self { store }
    }
}

impl crate::vault::KeyStore for ForwardKeys {
    fn wrap(&self, key: &[u8]) -> std::result::Result<Vec<u8>, KeyStoreError> {
        self.store.wrap(key.to_vec()).map_err(Into::into)
    }

    fn unwrap(&self, blob: &[u8]) -> std::result::Result<Zeroizing<Vec<u8>>, KeyStoreError> {
        self.store.unwrap(blob.to_vec()).map(Zeroizing::new).map_err(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Xor with a pad and a sum behind it: a key store for a test, not for keys.
    struct Pad {
        checks: bool,
    }

    impl KeyStore for Pad {
        fn wrap(&self, key: Vec<u8>) -> Result<Vec<u8>> {
            let sum = key.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
            Ok(key.iter().map(|byte| byte ^ 0xa5).chain([sum]).collect())
        }

        fn unwrap(&self, blob: Vec<u8>) -> Result<Vec<u8>> {
            let (sum, key) = blob.split_last().unwrap();
            let key: Vec<u8> = key.iter().map(|byte| byte ^ 0xa5).collect();
            if self.checks && key.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) != *sum {
                return Err(KinoraError::host("damaged"));
            }
            Ok(key)
        }
    }

    #[test]
    fn a_store_that_does_not_notice_damage_is_refused() {
        check_key_store(Arc::new(Pad { checks: true })).unwrap();
        let error = check_key_store(Arc::new(Pad { checks: false })).unwrap_err();
        let KinoraError::Host { code, .. } = error else { panic!() };
        assert_eq!(code, "host.key_store");
    }
}
