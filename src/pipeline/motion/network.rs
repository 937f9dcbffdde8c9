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
        let faces = conditions.len();
        let width = 2 * self.tags.len();
        // Asked first, then the same without tags.
        let mut tags = Array2::zeros((2 * faces, width));
        let mut photo = Array2::zeros((2 * faces, PHOTO.len()));
        let mut state = Array2::zeros((2 * faces, 2 * CHANNELS + 1));
        for (i, condition) in conditions.iter().enumerate() {
            for (j, tag) in condition.tags.iter().enumerate() {
                tags[[i, j]] = tag.unwrap_or(0.0);
                tags[[i, self.tags.len() + j]] = if tag.is_some() { 1.0 } else { 0.0 };
            }
            for row in [i, faces + i] {
                for (j, value) in condition.photo.iter().enumerate() {
                    photo[[row, j]] = *value;
                }
                for j in 0..CHANNELS {
                    state[[row, j]] = condition.values[j];
                    state[[row, CHANNELS + j]] = condition.speeds[j];
                }
                state[[row, 2 * CHANNELS]] = condition.seconds;
            }
        }
        WindowDenoiser {
            network: self,
            cancel,
            guidance,
            tags,
            photo,
            state,
            coefficients: Vec::new(),
        }
    }
}

/// The network under given conditions, as the denoise loop sees it.
pub(crate) struct WindowDenoiser<'n> {
    network: &'n MotionNetwork,
    cancel: &'n Cancel,
    guidance: GuidanceScale,
    tags: Array2<f32>,
    photo: Array2<f32>,
    state: Array2<f32>,
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
    fn estimate(&mut self, latents: &[f32], sigma: f32) -> Result<Estimates> {
        let faces = latents.len() / LATENTS;
        let twice: Vec<f32> = [latents, latents].concat();
        let latents = Array3::from_shape_vec((2 * faces, COEFFICIENTS, CHANNELS), twice)
            .map_err(|_| unfit("latents of a wrong size".to_owned()))?;
        let time = Array1::from_elem(2 * faces, 1.0 - sigma);
        let outputs = self.network.session.run(
            &[
                ("latents", (&latents).into()),
                ("time", (&time).into()),
                ("tags", (&self.tags).into()),
                ("photo", (&self.photo).into()),
                ("state", (&self.state).into()),
            ],
            self.cancel,
        )?;
        let halves = |name: &str| -> Result<(Vec<f32>, Vec<f32>)> {
            let mut asked = numbers(&outputs, name, 2 * faces * LATENTS)?;
            let free = asked.split_off(faces * LATENTS);
            Ok((asked, free))
        };
        let (mut coefficients, free) = halves("coefficients")?;
        self.guidance.apply(&mut coefficients, &free);
        self.coefficients = coefficients;
        let (conditional, unconditional) = halves("denoised")?;
        Ok(Estimates { conditional, unconditional: Some(unconditional) })
    }
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
