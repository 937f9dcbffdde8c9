//! The host's signer of manifests: its key never crosses.
//!
//! The surface is the same in every build, so that the layers of Swift and Kotlin are; what needs the
//! feature `c2pa` says so where it lacks.

use std::sync::Arc;

use super::Result;
use super::error::guard;
use crate::marking::Marking;

/// How a signature is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum SigningAlgorithm {
    /// Ed25519 (RFC 8032): 64 bytes.
    Ed25519,
    /// ECDSA on P-256 with SHA-256, such as a phone's secure element makes it: 64 bytes, or DER.
    Es256,
}

/// Signs C2PA manifests with a key that stays where it is: the Secure Enclave, the Android Keystore.
/// Called on the thread that finishes the clip, once for each file.
#[uniffi::export(rust, foreign)]
pub trait ManifestSigner: Send + Sync {
    /// How it signs.
    fn algorithm(&self) -> Result<SigningAlgorithm>;

    /// The certificates in DER: the signer's own first, then each one's issuer. The first must have
    /// the key usage `digitalSignature`, an extended one such as `emailProtection`, and another issuer
    /// than itself.
    fn certificates(&self) -> Result<Vec<Vec<u8>>>;

    /// The signature of `bytes`, which the signer hashes itself.
    fn sign(&self, bytes: Vec<u8>) -> Result<Vec<u8>>;
}

/// A signer with a self-made certificate and a key that nobody has had before and, once it is let go,
/// nobody has again: viewers find its manifests valid and their signer unknown. A new one for each
/// request links no two clips.
///
/// Fails with `request.signer` where this build makes no manifests.
#[uniffi::export]
pub fn fresh_signer() -> Result<Arc<dyn ManifestSigner>> {
    guard(made::fresh)
}

/// The same of a key that the app keeps. `seed`: 32 random bytes. Who sees two clips of one seed knows
/// that they have one origin, so without a reason for that take [`fresh_signer`].
///
/// Fails with `request.seed` for another length, with `request.signer` where this build makes no
/// manifests.
#[uniffi::export]
pub fn own_signer(seed: Vec<u8>) -> Result<Arc<dyn ManifestSigner>> {
    guard(|| made::own(seed))
}

/// `marking` with manifests by `signer`.
pub(super) fn signed(marking: Marking, signer: Arc<dyn ManifestSigner>) -> Result<Marking> {
    made::signed(marking, signer)
}

#[cfg(feature = "c2pa")]
mod made {
    use zeroize::Zeroizing;

    use super::{Arc, ManifestSigner, Marking, Result, SigningAlgorithm};
    use crate::error::{Detail, Error};
    use crate::marking;

    pub(super) fn fresh() -> Result<Arc<dyn ManifestSigner>> {
        Ok(Arc::new(Own(marking::OwnSigner::fresh()?)))
    }

    pub(super) fn own(seed: Vec<u8>) -> Result<Arc<dyn ManifestSigner>> {
        let seed = Zeroizing::new(seed);
        let seed = <[u8; 32]>::try_from(&seed[..]).map_err(|_| {
            let message = "a signer is made of 32 random bytes: take them from the system";
            Error::Request(Detail::new("request.seed", message))
        })?;
        Ok(Arc::new(Own(marking::OwnSigner::from_seed(seed))))
    }

    pub(super) fn signed(marking: Marking, signer: Arc<dyn ManifestSigner>) -> Result<Marking> {
        let algorithm = match signer.algorithm()? {
            SigningAlgorithm::Ed25519 => marking::SigningAlgorithm::Ed25519,
            SigningAlgorithm::Es256 => marking::SigningAlgorithm::Es256,
        };
        Ok(marking.signed_by(Arc::new(ForwardSigner { signer, algorithm })))
    }

    /// The core's own, called from the app.
    struct Own(marking::OwnSigner);

    impl ManifestSigner for Own {
        fn algorithm(&self) -> Result<SigningAlgorithm> {
            Ok(SigningAlgorithm::Ed25519)
        }

        fn certificates(&self) -> Result<Vec<Vec<u8>>> {
            Ok(marking::ManifestSigner::certificates(&self.0)?)
        }

        fn sign(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
            Ok(marking::ManifestSigner::sign(&self.0, &bytes)?)
        }
    }

    /// The core's signer that calls the app's.
    struct ForwardSigner {
        signer: Arc<dyn ManifestSigner>,
        algorithm: marking::SigningAlgorithm,
    }

    impl marking::ManifestSigner for ForwardSigner {
        fn algorithm(&self) -> marking::SigningAlgorithm {
            self.algorithm
        }

        fn certificates(&self) -> crate::Result<Vec<Vec<u8>>> {
            self.signer.certificates().map_err(refused)
        }

        fn sign(&self, bytes: &[u8]) -> crate::Result<Vec<u8>> {
            self.signer.sign(bytes.to_vec()).map_err(refused)
        }
    }

    /// `marking.signer`, with what the app's signer said.
    fn refused(source: super::super::KinoraError) -> Error {
        let message = "the signer gave no signature, so the clip was not made";
        Error::Output(Detail::new("marking.signer", message).because(source))
    }
}

#[cfg(not(feature = "c2pa"))]
mod made {
    use super::{Arc, ManifestSigner, Marking, Result};
    use crate::error::{Detail, Error};

    pub(super) fn fresh() -> Result<Arc<dyn ManifestSigner>> {
        Err(lacking().into())
    }

    pub(super) fn own(_: Vec<u8>) -> Result<Arc<dyn ManifestSigner>> {
        Err(lacking().into())
    }

    pub(super) fn signed(_: Marking, _: Arc<dyn ManifestSigner>) -> Result<Marking> {
        Err(lacking().into())
    }

    fn lacking() -> Error {
        let message = "this build makes no manifests: build Kinora with the feature c2pa";
        Error::Request(Detail::new("request.signer", message))
    }
}
