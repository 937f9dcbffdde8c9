//! How prompts are read.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::motion::Motion;
use super::reading::STRONGEST;
use super::{Ask, LEXICON, Reading, Step};

type Plain = Vec<Vec<(Motion, f32)>>;

fn bare(step: &Step) -> Vec<(Motion, f32)> {
    step.iter().map(|ask| (ask.motion, (ask.strength * 1e4).round() / 1e4)).collect()
}

/// Everything of a prompt without order of time.
fn motions(prompt: &str) -> Vec<(Motion, f32)> {
    let reading = Reading::of(prompt);
    assert!(reading.steps.len() <= 1, "`{prompt}`: {:?}", reading.steps);
    reading
        .always
        .iter()
        .chain(reading.steps.iter().flatten())
        .map(|a| (a.motion, a.strength))
        .collect()
}

fn steps(prompt: &str) -> Plain {
    Reading::of(prompt).steps.iter().map(bare).collect()
}

#[test]
fn the_readme_prompt_is_understood() {
    let reading = Reading::of("she smiles, slow zoom in");
    assert_eq!(bare(&reading.steps[0]), [(Motion::Smile, 0.9)]);
    assert_eq!(bare(&reading.always), [(Motion::Zoom, 0.63)]);
    assert_eq!(reading.used, ["smiles", "slow", "zoom", "in"]);
    assert!(reading.ignored.is_empty());
    assert!(Reading::of("").is_empty());
}

#[test]
fn endings_and_small_words_do_not_matter() {
    for prompt in [
        "turns her head to the left",
        "turning left",
        "Turn LEFT!",
        "turned left",
        "she is turning her head towards the left side",
        "rotates leftwards",
        "She\u{2019}s looking to her left",
        "the little girl looks left",
    ] {
        assert_eq!(motions(prompt), [(Motion::LookSideways, -1.0)], "{prompt}");
    }
    assert_eq!(motions("nodding"), [(Motion::Nod, 1.0)]);
    assert_eq!(motions("he closes his eyes"), [(Motion::CloseEyes, 1.0)]);
}

#[test]
fn every_phrase_reads_as_itself() {
    for entry in LEXICON.iter().flat_map(|section| section.entries) {
        for phrase in entry.phrases {
            let reading = Reading::of(phrase);
            let asked: Vec<_> =
                reading.always.iter().chain(reading.steps.iter().flatten()).copied().collect();
            assert!(reading.ignored.is_empty(), "{phrase}: ignores {:?}", reading.ignored);
            assert_eq!(asked.len(), entry.asks.len(), "{phrase}: {asked:?}");
            for (motion, strength) in entry.asks {
                let ask = Ask { motion: *motion, strength: *strength, times: entry.times };
                assert!(asked.contains(&ask), "{phrase}: {asked:?}");
            }
        }
    }
}

#[test]
fn no_phrase_stands_twice_and_none_is_out_of_range() {
    let mut seen = HashSet::new();
    for entry in LEXICON.iter().flat_map(|section| section.entries) {
        assert!(entry.asks.iter().all(|(_, s)| s.abs() <= STRONGEST) && !entry.asks.is_empty());
        for phrase in entry.phrases {
            assert!(seen.insert(*phrase), "{phrase} stands twice");
        }
    }
}

#[test]
fn what_people_type_is_understood() {
    use Motion::*;
    let cases: &[(&str, &[(Motion, f32)])] = &[
        ("looks over her shoulder", &[(LookSideways, 1.1)]),
        ("gives a big smile", &[(Smile, 1.08)]),
        ("a small smile", &[(Smile, 0.495)]),
        ("she chuckles", &[(Smile, 1.0), (Nod, 0.3)]),
        ("he smirks", &[(Smile, 0.5)]),
        ("raises an eyebrow", &[(RaiseBrows, 1.0)]),
        ("shakes his head", &[(Shake, 1.0)]),
        ("shakes her head no", &[(Shake, 1.0)]),
        ("she says no", &[(Shake, 1.0)]),
        ("says yes", &[(Nod, 1.0)]),
        ("nods in agreement", &[(Nod, 1.0)]),
        ("breeze in her hair", &[(Sway, 0.7)]),
        ("hair blowing in the wind", &[(Sway, 1.0)]),
        ("the camera slowly pushes in", &[(Zoom, 0.56)]),
        ("push-in", &[(Zoom, 0.8)]),
        ("slow dolly out", &[(Zoom, -0.63)]),
        ("Ken Burns effect", &[(Zoom, 0.6), (PanSideways, 0.3)]),
        ("camera turns left", &[(PanSideways, -0.8)]),
        ("tilts her head up", &[(LookDown, -1.0)]),
        ("the camera tilts up", &[(PanDown, -0.8)]),
        (
            "static camera",
            &[(Zoom, 0.0), (PanSideways, 0.0), (PanDown, 0.0), (Orbit, 0.0), (Handheld, 0.0)],
        ),
        ("gentle waves on the lake", &[(Ripple, 0.6)]),
        ("by the waves", &[(Ripple, 1.0)]),
        ("still smiling", &[(Smile, 0.9)]),
        ("stays still", &[(Still, 1.0)]),
        ("doesn't blink", &[(Blink, 0.0)]),
        ("DOES NOT BLINK", &[(Blink, 0.0)]),
        ("without blinking", &[(Blink, 0.0)]),
        ("she looks happy", &[(Smile, 0.8)]),
        ("squints", &[(CloseEyes, 0.35)]),
    ];
    for (prompt, wanted) in cases {
        let got: Vec<_> = motions(prompt);
        assert_eq!(got.len(), wanted.len(), "{prompt}: {got:?}");
        for ((motion, strength), (wanted, amount)) in got.iter().zip(*wanted) {
            assert_eq!(motion, wanted, "{prompt}: {got:?}");
            assert!((strength - amount).abs() < 1e-4, "{prompt}: {got:?}");
        }
        assert!(Reading::of(prompt).ignored.is_empty(), "{prompt}");
    }
}

