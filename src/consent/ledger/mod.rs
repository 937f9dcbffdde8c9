//! The ledger: an append-only file on the device with one line for each thing that happened to a
//! consent.
//!
//! A line is on the disk before what it says counts. Lines are chained by SHA-256 and their number
//! is kept beside them, so an edit and a cut both show; what a crash left of the last line is
//! dropped, since nothing was done on its account yet. The chain has no key: it shows damage and
//! tampering by whoever does not know it, and no record on a device can do more against the
//! device's own owner.

mod chain;
mod event;
mod export;
mod head;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::refused;
use crate::error::{Detail, Error, Result};
use crate::scratch::FolderLock;
use chain::Hash;
use head::Head;

pub use event::{About, EventKind, LedgerEvent};
pub(super) use export::{json_27560, text};

const LINES: &str = "ledger";
const HEAD: &str = "ledger.head";
/// Bytes of a ledger: hundreds of thousands of lines.
const LIMIT: u64 = 256 << 20;

/// The open ledger, with all its entries.
pub(super) struct Ledger {
    folder: PathBuf,
    events: Vec<LedgerEvent>,
    /// Of the last entry.
    hash: Hash,
    /// Bytes of the file that are read and whole.
    length: u64,
    damaged: bool,
    principal: String,
}

impl Ledger {
    /// Opens the ledger of `folder`, or begins one.
    pub(super) fn open(folder: &Path, now: Timestamp) -> Result<Self> {
        let mut ledger = Self {
            folder: folder.to_path_buf(),
            events: Vec::new(),
            hash: chain::START,
            length: 0,
            damaged: false,
            principal: String::new(),
        };
        let _lock = ledger.lock()?;
        ledger.reload()?;
        if ledger.events.is_empty() && !ledger.damaged {
            ledger.begin(now)?;
        }
        Ok(ledger)
    }

    /// All entries that can be read.
    pub(super) fn events(&self) -> &[LedgerEvent] {
        &self.events
    }

    /// Whether it was cut or edited.
    pub(super) fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Random and the same for this ledger's life.
    pub(super) fn principal(&self) -> &str {
        &self.principal
    }

    /// Keeps other processes off until the guard is dropped.
    pub(super) fn lock(&self) -> Result<FolderLock> {
        FolderLock::take(&self.folder).map_err(unreadable)
    }

