//! A prompt ► the ways in which it can be read.
//!
//! Whoever wants past a word list respells: `nüde`, `n.u.d.e`, `nuuude`, a Cyrillic е. One
//! normal form cannot undo all of it without spoiling honest text ("4k" is no "ak", Russian is no
//! misspelt English), so a prompt gets several readings, and a term counts if any one has it.
//! Repeated letters are not undone here but forgiven while matching.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{is_combining_mark, is_public_assigned};

use super::MAX_PROMPT_CHARS;

/// Stands for a letter that a 1, ! or | may mean: i or l.
pub(super) const I_OR_L: char = '1';
/// Stands for any letter.
pub(super) const ANY: char = '*';

/// The longest word that is put together from single letters; longer ones are looked at in parts.
const LONGEST_SPELT: usize = 16;

/// A word of a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Folded characters; [`I_OR_L`] and [`ANY`] where a disguise leaves a choice.
    pub(super) chars: Vec<char>,
    /// White space stands before it.
    pub(super) spaced: bool,
    /// Punctuation that parts clauses stands before it.
    pub(super) apart: bool,
}

/// All readings of a prompt.
#[derive(Debug, Default)]
pub(super) struct Readings {
    /// Sequences of words, for words and phrases.
    pub(super) texts: Vec<Vec<Word>>,
    /// Pieces put together from neighbours; only a whole term in them counts.
    pub(super) pieces: Vec<Vec<char>>,
    /// Everything without white space and punctuation, for scripts that write no spaces.
    pub(super) unspaced: String,
}

/// Whether a prompt can be checked at all.
pub(super) fn is_readable(prompt: &str) -> bool {
    let (mut all, mut visible, mut unknown) = (0_usize, 0_usize, 0_usize);
    for c in prompt.chars() {
        all += 1;
        // An override shows letters in another order than they are stored, so that what is
        // checked and what is read would differ.
        let overrides = matches!(c, '\u{202D}' | '\u{202E}');
        let control = c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if all > MAX_PROMPT_CHARS || overrides || control {
            return false;
        }
        if !c.is_whitespace() && !is_invisible(c) {
            visible += 1;
            // The replacement character is what is left of bytes that were no text.
            unknown += usize::from(!is_public_assigned(c) || c == '\u{FFFD}');
        }
    }
    unknown * 2 <= visible
}

/// Whether several hidden characters stand between letters that are written without them.
///
/// One has two readings, a space or nothing, and both are taken; several have too many. Scripts
/// that join their letters, or part words that way, use them honestly.
pub(super) fn hides_words(prompt: &str) -> bool {
    let plain = |c: &char| {
        c.is_alphanumeric()
            && !is_unspaced_script(*c)
            && !matches!(c, '\u{590}'..='\u{1CFF}' | '\u{A800}'..='\u{ABFF}')
            && !matches!(c, '\u{FB1D}'..='\u{FEFC}')
    };
    let (mut times, mut last, mut hidden) = (0, ' ', false);
    for c in prompt.chars() {
        if is_invisible(c) {
            hidden = true;
            continue;
        }
        times += usize::from(hidden && plain(&last) && plain(&c));
        (last, hidden) = (c, false);
    }
    times > 1
}

/// All readings of a prompt.
pub(super) fn readings(prompt: &str) -> Readings {
    let written = fold(prompt);
    let mut bases = vec![written.clone()];
    // Hidden characters and humps may stand for the spaces that a phrase needs, or hide in a word.
    for (hidden, humps) in [(true, false), (false, true), (true, true)] {
        let spread = fold_spread(prompt, hidden, humps);
        if !bases.contains(&spread) {
            bases.push(spread);
        }
    }
    let mut out = Readings {
        unspaced: written.chars().filter(|c| is_word_char(*c) || is_picture(*c)).collect(),
        ..Readings::default()
    };
    for base in &bases {
        for text in [words(base, false), words(&unmask(base), true)] {
            let glued = glue(&text);
            let spelt = join_letters(&text, &mut out.pieces);
            join_pairs(&text, &mut out.pieces);
            for view in [text, glued, spelt] {
                if !out.texts.contains(&view) {
                    out.texts.push(view);
                }
            }
        }
    }
    // Most readings agree on most pieces.
    out.pieces.sort_unstable();
    out.pieces.dedup();
    out
}

/// Lower case without accents, hidden characters and presentation forms.
pub(super) fn fold(text: &str) -> String {
    fold_spread(text, false, false)
}

