//! The motion network: its metadata checked, its tensors filled.

use ndarray::{Array1, Array2, Array3};
use serde_json::Value;

use super::channels::{CHANNELS, COEFFICIENTS, PHOTO, RESIDUAL, RIG};
use super::curves::{LONGEST, SHORTEST};
use super::maps::Map;
use super::modes::Mode;
use crate::diffusion::{Denoiser, Estimates, GuidanceScale};
use crate::error::{Detail, Error, Result};
use crate::runtime::{Cancel, Outputs, Session};

/// Latents of one face's window.
pub(crate) const LATENTS: usize = COEFFICIENTS * CHANNELS;
/// Rows of a run: a face as asked, and the same face without tags.
const ROWS: usize = 2;
const METADATA: &str = "kinora.motion";

/// The denoiser of one window of motion.
pub(crate) struct MotionNetwork {
    session: Session,
    tags: Vec<String>,
    modes: Vec<Mode>,
    defaults: SamplingDefaults,
}

/// How the network wants to be sampled where a request does not say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SamplingDefaults {
    pub(crate) steps: usize,
    pub(crate) guidance: f32,
    pub(crate) shift: f32,
    /// The longest window for a face, seconds: eyelids flutter in longer ones.
    pub(crate) window: f32,
}

/// What a window is conditioned on, for one face.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// By the network's tags; `None` leaves it to the network.
    pub(crate) tags: Vec<Option<f32>>,
    pub(crate) photo: [f32; PHOTO.len()],
    /// Values and speeds of all channels at the window's start, and its length in seconds.
    pub(crate) values: [f32; CHANNELS],
    pub(crate) speeds: [f32; CHANNELS],
    pub(crate) seconds: f32,
}

impl MotionNetwork {
    /// # Errors
    /// `model.motion` when the metadata is missing or names other channels than this library's.
    pub(crate) fn new(session: Session) -> Result<Self> {
        let text = session
            .metadata(METADATA)
            .ok_or_else(|| unfit(format!("it has no `{METADATA}` metadata")))?;
        let about: Value =
            serde_json::from_str(&text).map_err(|e| unfit(format!("its metadata: {e}")))?;
        let mut channels: Vec<String> = RIG.iter().map(|name| (*name).to_owned()).collect();
        for (class, count) in RESIDUAL {
            channels.extend((0..count).map(|i| format!("{class}_{i}")));
        }
        if names(&about, "channels")? != channels {
            return Err(unfit("its channels are not this version's".to_owned()));
        }
        if names(&about, "photo")? != PHOTO {
            return Err(unfit("its photo features are not this version's".to_owned()));
        }
        let modes: Vec<Mode> = list(&about, "modes")?.iter().map(mode).collect::<Result<_>>()?;
        if modes.len() != CHANNELS - RIG.len() {
            return Err(unfit(format!("it lists {} modes", modes.len())));
        }
        let default = |name: &str| about["defaults"][name].as_f64();
        let defaults = SamplingDefaults {
            steps: default("steps").unwrap_or(16.0) as usize,
            guidance: default("guidance").unwrap_or(1.5) as f32,
            shift: default("shift").unwrap_or(0.7) as f32,
            window: (default("window").unwrap_or(1.5) as f32).clamp(SHORTEST, LONGEST),
        };
        Ok(Self { tags: names(&about, "tags")?, modes, defaults, session })
    }

    /// Names of the prompt tags, in order.
    pub(crate) fn tags(&self) -> &[String] {
        &self.tags
    }

    /// The residual modes, in the order of their channels.
    pub(crate) fn modes(&self) -> &[Mode] {
        &self.modes
    }

    pub(crate) fn defaults(&self) -> SamplingDefaults {
        self.defaults
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// A denoiser for windows under these conditions, one per face.
    pub(crate) fn denoiser<'n>(
        &'n self,
        conditions: &[Condition],
        guidance: GuidanceScale,
        cancel: &'n Cancel,
    ) -> WindowDenoiser<'n> {
        let inputs = conditions.iter().map(|condition| self.inputs(condition)).collect();
        WindowDenoiser { network: self, cancel, guidance, inputs, coefficients: Vec::new() }
    }

    /// Both rows of one face: what is asked, then the same without tags.
    fn inputs(&self, condition: &Condition) -> Inputs {
        let count = self.tags.len();
        let mut tags = Array2::zeros((ROWS, 2 * count));
        for (i, tag) in condition.tags.iter().enumerate() {
            tags[[0, i]] = tag.unwrap_or(0.0);
            tags[[0, count + i]] = if tag.is_some() { 1.0 } else { 0.0 };
        }
        let photo = Array2::from_shape_fn((ROWS, PHOTO.len()), |(_, i)| condition.photo[i]);
        let state = Array2::from_shape_fn((ROWS, 2 * CHANNELS + 1), |(_, i)| {
            let values = condition.values.iter().chain(&condition.speeds);
            values.chain([&condition.seconds]).nth(i).copied().unwrap_or_default()
        });
        Inputs { tags, photo, state }
    }
}

