//! Coefficients become curves: sines in time, windows chained, loops closed.

use super::channels::{CHANNELS, COEFFICIENTS, Pose};

/// The shortest and the longest window that the network knows, seconds.
pub(crate) const SHORTEST: f32 = 0.5;
pub(crate) const LONGEST: f32 = 3.0;
/// Where in a window the next one takes over: every sine's slope is zero at its end.
pub(crate) const HAND_OVER: f32 = 0.9;
/// How quickly a difference in speed at a hand-over fades, seconds.
const FADE: f32 = 0.15;
/// A loop returns to the photo over this share of its length, and starts over this time.
const RETURN: f32 = 0.45;
const LOOP_START: f32 = 0.25;
/// Lid channels: closures stay between open and closed.
const LIDS: std::ops::Range<usize> = 6..8;

/// All channels of one face (or scene) over a clip.
#[derive(Debug, Clone, Default)]
pub(crate) struct Curves {
    windows: Vec<Window>,
}

#[derive(Debug, Clone)]
struct Window {
    /// Seconds from the clip's start, and how long the network's window is.
    start: f32,
    seconds: f32,
    from: [f32; CHANNELS],
    /// What is missing in speed at the start, per second.
    catch_up: [f32; CHANNELS],
    /// (COEFFICIENTS, CHANNELS).
    coefficients: Vec<f32>,
}

/// How many windows a clip needs and how long each is, at most `longest`.
///
/// A single window ends after the clip where there is room: at a window's end every sine is flat,
/// and a camera would brake.
pub(crate) fn windows_for(seconds: f32, longest: f32) -> (usize, f32) {
    let more = ((seconds / longest - 1.0) / HAND_OVER).ceil().max(0.0);
    let length = if more == 0.0 {
        (seconds / HAND_OVER).min(longest)
    } else {
        seconds / (1.0 + HAND_OVER * more)
    };
    (more as usize + 1, length.max(SHORTEST))
}

impl Curves {
    /// Adds the next window; `coefficients` is (COEFFICIENTS, CHANNELS).
    pub(crate) fn push(&mut self, seconds: f32, coefficients: Vec<f32>) {
        let (from, speed) = self.hand_over();
        let start = match self.windows.last() {
            Some(last) => last.start + HAND_OVER * last.seconds,
            None => 0.0,
        };
        let mut window = Window { start, seconds, from, catch_up: [0.0; CHANNELS], coefficients };
        if !self.windows.is_empty() {
            let own = window.speed(0.0);
            window.catch_up = std::array::from_fn(|i| speed[i] - own[i]);
        }
        self.windows.push(window);
    }

    /// Values and speeds (per second) where the next window starts; zeros before the first.
    pub(crate) fn hand_over(&self) -> ([f32; CHANNELS], [f32; CHANNELS]) {
        match self.windows.last() {
            Some(last) => {
                let t = HAND_OVER * last.seconds;
                (last.value(t), last.speed(t))
            }
            None => ([0.0; CHANNELS], [0.0; CHANNELS]),
        }
    }

    /// The pose at `t` seconds from the clip's start.
    pub(crate) fn at(&self, t: f32) -> Pose {
        let window = self.windows.iter().rev().find(|w| w.start <= t).or(self.windows.first());
        let Some(window) = window else { return Pose::REST };
        let mut values = window.value(t - window.start);
        values[LIDS].iter_mut().for_each(|lid| *lid = lid.clamp(0.0, 1.0));
        Pose(values)
    }

    /// The pose at `t` of a loop of `seconds`: at rest at both ends.
    pub(crate) fn at_in_loop(&self, t: f32, seconds: f32) -> Pose {
        let Pose(values) = self.at(t);
        let back = minimum_jerk((t - (1.0 - RETURN) * seconds) / (RETURN * seconds));
        let start = minimum_jerk(t / LOOP_START.min(0.3 * seconds));
        Pose(values.map(|value| value * start * (1.0 - back)))
    }
}

