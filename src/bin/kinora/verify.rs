//! `kinora verify`: whether a clip or picture is marked as made by a model.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use kinora::marking::{Declared, Layer, LayerKind, LayerState, verify_file};
use serde_json::{Value, json};

use crate::animate::layer as name;
use crate::{complain, say};

/// What is found, as the exit status tells it: an intact mark that says so, no mark that says so,
/// damaged ones alone, or that this program could not look.
const INTACT: u8 = 0;
const NONE: u8 = 1;
const DAMAGED: u8 = 2;
const UNKNOWN: u8 = 3;

#[derive(Args)]
pub(crate) struct Verify {
    /// The file: MP4, MOV, WebP, GIF, PNG, JPEG or TIFF.
    file: PathBuf,
    /// One line of JSON.
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(crate) fn run(self) -> ExitCode {
        let layers = match verify_file(&self.file) {
            Ok(layers) => layers,
            Err(error) => {
                complain(&error);
                return ExitCode::from(UNKNOWN);
            }
        };
        if self.json {
            let layers: Vec<_> = layers.iter().map(report).collect();
            say(json!({ "file": self.file.display().to_string(), "layers": layers }));
        } else {
            layers.iter().for_each(|layer| say(line(layer)));
        }
        let any = |state| layers.iter().any(|layer| layer.state == state);
        // An editor's packet or a camera's manifest is intact too, and says nothing of a model.
        let says_so = layers.iter().any(|layer| {
            let generated = layer.digital_source_type.is_some_and(Declared::is_generated);
            layer.state == LayerState::Intact && (generated || layer.watermark.is_some())
        });
        let manifest = layers.iter().find(|layer| layer.kind == LayerKind::Manifest);
        let unchecked = |layer: &Layer| layer.state == LayerState::Unverified;
        ExitCode::from(match () {
            () if says_so => INTACT,
            () if any(LayerState::Damaged) => DAMAGED,
            () if manifest.is_some_and(unchecked) => UNKNOWN,
            () => NONE,
        })
    }
}

fn line(layer: &Layer) -> String {
    let mut line = format!("{:13} {}", name(layer.kind), state(layer));
    if let Some(Declared::Generated(source_type)) = layer.digital_source_type {
        line += &format!(": {}", source_type.term());
    }
    if let Some(payload) = &layer.watermark {
        let photo = if payload.source_marked { ", of a photo that was marked" } else { "" };
        line += &format!(": model {}, made on {}{photo}", payload.model.number(), payload.day);
    }
    if layer.kind == LayerKind::Manifest && layer.state == LayerState::Intact && !layer.trusted {
        line += " (unchanged since it was signed; who signed it is not checked)";
    }
    if !layer.details.is_empty() && layer.state == LayerState::Damaged {
        line += &format!(" ({})", layer.details.join(", "));
    }
    line
}

fn state(layer: &Layer) -> &'static str {
    match (layer.state, layer.kind) {
        (LayerState::Intact, _) => "intact",
        (LayerState::Damaged, _) => "damaged",
        (LayerState::Absent, _) => "absent",
        (_, LayerKind::Watermark) => "not looked for: this program cannot decode these pictures",
        (_, _) => "there, and not checked: this program lacks the feature c2pa",
    }
}

fn report(layer: &Layer) -> Value {
    let state = match layer.state {
        LayerState::Intact => "intact",
        LayerState::Damaged => "damaged",
        LayerState::Absent => "absent",
        _ => "unverified",
    };
    json!({
        "layer": match layer.kind {
            LayerKind::Manifest => "manifest",
            LayerKind::Xmp => "xmp",
            _ => "watermark",
        },
        "state": state,
        "generated": layer.digital_source_type.map(Declared::is_generated),
        "trusted": layer.trusted,
        "watermark": layer.watermark.as_ref().map(|payload| json!({
            "model": payload.model.number(),
            "day": payload.day.to_string(),
            "source_marked": payload.source_marked,
        })),
        "details": layer.details,
    })
}
