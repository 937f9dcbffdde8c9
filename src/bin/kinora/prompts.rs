//! `kinora prompts`: the words that a prompt may use.

use std::process::ExitCode;

use clap::Args;
use kinora::prompt::{Entry, LEXICON, Moment, ORDER, STRENGTHS};
use serde_json::json;

use crate::say;

#[derive(Args)]
pub(crate) struct Prompts {
    /// One line of JSON.
    #[arg(long)]
    json: bool,
}

const NOTES: &str = "\
Notes
  Left and right are the picture's as you see it, also in \"her left\".
  Commas and \"and\" mean together; words of order put one thing after another, at least half a
  second each. A pose (smile, look, tilt, closed eyes) is held until a later step takes another one.
  The camera, named once and apart, moves through the whole clip.
  Only the waves of water are waves; hands, arms and bodies cannot be moved, nor an open mouth or
  teeth invented. Such words are reported as not understood.

Examples
  she smiles, slow zoom in
  first he looks left, then right, then at the camera
  closes her eyes, and after that opens them and smiles a little
  nods twice, a breeze in her hair, handheld camera
  gentle waves, clouds drift left, the camera slowly pulls back
  (nothing)   a living portrait, or a slow push-in where there is no face";

impl Prompts {
    pub(crate) fn run(self) -> ExitCode {
        if self.json {
            say(table());
            return ExitCode::SUCCESS;
        }
        for section in LEXICON {
            say(section.title);
            for entry in section.entries {
                say(format_args!("  {:<34} {}", asks(entry), entry.does));
                for line in lines(entry.phrases) {
                    say(format_args!("      {line}"));
                }
            }
            say("");
        }
        say("Strengths (a motion is made so many times its amount, at most 1.2 in all)");
        let strengths: Vec<String> =
            STRENGTHS.iter().map(|(word, factor)| format!("{word} {factor}")).collect();
        lines(&strengths).iter().for_each(|line| say(format_args!("  {line}")));
        say("  not, no, never, without, stop, …n't: does not happen, or no longer");
        say("");
        say("Order");
        for (moment, means) in MOMENTS {
            let words: Vec<&str> =
                ORDER.iter().filter(|(_, m)| m == moment).map(|(word, _)| *word).collect();
            say(format_args!("  {means}"));
            lines(&words).iter().for_each(|line| say(format_args!("      {line}")));
        }
        say("  how often (blinks, winks, nods, shakes, brows)");
        say("      once, twice, three times, 4 times, several times, repeatedly");
        say("");
        say(NOTES);
        ExitCode::SUCCESS
    }
}

const MOMENTS: &[(Moment, &str)] = &[
    (Moment::First, "at the start"),
    (Moment::Next, "after what was said before"),
    (Moment::Last, "at the end"),
    (Moment::Before, "what stands before the word comes first"),
    (Moment::After, "what follows the word comes first"),
    (Moment::Together, "together"),
    (Moment::Always, "from start to end"),
];

/// "smile 0.9, nod 0.4".
fn asks(entry: &Entry) -> String {
    let asks = entry.asks.iter().map(|(motion, strength)| format!("{} {strength}", motion.tag()));
    let mut text = asks.collect::<Vec<_>>().join(", ");
    if entry.times > 1 {
        text.push_str(&format!(", {} times", entry.times));
    }
    text
}

/// Words joined with commas, in lines of about 90 letters.
fn lines(words: &[impl AsRef<str>]) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words {
        let word = word.as_ref();
        if let Some(line) = lines.last_mut() {
            if line.is_empty() {
                line.push_str(word);
                continue;
            }
            line.push(',');
            if line.len() + word.len() < 90 {
                line.push(' ');
                line.push_str(word);
                continue;
            }
        }
        lines.push(word.to_owned());
    }
    lines
}

fn table() -> serde_json::Value {
    let entries: Vec<_> = LEXICON
        .iter()
        .flat_map(|section| section.entries.iter().map(|entry| (section.title, entry)))
        .map(|(section, entry)| {
            let asks: Vec<_> = entry
                .asks
                .iter()
                .map(|(motion, strength)| {
                    json!({"motion": motion.tag(), "strength": (f64::from(*strength) * 100.0).round() / 100.0})
                })
                .collect();
            json!({
                "section": section,
                "phrases": entry.phrases,
                "asks": asks,
                "times": entry.times,
                "does": entry.does,
            })
        })
        .collect();
    let strengths: serde_json::Map<_, _> = STRENGTHS
        .iter()
        .map(|(word, factor)| {
            ((*word).to_owned(), json!((f64::from(*factor) * 100.0).round() / 100.0))
        })
        .collect();
    let order: serde_json::Map<_, _> = ORDER
        .iter()
        .map(|(word, moment)| ((*word).to_owned(), json!(format!("{moment:?}").to_lowercase())))
        .collect();
    json!({"lexicon": entries, "strengths": strengths, "order": order})
}