/// [`fold`], where spaces stand for hidden characters, or before a capital after a small letter.
fn fold_spread(text: &str, hidden: bool, humps: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before_small = false;
    for c in text.chars() {
        // Tag characters spell ASCII that nobody sees but a model may read.
        let c = match u32::from(c) {
            n @ 0xE0020..=0xE007E => char::from_u32(n - 0xE0000).unwrap_or(c),
            _ => c,
        };
        if is_invisible(c) {
            if hidden {
                shown.push(' ');
            }
            continue;
        }
        if humps && before_small && c.is_uppercase() {
            shown.push(' ');
        }
        before_small = c.is_lowercase();
        shown.push(c);
    }

    let mut plain = String::with_capacity(shown.len());
    let mut last = ' ';
    for c in shown.nfkd().flat_map(char::to_lowercase) {
        if is_invisible(c) || (is_combining_mark(c) && !is_letter_part(last, c)) {
            continue;
        }
        match c {
            'ß' => plain.push_str("ss"),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            _ => plain.push(fold_letter(c)),
        }
        last = c;
    }
    // Hangul and kana were taken apart above; terms hold whole syllables.
    plain.nfc().collect()
}

/// Letters that have an accent inside, and digits of other scripts.
fn fold_letter(c: char) -> char {
    let ascii_digit = |zero: u32| {
        let digit = u32::from(c).saturating_sub(zero);
        char::from_digit(digit, 10).unwrap_or(c)
    };
    match c {
        'ł' => 'l',
        'ø' => 'o',
        'đ' | 'ð' => 'd',
        'ħ' => 'h',
        'ı' => 'i',
        'ſ' => 's',
        'ґ' => 'г',
        'ة' => 'ه',
        'ى' | 'ی' => 'ي',
        'ک' => 'ك',
        'ँ' => 'ं',
        '٠'..='٩' => ascii_digit(0x660),
        '۰'..='۹' => ascii_digit(0x6F0),
        '०'..='९' => ascii_digit(0x966),
        _ => c,
    }
}

/// Whether a mark is part of the letter before it rather than an accent on it.
///
/// Vowels of Indian scripts are marks, and か with a mark is another syllable. On any other letter
/// the same marks are decoration.
fn is_letter_part(last: char, mark: char) -> bool {
    match mark {
        // The nukta is written or left out at will.
        '\u{93C}' => false,
        '\u{900}'..='\u{109F}' | '\u{1780}'..='\u{17D3}' => {
            matches!(last, '\u{900}'..='\u{109F}' | '\u{1780}'..='\u{17D3}')
        }
        '\u{3099}' | '\u{309A}' => matches!(last, '\u{3041}'..='\u{30FF}'),
        _ => false,
    }
}

/// Characters that take no room: joiners, marks of direction, selectors, fillers, soft hyphens.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{640}' | '\u{115F}' | '\u{1160}' | '\u{17B4}'
        | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Letters of other scripts ► the Latin letters that they look like.
pub(super) fn unmask(text: &str) -> String {
    text.chars().map(unmask_letter).collect()
}

fn unmask_letter(c: char) -> char {
    let latin = |first: u32| {
        let place = u8::try_from(u32::from(c).saturating_sub(first)).unwrap_or(0);
        char::from(b'a' + place.min(25))
    };
    match c {
        'а' | 'α' | 'ɑ' | 'ᴀ' => 'a',
        'в' | 'ь' | 'β' | 'ʙ' => 'b',
        'с' | 'ϲ' | 'ᴄ' => 'c',
        'ԁ' | 'δ' | 'ᴅ' => 'd',
        'е' | 'є' | 'ε' | 'ᴇ' | 'ə' => 'e',
        'ꜰ' | 'ғ' => 'f',
        'ɡ' | 'ɢ' => 'g',
        'н' | 'һ' | 'հ' | 'ʜ' => 'h',
        'і' | 'ι' | 'ɪ' | 'ɩ' => 'i',
        'ј' | 'ᴊ' => 'j',
        'к' | 'κ' | 'ᴋ' => 'k',
        'ӏ' | 'ʟ' => 'l',
        'м' | 'ᴍ' => 'm',
        'п' | 'η' | 'ո' | 'ɴ' => 'n',
        'о' | 'ο' | 'σ' | 'օ' | 'ᴏ' => 'o',
        'р' | 'ρ' | 'ᴘ' => 'p',
        'ԛ' => 'q',
        'г' | 'я' | 'ʀ' => 'r',
        'ѕ' | 'ς' | 'ꜱ' => 's',
        'т' | 'τ' | 'ᴛ' => 't',
        'υ' | 'ս' | 'μ' | 'ʋ' | 'ᴜ' => 'u',
        'ѵ' | 'ν' | 'ᴠ' => 'v',
        'ԝ' | 'ω' | 'ѡ' | 'ᴡ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' | 'ʏ' => 'y',
        'ᴢ' => 'z',
        // Letters in black discs and squares, and those that flags are made of.
        '\u{1F150}'..='\u{1F169}' => latin(0x1F150),
        '\u{1F170}'..='\u{1F189}' => latin(0x1F170),
        '\u{1F1E6}'..='\u{1F1FF}' => latin(0x1F1E6),
        _ => c,
    }
}

