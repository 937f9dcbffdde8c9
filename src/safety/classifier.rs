//! An image classifier that a host brings as an ONNX file: what the file must be, and running it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use ndarray::Array4;
use serde_json::Value;

use super::picture::{CheckFailure, Picture, Verdict};
use crate::error::{Detail, Error, Result};
use crate::render::resize::{Filter, resize_pixels_into};
use crate::runtime::{Cancel, Runtime, Session};

/// Sides of a classifier's input, pixels.
const SIDES: std::ops::RangeInclusive<usize> = 8..=4096;

/// The order of the channels in a classifier's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// What the numbers are that a classifier gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scores {
    /// Probabilities, 0–1. Any other number is a failure, and the picture is refused.
    Probabilities,
    /// Logits of classes of which one holds: a softmax makes them probabilities.
    Softmax,
    /// Logits of classes that hold independently: each goes through a logistic function.
    Sigmoid,
}

/// A classifier of pictures in an ONNX file, and from which score on a label refuses.
///
/// The contract, checked when the [`Studio`](crate::Studio) is opened:
/// - one input, single precision, (1, 3, H, W) with fixed H and W of 8–4096; the first may be open;
/// - one output, single precision, (1, N): a score for each of N labels;
/// - labels, mean and deviation, channel order and thresholds, from this builder or from the file's
///   metadata: `kinora.labels` (a JSON array of texts), `kinora.mean` and `kinora.std` (JSON arrays
///   of three numbers), `kinora.channels` (`rgb` or `bgr`), `kinora.thresholds` (a JSON object,
///   label to number), `kinora.scores` (`probabilities`, `softmax` or `sigmoid`; without it
///   probabilities). The builder goes before the file, and nothing else is guessed.
///
/// The whole picture is scaled to H × W whatever its proportions, so that no edge goes unseen; each
/// channel becomes (value / 255 − mean) / deviation. A score that is no finite number, a wrong shape
/// or a run that fails refuses the picture.
#[derive(Clone)]
pub struct Classifier {
    source: Source,
    name: String,
    labels: Option<Vec<String>>,
    normal: Option<([f32; 3], [f32; 3])>,
    channels: Option<ChannelOrder>,
    scores: Option<Scores>,
    thresholds: BTreeMap<String, f32>,
}

#[derive(Clone)]
enum Source {
    Path(PathBuf),
    Bytes(Arc<[u8]>),
}

