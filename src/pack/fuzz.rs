//! What reads a stranger's pack, for `src/fuzzing.rs`.

use std::io::Cursor;

use super::graph::{Weights, placed};
use super::manifest::PackManifest;
use super::members::Span;
use super::{archive, manifest};

/// A pack's manifest, a graph of one, and one as a single file; the first byte chooses.
pub fn pack(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which % 3 {
        0 => {
            if let Ok(manifest) = PackManifest::parse(bytes) {
                assert!(manifest::is_id(&manifest.id));
                assert!(manifest.files.keys().all(|name| manifest::is_plain(name)));
                assert!(manifest.limits.frames_multiple > 0 && !manifest.latents.std.is_empty());
            }
        }
        1 => {
            let span = Span { offset: 4096, size: 1 << 16 };
            let weights = Weights { name: "w.data", file: "there.data", span };
            if let Ok(graph) = placed(bytes, Some(&weights)) {
                // What was placed asks for no other file, so it cannot be placed as the first was.
                let there = Span { offset: 0, size: span.offset + span.size };
                let weights = Weights { name: "there.data", file: "there.data", span: there };
                assert!(placed(&graph, Some(&weights)).is_ok_and(|again| again == graph));
            }
        }
        _ => {
            if let Ok(entries) = archive::read_entries(Cursor::new(bytes)) {
                let whole = bytes.len() as u64;
                assert!(entries.values().all(|Span { offset, size }| offset + size <= whole));
            }
        }
    }
}
