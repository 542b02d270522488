//! Other judgements of the same data: each collector alone, all collectors but one, and IODA's rule.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::agreement::{Agreement, Counterfactual, HalfCrossings};
use super::baseline_rule::BaselineRule;
use super::context::PrefixContext;
use super::detector::{Detector, Shares};
use super::falls::{Censoring, Fall, falls};
use super::ioda_rule::IodaRule;
use super::model::{Outage, Scope, Subject};
use super::network::SpaceTimeline;
use crate::bgp::{Collector, Family, Project};
use crate::query::{Criteria, Thresholds};
use crate::time::{Timestamp, Window, Windows};
use crate::visibility::{Timeline, View};

/// A collector whose clock seems further off than this is named.
pub const MAX_SKEW: Duration = Duration::from_secs(60);
/// One event may be late at one collector for its own reasons.
const MIN_EVENTS: usize = 2;

/// Any fall below one half.
const HALF: BaselineRule = BaselineRule(Thresholds {
    down_below: 0.5,
    up_at: 0.5,
    min_duration: Duration::ZERO,
    merge_gap: Duration::from_secs(120),
    episode_gap: Duration::ZERO,
    degraded_below: 0.5,
});

/// Computes when the share crossed one half at each collector and at each project, for outages of one prefix.
pub(crate) fn compare_collectors(
    context: &PrefixContext,
    projects: &BTreeMap<Collector, Project>,
    outages: &mut [Outage],
) {
    let view = context.view;
    let seen_by = |keep: &dyn Fn(&Collector) -> bool| {
        let part = view.part_of(&context.timeline, &context.observed, keep);
        falls(&HALF.shares(&part), &HALF).outages
    };
    let collectors: BTreeSet<&Collector> = view.vantage_points().iter().map(|who| &who.collector).collect();
    let present: BTreeSet<Project> = collectors.iter().filter_map(|who| projects.get(*who).copied()).collect();
    let by_collector: Vec<(&Collector, Vec<Fall>)> =
        collectors.into_iter().map(|who| (who, seen_by(&|other| other == who))).collect();
    let by_project: Vec<(Project, Vec<Fall>)> =
        present.into_iter().map(|who| (who, seen_by(&|other| projects.get(other) == Some(&who)))).collect();
    for Outage { fall, agreement, .. } in outages {
        let of_collector = |(who, falls): &(&Collector, Vec<Fall>)| crossings((*who).clone(), falls, &fall.seen);
        let of_project = |(who, falls): &(Project, Vec<Fall>)| crossings(*who, falls, &fall.seen);
        agreement.collectors = by_collector.iter().map(of_collector).collect();
        agreement.projects = by_project.iter().map(of_project).collect();
    }
}

/// Returns the edges of the longest of `falls` in `window`, where they are known.
fn crossings<T>(of: T, falls: &[Fall], window: &Window) -> HalfCrossings<T> {
    let inside = falls.iter().filter_map(|fall| Some((fall.seen.intersect(window)?.duration(), fall)));
    let Some((_, fall)) = inside.max_by_key(|(shared, fall)| (*shared, std::cmp::Reverse(fall.seen.start))) else {
        return HalfCrossings { of, loss: None, recovery: None };
    };
    let is_known = |gap: Censoring| !fall.censored.contains(&gap);
    HalfCrossings {
        of,
        loss: fall.start().filter(|_| is_known(Censoring::GapStart)),
        recovery: fall.end().filter(|_| is_known(Censoring::GapEnd)),
    }
}

/// The views of other judgements of the same data.
#[derive(Debug)]
pub(crate) struct Counterfactuals<'a> {
    /// All collectors but one.
    without: Vec<(Collector, View<'a>)>,
    /// All of them, by IODA's rule.
    ioda: View<'a>,
    ioda_rule: IodaRule,
}