impl Window {
    fn value(&self, t: f32) -> [f32; CHANNELS] {
        let mut values = self.from;
        let u = t / self.seconds;
        for (k, row) in self.coefficients.chunks_exact(CHANNELS).enumerate() {
            let sine = std::f32::consts::SQRT_2 * (frequency(k) * u).sin();
            for (value, coefficient) in values.iter_mut().zip(row) {
                *value += sine * coefficient;
            }
        }
        let late = t * (-t / FADE).exp();
        for (value, missing) in values.iter_mut().zip(&self.catch_up) {
            *value += late * missing;
        }
        values
    }

    fn speed(&self, t: f32) -> [f32; CHANNELS] {
        let fade = (1.0 - t / FADE) * (-t / FADE).exp();
        let mut speeds = self.catch_up.map(|missing| fade * missing);
        let u = t / self.seconds;
        for (k, row) in self.coefficients.chunks_exact(CHANNELS).enumerate() {
            let slope =
                std::f32::consts::SQRT_2 * frequency(k) * (frequency(k) * u).cos() / self.seconds;
            for (speed, coefficient) in speeds.iter_mut().zip(row) {
                *speed += slope * coefficient;
            }
        }
        speeds
    }
}

/// (k + ½)π: the basis is √2·sin((k + ½)πu), the Karhunen-Loève basis of a path that starts at 0.
fn frequency(k: usize) -> f32 {
    debug_assert!(k < COEFFICIENTS);
    (k as f32 + 0.5) * std::f32::consts::PI
}

/// 0 to 1 with no speed and no acceleration at either end (Flash and Hogan 1985).
fn minimum_jerk(s: f32) -> f32 {
    let s = s.clamp(0.0, 1.0);
    s * s * s * (10.0 - 15.0 * s + 6.0 * s * s)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random_curves(seconds: f32) -> Curves {
        let mut noise = crate::diffusion::Noise::new(5, 0);
        let (count, length) = windows_for(seconds, LONGEST);
        let mut curves = Curves::default();
        for _ in 0..count {
            let coefficients = (0..COEFFICIENTS * CHANNELS)
                .map(|i| noise.draw() / (1.0 + (i / CHANNELS) as f32).powi(2))
                .collect();
            curves.push(length, coefficients);
        }
        curves
    }

    #[test]
    fn windows_cover_the_clip_and_stay_in_range() {
        for seconds in [0.5, 1.0, 2.0, 3.0, 3.1, 5.0, 5.7, 8.0, 10.0] {
            for longest in [1.5, LONGEST] {
                let (count, length) = windows_for(seconds, longest);
                assert!((SHORTEST..=longest + 1e-4).contains(&length), "{seconds}: {length}");
                let covered = length * (1.0 + HAND_OVER * (count as f32 - 1.0));
                assert!(covered > seconds - 1e-3, "{seconds}: {covered}");
                assert!(covered < 1.12 * seconds, "{seconds}: {covered}");
            }
        }
    }

    #[test]
    fn the_first_frame_is_the_photo() {
        assert_eq!(random_curves(3.0).at(0.0), Pose::REST);
    }

    #[test]
    fn chained_windows_have_no_jump_in_pose_or_speed() {
        let curves = random_curves(8.0);
        let (_, length) = windows_for(8.0, LONGEST);
        for window in 1..3 {
            let t = window as f32 * HAND_OVER * length;
            let h = 1e-3;
            let (a, b, c) = (curves.at(t - h), curves.at(t), curves.at(t + h));
            for i in 0..CHANNELS {
                if LIDS.contains(&i) {
                    continue;
                }
                let (before, after) = ((b.0[i] - a.0[i]) / h, (c.0[i] - b.0[i]) / h);
                assert!((c.0[i] - a.0[i]).abs() < 0.1);
                assert!((before - after).abs() < 0.5, "channel {i}: {before} {after}");
            }
        }
    }

    #[test]
    fn a_loop_closes() {
        let curves = random_curves(4.0);
        let seconds = 4.0;
        let (first, last) = (curves.at_in_loop(0.0, seconds), curves.at_in_loop(seconds, seconds));
        let near = curves.at_in_loop(seconds - 1.0 / 60.0, seconds);
        for i in 0..CHANNELS {
            assert!(first.0[i].abs() < 1e-6 && last.0[i].abs() < 1e-6);
            assert!(near.0[i].abs() < 0.02);
        }
    }
}
