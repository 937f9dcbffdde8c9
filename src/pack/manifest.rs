//! `pack.json`: what a pack holds. The fields are described one by one in docs/packs.md.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::estimate::Estimate;
use super::licence::Licence;
use super::refuse;
use crate::error::Result;

/// The version of `pack.json` that is read here.
const FORMAT: u32 = 1;
/// Bytes of the longest `pack.json`.
pub(super) const LONGEST: u64 = 4 << 20;
/// Bytes of the largest file of a pack.
const LARGEST_FILE: u64 = 1 << 40;
/// Bytes of the largest graph: one that holds its weights ends at 2 GiB.
pub(super) const LARGEST_GRAPH: u64 = 1 << 31;
/// Elements of the largest tensor whose size is fixed: 8 GiB in single precision.
pub(super) const LARGEST_TENSOR: u64 = 1 << 31;
/// Components, files and ports are a few dozen; a 14-billion model has some 240 ports.
const MOST: usize = 1024;

/// What `pack.json` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PackManifest {
    /// Version of the format: 1.
    pub format: u32,
    /// The pack's name in a store, such as `wan-2.1-t2v-1.3b`.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Version of the pack, such as `1.0.0`.
    pub version: String,
    /// Which pipeline runs it.
    pub family: Family,
    /// What it can make.
    pub tasks: Vec<Task>,
    /// Under which terms the weights may be used.
    pub licence: Licence,
    /// Where the weights came from.
    pub source: String,
    /// The numbers that the weights are kept as.
    pub precision: Precision,
    /// The oldest ONNX Runtime that runs it, such as `1.22.0`.
    pub minimum_runtime: String,
    /// Every file but `pack.json`, by name.
    pub files: BTreeMap<String, FileRecord>,
    /// The networks, by role.
    pub components: BTreeMap<String, Component>,
    /// How prompts become numbers; none where the model reads no words.
    pub tokenizer: Option<Tokenizer>,
    /// The sampling method, by the names of its published configuration.
    pub scheduler: serde_json::Value,
    /// What a request has that says nothing.
    pub defaults: Defaults,
    /// What a request may ask for.
    pub limits: Limits,
    /// What latents are.
    pub latents: Latents,
    /// A cheap way from latents to colours.
    pub preview: Option<Preview>,
    /// What only this family has.
    pub family_settings: serde_json::Value,
    /// What jobs take, where somebody has measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
}

/// The pipeline of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Family {
    /// Stable Video Diffusion (Blattmann et al. 2023, arXiv 2311.15127).
    Svd,
    /// Wan (Wan Team 2025, arXiv 2503.20314).
    Wan,
    /// LTX-Video (HaCohen et al. 2025, arXiv 2501.00103).
    Ltx,
}

/// What a model can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Task {
    /// A clip out of words alone.
    TextToVideo,
    /// A clip that begins with a photo.
    ImageToVideo,
}

/// How weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Precision {
    /// Single precision.
    F32,
    /// Half precision.
    F16,
    /// Eight bits with scales.
    Int8,
    /// As [`Precision::Int8`], and the denoiser multiplies integers: what goes into its linear layers is
    /// rounded to eight bits, too, with a scale for each token.
    W8a8,
}

/// A file's size and content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FileRecord {
    /// Bytes.
    pub size: u64,
    /// SHA-256, 64 hexadecimal digits in lower case.
    pub sha256: String,
}

/// One network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Component {
    /// The file with its graph.
    pub graph: String,
    /// The file with its weights; none where the graph holds them.
    pub data: Option<String>,
    /// What goes in, by name.
    pub inputs: BTreeMap<String, Port>,
    /// What comes out, by name.
    pub outputs: BTreeMap<String, Port>,
    /// Bytes of all weights.
    pub weights: u64,
}

/// A tensor that goes into a network or comes out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Port {
    /// What its elements are.
    #[serde(rename = "type")]
    pub element: Element,
    /// Its sizes, outermost first.
    pub shape: Vec<Size>,
}

/// An element of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Element {
    /// Single precision.
    F32,
    /// Half precision.
    F16,
    /// Whole numbers of 64 bits.
    I64,
}

/// One size of a tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Size {
    /// Always so many.
    Fixed(u64),
    /// As many as are given; equal names are equal numbers.
    Named(String),
}

/// How words become numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Tokenizer {
    /// The file of the `tokenizers` library.
    pub file: String,
    /// Tokens of the longest prompt; what is beyond is cut off.
    pub length: usize,
    /// The token that fills up.
    pub pad: i64,
    /// The token that ends a prompt.
    pub end: i64,
}

/// What a request has that says nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Defaults {
    /// Denoise steps.
    pub steps: usize,
    /// Guidance scale.
    pub guidance_scale: f32,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames of the clip.
    pub frames: u32,
    /// Frames a second.
    pub fps: f64,
    /// What should not be seen.
    #[serde(default)]
    pub negative_prompt: String,
}

