//! The host's key store: the master key never crosses.

use zeroize::Zeroizing;

/// Why a key store failed, in its own words.
pub type KeyStoreError = Box<dyn std::error::Error + Send + Sync>;

/// Wraps keys with a master key that stays where it is: the Keychain, the Android Keystore, an OS
/// keyring, a hardware token. [`Passphrase`](super::Passphrase) is one for desktops.
///
/// Kinora hands it data keys of 32 bytes and keeps only what comes back. Wrapping must be
/// authenticated: a blob that was changed, or that another key made, is an error.
pub trait KeyStore: Send + Sync {
    /// Encrypts `key` with the master key. What comes back is opaque to Kinora.
    ///
    /// # Errors
    /// What the store says.
    fn wrap(&self, key: &[u8]) -> Result<Vec<u8>, KeyStoreError>;

    /// Decrypts what [`KeyStore::wrap`] gave.
    ///
    /// # Errors
    /// What the store says, and always for a blob that it did not make.
    fn unwrap(&self, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyStoreError>;
}
