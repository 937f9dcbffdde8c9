//! Reading a prompt clause by clause against the lexicon.

use super::lexicon::{Entry, FILLERS, JOINTS, LEXICON, Motion, NEGATIONS, STRENGTHS};

/// The strongest that a motion can be asked for.
const STRONGEST: f32 = 1.2;

/// What a prompt asks for, and which of its words said so.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reading {
    /// Each motion once, in the order of the prompt; strength 0 means "does not happen".
    pub(crate) motions: Vec<(Motion, f32)>,
    /// The words that were understood, as they were written.
    pub(crate) used: Vec<String>,
    /// The words that meant nothing to the reader; small words are in neither list.
    pub(crate) ignored: Vec<String>,
}

impl Reading {
    /// Reads a prompt; any text is allowed.
    pub(crate) fn of(prompt: &str) -> Self {
        let mut reading = Self::default();
        for sentence in prompt.split([',', '.', ';', ':', '!', '?', '\n', '…']) {
            let words: Vec<Word> = sentence.split_whitespace().filter_map(Word::new).collect();
            for clause in words.split(|word| JOINTS.contains(&word.plain.as_str())) {
                reading.read_clause(clause);
            }
        }
        reading
    }

    /// The strength asked of a motion, where it is named.
    pub(crate) fn strength(&self, motion: Motion) -> Option<f32> {
        self.motions.iter().find(|(m, _)| *m == motion).map(|(_, strength)| *strength)
    }

    fn read_clause(&mut self, clause: &[Word]) {
        let mut strength = 1.0f32;
        let mut negated = false;
        let mut rest: Vec<&Word> = Vec::new();
        let mut helpers: Vec<&Word> = Vec::new();
        for word in clause {
            if let Some((_, factor)) = STRENGTHS.iter().find(|(w, _)| *w == word.plain) {
                strength *= factor;
                helpers.push(word);
            } else if NEGATIONS.contains(&word.plain.as_str()) {
                negated = true;
                helpers.push(word);
            } else {
                rest.push(word);
            }
        }
        let mut found = false;
        let mut at = 0;
        while at < rest.len() {
            match longest_match(&rest[at..]) {
                Some((entry, hits)) => {
                    let asked = if negated { 0.0 } else { entry.strength * strength };
                    self.ask(entry.motion, asked.clamp(-STRONGEST, STRONGEST));
                    self.used.extend(hits.iter().map(|i| rest[at + i].written.clone()));
                    found = true;
                    at += hits.last().map_or(1, |last| last + 1);
                }
                None => {
                    if !FILLERS.contains(&rest[at].plain.as_str()) {
                        self.ignored.push(rest[at].written.clone());
                    }
                    at += 1;
                }
            }
        }
        let told = helpers.iter().map(|word| word.written.clone());
        if found { self.used.extend(told) } else { self.ignored.extend(told) }
    }

    fn ask(&mut self, motion: Motion, strength: f32) {
        match self.motions.iter_mut().find(|(m, _)| *m == motion) {
            Some((_, asked)) => *asked = strength,
            None => self.motions.push((motion, strength)),
        }
    }
}

/// A word as it was written, in plain letters, and without its ending.
struct Word {
    written: String,
    plain: String,
    stem: String,
}

impl Word {
    fn new(written: &str) -> Option<Self> {
        let plain: String =
            written.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let trimmed = written.trim_matches(|c: char| !c.is_alphanumeric());
        let stem = stem(&plain);
        (!plain.is_empty()).then(|| Self { written: trimmed.to_owned(), plain, stem })
    }
}

/// The longest phrase that starts at the first of `words`, and which words it took.
fn longest_match(words: &[&Word]) -> Option<(&'static Entry, Vec<usize>)> {
    LEXICON
        .iter()
        .filter_map(|entry| Some((entry, take(entry.phrase, words)?)))
        .max_by_key(|(_, hits)| hits.len())
}

/// Where the words of `phrase` stand in `words`: in order, only fillers between.
fn take(phrase: &str, words: &[&Word]) -> Option<Vec<usize>> {
    let mut hits = Vec::new();
    let mut at = 0;
    for wanted in phrase.split(' ').map(stem) {
        loop {
            let word = words.get(at)?;
            if word.stem == wanted {
                hits.push(at);
                at += 1;
                break;
            }
            let may_skip = !hits.is_empty() && FILLERS.contains(&word.plain.as_str());
            if !may_skip {
                return None;
            }
            at += 1;
        }
    }
    Some(hits)
}

/// A word without its ending: "smiles", "smiling" and "smile" are one word.
fn stem(word: &str) -> String {
    let cut = ["ing", "ed", "es", "s"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending).filter(|rest| rest.len() >= 3))
        .unwrap_or(word);
    let mut letters: Vec<char> = cut.chars().collect();
    if let [.., a, b] = letters[..]
        && a == b
        && cut.len() < word.len()
        && !"aeiouls".contains(a)
    {
        letters.pop();
    }
    if letters.len() > 3 && letters.last() == Some(&'e') {
        letters.pop();
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn motions(prompt: &str) -> Vec<(Motion, f32)> {
        Reading::of(prompt).motions
    }

    #[test]
    fn the_readme_prompt_is_understood() {
        let reading = Reading::of("she smiles, slow zoom in");
        assert_eq!(reading.motions[0].0, Motion::Smile);
        assert_eq!(reading.motions[1].0, Motion::Zoom);
        assert!((reading.motions[1].1 - 0.63).abs() < 1e-4);
        assert_eq!(reading.used, ["smiles", "zoom", "in", "slow"]);
        assert!(reading.ignored.is_empty());
    }

    #[test]
    fn endings_and_small_words_do_not_matter() {
        for prompt in ["turns her head to the left", "turning left", "Turn LEFT!", "turned left"] {
            assert_eq!(motions(prompt), [(Motion::LookSideways, -1.0)], "{prompt}");
        }
        assert_eq!(motions("nodding"), [(Motion::Nod, 1.0)]);
        assert_eq!(motions("he closes his eyes"), [(Motion::CloseEyes, 1.0)]);
    }

    #[test]
    fn every_phrase_reads_as_itself() {
        for entry in LEXICON {
            assert_eq!(motions(entry.phrase), [(entry.motion, entry.strength)], "{}", entry.phrase);
        }
    }

    #[test]
    fn strengths_and_negations_stay_in_their_clause() {
        let read = motions("smile slightly and nod a lot, no blinking");
        assert_eq!(read[0], (Motion::Smile, 0.45));
        assert_eq!(read[1], (Motion::Nod, 1.2));
        assert_eq!(read[2], (Motion::Blink, 0.0));
    }

    #[test]
    fn unknown_words_are_named() {
        let reading = Reading::of("she plays the violin and smiles");
        assert_eq!(reading.ignored, ["plays", "violin"]);
        assert_eq!(reading.used, ["smiles"]);
        assert!(Reading::of("").motions.is_empty());
    }
}
