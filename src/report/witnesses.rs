//! What each usable vantage point held over time: when it lost a network, and when it regained it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use super::drawing::{Reading, merged, thinned};
use crate::bgp::{AsPath, Asn, Prefix, VantagePoint};
use crate::detect::Outage;
use crate::time::{Steps, Timestamp, Window};
use crate::visibility::{ObservedSpan, ObservedState, View};

/// A vantage point that lost its routes at most this long before the share crossed the threshold lost them in the outage:
/// withdrawals reach all vantage points within minutes. One that had none for longer had none before the outage.
const LEAD: Duration = Duration::from_secs(15 * 60);

/// A usable vantage point, and the share of some prefixes that it held over time.
pub(super) struct HolderReadings {
    pub vantage_point: VantagePoint,
    /// The ASes before the origin on its paths, before the outage: that of most prefixes first.
    pub upstreams: Vec<Asn>,
    pub readings: Vec<Reading>,
    pub fate: Fate,
}

/// What happened to the routes of a vantage point in an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// It lost the last one at `lost`; `back` is when it had one again.
    Lost { lost: Instant, back: Option<Instant> },
    /// It kept one.
    Kept,
    /// It had none before.
    NoneBefore,
    /// What it had before is not known.
    Unknown,
}

/// When something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant {
    pub at: Timestamp,
    /// Whether it may have been before `at`: the time before is unknown.
    pub is_latest: bool,
}

/// Every vantage point that was usable for any of the prefixes of an outage; those that lost it first come first.
pub(super) fn witnesses(
    view: &View,
    prefixes: &[Prefix],
    origin: Option<Asn>,
    outage: &Outage,
    most_readings: usize,
) -> Vec<HolderReadings> {
    let mut own: Vec<Vec<(Prefix, ObservedSpan)>> = vec![Vec::new(); view.vantage_points().len()];
    for prefix in prefixes {
        for span in view.observed(prefix) {
            if let Some(observed) = own.get_mut(span.vantage_point.get()) {
                observed.push((*prefix, span));
            }
        }
    }
    let usable = view.vantage_points().iter().zip(own).filter(|(_, observed)| !observed.is_empty());
    let witness = |(vantage_point, observed): (&VantagePoint, Vec<(Prefix, ObservedSpan)>)| {
        let held = held(&observed, origin);
        let fate = fate(&held, outage.fall.loss.first, outage.fall.end().unwrap_or(Timestamp::MAX));
        let before = match fate {
            Fate::Lost { lost, .. } => lost.at,
            _ => outage.fall.loss.first,
        };
        let readings = thinned(merged(held.into_iter(), view.window()), view.window(), most_readings);
        HolderReadings { vantage_point: vantage_point.clone(), upstreams: upstreams(&observed, before), readings, fate }
    };
    let mut witnesses: Vec<HolderReadings> =
        usable.map(witness).filter(|witness| !witness.readings.is_empty()).collect();
    witnesses.sort_by(|a, b| (a.fate, &a.vantage_point).cmp(&(b.fate, &b.vantage_point)));
    witnesses
}

/// Returns, over time, to how many of the known prefixes a vantage point held a route.
fn held(observed: &[(Prefix, ObservedSpan)], origin: Option<Asn>) -> Vec<Reading> {
    let changes = observed.iter().flat_map(|(_, span)| {
        let held = isize::from(span.state.sees(origin));
        [(span.window.start, (held, 1)), (span.window.end, (-held, -1))]
    });
    let (mut n, mut of): (isize, isize) = (0, 0);
    let end = observed.iter().map(|(_, span)| span.window.end).max().unwrap_or(Timestamp::MIN);
    let counts = Steps::sweep(changes.collect(), end, |_, changes| {
        for (_, (held, known)) in changes {
            (n, of) = (n + held, of + known);
        }
        (n.unsigned_abs(), of.unsigned_abs())
    });
    let reading = |(window, (n, of)): (Window, &(usize, usize))| {
        Reading::new(window, (*of > 0).then(|| *n as f64 / *of as f64), *n, *of)
    };
    counts.intervals().map(reading).collect()
}

/// The ASes before the origin on the paths that were held last before an instant, that of most prefixes first.
fn upstreams(observed: &[(Prefix, ObservedSpan)], before: Timestamp) -> Vec<Asn> {
    let mut last: BTreeMap<Prefix, (Timestamp, &AsPath)> = BTreeMap::new();
    for (prefix, span) in observed.iter().filter(|(_, span)| span.window.start < before) {
        if let ObservedState::Present(Some(path), _) = &span.state {
            let until = span.window.end.min(before);
            let known = last.entry(*prefix).or_insert((until, path));
            if known.0 <= until {
                *known = (until, path);
            }
        }
    }
    let mut n_prefixes: BTreeMap<Asn, usize> = BTreeMap::new();
    for upstream in last.into_values().filter_map(|(_, path)| path.upstream()) {
        *n_prefixes.entry(upstream).or_default() += 1;
    }
    let mut upstreams: Vec<(Asn, usize)> = n_prefixes.into_iter().collect();
    upstreams.sort_by_key(|(upstream, n)| (Reverse(*n), *upstream));
    upstreams.into_iter().map(|(upstream, _)| upstream).collect()
}

