//! Falls of a share over time: where it goes down and comes back, how long, and what is known about the edges.

use std::time::Duration;

use serde::Serialize;

use super::detector::{Detector, Shares};
use crate::time::{Timestamp, Window};

/// Convergence takes minutes: the first loss and the last return are searched for this far from the edges of an outage.
const EDGE_REACH: Duration = Duration::from_secs(30 * 60);

/// Why an edge is not known exactly, or lies outside the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Censoring {
    /// Already down when the data begin: the start is unknown.
    Left,
    /// It began before the window; the true start is known from earlier data.
    BeganBeforeFrom,
    /// The start lies in an interval without sufficient data: see its bounds.
    GapStart,
    /// The end lies in an interval without sufficient data: see its bounds.
    GapEnd,
    /// Still down at the end of the window: the duration is a lower bound.
    Right,
    /// It ended after the window; the true end is known from later data.
    EndedAfterTo,
}

impl Censoring {
    /// Returns whether the edge is known exactly, although it lies outside the window.
    pub fn is_exact(self) -> bool {
        matches!(self, Censoring::BeganBeforeFrom | Censoring::EndedAfterTo)
    }
}

/// The earliest and the latest time that the data allow for an edge; `None` where they set no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bounds {
    /// Not before.
    pub earliest: Option<Timestamp>,
    /// Not after.
    pub latest: Option<Timestamp>,
}

/// How a share fell, or came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// The first change away from the level before: the first loss, or the first return.
    pub first: Timestamp,
    /// When the share crossed one half; `None` if it did not.
    pub half: Option<Timestamp>,
    /// When the share crossed one tenth, falling, or nine tenths, rising; `None` if it did not.
    pub most: Option<Timestamp>,
    /// The last change: the share reached its lowest level, or the level to which it came back.
    pub last: Timestamp,
}

/// A fall of a share, or several falls merged.
#[derive(Clone, Debug, PartialEq)]
pub struct Fall {
    /// From the first instant at which it was seen down to the first one at which it was up again. Where data are missing, to
    /// the last instant at which it was seen down.
    pub seen: Window,
    /// What is not known about the edges.
    pub censored: Vec<Censoring>,
    /// What the data allow for the start.
    pub start_bounds: Bounds,
    /// What the data allow for the end.
    pub end_bounds: Bounds,
    /// The smallest share.
    pub share_min: f64,
    /// The share just before; `None` where the data begin with the fall.
    pub share_before: Option<f64>,
    /// The falls that were merged into it, in order; itself if there was only one.
    pub parts: Vec<Window>,
    /// How the share fell.
    pub loss: Edge,
    /// How it came back; `None` where it did not.
    pub recovery: Option<Edge>,
}

impl Fall {
    /// Returns the first instant at which it was down; `None` where that was before the data.
    pub fn start(&self) -> Option<Timestamp> {
        (!self.censored.contains(&Censoring::Left)).then_some(self.seen.start)
    }

    /// Returns the first instant at which it was up again; `None` where it was still down at the end of the window. Where the
    /// end lies in a gap, returns the last instant at which it was seen down.
    pub fn end(&self) -> Option<Timestamp> {
        (!self.censored.contains(&Censoring::Right)).then_some(self.seen.end)
    }

    /// Returns how long it was seen down: a lower bound unless the fall [is exact](Fall::is_exact).
    pub fn duration(&self) -> Duration {
        self.seen.duration()
    }

    /// Returns whether both edges are known.
    pub fn is_exact(&self) -> bool {
        self.censored.iter().all(|censoring| censoring.is_exact())
    }

    fn begin(seen: Window, share: f64, before: Option<(Timestamp, f64)>) -> Fall {
        let at = seen.start;
        let censored = match before {
            None => vec![Censoring::Left],
            Some((end, _)) if end < at => vec![Censoring::GapStart],
            Some(_) => Vec::new(),
        };
        Fall {
            seen,
            censored,
            start_bounds: Bounds { earliest: before.map(|(end, _)| end), latest: Some(at) },
            end_bounds: Bounds { earliest: None, latest: None },
            share_min: share,
            share_before: before.map(|(_, share)| share),
            parts: Vec::new(),
            loss: Edge { first: at, half: None, most: None, last: at },
            recovery: None,
        }
    }

    /// Ends the fall: `up_at` is the first instant at which the share was seen up again. `None`: it was not, because of
    /// `censoring`.
    fn ended(mut self, up_at: Option<Timestamp>, censoring: Option<Censoring>) -> Fall {
        self.end_bounds = Bounds { earliest: Some(self.seen.end), latest: up_at };
        self.censored.extend(censoring);
        self.parts = vec![self.seen];
        self
    }

