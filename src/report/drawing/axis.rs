//! Where seconds, hours, days, months and years stand on an axis, and what is written there: labels never overlap.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Utc};

use crate::time::{Timestamp, Window};

const DAY: i64 = 86_400;

/// The distance between two ticks.
#[derive(Clone, Copy, Debug)]
enum Spacing {
    Seconds(i64),
    /// Days of a month, counted from its first.
    Days(u32),
    /// Months of a year, counted from January.
    Months(u32),
    Years(i32),
}

/// Finest first.
const STEPS: [Spacing; 31] = [
    Spacing::Seconds(1),
    Spacing::Seconds(2),
    Spacing::Seconds(5),
    Spacing::Seconds(10),
    Spacing::Seconds(15),
    Spacing::Seconds(30),
    Spacing::Seconds(60),
    Spacing::Seconds(120),
    Spacing::Seconds(300),
    Spacing::Seconds(600),
    Spacing::Seconds(900),
    Spacing::Seconds(1800),
    Spacing::Seconds(3600),
    Spacing::Seconds(7200),
    Spacing::Seconds(10_800),
    Spacing::Seconds(21_600),
    Spacing::Seconds(43_200),
    Spacing::Days(1),
    Spacing::Days(2),
    Spacing::Days(5),
    Spacing::Days(7),
    Spacing::Days(14),
    Spacing::Months(1),
    Spacing::Months(2),
    Spacing::Months(3),
    Spacing::Months(6),
    Spacing::Years(1),
    Spacing::Years(2),
    Spacing::Years(5),
    Spacing::Years(10),
    Spacing::Years(20),
];

/// The room of an axis, in one unit for both.
#[derive(Clone, Copy, Debug)]
pub(in crate::report) struct Room {
    pub width: f64,
    /// The width of an average letter or digit.
    pub letter: f64,
}

/// Where a label lies at its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Side {
    /// It begins there, because it would leave the axis on the left.
    First,
    Middle,
    /// It ends there.
    Last,
}

/// A mark on an axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::report) struct Tick {
    pub at: Timestamp,
    /// `18:00`; `23 Dec` where a day begins, `1 Jan 2015` where a year does; `Dec`, `2015`.
    pub label: String,
    pub side: Side,
}

/// Returns the finest round marks inside the window whose labels stand apart.
pub(in crate::report) fn ticks(window: Window, room: Room) -> Vec<Tick> {
    let length = (window.end.micros_since(window.start) as f64 / 1e6).max(1e-6);
    // No label is shorter than four letters.
    let may_fit = |step: &&Spacing| length / step.seconds() * 4.0 * room.letter <= room.width;
    let found = STEPS
        .iter()
        .filter(may_fit)
        .map(|step| step.ticks(window, room))
        .find(|ticks| stand_apart(ticks, room, window));
    found.unwrap_or_else(|| {
        let [.., coarsest] = STEPS;
        let mut ticks = coarsest.ticks(window, room);
        while !stand_apart(&ticks, room, window) {
            ticks.pop();
        }
        ticks
    })
}

/// Returns the days of a window: `22 to 23 Dec 2014`.
pub(in crate::report) fn dates(window: Window) -> String {
    let (first, last) = (window.start.to_datetime(), Timestamp::from_micros(window.end.micros() - 1).to_datetime());
    let end = last.format("%-d %b %Y").to_string();
    let start = match (first.year() == last.year(), first.month() == last.month()) {
        (true, true) if first.day() == last.day() => return end,
        (true, true) => "%-d",
        (true, false) => "%-d %b",
        (false, _) => "%-d %b %Y",
    };
    format!("{} to {end}", first.format(start))
}

impl Spacing {
    /// About how long it is; months are the shortest.
    fn seconds(self) -> f64 {
        let seconds = match self {
            Spacing::Seconds(seconds) => seconds,
            Spacing::Days(days) => i64::from(days) * DAY,
            Spacing::Months(months) => i64::from(months) * 28 * DAY,
            Spacing::Years(years) => i64::from(years) * 365 * DAY,
        };
        seconds as f64
    }