    /// Reads what other processes have added. Says from which entry on; 0 where the ledger was
    /// erased or is damaged.
    pub(super) fn refresh(&mut self) -> Result<usize> {
        let length = match fs::metadata(self.folder.join(LINES)) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(unreadable(error)),
        };
        if length == self.length && !self.damaged {
            return Ok(self.events.len());
        }
        let (known, hash) = (self.events.len(), self.hash);
        self.reload()?;
        let same = !self.damaged && known > 0 && self.hash_at(known) == Some(hash);
        Ok(if same { known } else { 0 })
    }

    /// Adds an entry; it is on the disk when this returns. The lock is held.
    pub(super) fn append(&mut self, mut event: LedgerEvent, now: Timestamp) -> Result<()> {
        if self.damaged {
            return Err(damaged());
        }
        event.number = self.events.len() as u64;
        event.time = now;
        let (line, hash) = chain::line(&self.hash, &event).ok_or_else(|| {
            Error::Internal(Detail::new(
                "internal.ledger",
                "an entry could not be written: report it",
            ))
        })?;
        self.write(&line).map_err(|error| {
            let message = "the consent ledger cannot be written, so nothing is sent: free some \
                           space or check the folder's rights";
            Error::Consent(Detail::new("consent.ledger_write", message).because(error))
        })?;
        self.length += line.len() as u64;
        self.hash = hash;
        self.events.push(event);
        let head = Head { count: self.events.len() as u64, hash };
        head.write(&self.folder.join(HEAD)).map_err(unreadable)
    }

    /// Forgets everything and begins anew. The lock is held.
    pub(super) fn erase(&mut self, now: Timestamp) -> Result<()> {
        // The lines first: a head without lines is seen as a cut, and then this is asked again.
        crate::scratch::remove(&self.folder.join(LINES)).map_err(unreadable)?;
        crate::scratch::remove(&self.folder.join(HEAD)).map_err(unreadable)?;
        self.reload()?;
        self.begin(now)
    }

    /// Makes the ledger count as cut, here and after a restart: for a withdrawal that cannot be
    /// entered. Deleting works on a full disk too.
    pub(super) fn spoil(&mut self) {
        _ = crate::scratch::remove(&self.folder.join(HEAD));
        self.damaged = true;
    }

    fn begin(&mut self, now: Timestamp) -> Result<()> {
        // Before the first line: lines without a head are a cut.
        Head::EMPTY.write(&self.folder.join(HEAD)).map_err(unreadable)?;
        let principal = super::random_hex()?;
        let mut opened = LedgerEvent::new(EventKind::Opened, None);
        opened.principal = Some(principal.clone());
        self.append(opened, now)?;
        self.principal = principal;
        Ok(())
    }

    fn reload(&mut self) -> Result<()> {
        let path = self.folder.join(LINES);
        self.events.clear();
        self.hash = chain::START;
        self.length = 0;
        self.damaged = false;
        let bytes = read(&path).map_err(unreadable)?;
        let head = Head::read(&self.folder.join(HEAD)).map_err(unreadable)?;
        let mut hash_at_head = (head.map(|head| head.count) == Some(0)).then_some(chain::START);
        let mut rest = bytes.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let number = self.events.len() as u64;
            let Some((event, hash)) = chain::read(&self.hash, number, &rest[..end]) else {
                self.damaged = true;
                break;
            };
            self.events.push(event);
            self.hash = hash;
            self.length += end as u64 + 1;
            if head.is_some_and(|head| head.count == self.events.len() as u64) {
                hash_at_head = Some(hash);
            }
            rest = &rest[end + 1..];
        }
        self.principal = self.events.first().and_then(|e| e.principal.clone()).unwrap_or_default();
        // One entry more than the head knows is what a crash between the two leaves.
        self.damaged |= match head {
            Some(head) => {
                hash_at_head != Some(head.hash) || self.events.len() as u64 > head.count + 1
            }
            None => !bytes.is_empty(),
        };
        if !self.damaged && !rest.is_empty() {
            // A line that a crash has torn: nothing was done on its account.
            let file = OpenOptions::new().write(true).open(&path).map_err(unreadable)?;
            file.set_len(self.length).and_then(|()| file.sync_data()).map_err(unreadable)?;
        }
        Ok(())
    }

    /// The hash after `count` entries, worked out again.
    fn hash_at(&self, count: usize) -> Option<Hash> {
        let mut hash = chain::START;
        for event in self.events.get(..count)? {
            hash = chain::line(&hash, event)?.1;
        }
        Some(hash)
    }

    fn write(&self, line: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(self.folder.join(LINES))?;
        file.seek(SeekFrom::Start(self.length))?;
        let written = file.write_all(line).and_then(|()| file.sync_data());
        if written.is_err() {
            // Half a line is no entry; a full disk must not spoil what stands before.
            _ = file.set_len(self.length);
        }
        written
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(LIMIT).read_to_end(&mut bytes).map(drop)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(bytes)
}

/// Lays a ledger of any lines into `folder`, chained and counted as if it were whole.
#[cfg(fuzzing)]
pub(super) fn forge(folder: &Path, lines: &[u8]) -> io::Result<()> {
    let (mut bytes, mut head) = (Vec::new(), Head::EMPTY);
    for json in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let (line, hash) = chain::entry(&head.hash, json);
        bytes.extend(line);
        head = Head { count: head.count + 1, hash };
    }
    fs::write(folder.join(LINES), bytes)?;
    crate::scratch::remove(&folder.join(HEAD))?;
    head.write(&folder.join(HEAD))
}

