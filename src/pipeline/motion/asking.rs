//! From what a prompt asks to the network's tags, window by window.

use super::schedule::Schedule;
use crate::prompt::Motion;

/// A full camera move is meant for this many seconds; shorter clips go less far.
const FULL_MOVE: f32 = 3.0;

/// The tags of one window, by the network's names; `None` leaves a tag to the network.
///
/// What a prompt does not name does not happen, but for the signs of life that a portrait has
/// whoever looks at it. An empty prompt is a living portrait, or a slow push-in on a scene.
pub(crate) fn tags(
    names: &[String],
    schedule: &Schedule,
    face: bool,
    strength: f32,
    window: usize,
    seconds: f32,
) -> Vec<Option<f32>> {
    names
        .iter()
        .map(|name| {
            let motion = Motion::ALL.iter().copied().find(|motion| motion.tag() == name)?;
            let amount = match schedule.now(motion, window) {
                // A window's lids do one thing.
                Some(_) if motion == Motion::Blink && lids_are_taken(schedule, window) => 0.0,
                Some(amount) => amount,
                None => unasked(motion, schedule, face, window),
            };
            let scaled = if motion == Motion::Still { amount } else { amount * strength };
            if motion.is_camera() && motion != Motion::Handheld {
                return Some(scaled * camera_share(motion, schedule, seconds));
            }
            Some(scaled)
        })
        .collect()
}

/// What happens of a motion that the prompt does not name.
fn unasked(motion: Motion, schedule: &Schedule, face: bool, window: usize) -> f32 {
    let empty = schedule.is_empty();
    let still = schedule.now(Motion::Still, window).is_some_and(|s| s > 0.0);
    match motion {
        Motion::Blink if still || lids_are_taken(schedule, window) => 0.0,
        Motion::Blink if schedule.rest_blink(window) => 1.0,
        Motion::Idle if still => 0.0,
        Motion::Idle if empty => 0.9,
        Motion::Idle => 0.4,
        Motion::Breathe if still => 0.3,
        Motion::Breathe => 0.7,
        Motion::Sway | Motion::Ripple => 0.6,
        Motion::Drift => 0.5,
        Motion::Zoom if empty && !face => 0.7,
        _ => 0.0,
    }
}

/// Closed or winking eyes do not blink.
fn lids_are_taken(schedule: &Schedule, window: usize) -> bool {
    [Motion::CloseEyes, Motion::Wink]
        .iter()
        .any(|motion| schedule.now(*motion, window).is_some_and(|s| s != 0.0))
}

/// The camera's way is shared among its windows, so that a long clip does not go farther.
fn camera_share(motion: Motion, schedule: &Schedule, seconds: f32) -> f32 {
    let moving = match schedule.windows_with(motion) {
        0 => schedule.count(),
        moving => moving,
    };
    let share = moving as f32 / schedule.count() as f32;
    (share * seconds / FULL_MOVE).clamp(0.35, 1.5) / moving as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::Reading;

    fn asked(prompt: &str, face: bool, seconds: f32, window: usize) -> impl Fn(Motion) -> f32 {
        let names: Vec<String> = Motion::ALL.iter().map(|m| m.tag().to_owned()).collect();
        let schedule = Schedule::of(&Reading::of(prompt), seconds, 1.5);
        let tags = tags(&names, &schedule, face, 1.0, window, seconds);
        move |motion| {
            let index = Motion::ALL.iter().position(|m| *m == motion).unwrap();
            tags[index].unwrap()
        }
    }

    #[test]
    fn an_empty_prompt_lives_or_pushes_in() {
        let portrait = asked("", true, 2.0, 0);
        assert!(portrait(Motion::Blink) > 0.5 && portrait(Motion::Idle) > 0.5);
        assert_eq!(portrait(Motion::Zoom), 0.0);
        let push: f32 = (0..3).map(|window| asked("", false, 3.0, window)(Motion::Zoom)).sum();
        assert!(push > 0.5, "{push}");
    }

    #[test]
    fn what_is_not_asked_does_not_happen() {
        let nod = asked("nod", true, 2.0, 0);
        assert_eq!(nod(Motion::Nod), 1.0);
        assert_eq!(nod(Motion::Shake), 0.0);
        assert_eq!(asked("nod", true, 2.0, 1)(Motion::Nod), 0.0);
        assert_eq!(asked("still", true, 2.0, 0)(Motion::Blink), 0.0);
        assert_eq!(asked("no blinking", true, 2.0, 0)(Motion::Blink), 0.0);
        assert_eq!(asked("close eyes", true, 2.0, 1)(Motion::Blink), 0.0);
    }

    #[test]
    fn the_camera_goes_as_far_in_many_windows_as_in_one() {
        for seconds in [3.0, 6.0, 10.0] {
            let count = Schedule::of(&Reading::of("zoom in"), seconds, 1.5).count();
            let way: f32 = (0..count)
                .map(|window| asked("zoom in", true, seconds, window)(Motion::Zoom))
                .sum();
            assert!((way - 0.9 * (seconds / FULL_MOVE).min(1.5)).abs() < 1e-3, "{seconds}: {way}");
        }
    }
}
