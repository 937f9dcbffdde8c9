//! From what a prompt asks to the network's tags, window by window.

use crate::prompt::{Motion, Reading};

/// A blink in every third window of at most 1.5 seconds: about 17 a minute, as people do at rest.
const BLINK_EVERY: usize = 3;

/// The tags of one window, by the network's names; `None` leaves a tag to the network.
///
/// What a prompt does not name does not happen, but for the signs of life that a portrait has
/// whoever looks at it. An empty prompt is a living portrait, or a slow push-in on a scene.
pub(crate) fn tags(
    names: &[String],
    reading: &Reading,
    face: bool,
    strength: f32,
    window: usize,
    camera_share: f32,
) -> Vec<Option<f32>> {
    names
        .iter()
        .map(|name| {
            let motion = ALL.iter().copied().find(|motion| motion.tag() == name)?;
            let asked = reading.strength(motion);
            let amount = match asked {
                Some(_) if window > 0 && happens_once(motion) => 0.0,
                _ if motion == Motion::Blink && !window.is_multiple_of(BLINK_EVERY) => 0.0,
                Some(amount) => amount,
                None => unasked(motion, reading, face),
            };
            let scaled = if motion == Motion::Still { amount } else { amount * strength };
            Some(if share_of_clip(motion) { scaled * camera_share } else { scaled })
        })
        .collect()
}

/// What happens of a motion that the prompt does not name.
fn unasked(motion: Motion, reading: &Reading, face: bool) -> f32 {
    let empty = reading.motions.is_empty();
    let still = reading.strength(Motion::Still).is_some_and(|s| s > 0.0);
    let eyes_taken = [Motion::CloseEyes, Motion::Wink]
        .iter()
        .any(|m| reading.strength(*m).is_some_and(|s| s != 0.0));
    match motion {
        Motion::Blink if still || eyes_taken => 0.0,
        Motion::Blink => 1.0,
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

/// Gestures belong to the first window of a long clip; poses are held and processes go on.
fn happens_once(motion: Motion) -> bool {
    matches!(motion, Motion::Nod | Motion::Shake | Motion::Wink | Motion::RaiseBrows)
}

/// The camera's way is shared among the windows, so that a long clip does not go farther.
fn share_of_clip(motion: Motion) -> bool {
    motion.is_camera() && motion != Motion::Handheld
}

const ALL: [Motion; 25] = [
    Motion::Blink,
    Motion::Wink,
    Motion::CloseEyes,
    Motion::Smile,
    Motion::RaiseBrows,
    Motion::GazeSideways,
    Motion::GazeDown,
    Motion::Talk,
    Motion::Nod,
    Motion::Shake,
    Motion::Tilt,
    Motion::LookSideways,
    Motion::LookDown,
    Motion::Lean,
    Motion::Idle,
    Motion::Breathe,
    Motion::Sway,
    Motion::Ripple,
    Motion::Drift,
    Motion::Zoom,
    Motion::PanSideways,
    Motion::PanDown,
    Motion::Orbit,
    Motion::Handheld,
    Motion::Still,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(prompt: &str, face: bool, window: usize) -> impl Fn(Motion) -> f32 {
        let names: Vec<String> = ALL.iter().map(|m| m.tag().to_owned()).collect();
        let tags = tags(&names, &Reading::of(prompt), face, 1.0, window, 1.0);
        move |motion| {
            let index = ALL.iter().position(|m| *m == motion).unwrap();
            tags[index].unwrap()
        }
    }

    #[test]
    fn an_empty_prompt_lives_or_pushes_in() {
        let portrait = asked("", true, 0);
        assert!(portrait(Motion::Blink) > 0.5 && portrait(Motion::Idle) > 0.5);
        assert_eq!(portrait(Motion::Zoom), 0.0);
        assert!(asked("", false, 0)(Motion::Zoom) > 0.5);
    }

    #[test]
    fn what_is_not_asked_does_not_happen() {
        let nod = asked("nod", true, 0);
        assert_eq!(nod(Motion::Nod), 1.0);
        assert_eq!(nod(Motion::Shake), 0.0);
        assert_eq!(asked("nod", true, 1)(Motion::Nod), 0.0);
        assert_eq!(asked("still", true, 0)(Motion::Blink), 0.0);
    }
}
