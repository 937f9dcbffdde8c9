//! The passphrase that keys and interrupted clips are sealed under.

use std::io::IsTerminal;
use std::sync::OnceLock;

use kinora::vault::{KeyStore, KeyStoreError, Passphrase, Secret};
use zeroize::Zeroizing;

/// Holds the passphrase, where nobody can be asked.
const PASSPHRASE: &str = "KINORA_PASSPHRASE";

/// A key store that asks for the passphrase when a key is first needed, and once.
#[derive(Default)]
pub(crate) struct Asked(OnceLock<Passphrase>);

impl Asked {
    fn passphrase(&self) -> Result<&Passphrase, KeyStoreError> {
        match self.0.get() {
            Some(known) => Ok(known),
            None => {
                let asked = Self::ask()?;
                Ok(self.0.get_or_init(|| asked))
            }
        }
    }

    fn ask() -> Result<Passphrase, KeyStoreError> {
        let given = match std::env::var(PASSPHRASE) {
            Ok(passphrase) => Zeroizing::new(passphrase),
            Err(_) if std::io::stdin().is_terminal() => {
                Zeroizing::new(rpassword::prompt_password("passphrase: ")?)
            }
            Err(_) => {
                return Err(
                    format!("nobody can be asked for the passphrase: set {PASSPHRASE}").into()
                );
            }
        };
        Ok(Passphrase::new(Secret::new(given.as_bytes()))?)
    }
}

impl KeyStore for Asked {
    fn wrap(&self, key: &[u8]) -> Result<Vec<u8>, KeyStoreError> {
        self.passphrase()?.wrap(key)
    }

    fn unwrap(&self, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyStoreError> {
        self.passphrase()?.unwrap(blob)
    }
}
