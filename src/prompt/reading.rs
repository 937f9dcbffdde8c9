//! Reading a prompt clause by clause against the lexicon, into steps in order of time.

use super::motion::Motion;
use super::text::{self, Kind, Phrase, Token, Word};
use super::words::{ADJECTIVES, DIRECTIONS, INTENSIFIERS, LOOKING, Moment, THINGS};

/// The strongest that a motion can be asked for.
pub(super) const STRONGEST: f32 = 1.2;
/// The weakest that words can make it.
const WEAKEST_FACTOR: f32 = 0.2;

/// One motion that is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ask {
    pub(crate) motion: Motion,
    /// −1.2–1.2; 0 means "does not happen", or "no longer".
    pub(crate) strength: f32,
    /// How often, for gestures.
    pub(crate) times: u8,
}

/// What happens together; each motion once.
pub(crate) type Step = Vec<Ask>;

/// What a prompt asks for, and which of its words said so.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reading {
    /// What goes on from the clip's start to its end.
    pub(crate) always: Step,
    /// What happens one after the other; none is empty.
    pub(crate) steps: Vec<Step>,
    /// The words that were understood, as they were written.
    pub(crate) used: Vec<String>,
    /// The words that meant nothing to the reader; small words are in neither list.
    pub(crate) ignored: Vec<String>,
}

impl Reading {
    /// Reads a prompt; any text is allowed, and takes time linear in its length.
    pub(crate) fn of(prompt: &str) -> Self {
        let tokens = text::tokens(prompt);
        let mut reader = Reader::new(&tokens);
        reader.read();
        reader.finish()
    }

    /// Whether nothing is asked for.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.always.is_empty() && self.steps.is_empty()
    }
}

/// What became of a word.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Silent,
    Used,
    Ignored,
}

/// An ask on its way to its step.
#[derive(Debug, Clone, Copy)]
struct Placed {
    ask: Ask,
    /// Of the camera or the scenery, in a part of the sentence of its own without words of order.
    loose: bool,
}

#[derive(Debug, Default)]
struct Clause {
    phrases: Vec<&'static Phrase>,
    /// Places of words that only count beside a phrase.
    helpers: Vec<usize>,
    directions: Vec<usize>,
    strengths: Vec<f32>,
    intensified: bool,
    negated: bool,
    times: u8,
    moment: Option<Moment>,
    /// The first of its part of the sentence, or joined to another one.
    first: bool,
    /// It holds words that mean something else.
    other: bool,
    /// It only says more of the last one: "winks with her left eye".
    amends: bool,
}

struct Reader<'t> {
    tokens: &'t [Token],
    fates: Vec<Fate>,
    taken: Vec<bool>,
    clause: Clause,
    steps: Vec<Vec<Placed>>,
    always: Vec<Placed>,
    last: Vec<Placed>,
    current: usize,
    /// Words of order whose clause is still to come: "then, she smiles".
    pending: Option<(Moment, Vec<usize>)>,
    /// The last phrase, which a direction alone repeats: "looks left, then right".
    repeatable: Option<&'static Phrase>,
}

impl<'t> Reader<'t> {
    fn new(tokens: &'t [Token]) -> Self {
        Self {
            tokens,
            fates: vec![Fate::Silent; tokens.len()],
            taken: vec![false; tokens.len()],
            clause: Clause { first: true, ..Clause::default() },
            steps: vec![Vec::new()],
            always: Vec::new(),
            last: Vec::new(),
            current: 0,
            pending: None,
            repeatable: None,
        }
    }

    fn read(&mut self) {
        let tokens = self.tokens;
        let mut at = 0;
        while at < tokens.len() {
            at += match &tokens[at] {
                Token::Break => {
                    self.close(Clause { first: true, ..Clause::default() });
                    1
                }
                Token::Word(_) if self.taken[at] => 1,
                Token::Word(word) => self.word(word, at),
            };
        }
        self.close(Clause::default());
    }