/// Folded text ► words. With `disguised`, digits and signs between letters stand for letters.
pub(super) fn words(text: &str, disguised: bool) -> Vec<Word> {
    let chars: Vec<char> = text.chars().collect();
    let mut out: Vec<Word> = Vec::new();
    let mut open = false;
    let (mut spaced, mut apart) = (true, true);
    for (at, &c) in chars.iter().enumerate() {
        if !(is_word_char(c) || (disguised && is_sign(&chars, at))) {
            open = false;
            spaced |= c.is_whitespace();
            apart |= !c.is_whitespace() && !matches!(c, '-' | '_' | '\'' | '’');
            continue;
        }
        let before = at.checked_sub(1).and_then(|i| chars.get(i)).copied();
        if before.is_some_and(|b| parts(b, c, disguised)) {
            open = false;
        }
        match out.last_mut() {
            Some(word) if open => word.chars.push(c),
            _ => out.push(Word { chars: vec![c], spaced, apart }),
        }
        open = true;
        (spaced, apart) = (false, false);
    }
    if disguised {
        for word in &mut out {
            // A number stays a number: 455 is a count, a55 is not.
            if word.chars.iter().any(|c| c.is_alphabetic()) {
                word.chars.iter_mut().for_each(|c| *c = sign_letter(*c));
            }
        }
    }
    out
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

/// Pictures count in unspaced text; punctuation does not.
pub(super) fn is_picture(c: char) -> bool {
    matches!(c, '\u{1F300}'..='\u{1FAFF}')
}

/// Whether two neighbouring word characters belong to two words: 15yo, nude女孩.
fn parts(before: char, c: char, disguised: bool) -> bool {
    is_unspaced_script(before) != is_unspaced_script(c)
        || (!disguised
            && before.is_ascii_digit() != c.is_ascii_digit()
            && before.is_alphanumeric()
            && c.is_alphanumeric())
}

/// Scripts whose terms are looked for inside words: Han, kana, Hangul.
pub(super) fn is_unspaced_script(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11FF}' | '\u{3040}'..='\u{30FF}' | '\u{3131}'..='\u{318E}'
        | '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' | '\u{20000}'..='\u{323AF}')
}

/// Whether a sign stands where only a letter makes sense.
fn is_sign(chars: &[char], at: usize) -> bool {
    let near = |i: Option<usize>| i.and_then(|i| chars.get(i)).copied().unwrap_or(' ');
    let (before, after) = (near(at.checked_sub(1)), near(at.checked_add(1)));
    let money = |c: char| matches!(c, '@' | '$' | '€' | '£' | '¢');
    match near(Some(at)) {
        c if money(c) => {
            let written = |c: char| c.is_alphanumeric() || money(c);
            written(before) || written(after)
        }
        // At the end it is an exclamation.
        '!' | '|' => after.is_alphanumeric() || (after == '!' && before.is_alphanumeric()),
        '+' => before.is_alphabetic() && after.is_alphabetic(),
        '*' | '#' => {
            let hidden = |c: char| matches!(c, '*' | '#');
            let end = |c: &&char| !hidden(**c);
            let left = chars.get(..at).and_then(|left| left.iter().rev().find(end));
            let right = chars.get(at..).and_then(|right| right.iter().find(end));
            let letter = |c: Option<&char>| c.is_some_and(|c| c.is_alphabetic());
            // *word* is emphasis and f**k is not: letters on both sides.
            letter(left) && letter(right)
        }
        _ => false,
    }
}

fn sign_letter(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' | '|' => I_OR_L,
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        '9' => 'g',
        '£' => 'l',
        '¢' => 'c',
        '#' => ANY,
        _ => c,
    }
}

/// Words that only punctuation parts become one: n.u.d.e, un-dress.
fn glue(text: &[Word]) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::with_capacity(text.len());
    for word in text {
        let here = word.chars.first().is_some_and(|c| is_unspaced_script(*c));
        match out.last_mut() {
            Some(last)
                if !word.spaced
                    && last.chars.last().is_some_and(|c| is_unspaced_script(*c)) == here =>
            {
                last.chars.extend(&word.chars);
            }
            _ => out.push(word.clone()),
        }
    }
    out
}