impl Classifier {
    /// A classifier in a file.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self::of(Source::Path(path.into()))
    }

    /// A classifier in memory, as the bytes of a file.
    pub fn bytes(onnx: impl Into<Arc<[u8]>>) -> Self {
        Self::of(Source::Bytes(onnx.into()))
    }

    fn of(source: Source) -> Self {
        let name = "classifier".to_owned();
        let (labels, normal, channels, scores) = (None, None, None, None);
        Self { source, name, labels, normal, channels, scores, thresholds: BTreeMap::new() }
    }

    /// A name for [`Checked`](super::Checked) and errors; `classifier` by default.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The label of each score, in the output's order.
    #[must_use]
    pub fn labels<T: Into<String>>(mut self, labels: impl IntoIterator<Item = T>) -> Self {
        self.labels = Some(labels.into_iter().map(Into::into).collect());
        self
    }

    /// Mean and standard deviation of each channel, in the input's order, on a scale of 0–1.
    #[must_use]
    pub fn normalisation(mut self, mean: [f32; 3], deviation: [f32; 3]) -> Self {
        self.normal = Some((mean, deviation));
        self
    }

    /// The order of the input's channels.
    #[must_use]
    pub fn channels(mut self, order: ChannelOrder) -> Self {
        self.channels = Some(order);
        self
    }

    /// What the numbers are that it gives.
    #[must_use]
    pub fn scores(mut self, scores: Scores) -> Self {
        self.scores = Some(scores);
        self
    }

    /// From this score on, above 0 and at most 1, the label refuses a picture. Once one threshold is
    /// set here, those of the file do not count.
    #[must_use]
    pub fn threshold(mut self, label: impl Into<String>, least: f32) -> Self {
        self.thresholds.insert(label.into(), least);
        self
    }

    /// Opens the network and checks the contract.
    ///
    /// # Errors
    /// `model.missing`, `model.unreadable`, and `model.classifier` for whatever the contract lacks.
    pub(super) fn open(&self, runtime: &Runtime) -> Result<OpenClassifier> {
        let session = match &self.source {
            Source::Bytes(bytes) => runtime.session(bytes, &self.name)?,
            Source::Path(path) => {
                let bytes = std::fs::read(path).map_err(|error| {
                    let message = format!("the classifier {} cannot be read", path.display());
                    Error::Model(Detail::new("model.missing", message).because(error))
                })?;
                runtime.session(&bytes, &self.name)?
            }
        };
        let wrong = |what: &str| wrong(&self.name, what);
        let ([input], [output]) = (session.inputs(), session.outputs()) else {
            return Err(wrong("it must have one input and one output"));
        };
        let &[None | Some(1), Some(3), Some(height), Some(width)] = input.shape.as_slice() else {
            return Err(wrong("its input must be (1, 3, H, W) with a fixed H and W"));
        };
        if !input.is_f32() || !output.is_f32() {
            return Err(wrong("its input and output must be single precision numbers"));
        }
        if !SIDES.contains(&height) || !SIDES.contains(&width) {
            return Err(wrong("H and W must be 8 to 4096"));
        }

        let told = Told { session: &session, name: &self.name };
        let labels = self.labels.clone().map_or_else(|| told.labels(), Ok)?;
        if labels.is_empty() || (1..labels.len()).any(|at| labels[..at].contains(&labels[at])) {
            return Err(wrong("its labels must be there, and each only once"));
        }
        match output.shape.as_slice() {
            [None | Some(1), count] if count.is_none_or(|count| count == labels.len()) => {}
            _ => return Err(wrong("its output must be (1, N), a score for each label")),
        }
        let normal = self.normal.map_or_else(|| told.normal(), Ok)?;
        let finite = normal.0.iter().chain(&normal.1).all(|number| number.is_finite());
        if !finite || normal.1.iter().any(|deviation| *deviation <= 0.0) {
            return Err(wrong("mean and deviation must be numbers, deviations above 0"));
        }
        let channels = self.channels.map_or_else(|| told.channels(), Ok)?;
        let scores = self.scores.map_or_else(|| told.scores(), Ok)?;
        let thresholds = match self.thresholds.is_empty() {
            true => told.thresholds()?,
            false => self.thresholds.clone(),
        };
        if thresholds.is_empty() {
            return Err(wrong("no label has a threshold, so it would refuse nothing"));
        }
        let limits = thresholds
            .iter()
            .map(|(label, least)| match labels.iter().position(|known| known == label) {
                Some(at) if *least > 0.0 && *least <= 1.0 => Ok((at, *least)),
                Some(_) => Err(wrong("a threshold must be above 0 and at most 1")),
                None => Err(wrong("a threshold is for a label that it does not have")),
            })
            .collect::<Result<_>>()?;
        let (input, output) = (input.name.clone(), output.name.clone());
        let name = self.name.clone();
        let size = (width, height);
        let network = Network { session, input, output, size };
        Ok(OpenClassifier { name, network, normal, channels, scores, labels, limits })
    }
}

/// Only its name.
impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Classifier({})", self.name)
    }
}

/// What a file says of itself.
struct Told<'s> {
    session: &'s Session,
    name: &'s str,
}

impl Told<'_> {
    fn json(&self, key: &str) -> Result<Value> {
        let lacks = || wrong(self.name, &format!("neither the app nor its file says `{key}`"));
        let text = self.session.metadata(key).ok_or_else(lacks)?;
        serde_json::from_str(&text)
            .map_err(|_| wrong(self.name, &format!("`{key}` in its file is not what it should be")))
    }

    /// The JSON behind `key`, if `read` can make something of it.
    fn read<T>(&self, key: &str, read: impl FnOnce(&Value) -> Option<T>) -> Result<T> {
        read(&self.json(key)?).ok_or_else(|| {
            wrong(self.name, &format!("`{key}` in its file is not what it should be"))
        })
    }

    fn labels(&self) -> Result<Vec<String>> {
        self.read("kinora.labels", |json| {
            json.as_array()?.iter().map(|label| Some(label.as_str()?.to_owned())).collect()
        })
    }

    fn normal(&self) -> Result<([f32; 3], [f32; 3])> {
        let three = |json: &Value| {
            let numbers = json.as_array()?.iter().map(|n| n.as_f64().map(|n| n as f32));
            numbers.collect::<Option<Vec<f32>>>()?.try_into().ok()
        };
        Ok((self.read("kinora.mean", three)?, self.read("kinora.std", three)?))
    }

    fn channels(&self) -> Result<ChannelOrder> {
        match self.session.metadata("kinora.channels").as_deref() {
            Some("rgb") => Ok(ChannelOrder::Rgb),
            Some("bgr") => Ok(ChannelOrder::Bgr),
            _ => Err(wrong(self.name, "neither the app nor its file says `kinora.channels`")),
        }
    }

    fn scores(&self) -> Result<Scores> {
        match self.session.metadata("kinora.scores").as_deref() {
            None | Some("probabilities") => Ok(Scores::Probabilities),
            Some("softmax") => Ok(Scores::Softmax),
            Some("sigmoid") => Ok(Scores::Sigmoid),
            Some(_) => Err(wrong(self.name, "`kinora.scores` in its file is not known")),
        }
    }

    fn thresholds(&self) -> Result<BTreeMap<String, f32>> {
        self.read("kinora.thresholds", |json| {
            let pairs = json.as_object()?.iter();
            pairs.map(|(label, least)| Some((label.clone(), least.as_f64()? as f32))).collect()
        })
    }
}

