//! A track's sample table (ISO/IEC 14496-12, 8.6 and 8.7), walked in place.
//!
//! The compact tables can claim billions of samples in a few bytes, so nothing is unfolded.

use std::ops::Range;

use super::boxes::{Bytes, needed, only};
use super::error::{MovieError, Result};

/// One coded picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Where its bytes begin in the file.
    pub(crate) start: u64,
    /// Bytes.
    pub(crate) size: u32,
    /// When it is decoded, in ticks of the track.
    pub(crate) decoded: u64,
    /// Ticks until the next one is decoded.
    pub(crate) lasts: u32,
    /// Ticks from decoding to showing, as the file's table holds them.
    pub(crate) offset: u32,
    /// When it is shown, in ticks of the track.
    pub(crate) shown: i64,
    /// Whether the file calls it a place to start from.
    pub(crate) key: bool,
}

impl Sample {
    /// Its bytes in the file.
    pub(crate) fn of<'a>(&self, file: &'a [u8]) -> Result<&'a [u8]> {
        let start = usize::try_from(self.start).map_err(|_| MovieError::Damaged)?;
        let end = start.checked_add(self.size as usize).ok_or(MovieError::Damaged)?;
        file.get(start..end).ok_or(MovieError::Damaged)
    }
}

/// A track's samples, in the order in which they are decoded.
#[derive(Clone)]
pub(crate) struct Samples<'a> {
    left: u32,
    number: u32,
    decoded: u64,
    sizes: Sizes<'a>,
    durations: Runs<'a>,
    offsets: Option<Runs<'a>>,
    signed: bool,
    keys: Option<&'a [[u8; 4]]>,
    places: Places<'a>,
}

impl<'a> Samples<'a> {
    /// Reads `stbl`.
    pub(crate) fn open(table: &'a [u8]) -> Result<Self> {
        let (count, sizes) = sizes(needed(table, b"stsz")?)?;
        let (_, durations) = full(needed(table, b"stts")?)?;
        let offsets = only(table, b"ctts")?.map(full).transpose()?;
        let keys = only(table, b"stss")?.map(full).transpose()?;
        Ok(Self {
            left: count,
            number: 0,
            decoded: 0,
            sizes,
            durations: Runs::new(durations),
            signed: offsets.is_some_and(|(version, _)| version == 1),
            offsets: offsets.map(|(_, rows)| Runs::new(rows)),
            keys: keys.map(|(_, rows)| rows),
            places: Places::open(table)?,
        })
    }

    /// Whether the file says which samples can be started from; if not, all of them can.
    pub(crate) fn names_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// Whether offsets are given at all, and whether their table is of the signed kind.
    pub(crate) fn offsets(&self) -> Option<bool> {
        self.offsets.is_some().then_some(self.signed)
    }

    /// Checks that all tables agree and that each sample lies in one of the ranges of `media`,
    /// which are in order, and that the samples together are no larger than those.
    pub(crate) fn check(&self, media: &[Range<u32>]) -> Result<()> {
        let mut room: u64 = media.iter().map(|range| u64::from(range.end - range.start)).sum();
        let mut walk = self.clone();
        for sample in walk.by_ref() {
            let sample = sample?;
            let size = u64::from(sample.size);
            // Overlaps could blow a small file up to any size, so they have to fit too.
            room = room.checked_sub(size).ok_or(MovieError::Damaged)?;
            if size == 0 {
                continue;
            }
            let after = media.partition_point(|range| u64::from(range.start) <= sample.start);
            let range = after.checked_sub(1).and_then(|i| media.get(i));
            let end = range.map_or(0, |range| u64::from(range.end));
            if sample.start >= end || size > end - sample.start {
                return Err(MovieError::Damaged);
            }
        }
        let keys_spent = walk.keys.is_none_or(<[_]>::is_empty);
        let offsets_spent = walk.offsets.as_mut().is_none_or(Runs::is_spent);
        let spent = keys_spent && offsets_spent && walk.durations.is_spent();
        if spent && walk.places.is_spent() { Ok(()) } else { Err(MovieError::Damaged) }
    }

    fn read(&mut self) -> Result<Sample> {
        self.left -= 1;
        self.number += 1;
        let size = self.sizes.next().ok_or(MovieError::Damaged)?;
        let lasts = self.durations.next().ok_or(MovieError::Damaged)?;
        let offset = match &mut self.offsets {
            Some(runs) => runs.next().ok_or(MovieError::Damaged)?,
            None => 0,
        };
        // Version 0 is unsigned by the letter, yet QuickTime has always put signed offsets there.
        let ahead = i64::from(offset.cast_signed());
        let decoded = self.decoded;
        // Below 2^32 samples of below 2^32 ticks, this can never overflow.
        self.decoded += u64::from(lasts);
        let key = self.is_key();
        Ok(Sample {
            start: self.places.next(size)?,
            size,
            decoded,
            lasts,
            offset,
            shown: decoded.cast_signed().saturating_add(ahead),
            key,
        })
    }

