//! Frames a second as a fraction, so that 29.97 stays exact.

use std::fmt;
use std::time::Duration;

use crate::error::{Detail, Error, Result};

/// Frames a second, an exact fraction such as 24/1 or 30000/1001.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fps {
    numerator: u32,
    denominator: u32,
}

impl Fps {
    /// `numerator` frames in `denominator` seconds, kept in lowest terms.
    ///
    /// # Errors
    /// `request.fps` when a part is 0 or over 1,000,000.
    pub fn new(numerator: u32, denominator: u32) -> Result<Self> {
        const MAX: u32 = 1_000_000;
        if !(1..=MAX).contains(&numerator) || !(1..=MAX).contains(&denominator) {
            return Err(wrong(format!("{numerator}/{denominator}")));
        }
        let common = gcd(numerator, denominator);
        Ok(Self { numerator: numerator / common, denominator: denominator / common })
    }

    /// The fraction meant by a decimal number: 23.976, 29.97 and 59.94 are the broadcast rates
    /// over 1001; anything else is taken to the nearest thousandth.
    ///
    /// # Errors
    /// `request.fps` when the number is not finite or outside 0.001 to 1000.
    pub fn from_decimal(fps: f64) -> Result<Self> {
        if !(0.001..=1000.0).contains(&fps) {
            return Err(wrong(fps.to_string()));
        }
        for whole in [24u32, 30, 48, 60] {
            let broadcast = f64::from(whole) * 1000.0 / 1001.0;
            if (fps - broadcast).abs() < 0.005 {
                return Self::new(whole * 1000, 1001);
            }
        }
        Self::new((fps * 1000.0).round() as u32, 1000)
    }

    /// Frames in [`Fps::denominator`] seconds.
    pub fn numerator(self) -> u32 {
        self.numerator
    }

    /// Seconds that [`Fps::numerator`] frames last.
    pub fn denominator(self) -> u32 {
        self.denominator
    }

    /// The rate as a floating-point number.
    pub fn as_f64(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }

    /// When frame number `frame` starts, rounded to the nanosecond.
    pub fn timestamp(self, frame: u32) -> Duration {
        Duration::from_nanos(self.ticks(frame, 1_000_000_000))
    }

    /// When frame number `frame` starts in units of 1/`unit` second, rounded to the nearest.
    ///
    /// Rounding the start and not the length keeps a clip's whole duration right.
    pub(crate) fn ticks(self, frame: u32, unit: u32) -> u64 {
        let numerator = u128::from(self.numerator);
        let time = u128::from(frame) * u128::from(self.denominator) * u128::from(unit);
        ((time + numerator / 2) / numerator) as u64
    }
}

impl fmt::Display for Fps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denominator {
            1 => write!(f, "{}", self.numerator),
            denominator => write!(f, "{}/{denominator}", self.numerator),
        }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn wrong(fps: String) -> Error {
    let message = format!("{fps} is no frame rate: give frames a second, such as 24 or 29.97");
    Error::Request(Detail::new("request.fps", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_the_fractions_that_people_mean() {
        for (decimal, numerator, denominator) in [
            (24.0, 24, 1),
            (23.976, 24_000, 1001),
            (29.97, 30_000, 1001),
            (59.94, 60_000, 1001),
            (12.5, 25, 2),
            (15.0, 15, 1),
        ] {
            let fps = Fps::from_decimal(decimal).unwrap();
            assert_eq!((fps.numerator(), fps.denominator()), (numerator, denominator));
        }
    }

    #[test]
    fn starts_are_rounded_once_and_never_drift() {
        let fps = Fps::new(30_000, 1001).unwrap();
        assert_eq!(fps.ticks(300, 1000), 10_010);
        assert_eq!(Fps::new(24, 1).unwrap().timestamp(48), Duration::from_secs(2));
    }

    #[test]
    fn nonsense_is_refused() {
        for fps in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Fps::from_decimal(fps).unwrap_err().code(), "request.fps");
        }
        assert_eq!(Fps::new(0, 1).unwrap_err().code(), "request.fps");
    }
}
