//! A bounded reader of boxes (ISO/IEC 14496-12, 4.2): it borrows from the file, allocates nothing
//! and never recurses, so that no size a file claims can cost more than the file itself.

use super::error::{MovieError, Result};

/// Takes numbers, most significant byte first, from the front of a slice and never past its end.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(MovieError::Damaged)?;
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk().ok_or(MovieError::Damaged)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// The version of a full box; its flags are dropped.
    pub(crate) fn version(&mut self) -> Result<u8> {
        let [version, ..] = self.array::<4>()?;
        // Later versions lay their fields out in ways that are not known yet.
        if version > 1 { Err(MovieError::Damaged) } else { Ok(version) }
    }

    /// A time or a duration: 32 bits in version 0 of a box, 64 in version 1.
    pub(crate) fn time(&mut self, version: u8) -> Result<u64> {
        if version == 0 { self.u32().map(u64::from) } else { self.u64() }
    }

    /// The rows of a table that begins with their number.
    pub(crate) fn rows<const N: usize>(&mut self) -> Result<&'a [[u8; N]]> {
        let count = self.u32()? as usize;
        let bytes = count.checked_mul(N).ok_or(MovieError::Damaged)?;
        Ok(self.take(bytes)?.as_chunks().0)
    }
}

/// One box.
#[derive(Clone, Copy)]
pub(crate) struct Atom<'a> {
    pub(crate) name: [u8; 4],
    /// What follows the header.
    pub(crate) body: &'a [u8],
    /// Where the body begins, in bytes from the start of what is walked.
    pub(crate) start: usize,
}

/// Walks over boxes that follow one another.
pub(crate) struct Atoms<'a> {
    rest: Bytes<'a>,
    at: usize,
    of_file: bool,
}

impl<'a> Atoms<'a> {
    /// The boxes of a whole file, the last of which may reach to its end without saying how far.
    pub(crate) fn of_file(bytes: &'a [u8]) -> Self {
        Self { rest: Bytes(bytes), at: 0, of_file: true }
    }

    /// The boxes inside another.
    pub(crate) fn inside(body: &'a [u8]) -> Self {
        Self { rest: Bytes(body), at: 0, of_file: false }
    }

    fn read(&mut self) -> Result<Atom<'a>> {
        let before = self.rest.0.len();
        let short = self.rest.u32()?;
        let name = self.rest.array()?;
        let size = match short {
            0 if self.of_file => before,
            1 => usize::try_from(self.rest.u64()?).map_err(|_| MovieError::Damaged)?,
            size => size as usize,
        };
        let header = before - self.rest.0.len();
        let body = self.rest.take(size.checked_sub(header).ok_or(MovieError::Damaged)?)?;
        let start = self.at + header;
        self.at += size;
        Ok(Atom { name, body, start })
    }
}

impl<'a> Iterator for Atoms<'a> {
    type Item = Result<Atom<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        // QuickTime closes some lists with four zero bytes.
        let closed = !self.of_file && self.rest.0.len() < 8;
        if closed || self.rest.0.is_empty() {
            return None;
        }
        let atom = self.read();
        if atom.is_err() {
            self.rest = Bytes(&[]);
        }
        Some(atom)
    }
}

/// The body of the only box of this name inside `body`.
///
/// Two of them are refused: readers differ on which one counts.
pub(crate) fn only<'a>(body: &'a [u8], name: &[u8; 4]) -> Result<Option<&'a [u8]>> {
    let mut found = None;
    for atom in Atoms::inside(body) {
        let atom = atom?;
        if atom.name == *name && found.replace(atom.body).is_some() {
            return Err(MovieError::Damaged);
        }
    }
    Ok(found)
}

/// Like [`only`], for a box that a file must have.
pub(crate) fn needed<'a>(body: &'a [u8], name: &[u8; 4]) -> Result<&'a [u8]> {
    only(body, name)?.ok_or(MovieError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_all_three_kinds_are_understood() {
        let bytes = b"\0\0\0\x09abcdX\0\0\0\x01efgh\0\0\0\0\0\0\0\x11Y\0\0\0\0ijklZZ";
        let found: Vec<_> = Atoms::of_file(bytes).map(|atom| atom.unwrap()).collect();
        let seen: Vec<_> = found.iter().map(|atom| (&atom.name, atom.body, atom.start)).collect();
        assert_eq!(
            seen,
            [(b"abcd", &b"X"[..], 8), (b"efgh", &b"Y"[..], 25), (b"ijkl", &b"ZZ"[..], 34)]
        );
    }

    #[test]
    fn sizes_that_lie_are_refused() {
        let boxes: [&[u8]; 4] = [
            b"\0\0\0\x07abcdX",
            b"\0\0\0\x0aabcdX",
            b"\0\0\0\x01abcd\0\0\0\0\0\0\0\x0f",
            b"\0\0\0\x01abcd\xff\xff\xff\xff\xff\xff\xff\xff",
        ];
        for bytes in boxes {
            let mut atoms = Atoms::inside(bytes);
            assert!(matches!(atoms.next(), Some(Err(MovieError::Damaged))));
            assert!(atoms.next().is_none());
        }
        assert!(matches!(only(b"\0\0\0\0abcdX", b"abcd"), Err(MovieError::Damaged)));
        assert!(matches!(Bytes(b"\xff\xff\xff\xff").rows::<20>(), Err(MovieError::Damaged)));
    }

    #[test]
    fn twins_are_refused_and_a_closing_zero_is_not() {
        let twins = b"\0\0\0\x08abcd\0\0\0\x08abcd";
        assert!(matches!(only(twins, b"abcd"), Err(MovieError::Damaged)));
        assert!(matches!(only(b"\0\0\0\x08abcd\0\0\0\0", b"abcd"), Ok(Some(&[]))));
    }
}
