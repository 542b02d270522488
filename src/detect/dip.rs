//! Falls of a step function: hysteresis, minimum duration, merging, episodes, edges.

use std::time::Duration;

use serde::Serialize;

use super::{Bounds, Censoring};
use crate::query::Thresholds;
use crate::time::{Timestamp, Window};

/// The fall and the recovery are looked for this far from an outage's edges: convergence takes minutes.
const EDGE_REACH: Duration = Duration::from_secs(30 * 60);

/// A stretch of a step function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub window: Window,
    /// The share; nothing where the data do not suffice to judge.
    pub share: Option<f64>,
}

/// How a share fell, or came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// The first change away from the level before: the first loss, or the first return.
    pub first: Timestamp,
    /// The share crossed one half.
    pub half: Option<Timestamp>,
    /// The share crossed one tenth, falling, or nine tenths, rising.
    pub most: Option<Timestamp>,
    /// The last change: everything lost that would be lost, or everything back that came back.
    pub last: Timestamp,
}

/// One fall below the threshold, or several merged.
#[derive(Clone, Debug, PartialEq)]
pub struct Dip {
    /// First instant seen below; where the data begin with it, that instant.
    pub start: Timestamp,
    /// First instant up again, the last one seen down before a gap, or the end of the data.
    pub end: Timestamp,
    /// What is not known about the edges.
    pub censored: Vec<Censoring>,
    /// What the data allow for the start.
    pub start_bounds: Bounds,
    /// What the data allow for the end.
    pub end_bounds: Bounds,
    /// The smallest share.
    pub share_min: f64,
    /// The share just before; nothing where the data begin with it.
    pub share_before: Option<f64>,
    /// The falls of which it was merged.
    pub parts: Vec<Window>,
    /// How the share fell.
    pub loss: Edge,
    /// How it came back.
    pub recovery: Option<Edge>,
}

impl Dip {
    /// From start to end.
    pub fn window(&self) -> Window {
        Window { start: self.start, end: self.end }
    }
}

/// Outages among the falls, and the flaps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dips {
    /// Falls of at least the minimum duration, merged.
    pub outages: Vec<Dip>,
    /// Shorter ones.
    pub flaps: Vec<Dip>,
}

