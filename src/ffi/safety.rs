//! Gates for prompts and pictures, and the reports that a person files.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::error::guard;
use super::{KinoraError, Result};
use crate::safety;

/// A check of pictures that the app brings: its own classifier, the system's.
///
/// It is called from the threads of jobs, perhaps of several at a time, and a job waits for it: do
/// not wait for the main thread in it. Whatever it throws refuses the picture with
/// `safety.check_failed`. It sees a person's photo: keep nothing of it.
#[uniffi::export(rust, foreign)]
pub trait PictureCheck: Send + Sync {
    /// Judges one picture.
    fn check(&self, picture: CheckedPicture) -> Result<PictureVerdict>;
}

/// A picture that is judged.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Display)]
pub struct CheckedPicture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// sRGB, 8 bits a channel, 3 × width × height bytes, rows from the top.
    pub rgb: Vec<u8>,
    /// Photo or frame.
    pub side: PictureSide,
}

/// Which end of a job a picture stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum PictureSide {
    /// The photo, before any network of a job sees it.
    Input,
    /// A frame, before the encoder or sink gets it.
    Output,
}

/// What a check says of a picture.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum PictureVerdict {
    /// It may go on.
    Allow,
    /// The job ends; nothing of it is kept.
    Refuse {
        /// What was found, in the app's words; the error's `detail` carries it.
        category: String,
    },
}

/// The gates of a studio. By default prompts are checked and pictures are not: the app brings
/// classifiers, lists of hashes or checks of its own.
#[derive(Debug, Clone, uniffi::Record)]
pub struct SafetyOptions {
    /// Gates for the photo, before any network of a job sees it.
    #[uniffi(default)]
    pub input: Option<Vec<PictureGate>>,
    /// Gates for the frames of clips made on this device: the first, the last, and about two a second
    /// between.
    #[uniffi(default)]
    pub output: Option<Vec<PictureGate>>,
    /// Switches the prompt gate off for clips made on this device; what is sent to a remote model is
    /// still checked.
    #[uniffi(default = false)]
    pub without_prompt_gate: bool,
}

/// One gate for pictures.
#[derive(Clone, uniffi::Enum)]
pub enum PictureGate {
    /// A check of the app's own.
    Check {
        /// Who judges.
        check: Arc<dyn PictureCheck>,
    },
    /// A classifier in an ONNX file.
    Classifier {
        /// Which, and from which scores on it refuses.
        options: ClassifierOptions,
    },
    /// PDQ hashes of known pictures, one of 64 hexadecimal digits a line.
    HashList {
        /// The lines.
        text: String,
    },
    /// The same in a text file of at most 512 MiB.
    HashFile {
        /// The file's path.
        path: String,
    },
}

/// A classifier of pictures: one input (1, 3, H, W) and one output (1, N), single precision. What is
/// left out comes from the file's metadata (`kinora.labels`, `.mean`, `.std`, `.channels`,
/// `.thresholds`, `.scores`); what neither says is `model.classifier` when the studio is opened.
#[derive(Clone, uniffi::Record)]
pub struct ClassifierOptions {
    /// The ONNX file.
    pub file: ClassifierFile,
    /// A name for `Clip.checks` and errors.
    #[uniffi(default = "classifier")]
    pub name: String,
    /// The label of each score, in the output's order.
    #[uniffi(default)]
    pub labels: Option<Vec<String>>,
    /// The mean of each channel on a scale of 0–1; three numbers.
    #[uniffi(default)]
    pub mean: Option<Vec<f32>>,
    /// The standard deviation of each channel likewise; given together with `mean`.
    #[uniffi(default)]
    pub deviation: Option<Vec<f32>>,
    /// The order of the channels.
    #[uniffi(default)]
    pub channels: Option<ChannelOrder>,
    /// What the numbers are that it gives.
    #[uniffi(default)]
    pub scores: Option<ClassifierScores>,
    /// From which score on, above 0 and at most 1, a label refuses a picture.
    #[uniffi(default)]
    pub thresholds: Option<HashMap<String, f32>>,
}

/// Where a classifier's ONNX file is.
#[derive(Clone, uniffi::Enum)]
pub enum ClassifierFile {
    /// In a file.
    Path {
        /// Its path.
        path: String,
    },
    /// In memory.
    Bytes {
        /// The bytes of the file.
        bytes: Vec<u8>,
    },
}

/// The order of the channels in a classifier's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum ChannelOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// What the numbers are that a classifier gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum ClassifierScores {
    /// Probabilities, 0–1.
    Probabilities,
    /// Logits of classes of which one holds.
    Softmax,
    /// Logits of classes that hold independently.
    Sigmoid,
}

/// A gate that a clip has passed.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum ClipCheck {
    /// The prompt gate.
    Prompt,
    /// A gate that looked at the photo.
    Input {
        /// Its name.
        gate: String,
    },
    /// A gate that looked at frames.
    Output {
        /// Its name.
        gate: String,
        /// How many frames it saw.
        frames: u32,
    },
}

