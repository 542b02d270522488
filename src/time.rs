//! Instants and windows in UTC.
//!
//! Archives stamp records with Unix seconds, some with microseconds (RFC 6396, section 3); everything here is
//! microseconds since the Unix epoch. Windows are half-open. [`Steps`] are values over time, [`Windows`] sets of instants.

mod steps;
mod windows;

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use steps::Steps;
pub use windows::Windows;

/// An instant in UTC, in microseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Before every instant that an archive can hold.
    pub const MIN: Timestamp = Timestamp(i64::MIN / 4);
    /// After every instant that an archive can hold.
    pub const MAX: Timestamp = Timestamp(i64::MAX / 4);

    /// Returns the instant `seconds` after the Unix epoch.
    pub const fn from_secs(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    /// Returns the instant `micros` microseconds after the Unix epoch.
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }

    /// Returns the microseconds since the Unix epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Returns the whole seconds since the Unix epoch, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Returns the time since `earlier` in microseconds; negative when `earlier` is later.
    pub const fn micros_since(self, earlier: Timestamp) -> i64 {
        self.0 - earlier.0
    }

    /// Returns the instant as a calendar date and time.
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::<Utc>::MIN_UTC)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// RFC 3339 in UTC; fractions of a second are written only if they are not zero.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = if self.0 % 1_000_000 == 0 { SecondsFormat::Secs } else { SecondsFormat::Micros };
        f.write_str(&self.to_datetime().to_rfc3339_opts(format, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is not a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a time: write 2014-12-22, 2014-12-22T16:15, 2014-12-22T16:15:00Z, an offset such as +09:00, or Unix seconds"
)]
pub struct ParseTimestampError(String);

/// Reads RFC 3339, `YYYY-MM[-DD[THH[:MM[:SS[.f]]]]]` as UTC, or Unix seconds. A blank may separate the date from the time and
/// the time from its zone: `UTC`, `Z`, `+09:00`, `+0900`, `+09` or `+9`.
///
/// ```
/// use outage_replay::time::Timestamp;
/// let a: Timestamp = "2014-12-23T01:15+09:00".parse()?;
/// let b: Timestamp = "2014-12-22 16:15".parse()?;
/// assert_eq!(a, b);
/// assert_eq!(a, "1419264900".parse()?);
/// # Ok::<(), outage_replay::time::ParseTimestampError>(())
/// ```
impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Timestamp, ParseTimestampError> {
        let error = || ParseTimestampError(text.to_owned());
        let trimmed = text.trim();
        if trimmed.len() >= 8 && trimmed.bytes().all(|b| b.is_ascii_digit()) {
            // As seconds, 20141222 would be in 1970: a date without separators is refused, not misread.
            let seconds: i64 = trimmed.parse().map_err(|_| error())?;
            return if (9..=11).contains(&trimmed.len()) { Ok(Timestamp::from_secs(seconds)) } else { Err(error()) };
        }
        let (local, offset) = without_zone(trimmed);
        let normal = local.replacen(' ', "T", 1);
        // A time of day without minutes is a whole hour.
        let whole = if normal.contains('T') && !normal.contains(':') { format!("{normal}:00") } else { normal };
        for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
            if let Ok(at) = NaiveDateTime::parse_from_str(&whole, format) {
                let offset = offset.map_or(Some(0), seconds_east).ok_or_else(error)?;
                return Ok(Timestamp(at.and_utc().timestamp_micros() - offset * 1_000_000));
            }
        }
        // The offset of a date would leave its first instant open to doubt.
        if offset.is_some_and(|offset| seconds_east(offset) != Some(0)) {
            return Err(error());
        }
        // A month is its first day.
        let day = if local.len() == "2014-12".len() { format!("{local}-01") } else { local.to_owned() };
        let date = NaiveDate::parse_from_str(&day, "%Y-%m-%d").map_err(|_| error())?;
        Ok(Timestamp(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros()))
    }
}

/// Splits a text into the local time and its zone, if it has one.
fn without_zone(text: &str) -> (&str, Option<&str>) {
    for utc in ["UTC", "utc", "GMT", "Z", "z"] {
        if let Some(local) = text.strip_suffix(utc) {
            return (local.trim_end(), Some("+0"));
        }
    }
    // A sign after the date begins an offset; the signs before are its hyphens.
    let date = "2014-12-22".len();
    match text.get(date..).and_then(|time| time.rfind(['+', '-'])) {
        Some(at) => (text[..date + at].trim_end(), Some(&text[date + at..])),
        None => (text, None),
    }
}

