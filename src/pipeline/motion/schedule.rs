//! The steps of a prompt are laid over the windows of a clip.

use super::curves::{HAND_OVER, SHORTEST, windows_for};
use crate::prompt::{Ask, Motion, Reading, Step};

/// A step rather gets windows of this length than a longer share, seconds.
const COMFORTABLE: f32 = 0.7;
/// People at rest blink about every four seconds.
const BLINK_EVERY: f32 = 4.0;
/// A pose that is over goes back to this share of its strength: a little, so that the network takes
/// it for a pose that was asked for. Asked for nothing, it would hold or go back as it likes.
const RELEASED: f32 = 0.12;
/// Left and right, up and down, of head and eyes: who looks elsewhere no longer looks there.
const LOOKS: [Motion; 4] =
    [Motion::LookSideways, Motion::LookDown, Motion::GazeSideways, Motion::GazeDown];

/// Which window belongs to which step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schedule {
    always: Step,
    steps: Vec<Step>,
    windows: Vec<Slot>,
    length: f32,
    asked: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Slot {
    step: usize,
    /// Which repetition of the step's gestures starts here, if one does.
    beat: Option<u8>,
    /// Whether the step starts here.
    first: bool,
    /// A blink that nobody asked for may fall into this window.
    rest_blink: bool,
}

impl Schedule {
    /// Windows of at most `longest` seconds for a clip of `seconds`, at least one for each step.
    /// Where the clip is too short for all steps, the last ones happen together.
    pub(crate) fn of(reading: &Reading, seconds: f32, longest: f32) -> Self {
        let mut steps = reading.steps.clone();
        let asked = steps.len();
        let most = most_windows(seconds);
        while steps.len() > most {
            merge_last(&mut steps);
        }
        let beats: Vec<u8> = steps.iter().map(|step| beats(step)).collect();
        let mut units: usize = beats.iter().map(|beats| usize::from(*beats)).sum();
        let mut beats = beats;
        while units > most {
            // Repetitions that find no room fall away, the longest row first.
            let Some(longest) = beats.iter_mut().max() else { break };
            *longest -= 1;
            units -= 1;
        }
        if steps.is_empty() {
            steps.push(Step::new());
            beats.push(1);
            units = 1;
        }
        let (mut count, mut length) = windows_for(seconds, longest);
        let even = count.max(units).div_ceil(units) * units;
        let even_length = length_of(seconds, even);
        if count < units || (even != count && even_length >= COMFORTABLE) {
            count = if even_length >= SHORTEST { even } else { units };
            length = length_of(seconds, count).max(SHORTEST);
        }
        let owners: Vec<(usize, u8)> = beats
            .iter()
            .enumerate()
            .flat_map(|(step, beats)| (0..*beats).map(move |beat| (step, beat)))
            .collect();
        let mut windows: Vec<Slot> = Vec::with_capacity(count);
        let mut before = None;
        let mut last_rest = -1i64;
        for window in 0..count {
            let unit = window * units / count;
            let (step, beat) = owners[unit.min(owners.len() - 1)];
            let starts = before != Some((step, beat));
            let rest = (window as f32 * HAND_OVER * length / BLINK_EVERY) as i64;
            windows.push(Slot {
                step,
                beat: starts.then_some(beat),
                first: starts && beat == 0,
                rest_blink: rest > last_rest,
            });
            last_rest = rest;
            before = Some((step, beat));
        }
        Self { always: reading.always.clone(), steps, windows, length, asked }
    }

    /// How many windows there are.
    pub(crate) fn count(&self) -> usize {
        self.windows.len()
    }

    /// How long each is, seconds.
    pub(crate) fn length(&self) -> f32 {
        self.length
    }

    /// How many steps the prompt has, and how many of them happen one after the other.
    pub(crate) fn steps(&self) -> (usize, usize) {
        (self.asked, self.steps.len().min(self.asked))
    }

