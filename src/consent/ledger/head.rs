//! How long the ledger is: a cut at its end shows.
//!
//! Two slots of one file are written in turn, each with its own sum. A crash in the middle of one
//! leaves the other, which is one entry behind.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::chain::{Hash, START};

/// Count, hash of the last line, sum over both.
const SLOT: usize = 8 + 32 + 32;
const CONTEXT: &[u8] = b"kinora ledger head 1";

/// How many entries there are, and the hash of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) count: u64,
    pub(super) hash: Hash,
}

impl Head {
    pub(super) const EMPTY: Self = Self { count: 0, hash: START };

    /// The newest whole slot; `None` where there is none.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut bytes = Vec::with_capacity(2 * SLOT);
        match File::open(path) {
            Ok(file) => file.take(2 * SLOT as u64).read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(bytes.chunks(SLOT).filter_map(Self::parse).max_by_key(|head| head.count))
    }

    /// Writes the slot whose turn it is, and waits for the disk.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.seek(SeekFrom::Start(SLOT as u64 * (self.count % 2)))?;
        file.write_all(&self.bytes())?;
        file.sync_data()
    }

    fn bytes(&self) -> [u8; SLOT] {
        let mut out = [0; SLOT];
        out[..8].copy_from_slice(&self.count.to_be_bytes());
        out[8..40].copy_from_slice(&self.hash);
        let sum = Sha256::new().chain_update(CONTEXT).chain_update(&out[..40]).finalize();
        out[40..].copy_from_slice(&sum);
        out
    }

    fn parse(slot: &[u8]) -> Option<Self> {
        let count = u64::from_be_bytes(slot.get(..8)?.try_into().ok()?);
        let head = Self { count, hash: slot.get(8..40)?.try_into().ok()? };
        (head.bytes() == slot).then_some(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_slot_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head");
        assert_eq!(Head::read(&path).unwrap(), None);
        for count in 0..4 {
            Head { count, hash: [count as u8; 32] }.write(&path).unwrap();
        }
        assert_eq!(Head::read(&path).unwrap().unwrap().count, 3);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[SLOT + 9] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(Head::read(&path).unwrap().unwrap().count, 2);
    }
}
