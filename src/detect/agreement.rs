//! How far the vantage points that saw an outage agree: per collector and project, without each collector, and by IODA's rule.

use std::time::Duration;

use crate::bgp::{Collector, Project};
use crate::time::Timestamp;

/// When the share crossed one half, as seen by some of the collectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HalfCrossings<T> {
    /// The collector or the project.
    pub of: T,
    /// Falling; `None` where it did not, or not at a known time.
    pub loss: Option<Timestamp>,
    /// Rising.
    pub recovery: Option<Timestamp>,
}

/// What another judgement of the same data finds in the place of an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum Counterfactual {
    /// An outage with these edges; `None` where one is not known.
    Outage {
        /// Its start.
        start: Option<Timestamp>,
        /// Its end.
        end: Option<Timestamp>,
    },
    /// No outage.
    NoOutage,
    /// The data do not suffice.
    InsufficientData,
    /// No vantage point has a full table.
    NoFullFeed,
}

/// How far the vantage points that saw an outage agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// As seen by each collector alone.
    pub collectors: Vec<HalfCrossings<Collector>>,
    /// As seen by each project alone.
    pub projects: Vec<HalfCrossings<Project>>,
    /// What it would be without each collector.
    pub without: Vec<(Collector, Counterfactual)>,
    /// What it is by IODA's rule.
    pub ioda: Option<Counterfactual>,
}

impl Agreement {
    /// Returns the time from the first collector's half to the last one's, on the way down; `None` with fewer than two.
    pub fn loss_spread(&self) -> Option<Duration> {
        spread(self.collectors.iter().filter_map(|halves| halves.loss))
    }

    /// Returns the same on the way up.
    pub fn recovery_spread(&self) -> Option<Duration> {
        spread(self.collectors.iter().filter_map(|halves| halves.recovery))
    }

    /// Returns the earliest and the latest start without one collector.
    pub fn start_range(&self) -> Option<(Timestamp, Timestamp)> {
        range(self.without.iter().filter_map(|(_, found)| match found {
            Counterfactual::Outage { start, .. } => *start,
            _ => None,
        }))
    }

    /// Returns the earliest and the latest end without one collector.
    pub fn end_range(&self) -> Option<(Timestamp, Timestamp)> {
        range(self.without.iter().filter_map(|(_, found)| match found {
            Counterfactual::Outage { end, .. } => *end,
            _ => None,
        }))
    }
}

fn range(times: impl Iterator<Item = Timestamp>) -> Option<(Timestamp, Timestamp)> {
    times.fold(None, |range, at| match range {
        None => Some((at, at)),
        Some((first, last)) => Some((at.min(first), at.max(last))),
    })
}

fn spread(times: impl Iterator<Item = Timestamp>) -> Option<Duration> {
    let times: Vec<Timestamp> = times.collect();
    let (first, last) = range(times.iter().copied()).filter(|_| times.len() > 1)?;
    Some(Duration::from_micros(last.micros_since(first).unsigned_abs()))
}