/// Three and more single letters in a row become one word, and its parts become pieces.
///
/// The parts are needed because an article may lead ("a n u d e") and words may follow each other.
fn join_letters(text: &[Word], pieces: &mut Vec<Vec<char>>) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::with_capacity(text.len());
    for run in text.chunk_by(|a, b| a.chars.len() == 1 && b.chars.len() == 1) {
        let (Some(first), true) = (run.first(), run.len() >= 3) else {
            out.extend_from_slice(run);
            continue;
        };
        let letters: Vec<char> = run.iter().flat_map(|word| word.chars.iter().copied()).collect();
        for start in 0..letters.len() {
            for len in 4..=LONGEST_SPELT {
                if let Some(part) = letters.get(start..start + len) {
                    pieces.push(part.to_vec());
                }
            }
        }
        if let Some(rest) = letters.get(1..) {
            pieces.push(rest.to_vec());
        }
        out.push(Word { chars: letters, ..first.clone() });
    }
    out
}

/// Neighbours that may be halves of a word: "un dress".
///
/// Six letters at least: shorter ones meet by chance, as in "the pen is".
fn join_pairs(text: &[Word], pieces: &mut Vec<Vec<char>>) {
    for pair in text.windows(2) {
        if let [a, b] = pair
            && a.chars.len() + b.chars.len() >= 6
            && a.chars.len() >= 2
            && b.chars.len() >= 2
        {
            let piece: Vec<char> = a.chars.iter().chain(&b.chars).copied().collect();
            if piece.iter().all(|c| c.is_alphabetic()) {
                pieces.push(piece);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{fold, hides_words, is_readable, readings, unmask, words};

    fn plain(text: &str, disguised: bool) -> Vec<String> {
        words(text, disguised).into_iter().map(|word| word.chars.into_iter().collect()).collect()
    }

    #[test]
    fn folding_removes_what_only_decorates() {
        assert_eq!(fold("ŃÜD\u{200B}É\u{AD}"), "nude");
        assert_eq!(fold("ⓃⓊⒹⒺ 𝓃𝓊𝒹ℯ"), "nude nude");
        assert_eq!(fold("Straße, Łódź, İki"), "strasse, lodz, iki");
        assert_eq!(fold("n\u{94D}u\u{3099}de"), "nude");
        assert_eq!(fold("١٥ १५ １５"), "15 15 15");
    }

    #[test]
    fn folding_keeps_what_is_a_letter() {
        assert_eq!(fold("ヌード ガ"), "ヌード ガ");
        assert_eq!(fold("나체"), "나체");
        assert_eq!(fold("नंगी"), "नंगी");
    }

    #[test]
    fn disguises_fall_only_between_letters() {
        assert_eq!(unmask("ѕех"), "sex");
        assert_eq!(
            plain("n0d 455 she smiles! *so* f**k", true),
            ["nod", "455", "she", "smiles", "so", "f**k"]
        );
        assert_eq!(plain("15yo nude女孩", false), ["15", "yo", "nude", "女孩"]);
    }

    #[test]
    fn spelt_words_are_put_together() {
        let has = |prompt: &str, word: &str| {
            let all = readings(prompt);
            let chars: Vec<char> = word.chars().collect();
            all.pieces.contains(&chars)
                || all.texts.iter().flatten().any(|word| word.chars == chars)
        };
        assert!(has("w a v e", "wave"));
        assert!(has("a w a v e", "wave"));
        assert!(has("w.a.v.e", "wave"));
        assert!(has("wa-ve", "wave"));
        assert!(has("wav ing", "waving"));
        assert!(has("She\u{200B}Waves", "waves"));
    }

    #[test]
    fn what_cannot_be_read_is_told_apart() {
        assert!(is_readable("two lines\n\tand a tab"));
        assert!(is_readable("ok \u{E123}"));
        assert!(is_readable(&"a".repeat(4_000)));
        assert!(!is_readable(&"a".repeat(4_001)));
        assert!(!is_readable("a\u{7}b"));
        assert!(!is_readable("a\u{202E}b"));
        assert!(!is_readable("\u{E000}\u{E001}a"));
        assert!(!is_readable("\u{FFFD}\u{FFFD}a"));
        assert!(hides_words("ta\u{AD}ke\u{200B}off"));
        assert!(!hides_words(
            "take\u{200B}off 👩\u{200D}🚀\u{FE0F} می\u{200C}خواهم می\u{200C}خواهم"
        ));
    }
}
