//! Lines that hold each other: each carries the hash of itself and of all before it.

use sha2::{Digest, Sha256};

use super::event::LedgerEvent;
use crate::digest::hex;

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// What the first line follows.
pub(super) const START: Hash = [0; 32];

/// Bytes of a line's hash in hexadecimal.
const HEX: usize = 64;

/// `hash json\n`, and the hash.
pub(super) fn line(before: &Hash, event: &LedgerEvent) -> Option<(Vec<u8>, Hash)> {
    Some(entry(before, &serde_json::to_vec(event).ok()?))
}

/// The same for the event's text.
pub(super) fn entry(before: &Hash, json: &[u8]) -> (Vec<u8>, Hash) {
    let hash = link(before, json);
    let mut out = hex(&hash).into_bytes();
    out.push(b' ');
    out.extend(json);
    out.push(b'\n');
    (out, hash)
}

/// The event of a line without its end, if the line follows `before` and is entry `number`.
pub(super) fn read(before: &Hash, number: u64, line: &[u8]) -> Option<(LedgerEvent, Hash)> {
    let (own, json) = line.split_at_checked(HEX)?;
    let json = json.strip_prefix(b" ")?;
    let hash = link(before, json);
    if own != hex(&hash).as_bytes() {
        return None;
    }
    let event: LedgerEvent = serde_json::from_slice(json).ok()?;
    (event.number == number).then_some((event, hash))
}

fn link(before: &Hash, json: &[u8]) -> Hash {
    Sha256::new().chain_update(before).chain_update(json).finalize().into()
}