    /// Whether nothing is asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.always.is_empty() && self.steps.iter().all(Vec::is_empty)
    }

    /// Whether a blink that nobody asked for may fall into `window`.
    pub(super) fn rest_blink(&self, window: usize) -> bool {
        self.windows[window].rest_blink
    }

    /// In how many windows a motion of the camera goes on.
    pub(super) fn windows_with(&self, motion: Motion) -> usize {
        let going = |window: &usize| self.now(motion, *window).is_some_and(|s| s != 0.0);
        (0..self.count()).filter(going).count()
    }

    /// What is asked of a motion in `window`; `None` where no step names it at all.
    pub(super) fn now(&self, motion: Motion, window: usize) -> Option<f32> {
        if let Some(ask) = find(&self.always, motion) {
            // A gesture that is made "all the time" is made again and again.
            let again = match motion {
                Motion::Blink => self.windows[window].rest_blink,
                _ => window.is_multiple_of(2),
            };
            return Some(match kind(motion) {
                Kind::Gesture if !again => 0.0,
                _ => ask.strength,
            });
        }
        let slot = self.windows[window];
        // The step that last said something of this motion, if one has begun.
        let said = (0..=slot.step).rev().find_map(|step| Some((step, self.said(step, motion)?)));
        let Some((step, said)) = said else {
            // A later step will: until then it does not happen.
            let later = self.steps[slot.step + 1..].iter().any(|s| find(s, motion).is_some());
            return later.then_some(0.0);
        };
        let here = step == slot.step;
        match (kind(motion), said) {
            (_, Said::Asked(ask)) if ask.strength != 0.0 => Some(match kind(motion) {
                Kind::Gesture if !here || !self.gesture_starts(&ask, window, step) => 0.0,
                Kind::WithItsStep if !here => 0.0,
                _ => ask.strength,
            }),
            (Kind::Pose, _) if here && slot.first => Some(self.release(motion, step)),
            _ => Some(0.0),
        }
    }

    fn gesture_starts(&self, ask: &Ask, window: usize, step: usize) -> bool {
        let slot = self.windows[window];
        if ask.motion == Motion::Blink && slot.step == step && slot.beat.is_none() {
            return slot.rest_blink;
        }
        slot.step == step && slot.beat.is_some_and(|beat| beat < ask.times.max(1))
    }

    fn said(&self, step: usize, motion: Motion) -> Option<Said> {
        let asks = &self.steps[step];
        if let Some(ask) = find(asks, motion) {
            return Some(Said::Asked(*ask));
        }
        let names = |motions: &[Motion]| asks.iter().any(|ask| motions.contains(&ask.motion));
        let over = (LOOKS.contains(&motion) && names(&LOOKS))
            || (motion == Motion::CloseEyes && names(&[Motion::Blink, Motion::Wink]));
        over.then_some(Said::Over)
    }

    /// What lets go of a pose that an earlier step asked for.
    fn release(&self, motion: Motion, step: usize) -> f32 {
        // Lids that nobody asks to stay shut open.
        if motion == Motion::CloseEyes {
            return 0.0;
        }
        let earlier = self.steps[..step].iter().rev().find_map(|step| find(step, motion));
        earlier.map_or(0.0, |ask| RELEASED * ask.strength)
    }
}

enum Said {
    Asked(Ask),
    Over,
}

enum Kind {
    /// Is made once, at its step's start.
    Gesture,
    /// Is taken and held until a later step takes another one.
    Pose,
    /// Goes on, also into later steps.
    Process,
    /// Goes on as long as its step.
    WithItsStep,
}

fn kind(motion: Motion) -> Kind {
    match motion {
        Motion::Blink | Motion::Wink | Motion::Nod | Motion::Shake | Motion::RaiseBrows => {
            Kind::Gesture
        }
        Motion::Talk | Motion::Still => Kind::WithItsStep,
        motion if motion.is_camera() => Kind::WithItsStep,
        Motion::Idle | Motion::Breathe | Motion::Sway | Motion::Ripple | Motion::Drift => {
            Kind::Process
        }
        _ => Kind::Pose,
    }
}

fn find(step: &[Ask], motion: Motion) -> Option<&Ask> {
    step.iter().find(|ask| ask.motion == motion)
}

/// How many windows a step needs for its repetitions.
fn beats(step: &[Ask]) -> u8 {
    let gestures = step.iter().filter(|ask| matches!(kind(ask.motion), Kind::Gesture));
    gestures.map(|ask| ask.times).max().unwrap_or(1).max(1)
}

fn merge_last(steps: &mut Vec<Step>) {
    let Some(last) = steps.pop() else { return };
    let Some(before) = steps.last_mut() else { return };
    for ask in last {
        match before.iter_mut().find(|other| other.motion == ask.motion) {
            Some(other) => *other = ask,
            None => before.push(ask),
        }
    }
}

/// How long each of `count` windows of a clip is.
fn length_of(seconds: f32, count: usize) -> f32 {
    seconds / (1.0 + HAND_OVER * (count as f32 - 1.0))
}

