//! Terms of the lexicon ► where they are in a text.

use std::collections::HashMap;
use std::ops::Range;

use super::lexicon::{CLASSES, GAP_ENDS};
use super::normal::{ANY, I_OR_L, fold, is_picture, is_unspaced_script, unmask};

/// Words that may stand in a gap of a phrase.
const GAP: usize = 3;
/// Characters that may stand in a gap where no spaces are written.
const UNSPACED_GAP: usize = 6;
/// The longest stem with ending that a term may have; a bit each.
const LONGEST_TERM: usize = 63;
/// Arabic particles that are written onto a word, the longer first.
const PARTICLES: &[&str] = &["وال", "بال", "فال", "كال", "لل", "ال", "و", "ب", "ف", "ل"];

/// A stem with one ending, or with any.
#[derive(Debug)]
struct Form {
    chars: Vec<char>,
    any_ending: bool,
}

/// Forms that stand for each other at one place of a phrase.
#[derive(Debug)]
struct Slot {
    forms: Vec<Form>,
    /// Words may stand before it.
    gap: bool,
}

#[derive(Debug)]
struct Phrase<T> {
    slots: Vec<Slot>,
    kind: T,
}

#[derive(Debug)]
struct Inside<T> {
    first: String,
    second: Option<String>,
    kind: T,
}

/// Terms, sought by the first letter of their first word.
#[derive(Debug)]
pub(super) struct Table<T> {
    phrases: Vec<Phrase<T>>,
    /// Which phrase, and which form of its first word, begins with a letter.
    by_first: HashMap<char, Vec<(usize, usize)>>,
    /// For scripts without spaces: one or two parts in order, by the first letter.
    inside: HashMap<char, Vec<Inside<T>>>,
}

impl<T: Copy> Table<T> {
    pub(super) fn new() -> Self {
        Self { phrases: Vec::new(), by_first: HashMap::new(), inside: HashMap::new() }
    }

    pub(super) fn extend<'a>(&mut self, terms: impl IntoIterator<Item = &'a &'a str>, kind: T) {
        for term in terms {
            if is_unspaced(term) {
                let (first, second) = match term.split_once('~') {
                    Some((first, second)) => (fold(first), Some(fold(second))),
                    None => (fold(term), None),
                };
                if let Some(letter) = first.chars().next() {
                    self.inside.entry(letter).or_default().push(Inside { first, second, kind });
                }
                continue;
            }
            let slots = slots(term);
            let firsts = slots.first().map(|slot| slot.forms.as_slice()).unwrap_or_default();
            for (form, first) in firsts.iter().enumerate() {
                if let Some(letter) = first.chars.first() {
                    self.by_first.entry(*letter).or_default().push((self.phrases.len(), form));
                }
            }
            self.phrases.push(Phrase { slots, kind });
        }
    }

    /// Phrases that a word with this first character may begin: first form, other words, kind.
    fn candidates(&self, first: char) -> impl Iterator<Item = (&Form, &[Slot], T)> {
        let other = if first == I_OR_L { [Some('i'), Some('l')] } else { [None, None] };
        let letters = [Some(first)].into_iter().chain(other).flatten();
        let places = letters.filter_map(|letter| self.by_first.get(&letter)).flatten();
        places.filter_map(|(phrase, form)| {
            let phrase = self.phrases.get(*phrase)?;
            let (slot, rest) = phrase.slots.split_first()?;
            Some((slot.forms.get(*form)?, rest, phrase.kind))
        })
    }

    /// Reports each phrase that begins at a word, and where it ends.
    pub(super) fn at(&self, text: &[Vec<&[char]>], at: usize, mut report: impl FnMut(T, usize)) {
        for stem in text.get(at).into_iter().flatten() {
            let Some(first) = stem.first() else { continue };
            for (form, rest, kind) in self.candidates(*first) {
                if matches(&form.chars, form.any_ending, stem)
                    && let Some(end) = end_of(rest, text, at + 1)
                {
                    report(kind, end);
                }
            }
        }
    }

    /// Reports each term of one word that these characters are, with no further ending.
    pub(super) fn whole(&self, chars: &[char], mut report: impl FnMut(T)) {
        let Some(first) = chars.first() else { return };
        for (form, rest, kind) in self.candidates(*first) {
            if rest.is_empty() && matches(&form.chars, false, chars) {
                report(kind);
            }
        }
    }

    /// Reports each term inside text without spaces, and the bytes where its first part is.
    pub(super) fn inside(&self, text: &str, mut report: impl FnMut(T, Range<usize>)) {
        for (at, letter) in text.char_indices() {
            for term in self.inside.get(&letter).into_iter().flatten() {
                let after = text.get(at..).and_then(|from| from.strip_prefix(&*term.first));
                if after.is_some_and(|after| follows(after, term.second.as_deref())) {
                    report(term.kind, at..at + term.first.len());
                }
            }
        }
    }
}

