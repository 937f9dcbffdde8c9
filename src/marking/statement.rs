//! What the marks of a clip say.

use super::Day;
use crate::photo::PhotoMarks;

/// The scheme of IPTC's terms for where pictures come from.
pub(super) const SOURCE_TYPES: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/";
/// Who writes the marks.
pub(super) const GENERATOR: &str = "Kinora";

/// How a clip came to be, in the terms of IPTC's NewsCodes `digitalsourcetype`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DigitalSourceType {
    /// Made by a model that was trained on samples.
    TrainedAlgorithmicMedia,
    /// Put together from parts, some of which such a model made.
    CompositeWithTrainedAlgorithmicMedia,
}

impl DigitalSourceType {
    /// The term.
    pub fn term(self) -> &'static str {
        match self {
            Self::TrainedAlgorithmicMedia => "trainedAlgorithmicMedia",
            Self::CompositeWithTrainedAlgorithmicMedia => "compositeWithTrainedAlgorithmicMedia",
        }
    }

    /// The term with its scheme, as files carry it.
    pub fn uri(self) -> String {
        format!("{SOURCE_TYPES}{}", self.term())
    }
}

/// The source type that a file declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Declared {
    /// A model had a part in it.
    Generated(DigitalSourceType),
    /// Any other term, such as a camera's.
    Other,
}

impl Declared {
    /// Reads a value of the property; the scheme may be left out or be `https`.
    pub(super) fn read(value: &str) -> Self {
        let value = value.trim();
        let rest = value.strip_prefix("http").map(|rest| rest.strip_prefix('s').unwrap_or(rest));
        let scheme = SOURCE_TYPES.strip_prefix("http").unwrap_or(SOURCE_TYPES);
        let term = rest.and_then(|rest| rest.strip_prefix(scheme)).unwrap_or(value);
        let known = [
            DigitalSourceType::TrainedAlgorithmicMedia,
            DigitalSourceType::CompositeWithTrainedAlgorithmicMedia,
        ];
        let found = known.into_iter().find(|known| known.term() == term);
        found.map_or(Self::Other, Self::Generated)
    }

    /// Whether a model had a part in it.
    pub fn is_generated(self) -> bool {
        matches!(self, Self::Generated(_))
    }
}

/// What the marks of a clip say: which model made it, with which version of Kinora, and on which
/// day. It tells nothing about whoever made it: no name, no device, no prompt, no seed, no time of
/// day.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement {
    /// The model, such as `kinora/motion` or `kling/3.0`.
    pub model: String,
    /// The model's version, such as `2`; empty where it has none of its own.
    pub model_version: String,
    /// The version of Kinora that wrote the clip.
    pub generator_version: String,
    /// The day on which the clip was made.
    pub day: Day,
    /// How it came to be.
    pub digital_source_type: DigitalSourceType,
    /// The marks of the photo that it was made of.
    pub photo_marks: PhotoMarks,
    /// Whether an invisible watermark lies in the pictures.
    pub watermarked: bool,
}

impl Statement {
    /// A clip that `model` of `model_version` made on `day`, by this version of Kinora.
    pub fn new(model: impl Into<String>, model_version: impl Into<String>, day: Day) -> Self {
        Self {
            model: model.into(),
            model_version: model_version.into(),
            generator_version: env!("CARGO_PKG_VERSION").to_owned(),
            day,
            digital_source_type: DigitalSourceType::TrainedAlgorithmicMedia,
            photo_marks: PhotoMarks::default(),
            watermarked: false,
        }
    }

    /// How it came to be; by default a model made it.
    #[must_use]
    pub fn digital_source_type(mut self, source_type: DigitalSourceType) -> Self {
        self.digital_source_type = source_type;
        self
    }

    /// The marks of the photo that it was made of; by default none.
    #[must_use]
    pub fn photo_marks(mut self, marks: PhotoMarks) -> Self {
        self.photo_marks = marks;
        self
    }

    /// Whether an invisible watermark lies in the pictures; by default not.
    #[must_use]
    pub fn watermarked(mut self, watermarked: bool) -> Self {
        self.watermarked = watermarked;
        self
    }

    /// `Kinora 0.1.0`.
    pub(super) fn generator(&self) -> String {
        format!("{GENERATOR} {}", self.generator_version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_with_and_without_their_scheme() {
        let trained = Declared::Generated(DigitalSourceType::TrainedAlgorithmicMedia);
        for value in [
            "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
            " https://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia\n",
            "trainedAlgorithmicMedia",
        ] {
            assert_eq!(Declared::read(value), trained);
        }
        let composite = DigitalSourceType::CompositeWithTrainedAlgorithmicMedia;
        assert_eq!(Declared::read(&composite.uri()), Declared::Generated(composite));
        for value in ["", "/", "digitalCapture", "xtrainedAlgorithmicMedia"] {
            assert_eq!(Declared::read(value), Declared::Other);
        }
    }
}
