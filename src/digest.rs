//! SHA-256 of bytes and of files, and bytes as people write them.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// Bytes as hexadecimal digits in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of bytes, hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of everything that `reader` gives, hexadecimal; `then` sees each piece on its way.
pub(crate) fn sha256_of(
    reader: &mut dyn Read,
    then: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<String> {
    const PIECE: usize = 1 << 20;
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        let read = match reader.read(&mut piece) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&piece[..read]);
        then(&piece[..read])?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1.
    const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn bytes_and_readers_give_the_published_digest() {
        assert_eq!(sha256(b"abc"), OF_ABC);
        let mut seen = Vec::new();
        let told = sha256_of(&mut &b"abc"[..], &mut |piece| {
            seen.extend_from_slice(piece);
            Ok(())
        });
        assert_eq!((told.unwrap().as_str(), seen.as_slice()), (OF_ABC, &b"abc"[..]));
    }
}