    /// Reads the word at `at`; gives how many words are done.
    fn word(&mut self, word: &Word, at: usize) -> usize {
        if let Some(hits) = text::nothing(self.tokens, at, &self.taken) {
            self.claim(&hits, Fate::Ignored);
            self.clause.other = true;
            return 1;
        }
        if let Some((count, moment)) = text::moment(self.tokens, at) {
            // "Zoom out at the end": said of what stands before it.
            let ends = !matches!(self.tokens.get(at + count), Some(Token::Word(_)));
            let may_follow = matches!(moment, Moment::First | Moment::Last | Moment::Always);
            if ends && may_follow && !self.clause.phrases.is_empty() {
                self.clause.moment = Some(moment);
                self.clause.helpers.extend(at..at + count);
                return count;
            }
            let first = self.clause.first && self.clause.phrases.is_empty();
            let helpers = (at..at + count).collect();
            self.close(Clause { first, moment: Some(moment), helpers, ..Clause::default() });
            return count;
        }
        if let Some((count, times)) = text::times(self.tokens, at) {
            self.clause.times = times;
            self.clause.helpers.extend(at..at + count);
            return count;
        }
        if let Some((phrase, hits)) = text::longest_phrase(self.tokens, at, &self.taken) {
            if self.is_no_motion(phrase, at) {
                self.fates[at] = if word.plain == "still" { Fate::Silent } else { Fate::Ignored };
                self.clause.other = true;
            } else {
                self.claim(&hits, Fate::Used);
                self.clause.phrases.push(phrase);
            }
            return 1;
        }
        match word.kind {
            Kind::Joint => {
                self.close(Clause { amends: word.plain == "with", ..Clause::default() });
            }
            Kind::Negation => {
                self.clause.negated = true;
                self.clause.helpers.push(at);
            }
            Kind::Strength(factor) if !self.describes_a_thing(word, at) => {
                let next = self.tokens.get(at + 1);
                let next_is_strength =
                    matches!(next, Some(Token::Word(w)) if matches!(w.kind, Kind::Strength(_)));
                if INTENSIFIERS.contains(&word.plain.as_str()) && next_is_strength {
                    self.clause.intensified = true;
                } else {
                    self.clause.strengths.push(factor);
                }
                self.clause.helpers.push(at);
            }
            Kind::Other => {
                self.fates[at] = Fate::Ignored;
                self.clause.other = true;
            }
            Kind::Filler if DIRECTIONS.contains(&word.plain.as_str()) || word.plain == "camera" => {
                self.clause.directions.push(at);
            }
            Kind::Strength(_) | Kind::Filler | Kind::Person => {}
        }
        1
    }

    fn claim(&mut self, hits: &[usize], fate: Fate) {
        for &hit in hits {
            self.fates[hit] = fate;
            self.taken[hit] = true;
        }
    }

    fn at(&self, at: usize) -> Option<&'t Word> {
        match self.tokens.get(at) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// "The little girl", "big eyes": a thing's adjective says nothing of motion.
    fn describes_a_thing(&self, word: &Word, at: usize) -> bool {
        ADJECTIVES.contains(&word.plain.as_str())
            && self.at(at + 1).is_some_and(|next| {
                next.kind == Kind::Person || THINGS.contains(&next.plain.as_str())
            })
    }

