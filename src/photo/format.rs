//! Which format bytes hold: judged by the bytes themselves, never by a file's name.

use crate::error::{Detail, Error, Result};

/// A picture format that Kinora reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Bmp,
    Gif,
    Jpeg,
    Png,
    Tiff,
    WebP,
}

impl Format {
    /// The format of `bytes`.
    ///
    /// Errors: `photo.empty`, `photo.heic`, `photo.avif`, `photo.unsupported_format`.
    pub(super) fn detect(bytes: &[u8]) -> Result<Self> {
        match bytes {
            [] => Err(Error::Photo(Detail::new(
                "photo.empty",
                "the photo is empty: choose a file with a picture in it",
            ))),
            [0xFF, 0xD8, 0xFF, ..] => Ok(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Ok(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Self::WebP),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Self::Gif),
            [b'B', b'M', ..] => Ok(Self::Bmp),
            // Classic TIFF and BigTIFF, little and big endian.
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Ok(Self::Tiff),
            _ => match brands(bytes) {
                Some(brands) => Err(refused_brands(&brands)),
                None => Err(unsupported("these bytes are none of the formats that Kinora reads")),
            },
        }
    }
}

/// HEIC and AVIF share a container; only the brands tell them apart (docs/adr/0010).
fn refused_brands(brands: &[[u8; 4]]) -> Error {
    let names = |wanted: &[&[u8; 4]]| brands.iter().any(|brand| wanted.contains(&brand));
    if names(&[b"avif", b"avis"]) {
        return Error::Photo(Detail::new(
            "photo.avif",
            "this is an AVIF photo, which Kinora does not read: export it as JPEG or PNG (for \
             instance: avifdec photo.avif photo.png), or hand its pixels over with \
             Photo::from_pixels",
        ));
    }
    if names(&[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"]) {
        return Error::Photo(Detail::new(
            "photo.heic",
            "this is a HEIC photo, which Kinora does not read: export it as JPEG or PNG (on an \
             iPhone: Settings, Camera, Formats, Most Compatible; or share it by mail; \
             elsewhere: heif-convert photo.heic photo.jpg), or hand its pixels over with \
             Photo::from_pixels",
        ));
    }
    unsupported("this is a film or another kind of media file")
}

/// `photo.unsupported_format`, with the formats that would do.
pub(super) fn unsupported(what: &str) -> Error {
    Error::Photo(Detail::new(
        "photo.unsupported_format",
        format!("{what}: save the photo as JPEG, PNG, WebP, GIF, BMP or TIFF"),
    ))
}

/// The major and compatible brands of an ISO base media file (ISO/IEC 14496-12, 4.3).
fn brands(bytes: &[u8]) -> Option<Vec<[u8; 4]>> {
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    let rest = rest.strip_prefix(b"ftyp")?;
    let body = (u32::from_be_bytes(*size) as usize).saturating_sub(8).min(rest.len()).min(256);
    let mut fields = rest[..body].as_chunks::<4>().0.iter().copied();
    let major = fields.next()?;
    let _minor_version = fields.next();
    Some(std::iter::once(major).chain(fields).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ftyp(brands: &[&[u8; 4]]) -> Vec<u8> {
        let mut file = ((8 + 4 + 4 * brands.len()) as u32).to_be_bytes().to_vec();
        file.extend(b"ftyp");
        file.extend(brands[0]);
        file.extend([0; 4]);
        brands[1..].iter().for_each(|brand| file.extend(*brand));
        file
    }

    #[test]
    fn the_brands_tell_avif_from_heic() {
        assert_eq!(Format::detect(&ftyp(&[b"mif1", b"avif"])).unwrap_err().code(), "photo.avif");
        assert_eq!(Format::detect(&ftyp(&[b"heic", b"mif1"])).unwrap_err().code(), "photo.heic");
        assert_eq!(
            Format::detect(&ftyp(&[b"isom", b"mp42"])).unwrap_err().code(),
            "photo.unsupported_format"
        );
    }

    #[test]
    fn short_bytes_are_no_format() {
        assert_eq!(Format::detect(&[]).unwrap_err().code(), "photo.empty");
        for bytes in [&b"\xFF\xD8"[..], b"GIF8", b"\0\0\0\x18ftyp", b"RIFF", b"P6 1 1 255"] {
            assert_eq!(Format::detect(bytes).unwrap_err().code(), "photo.unsupported_format");
        }
    }
}
