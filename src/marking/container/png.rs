//! PNG: packets lie in a chunk `iTXt` with the keyword `XML:com.adobe.xmp` (XMP Part 3, 1.1.5),
//! manifests in the chunk `caBX` (C2PA, A.3.3).

use super::{Edit, Input, Scan, Stop, Walk};
use crate::marking::xmp::LARGEST_PACKET;

/// The keyword, then: not packed, by no method, in no language, not translated.
const HEAD: &[u8; 22] = b"XML:com.adobe.xmp\0\0\0\0\0";
const KEYWORD: usize = 18;
const FIRST_CHUNK: u64 = 8;

pub(super) fn scan(input: &mut Input<'_>, scan: &mut Scan) -> Walk {
    let mut at = FIRST_CHUNK;
    loop {
        let size = u64::from(input.be32(at)?);
        let name = input.array::<4>(at + 4)?;
        let body = at + 8;
        let end = input.end(body, size + 4)?;
        match &name {
            b"IHDR" => scan.place = Some(end),
            b"iTXt"
                if size >= KEYWORD as u64 && input.bytes(body, KEYWORD)? == &HEAD[..KEYWORD] =>
            {
                text(input, at..end, scan)?;
            }
            b"caBX" => scan.manifests += 1,
            b"IEND" => return Ok(()),
            _ => {}
        }
        at = end;
    }
}

/// Notes the packet of a chunk that has the keyword.
fn text(input: &mut Input<'_>, chunk: std::ops::Range<u64>, scan: &mut Scan) -> Walk {
    let (body, end) = (chunk.start + 8, chunk.end - 4);
    let [packed] = input.array(body + KEYWORD as u64)?;
    // Behind the method stand language and translated keyword, each up to a zero.
    let mut at = body + KEYWORD as u64 + 2;
    for _ in 0..2 {
        loop {
            if at >= end {
                return Err(Stop::Damaged);
            }
            let [letter] = input.array(at)?;
            at += 1;
            if letter == 0 {
                break;
            }
        }
    }
    let length = end - (chunk.start + 4);
    let sound = packed == 0 && length <= 2 * LARGEST_PACKET && {
        let sum = checksum(input.bytes(chunk.start + 4, length as usize)?);
        input.be32(end)? == sum
    };
    scan.note_xmp(chunk, at..end, sound);
    Ok(())
}

pub(super) fn edits(scan: &Scan, place: u64, packet: &[u8]) -> Vec<Edit> {
    let mut edits: Vec<_> = scan.xmp.iter().map(|old| Edit::remove(old.whole.clone())).collect();
    let size = (HEAD.len() + packet.len()) as u32;
    let mut chunk = [&size.to_be_bytes(), &b"iTXt"[..], HEAD, packet].concat();
    let sum = checksum(&chunk[4..]);
    chunk.extend(sum.to_be_bytes());
    edits.push(Edit::insert(place, chunk));
    edits
}

/// CRC-32 (PNG Specification, annex D), bit by bit: packets are short.
fn checksum(bytes: &[u8]) -> u32 {
    let fed = bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    });
    !fed
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checksum_is_that_of_the_specification() {
        assert_eq!(super::checksum(b"123456789"), 0xcbf4_3926);
        assert_eq!(super::checksum(b"IEND"), 0xae42_6082);
    }
}