    /// Words that are a motion only in some places.
    fn is_no_motion(&self, phrase: &Phrase, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| self.at(before));
        match phrase.text {
            // "Still smiling" is not standing still.
            "still" => self.at(at + 1).is_some_and(|next| next.plain.ends_with("ing")),
            // A person who waves waves a hand, which the rig has not; the waves are the sea's.
            "waves" => match before {
                Some(word) if word.kind == Kind::Person => true,
                Some(word) if word.kind == Kind::Joint => self
                    .repeatable
                    .is_some_and(|phrase| phrase.entry.asks.iter().any(|(m, _)| m.is_of_a_face())),
                Some(word) => {
                    matches!(word.plain.as_str(), "is" | "are" | "was" | "starts" | "keeps")
                }
                None => self.at(at).is_some_and(|word| word.plain != "waves"),
            },
            _ => false,
        }
    }

    /// Ends a clause, puts what it asks into its step, and starts the next one.
    fn close(&mut self, next: Clause) {
        let mut clause = std::mem::replace(&mut self.clause, next);
        if clause.phrases.is_empty() {
            self.repeat(&mut clause);
        } else {
            clause.amends = false;
        }
        if clause.phrases.is_empty() {
            match clause.moment {
                // "Then, she smiles": the order is for what follows.
                Some(moment) if !clause.other => {
                    let words = clause.helpers.clone();
                    self.pending = Some((moment, words));
                }
                _ => clause.helpers.iter().for_each(|&at| self.fates[at] = Fate::Ignored),
            }
            return;
        }
        clause.helpers.iter().for_each(|&at| self.fates[at] = Fate::Used);
        if let Some((moment, words)) = self.pending.take() {
            words.iter().for_each(|&at| self.fates[at] = Fate::Used);
            clause.moment.get_or_insert(moment);
        }
        self.place(&clause);
        self.repeatable = clause.phrases.last().copied();
    }

    /// A direction alone says the last phrase again with itself.
    fn repeat(&mut self, clause: &mut Clause) {
        let Some(last) = self.repeatable else { return };
        if clause.other {
            return;
        }
        for &at in &clause.directions {
            let Some(direction) = self.at(at) else { continue };
            let mut words: Vec<&str> = last.text.split(' ').collect();
            if LOOKING.contains(&words[0]) {
                // "Looks over her shoulder, then left".
                words.truncate(1);
            } else if words.last().is_some_and(|word| DIRECTIONS.contains(word)) {
                words.pop();
            }
            words.push(&direction.plain);
            if let Some(phrase) = text::exact(&words.join(" ")) {
                clause.phrases.push(phrase);
                self.fates[at] = Fate::Used;
            }
        }
        clause.amends &= !clause.phrases.is_empty();
    }

    fn place(&mut self, clause: &Clause) {
        let factor = clause.factor();
        let moment = clause.moment;
        let asks: Vec<Ask> = clause
            .phrases
            .iter()
            .flat_map(|phrase| phrase.entry.asks.iter().map(|ask| (phrase.entry.times, *ask)))
            .map(|(times, (motion, strength))| {
                let times = times.max(clause.times).max(1);
                match motion {
                    // Who does not move is still.
                    Motion::Idle if clause.negated => {
                        Ask { motion: Motion::Still, strength: 1.0, times }
                    }
                    _ if clause.negated => Ask { motion, strength: 0.0, times },
                    _ => {
                        let strength = (strength * factor).clamp(-STRONGEST, STRONGEST);
                        Ask { motion, strength, times }
                    }
                }
            })
            .collect();
        let loose = clause.first
            && moment.is_none()
            && asks.iter().all(|ask| ask.motion.is_camera() || ask.motion.is_scenery());
        let placed = asks.into_iter().map(|ask| Placed { ask, loose });
        match moment {
            Some(Moment::Always) => placed.for_each(|ask| set(&mut self.always, ask)),
            Some(Moment::Last) => placed.for_each(|ask| set(&mut self.last, ask)),
            Some(Moment::Before) if clause.first => {
                // "Before she nods, she smiles": what comes next belongs to this step.
                self.steps.insert(self.current + 1, placed.collect());
            }
            Some(Moment::After) if !clause.first => {
                // "She smiles after nodding": this goes in front of what was said.
                self.steps.insert(self.current, placed.collect());
                self.current += 1;
            }
            _ => {
                match moment {
                    Some(Moment::First) => self.current = 0,
                    Some(Moment::Next | Moment::Before) if !self.steps[self.current].is_empty() => {
                        self.open_step();
                    }
                    _ => {}
                }
                for ask in placed {
                    if clause.amends {
                        set(&mut self.steps[self.current], ask);
                    } else {
                        self.ask(ask, clause.negated);
                    }
                }
                if moment == Some(Moment::After) {
                    self.pending = Some((Moment::Next, Vec::new()));
                }
            }
        }
    }

    fn open_step(&mut self) {
        self.current += 1;
        self.steps.insert(self.current, Vec::new());
    }

    /// Adds to the current step; a motion in two directions, or there and back, cannot happen at
    /// once.
    fn ask(&mut self, placed: Placed, negated: bool) {
        let opposite = self.steps[self.current].iter().any(|other| {
            let back = !negated && placed.ask.strength == 0.0 && other.ask.strength != 0.0;
            other.ask.motion == placed.ask.motion
                && (back || other.ask.strength * placed.ask.strength < 0.0)
        });
        if opposite {
            self.open_step();
        }
        set(&mut self.steps[self.current], placed);
    }

    fn finish(self) -> Reading {
        let Self { tokens, fates, mut steps, mut always, last, .. } = self;
        if !last.is_empty() {
            steps.push(last);
        }
        for motion in Motion::ALL {
            let asks = || steps.iter().flatten().filter(move |placed| placed.ask.motion == motion);
            // "No blinking" holds for the whole clip; "stops smiling" for what comes after.
            let never = asks().count() > 0 && asks().all(|placed| placed.ask.strength == 0.0);
            // The camera of a prompt that names it once, apart, moves through all of the clip.
            let alone = |placed: &Placed| {
                placed.ask.motion == motion || (motion.is_camera() && placed.ask.motion.is_camera())
            };
            let moving = steps.iter().filter(|step| step.iter().any(alone)).count();
            let through = moving == 1 && asks().count() > 0 && asks().all(|placed| placed.loose);
            if never || through {
                for step in &mut steps {
                    for placed in step.extract_if(.., |placed| placed.ask.motion == motion) {
                        set(&mut always, placed);
                    }
                }
            }
        }
        let bare = |step: Vec<Placed>| step.into_iter().map(|placed| placed.ask).collect::<Step>();
        let written = |fate: Fate| {
            let words = tokens.iter().zip(&fates).filter(move |(_, f)| **f == fate);
            words.filter_map(|(token, _)| match token {
                Token::Word(word) => Some(word.written.clone()),
                Token::Break => None,
            })
        };
        Reading {
            used: written(Fate::Used).collect(),
            ignored: written(Fate::Ignored).collect(),
            always: bare(always),
            steps: steps.into_iter().filter(|step| !step.is_empty()).map(bare).collect(),
        }
    }
}

fn set(step: &mut Vec<Placed>, placed: Placed) {
    match step.iter_mut().find(|other| other.ask.motion == placed.ask.motion) {
        Some(other) => *other = placed,
        None => step.push(placed),
    }
}

impl Clause {
    /// Of several words of strength the one farthest from 1 counts.
    fn factor(&self) -> f32 {
        let far = |factor: &f32| factor.ln().abs();
        let factor = self.strengths.iter().copied().max_by(|a, b| far(a).total_cmp(&far(b)));
        let factor = factor.unwrap_or(1.0);
        let factor = if self.intensified && factor < 1.0 { factor * factor } else { factor };
        factor.max(WEAKEST_FACTOR)
    }
}
