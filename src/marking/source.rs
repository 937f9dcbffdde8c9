//! The marks that a photo already has.

use std::io::Cursor;

use super::container::Input;
use super::statement::SourceMarks;
use super::xmp::{Xmp, of_file};

/// Looks at the bytes of a photo's file for marks, and at nothing else of its metadata: JPEG, PNG,
/// WebP, GIF and TIFF, or any file of MP4's family.
///
/// Nothing is trusted: memory and time are at most of the order of `bytes`. What cannot be read is
/// no mark; what holds bytes of another format has none.
pub fn source_marks(bytes: &[u8]) -> SourceMarks {
    let mut cursor = Cursor::new(bytes);
    let scan = Input::new(&mut cursor).and_then(|mut input| input.scan());
    let Ok(Some(scan)) = scan else { return SourceMarks::default() };
    let digital_source_type = match of_file(&scan, bytes) {
        Xmp::Intact { digital_source_type } => digital_source_type,
        Xmp::Absent | Xmp::Damaged => None,
    };
    SourceMarks { digital_source_type, c2pa: scan.manifests > 0 }
}
