//! A share over time as it is drawn: readings, thinned if there are too many to show.

use crate::time::{Timestamp, Window};

/// An interval in which a share is constant, or of which the lowest share is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::report) struct Reading {
    pub window: Window,
    /// None if it is not known.
    pub share: Option<f64>,
    /// The share as a fraction: `n` see it, of `of`.
    pub n: usize,
    pub of: usize,
    /// Whether part of the interval is unknown.
    pub is_partly_unknown: bool,
    /// Whether only stuck routes are left of a network that was lost altogether.
    pub is_stuck: bool,
}

impl Reading {
    /// A constant share.
    pub(crate) fn new(window: Window, share: Option<f64>, n: usize, of: usize) -> Reading {
        Reading { window, share, n, of, is_partly_unknown: false, is_stuck: false }
    }

    fn is_same(&self, other: &Reading) -> bool {
        if (self.is_partly_unknown, self.is_stuck) != (other.is_partly_unknown, other.is_stuck) {
            return false;
        }
        match (self.share, other.share) {
            (None, None) => true,
            (Some(share), Some(others)) => share == others && (self.n, self.of) == (other.n, other.of),
            _ => false,
        }
    }
}

/// Returns readings that cover all of `window`: equal neighbours are merged, and holes are unknown.
pub(in crate::report) fn merged(readings: impl Iterator<Item = Reading>, window: Window) -> Vec<Reading> {
    let mut merged: Vec<Reading> = Vec::new();
    let mut until = window.start;
    let mut add = |reading: Reading| match merged.last_mut() {
        Some(last) if last.is_same(&reading) => last.window.end = reading.window.end,
        _ => merged.push(reading),
    };
    for reading in readings {
        let Some(shown) = reading.window.intersect(&window) else { continue };
        if let Ok(hole) = Window::new(until, shown.start) {
            add(Reading::new(hole, None, 0, 0));
        }
        until = shown.end;
        add(Reading { window: shown, ..reading });
    }
    if let Ok(hole) = Window::new(until, window.end) {
        add(Reading::new(hole, None, 0, 0));
    }
    merged
}

/// Returns at most `most` readings. If there are more, the window is cut into `most` equal parts, each of which shows its
/// lowest known share and whether any of it is unknown.
pub(in crate::report) fn thinned(readings: Vec<Reading>, window: Window, most: usize) -> Vec<Reading> {
    if readings.len() <= most || most == 0 {
        return readings;
    }
    let length = window.end.micros_since(window.start);
    let edge = |part: usize| {
        let offset = i128::from(length) * part as i128 / most as i128;
        Timestamp::from_micros(window.start.micros() + i64::try_from(offset).unwrap_or(0))
    };
    let mut parts = Vec::with_capacity(most);
    let mut first = 0;
    for part in 0..most {
        let Ok(span) = Window::new(edge(part), edge(part + 1)) else { continue };
        first += readings[first..].iter().take_while(|reading| reading.window.end <= span.start).count();
        let inside: Vec<&Reading> =
            readings[first..].iter().take_while(|reading| reading.window.start < span.end).collect();
        let known = inside.iter().filter_map(|reading| Some((reading.share?, *reading)));
        let lowest = known.min_by(|(a, _), (b, _)| a.total_cmp(b));
        let is_partly_unknown = inside.iter().any(|reading| reading.share.is_none() || reading.is_partly_unknown);
        parts.push(match lowest {
            Some((share, reading)) => Reading { window: span, share: Some(share), is_partly_unknown, ..*reading },
            None => Reading::new(span, None, 0, 0),
        });
    }
    merged(parts.into_iter(), window)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start: i64, end: i64) -> Window {
        Window::new(Timestamp::from_secs(start), Timestamp::from_secs(end)).unwrap()
    }

    fn reading(start: i64, end: i64, n: usize) -> Reading {
        Reading::new(window(start, end), Some(n as f64 / 10.0), n, 10)
    }

    #[test]
    fn thinning_keeps_the_lowest_and_says_what_is_unknown() {
        let unknown = Reading::new(window(50, 60), None, 0, 0);
        let readings = vec![reading(0, 20, 10), reading(20, 21, 0), reading(21, 50, 9), unknown, reading(60, 100, 10)];
        let thin = thinned(readings.clone(), window(0, 100), 4);
        let shown: Vec<_> = thin.iter().map(|r| (r.window.start.secs(), r.n, r.is_partly_unknown)).collect();
        assert_eq!(shown, [(0, 0, false), (25, 9, false), (50, 10, true), (75, 10, false)]);
        assert_eq!(thinned(readings.clone(), window(0, 100), 5), readings);
    }

    #[test]
    fn equal_neighbours_are_one_and_holes_are_unknown() {
        let readings = [reading(0, 10, 5), reading(10, 20, 5), reading(25, 30, 5), reading(30, 50, 6)];
        let merged = merged(readings.into_iter(), window(5, 40));
        let spans: Vec<_> = merged.iter().map(|r| (r.window.end.secs(), r.share)).collect();
        assert_eq!(spans, [(20, Some(0.5)), (25, None), (30, Some(0.5)), (40, Some(0.6))]);
    }
}
