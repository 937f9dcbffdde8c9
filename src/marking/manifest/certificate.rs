//! A self-made certificate (RFC 5280, RFC 8410), in the profile of C2PA 2.3, "Certificate profiles".
//!
//! It is issued by a second key that signs nothing else, since a certificate that signed itself is
//! refused. It tells nothing: its names are the same for everybody, it begins on a fixed day and
//! never ends, for without a time server a viewer asks whether it is valid at the time of viewing.

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
const SUBJECT_KEY: &[u8] = &[0x55, 0x1d, 0x0e];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 0x23];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const EMAIL_PROTECTION: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x04];

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// The certificate of `subject`, signed by `issuer`, in DER.
pub(super) fn issue(subject: &VerifyingKey, issuer: &SigningKey) -> Vec<u8> {
    let algorithm = der(SEQUENCE, &[&der(OBJECT_IDENTIFIER, &[ED25519])]);
    let version_3 = der(0xa0, &[&der(INTEGER, &[&[2]])]);
    let [subject_id, issuer_id] = [subject, &issuer.verifying_key()].map(key_id);
    // Positive, and never with a zero in front.
    let mut serial = subject_id;
    serial[0] = serial[0] & 0x7f | 0x40;
    let validity = der(
        SEQUENCE,
        &[
            &der(UTC_TIME, &[b"260101000000Z"]),
            // "No well-defined expiration date" (RFC 5280, 4.1.2.5).
            &der(GENERALIZED_TIME, &[b"99991231235959Z"]),
        ],
    );
    let key = der(SEQUENCE, &[&algorithm, &der(BIT_STRING, &[&[0], subject.as_bytes()])]);
    let purposes = der(SEQUENCE, &[&der(OBJECT_IDENTIFIER, &[EMAIL_PROTECTION])]);
    let extensions = der(
        SEQUENCE,
        &[
            // No authority, by default.
            &extension(BASIC_CONSTRAINTS, true, &der(SEQUENCE, &[])),
            // digitalSignature, the first of eight bits.
            &extension(KEY_USAGE, true, &der(BIT_STRING, &[&[7, 0x80]])),
            &extension(EXTENDED_KEY_USAGE, false, &purposes),
            &extension(SUBJECT_KEY, false, &der(OCTET_STRING, &[&subject_id])),
            &extension(AUTHORITY_KEY, false, &der(SEQUENCE, &[&der(0x80, &[&issuer_id])])),
        ],
    );
    let told = der(
        SEQUENCE,
        &[
            &version_3,
            &der(INTEGER, &[&serial]),
            &algorithm,
            &name("Kinora self-made issuer"),
            &validity,
            &name("Kinora"),
            &key,
            &der(0xa3, &[&extensions]),
        ],
    );
    let signature = issuer.sign(&told).to_bytes();
    der(SEQUENCE, &[&told, &algorithm, &der(BIT_STRING, &[&[0], &signature])])
}

/// A key's identifier: 160 bits of its hash (RFC 7093, method 1).
fn key_id(key: &VerifyingKey) -> [u8; 20] {
    let hash = Sha256::digest(key.as_bytes());
    std::array::from_fn(|i| hash[i])
}

fn name(common: &str) -> Vec<u8> {
    let part = |kind: &[u8], value: &str| {
        let pair = [der(OBJECT_IDENTIFIER, &[kind]), der(UTF8_STRING, &[value.as_bytes()])];
        der(SET, &[&der(SEQUENCE, &[&pair[0], &pair[1]])])
    };
    der(
        SEQUENCE,
        &[&part(ORGANIZATION, "Kinora (self-made certificate)"), &part(COMMON_NAME, common)],
    )
}

fn extension(kind: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[0x01, 0x01, 0xff] } else { &[] };
    der(SEQUENCE, &[&der(OBJECT_IDENTIFIER, &[kind]), critical, &der(OCTET_STRING, &[value])])
}

/// One value in DER (ITU-T X.690), of less than 64 KiB.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut bytes = vec![tag];
    match body.len() {
        length @ 0..0x80 => bytes.push(length as u8),
        length @ 0x80..0x100 => bytes.extend([0x81, length as u8]),
        length => {
            bytes.push(0x82);
            bytes.extend((length as u16).to_be_bytes());
        }
    }
    bytes.extend(body);
    bytes
}
