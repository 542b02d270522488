//! Where hours and days stand on an axis.

use crate::time::{Timestamp, Window};

/// Distances of ticks in seconds, finest first.
const STEPS: [i64; 21] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    2_592_000,
];
const DAY: i64 = 86_400;

/// A mark on an axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::report) struct Tick {
    pub at: Timestamp,
    /// `18:00`; `12-23` where a day begins.
    pub label: String,
}

/// Marks inside the window, at most `most` of them (but one at least every thirty days).
pub(in crate::report) fn ticks(window: Window, most: usize) -> Vec<Tick> {
    let (start, end) = (window.start.secs(), window.end.secs());
    let fits = |step: &i64| (end - start) / step <= most as i64;
    let [.., coarsest] = STEPS;
    let step = STEPS.into_iter().find(fits).unwrap_or(coarsest);
    let first = (start + step - 1).div_euclid(step) * step;
    let instants = (0..).map(|n| first + n * step).take_while(|at| *at < end);
    instants
        .map(|at| {
            let format = match at {
                at if at.rem_euclid(DAY) == 0 => "%m-%d",
                _ if step < 60 => "%H:%M:%S",
                _ => "%H:%M",
            };
            let at = Timestamp::from_secs(at);
            Tick { at, label: at.to_datetime().format(format).to_string() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(start: &str, end: &str, most: usize) -> String {
        let window = Window::new(start.parse().unwrap(), end.parse().unwrap()).unwrap();
        ticks(window, most).into_iter().map(|tick| tick.label).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn marks_are_round_and_name_the_days_that_begin() {
        assert_eq!(labels("2014-12-22T12:00", "2014-12-23T20:00", 6), "12:00 18:00 12-23 06:00 12:00 18:00");
        assert_eq!(labels("2014-12-22T16:14:51", "2014-12-22T16:15:40", 5), "16:15:00 16:15:10 16:15:20 16:15:30");
        assert_eq!(labels("2014-12-01", "2014-12-31", 5), "12-04 12-11 12-18 12-25");
    }
}
