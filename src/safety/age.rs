//! Ages under 18, which make whoever is meant a minor.

use super::lexicon::{AGE_LEADS, AGE_SIGNS, NUMBERS};
use super::matching::Table;
use super::normal::Word;

/// What a year count is followed by when it is no age.
const NO_AGE: &[&str] = &["ago", "later", "earlier", "anniversary", "warranty", "plan"];

/// Whether an age under 18 is named: "15 yo", "aged 12", "sixteen-year-old".
///
/// `views` are the same words as `text`, and `units` what makes a number before it an age.
pub(super) fn has_young_age(text: &[Word], views: &[Vec<&[char]>], units: &Table<()>) -> bool {
    let is_one_of = |at: usize, list: &[&str]| {
        text.get(at).is_some_and(|w| list.iter().any(|l| l.chars().eq(w.chars.iter().copied())))
    };
    text.iter().enumerate().any(|(at, word)| {
        if !is_young(&word.chars) {
            return false;
        }
        let mut unit = false;
        units.at(views, at + 1, |(), end| unit |= !is_one_of(end, NO_AGE));
        let led = (1..=2)
            .any(|back| at.checked_sub(back).is_some_and(|before| is_one_of(before, AGE_LEADS)));
        // "15f" as in a contact advert; "15 f" may be a temperature.
        let advert = is_one_of(at + 1, &["f"]) && text.get(at + 1).is_some_and(|f| !f.spaced);
        unit || led || advert
    })
}

/// Whether a number, in digits or in words, is under 18.
fn is_young(word: &[char]) -> bool {
    let text: String = word.iter().collect();
    text.parse::<u32>().is_ok_and(|age| age < 18) || NUMBERS.contains(&text.as_str())
}

/// Whether an age under 18 stands before a sign of age: 12歳, 十五岁.
pub(super) fn has_young_age_sign(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    chars.iter().enumerate().filter(|(_, c)| AGE_SIGNS.contains(c)).any(|(at, _)| {
        let before = chars.get(..at).unwrap_or_default();
        let count = before.iter().rev().take_while(|c| numeral(**c).is_some()).count();
        let digits = before.get(at - count..).unwrap_or_default();
        count > 0 && value(digits).is_some_and(|age| age < 18)
    })
}

fn numeral(c: char) -> Option<u32> {
    const HAN: &str = "零一二三四五六七八九十";
    c.to_digit(10).or_else(|| {
        HAN.chars().position(|han| han == c).and_then(|place| u32::try_from(place).ok())
    })
}

/// Digits or Han numerals up to 99 ► a number; nothing for what is longer.
fn value(digits: &[char]) -> Option<u32> {
    if digits.len() > 3 {
        return None;
    }
    digits.iter().try_fold(0_u32, |sum, c| {
        let digit = numeral(*c)?;
        Some(match (*c, sum) {
            ('十', 0) => 10,
            ('十', tens) => tens * 10,
            _ if c.is_ascii_digit() => sum * 10 + digit,
            _ => sum + digit,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{has_young_age_sign, is_young};

    #[test]
    fn numbers_under_eighteen_are_young() {
        let young = |word: &str| is_young(&word.chars().collect::<Vec<_>>());
        assert!(["0", "7", "17", "seventeen"].into_iter().all(young));
        assert!(!["18", "180", "eighteen", "", "-1"].into_iter().any(young));
    }

    #[test]
    fn signs_of_age_follow_any_numeral() {
        let young = has_young_age_sign;
        assert!(["12歳", "十五岁", "十岁", "七歲", "9세", "a17才"].into_iter().all(young));
        assert!(!["18歳", "二十岁", "三十五岁", "112歳", "歳", "天才"].into_iter().any(young));
    }
}