/// Whether the second part of a term, if it has one, stands soon in what comes after the first.
fn follows(after: &str, second: Option<&str>) -> bool {
    let Some(second) = second else { return true };
    let reach = UNSPACED_GAP + second.chars().count();
    let end = after.char_indices().nth(reach).map_or(after.len(), |(end, _)| end);
    after.get(..end).is_some_and(|near| near.contains(second))
}

/// Whether a term is sought inside text.
fn is_unspaced(term: &str) -> bool {
    term.chars().next().is_some_and(|c| is_unspaced_script(c) || is_picture(c))
}

/// A term as it is written in the lexicon ► its places.
fn slots(term: &str) -> Vec<Slot> {
    let mut out = Vec::new();
    let mut gap = false;
    let alone = !term.contains(' ');
    for item in term.split_whitespace() {
        if item == "~" {
            gap = true;
            continue;
        }
        let mut forms = Vec::new();
        for choice in item.split('/') {
            match choice.strip_prefix('@') {
                Some(name) => CLASSES
                    .iter()
                    .filter(|(class, _)| *class == name)
                    .flat_map(|(_, members)| members.split('/'))
                    .for_each(|member| push_forms(member, alone, &mut forms)),
                None => push_forms(choice, alone, &mut forms),
            }
        }
        out.push(Slot { forms, gap });
        gap = false;
    }
    out
}

fn push_forms(written: &str, alone: bool, forms: &mut Vec<Form>) {
    let (stem, endings) = written.split_once('(').unwrap_or((written, ")"));
    for ending in endings.trim_end_matches(')').split(',') {
        let (stem, any_ending) = match stem.strip_suffix('*') {
            Some(stem) => (stem, true),
            None => (stem, false),
        };
        let plain = fold(&format!("{stem}{ending}"));
        // Text in another script than Latin is unmasked too, so its terms need that form as well.
        // A short one that becomes all Latin could be an everyday word.
        let masked = unmask(&plain);
        let distinct = !alone || !masked.is_ascii() || masked.len() >= 4;
        if masked != plain && distinct {
            forms.push(Form { chars: masked.chars().collect(), any_ending });
        }
        forms.push(Form { chars: plain.chars().collect(), any_ending });
    }
}

/// A word, and what is left of it without the particles that Arabic writes onto it.
pub(super) fn stems(word: &[char]) -> Vec<&[char]> {
    let mut out = vec![word];
    if word.first().is_some_and(|c| matches!(c, '\u{620}'..='\u{64A}')) {
        for particle in PARTICLES {
            let len = particle.chars().count();
            if word.len() >= len + 3
                && let Some((head, rest)) = word.split_at_checked(len)
                && particle.chars().eq(head.iter().copied())
            {
                out.push(rest);
            }
        }
    }
    out
}

/// Where the words of a phrase end, if they stand from a word on.
fn end_of(slots: &[Slot], text: &[Vec<&[char]>], at: usize) -> Option<usize> {
    let Some((slot, rest)) = slots.split_first() else { return Some(at) };
    let farthest = if slot.gap { at + GAP } else { at };
    for place in at..=farthest {
        let word = text.get(place)?;
        if slot.forms.iter().any(|f| word.iter().any(|w| matches(&f.chars, f.any_ending, w)))
            && let Some(end) = end_of(rest, text, place + 1)
        {
            return Some(end);
        }
        let ends = |w: &&[char]| GAP_ENDS.iter().any(|end| end.chars().eq(w.iter().copied()));
        if place < farthest && word.iter().any(ends) {
            return None;
        }
    }
    None
}

/// Whether a word is a form, forgiving letters that are repeated: "nuuude".
fn matches(form: &[char], any_ending: bool, word: &[char]) -> bool {
    // Most forms differ in the first letter: that is cheap to see.
    let begins = matches!((form, word), ([f, ..], [w, ..]) if stands_for(*w, *f));
    if !begins || form.len() > LONGEST_TERM {
        return false;
    }
    let done = 1_u64 << form.len();
    // Bit n: the word so far is the first n letters of the form.
    let mut reached = 1_u64;
    let mut last = None;
    for c in word {
        let mut next = 0;
        for (n, letter) in form.iter().enumerate() {
            if stands_for(*c, *letter) {
                next |= (reached >> n & 1) << (n + 1);
                if last == Some(c) && c.is_alphabetic() {
                    next |= reached & (1 << (n + 1));
                }
            }
        }
        if any_ending && next & done != 0 {
            return true;
        }
        if next == 0 {
            return false;
        }
        reached = next;
        last = Some(c);
    }
    reached & done != 0
}

fn stands_for(c: char, letter: char) -> bool {
    c == letter || c == ANY || (c == I_OR_L && matches!(letter, 'i' | 'l'))
}
