//! The boxes of a manifest store (JUMBF, ISO/IEC 19566-5), found and never moved.

use std::ops::Range;

/// One superbox: its label, its salt, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Super {
    pub(super) label: String,
    /// Everything but its own header, which is what hashes of it are made of (C2PA 2.3, "Hashing
    /// JUMBF boxes").
    pub(super) content: Range<usize>,
    /// A private field `c2sh` of the description.
    pub(super) salt: Option<Range<usize>>,
    /// Behind the description.
    inside: Range<usize>,
}

/// A box by its name and its body.
type Part = ([u8; 4], Range<usize>);

impl Super {
    /// The superbox that is all of `store`.
    pub(super) fn whole(store: &[u8]) -> Option<Self> {
        Self::read(store, next(store, 0..store.len())?)
    }

    /// The superboxes in it.
    pub(super) fn children(&self, store: &[u8]) -> Option<Vec<Self>> {
        let mut rest = self.inside.clone();
        let mut children = Vec::new();
        while !rest.is_empty() {
            let part = next(store, rest.clone())?;
            rest.start = part.1.end;
            if &part.0 == b"jumb" {
                children.push(Self::read(store, part)?);
            }
        }
        Some(children)
    }

    /// The body of its first box, which is no superbox.
    pub(super) fn body(&self, store: &[u8]) -> Option<Range<usize>> {
        let (name, body) = next(store, self.inside.clone())?;
        (&name != b"jumb").then_some(body)
    }

    fn read(store: &[u8], (name, content): Part) -> Option<Self> {
        const HAS_LABEL: u8 = 0x02;
        const HAS_ID: u8 = 0x04;
        const HAS_HASH: u8 = 0x08;
        const HAS_PRIVATE: u8 = 0x10;
        let (described, description) = next(store, content.clone())?;
        if &name != b"jumb" || &described != b"jumd" {
            return None;
        }
        // The type, then which fields follow.
        let toggles = *store.get(description.start + 16)?;
        let mut at = description.start + 17;
        let mut label = String::new();
        if toggles & HAS_LABEL != 0 {
            let text = store.get(at..description.end)?;
            let length = text.iter().position(|byte| *byte == 0)?;
            label = std::str::from_utf8(&text[..length]).ok()?.to_owned();
            at += length + 1;
        }
        at += if toggles & HAS_ID != 0 { 4 } else { 0 };
        at += if toggles & HAS_HASH != 0 { 32 } else { 0 };
        let salt = match toggles & HAS_PRIVATE {
            0 => None,
            _ => next(store, at..description.end).filter(|(name, _)| name == b"c2sh"),
        };
        let inside = description.end..content.end;
        Some(Self { label, content, salt: salt.map(|(_, salt)| salt), inside })
    }
}

/// The first box in a range.
fn next(store: &[u8], within: Range<usize>) -> Option<Part> {
    let bytes = store.get(within.clone())?;
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    let (name, _) = rest.split_first_chunk::<4>()?;
    let size = u32::from_be_bytes(*size) as usize;
    let end = within.start.checked_add(size).filter(|end| size >= 8 && *end <= within.end)?;
    Some((*name, within.start + 8..end))
}
