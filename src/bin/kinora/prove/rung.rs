use serde_json::{Value, json};

use crate::say;

/// One thing that was looked at: what, how, and what was found.
#[derive(Debug)]
pub(super) struct Rung {
    pub(super) name: &'static str,
    /// What is claimed.
    pub(super) checked: String,
    pub(super) outcome: Outcome,
    /// What happened to a program or file that does what must not be done.
    pub(super) control: Control,
}

/// What came out, each with a sentence.
#[derive(Debug)]
pub(super) enum Outcome {
    Passed(String),
    Failed(String),
    /// Could not run here: why.
    NotRun(String),
    /// Worth knowing, and no proof either way.
    Noted(String),
}

/// Whether the trap can spring at all.
#[derive(Debug)]
pub(super) enum Control {
    Caught(String),
    /// The trap let through what it is there for: what it says of the job is worth nothing.
    Missed(String),
    NotRun(String),
}

impl Rung {
    pub(super) fn broken(name: &'static str, why: &str) -> Self {
        Self {
            name,
            checked: "the rung itself".to_owned(),
            outcome: Outcome::Failed(why.to_owned()),
            control: Control::NotRun(why.to_owned()),
        }
    }

    /// False if it failed, or passed without a control that was caught.
    pub(super) fn holds(&self) -> bool {
        match (&self.outcome, &self.control) {
            (Outcome::Failed(_), _) => false,
            (Outcome::Passed(_), control) => matches!(control, Control::Caught(_)),
            (Outcome::NotRun(_) | Outcome::Noted(_), control) => {
                !matches!(control, Control::Missed(_))
            }
        }
    }

    pub(super) fn word(&self) -> &'static str {
        match &self.outcome {
            // A trap that was not seen to spring proves nothing.
            Outcome::Passed(_) if !self.holds() => "FAILED",
            Outcome::Passed(_) => "passed",
            Outcome::Failed(_) => "FAILED",
            Outcome::NotRun(_) => "not run",
            Outcome::Noted(_) => "noted",
        }
    }

    pub(super) fn tell(&self) {
        say(format_args!("{:<8} {:<10} {}", self.word(), self.name, self.checked));
        say(format_args!("{:<19} {}", "", self.found()));
        let (word, found) = self.control.parts();
        say(format_args!("{:<19} control {word}: {found}", ""));
    }

    pub(super) fn json(&self) -> Value {
        let (word, found) = self.control.parts();
        json!({
            "rung": self.name,
            "checked": self.checked,
            "result": self.word().to_lowercase(),
            "found": self.found(),
            "control": word,
            "control_found": found,
        })
    }

    fn found(&self) -> &str {
        match &self.outcome {
            Outcome::Passed(found)
            | Outcome::Failed(found)
            | Outcome::NotRun(found)
            | Outcome::Noted(found) => found,
        }
    }
}

impl Control {
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Caught(found) => ("caught", found),
            Self::Missed(found) => ("MISSED", found),
            Self::NotRun(found) => ("not run", found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(outcome: fn(String) -> Outcome, control: fn(String) -> Control) -> Rung {
        let (outcome, control) = (outcome("o".to_owned()), control("c".to_owned()));
        Rung { name: "r", checked: "c".to_owned(), outcome, control }
    }

    #[test]
    fn a_pass_needs_a_control_that_was_caught() {
        assert_eq!(rung(Outcome::Passed, Control::Caught).word(), "passed");
        for control in [Control::Missed, Control::NotRun] {
            let rung = rung(Outcome::Passed, control);
            assert!(!rung.holds());
            assert_eq!(rung.json()["result"], "failed");
        }
        assert!(!rung(Outcome::Failed, Control::Caught).holds());
        assert!(!rung(Outcome::Noted, Control::Missed).holds());
        assert!(rung(Outcome::NotRun, Control::NotRun).holds());
    }
}
