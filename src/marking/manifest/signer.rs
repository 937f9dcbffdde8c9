//! Who signs manifests.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::certificate;
use crate::error::{Detail, Error, Result};

/// How a signature is made. Both always give the same one for the same bytes where the key's holder
/// follows RFC 8032 or RFC 6979; a phone's secure element does not for ECDSA, and files are then
/// equal but for the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// Ed25519 (RFC 8032): 64 bytes.
    Ed25519,
    /// ECDSA on P-256 with SHA-256: `r` and `s` of 32 bytes each, or both in DER as the systems of
    /// phones give them.
    Es256,
}

/// Signs manifests: an app's own key, such as one in a phone's secure element, or an [`OwnSigner`].
///
/// It is called on the thread that finishes the clip, once for each file.
pub trait ManifestSigner: Send + Sync {
    /// How it signs.
    fn algorithm(&self) -> SigningAlgorithm;

    /// The certificates in DER: the signer's own first, then each one's issuer; the root may be left
    /// out. The first must suit signatures: `digitalSignature`, an extended key usage such as
    /// `emailProtection`, and not signed by itself (C2PA 2.3, "Certificate profiles").
    ///
    /// # Errors
    /// Whatever keeps it from being had.
    fn certificates(&self) -> Result<Vec<Vec<u8>>>;

    /// The signature of `bytes`, which the signer hashes itself.
    ///
    /// # Errors
    /// Whatever keeps it from signing; the clip is then not made.
    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>>;
}

/// A signer with a self-made certificate, for apps that have none: a viewer finds its manifests
/// valid and their signer unknown.
///
/// Its key comes from a seed that the caller keeps, and so does its certificate: the same seed gives
/// the same bytes. Whoever sees two clips of one seed knows that they have one origin, and nothing
/// else about it: neither name nor date of installation stands in the certificate. So there are
/// three ways:
///
/// - one seed in the whole product: clips of all its users look alike, and anybody who takes the app
///   apart can sign as it does. The manifest then proves that a file is unchanged, to those who do
///   not suspect a forger; a self-made certificate proves no more in any case;
/// - one seed an installation: nobody else can sign so, and all clips of one person are linked;
/// - a new seed for each clip: nothing is linked and nobody can sign so, and nothing says that two
///   clips come from one app.
///
/// Without a reason for another one, take a new seed for each clip.
#[derive(Clone)]
pub struct OwnSigner {
    key: SigningKey,
    certificate: Vec<u8>,
}

impl OwnSigner {
    /// A signer that nobody has had before and, once it is dropped, nobody has again.
    ///
    /// # Errors
    /// `marking.signer` where the system gives no random numbers.
    pub fn fresh() -> Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| {
            let message = "the system gives no random numbers: sign on another machine";
            Error::Output(Detail::new("marking.signer", message).because(error))
        })?;
        Ok(Self::from_seed(seed))
    }

    /// A signer of 32 bytes that nobody can guess.
    pub fn from_seed(mut seed: [u8; 32]) -> Self {
        let key = |purpose: &str| {
            let hash = Sha256::new_with_prefix(purpose).chain_update(seed).finalize();
            let bytes = Zeroizing::new(<[u8; 32]>::from(hash));
            SigningKey::from_bytes(&bytes)
        };
        let (own, issuer) = (key("kinora/c2pa/signer/1"), key("kinora/c2pa/issuer/1"));
        seed.zeroize();
        let certificate = certificate::issue(&own.verifying_key(), &issuer);
        Self { key: own, certificate }
    }
}

impl ManifestSigner for OwnSigner {
    fn algorithm(&self) -> SigningAlgorithm {
        SigningAlgorithm::Ed25519
    }

    fn certificates(&self) -> Result<Vec<Vec<u8>>> {
        Ok(vec![self.certificate.clone()])
    }

    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        Ok(self.key.sign(bytes).to_vec())
    }
}

impl fmt::Debug for OwnSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnSigner")
    }
}
