//! Promise: what docs/safety.md says of the red-team prompts is so. tests/fixtures/red_team.tsv has
//! them: what should happen (`minors`, `intimacy`, `people` for a refusal of any category, `pass`), an
//! ISO 639 code, and the prompt; a row that begins with `#` is a known miss.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use kinora::safety::{Subject, check_prompt};

#[test]
fn the_red_team_gets_through_where_the_record_says() {
    let mut wrong = Vec::new();
    let mut rows = 0;
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
        rows += 1;
    }
    assert!(rows >= 200, "{rows}");
    assert!(wrong.is_empty(), "{} of {rows}:\n{}", wrong.len(), wrong.join("\n"));
}