/// Reports of clips that a person objects to, in a folder on this device. Kinora sends nothing of
/// it: the app shows its own form, files the answer here and sees to it.
#[derive(Debug, uniffi::Object)]
pub struct ReportQueue {
    queue: safety::ReportQueue,
}

/// What a person objects to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum ReportCategory {
    /// It is sexual, or shows somebody undressed.
    Sexual,
    /// It endangers or sexualises a child.
    Child,
    /// It is violent or cruel.
    Violence,
    /// It shows a real person who has not agreed, or in what they never did.
    RealPerson,
    /// It attacks people for what they are.
    Hate,
    /// Something else: the text says what.
    Other,
}

/// A report as it is filed.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Display)]
pub struct NewClipReport {
    /// The app's name for the clip, such as its number or SHA-256; at most 200 characters.
    pub clip: String,
    /// What it objects to.
    pub category: ReportCategory,
    /// What the person says; at most 2,000 characters.
    #[uniffi(default = "")]
    pub text: String,
    /// A picture to go with it, as the bytes of a file of at most 16 MiB; only with the person's yes.
    #[uniffi(default)]
    pub picture: Option<Vec<u8>>,
}

/// A report that was filed.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Display)]
pub struct ClipReport {
    /// Its number, which sorts by time.
    pub id: String,
    /// The app's name for the clip.
    pub clip: String,
    /// What it objects to.
    pub category: ReportCategory,
    /// What the person says.
    pub text: String,
    /// When it was filed, milliseconds since 1970 in UTC.
    pub filed_ms: i64,
    /// When it was marked as handled, likewise.
    pub handled_ms: Option<i64>,
    /// Whether there is a picture.
    pub has_picture: bool,
}

/// What is in a queue.
#[derive(Debug, Clone, uniffi::Record)]
pub struct ClipReports {
    /// The reports, oldest first.
    pub reports: Vec<ClipReport>,
    /// Numbers of reports whose files are damaged; they can still be deleted.
    pub damaged: Vec<String>,
}

#[uniffi::export]
impl ReportQueue {
    /// Opens the queue in `folder`, which is made where it is not there.
    ///
    /// Fails with `safety.report_folder` when the folder cannot be used.
    #[uniffi::constructor]
    pub fn open(folder: String) -> Result<Arc<Self>> {
        guard(|| Ok(Arc::new(Self { queue: safety::ReportQueue::open(folder)? })))
    }

    /// Files a report and says its number.
    ///
    /// Fails with `safety.report_text` or `safety.report_picture` for what is too long.
    pub fn add(&self, report: NewClipReport) -> Result<String> {
        guard(|| {
            let mut new = safety::NewReport::new(report.clip, report.category.into());
            new = new.text(report.text);
            if let Some(picture) = report.picture {
                new = new.picture(picture);
            }
            Ok(self.queue.add(new)?)
        })
    }

    /// All reports, and the numbers of those that cannot be read.
    pub fn list(&self) -> Result<ClipReports> {
        guard(|| {
            let safety::Reports { reports, damaged } = self.queue.list()?;
            Ok(ClipReports { reports: reports.into_iter().map(Into::into).collect(), damaged })
        })
    }

    /// Marks a report as handled, now.
    pub fn mark_handled(&self, id: String) -> Result<()> {
        guard(|| Ok(self.queue.mark_handled(&id)?))
    }

    /// The picture that was filed with a report; `safety.no_report` where there is none.
    pub fn picture(&self, id: String) -> Result<Vec<u8>> {
        guard(|| Ok(self.queue.picture(&id)?))
    }

    /// Deletes a report and its picture, also a damaged one.
    pub fn delete(&self, id: String) -> Result<()> {
        guard(|| Ok(self.queue.delete(&id)?))
    }

    /// Deletes every report.
    pub fn delete_all(&self) -> Result<()> {
        guard(|| Ok(self.queue.delete_all()?))
    }
}

impl SafetyOptions {
    pub(super) fn into_core(self) -> Result<safety::Safety> {
        let mut core = safety::Safety::default();
        if self.without_prompt_gate {
            core = core.without_prompt_gate();
        }
        for gate in self.input.unwrap_or_default() {
            core = core.input(gate.into_core()?);
        }
        for gate in self.output.unwrap_or_default() {
            core = core.output(gate.into_core()?);
        }
        Ok(core)
    }
}

impl PictureGate {
    fn into_core(self) -> Result<safety::Gate> {
        Ok(match self {
            Self::Check { check } => safety::Gate::check(Forward(check)),
            Self::Classifier { options } => options.into_core()?.into(),
            Self::HashList { text } => safety::HashList::parse(&text)?.into(),
            Self::HashFile { path } => safety::HashList::open(path)?.into(),
        })
    }
}