/// Returns the seconds of an offset: `+09:00`, `+0900`, `+09` or `+9`.
fn seconds_east(offset: &str) -> Option<i64> {
    let (sign, digits) = match offset.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, offset.strip_prefix('+')?),
    };
    let (hours, minutes) = match (digits.split_once(':'), digits.len()) {
        (Some(both), _) => both,
        (None, 4) => digits.split_at_checked(2)?,
        (None, _) => (digits, "0"),
    };
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// A half-open interval in UTC: `start <= t < end`. Never empty.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Window {
    /// The first instant inside.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
}

/// The error for a window that would be empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the window is empty: it starts at {start} and ends at {end}")]
pub struct EmptyWindow {
    start: Timestamp,
    end: Timestamp,
}

impl Window {
    /// Returns the interval from `start` up to, not including, `end`.
    ///
    /// # Errors
    ///
    /// Fails unless `start` is before `end`.
    pub fn new(start: Timestamp, end: Timestamp) -> Result<Window, EmptyWindow> {
        if start < end { Ok(Window { start, end }) } else { Err(EmptyWindow { start, end }) }
    }

    /// Returns whether `at` lies inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }

    /// Returns the part shared with `other`, if any.
    pub fn intersect(&self, other: &Window) -> Option<Window> {
        Window::new(self.start.max(other.start), self.end.min(other.end)).ok()
    }

    /// Returns the time that any of `windows` covers, in order; none of the returned windows touches the next.
    pub fn united(mut windows: Vec<Window>) -> Vec<Window> {
        windows.sort_unstable();
        let mut united: Vec<Window> = Vec::new();
        for window in windows {
            match united.last_mut() {
                Some(last) if window.start <= last.end => last.end = last.end.max(window.end),
                _ => united.push(window),
            }
        }
        united
    }

    /// Returns the parts of the window that lie in none of `others`, which are in order and do not overlap.
    pub fn without(self, others: &[Window]) -> Vec<Window> {
        let (mut left, mut start) = (Vec::new(), self.start);
        let first = others.partition_point(|other| other.end <= self.start);
        let meeting = others[first..].iter().take_while(|other| other.start < self.end);
        for other in meeting.filter_map(|other| self.intersect(other)) {
            left.extend(Window::new(start, other.start));
            start = other.end;
        }
        left.extend(Window::new(start, self.end));
        left
    }

    /// Returns the length.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.end.micros_since(self.start).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_without_a_zone_are_utc_and_offsets_are_honoured() {
        let expected = Timestamp::from_secs(1_419_264_900);
        for text in
            ["2014-12-22T16:15", "2014-12-22T16:15:00Z", "2014-12-22 16:15:00", "2014-12-23T01:15+09:00", "1419264900"]
        {
            assert_eq!(text.parse::<Timestamp>(), Ok(expected), "{text}");
        }
        for text in ["2014-12-22 16:15 UTC", "2014-12-22 16:15:00 UTC", "2014-12-23T01:15+9", "2014-12-22T12:15-0400"] {
            assert_eq!(text.parse::<Timestamp>(), Ok(expected), "{text}");
        }
        for text in ["2014-12-22T16", "2014-12-22 16 UTC", "2014-12-23T01+09", "2014-12-22T16Z"] {
            assert_eq!(text.parse::<Timestamp>(), Ok(Timestamp::from_secs(1_419_264_000)), "{text}");
        }
        assert_eq!("2014-12-22".parse::<Timestamp>(), Ok(Timestamp::from_secs(1_419_206_400)));
        assert_eq!("2014-12".parse::<Timestamp>(), "2014-12-01".parse());
    }

    #[test]
    fn the_error_for_a_text_that_is_not_a_time_lists_the_accepted_forms() {
        for text in [
            "",
            "yesterday",
            "2014-13-01",
            "20141222",
            "2014-12-22T25:00",
            "16:15",
            "2014-12-22T16:15+25",
            "2014-13",
            "2014-1",
        ] {
            let message = text.parse::<Timestamp>().unwrap_err().to_string();
            assert!(message.contains("2014-12-22T16:15"), "{message}");
        }
    }

    #[test]
    fn fractions_of_a_second_are_printed_only_if_they_are_not_zero() {
        assert_eq!(Timestamp::from_secs(1_419_264_900).to_string(), "2014-12-22T16:15:00Z");
        assert_eq!(Timestamp::from_micros(1_419_264_900_100_000).to_string(), "2014-12-22T16:15:00.100000Z");
    }

    #[test]
    fn windows_that_overlap_or_touch_are_one() {
        let window = |start, end| Window { start: Timestamp::from_secs(start), end: Timestamp::from_secs(end) };
        let united = Window::united(vec![window(50, 60), window(0, 10), window(10, 20), window(5, 8), window(55, 70)]);
        assert_eq!(united, [window(0, 20), window(50, 70)]);
    }

    #[test]
    fn an_empty_window_is_refused() {
        let at = Timestamp::from_secs(0);
        assert!(Window::new(at, at).is_err());
    }
}
