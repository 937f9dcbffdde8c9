//! The first directory of a TIFF file, looked at and mended before the decoder sees it.

use zeroize::Zeroizing;

/// Tags of TIFF 6.0 that matter here.
pub(super) const WIDTH: u16 = 256;
pub(super) const HEIGHT: u16 = 257;
pub(super) const PHOTOMETRIC: u16 = 262;
pub(super) const FILL_ORDER: u16 = 266;
pub(super) const PLANAR: u16 = 284;
pub(super) const TILE_WIDTH: u16 = 322;
pub(super) const TILE_HEIGHT: u16 = 323;

/// Values of `PHOTOMETRIC`.
pub(super) const GREY: u32 = 1;
pub(super) const RGB: u32 = 2;
pub(super) const PALETTE: u32 = 3;
pub(super) const CIE_LAB: u32 = 8;

/// A TIFF file whose first directory can be read, and changed in a copy.
pub(super) struct File<'a> {
    original: &'a [u8],
    /// Made with the first change, wiped when it is dropped.
    copy: Option<Zeroizing<Vec<u8>>>,
}

/// Where an entry's single value stands, and whether it has four bytes instead of two.
struct Place {
    at: usize,
    long: bool,
}

impl<'a> File<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { original: bytes, copy: None }
    }

    /// The bytes with all changes.
    pub(super) fn bytes(&self) -> &[u8] {
        self.copy.as_deref().map_or(self.original, Vec::as_slice)
    }

    /// The bytes, to be changed.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        self.copy.get_or_insert_with(|| Zeroizing::new(self.original.to_vec()))
    }

    /// The single value of a tag.
    pub(super) fn value(&self, tag: u16) -> Option<u32> {
        let Place { at, long } = self.place(tag)?;
        if long { self.u32(at) } else { self.u16(at).map(u32::from) }
    }

    /// Gives a tag that is there another value; one that does not fit changes nothing.
    pub(super) fn set(&mut self, tag: u16, value: u32) {
        let Some(Place { at, long }) = self.place(tag) else { return };
        let little = self.little();
        let mut write =
            |bytes: &[u8]| self.bytes_mut()[at..at + bytes.len()].copy_from_slice(bytes);
        match (long, u16::try_from(value)) {
            (true, _) => write(&if little { value.to_le_bytes() } else { value.to_be_bytes() }),
            (false, Ok(v)) => write(&if little { v.to_le_bytes() } else { v.to_be_bytes() }),
            (false, Err(_)) => {}
        }
    }

    /// Ends the list of directories after the first where it would lead back to the first.
    pub(super) fn cut_loop(&mut self) {
        let Some((first, count)) = self.directory() else { return };
        if self.big() {
            return;
        }
        let next = first + 12 * count;
        if self.u32(next).is_some_and(|next| next as usize + 2 == first) {
            self.bytes_mut()[next..next + 4].fill(0);
        }
    }

    fn little(&self) -> bool {
        self.original.first() == Some(&b'I')
    }

    fn big(&self) -> bool {
        self.u16(2) == Some(43)
    }

    /// Where the entries of the first directory begin, and how many they are.
    fn directory(&self) -> Option<(usize, usize)> {
        if self.big() {
            let at = usize::try_from(self.u64(8)?).ok()?;
            return Some((at.checked_add(8)?, usize::try_from(self.u64(at)?).ok()?.min(4096)));
        }
        let at = self.u32(4)? as usize;
        Some((at + 2, usize::from(self.u16(at)?)))
    }

    fn place(&self, tag: u16) -> Option<Place> {
        let (size, value) = if self.big() { (20, 12) } else { (12, 8) };
        let (first, count) = self.directory()?;
        (0..count).find_map(|index| {
            let entry = first.checked_add(index * size)?;
            if self.u16(entry)? != tag {
                return None;
            }
            let long = self.u16(entry + 2)? == 4;
            // The whole value must be there, or it cannot be changed.
            self.u32(entry + value)?;
            Some(Place { at: entry + value, long })
        })
    }

    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let mut array: [u8; N] = *self.bytes().get(at..)?.first_chunk()?;
        if !self.little() {
            array.reverse();
        }
        Some(array)
    }

    fn u16(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_and_changed_in_both_byte_orders() {
        let little = b"II\x2A\0\x08\0\0\0\x01\0\x06\x01\x03\0\x01\0\0\0\x03\0\0\0";
        let big = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x06\0\x03\0\0\0\x01\0\x03\0\0";
        for bytes in [little, big] {
            let mut file = File::new(bytes);
            assert_eq!(file.value(PHOTOMETRIC), Some(PALETTE));
            assert_eq!(file.value(WIDTH), None);
            file.set(PHOTOMETRIC, 70_000);
            assert_eq!(file.value(PHOTOMETRIC), Some(PALETTE));
            file.set(PHOTOMETRIC, GREY);
            assert_eq!(file.value(PHOTOMETRIC), Some(GREY));
        }
    }

    #[test]
    fn cut_and_wild_headers_have_none() {
        let file = b"II\x2A\0\x08\0\0\0\xFF\xFF\x06\x01\x03\0\x01\0\0\0\x03\0\0\0";
        for cut in 0..19 {
            assert_eq!(File::new(&file[..cut]).value(PHOTOMETRIC), None);
        }
        let wild = b"II\x2B\0\x08\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
        let mut wild = File::new(wild);
        assert_eq!(wild.value(PHOTOMETRIC), None);
        wild.cut_loop();
    }
}