    /// Returns how long it may have lasted at most, in microseconds.
    fn longest(&self) -> i64 {
        match (self.start_bounds.earliest, self.end_bounds.latest) {
            (Some(earliest), Some(latest)) => latest.micros_since(earliest),
            _ => i64::MAX,
        }
    }

    fn merge(&mut self, later: Fall) {
        self.seen.end = later.seen.end;
        self.end_bounds = later.end_bounds;
        self.share_min = self.share_min.min(later.share_min);
        self.parts.extend(later.parts);
        self.censored.retain(|censoring| *censoring != Censoring::GapEnd);
        self.censored.extend(later.censored.into_iter().filter(|c| matches!(c, Censoring::GapEnd | Censoring::Right)));
    }

    /// Adjusts the edges to what a window shows. `looked_back` is the time of a RIB dump, older than the data, in which the
    /// network was up.
    fn clip(&mut self, window: Window, looked_back: Option<Timestamp>) {
        if self.censored.contains(&Censoring::Left) {
            if self.start_bounds.earliest.is_none() {
                self.start_bounds.earliest = looked_back.filter(|at| *at < self.seen.start);
            }
        } else if self.seen.start < window.start {
            self.censored.push(Censoring::BeganBeforeFrom);
        }
        if self.end_bounds.latest.is_none() && self.seen.end >= window.end {
            // Data after the window are used only where they show the end.
            self.censored.retain(|censoring| *censoring != Censoring::GapEnd);
            self.censored.push(Censoring::Right);
            self.seen.end = window.end;
            self.end_bounds.earliest = Some(window.end);
            if let Some(part) = self.parts.last_mut() {
                part.end = part.end.min(window.end);
            }
        } else if self.seen.end > window.end {
            self.censored.push(Censoring::EndedAfterTo);
        }
        self.censored.sort_unstable();
        self.censored.dedup();
    }
}

/// The falls of a share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Falls {
    /// Falls of at least the minimum duration, merged.
    pub outages: Vec<Fall>,
    /// Shorter ones.
    pub flaps: Vec<Fall>,
}

impl Falls {
    /// Returns the outages, then the flaps.
    pub fn all(&self) -> impl Iterator<Item = &Fall> {
        self.outages.iter().chain(&self.flaps)
    }
}

/// Finds the falls of a share. An interval without a share changes nothing: the state before it is held, and an edge found
/// after it is known only within bounds. A fall with an unknown edge may be longer than it seems; it is a flap only if its
/// bounds show that it was short.
///
/// ```
/// use outage_replay::detect::{BaselineRule, falls};
/// use outage_replay::query::Thresholds;
/// use outage_replay::time::{Steps, Timestamp};
///
/// let minute = |minute: i64| Timestamp::from_secs(60 * minute);
/// let mut shares = Steps::until(minute(60));
/// shares.push(minute(0), Some(1.0));
/// shares.push(minute(10), Some(0.1));
/// shares.push(minute(30), Some(0.9));
///
/// let found = falls(&shares, &BaselineRule(Thresholds::default()));
/// assert_eq!(found.outages[0].start(), Some(minute(10)));
/// assert_eq!(found.outages[0].end(), Some(minute(30)));
/// ```
pub fn falls(shares: &Shares, detector: &dyn Detector) -> Falls {
    let thresholds = detector.thresholds();
    let single = single_falls(shares, detector);
    let spans: Vec<Window> = single.iter().map(|fall| fall.seen).collect();
    let (long, flaps): (Vec<Fall>, Vec<Fall>) =
        single.into_iter().partition(|fall| fall.longest() >= micros(thresholds.min_duration));
    let mut outages: Vec<Fall> = Vec::new();
    for fall in long {
        match outages.last_mut() {
            Some(last) if fall.seen.start.micros_since(last.seen.end) <= micros(thresholds.merge_gap) => {
                last.merge(fall)
            }
            _ => outages.push(fall),
        }
    }
    for fall in &mut outages {
        // The edges do not reach into the falls before and after.
        let since = spans.iter().map(|span| span.end).rfind(|end| *end <= fall.seen.start);
        let until = spans.iter().map(|span| span.start).find(|start| *start >= fall.seen.end);
        fall.loss = loss_edge(shares, fall, since);
        fall.recovery = fall.end_bounds.latest.map(|_| recovery_edge(shares, fall, until));
    }
    // A flap inside a merged outage is part of it.
    let flaps = flaps.into_iter().filter(|flap| !outages.iter().any(|outage| outage.seen.contains(flap.seen.start)));
    Falls { flaps: flaps.collect(), outages }
}