/// Returns what happened to its routes in an outage from `start` to `end`.
fn fate(held: &[Reading], start: Timestamp, end: Timestamp) -> Fate {
    let has_none = |reading: &Reading| reading.share == Some(0.0);
    let meets = |reading: &Reading| reading.window.end > start && reading.window.start < end;
    let Some(first) = held.iter().position(|reading| has_none(reading) && meets(reading)) else {
        return if is_known_throughout(held, start, end) { Fate::Kept } else { Fate::Unknown };
    };
    // The same absence may be several readings.
    let mut lost = first;
    while lost > 0 && has_none(&held[lost - 1]) && held[lost - 1].window.end == held[lost].window.start {
        lost -= 1;
    }
    match held[..lost].iter().rev().find_map(|reading| reading.share) {
        Some(share) if share > 0.0 && held[lost].window.start >= start - LEAD => {}
        Some(_) => return Fate::NoneBefore,
        None => return Fate::Unknown,
    }
    let last = held.iter().rposition(|reading| has_none(reading) && meets(reading)).unwrap_or(first);
    let back = held.iter().skip(last + 1).position(|reading| reading.share > Some(0.0));
    Fate::Lost { lost: instant(held, lost), back: back.map(|back| instant(held, last + 1 + back)) }
}

/// Returns when a reading began. After an unknown reading or a hole, it may have begun earlier.
fn instant(held: &[Reading], index: usize) -> Instant {
    let at = held[index].window.start;
    let is_dated = index > 0 && held[index - 1].share.is_some() && held[index - 1].window.end == at;
    Instant { at, is_latest: !is_dated }
}

/// Whether a route is known to have been held all the time.
fn is_known_throughout(held: &[Reading], from: Timestamp, until: Timestamp) -> bool {
    let Some(end) = held.last().map(|last| last.window.end) else { return false };
    let Ok(whole) = Window::new(from, until.min(end)) else { return false };
    let has_some = held.iter().filter(|reading| reading.share > Some(0.0));
    has_some.filter_map(|reading| reading.window.intersect(&whole)).map(|part| part.duration()).sum::<Duration>()
        == whole.duration()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `10:00 4 | 10:05 0 | 10:09 ? | 10:10 2`: how many of four are held from when on, up to 11:00.
    fn check(history: &str, expected: &str) {
        let at = |text: &str| format!("2024-05-01T{text}").parse::<Timestamp>().unwrap();
        let changes: Vec<(Timestamp, &str)> = history
            .split(" | ")
            .map(|change| change.split_once(' ').unwrap())
            .map(|(time, held)| (at(time), held))
            .collect();
        let ends = changes.iter().skip(1).map(|(at, _)| *at).chain([at("11:00")]);
        let readings = changes.iter().zip(ends).map(|((start, held), end)| {
            let window = Window::new(*start, end).unwrap();
            let n = held.parse::<usize>().ok();
            Reading::new(window, n.map(|n| n as f64 / 4.0), n.unwrap_or(0), 4)
        });
        let said = |instant: Instant| {
            let sign = if instant.is_latest { "≤" } else { "" };
            format!("{sign}{}", instant.at.to_datetime().format("%H:%M"))
        };
        let fate = match fate(&readings.collect::<Vec<_>>(), at("10:10"), at("10:30")) {
            Fate::Lost { lost, back } => format!("{} to {}", said(lost), back.map_or("never".to_owned(), said)),
            other => format!("{other:?}"),
        };
        assert_eq!(fate, expected, "{history}");
    }

    #[test]
    fn a_loss_is_dated_only_where_the_time_before_is_known() {
        check("10:00 4 | 10:09 2 | 10:11 0 | 10:29 3", "10:11 to 10:29");
        check("10:00 4 | 10:08 ? | 10:12 0 | 10:29 ? | 10:40 4", "≤10:12 to ≤10:40");
        check("10:00 4 | 10:12 0 | 10:15 1 | 10:20 0", "10:12 to never");
    }

    #[test]
    fn what_was_lost_before_or_is_not_known_is_no_loss() {
        check("10:00 4 | 10:12 3", "Kept");
        check("10:00 4 | 10:12 ? | 10:40 4", "Unknown");
        check("10:00 ? | 10:12 0", "Unknown");
        check("09:00 4 | 09:30 0", "NoneBefore");
    }
}
