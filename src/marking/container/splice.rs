//! Changes to a file's bytes, in place as far as they can be.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use crate::clip::Target;
use crate::error::Result;

/// What is kept in memory of the part of a file that has to move.
const IN_MEMORY: u64 = 1 << 20;

/// `bytes` instead of what lies at `range`, which is of the unchanged file.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::marking) struct Edit {
    pub(super) range: Range<u64>,
    pub(super) bytes: Vec<u8>,
}

impl Edit {
    pub(super) fn insert(at: u64, bytes: Vec<u8>) -> Self {
        Self { range: at..at, bytes }
    }

    pub(super) fn remove(range: Range<u64>) -> Self {
        Self { range, bytes: Vec::new() }
    }

    pub(super) fn patch(at: u64, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self { range: at..at + bytes.len() as u64, bytes }
    }

    fn moves(&self) -> bool {
        self.range.end - self.range.start != self.bytes.len() as u64
    }
}

/// Makes all `edits`, which do not overlap. Only what stands behind the first one that changes the
/// file's length is moved.
pub(in crate::marking) fn splice(file: &mut Target, mut edits: Vec<Edit>) -> Result<()> {
    // What is inserted stands before what is taken away at the same place.
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let first = edits.iter().position(Edit::moves).unwrap_or(edits.len());
    for edit in &edits[..first] {
        file.patch(edit.range.start, &edit.bytes)?;
    }
    let Some(moving) = edits.get(first) else { return Ok(()) };
    let from = moving.range.start;
    let length = file.length()?;
    let mut rest = if length - from <= IN_MEMORY { Target::memory() } else { file.spare()? };
    copy(file, from..length, &mut rest)?;
    file.truncate(from)?;
    let mut at = from;
    for edit in &edits[first..] {
        copy(&mut rest, at - from..edit.range.start - from, file)?;
        file.put(&edit.bytes)?;
        at = edit.range.end;
    }
    copy(&mut rest, at - from..length - from, file)
}

fn copy(source: &mut Target, range: Range<u64>, into: &mut Target) -> Result<()> {
    source.seek(SeekFrom::Start(range.start)).map_err(|error| source.error(error))?;
    let mut left = range.end - range.start;
    let mut part = vec![0; left.min(1 << 16) as usize];
    while left > 0 {
        let length = left.min(part.len() as u64) as usize;
        source.read_exact(&mut part[..length]).map_err(|error| source.error(error))?;
        into.put(&part[..length])?;
        left -= length as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spliced(bytes: &[u8], edits: Vec<Edit>) -> Vec<u8> {
        let mut file = Target::of(bytes.to_vec());
        splice(&mut file, edits).unwrap();
        file.into_bytes()
    }

    #[test]
    fn edits_in_any_order() {
        let edits = || {
            vec![
                Edit::insert(10, b"!".to_vec()),
                Edit::patch(0, *b"AB"),
                Edit::remove(4..6),
                Edit::patch(7, *b"X"),
                Edit::insert(4, b"--".to_vec()),
            ]
        };
        assert_eq!(spliced(b"0123456789", edits()), b"AB23--6X89!");
        let mut turned = edits();
        turned.swap(0, 3);
        assert_eq!(spliced(b"0123456789", turned), b"AB23--6X89!");
        assert_eq!(spliced(b"01", vec![Edit::patch(1, *b"z")]), b"0z");
        assert_eq!(spliced(b"01", vec![Edit::remove(0..2)]), b"");
    }

    #[test]
    fn a_long_file_moves_through_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        let bytes: Vec<u8> = (0..3_000_000u32).map(|i| (i / 7) as u8).collect();
        let mut file = Target::file(&path).unwrap();
        file.put(&bytes).unwrap();
        splice(&mut file, vec![Edit::insert(5, b"new".to_vec()), Edit::patch(2_000_000, *b"Q")])
            .unwrap();
        file.commit().unwrap();
        let mut expected = bytes;
        expected[2_000_000] = b'Q';
        expected.splice(5..5, *b"new");
        assert_eq!(std::fs::read(&path).unwrap(), expected);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