    fn ticks(self, window: Window, room: Room) -> Vec<Tick> {
        let instants = self.instants(window);
        let (first, last) = (window.start.to_datetime().year(), window.end.to_datetime().year());
        // Where several years are shown, the first date has its year, and each date of another year.
        let mut shown = if first == last || matches!(self, Spacing::Seconds(_)) { first } else { i32::MIN };
        let tick = |at: DateTime<Utc>| {
            let has_year = at.year() != shown;
            shown = at.year();
            let is_midnight = at.time() == NaiveTime::MIN;
            let format = match self {
                Spacing::Seconds(_) if !is_midnight => {
                    if self.seconds() < 60.0 {
                        "%H:%M:%S"
                    } else {
                        "%H:%M"
                    }
                }
                Spacing::Seconds(_) | Spacing::Days(_) if has_year => "%-d %b %Y",
                Spacing::Seconds(_) | Spacing::Days(_) => "%-d %b",
                Spacing::Months(_) if has_year => "%b %Y",
                Spacing::Months(_) => "%b",
                Spacing::Years(_) => "%Y",
            };
            let label = at.format(format).to_string();
            let at = Timestamp::from_secs(at.timestamp());
            let (x, half) = (place(at, window, room), width(&label, room) / 2.0);
            let side = match x {
                x if x < half => Side::First,
                x if x > room.width - half => Side::Last,
                _ => Side::Middle,
            };
            Tick { at, label, side }
        };
        instants.into_iter().map(tick).collect()
    }

    /// Returns the round instants inside the window.
    fn instants(self, window: Window) -> Vec<DateTime<Utc>> {
        let is_inside = |at: &DateTime<Utc>| {
            let at = Timestamp::from_secs(at.timestamp());
            window.start <= at && at < window.end
        };
        let begin = window.start.to_datetime().date_naive();
        let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        let is_before_end = |day: &NaiveDate| Timestamp::from_secs(midnight(*day).timestamp()) < window.end;
        let days: Vec<NaiveDate> = match self {
            Spacing::Seconds(step) => {
                let first = (window.start.secs() + step - 1).div_euclid(step) * step;
                let instants = (0..).map(|n| first + n * step).take_while(|at| *at < window.end.secs());
                return instants.map(|at| Timestamp::from_secs(at).to_datetime()).filter(is_inside).collect();
            }
            Spacing::Days(step) => {
                let days = std::iter::successors(Some(begin), |day| day.checked_add_days(Days::new(1)));
                days.take_while(is_before_end).filter(|day| is_counted(*day, step)).collect()
            }
            Spacing::Months(step) => {
                let months = std::iter::successors(begin.with_day(1), |day| day.checked_add_months(Months::new(1)));
                months.take_while(is_before_end).filter(|day| day.month0().is_multiple_of(step)).collect()
            }
            Spacing::Years(step) => {
                let first = begin.with_day(1).and_then(|day| day.with_month(1));
                let years = std::iter::successors(first, |day| day.checked_add_months(Months::new(12)));
                years.take_while(is_before_end).filter(|day| day.year().rem_euclid(step) == 0).collect()
            }
        };
        days.into_iter().map(midnight).filter(is_inside).collect()
    }
}

/// Whether a day is one of every `step` days of its month, and as far from the next first of a month.
fn is_counted(day: NaiveDate, step: u32) -> bool {
    let next = day.with_day(1).and_then(|first| first.checked_add_months(Months::new(1)));
    let left = next.map_or(0, |next| (next - day).num_days());
    day.day0().is_multiple_of(step) && left >= i64::from(step)
}

fn place(at: Timestamp, window: Window, room: Room) -> f64 {
    room.width * at.micros_since(window.start) as f64 / window.end.micros_since(window.start) as f64
}

