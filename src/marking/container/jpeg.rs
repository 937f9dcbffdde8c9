//! JPEG: packets lie in a segment APP1 (XMP Part 3, 1.1.3), manifests in segments APP11 as JUMBF
//! (C2PA, A.3.1; ISO/IEC 19566-5, annex D).
//!
//! What does not fit one segment lies in further ones as extended XMP. Its main packet holds all
//! that is needed here, and names the extension, which therefore stays.

use super::{Edit, Input, Scan, Stop, Walk, failed};
use crate::error::Result;

const EXTENSION: &[u8; 35] = b"http://ns.adobe.com/xmp/extension/\0";
/// In front of an extension's text: its name, its length and this part's place in it.
const EXTENSION_HEAD: usize = EXTENSION.len() + 32 + 4 + 4;
const XMP: &[u8; 29] = b"http://ns.adobe.com/xap/1.0/\0";
/// The longest body of a segment.
const LONGEST: usize = 65_533;

pub(super) fn scan(input: &mut Input<'_>, scan: &mut Scan) -> Walk {
    let mut at = 2;
    scan.place = Some(at);
    loop {
        let [mark, marker] = input.array(at)?;
        match (mark, marker) {
            // A marker may be preceded by any number of these.
            (0xff, 0xff) => {
                at += 1;
                continue;
            }
            // The pictures begin, or there are none.
            (0xff, 0xda | 0xd9) => return Ok(()),
            (0xff, 0x01 | 0xd0..=0xd8) => {
                at += 2;
                continue;
            }
            (0xff, _) => {}
            _ => return Err(Stop::Damaged),
        }
        let size = u64::from(u16::from_be_bytes(input.array(at + 2)?));
        let body = at + 4;
        let end = input
            .end(at + 2, size)
            .and_then(|end| if size < 2 { Err(Stop::Damaged) } else { Ok(end) })?;
        let length = (end - body) as usize;
        match marker {
            // Behind JFIF and Exif, which their readers want first.
            0xe0 if scan.place == Some(at) => scan.place = Some(end),
            0xe1 if input.bytes(body, length.min(6))? == b"Exif\0\0" && scan.place == Some(at) => {
                scan.place = Some(end);
            }
            0xe1 if length >= XMP.len() && input.bytes(body, XMP.len())? == XMP => {
                scan.note_xmp(at..end, body + XMP.len() as u64..end, true);
            }
            0xe1 if length > EXTENSION_HEAD
                && input.bytes(body, EXTENSION.len())? == EXTENSION
                && scan.extension.len() < super::MOST_BLOCKS =>
            {
                // Writers put the parts in order (XMP Part 3, 1.1.3.1).
                scan.extension.push(body + EXTENSION_HEAD as u64..end);
            }
            0xeb if manifest(input.bytes(body, length.min(64))?) => scan.manifests += 1,
            _ => {}
        }
        at = end;
    }
}

/// Whether a segment is the first of a manifest store: its JUMBF box is described as `c2pa`.
fn manifest(body: &[u8]) -> bool {
    // Identifier, instance, number; then two headers of boxes and the type.
    let first = body.starts_with(b"JP") && body.get(4..8) == Some(&[0, 0, 0, 1]);
    first && body.get(12..16) == Some(b"jumb") && body.get(20..28) == Some(b"jumdc2pa")
}

pub(super) fn edits(scan: &Scan, place: u64, packet: &[u8]) -> Result<Vec<Edit>> {
    let length = XMP.len() + packet.len();
    if length > LONGEST {
        let message = "the file's XMP leaves no room for marks in a JPEG: shorten it";
        return Err(failed("marking.too_large", message));
    }
    let mut edits: Vec<_> = scan.xmp.iter().map(|old| Edit::remove(old.whole.clone())).collect();
    let size = (length as u16 + 2).to_be_bytes();
    edits.push(Edit::insert(place, [&[0xff, 0xe1], &size[..], XMP, packet].concat()));
    Ok(edits)
}
