//! A date without a time of day.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use super::failed;
use crate::error::Result;

/// A day of the Gregorian calendar in UTC, the finest time that a mark tells.
///
/// A time of day would help to tie a clip to whoever was awake to make it, and say nothing more
/// about where the clip comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    /// The day `day` (from 1) of the month `month` (1 to 12) of the year `year` (1970 to 9999).
    ///
    /// # Errors
    /// `marking.day` for a day that no calendar has.
    pub fn new(year: u16, month: u8, day: u8) -> Result<Self> {
        let there = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day);
        if !there {
            return Err(failed(
                "marking.day",
                format!("{year}-{month}-{day} is no day: give one such as 2026-11-26"),
            ));
        }
        Ok(Self { year, month, day })
    }

    /// Today by the system's clock; the first day of 1970 where that is before it.
    pub fn today() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::of_days(since.as_secs() / 86_400)
    }

    /// The year, 1970 to 9999.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub fn day(self) -> u8 {
        self.day
    }

    /// `days` after 1970-01-01, at most the last day of 9999.
    fn of_days(mut days: u64) -> Self {
        let mut year = 1970;
        while year < 9999 {
            let length = if leap(year) { 366 } else { 365 };
            if days < length {
                break;
            }
            days -= length;
            year += 1;
        }
        let mut month = 1;
        while month < 12 && days >= u64::from(days_in(year, month)) {
            days -= u64::from(days_in(year, month));
            month += 1;
        }
        let day = days.min(u64::from(days_in(year, month)) - 1) as u8 + 1;
        Self { year, month, day }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day } = self;
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

fn leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u16, month: u8) -> u8 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_since_1970_are_dates() {
        let of = |days| Day::of_days(days).to_string();
        assert_eq!(of(0), "1970-01-01");
        assert_eq!(of(30), "1970-01-31");
        assert_eq!(of(789), "1972-02-29");
        assert_eq!(of(11_016), "2000-02-29");
        assert_eq!(of(20_783), "2026-11-26");
        assert_eq!(of(u64::MAX / 86_400), "9999-12-31");
    }

    #[test]
    fn only_days_that_there_are() {
        assert_eq!(Day::new(2026, 11, 26).unwrap().to_string(), "2026-11-26");
        assert!(Day::new(2028, 2, 29).is_ok());
        for (year, month, day) in
            [(2026, 2, 29), (2100, 2, 29), (2026, 13, 1), (2026, 0, 1), (2026, 1, 0), (1969, 1, 1)]
        {
            assert_eq!(Day::new(year, month, day).unwrap_err().code(), "marking.day");
        }
        assert!(Day::today() >= Day::new(2026, 1, 1).unwrap());
    }
}
