//! TIFF, read only: packets are the value of tag 700 of the first directory (XMP Part 3, 1.1.6),
//! manifests that of tag 52545 (C2PA, A.3.6).

use super::{Input, Scan, Stop, Walk};

const XMP: u16 = 700;
const C2PA: u16 = 52_545;

pub(super) fn scan(input: &mut Input<'_>, scan: &mut Scan) -> Walk {
    let little = input.array::<2>(0)? == *b"II";
    let short = |bytes: [u8; 2]| {
        if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
    };
    let long = |bytes: [u8; 4]| {
        if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
    };
    let directory = u64::from(long(input.array(4)?));
    let count = short(input.array(directory)?);
    for entry in (0..u64::from(count)).map(|number| directory + 2 + 12 * number) {
        match short(input.array(entry)?) {
            XMP => {
                let size = match short(input.array(entry + 2)?) {
                    // Bytes, or bytes without a type.
                    1 | 7 => u64::from(long(input.array(entry + 4)?)),
                    _ => return Err(Stop::Damaged),
                };
                let at =
                    if size > 4 { u64::from(long(input.array(entry + 8)?)) } else { entry + 8 };
                let end = input.end(at, size)?;
                scan.note_xmp(entry..entry + 12, at..end, true);
            }
            C2PA => scan.manifests += 1,
            _ => {}
        }
    }
    Ok(())
}
