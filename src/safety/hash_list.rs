//! Hashes of known pictures that a host brings, and whether a picture is a copy of one.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::pdq::PdqHash;
use super::picture::Picture;
use crate::error::{Detail, Error, Result};

/// Up to this distance two hashes are of the same picture: the start value of PDQ's README.
pub const MATCH_DISTANCE: u32 = 31;
/// A hash of this quality or less matches nothing: likewise.
pub const DISCARD_QUALITY: u8 = 49;
/// The largest file that is read: eight million hashes.
const LARGEST_FILE: u64 = 512 << 20;

/// PDQ hashes of pictures that must not be animated. Clones share them.
///
/// Kinora has none of its own. A list says nothing of pictures that are not on it, and a hash is
/// no picture: lists of illegal material still belong to those who are entitled to them.
#[derive(Clone)]
pub struct HashList {
    hashes: Arc<[PdqHash]>,
}

impl HashList {
    /// Reads a list: one hash of 64 hexadecimal digits a line. Empty lines and those that begin with
    /// `#` are passed over.
    ///
    /// # Errors
    /// `safety.hash_list` names the first line that is none, and refuses a list without a hash: it
    /// would match nothing and look like a gate.
    pub fn parse(text: &str) -> Result<Self> {
        let mut hashes = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let hash = line.parse::<PdqHash>().map_err(|error| {
                let place = format!("line {} of the hash list cannot be read", number + 1);
                Error::Request(Detail::new("safety.hash_list", place).because(error))
            })?;
            hashes.push(hash);
        }
        hashes.sort_unstable();
        hashes.dedup();
        if hashes.is_empty() {
            let message = "the hash list holds no hash: give one of 64 hexadecimal digits a line";
            return Err(Error::Request(Detail::new("safety.hash_list", message)));
        }
        Ok(Self { hashes: hashes.into() })
    }

    /// Reads a list from a file, at most 512 MiB, as [`HashList::parse`] does.
    ///
    /// # Errors
    /// `safety.hash_list`, also for a file that cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let unreadable = |error: std::io::Error| {
            let message = "the hash list cannot be read: give a text file of at most 512 MiB";
            Error::Request(Detail::new("safety.hash_list", message).because(error))
        };
        let path = path.as_ref();
        if std::fs::metadata(path).map_err(unreadable)?.len() > LARGEST_FILE {
            return Err(unreadable(std::io::ErrorKind::FileTooLarge.into()));
        }
        Self::parse(&std::fs::read_to_string(path).map_err(unreadable)?)
    }

    /// How many different hashes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Never: a list without a hash is an error.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether a picture is a copy of one on the list: at most [`MATCH_DISTANCE`] bits away, unless
    /// its quality is [`DISCARD_QUALITY`] or less.
    #[must_use]
    pub fn matches(&self, picture: &Picture<'_>) -> bool {
        let (hash, quality) = PdqHash::of(picture);
        quality > DISCARD_QUALITY && self.has_near(&hash)
    }

    fn has_near(&self, hash: &PdqHash) -> bool {
        self.hashes.iter().any(|known| known.distance(hash) <= MATCH_DISTANCE)
    }
}

/// Only how many there are.
impl fmt::Debug for HashList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashList({})", self.hashes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "60d32e1f5d9731c4aa9ddf088a5975a675a722775562aa39f160d1c897294733";

    #[test]
    fn a_list_is_read_and_what_is_none_is_named() {
        let list = HashList::parse(&format!("# stand-ins\n\n  {ONE}\r\n{ONE}\n")).unwrap();
        assert_eq!((list.len(), format!("{list:?}").as_str()), (1, "HashList(1)"));
        for (text, said) in [
            (format!("{ONE}\n{ONE}0\n"), "line 2 of"),
            ("not a hash".to_owned(), "line 1 of"),
            ("# nothing\n".to_owned(), "no hash"),
        ] {
            let error = HashList::parse(&text).unwrap_err();
            assert_eq!(error.code(), "safety.hash_list");
            assert!(error.to_string().contains(said), "{error}");
        }
        let missing = HashList::open("/nowhere/at/all").unwrap_err();
        assert_eq!(missing.code(), "safety.hash_list");
    }

    #[test]
    fn thirty_one_bits_match_and_thirty_two_do_not() {
        let list = HashList::parse(ONE).unwrap();
        let flipped = |bits: u32| {
            // The last 32 bits, from the end.
            let tail = u32::from_str_radix(&ONE[56..], 16).unwrap();
            let mask = u32::try_from((1_u64 << bits) - 1).unwrap();
            format!("{}{:08x}", &ONE[..56], tail ^ mask).parse::<PdqHash>().unwrap()
        };
        for (bits, near) in [(0, true), (31, true), (32, false)] {
            let hash = flipped(bits);
            assert_eq!(hash.distance(&ONE.parse().unwrap()), bits);
            assert_eq!(list.has_near(&hash), near, "{bits}");
        }
    }
}