impl ClassifierOptions {
    fn into_core(self) -> Result<safety::Classifier> {
        let mut core = match self.file {
            ClassifierFile::Path { path } => safety::Classifier::path(path),
            ClassifierFile::Bytes { bytes } => safety::Classifier::bytes(bytes),
        };
        if let Some(labels) = self.labels {
            core = core.labels(labels);
        }
        if self.mean.is_some() || self.deviation.is_some() {
            let three = |numbers: Option<Vec<f32>>| numbers?.try_into().ok();
            let (Some(mean), Some(deviation)) = (three(self.mean), three(self.deviation)) else {
                return Err(KinoraError::Model {
                    code: "model.classifier".to_owned(),
                    reason: "give three means and three deviations, or neither".to_owned(),
                    detail: None,
                });
            };
            core = core.normalisation(mean, deviation);
        }
        match self.channels {
            Some(ChannelOrder::Rgb) => core = core.channels(safety::ChannelOrder::Rgb),
            Some(ChannelOrder::Bgr) => core = core.channels(safety::ChannelOrder::Bgr),
            None => {}
        }
        let scores = self.scores.map(|scores| match scores {
            ClassifierScores::Probabilities => safety::Scores::Probabilities,
            ClassifierScores::Softmax => safety::Scores::Softmax,
            ClassifierScores::Sigmoid => safety::Scores::Sigmoid,
        });
        if let Some(scores) = scores {
            core = core.scores(scores);
        }
        for (label, least) in self.thresholds.unwrap_or_default() {
            core = core.threshold(label, least);
        }
        Ok(core.name(self.name))
    }
}

/// The core's check that calls the app's.
struct Forward(Arc<dyn PictureCheck>);

impl safety::PictureCheck for Forward {
    fn check(
        &self,
        picture: &safety::Picture<'_>,
    ) -> std::result::Result<safety::Verdict, safety::CheckFailure> {
        let side = match picture.side() {
            safety::Side::Input => PictureSide::Input,
            safety::Side::Output => PictureSide::Output,
        };
        let (width, height, rgb) = (picture.width(), picture.height(), picture.pixels().to_vec());
        Ok(match self.0.check(CheckedPicture { width, height, rgb, side })? {
            PictureVerdict::Allow => safety::Verdict::Allow,
            PictureVerdict::Refuse { category } => safety::Verdict::Refuse { category },
        })
    }
}

impl From<safety::Checked> for ClipCheck {
    fn from(checked: safety::Checked) -> Self {
        match checked {
            safety::Checked::Prompt => Self::Prompt,
            safety::Checked::Input { gate } => Self::Input { gate },
            safety::Checked::Output { gate, frames } => Self::Output { gate, frames },
        }
    }
}

impl From<safety::Report> for ClipReport {
    fn from(report: safety::Report) -> Self {
        Self {
            id: report.id,
            clip: report.clip,
            category: report.category.into(),
            text: report.text,
            filed_ms: millis(report.filed),
            handled_ms: report.handled.map(millis),
            has_picture: report.has_picture,
        }
    }
}

impl From<ReportCategory> for safety::ReportCategory {
    fn from(category: ReportCategory) -> Self {
        match category {
            ReportCategory::Sexual => Self::Sexual,
            ReportCategory::Child => Self::Child,
            ReportCategory::Violence => Self::Violence,
            ReportCategory::RealPerson => Self::RealPerson,
            ReportCategory::Hate => Self::Hate,
            ReportCategory::Other => Self::Other,
        }
    }
}

impl From<safety::ReportCategory> for ReportCategory {
    fn from(category: safety::ReportCategory) -> Self {
        match category {
            safety::ReportCategory::Sexual => Self::Sexual,
            safety::ReportCategory::Child => Self::Child,
            safety::ReportCategory::Violence => Self::Violence,
            safety::ReportCategory::RealPerson => Self::RealPerson,
            safety::ReportCategory::Hate => Self::Hate,
            safety::ReportCategory::Other => Self::Other,
        }
    }
}

fn millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// No pixels.
impl fmt::Debug for CheckedPicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckedPicture({}×{}, {:?})", self.width, self.height, self.side)
    }
}

/// Neither the words nor the picture.
impl fmt::Debug for NewClipReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewClipReport({:?})", self.category)
    }
}

/// Neither the words nor the clip.
impl fmt::Debug for ClipReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClipReport({}, {:?})", self.id, self.category)
    }
}

/// Which kind, without what it holds.
impl fmt::Debug for PictureGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Check { .. } => "Check",
            Self::Classifier { .. } => "Classifier",
            Self::HashList { .. } | Self::HashFile { .. } => "HashList",
        })
    }
}

impl fmt::Debug for ClassifierOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClassifierOptions({})", self.name)
    }
}
