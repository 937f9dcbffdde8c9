//! Whether a photo's file says that a model made the picture: the only thing that is kept of it.

use memchr::memmem;

const TERM: &[u8] = b"rainedAlgorithmicMedia";

/// What a photo's file says of where the picture comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PhotoMarks {
    /// It names one of IPTC's terms for pictures that a model had a part in.
    pub generated: bool,
    /// It carries a C2PA manifest, whatever that says.
    pub manifest: bool,
}

impl PhotoMarks {
    /// Whether there are any.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Looks for the words themselves, in whatever part of the file they stand: a mark that is found
    /// too often does no harm, one that is lost does.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        // `trainedAlgorithmicMedia` and `compositeWithTrainedAlgorithmicMedia`; in UTF-16 of either
        // order there are the same letters with a zero between them.
        let wide = TERM.iter().flat_map(|letter| [*letter, 0]).take(2 * TERM.len() - 1);
        let wide: Vec<u8> = wide.collect();
        let generated = [TERM, &wide].iter().any(|term| memmem::find(bytes, term).is_some());
        // The description box of a manifest store (C2PA 2.3, "Manifest store").
        let manifest = memmem::find(bytes, b"jumdc2pa").is_some();
        Self { generated, manifest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_marks_are_seen() {
        let plain = PhotoMarks::of(b"\xff\xd8 a photo");
        assert!(plain.is_empty());
        let xmp = PhotoMarks::of(b"digitalsourcetype/compositeWithTrainedAlgorithmicMedia</");
        assert!(xmp.generated && !xmp.manifest);
        let wide = |bytes: fn(u16) -> [u8; 2]| {
            let text = "/trainedAlgorithmicMedia</";
            PhotoMarks::of(&text.encode_utf16().flat_map(bytes).collect::<Vec<_>>())
        };
        assert!(wide(u16::to_le_bytes).generated && wide(u16::to_be_bytes).generated);
        let manifest = PhotoMarks::of(b"\0\0\0\x1ejumdc2pa\0\x11");
        assert!(manifest.manifest && !manifest.generated);
    }
}