impl<'a> Counterfactuals<'a> {
    /// Builds the view of all replays but those of one collector, for each collector with a vantage point, and the view by IODA's
    /// rule.
    pub(crate) fn new(view: &View<'a>, criteria: &Criteria) -> Counterfactuals<'a> {
        let voting: BTreeSet<&Collector> = view.vantage_points().iter().map(|who| &who.collector).collect();
        let without = |collector: &Collector| {
            let rest = view.replays().iter().copied().filter(|replay| replay.collector != *collector).collect();
            (collector.clone(), View::new(rest, view.window(), criteria))
        };
        // Without the only one there are no data.
        let n_voting = voting.len();
        let ioda = criteria.ioda();
        Counterfactuals {
            without: voting.into_iter().filter(|_| n_voting > 1).map(without).collect(),
            ioda: View::new(view.replays().to_vec(), view.window(), &ioda),
            ioda_rule: IodaRule(ioda.thresholds),
        }
    }

    /// Judges one prefix in every other view.
    pub(crate) fn compare_prefix(&self, timeline: &Timeline, detector: &dyn Detector, outages: &mut [Outage]) {
        let judge = |view: &View, detector: &dyn Detector| {
            Judgement::new(&detector.shares(&view.timeline(timeline.prefix, timeline.origin)), detector)
        };
        self.compare(timeline.family(), detector, &judge, outages);
    }

    /// Judges a network in every other view: `timelines_of` returns the timelines of its prefixes in a view. How far the collectors
    /// agree is the median over its prefixes: `members` are the outages of prefixes by their id.
    pub(crate) fn compare_network(
        &self,
        subject: Subject,
        timelines_of: &dyn Fn(&View) -> Vec<Timeline>,
        detector: &dyn Detector,
        members: &FxHashMap<&str, &Outage>,
        outages: &mut [Outage],
    ) {
        let judge = |view: &View, detector: &dyn Detector| {
            let timelines = timelines_of(view);
            let timelines: Vec<&Timeline> = timelines.iter().collect();
            Judgement::new(&SpaceTimeline::new(subject, &timelines, detector, view.until()).shares(), detector)
        };
        self.compare(subject.family, detector, &judge, outages);
        for Outage { prefix_outages, agreement, .. } in outages.iter_mut() {
            let own = prefix_outages.iter().filter_map(|id| members.get(id.as_str()));
            let own: Vec<&Agreement> = own.map(|member| &member.agreement).collect();
            agreement.collectors = medians(own.iter().flat_map(|agreement| &agreement.collectors));
            agreement.projects = medians(own.iter().flat_map(|agreement| &agreement.projects));
        }
    }

    fn compare(
        &self,
        family: Family,
        detector: &dyn Detector,
        judge: &dyn Fn(&View, &dyn Detector) -> Judgement,
        outages: &mut [Outage],
    ) {
        let without: Vec<(&Collector, Judgement)> =
            self.without.iter().map(|(collector, rest)| (collector, judge(rest, detector))).collect();
        let ioda = self.ioda.has_full_feeds(family).then(|| judge(&self.ioda, &self.ioda_rule));
        for Outage { fall, agreement, .. } in outages.iter_mut() {
            let window = &fall.seen;
            agreement.without = without.iter().map(|(who, judged)| ((*who).clone(), judged.find(window))).collect();
            agreement.ioda = Some(ioda.as_ref().map_or(Counterfactual::NoFullFeed, |judged| judged.find(window)));
        }
    }
}

/// What another judgement found.
struct Judgement {
    falls: Vec<Fall>,
    observed: Windows,
}

impl Judgement {
    fn new(shares: &Shares, detector: &dyn Detector) -> Judgement {
        let observed = shares.intervals().filter(|(_, share)| share.is_some()).map(|(window, _)| window);
        Judgement { observed: observed.collect(), falls: falls(shares, detector).outages }
    }

    /// Returns what it found in `window`.
    fn find(&self, window: &Window) -> Counterfactual {
        let mut inside = self.falls.iter().filter(|fall| fall.seen.intersect(window).is_some()).peekable();
        if let Some(start) = inside.peek().map(|first| first.start()) {
            return Counterfactual::Outage { start, end: inside.last().and_then(Fall::end) };
        }
        // If more than half of the interval is unobserved, the absence of a fall proves nothing.
        let observed = self.observed.intersect(&Windows::from(*window)).duration();
        if observed * 2 >= window.duration() { Counterfactual::NoOutage } else { Counterfactual::InsufficientData }
    }
}

fn medians<'a, T: Clone + Ord + 'a>(crossings: impl Iterator<Item = &'a HalfCrossings<T>>) -> Vec<HalfCrossings<T>> {
    let mut times: BTreeMap<&T, (Vec<Timestamp>, Vec<Timestamp>)> = BTreeMap::new();
    for HalfCrossings { of, loss, recovery } in crossings {
        let (losses, recoveries) = times.entry(of).or_default();
        losses.extend(loss);
        recoveries.extend(recovery);
    }
    let of_one = |(of, (losses, recoveries)): (&T, _)| HalfCrossings {
        of: of.clone(),
        loss: median(losses),
        recovery: median(recoveries),
    };
    times.into_iter().map(of_one).collect()
}

/// Returns the middle value, the lower one of two.
fn median<T: Copy + Ord>(mut values: Vec<T>) -> Option<T> {
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied()
}

/// How far the clock of one collector seems to be off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skew {
    /// Median of the half crossings of this collector minus those of all collectors, in microseconds; positive when it is late.
    pub micros: i64,
    /// Number of edges from which it was computed.
    pub n_events: usize,
}

impl Skew {
    /// Returns whether it is worth a warning.
    pub fn is_suspect(&self) -> bool {
        self.n_events >= MIN_EVENTS && self.micros.unsigned_abs() > MAX_SKEW.as_micros() as u64
    }
}

/// Returns the skew of every collector that saw both sides of an edge, from the outages of prefixes.
pub(crate) fn skews(outages: &[Outage]) -> BTreeMap<Collector, Skew> {
    let mut late: BTreeMap<&Collector, Vec<i64>> = BTreeMap::new();
    for Outage { fall, agreement, .. } in outages.iter().filter(|outage| outage.subject.scope == Scope::Prefix) {
        for HalfCrossings { of, loss, recovery } in &agreement.collectors {
            let edges = [(*loss, fall.loss.half), (*recovery, fall.recovery.and_then(|edge| edge.half))];
            let both = edges.into_iter().filter_map(|(own, all)| Some(own?.micros_since(all?)));
            late.entry(of).or_default().extend(both);
        }
    }
    let skew = |(collector, micros): (&Collector, Vec<i64>)| {
        let n_events = micros.len();
        Some((collector.clone(), Skew { micros: median(micros)?, n_events }))
    };
    late.into_iter().filter_map(skew).collect()
}