/// How many of the shortest windows a clip has room for.
fn most_windows(seconds: f32) -> usize {
    // A little over: 0.95 s as a float may be less than two windows.
    (((seconds / SHORTEST - 1.0) / HAND_OVER + 1e-3).floor().max(0.0)) as usize + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(prompt: &str, seconds: f32) -> Schedule {
        Schedule::of(&Reading::of(prompt), seconds, 1.5)
    }

    fn row(schedule: &Schedule, motion: Motion) -> Vec<f32> {
        (0..schedule.count()).map(|w| schedule.now(motion, w).unwrap_or(f32::NAN)).collect()
    }

    #[test]
    fn a_prompt_without_order_has_the_windows_of_its_length() {
        for seconds in [0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0] {
            let schedule = schedule("smile and nod", seconds);
            let (count, length) = windows_for(seconds, 1.5);
            assert_eq!((schedule.count(), schedule.length()), (count, length), "{seconds}");
        }
    }

    #[test]
    fn every_step_gets_windows_that_cover_the_clip() {
        for prompt in ["smile then nod", "look left, then right, then smile", "blink three times"] {
            for seconds in [2.0, 3.0, 4.5, 6.0, 10.0] {
                let schedule = schedule(prompt, seconds);
                let covered = schedule.length * (1.0 + HAND_OVER * (schedule.count() as f32 - 1.0));
                assert!((covered - seconds).abs() < 1e-3, "{prompt}, {seconds}: {covered}");
                assert!((SHORTEST..=1.5001).contains(&schedule.length), "{prompt}, {seconds}");
                for step in 0..schedule.steps.len() {
                    assert!(schedule.windows.iter().any(|slot| slot.step == step));
                }
                let (asked, played) = schedule.steps();
                assert_eq!(asked, played);
            }
        }
    }

    #[test]
    fn a_second_look_replaces_the_first() {
        let schedule = schedule("first turn left, then turn right", 3.0);
        let turns = row(&schedule, Motion::LookSideways);
        let half = turns.len() / 2;
        assert!(turns[..half].iter().all(|turn| *turn == -1.0), "{turns:?}");
        assert!(turns[half..].iter().all(|turn| *turn == 1.0), "{turns:?}");
    }

    #[test]
    fn poses_are_held_and_let_go() {
        let held = schedule("she smiles, then nods", 2.0);
        assert_eq!(row(&held, Motion::Smile), [0.9, 0.9]);
        assert_eq!(row(&held, Motion::Nod), [0.0, 1.0]);
        let gone = schedule("look left, then look up", 2.0);
        let turns = row(&gone, Motion::LookSideways);
        assert!(turns[0] == -1.0 && turns[1].abs() < 0.2, "{turns:?}");
        let back = schedule("look right, then look at the camera", 3.0);
        let turns = row(&back, Motion::LookSideways);
        assert!(turns[0] == 1.0 && turns[turns.len() - 1] == 0.0, "{turns:?}");
        assert_eq!(
            row(&schedule("close eyes, then open eyes", 2.0), Motion::CloseEyes),
            [1.0, 0.0]
        );
    }

    #[test]
    fn gestures_are_repeated_as_often_as_asked() {
        for (prompt, motion, times) in [
            ("nods twice", Motion::Nod, 2),
            ("winks three times", Motion::Wink, 3),
            ("smiles, then nods two times", Motion::Nod, 2),
            ("bats her eyelashes", Motion::Blink, 3),
        ] {
            let schedule = schedule(prompt, 4.0);
            let made = row(&schedule, motion).iter().filter(|strength| **strength != 0.0).count();
            assert_eq!(made, times, "{prompt}: {:?}", row(&schedule, motion));
        }
    }

    #[test]
    fn what_is_asked_for_all_the_time_goes_on() {
        let schedule = schedule("nods constantly, first looks left, then right", 6.0);
        let nods = row(&schedule, Motion::Nod);
        assert!(nods.iter().filter(|nod| **nod == 1.0).count() >= 2, "{nods:?}");
        let smile = self::schedule("smiles throughout, first winks, then nods", 3.0);
        assert!(row(&smile, Motion::Smile).iter().all(|smile| *smile == 0.9));
    }

    #[test]
    fn a_clip_too_short_for_its_steps_merges_the_last() {
        let schedule = schedule("smile, then nod, then look left, then wink", 1.0);
        assert_eq!(schedule.steps(), (4, 2));
        assert_eq!(schedule.count(), 2);
        assert_eq!(row(&schedule, Motion::Smile)[0], 0.9);
        assert_eq!(row(&schedule, Motion::Wink), [0.0, 1.0]);
        assert_eq!(row(&schedule, Motion::LookSideways), [0.0, -1.0]);
        let crowd = Schedule::of(&Reading::of(&"nod, then shake, then ".repeat(5000)), 10.0, 1.5);
        assert!(crowd.count() <= 22 && crowd.length() >= SHORTEST);
    }

    #[test]
    fn the_camera_moves_through_the_whole_clip_where_it_stands_apart() {
        let apart = schedule("first smile, then nod, slow zoom in", 3.0);
        assert!(row(&apart, Motion::Zoom).iter().all(|zoom| *zoom > 0.0));
        let ordered = schedule("zoom in, then pan left", 3.0);
        let (zoom, pan) = (row(&ordered, Motion::Zoom), row(&ordered, Motion::PanSideways));
        assert!(zoom[0] > 0.0 && zoom[zoom.len() - 1] == 0.0, "{zoom:?}");
        assert!(pan[0] == 0.0 && pan[pan.len() - 1] < 0.0, "{pan:?}");
    }
}
