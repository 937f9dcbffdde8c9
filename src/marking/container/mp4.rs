//! MP4 and QuickTime: packets lie in boxes `uuid` beside the others (XMP Part 3, 1.2.7.1), in
//! QuickTime also in `moov/udta/XMP_`; manifests in boxes `uuid` of their own (C2PA, A.5).

use super::{Edit, Input, Scan, Stop, Walk};
use crate::marking::xmp::LARGEST_PACKET;

const XMP: [u8; 16] = *b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac";
const C2PA: [u8; 16] = *b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81";

/// One box: where it begins, where its body does, and where it ends.
struct Part {
    name: [u8; 4],
    start: u64,
    body: u64,
    end: u64,
    /// Its header says that it reaches to the end of the file.
    open: bool,
}

pub(super) fn scan(input: &mut Input<'_>, scan: &mut Scan) -> Walk {
    let mut at = 0;
    while at < input.length {
        let part = part(input, at, None)?;
        match &part.name {
            b"uuid" if part.end - part.body >= 16 => match input.array::<16>(part.body) {
                Ok(XMP) => scan.note_xmp(at..part.end, part.body + 16..part.end, true),
                Ok(C2PA) => scan.manifests += 1,
                Ok(_) => {}
                Err(stop) => return Err(stop),
            },
            b"moov" => quicktime(input, &part, scan)?,
            _ => {}
        }
        if part.open {
            scan.open_end = Some(part.start);
        }
        at = part.end;
    }
    scan.place = Some(input.length);
    Ok(())
}

/// Packets in `udta` of `moov`.
fn quicktime(input: &mut Input<'_>, movie: &Part, scan: &mut Scan) -> Walk {
    for data in parts(input, movie, *b"udta")? {
        for packet in parts(input, &data, *b"XMP_")? {
            scan.note_xmp(packet.start..packet.end, packet.body..packet.end, true);
        }
    }
    Ok(())
}

/// The first few parts of that name inside another.
fn parts(input: &mut Input<'_>, outer: &Part, name: [u8; 4]) -> Walk<Vec<Part>> {
    let (mut found, mut at) = (Vec::new(), outer.body);
    // QuickTime closes some lists with four zero bytes.
    while at + 8 <= outer.end && found.len() < super::MOST_BLOCKS {
        let part = part(input, at, Some(outer))?;
        at = part.end;
        if part.name == name {
            found.push(part);
        }
    }
    Ok(found)
}

/// The part at `at` of another, or of the file. Only a part of the file may be open: one within
/// another would end elsewhere as soon as something is written behind.
fn part(input: &mut Input<'_>, at: u64, outer: Option<&Part>) -> Walk<Part> {
    let limit = outer.map_or(input.length, |outer| outer.end);
    let [a, b, c, d, name @ ..] = input.array::<8>(at)?;
    let (header, size) = match u32::from_be_bytes([a, b, c, d]) {
        0 if outer.is_none() => (8, limit - at),
        1 => (16, input.array(at + 8).map(u64::from_be_bytes)?),
        size => (8, u64::from(size)),
    };
    let end = at.checked_add(size).filter(|end| *end <= limit && size >= header);
    let end = end.ok_or(Stop::Damaged)?;
    let open = [a, b, c, d] == [0; 4];
    Ok(Part { name, start: at, body: at + header, end, open })
}

/// A box at the end of the file moves no picture, so no index changes. Old packets become boxes
/// that readers skip, of the same size and without their text.
pub(super) fn edits(scan: &Scan, place: u64, packet: &[u8]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for old in &scan.xmp {
        edits.push(Edit::patch(old.whole.start + 4, *b"free"));
        // A longer one was never a packet.
        let body = (old.payload.end - old.payload.start).min(LARGEST_PACKET);
        edits.push(Edit::patch(old.payload.start, vec![0; body as usize]));
    }
    if let Some(start) = scan.open_end {
        // Files of more than 4 GiB are not marked, so it fits.
        edits.push(Edit::patch(start, ((place - start) as u32).to_be_bytes()));
    }
    let size = 8 + XMP.len() + packet.len();
    let header = [&(size as u32).to_be_bytes()[..], b"uuid", &XMP].concat();
    edits.push(Edit::insert(place, [&header, packet].concat()));
    edits
}