/// What one face's runs have in common.
struct Inputs {
    tags: Array2<f32>,
    photo: Array2<f32>,
    state: Array2<f32>,
}

/// The network under given conditions, as the denoise loop sees it.
pub(crate) struct WindowDenoiser<'n> {
    network: &'n MotionNetwork,
    cancel: &'n Cancel,
    guidance: GuidanceScale,
    /// By face.
    inputs: Vec<Inputs>,
    coefficients: Vec<f32>,
}

impl WindowDenoiser<'_> {
    /// The guided coefficients of the last estimate, (faces, COEFFICIENTS, CHANNELS).
    ///
    /// A loop that ends without noise ends on that estimate.
    pub(crate) fn into_coefficients(self) -> Vec<f32> {
        self.coefficients
    }
}

impl Denoiser for WindowDenoiser<'_> {
    /// The network's shapes are fixed to one face's two rows, so faces run one after another.
    fn estimate(&mut self, latents: &[f32], sigma: f32) -> Result<Estimates> {
        let time = Array1::from_elem(ROWS, 1.0 - sigma);
        let mut conditional = Vec::with_capacity(latents.len());
        let mut unconditional = Vec::with_capacity(latents.len());
        self.coefficients.clear();
        for (inputs, own) in self.inputs.iter().zip(latents.chunks_exact(LATENTS)) {
            let rows = Array3::from_shape_vec((ROWS, COEFFICIENTS, CHANNELS), [own, own].concat())
                .map_err(|_| unfit("latents of a wrong size".to_owned()))?;
            let outputs = self.network.session.run(
                &[
                    ("latents", (&rows).into()),
                    ("time", (&time).into()),
                    ("tags", (&inputs.tags).into()),
                    ("photo", (&inputs.photo).into()),
                    ("state", (&inputs.state).into()),
                ],
                self.cancel,
            )?;
            let (asked, free) = rows_of(&outputs, "denoised")?;
            conditional.extend(asked);
            unconditional.extend(free);
            let (mut asked, free) = rows_of(&outputs, "coefficients")?;
            self.guidance.apply(&mut asked, &free);
            self.coefficients.extend(asked);
        }
        Ok(Estimates { conditional, unconditional: Some(unconditional) })
    }
}

/// An output's two rows: asked, free.
fn rows_of(outputs: &Outputs, name: &str) -> Result<(Vec<f32>, Vec<f32>)> {
    let mut asked = numbers(outputs, name, ROWS * LATENTS)?;
    let free = asked.split_off(LATENTS);
    Ok((asked, free))
}

fn numbers(outputs: &Outputs, name: &str, count: usize) -> Result<Vec<f32>> {
    let view = outputs.view(name)?;
    if view.len() != count {
        return Err(super::unexpected("motion.onnx", name, view.shape()));
    }
    Ok(view.iter().copied().collect())
}

fn mode(value: &Value) -> Result<Mode> {
    let number = |name: &str| {
        value[name].as_f64().map(|n| n as f32).ok_or_else(|| unfit(format!("a mode lacks {name}")))
    };
    let class = match value["class"].as_str() {
        Some("hair") => Map::Hair,
        Some("cloth") => Map::Person,
        Some("vegetation") => Map::Vegetation,
        Some("water") => Map::Water,
        Some("sky") => Map::Sky,
        other => return Err(unfit(format!("a mode of class {other:?}"))),
    };
    Ok(Mode {
        class,
        wave_vector: [number("fx")?, number("fy")?],
        phase: number("phase")?,
        direction: [number("dx")?, number("dy")?],
    })
}

fn list<'v>(about: &'v Value, name: &str) -> Result<&'v [Value]> {
    let list = about[name].as_array().ok_or_else(|| unfit(format!("it lists no {name}")))?;
    Ok(list)
}

fn names(about: &Value, name: &str) -> Result<Vec<String>> {
    Ok(list(about, name)?.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn unfit(why: String) -> Error {
    let message = format!("motion.onnx does not fit this version of Kinora: {why}");
    Error::Model(Detail::new("model.motion", message))
}