/// What a request may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Both sides are multiples of so many pixels.
    pub side_multiple: u32,
    /// The shortest side, pixels.
    pub side_min: u32,
    /// The longest side, pixels.
    pub side_max: u32,
    /// A number of frames is `frames_offset` and a multiple of this.
    pub frames_multiple: u32,
    /// See `frames_multiple`.
    pub frames_offset: u32,
    /// The most frames.
    pub frames_max: u32,
}

/// What latents are: (C, F, H, W) with fewer and smaller pictures than the clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Latents {
    /// Channels.
    pub channels: usize,
    /// Pixels to a side of a latent pixel.
    pub spatial: u32,
    /// Frames to a latent frame.
    pub temporal: u32,
    /// What the decoder takes is latents · std / scale + mean, by channel.
    pub mean: Vec<f32>,
    /// See `mean`.
    pub std: Vec<f32>,
    /// See `mean`.
    pub scale: f32,
}

impl Latents {
    /// Latent frames of a clip: a causal model gives the first frame by itself, one without a factor each.
    pub(crate) fn frames_of(&self, frames: u32) -> usize {
        (frames.saturating_sub(1) / self.temporal + 1) as usize
    }
}

/// A line from latents to colours in −1..1: matrix · latents + bias.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Preview {
    /// Red, green and blue of each channel.
    pub matrix: Vec<[f32; 3]>,
    /// Red, green and blue of none.
    pub bias: [f32; 3],
}

