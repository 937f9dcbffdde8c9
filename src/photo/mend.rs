//! Small faults of headers that other programs look past and `image`'s decoders do not.

use std::borrow::Cow;

use super::orientation::Orientation;

/// A BMP file as the decoder takes it, and the turn that its picture then needs.
///
/// Mended: a wrong number of planes, run lengths from the top down, the long OS/2 header.
pub(super) fn bmp(bytes: &[u8]) -> (Cow<'_, [u8]>, Orientation) {
    const OS2_LONG: u32 = 64;
    const INFO: u32 = 40;
    let (mut bytes, mut turn) = (Cow::Borrowed(bytes), Orientation::Upright);
    let u32_at = |bytes: &[u8], at: usize| {
        bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .map_or(0, |raw| u32::from_le_bytes(*raw))
    };
    let size = u32_at(&bytes, 14);
    if size < INFO || bytes.len() < 14 + size as usize {
        return (bytes, turn);
    }
    if bytes[26..28] != [1, 0] {
        bytes.to_mut()[26..28].copy_from_slice(&[1, 0]);
    }
    let run_lengths = matches!(u32_at(&bytes, 30), 1 | 2);
    let height = u32_at(&bytes, 22) as i32;
    if run_lengths && height < 0 {
        bytes.to_mut()[22..26].copy_from_slice(&height.unsigned_abs().to_le_bytes());
        turn = Orientation::FlipVertical;
    }
    // Other compressions mean something else in OS/2.
    if size == OS2_LONG && (run_lengths || u32_at(&bytes, 30) == 0) {
        let data = u32_at(&bytes, 10).saturating_sub(OS2_LONG - INFO);
        let bytes = bytes.to_mut();
        bytes.drain(14 + INFO as usize..14 + OS2_LONG as usize);
        bytes[10..14].copy_from_slice(&data.to_le_bytes());
        bytes[14..18].copy_from_slice(&INFO.to_le_bytes());
    }
    (bytes, turn)
}

/// A PNG file with an end: one whose last chunk is cut short is ended before that chunk.
pub(super) fn png(bytes: &[u8]) -> Cow<'_, [u8]> {
    const END: [u8; 12] = *b"\0\0\0\0IEND\xAE\x42\x60\x82";
    let mut at = 8;
    // A chunk is its length, its name, its data and a checksum.
    while let Some(length) = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        let next = (u32::from_be_bytes(*length) as usize).saturating_add(12).saturating_add(at);
        let name = bytes.get(at + 4..at + 8);
        if name == Some(b"IEND") && next <= bytes.len() {
            return Cow::Borrowed(bytes);
        }
        // Half a picture is no picture; only what comes after it may be missing.
        if name == Some(b"IDAT") && next > bytes.len() && at + 8 < bytes.len() {
            return Cow::Borrowed(bytes);
        }
        if next > bytes.len() {
            break;
        }
        at = next;
    }
    Cow::Owned([&bytes[..at.min(bytes.len())], &END].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png_file() -> Vec<u8> {
        let mut file = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(3, 2).write_to(&mut file, image::ImageFormat::Png).unwrap();
        file.into_inner()
    }

    #[test]
    fn a_png_without_its_end_gets_one() {
        let whole = png_file();
        assert!(matches!(png(&whole), Cow::Borrowed(_)));
        for cut in 1..=12 {
            assert_eq!(*png(&whole[..whole.len() - cut]), *whole, "{cut} bytes cut");
        }
        (0..whole.len()).for_each(|cut| drop(png(&whole[..cut])));
    }

    #[test]
    fn a_bmp_header_is_mended_where_it_is_whole() {
        let mut file = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(3, 2).write_to(&mut file, image::ImageFormat::Bmp).unwrap();
        let mut file = file.into_inner();
        assert!(matches!(bmp(&file), (Cow::Borrowed(_), Orientation::Upright)));
        file[26] = 7;
        assert_eq!(bmp(&file).0[26], 1);
        file[30] = 1;
        file[22..26].copy_from_slice(&(-2i32).to_le_bytes());
        assert_eq!(bmp(&file).1, Orientation::FlipVertical);
        (0..file.len()).for_each(|cut| drop(bmp(&file[..cut])));
    }
}