fn width(label: &str, room: Room) -> f64 {
    label.chars().count() as f64 * room.letter
}

/// Whether neighbouring labels are at least two letters apart.
fn stand_apart(ticks: &[Tick], room: Room, window: Window) -> bool {
    let extent = |tick: &Tick| {
        let (x, width) = (place(tick.at, window, room), width(&tick.label, room));
        match tick.side {
            Side::First => (x, x + width),
            Side::Middle => (x - width / 2.0, x + width / 2.0),
            Side::Last => (x - width, x),
        }
    };
    ticks.windows(2).all(|pair| match pair {
        [left, right] => extent(left).1 + 2.0 * room.letter <= extent(right).0,
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start: &str, end: &str) -> Window {
        Window::new(start.parse().unwrap(), end.parse().unwrap()).unwrap()
    }

    /// The labels of an axis that is `letters` letters wide.
    fn labels(start: &str, end: &str, letters: usize) -> String {
        let room = Room { width: letters as f64, letter: 1.0 };
        ticks(window(start, end), room).into_iter().map(|tick| tick.label).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn marks_are_round_and_show_the_days_months_and_years_that_begin() {
        assert_eq!(
            labels("2014-12-22T12:00", "2014-12-23T20:00", 60),
            "12:00 | 18:00 | 23 Dec | 06:00 | 12:00 | 18:00"
        );
        assert_eq!(
            labels("2014-12-22T16:14:51", "2014-12-22T16:15:40", 60),
            "16:15:00 | 16:15:10 | 16:15:20 | 16:15:30"
        );
        assert_eq!(labels("2014-12-01", "2014-12-31", 60), "1 Dec | 6 Dec | 11 Dec | 16 Dec | 21 Dec | 26 Dec");
        assert_eq!(labels("2014-10-05", "2015-03-20", 60), "Nov 2014 | Dec | Jan 2015 | Feb | Mar");
        assert_eq!(labels("2014-12-31T20:00", "2015-01-01T06:00", 60), "20:00 | 22:00 | 1 Jan 2015 | 02:00 | 04:00");
        assert_eq!(labels("2009-01-01", "2014-12-31", 60), "2009 | 2010 | 2011 | 2012 | 2013 | 2014");
    }

    #[test]
    fn labels_never_overlap_from_a_minute_to_ten_years() {
        let starts =
            ["2014-12-22T12:00", "2014-12-31T23:59:30", "2016-02-28T05:07:09", "2009-01-01", "2011-11-11T11:11:11"];
        let lengths = (0..).map(|n| 10.0 * 1.17f64.powi(n)).take_while(|seconds| *seconds < 3.3e8);
        for length in lengths {
            for start in starts {
                let start: Timestamp = start.parse().unwrap();
                let window = Window::new(start, start + std::time::Duration::from_secs_f64(length)).unwrap();
                for width in [22.0, 36.0, 60.0, 83.0, 124.0, 250.0] {
                    let room = Room { width, letter: 1.0 };
                    let ticks = ticks(window, room);
                    assert!(stand_apart(&ticks, room, window), "{window:?} {width}: {ticks:?}");
                    assert!(ticks.len() <= (width / 6.0) as usize + 1, "{window:?} {width}: {ticks:?}");
                    assert!(width < 60.0 || ticks.len() >= 2, "{window:?} {width}: {ticks:?}");
                }
            }
        }
    }

    #[test]
    fn the_days_of_a_window_are_named_with_their_year() {
        let named = |start, end| dates(window(start, end));
        assert_eq!(named("2014-12-22T12:00", "2014-12-23"), "22 Dec 2014");
        assert_eq!(named("2014-12-22T12:00", "2014-12-23T20:00"), "22 to 23 Dec 2014");
        assert_eq!(named("2014-11-22", "2014-12-23T20:00"), "22 Nov to 23 Dec 2014");
        assert_eq!(named("2014-12-22", "2015-01-02"), "22 Dec 2014 to 1 Jan 2015");
    }
}