impl PackManifest {
    /// Reads and checks `pack.json`.
    ///
    /// # Errors
    /// `pack.manifest` says which field is wrong; `pack.format` for one of a later version of
    /// Kinora; `pack.path` for names that could lead out of the pack; `pack.too_large`.
    pub fn parse(json: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let unreadable = |error| {
            super::refuse_for(
                "pack.manifest",
                "pack.json is not what it should be: export the pack anew",
                error,
            )
        };
        // The version first: a later format may have fields that are not known here.
        let Format { format } = serde_json::from_slice(json).map_err(unreadable)?;
        if format != FORMAT {
            return Err(refuse(
                "pack.format",
                format!(
                    "the pack has format {format}, and this Kinora reads {FORMAT}: update Kinora, or export the pack anew"
                ),
            ));
        }
        let manifest: Self = serde_json::from_slice(json).map_err(unreadable)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// A number that another pack, or another version of this one, does not have.
    #[cfg(feature = "vault")]
    pub(crate) fn fingerprint(&self) -> String {
        // What was read from JSON can be written as JSON.
        crate::digest::sha256(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// The component of that role.
    ///
    /// # Errors
    /// `pack.component` when the pack has none.
    pub fn component(&self, role: &str) -> Result<&Component> {
        self.components.get(role).ok_or_else(|| {
            refuse(
                "pack.component",
                format!("the pack {} has no component `{role}`: export it anew", self.id),
            )
        })
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        self.files.values().map(|file| file.size).sum()
    }

    fn check(&self) -> Result<()> {
        if !is_id(&self.id) {
            return wrong(
                "id",
                "small letters, digits, dots and hyphens, at most 64, a letter or digit first",
            );
        }
        if self.name.is_empty() || self.name.len() > 200 || self.name.chars().any(char::is_control)
        {
            return wrong("name", "1 to 200 bytes without control characters");
        }
        if !is_version(&self.version) || !is_version(&self.minimum_runtime) {
            return wrong(
                "version and minimum_runtime",
                "numbers with dots between, such as 1.22.0",
            );
        }
        if self.tasks.is_empty() {
            return wrong("tasks", "at least one");
        }
        self.check_files()?;
        self.check_components()?;
        self.check_numbers()
    }

    fn check_files(&self) -> Result<()> {
        if self.files.is_empty() || self.files.len() > MOST {
            return wrong("files", "between 1 and 1024");
        }
        for (name, file) in &self.files {
            if !is_plain(name) {
                return Err(refuse(
                    "pack.path",
                    format!(
                        "{name:?} is no name for a file of a pack: letters, digits, dots, hyphens and underscores, and no dot first"
                    ),
                ));
            }
            if file.size > LARGEST_FILE {
                return Err(too_large(name));
            }
            let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            if file.sha256.len() != 64 || !file.sha256.bytes().all(digit) {
                return wrong("sha256", "64 hexadecimal digits in lower case");
            }
        }
        let licence = self.licence.file.as_ref();
        let tokenizer = self.tokenizer.as_ref().map(|tokenizer| &tokenizer.file);
        let graphs = self.components.values().map(|component| &component.graph);
        let data = self.components.values().filter_map(|component| component.data.as_ref());
        for name in licence.into_iter().chain(tokenizer).chain(graphs).chain(data) {
            if !self.files.contains_key(name) {
                return Err(refuse(
                    "pack.missing_file",
                    format!("pack.json uses {name:?} and does not list it: export the pack anew"),
                ));
            }
        }
        Ok(())
    }

    fn check_components(&self) -> Result<()> {
        if self.components.is_empty() || self.components.len() > MOST {
            return wrong("components", "between 1 and 1024");
        }
        for (role, component) in &self.components {
            let ports = component.inputs.iter().chain(&component.outputs);
            if component.inputs.len() + component.outputs.len() > 2 * MOST {
                return wrong("inputs and outputs", "at most 2048");
            }
            for (name, port) in ports {
                let sizes = port.shape.iter().map(|size| match size {
                    Size::Fixed(size) => *size,
                    Size::Named(_) => 1,
                });
                let elements =
                    sizes.into_iter().try_fold(1u64, |product, size| product.checked_mul(size));
                if port.shape.len() > 8 || elements.is_none_or(|n| n > LARGEST_TENSOR) {
                    return Err(too_large(&format!("{role}'s {name}")));
                }
            }
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<()> {
        let Latents { channels, spatial, temporal, ref mean, ref std, scale } = self.latents;
        let finite = |numbers: &[f32]| numbers.iter().all(|number| number.is_finite());
        if !(1..=1024).contains(&channels)
            || !(1..=64).contains(&spatial)
            || !(1..=64).contains(&temporal)
        {
            return wrong("latents", "1 to 1024 channels, factors of 1 to 64");
        }
        if mean.len() != channels || std.len() != channels || !finite(mean) || !finite(std) {
            return wrong("latents.mean and latents.std", "one finite number a channel");
        }
        if std.iter().any(|std| *std <= 0.0) || !scale.is_finite() || scale <= 0.0 {
            return wrong("latents.std and latents.scale", "positive");
        }
        let Limits {
            side_multiple,
            side_min,
            side_max,
            frames_multiple,
            frames_offset,
            frames_max,
        } = self.limits;
        if side_multiple == 0 || frames_multiple == 0 {
            return wrong("limits", "multiples from 1 on");
        }
        if side_min == 0 || side_min > side_max || side_max > 16_384 {
            return wrong("limits", "1 ≤ side_min ≤ side_max ≤ 16384");
        }
        if !side_multiple.is_multiple_of(spatial) {
            return wrong("limits.side_multiple", "a multiple of latents.spatial");
        }
        if frames_offset > frames_max || frames_max > 65_536 {
            return wrong("limits", "frames_offset ≤ frames_max ≤ 65536");
        }
        if let Some(Preview { matrix, bias }) = &self.preview
            && (matrix.len() != channels || !finite(matrix.as_flattened()) || !finite(bias))
        {
            return wrong("preview", "three finite numbers a channel");
        }
        if let Some(tokenizer) = &self.tokenizer
            && !(1..=8192).contains(&tokenizer.length)
        {
            return wrong("tokenizer.length", "1 to 8192");
        }
        let Defaults { steps, guidance_scale, fps, .. } = self.defaults;
        if !(1..=1000).contains(&steps)
            || !guidance_scale.is_finite()
            || !(1.0..=120.0).contains(&fps)
        {
            return wrong(
                "defaults",
                "1 to 1000 steps, a finite guidance scale, 1 to 120 frames a second",
            );
        }
        if !self.estimate.as_ref().is_none_or(Estimate::is_sound) {
            return wrong("estimate", "finite numbers from 0 on");
        }
        if let Some(Estimate { smallest: [width, height, frames], .. }) = self.estimate
            && (width.max(height) > side_max || frames > frames_max)
        {
            return wrong("estimate.smallest", "a size that the pack makes");
        }
        Ok(())
    }
}

fn wrong(field: &str, wanted: &str) -> Result<()> {
    Err(refuse(
        "pack.manifest",
        format!("{field} in pack.json has to be {wanted}: export the pack anew"),
    ))
}

fn too_large(what: &str) -> crate::Error {
    refuse(
        "pack.too_large",
        format!("{what} is larger than any model's should be: export the pack anew"),
    )
}

/// A name that means the same on every system, and stays within the pack's folder.
pub(super) fn is_plain(name: &str) -> bool {
    let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=128).contains(&name.len())
        && !name.starts_with('.')
        && !name.ends_with('.')
        && name != super::members::MANIFEST
        && name.bytes().all(character)
}

/// A pack's name: plain, and the same where case is ignored.
pub(super) fn is_id(id: &str) -> bool {
    is_plain(id)
        && id.len() <= 64
        && !id.bytes().any(|b| b.is_ascii_uppercase() || b == b'_')
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// Numbers of a version; empty for what is none.
pub(super) fn version(text: &str) -> Vec<u32> {
    let numbers: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
    numbers.unwrap_or_default()
}

fn is_version(text: &str) -> bool {
    text.len() <= 32 && (1..=4).contains(&version(text).len())
}
