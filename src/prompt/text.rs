//! A prompt as words and breaks, each word in plain letters and without its ending.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::lexicon::{Entry, LEXICON};
use super::words::{
    FILLERS, JOINTS, Moment, NEGATIONS, NOTHING, ORDER, PEOPLE, SAME, STRENGTHS, TIMES,
};

/// How many small words may stand within one phrase.
const LONGEST_GAP: usize = 6;

/// A word, or the end of a part of a sentence.
#[derive(Debug)]
pub(super) enum Token {
    Word(Word),
    Break,
}

#[derive(Debug)]
pub(super) struct Word {
    /// As it was written.
    pub(super) written: String,
    /// In small letters, without apostrophes and what follows them.
    pub(super) plain: String,
    /// What phrases are compared with.
    pub(super) stem: String,
    /// What it does where no phrase claims it.
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Strength(f32),
    Negation,
    Joint,
    Filler,
    Person,
    Other,
}

/// Words and breaks of any text, in time linear in its length.
pub(super) fn tokens(prompt: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    let end_word = |word: &mut String, tokens: &mut Vec<Token>| {
        let written = word.trim_matches(is_apostrophe);
        if !written.is_empty() {
            tokens.push(Token::Word(Word::new(written)));
        }
        word.clear();
    };
    for c in prompt.chars() {
        match c {
            ',' | '.' | ';' | ':' | '!' | '?' | '\n' | '…' | '、' | '。' | '，' | '；' | '：'
            | '！' | '？' | '(' | ')' | '[' | ']' | '|' | '/' => {
                end_word(&mut word, &mut tokens);
                tokens.push(Token::Break);
            }
            // A lone dash parts sentences, one within a word parts its halves: "push-in".
            '—' | '–' => {
                end_word(&mut word, &mut tokens);
                tokens.push(Token::Break);
            }
            '&' | '+' => {
                end_word(&mut word, &mut tokens);
                tokens.push(Token::Word(Word::new(c.encode_utf8(&mut [0; 4]))));
            }
            c if c.is_alphanumeric() || is_apostrophe(c) => word.push(c),
            // Accents that stand alone, and emoji: a word that nobody knows.
            c if !c.is_ascii() && !c.is_whitespace() && !"«»„“”·•".contains(c) => {
                word.push(c)
            }
            _ => end_word(&mut word, &mut tokens),
        }
    }
    end_word(&mut word, &mut tokens);
    tokens
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | '`' | 'ʼ')
}

impl Word {
    fn new(written: &str) -> Self {
        let small = written.to_lowercase();
        let (head, tail) = match small.split_once(is_apostrophe) {
            Some((head, tail)) => (head, Some(tail)),
            None => (small.as_str(), None),
        };
        let plain = head.to_owned();
        let vocabulary = vocabulary();
        let kind = if tail == Some("t") && plain.ends_with('n') {
            Kind::Negation
        } else {
            vocabulary.kinds.get(plain.as_str()).copied().unwrap_or(Kind::Other)
        };
        let stem = stem(vocabulary.same.get(plain.as_str()).copied().unwrap_or(&plain));
        Self { written: written.to_owned(), plain, stem, kind }
    }

    pub(super) fn is_small(&self) -> bool {
        !matches!(self.kind, Kind::Other | Kind::Joint)
    }
}

/// The word lists, made ready for looking up.
struct Vocabulary {
    kinds: HashMap<&'static str, Kind>,
    same: HashMap<&'static str, &'static str>,
    phrases: HashMap<String, Vec<Phrase>>,
    nothing: Vec<Vec<String>>,
    order: HashMap<&'static str, Vec<(Vec<&'static str>, Moment)>>,
    times: HashMap<&'static str, Vec<(Vec<&'static str>, u8)>>,
}

/// A phrase of the lexicon as stems.
#[derive(Debug)]
pub(super) struct Phrase {
    pub(super) entry: &'static Entry,
    pub(super) text: &'static str,
    stems: Vec<String>,
}

fn vocabulary() -> &'static Vocabulary {
    static VOCABULARY: OnceLock<Vocabulary> = OnceLock::new();
    VOCABULARY.get_or_init(|| {
        // Later lists win: "nor" negates and parts, "both" is a person.
        let lists = [
            (FILLERS, Kind::Filler),
            (PEOPLE, Kind::Person),
            (JOINTS, Kind::Joint),
            (NEGATIONS, Kind::Negation),
        ];
        let small = lists.iter().flat_map(|(words, kind)| words.iter().map(move |w| (*w, *kind)));
        let strengths = STRENGTHS.iter().map(|(word, factor)| (*word, Kind::Strength(*factor)));
        let kinds: HashMap<_, _> = small.chain(strengths).collect();
        let same: HashMap<_, _> = SAME.iter().copied().collect();
        let stems = |text: &'static str| -> Vec<String> {
            text.split(' ').map(|word| stem(same.get(word).copied().unwrap_or(word))).collect()
        };
        let mut phrases: HashMap<String, Vec<Phrase>> = HashMap::new();
        for entry in LEXICON.iter().flat_map(|section| section.entries) {
            for text in entry.phrases {
                let stems = stems(text);
                phrases.entry(stems[0].clone()).or_default().push(Phrase { entry, text, stems });
            }
        }
        let nothing = NOTHING.iter().map(|text| stems(text)).collect();
        let mut order: HashMap<_, Vec<_>> = HashMap::new();
        for (text, moment) in ORDER {
            let words: Vec<&str> = text.split(' ').collect();
            order.entry(words[0]).or_default().push((words, *moment));
        }
        let mut times: HashMap<_, Vec<_>> = HashMap::new();
        for (text, count) in TIMES {
            let words: Vec<&str> = text.split(' ').collect();
            times.entry(words[0]).or_default().push((words, *count));
        }
        Vocabulary { kinds, same, phrases, nothing, order, times }
    })
}

