//! The one tag that is looked at, and changed, before the decoder sees the file.

use zeroize::Zeroizing;

/// TIFF 6.0, "PhotometricInterpretation", tag 262.
const PHOTOMETRIC: u16 = 262;

/// The interpretations that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Photometric {
    Grey = 1,
    Rgb = 2,
    Palette = 3,
    CieLab = 8,
}

/// Where the first picture's interpretation stands, and what it is.
pub(super) fn photometric(bytes: &[u8]) -> Option<(usize, Photometric)> {
    let file = File { bytes, little: bytes.first() == Some(&b'I') };
    let big = file.u16(2)? == 43;
    let (directory, count_size, entry_size, value_at) =
        if big { (file.u64(8)?, 8, 20, 12) } else { (u64::from(file.u32(4)?), 2, 12, 8) };
    let directory = usize::try_from(directory).ok()?;
    let count = if big { file.u64(directory)? } else { u64::from(file.u16(directory)?) };
    let first = directory.checked_add(count_size)?;
    (0..count.min(4096) as usize).find_map(|index| {
        let entry = first.checked_add(index * entry_size)?;
        if file.u16(entry)? != PHOTOMETRIC {
            return None;
        }
        let at = entry + value_at;
        let value = match file.u16(at)? {
            1 => Photometric::Grey,
            2 => Photometric::Rgb,
            3 => Photometric::Palette,
            8 => Photometric::CieLab,
            _ => return None,
        };
        Some((at, value))
    })
}

/// A copy of the file that claims another interpretation.
pub(super) fn with_photometric(
    bytes: &[u8],
    at: usize,
    photometric: Photometric,
) -> Zeroizing<Vec<u8>> {
    let mut copy = Zeroizing::new(bytes.to_vec());
    let value = photometric as u16;
    let value = if bytes[0] == b'I' { value.to_le_bytes() } else { value.to_be_bytes() };
    copy[at..at + 2].copy_from_slice(&value);
    copy
}

/// Numbers of a file in its own byte order.
struct File<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl File<'_> {
    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let mut array: [u8; N] = *self.bytes.get(at..)?.first_chunk()?;
        if !self.little {
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
    fn the_tag_is_found_and_changed_in_both_byte_orders() {
        let little = b"II\x2A\0\x08\0\0\0\x01\0\x06\x01\x03\0\x01\0\0\0\x03\0\0\0";
        let big = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x06\0\x03\0\0\0\x01\0\x03\0\0";
        for file in [little, big] {
            let (at, value) = photometric(file).unwrap();
            assert_eq!(value, Photometric::Palette);
            let changed = with_photometric(file, at, Photometric::Grey);
            assert_eq!(photometric(&changed).unwrap().1, Photometric::Grey);
        }
    }

    #[test]
    fn cut_and_wild_headers_have_none() {
        let file = b"II\x2A\0\x08\0\0\0\xFF\xFF\x06\x01\x03\0\x01\0\0\0\x03\0\0\0";
        for cut in 0..19 {
            assert_eq!(photometric(&file[..cut]), None);
        }
        assert_eq!(photometric(b"II\x2B\0\x08\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), None);
    }
}
