//! The signature around a claim: `COSE_Sign1` (RFC 9052) with the certificates in its protected
//! header (RFC 9360), as C2PA 2.3, "Digital signatures", wants it.
//!
//! It is made here and not by the crate `c2pa`, which would sign at a time when salts are still
//! random, and would have the signer asked twice.

use c2pa::SigningAlg;

use super::signer::{ManifestSigner, SigningAlgorithm};
use crate::error::Result;
use crate::marking::failed;

/// Bytes of a signature of either algorithm.
const SIGNATURE: usize = 64;

/// Makes signatures by a signer of the host's.
pub(super) struct Cose<'a> {
    signer: &'a dyn ManifestSigner,
    certificates: Vec<Vec<u8>>,
    /// The protected header.
    protected: Vec<u8>,
}

impl<'a> Cose<'a> {
    /// # Errors
    /// `marking.signer` without certificates; what the signer says.
    pub(super) fn new(signer: &'a dyn ManifestSigner) -> Result<Self> {
        let certificates = signer.certificates()?;
        if certificates.is_empty() {
            let message = "the signer gave no certificate: give its own one first, in DER";
            return Err(failed("marking.signer", message));
        }
        let algorithm = match signer.algorithm() {
            SigningAlgorithm::Ed25519 => -8,
            SigningAlgorithm::Es256 => -7,
        };
        let mut protected = Vec::new();
        head(&mut protected, MAP, 2);
        integer(&mut protected, 1);
        integer(&mut protected, algorithm);
        integer(&mut protected, 33);
        if certificates.len() > 1 {
            head(&mut protected, ARRAY, certificates.len());
        }
        certificates.iter().for_each(|certificate| bytes(&mut protected, certificate));
        Ok(Self { signer, certificates, protected })
    }

    /// The signature over a claim; the claim itself lies elsewhere.
    pub(super) fn sign(&self, claim: &[u8]) -> Result<Vec<u8>> {
        let mut told = Vec::new();
        head(&mut told, ARRAY, 4);
        head(&mut told, TEXT, CONTEXT.len());
        told.extend(CONTEXT);
        bytes(&mut told, &self.protected);
        bytes(&mut told, &[]);
        bytes(&mut told, claim);
        let signature = self.signer.sign(&told)?;
        let signature = match self.signer.algorithm() {
            SigningAlgorithm::Ed25519 => signature.try_into().ok(),
            SigningAlgorithm::Es256 => plain(&signature),
        };
        let signature = signature.ok_or_else(|| {
            failed("marking.signer", "the signer gave no signature of its algorithm: see its docs")
        })?;
        Ok(self.around(&signature))
    }

    /// `COSE_Sign1` with its tag: protected header, no other header, no payload, signature.
    fn around(&self, signature: &[u8; SIGNATURE]) -> Vec<u8> {
        let mut cose = Vec::new();
        head(&mut cose, TAG, 18);
        head(&mut cose, ARRAY, 4);
        bytes(&mut cose, &self.protected);
        head(&mut cose, MAP, 0);
        cose.push(NULL);
        bytes(&mut cose, signature);
        cose
    }
}

/// Stands in the signature's place until [`super::settle`] has the claim that lasts.
impl c2pa::Signer for Cose<'_> {
    fn sign(&self, _: &[u8]) -> c2pa::Result<Vec<u8>> {
        Ok(self.around(&[0; SIGNATURE]))
    }

    fn alg(&self) -> SigningAlg {
        match self.signer.algorithm() {
            SigningAlgorithm::Ed25519 => SigningAlg::Ed25519,
            SigningAlgorithm::Es256 => SigningAlg::Es256,
        }
    }

    fn certs(&self) -> c2pa::Result<Vec<Vec<u8>>> {
        Ok(self.certificates.clone())
    }

    fn reserve_size(&self) -> usize {
        self.around(&[0; SIGNATURE]).len()
    }

    fn direct_cose_handling(&self) -> bool {
        true
    }
}

const CONTEXT: &[u8] = b"Signature1";
/// Major types of CBOR (RFC 8949, 3.1).
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const NULL: u8 = 0xf6;

fn head(cbor: &mut Vec<u8>, major: u8, value: usize) {
    let major = major << 5;
    match value {
        0..24 => cbor.push(major | value as u8),
        24..0x100 => cbor.extend([major | 24, value as u8]),
        0x100..0x1_0000 => {
            cbor.push(major | 25);
            cbor.extend((value as u16).to_be_bytes());
        }
        _ => {
            cbor.push(major | 26);
            cbor.extend((value as u32).to_be_bytes());
        }
    }
}

fn bytes(cbor: &mut Vec<u8>, value: &[u8]) {
    head(cbor, BYTES, value.len());
    cbor.extend_from_slice(value);
}

fn integer(cbor: &mut Vec<u8>, value: i8) {
    let (major, value) = if value < 0 { (1, -1 - value) } else { (0, value) };
    head(cbor, major, value as usize);
}

/// `r` and `s` of 32 bytes each, from themselves or from DER (RFC 3279, 2.2.3).
fn plain(signature: &[u8]) -> Option<[u8; SIGNATURE]> {
    if let Ok(plain) = signature.try_into() {
        return Some(plain);
    }
    let [0x30, length, rest @ ..] = signature else { return None };
    if rest.len() != usize::from(*length) {
        return None;
    }
    let mut plain = [0; SIGNATURE];
    let rest = number(rest, &mut plain[..32])?;
    let rest = number(rest, &mut plain[32..])?;
    rest.is_empty().then_some(plain)
}

/// Takes a number of DER, right aligned; gives what follows it.
fn number<'a>(der: &'a [u8], into: &mut [u8]) -> Option<&'a [u8]> {
    let [0x02, length, rest @ ..] = der else { return None };
    let (number, rest) = rest.split_at_checked(usize::from(*length))?;
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = &number[zeros..];
    let start = into.len().checked_sub(number.len())?;
    into[start..].copy_from_slice(number);
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_in_der_become_plain() {
        let mut expected = [0; 64];
        expected[31] = 5;
        expected[32] = 0x80;
        let mut der = vec![0x30, 38, 2, 1, 5, 2, 33, 0, 0x80];
        der.extend([0; 31]);
        assert_eq!(plain(&der), Some(expected));
        assert_eq!(plain(&expected), Some(expected));
        for length in 0..der.len() {
            assert_eq!(plain(&der[..length]), None);
        }
        assert_eq!(plain(&[0x30, 4, 2, 1, 5, 2]), None);
    }
}