/// A classifier that fulfils its contract.
pub(super) struct OpenClassifier {
    pub(super) name: String,
    network: Network,
    normal: ([f32; 3], [f32; 3]),
    channels: ChannelOrder,
    scores: Scores,
    labels: Vec<String>,
    /// Which label, and from which score on it refuses.
    limits: Vec<(usize, f32)>,
}

struct Network {
    session: Session,
    input: String,
    output: String,
    /// Width and height.
    size: (usize, usize),
}

impl OpenClassifier {
    /// Judges a picture; whatever is not a clear answer is an error.
    pub(super) fn check(
        &self,
        picture: &Picture<'_>,
        cancel: &Cancel,
    ) -> std::result::Result<Verdict, CheckFailure> {
        let scores = self.probabilities(self.run(picture, cancel)?)?;
        for (at, least) in &self.limits {
            if scores.get(*at).is_none_or(|score| score >= least) {
                return Ok(Verdict::Refuse { category: self.labels[*at].clone() });
            }
        }
        Ok(Verdict::Allow)
    }

    fn run(&self, picture: &Picture<'_>, cancel: &Cancel) -> Result<Vec<f32>> {
        let Network { session, input, output, size: (width, height) } = &self.network;
        let mut rgb = zeroize::Zeroizing::new(vec![0; 3 * width * height]);
        let source = (picture.width(), picture.height(), picture.pixels());
        resize_pixels_into(source, (*width, *height), Filter::Bilinear, &mut rgb)?;
        let (mean, deviation) = self.normal;
        let mut tensor = Array4::from_shape_fn((1, 3, *height, *width), |(_, plane, y, x)| {
            let channel = match self.channels {
                ChannelOrder::Rgb => plane,
                ChannelOrder::Bgr => 2 - plane,
            };
            let value = f32::from(rgb[3 * (y * width + x) + channel]) / 255.0;
            (value - mean[plane]) / deviation[plane]
        });
        let outputs = session.run(&[(input, (&tensor).into())], cancel);
        _ = tensor.as_slice_mut().map(zeroize::Zeroize::zeroize);
        let outputs = outputs?;
        let scores = outputs.view(output)?;
        if scores.shape() != [1, self.labels.len()] {
            return Err(wrong(&self.name, "it gave another number of scores than it has labels"));
        }
        Ok(scores.iter().copied().collect())
    }

    fn probabilities(&self, scores: Vec<f32>) -> Result<Vec<f32>> {
        if scores.iter().any(|score| !score.is_finite()) {
            return Err(wrong(&self.name, "it gave a score that is no number"));
        }
        let scores: Vec<f32> = match self.scores {
            Scores::Probabilities => scores,
            Scores::Sigmoid => scores.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
            Scores::Softmax => {
                let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let powers: Vec<f32> = scores.iter().map(|x| (x - most).exp()).collect();
                let sum: f32 = powers.iter().sum();
                powers.iter().map(|power| power / sum).collect()
            }
        };
        if scores.iter().any(|score| !(0.0..=1.0).contains(score)) {
            return Err(wrong(&self.name, "it gave a score outside 0 to 1: does it give logits?"));
        }
        Ok(scores)
    }
}

fn wrong(name: &str, what: &str) -> Error {
    let message = format!("`{name}` is no classifier that can guard pictures: {what}");
    Error::Model(Detail::new("model.classifier", message))
}