/// The phrase with the most words that starts at `at`, and where its words stand.
pub(super) fn longest_phrase(
    tokens: &[Token],
    at: usize,
    taken: &[bool],
) -> Option<(&'static Phrase, Vec<usize>)> {
    let Token::Word(first) = &tokens[at] else { return None };
    vocabulary()
        .phrases
        .get(&first.stem)?
        .iter()
        .filter_map(|phrase| Some((phrase, take(&phrase.stems, tokens, at, taken)?)))
        .reduce(|best, next| {
            let span = |hits: &[usize]| hits.last().copied().unwrap_or(at) - at;
            let longer = next.1.len() > best.1.len();
            let closer = next.1.len() == best.1.len() && span(&next.1) < span(&best.1);
            if longer || closer { next } else { best }
        })
}

/// Where the words of a phrase without any motion stand, if one starts at `at`.
pub(super) fn nothing(tokens: &[Token], at: usize, taken: &[bool]) -> Option<Vec<usize>> {
    let Token::Word(first) = &tokens[at] else { return None };
    let phrases = vocabulary().nothing.iter().filter(|stems| stems[0] == first.stem);
    phrases.filter_map(|stems| take(stems, tokens, at, taken)).next()
}

/// Where `stems` stand from `at` on: in order, only a few small words between.
fn take(stems: &[String], tokens: &[Token], at: usize, taken: &[bool]) -> Option<Vec<usize>> {
    let mut hits = vec![at];
    let mut next = at + 1;
    for wanted in &stems[1..] {
        let gap = next + LONGEST_GAP;
        loop {
            let Some(Token::Word(word)) = tokens.get(next) else { return None };
            if taken[next] || next > gap {
                return None;
            }
            if word.stem == *wanted {
                hits.push(next);
                next += 1;
                break;
            }
            if !word.is_small() || super::words::FIRM.contains(&word.plain.as_str()) {
                return None;
            }
            next += 1;
        }
    }
    Some(hits)
}

/// The longest words of order that start at `at`: how many they are, and what they say.
pub(super) fn moment(tokens: &[Token], at: usize) -> Option<(usize, Moment)> {
    let Token::Word(first) = &tokens[at] else { return None };
    longest(vocabulary().order.get(first.plain.as_str())?, tokens, at)
}

/// The longest words of number that start at `at`.
pub(super) fn times(tokens: &[Token], at: usize) -> Option<(usize, u8)> {
    let Token::Word(first) = &tokens[at] else { return None };
    longest(vocabulary().times.get(first.plain.as_str())?, tokens, at)
}

fn longest<T: Copy>(
    from: &[(Vec<&'static str>, T)],
    tokens: &[Token],
    at: usize,
) -> Option<(usize, T)> {
    let fits = |words: &[&str]| {
        words.iter().enumerate().all(|(i, wanted)| {
            matches!(tokens.get(at + i), Some(Token::Word(word)) if word.plain == *wanted)
        })
    };
    let fitting = from.iter().filter(|(words, _)| fits(words));
    fitting.max_by_key(|(words, _)| words.len()).map(|(words, value)| (words.len(), *value))
}

/// The entry whose phrase is exactly `text`.
pub(super) fn exact(text: &str) -> Option<&'static Phrase> {
    vocabulary().phrases.values().flatten().find(|phrase| phrase.text == text)
}

/// A word without its ending: "smiles", "smiling" and "smile" are one word.
fn stem(word: &str) -> String {
    if let Some(rest) = word.strip_suffix("ies").or_else(|| word.strip_suffix("ied"))
        && rest.len() >= 3
    {
        return format!("{rest}y");
    }
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

    fn plain(prompt: &str) -> Vec<String> {
        let words = tokens(prompt).into_iter().map(|token| match token {
            Token::Word(word) => word.plain,
            Token::Break => "|".to_owned(),
        });
        words.collect()
    }

    #[test]
    fn text_of_any_script_becomes_words() {
        assert_eq!(plain("She’s SMILING, push-in!"), ["she", "smiling", "|", "push", "in", "|"]);
        assert_eq!(plain("微笑，然后 眨眼。"), ["微笑", "|", "然后", "眨眼", "|"]);
        assert_eq!(
            plain("😀 e\u{301}te\u{301} “nod” 'wink'"),
            ["😀", "e\u{301}te\u{301}", "nod", "wink"]
        );
        assert!(plain(" \u{a0}\t\u{200a}'’ \"-\" ").is_empty());
    }

    #[test]
    fn endings_are_cut_and_short_words_stay() {
        for (word, wanted) in [
            ("smiles", "smil"),
            ("smiling", "smil"),
            ("nodding", "nod"),
            ("dollies", "dolly"),
            ("sing", "sing"),
            ("singing", "sing"),
            ("rolling", "roll"),
            ("eyes", "eye"),
            ("yes", "yes"),
            ("ies", "ies"),
            ("ß", "ß"),
        ] {
            assert_eq!(stem(word), wanted, "{word}");
        }
    }
}