/// The ledger was cut or edited: nobody can say any more what was agreed to.
pub(super) fn damaged() -> Error {
    refused(
        "consent.ledger_damaged",
        "the consent ledger was cut or edited, so no grant counts any more: export what can be \
         read, erase it, and ask again",
    )
}

fn unreadable(error: io::Error) -> Error {
    let message = "the consent ledger cannot be opened: check the rights of the folder";
    Error::Consent(Detail::new("consent.ledger_read", message).because(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(folder: &Path, entries: usize) -> Ledger {
        let mut ledger = Ledger::open(folder, Timestamp::UNIX_EPOCH).unwrap();
        for _ in 0..entries {
            let event = LedgerEvent::new(EventKind::Asked, None);
            ledger.append(event, Timestamp::UNIX_EPOCH).unwrap();
        }
        ledger
    }

    fn reopened(folder: &Path) -> Ledger {
        Ledger::open(folder, Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn entries_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let events = filled(folder.path(), 3).events().to_vec();
        let ledger = reopened(folder.path());
        assert_eq!(ledger.events(), events);
        assert!(!ledger.is_damaged());
        assert_eq!(ledger.principal().len(), 32);
    }

    #[test]
    fn every_cut_shows_but_that_of_a_line_that_never_counted() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path(), 3);
        let path = folder.path().join(LINES);
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(reopened(folder.path()).is_damaged(), "cut at {length}");
        }
        // As after a crash in the middle of a fifth line, or before its head was written.
        let torn = [&whole[..], b"0123 {\"numb"].concat();
        fs::write(&path, torn).unwrap();
        let ledger = reopened(folder.path());
        assert!(!ledger.is_damaged());
        assert_eq!((ledger.events().len(), fs::read(&path).unwrap()), (4, whole));
    }

    #[test]
    fn a_crash_between_line_and_head_is_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path(), 2);
        let before = fs::read(folder.path().join(HEAD)).unwrap();
        filled(folder.path(), 1);
        fs::write(folder.path().join(HEAD), before).unwrap();
        let mut ledger = reopened(folder.path());
        assert!(!ledger.is_damaged());
        let event = LedgerEvent::new(EventKind::Asked, None);
        ledger.append(event, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(reopened(folder.path()).events().len(), 5);
    }

    #[test]
    fn edits_show() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path(), 3);
        let path = folder.path().join(LINES);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            fs::write(&path, bytes).unwrap();
            assert!(reopened(folder.path()).is_damaged(), "flipped at {at}");
        }
        // Lines in another order, and one left out.
        let lines: Vec<_> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        for order in [&[0, 2, 1, 3][..], &[0, 1, 3], &[1, 2, 3]] {
            let bytes: Vec<u8> = order.iter().flat_map(|i| lines[*i].iter().copied()).collect();
            fs::write(&path, bytes).unwrap();
            assert!(reopened(folder.path()).is_damaged(), "{order:?}");
        }
    }

    #[test]
    fn a_damaged_ledger_takes_nothing_until_it_is_erased() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path(), 2);
        fs::write(folder.path().join(LINES), "").unwrap();
        let mut ledger = reopened(folder.path());
        let event = || LedgerEvent::new(EventKind::Asked, None);
        let error = ledger.append(event(), Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(error.code(), "consent.ledger_damaged");
        ledger.erase(Timestamp::UNIX_EPOCH).unwrap();
        ledger.append(event(), Timestamp::UNIX_EPOCH).unwrap();
        assert!(!reopened(folder.path()).is_damaged());
    }

    #[test]
    fn another_holder_sees_what_was_added() {
        let folder = tempfile::tempdir().unwrap();
        let (mut one, mut two) = (filled(folder.path(), 1), reopened(folder.path()));
        one.append(LedgerEvent::new(EventKind::Asked, None), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(two.refresh().unwrap(), 2);
        assert_eq!(two.events().len(), 3);
        one.erase(Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(two.refresh().unwrap(), 0);
        assert_eq!(two.events().len(), 1);
    }
}
