//! Manifests are read back by the crate `c2pa`.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use c2pa::{Reader, ValidationState};

use super::context;
use crate::marking::check::{Layer, LayerKind, LayerState};
use crate::marking::container::Kind;
use crate::marking::statement::Declared;

/// How many codes are told of a file that has many faults.
const MOST_DETAILS: usize = 32;

/// What holds of the manifest in a file that has one.
pub(in crate::marking) fn check(bytes: &[u8], kind: Kind) -> Layer {
    // The crate reads what a stranger wrote. Were it to fail on that, the file would be no better.
    catch_unwind(AssertUnwindSafe(|| read(bytes, kind))).unwrap_or_else(|_| damaged("reader"))
}

fn read(bytes: &[u8], kind: Kind) -> Layer {
    let Ok(context) = context() else { return damaged("context") };
    let reader = Reader::from_context(context).with_stream(kind.media_type(), Cursor::new(bytes));
    let reader = match reader {
        Ok(reader) => reader,
        Err(error) => return damaged(code(&error)),
    };
    let (state, trusted) = match reader.validation_state() {
        ValidationState::Trusted => (LayerState::Intact, true),
        ValidationState::Valid => (LayerState::Intact, false),
        ValidationState::Invalid => (LayerState::Damaged, false),
    };
    let failures = reader.validation_status().unwrap_or_default().iter();
    let mut details: Vec<String> = failures.map(|status| status.code().to_owned()).collect();
    details.sort_unstable();
    details.dedup();
    details.truncate(MOST_DETAILS);
    let digital_source_type = source_type(&reader);
    Layer { digital_source_type, trusted, details, ..Layer::new(LayerKind::Manifest, state) }
}

/// The source type of the newest action that has one, a model's before any other.
fn source_type(reader: &Reader) -> Option<Declared> {
    let manifest = reader.active_manifest()?;
    let mut found = None;
    for assertion in manifest.assertions() {
        let Ok(value) = assertion.value() else { continue };
        for action in value["actions"].as_array().into_iter().flatten() {
            let declared = action["digitalSourceType"].as_str().map(Declared::read);
            if declared.is_some() && !found.is_some_and(Declared::is_generated) {
                found = declared;
            }
        }
    }
    found
}

fn damaged(detail: &str) -> Layer {
    let details = vec![format!("manifest.{detail}")];
    Layer { details, ..Layer::new(LayerKind::Manifest, LayerState::Damaged) }
}

/// A stable word for the few errors that tell something, since sentences may name contents.
fn code(error: &c2pa::Error) -> &'static str {
    match error {
        c2pa::Error::JumbfNotFound => "missing",
        c2pa::Error::ClaimMissing { .. } => "claimMissing",
        _ => "unreadable",
    }
}
