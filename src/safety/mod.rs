//! What may not leave the device: the gate that a prompt passes before a company sees it.
//!
//! It refuses sexual content about minors, and intimacy that a depicted person has not agreed to.
//! It is a list of words and some stubbornness about spelling, not a judge of meaning: it comes
//! before a company's own moderation and replaces none of it.
//!
//! ```text
//! prompt ─► normal (as written, unmasked, glued …) ─► prompt (which terms) ─► Ok | Category
//!                             lexicon ─► matching, age ─┘
//! ```

mod age;
mod lexicon;
mod matching;
mod normal;
mod prompt;

pub use prompt::check_prompt;

/// The longest prompt that is looked at, in characters; a longer one is [`Category::Unreadable`].
pub const MAX_PROMPT_CHARS: usize = 4_000;

/// Why a prompt is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// It names a minor, or an age under 18, and something sexual. Refused for every subject.
    SexualMinors,
    /// It undresses, sexualises or secretly films a person who has not agreed to it.
    NonConsensualIntimacy,
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
            Self::Unreadable => "safety.unreadable",
        }
    }

    /// One sentence for the person who wrote the prompt: why it stays here, and what would not.
    ///
    /// It never repeats the words that were found, so that it is no guide around them.
    #[must_use]
    pub fn what_to_do(self) -> &'static str {
        match self {
            Self::SexualMinors => {
                "This was not sent because it reads as sexual content about a minor; describe \
                 everyday motion, such as a smile, a wave or a turn of the head, without it."
            }
            Self::NonConsensualIntimacy => {
                "This was not sent because it asks for nudity or intimacy that the person in the \
                 photo has not agreed to; describe motion that leaves them dressed and untouched."
            }
            Self::Unreadable => {
                "This was not sent because it cannot be checked; write at most 4,000 characters \
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
        let all = [Category::SexualMinors, Category::NonConsensualIntimacy, Category::Unreadable];
        let codes = all.map(Category::code);
        assert_eq!(
            codes,
            ["safety.sexual_minors", "safety.non_consensual_intimacy", "safety.unreadable"]
        );
        for category in all {
            let sentence = category.what_to_do();
            assert!(sentence.starts_with("This was not sent because"));
            assert!(sentence.ends_with('.') && !sentence.contains("  "), "{sentence}");
        }
    }

    #[test]
    fn an_unknown_subject_counts_as_a_person() {
        assert!(Subject::default().shows_person);
    }
}
