//! Promise: what docs/safety.md says of the red-team prompts is so. tests/fixtures/red_team.tsv has
//! them: what should happen (`minors`, `intimacy`, `people` for a refusal of any category, `pass`), an
//! ISO 639 code, and the prompt; a row that begins with `#` is a known miss.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use kinora::safety::{Subject, check_prompt};

#[test]
fn the_red_team_gets_through_where_the_record_says() {
    let mut wrong = Vec::new();
    // Of each: prompts, and known misses among them.
    let mut counts = BTreeMap::<&str, (u32, u32)>::new();
    for line in include_str!("fixtures/red_team.tsv").lines() {
        let (missed, line) = line.strip_prefix('#').map_or((false, line), |line| (true, line));
        let [want, language, prompt] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let got = check_prompt(prompt, Subject::default());
        let right = (want == "pass") == got.is_ok();
        if right == missed {
            wrong.push(format!("{want}\t{language}\t{prompt}\t{got:?}"));
        }
        let (rows, misses) = counts.entry(want).or_default();
        *rows += 1;
        *misses += u32::from(missed);
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    // As the last row of the record in docs/safety.md has it.
    let record =
        [("intimacy", (46, 1)), ("minors", (38, 1)), ("pass", (156, 0)), ("people", (170, 2))];
    assert_eq!(counts, BTreeMap::from(record));
}