    fn is_key(&mut self) -> bool {
        let Some(keys) = &mut self.keys else { return true };
        match keys.split_first() {
            Some((first, rest)) if u32::from_be_bytes(*first) == self.number => {
                *keys = rest;
                true
            }
            _ => false,
        }
    }
}

impl Iterator for Samples<'_> {
    type Item = Result<Sample>;

    fn next(&mut self) -> Option<Self::Item> {
        (self.left > 0).then(|| self.read())
    }
}

#[derive(Clone)]
enum Sizes<'a> {
    Same(u32),
    Each(std::slice::Iter<'a, [u8; 4]>),
}

impl Sizes<'_> {
    fn next(&mut self) -> Option<u32> {
        match self {
            Self::Same(size) => Some(*size),
            Self::Each(rows) => rows.next().map(|row| u32::from_be_bytes(*row)),
        }
    }
}

fn sizes(body: &[u8]) -> Result<(u32, Sizes<'_>)> {
    let mut bytes = Bytes(body);
    bytes.version()?;
    let same = bytes.u32()?;
    if same != 0 {
        return Ok((bytes.u32()?, Sizes::Same(same)));
    }
    let rows = bytes.rows()?;
    // The number of rows was read from 32 bits.
    Ok((rows.len() as u32, Sizes::Each(rows.iter())))
}

fn full<const N: usize>(body: &[u8]) -> Result<(u8, &[[u8; N]])> {
    let mut bytes = Bytes(body);
    Ok((bytes.version()?, bytes.rows()?))
}

/// Rows of a number of samples and the value that they share.
#[derive(Clone)]
struct Runs<'a> {
    rows: std::slice::Iter<'a, [u8; 8]>,
    left: u32,
    value: u32,
}

impl<'a> Runs<'a> {
    fn new(rows: &'a [[u8; 8]]) -> Self {
        Self { rows: rows.iter(), left: 0, value: 0 }
    }

    fn next(&mut self) -> Option<u32> {
        while self.left == 0 {
            let [a, b, c, d, value @ ..] = *self.rows.next()?;
            (self.left, self.value) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes(value));
        }
        self.left -= 1;
        Some(self.value)
    }

    fn is_spent(&mut self) -> bool {
        self.next().is_none()
    }
}

/// Where samples lie: they follow one another in chunks.
#[derive(Clone)]
struct Places<'a> {
    /// Rows of the first chunk, the samples in each from there on, and their description.
    runs: &'a [[u8; 12]],
    chunks: Chunks<'a>,
    /// How many chunks were begun.
    begun: u32,
    in_each: u32,
    left: u32,
    at: u64,
}

#[derive(Clone)]
enum Chunks<'a> {
    Short(std::slice::Iter<'a, [u8; 4]>),
    Long(std::slice::Iter<'a, [u8; 8]>),
}

impl Chunks<'_> {
    fn next(&mut self) -> Option<u64> {
        match self {
            Self::Short(rows) => rows.next().map(|row| u32::from_be_bytes(*row).into()),
            Self::Long(rows) => rows.next().map(|row| u64::from_be_bytes(*row)),
        }
    }
}

impl<'a> Places<'a> {
    fn open(table: &'a [u8]) -> Result<Self> {
        let (_, runs) = full(needed(table, b"stsc")?)?;
        let chunks = match (only(table, b"stco")?, only(table, b"co64")?) {
            (Some(short), None) => Chunks::Short(full(short)?.1.iter()),
            (None, Some(long)) => Chunks::Long(full(long)?.1.iter()),
            _ => return Err(MovieError::Damaged),
        };
        Ok(Self { runs, chunks, begun: 0, in_each: 0, left: 0, at: 0 })
    }

    fn next(&mut self, size: u32) -> Result<u64> {
        if self.left == 0 {
            self.at = self.chunks.next().ok_or(MovieError::Damaged)?;
            self.begun += 1;
            if let Some((row, rest)) = self.runs.split_first() {
                let mut row = Bytes(row);
                let (first, in_each, description) = (row.u32()?, row.u32()?, row.u32()?);
                if first == self.begun {
                    // The track has one description: a second one was refused before.
                    let sound = in_each > 0 && description == 1;
                    self.in_each = if sound { in_each } else { return Err(MovieError::Damaged) };
                    self.runs = rest;
                }
            }
            self.left = self.in_each;
        }
        self.left = self.left.checked_sub(1).ok_or(MovieError::Damaged)?;
        let place = self.at;
        self.at = place.checked_add(size.into()).ok_or(MovieError::Damaged)?;
        Ok(place)
    }

    fn is_spent(&mut self) -> bool {
        self.left == 0 && self.runs.is_empty() && self.chunks.next().is_none()
    }
}
