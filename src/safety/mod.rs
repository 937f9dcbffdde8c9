//! Gates before and after a job: prompt, photo and frames. What cannot be judged is refused.
//!
//! ```text
//! prompt ─► check_prompt ─► photo ─► input gates ─► networks ─► frames ─► output gates ─► encoder
//!              on by default          the host's                         the host's
//! ```
//!
//! The prompt gate is on by default, for local and remote jobs. It refuses sexual content about
//! minors, intimacy that a depicted person has not agreed to, and the abuse of a named person. It is
//! a list of words and some stubbornness about spelling, not a judge of meaning.
//!
//! Pictures are judged by what a host brings: an ONNX [`Classifier`], a [`HashList`] of known
//! pictures, its own [`PictureCheck`]. A [`ReportQueue`] keeps what people object to. Nothing here
//! sends anything.

mod age;
mod classifier;
mod gates;
mod hash_list;
mod lexicon;
mod matching;
mod normal;
mod pdq;
mod people;
mod picture;
mod prompt;
mod report;

pub use classifier::{ChannelOrder, Classifier, Scores};
pub(crate) use gates::Gates;
pub use gates::{Checked, Gate, Refusal, Safety};
pub use hash_list::{DISCARD_QUALITY, HashList, MATCH_DISTANCE};
pub use pdq::{NotAHash, PdqHash};
pub use picture::{CheckFailure, Picture, PictureCheck, Side, Verdict};
pub use prompt::check_prompt;
pub use report::{
    MAX_CLIP_CHARS, MAX_REPORT_CHARS, MAX_REPORT_PICTURE, NewReport, Report, ReportCategory,
    ReportQueue, Reports,
};

/// The longest prompt that is looked at, in characters; a longer one is [`Category::Unreadable`].
pub const MAX_PROMPT_CHARS: usize = 4_000;

/// Why a prompt is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// It names a minor, or an age under 18, and something sexual. Refused for every subject.
    SexualMinors,
    /// It undresses, sexualises or secretly films a person who has not agreed to it.
    NonConsensualIntimacy,
    /// It names a person, and degrades, hurts, defames or deceives about them.
    NamedPersonAbuse,
    /// It cannot be checked: too long, control characters, or characters that mean nothing.
    Unreadable,
}

impl Category {
    /// A name for logs and programs that never changes.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SexualMinors => "safety.sexual_minors",
            Self::NonConsensualIntimacy => "safety.non_consensual_intimacy",
            Self::NamedPersonAbuse => "safety.named_person_abuse",
            Self::Unreadable => "safety.unreadable",
        }
    }

    /// One sentence for the person who wrote the prompt: why nothing is made of it, and what would be.
    ///
    /// It never repeats the words that were found, so that it is no guide around them.
    #[must_use]
    pub fn what_to_do(self) -> &'static str {
        match self {
            Self::SexualMinors => {
                "Nothing was made or sent because this reads as sexual content about a minor; describe \
                 everyday motion, such as a smile, a wave or a turn of the head, without it."
            }
            Self::NonConsensualIntimacy => {
                "Nothing was made or sent because this asks for nudity or intimacy that the person in \
                 the photo has not agreed to; describe motion that leaves them dressed and untouched."
            }
            Self::NamedPersonAbuse => {
                "Nothing was made or sent because this shows a real person in what they have not \
                 done, or hurts or degrades them; describe motion that they would agree to."
            }
            Self::Unreadable => {
                "Nothing was made or sent because this cannot be checked; write at most 4,000 characters \
                 of plain text without hidden or control characters."
            }
        }
    }
}

/// What the prompt is about: the photo that it would animate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// Whether the photo shows, or may show, a real person. If unsure: true.
    pub shows_person: bool,
}

/// Somebody may be in the photo: whoever does not know gets the stricter check.
impl Default for Subject {
    fn default() -> Self {
        Self { shows_person: true }
    }
}

#[cfg(test)]
mod tests {
    use super::{Category, Subject};

    #[test]
    fn codes_are_stable_and_sentences_plain() {
        let all = [
            Category::SexualMinors,
            Category::NonConsensualIntimacy,
            Category::NamedPersonAbuse,
            Category::Unreadable,
        ];
        let codes = all.map(Category::code);
        assert_eq!(
            codes,
            [
                "safety.sexual_minors",
                "safety.non_consensual_intimacy",
                "safety.named_person_abuse",
                "safety.unreadable"
            ]
        );
        for category in all {
            let sentence = category.what_to_do();
            assert!(sentence.starts_with("Nothing was made or sent because"));
            assert!(sentence.ends_with('.') && !sentence.contains("  "), "{sentence}");
        }
    }

    #[test]
    fn an_unknown_subject_counts_as_a_person() {
        assert!(Subject::default().shows_person);
    }
}