/// Finds the falls of a step function. Samples without a share change nothing: the state before them is held, and an
/// edge found after them is known only within bounds. A fall of which an edge was not seen may be longer than it seems, and
/// is no flap unless its bounds show that it was short.
pub fn dips(samples: &[Sample], thresholds: &Thresholds) -> Dips {
    let falls = falls(samples, thresholds);
    let spans: Vec<Window> = falls.iter().map(Dip::window).collect();
    let (long, flaps): (Vec<Dip>, Vec<Dip>) =
        falls.into_iter().partition(|dip| dip.longest() >= micros(thresholds.min_duration));
    let mut outages: Vec<Dip> = Vec::new();
    for dip in long {
        match outages.last_mut() {
            Some(last) if dip.start.micros_since(last.end) <= micros(thresholds.merge_gap) => last.merge(dip),
            _ => outages.push(dip),
        }
    }
    for dip in &mut outages {
        // What the falls before and after it did belongs to them.
        let since = spans.iter().map(|span| span.end).rfind(|end| *end <= dip.start);
        let until = spans.iter().map(|span| span.start).find(|start| *start >= dip.end);
        dip.loss = loss_edge(samples, dip, since);
        dip.recovery = dip.end_bounds.latest.map(|_| recovery_edge(samples, dip, until));
    }
    // A flap inside a merged outage is part of it.
    let flaps = flaps.into_iter().filter(|flap| !outages.iter().any(|o| o.window().contains(flap.start))).collect();
    Dips { outages, flaps }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn falls(samples: &[Sample], thresholds: &Thresholds) -> Vec<Dip> {
    let mut falls = Vec::new();
    let mut open: Option<Dip> = None;
    // End of the last stretch that was judged, and the share in it.
    let mut judged: Option<(Timestamp, f64)> = None;
    for sample in samples {
        let Some(share) = sample.share else { continue };
        let at = sample.window.start;
        match &mut open {
            None if share < thresholds.down_below => open = Some(begin(at, share, judged)),
            None => {}
            Some(dip) if share >= thresholds.up_at => {
                let last_down = judged.map_or(at, |(end, _)| end);
                dip.end_bounds = Bounds { earliest: Some(last_down), latest: Some(at) };
                dip.end = last_down;
                if last_down < at {
                    dip.censored.push(Censoring::GapEnd);
                }
                falls.extend(open.take());
            }
            Some(dip) => dip.share_min = dip.share_min.min(share),
        }
        judged = Some((sample.window.end, share));
    }
    if let Some(mut dip) = open {
        dip.end = judged.map_or(dip.start, |(end, _)| end);
        dip.end_bounds = Bounds { earliest: Some(dip.end), latest: None };
        // Down to the end of the data, or to where they no longer suffice.
        let is_seen = samples.last().is_some_and(|sample| sample.share.is_some());
        dip.censored.push(if is_seen { Censoring::Right } else { Censoring::GapEnd });
        falls.push(dip);
    }
    for dip in &mut falls {
        dip.parts = vec![dip.window()];
    }
    falls
}

fn begin(at: Timestamp, share: f64, judged: Option<(Timestamp, f64)>) -> Dip {
    let mut censored = Vec::new();
    match judged {
        None => censored.push(Censoring::Left),
        Some((end, _)) if end < at => censored.push(Censoring::GapStart),
        Some(_) => {}
    }
    let edge = Edge { first: at, half: None, most: None, last: at };
    Dip {
        start: at,
        end: at,
        censored,
        start_bounds: Bounds { earliest: judged.map(|(end, _)| end), latest: Some(at) },
        end_bounds: Bounds { earliest: None, latest: None },
        share_min: share,
        share_before: judged.map(|(_, share)| share),
        parts: Vec::new(),
        loss: edge,
        recovery: None,
    }
}

impl Dip {
    /// How long it may have lasted at most, in microseconds.
    fn longest(&self) -> i64 {
        match (self.start_bounds.earliest, self.end_bounds.latest) {
            (Some(earliest), Some(latest)) => latest.micros_since(earliest),
            _ => i64::MAX,
        }
    }

    fn merge(&mut self, later: Dip) {
        self.end = later.end;
        self.end_bounds = later.end_bounds;
        self.share_min = self.share_min.min(later.share_min);
        self.parts.extend(later.parts);
        self.censored.retain(|censoring| *censoring != Censoring::GapEnd);
        self.censored.extend(later.censored.into_iter().filter(|c| matches!(c, Censoring::GapEnd | Censoring::Right)));
    }
}

/// From the level before the fall, but after the one before it, down to the lowest.
fn loss_edge(samples: &[Sample], dip: &Dip, since: Option<Timestamp>) -> Edge {
    let judged = || samples.iter().filter_map(|sample| Some((sample.window, sample.share?)));
    let reach = (dip.start - EDGE_REACH).max(since.unwrap_or(Timestamp::MIN));
    let before = || judged().filter(move |(window, _)| window.end > reach && window.start < dip.start);
    let level = before().map(|(_, share)| share).fold(f64::NEG_INFINITY, f64::max);
    let first = before().rfind(|(_, share)| *share >= level).map_or(dip.start, |(window, _)| window.end);
    let during = || judged().filter(move |(window, _)| window.start >= first && window.start < dip.end);
    let crossing = |limit: f64| during().find(|(_, share)| *share <= limit).map(|(window, _)| window.start);
    Edge {
        first,
        half: during().find(|(_, share)| *share < 0.5).map(|(window, _)| window.start),
        most: crossing(0.1 + f64::EPSILON),
        last: crossing(dip.share_min).unwrap_or(dip.start),
    }
}

/// From the lowest level up to the highest that is reached soon, and before the next fall.
fn recovery_edge(samples: &[Sample], dip: &Dip, until: Option<Timestamp>) -> Edge {
    let judged = || samples.iter().filter_map(|sample| Some((sample.window, sample.share?)));
    // Of several merged falls the last one.
    let start = dip.parts.last().map_or(dip.start, |part| part.start);
    let during = || judged().filter(|(window, _)| window.start >= start && window.start < dip.end);
    let share_min = during().map(|(_, share)| share).fold(f64::INFINITY, f64::min);
    let lowest = during().rfind(|(_, share)| *share <= share_min);
    let first = lowest.map_or(dip.end, |(window, _)| window.end);
    let reach = (dip.end + EDGE_REACH).min(until.unwrap_or(Timestamp::MAX));
    let after = || judged().filter(move |(window, _)| window.start >= first && window.start < reach);
    let level = after().map(|(_, share)| share).fold(f64::NEG_INFINITY, f64::max);
    let crossing = |limit: f64| after().find(|(_, share)| *share >= limit).map(|(window, _)| window.start);
    let last = crossing(level).unwrap_or(dip.end).max(dip.end);
    Edge { first, half: crossing(0.5), most: crossing(0.9), last }
}

/// Groups windows (in order) separated by at most `gap`: the number of the group of each, from 1.
pub(super) fn group(windows: &[Window], gap: Duration) -> Vec<usize> {
    let mut number = 0;
    let mut end: Option<Timestamp> = None;
    windows
        .iter()
        .map(|window| {
            if end.is_none_or(|end| window.start.micros_since(end) > micros(gap)) {
                number += 1;
            }
            end = Some(end.map_or(window.end, |end| end.max(window.end)));
            number
        })
        .collect()
}
