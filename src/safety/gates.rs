//! Which gates a studio has, and passing pictures through them. What cannot be judged is refused.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::classifier::{Classifier, OpenClassifier};
use super::hash_list::HashList;
use super::picture::{CheckFailure, Picture, PictureCheck, Side, Verdict};
use crate::error::{Detail, Error, Result};
use crate::runtime::{Cancel, Runtime};

/// The longest category and name of a host that an error repeats, characters.
const LONGEST_WORD: usize = 80;

/// The gates of a [`Studio`](crate::Studio), for
/// [`StudioOptions::safety`](crate::StudioOptions::safety).
///
/// By default prompts are checked with [`check_prompt`](super::check_prompt) and pictures are not:
/// Kinora brings no classifier and no list of hashes, a host does.
///
/// ```no_run
/// use kinora::StudioOptions;
/// use kinora::safety::{Classifier, HashList, Safety};
///
/// # fn main() -> kinora::Result<()> {
/// let nudity = Classifier::path("nudity.onnx").threshold("explicit", 0.6);
/// let safety = Safety::default()
///     .input(nudity.clone())
///     .output(nudity)
///     .hash_list(HashList::open("known.txt")?);
/// let options = StudioOptions::default().safety(safety);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Safety {
    without_prompt_gate: bool,
    gates: Vec<(Where, Gate)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Input,
    Output,
    Both,
}

impl Where {
    fn is_at(self, side: Side) -> bool {
        matches!((self, side), (Self::Both, _) | (Self::Input, Side::Input))
            || (self, side) == (Self::Output, Side::Output)
    }
}

impl Safety {
    /// Adds a gate for the photo, before any network of a job sees it.
    #[must_use]
    pub fn input(mut self, gate: impl Into<Gate>) -> Self {
        self.gates.push((Where::Input, gate.into()));
        self
    }

    /// Adds a gate for the frames of clips made on this device: the first, the last, and about two a
    /// second between, each before the encoder or sink gets it.
    #[must_use]
    pub fn output(mut self, gate: impl Into<Gate>) -> Self {
        self.gates.push((Where::Output, gate.into()));
        self
    }

    /// Adds a list of hashes of known pictures, which neither photo nor frame may be a copy of.
    #[must_use]
    pub fn hash_list(mut self, list: HashList) -> Self {
        self.gates.push((Where::Both, list.into()));
        self
    }

    /// Switches the prompt gate off for clips that are made on this device. A log line says so when
    /// the studio is opened, and [`Clip::checks`](crate::Clip::checks) then lacks it. What is sent to
    /// a remote model is still checked; that has a switch of its own.
    #[must_use]
    pub fn without_prompt_gate(mut self) -> Self {
        self.without_prompt_gate = true;
        self
    }
}

/// One gate for pictures: a [`Classifier`], a [`HashList`] or a host's own [`PictureCheck`].
#[derive(Clone)]
pub struct Gate(Kind);

#[derive(Clone)]
enum Kind {
    Check(Arc<dyn PictureCheck>),
    Classifier(Classifier),
    HashList(HashList),
}

impl Gate {
    /// A host's own check.
    pub fn check(check: impl PictureCheck + 'static) -> Self {
        Self(Kind::Check(Arc::new(check)))
    }
}

impl From<Arc<dyn PictureCheck>> for Gate {
    fn from(check: Arc<dyn PictureCheck>) -> Self {
        Self(Kind::Check(check))
    }
}

impl From<Classifier> for Gate {
    fn from(classifier: Classifier) -> Self {
        Self(Kind::Classifier(classifier))
    }
}

impl From<HashList> for Gate {
    fn from(list: HashList) -> Self {
        Self(Kind::HashList(list))
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Check(_) => f.write_str("PictureCheck"),
            Kind::Classifier(classifier) => classifier.fmt(f),
            Kind::HashList(list) => list.fmt(f),
        }
    }
}

/// A gate that a clip has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
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

/// Which gate refused what, and why: the source of an error with the code `safety.input_refused` or
/// `safety.output_refused`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{gate}: {category}")]
pub struct Refusal {
    /// Photo or frame.
    pub side: Side,
    /// The gate's name.
    pub gate: String,
    /// What it found: a classifier's label, a host's word, or `known picture`.
    pub category: String,
}

/// Gates that are ready.
pub(crate) struct Gates {
    prompts: bool,
    gates: Vec<(Where, Open)>,
}

enum Open {
    Check(Arc<dyn PictureCheck>),
    Classifier(Box<OpenClassifier>),
    HashList(HashList),
}

impl Gates {
    /// Opens what has to be opened.
    ///
    /// # Errors
    /// Those of a classifier: `model.*`.
    pub(crate) fn open(safety: Safety, runtime: &Runtime) -> Result<Self> {
        if safety.without_prompt_gate {
            log::warn!("safety: the prompt gate is switched off for clips made on this device");
        }
        let open = |(at, Gate(kind))| {
            let gate = match kind {
                Kind::Check(check) => Open::Check(check),
                Kind::Classifier(classifier) => {
                    Open::Classifier(Box::new(classifier.open(runtime)?))
                }
                Kind::HashList(list) => Open::HashList(list),
            };
            Ok((at, gate))
        };
        let gates = safety.gates.into_iter().map(open).collect::<Result<_>>()?;
        Ok(Self { prompts: !safety.without_prompt_gate, gates })
    }

