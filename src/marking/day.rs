//! A day of the calendar: the only time that marks carry.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Detail, Error, Result};

const SECONDS_A_DAY: u64 = 86_400;

/// A day, UTC (proleptic Gregorian calendar), from 1970-01-01 on: the finest time that a mark tells.
///
/// A time of day would help to tie a clip to whoever was awake to make it, and say nothing more about
/// where the clip comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(u32);

impl Day {
    /// Today by the device's clock; 1970-01-01 where it is before that.
    pub fn today() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self((now.as_secs() / SECONDS_A_DAY) as u32)
    }

    /// The day `day`, from 1, of the month `month`, from 1, of a year from 1970 to 9999.
    ///
    /// # Errors
    /// `request.day` for a day that no calendar has.
    pub fn new(year: u32, month: u32, day: u32) -> Result<Self> {
        let refuse = || {
            let message = "there is no such day: give one as 2026-11-26, from 1970-01-01 on";
            Error::Request(Detail::new("request.day", message))
        };
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day)
        {
            return Err(refuse());
        }
        // `days_from_civil` of the source below.
        let shifted = if month <= 2 { year - 1 } else { year };
        let (era, of_era) = (shifted / 400, shifted % 400);
        let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        let made = Self(days.checked_sub(719_468).ok_or_else(refuse)?);
        // The 31st of a month of 30 days would be another day.
        if made.civil() == (year, month, day) { Ok(made) } else { Err(refuse()) }
    }

    /// So many days after 1970-01-01, up to the end of the year 9999.
    pub const fn from_days(days: u32) -> Self {
        const LAST: u32 = 2_932_896;
        Self(if days < LAST { days } else { LAST })
    }

    /// Days since 1970-01-01.
    pub const fn since_1970(self) -> u32 {
        self.0
    }

    /// Year, month from 1, day from 1. After Howard Hinnant's "chrono-compatible low-level date
    /// algorithms", `civil_from_days`.
    fn civil(self) -> (u32, u32, u32) {
        let days = self.0 + 719_468;
        let era = days / 146_097;
        let of_era = days % 146_097;
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        (year + 400 * era + u32::from(month <= 2), month, day)
    }
}

/// As ISO 8601: `2026-11-26`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// From `2026-11-26`, 1970-01-01 to 9999-12-31.
impl FromStr for Day {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.splitn(3, '-').map(|part| {
            // A sign would be a number to `parse`.
            part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten()
        });
        let mut next = || parts.next().flatten().unwrap_or(0);
        Self::new(next(), next(), next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_and_read() {
        for (days, text) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_089, "2025-01-01"),
            (20_783, "2026-11-26"),
            (2_932_896, "9999-12-31"),
        ] {
            assert_eq!(Day::from_days(days).to_string(), text);
            assert_eq!(text.parse::<Day>().unwrap(), Day::from_days(days));
        }
        for wrong in
            ["2026-02-29", "1969-12-31", "2026-13-01", "2026-1", "+2026-01-01", "", "2026-04-31"]
        {
            assert_eq!(wrong.parse::<Day>().unwrap_err().code(), "request.day", "{wrong}");
        }
        assert!(Day::today() > Day::from_days(20_700));
    }
}