#[test]
fn what_the_rig_cannot_do_is_ignored() {
    for prompt in [
        "she waves",
        "the man is waving",
        "waves her hand",
        "waving goodbye",
        "waves at the camera",
        "dances",
        "opens her mouth",
        "bow tie",
        "walks through the rain",
        "puts on glasses",
    ] {
        assert_eq!(motions(prompt), [], "{prompt}");
        assert!(!Reading::of(prompt).ignored.is_empty(), "{prompt}");
    }
    let reading = Reading::of("she smiles and waves");
    assert_eq!(reading.ignored, ["waves"]);
    let reading = Reading::of("she plays the violin and smiles slightly");
    assert_eq!(reading.ignored, ["plays", "violin"]);
    assert_eq!(reading.used, ["smiles", "slightly"]);
}

#[test]
fn strengths_and_negations_stay_in_their_clause() {
    let read = motions("smile slightly and nod a lot, no blinking");
    assert!(read.contains(&(Motion::Smile, 0.45)));
    assert!(read.contains(&(Motion::Nod, 1.2)));
    assert!(read.contains(&(Motion::Blink, 0.0)));
    for (prompt, wanted) in [
        ("smiles a little bit", 0.9 * 0.55),
        ("smiles very slightly", 0.9 * 0.25),
        ("hardly smiles", 0.9 * 0.3),
        ("smiles very much", 0.9 * 1.2),
        ("big subtle smile", 0.9 * 0.45),
    ] {
        let read = motions(prompt);
        assert!((read[0].1 - wanted).abs() < 1e-4, "{prompt}: {read:?}");
    }
}

#[test]
fn words_of_order_make_steps() {
    use Motion::*;
    let (smile, nod, wink) = ((Smile, 0.9), (Nod, 1.0), (Wink, 1.0));
    let two = [vec![smile], vec![nod]];
    for prompt in [
        "first she smiles, then nods",
        "smiles and then nods",
        "Smile. After that, nod.",
        "She smiles before nodding",
        "Before nodding, she smiles",
        "nods after smiling",
        "After smiling, she nods",
        "smiles, and finally nods",
        "at the end she nods, at first she smiles",
        "smiling followed by nodding",
        "then she smiles, then she nods",
    ] {
        assert_eq!(steps(prompt), two, "{prompt}");
    }
    assert_eq!(steps("smile, nod and wink"), [[smile, nod, wink]]);
    assert_eq!(steps("first smile, then nod, finally wink"), [vec![smile], vec![nod], vec![wink]]);
    let left = vec![(LookSideways, -1.0)];
    let right = vec![(LookSideways, 1.0)];
    for prompt in
        ["first looks left, then right", "looks left and right", "looks left, then looks right"]
    {
        assert_eq!(steps(prompt), [left.clone(), right.clone()], "{prompt}");
    }
    let three = steps("first he looks left, then right, then at the camera");
    assert_eq!(three.len(), 3);
    assert_eq!(three[2], [(LookSideways, 0.0)]);
    assert_eq!(steps("looks around").len(), 2);
    assert_eq!(steps("smiles, then stops smiling")[1], [(Smile, 0.0)]);
    assert_eq!(steps("zooms in and out"), [[(Zoom, 0.9)], [(Zoom, -0.9)]]);
}

#[test]
fn times_are_counted() {
    for (prompt, times) in [("blinks twice", 2), ("blink three times", 3), ("nods", 1)] {
        assert_eq!(Reading::of(prompt).steps[0][0].times, times, "{prompt}");
    }
}

#[test]
fn any_text_is_read_in_linear_time() {
    for prompt in [
        "\0",
        "\u{202e}elims",
        "😀😀",
        "ａｂｃ",
        "'",
        "n't",
        "’’’",
        "–",
        "&",
        "then",
        "no",
        "微笑",
        "İ'ng",
    ] {
        let reading = Reading::of(prompt);
        assert!(reading.is_empty(), "{prompt}: {reading:?}");
    }
    for part in ["eyes ", "very ", "then nod ", "look the ", "nods after smiling ", "no, ", "x"] {
        let clock = Instant::now();
        let _ = Reading::of(&part.repeat(100_000));
        assert!(clock.elapsed() < Duration::from_secs(20), "{part}: {:?}", clock.elapsed());
    }
}
