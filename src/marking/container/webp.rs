//! WebP: packets lie in the chunk `XMP ` (WebP Container Specification, RFC 9649, 2.7.1.5), which
//! the chunk `VP8X` announces, manifests in the chunk `C2PA`.

use std::io::{Read, Seek, SeekFrom};

use super::{Edit, Input, Scan, Stop, Walk, damaged, failed};
use crate::clip::Target;
use crate::error::Result;

const FIRST_CHUNK: u64 = 12;
/// Bits of the flags in `VP8X`.
const HAS_XMP: u8 = 0x04;
const HAS_ALPHA: u8 = 0x10;

pub(super) fn scan(input: &mut Input<'_>, scan: &mut Scan) -> Walk {
    let size = u32::from_le_bytes(input.array(4)?);
    let end = input.end(8, u64::from(size))?;
    let mut at = FIRST_CHUNK;
    while at < end {
        let [a, b, c, d, size @ ..] = input.array::<8>(at)?;
        let body = at + 8;
        let size = u64::from(u32::from_le_bytes(size));
        let body_end = input.end(body, size).ok().filter(|body_end| *body_end <= end);
        let body_end = body_end.ok_or(Stop::Damaged)?;
        // Some writers leave the last chunk's padding out.
        let next = (body_end + size % 2).min(end);
        match &[a, b, c, d] {
            b"XMP " => scan.note_xmp(at..next, body..body_end, true),
            b"C2PA" => scan.manifests += 1,
            _ => {}
        }
        at = next;
    }
    scan.place = Some(end);
    Ok(())
}

pub(super) fn edits(file: &mut Target, scan: &Scan, end: u64, packet: &[u8]) -> Result<Vec<Edit>> {
    let mut head = [0; 30];
    file.seek(SeekFrom::Start(0))
        .and_then(|_| file.read_exact(&mut head))
        .map_err(|_| damaged())?;
    let removed = scan.xmp.iter().map(|old| old.whole.clone());
    let mut edits: Vec<Edit> = removed.map(Edit::remove).collect();
    let extended = &head[12..16] == b"VP8X";
    if extended {
        edits.push(Edit::patch(20, [head[20] | HAS_XMP]));
    } else {
        let canvas = canvas(&head).ok_or_else(damaged)?;
        edits.push(Edit::insert(FIRST_CHUNK, chunk(b"VP8X", &canvas)));
    }
    let mut xmp = chunk(b"XMP ", packet);
    // The padding that the last chunk lacks, unless that chunk goes.
    let goes = scan.xmp.iter().any(|old| old.whole.end == end);
    if end % 2 == 1 && !goes {
        xmp.insert(0, 0);
    }
    edits.push(Edit::insert(end, xmp));
    let grown: u64 = edits.iter().map(|edit| edit.bytes.len() as u64).sum();
    let replaced: u64 = edits.iter().map(|edit| edit.range.end - edit.range.start).sum();
    let size = u32::try_from(end - 8 + grown - replaced)
        .map_err(|_| failed("marking.too_large", "the file has no room for marks: shorten it"))?;
    edits.push(Edit::patch(4, size.to_le_bytes()));
    Ok(edits)
}

/// The body of `VP8X` for a file that holds nothing but one picture, from that picture's header
/// (RFC 6386, 9.1; RFC 9649, 3.4).
fn canvas(head: &[u8; 30]) -> Option<[u8; 10]> {
    let (width, height, alpha) = match &head[12..16] {
        b"VP8 " if head[23..26] == [0x9d, 0x01, 0x2a] => {
            let side = |at: usize| u32::from(u16::from_le_bytes([head[at], head[at + 1]]) & 0x3fff);
            (side(26).checked_sub(1)?, side(28).checked_sub(1)?, false)
        }
        b"VP8L" if head[20] == 0x2f => {
            let bits = u32::from_le_bytes([head[21], head[22], head[23], head[24]]);
            (bits & 0x3fff, bits >> 14 & 0x3fff, bits >> 28 & 1 == 1)
        }
        _ => return None,
    };
    let flags = HAS_XMP | if alpha { HAS_ALPHA } else { 0 };
    let [w0, w1, w2, _] = width.to_le_bytes();
    let [h0, h1, h2, _] = height.to_le_bytes();
    Some([flags, 0, 0, 0, w0, w1, w2, h0, h1, h2])
}

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = [&name[..], &(body.len() as u32).to_le_bytes(), body].concat();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}