/// Finds the falls that a window shows. `looked_back` is the time of a RIB dump, older than the data, in which the network was
/// up.
pub(super) fn falls_in(
    window: Window,
    shares: &Shares,
    detector: &dyn Detector,
    looked_back: Option<Timestamp>,
) -> Falls {
    let mut falls = falls(shares, detector);
    let is_shown = |fall: &Fall| fall.seen.end > window.start && fall.seen.start < window.end;
    falls.outages.retain(is_shown);
    falls.flaps.retain(is_shown);
    falls.outages.iter_mut().for_each(|fall| fall.clip(window, looked_back));
    falls
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Finds every fall, however short.
fn single_falls(shares: &Shares, detector: &dyn Detector) -> Vec<Fall> {
    let mut falls = Vec::new();
    let mut open: Option<Fall> = None;
    // End of the last interval that was judged, and the share in it.
    let mut before: Option<(Timestamp, f64)> = None;
    for (window, share) in judged(shares) {
        let is_down = detector.is_down(share, open.is_some());
        match &mut open {
            None if is_down => open = Some(Fall::begin(window, share, before)),
            None => {}
            Some(fall) if is_down => {
                fall.seen.end = window.end;
                fall.share_min = fall.share_min.min(share);
            }
            Some(fall) => {
                let in_gap = (fall.seen.end < window.start).then_some(Censoring::GapEnd);
                falls.extend(open.take().map(|fall| fall.ended(Some(window.start), in_gap)));
            }
        }
        before = Some((window.end, share));
    }
    // Down to the end of the data, or to where they no longer suffice.
    let is_seen = shares.values().next_back().is_some_and(|share| share.is_some());
    let why = if is_seen { Censoring::Right } else { Censoring::GapEnd };
    falls.extend(open.map(|fall| fall.ended(None, Some(why))));
    falls
}

/// Returns the intervals in which the data suffice, with the share.
fn judged(shares: &Shares) -> impl DoubleEndedIterator<Item = (Window, f64)> {
    shares.intervals().filter_map(|(window, share)| Some((window, (*share)?)))
}

/// From the level before the fall, but after the previous one, down to the lowest.
fn loss_edge(shares: &Shares, fall: &Fall, since: Option<Timestamp>) -> Edge {
    let Window { start, end } = fall.seen;
    let reach = (start - EDGE_REACH).max(since.unwrap_or(Timestamp::MIN));
    let before = || judged(shares).filter(move |(window, _)| window.end > reach && window.start < start);
    let level = before().map(|(_, share)| share).fold(f64::NEG_INFINITY, f64::max);
    let first = before().rfind(|(_, share)| *share >= level).map_or(start, |(window, _)| window.end);
    let during = || judged(shares).filter(move |(window, _)| window.start >= first && window.start < end);
    let crossing = |limit: f64| during().find(|(_, share)| *share <= limit).map(|(window, _)| window.start);
    Edge {
        first,
        half: during().find(|(_, share)| *share < 0.5).map(|(window, _)| window.start),
        most: crossing(0.1 + f64::EPSILON),
        last: crossing(fall.share_min).unwrap_or(start),
    }
}

/// From the lowest level up to the highest that is reached soon, and before the next fall.
fn recovery_edge(shares: &Shares, fall: &Fall, until: Option<Timestamp>) -> Edge {
    // Of several merged falls the last one.
    let start = fall.parts.last().map_or(fall.seen.start, |part| part.start);
    let end = fall.seen.end;
    let during = || judged(shares).filter(move |(window, _)| window.start >= start && window.start < end);
    let share_min = during().map(|(_, share)| share).fold(f64::INFINITY, f64::min);
    let lowest = during().rfind(|(_, share)| *share <= share_min);
    let first = lowest.map_or(end, |(window, _)| window.end);
    let reach = (end + EDGE_REACH).min(until.unwrap_or(Timestamp::MAX));
    let after = || judged(shares).filter(move |(window, _)| window.start >= first && window.start < reach);
    let level = after().map(|(_, share)| share).fold(f64::NEG_INFINITY, f64::max);
    let crossing = |limit: f64| after().find(|(_, share)| *share >= limit).map(|(window, _)| window.start);
    let last = crossing(level).unwrap_or(end).max(end);
    Edge { first, half: crossing(0.5), most: crossing(0.9), last }
}

/// Returns the intervals in which a share stays below `limit`, and the smallest share in each. An interval without a share
/// belongs to the intervals on both sides of it.
pub(super) fn intervals_below(shares: &Shares, limit: f64) -> Vec<(Window, f64)> {
    let mut intervals: Vec<(Window, f64)> = Vec::new();
    let mut is_open = false;
    for (of_share, share) in judged(shares) {
        let is_below = share < limit;
        match intervals.last_mut().filter(|_| is_open && is_below) {
            Some((window, share_min)) => {
                window.end = of_share.end;
                *share_min = share_min.min(share);
            }
            None if is_below => intervals.push((of_share, share)),
            None => {}
        }
        is_open = is_below;
    }
    intervals
}