    /// Whether local prompts are checked.
    pub(crate) fn check_prompts(&self) -> bool {
        self.prompts
    }

    /// Whether anything looks at this side.
    pub(crate) fn look_at(&self, side: Side) -> bool {
        self.gates.iter().any(|(at, _)| at.is_at(side))
    }

    /// The names of those that look at this side.
    pub(crate) fn names(&self, side: Side) -> impl Iterator<Item = String> {
        self.gates.iter().filter(move |(at, _)| at.is_at(side)).map(|(_, gate)| gate.name())
    }

    /// Passes a picture through every gate of its side, in the order in which they were added.
    ///
    /// # Errors
    /// `safety.input_refused` and `safety.output_refused` with a [`Refusal`] as source;
    /// `safety.check_failed` when a gate could not judge; [`Error::Cancelled`].
    pub(crate) fn check(&self, picture: &Picture<'_>, cancel: &Cancel) -> Result<()> {
        for (_, gate) in self.gates.iter().filter(|(at, _)| at.is_at(picture.side())) {
            let judged = catch_unwind(AssertUnwindSafe(|| gate.judge(picture, cancel)));
            cancel.check()?;
            let verdict = judged.unwrap_or_else(|_| Err("it panicked".into()));
            match verdict {
                Ok(Verdict::Allow) => {}
                Ok(Verdict::Refuse { category }) => {
                    let (gate, side) = (gate.name(), picture.side());
                    return Err(refused(Refusal { side, gate, category: short(&category) }));
                }
                Err(error) => return Err(failed(Failed(gate.name(), error))),
            }
        }
        Ok(())
    }
}

impl Open {
    fn name(&self) -> String {
        match self {
            // A host's name is its code too.
            Self::Check(check) => catch_unwind(AssertUnwindSafe(|| short(check.name())))
                .unwrap_or_else(|_| "host".to_owned()),
            Self::Classifier(classifier) => short(&classifier.name),
            Self::HashList(_) => "hash list".to_owned(),
        }
    }

    fn judge(&self, picture: &Picture<'_>, cancel: &Cancel) -> Result<Verdict, CheckFailure> {
        match self {
            Self::Check(check) => check.check(picture),
            Self::Classifier(classifier) => classifier.check(picture, cancel),
            Self::HashList(list) if list.matches(picture) => {
                Ok(Verdict::Refuse { category: "known picture".to_owned() })
            }
            Self::HashList(_) => Ok(Verdict::Allow),
        }
    }
}

/// A gate that could not judge, by name.
#[derive(Debug, thiserror::Error)]
#[error("{0}: {1}")]
struct Failed(String, CheckFailure);

fn refused(refusal: Refusal) -> Error {
    let (code, message) = match refusal.side {
        Side::Input => (
            "safety.input_refused",
            "this photo was held back by a safety check: choose another one",
        ),
        Side::Output => (
            "safety.output_refused",
            "this clip was held back by a safety check: ask for other motion, or choose another \
             photo",
        ),
    };
    Error::Request(Detail::new(code, message).because(refusal))
}

fn failed(failure: Failed) -> Error {
    let message = "a safety check could not judge the picture, so nothing is made of it: try again, \
                   and tell the maker of this app if it stays";
    Error::Request(Detail::new("safety.check_failed", message).because(failure))
}

fn short(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(LONGEST_WORD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answer = fn() -> Result<Verdict, CheckFailure>;

    struct Says(Answer);

    impl PictureCheck for Says {
        fn check(&self, _: &Picture<'_>) -> Result<Verdict, CheckFailure> {
            self.0()
        }
    }

    fn gates(all: Vec<(Where, Answer)>) -> Gates {
        let open = |says| Open::Check(Arc::new(Says(says)) as Arc<dyn PictureCheck>);
        let gates = all.into_iter().map(|(at, says)| (at, open(says))).collect();
        Gates { prompts: true, gates }
    }

    fn judged(gates: &Gates, side: Side) -> Result<()> {
        gates.check(&Picture::new(1, 1, &[0; 3], side).unwrap(), &Cancel::new())
    }

    #[test]
    fn what_is_not_allowed_in_so_many_words_is_refused() {
        let nothing = gates(Vec::new());
        assert!(judged(&nothing, Side::Input).is_ok() && !nothing.look_at(Side::Input));
        let allow: Answer = || Ok(Verdict::Allow);
        let refuse: Answer = || Ok(Verdict::Refuse { category: "a\u{7}pple".to_owned() });
        let error = judged(&gates(vec![(Where::Both, allow), (Where::Input, refuse)]), Side::Input);
        let error = error.unwrap_err();
        assert_eq!(error.code(), "safety.input_refused");
        let Error::Request(detail) = &error else { panic!("{error:?}") };
        let refusal: &Refusal = detail.source().unwrap().downcast_ref().unwrap();
        assert_eq!((refusal.gate.as_str(), refusal.category.as_str()), ("host", "apple"));

        let fails: Answer = || Err("out of memory".into());
        let panics: Answer = || panic!("never mind");
        for broken in [fails, panics] {
            let broken = gates(vec![(Where::Output, broken)]);
            assert_eq!(judged(&broken, Side::Output).unwrap_err().code(), "safety.check_failed");
            assert!(judged(&broken, Side::Input).is_ok());
        }
    }
}
