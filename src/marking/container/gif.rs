//! GIF: packets lie in an application extension (XMP Part 3, 1.1.2), as plain text that happens to
//! be read as blocks of data, behind which a ramp of bytes leads every reader to the extension's
//! end; manifests in another one (C2PA, A.3.4).

use super::{Edit, Input, Scan, Stop, Walk};

const XMP: &[u8; 11] = b"XMP DataXMP";
const C2PA: &[u8; 8] = b"C2PA_GIF";
const TRAILER: u64 = 258;

pub(super) fn scan(input: &mut Input<'_>, scan: &mut Scan) -> Walk {
    let [packed] = input.array(10)?;
    let mut at = 13 + colour_table(packed);
    loop {
        let [introducer] = input.array(at)?;
        match introducer {
            0x3b => {
                scan.place = Some(at);
                return Ok(());
            }
            0x2c => {
                let [packed] = input.array(at + 9)?;
                // The code size stands before the data.
                at = blocks_end(input, at + 10 + colour_table(packed) + 1)?;
            }
            0x21 => at = extension(input, at, scan)?,
            _ => return Err(Stop::Damaged),
        }
    }
}

/// Looks at an extension, and says where it ends.
fn extension(input: &mut Input<'_>, at: u64, scan: &mut Scan) -> Walk<u64> {
    let [label, size] = input.array(at + 1)?;
    if (label, size) != (0xff, 11) {
        return blocks_end(input, at + 2);
    }
    let name = input.array::<11>(at + 3)?;
    let data = at + 14;
    let end = blocks_end(input, data)?;
    if &name == XMP {
        let text = end.checked_sub(TRAILER).filter(|text| *text >= data);
        let sound = match text {
            Some(text) => input.bytes(text, TRAILER as usize)? == ramp(),
            None => false,
        };
        scan.note_xmp(at..end, data..text.unwrap_or(data), sound);
    } else if name.starts_with(C2PA) {
        scan.manifests += 1;
    }
    Ok(end)
}

fn colour_table(packed: u8) -> u64 {
    if packed & 0x80 == 0 { 0 } else { 3 << ((packed & 7) + 1) }
}

/// The end of blocks of data that begin at `at`.
fn blocks_end(input: &mut Input<'_>, mut at: u64) -> Walk<u64> {
    loop {
        let [size] = input.array(at)?;
        at += 1 + u64::from(size);
        if size == 0 {
            return Ok(at);
        }
    }
}

/// 1, then 255 down to 0, then 0: wherever a reader lands in it, it lands on the last byte.
fn ramp() -> Vec<u8> {
    [1].into_iter().chain((0..=255).rev()).chain([0]).collect()
}

pub(super) fn edits(scan: &Scan, place: u64, packet: &[u8]) -> Vec<Edit> {
    let mut edits: Vec<_> = scan.xmp.iter().map(|old| Edit::remove(old.whole.clone())).collect();
    // Extensions came with the later version of the format.
    edits.push(Edit::patch(4, *b"9"));
    let extension = [&[0x21, 0xff, 11], &XMP[..], packet, &ramp()].concat();
    edits.push(Edit::insert(place, extension));
    edits
}
