//! Whether those who saw an outage agree: per collector and project, without each collector, and by IODA's rule.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::dip::{Dip, dips};
use super::judge::samples;
use super::*;
use crate::bgp::Project;
use crate::query::{Criteria, Metric, Thresholds};
use crate::visibility::{Timeline, View};

/// A collector whose clock seems further off than this is named.
pub const MAX_SKEW: Duration = Duration::from_secs(60);
/// One event may be late at one collector for its own reasons.
const MIN_EVENTS: usize = 2;

/// When the share crossed one half, as seen by some of the collectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halves<T> {
    /// Who.
    pub of: T,
    /// Falling; nothing where it did not, or not at a known time.
    pub loss: Option<Timestamp>,
    /// Rising.
    pub recovery: Option<Timestamp>,
}

/// What became of an outage in another judgement of the same data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// It is one there too, with these edges; nothing where one is not known.
    Outage {
        /// Its start.
        start: Option<Timestamp>,
        /// Its end.
        end: Option<Timestamp>,
    },
    /// It is none there.
    NoOutage,
    /// There the data do not suffice.
    InsufficientData,
    /// There no vantage point has a whole table.
    NoFullFeed,
}

impl Otherwise {
    /// The name used in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Otherwise::Outage { .. } => "outage",
            Otherwise::NoOutage => "no_outage",
            Otherwise::InsufficientData => "insufficient_data",
            Otherwise::NoFullFeed => "no_full_feed",
        }
    }
}

/// How far those who saw an outage agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// As seen by each collector alone.
    pub collectors: Vec<Halves<Collector>>,
    /// As seen by each project alone.
    pub projects: Vec<Halves<Project>>,
    /// What it would be without each collector.
    pub without: Vec<(Collector, Otherwise)>,
    /// What it is by IODA's rule.
    pub ioda: Option<Otherwise>,
}

impl Agreement {
    /// Time from the first collector's half to the last one's, on the way down.
    pub fn loss_spread(&self) -> Option<Duration> {
        spread(self.collectors.iter().filter_map(|halves| halves.loss))
    }

    /// The same on the way up.
    pub fn recovery_spread(&self) -> Option<Duration> {
        spread(self.collectors.iter().filter_map(|halves| halves.recovery))
    }

    /// Earliest and latest start without one collector.
    pub fn start_range(&self) -> Option<(Timestamp, Timestamp)> {
        range(self.without.iter().filter_map(|(_, otherwise)| match otherwise {
            Otherwise::Outage { start, .. } => *start,
            _ => None,
        }))
    }

    /// Earliest and latest end without one collector.
    pub fn end_range(&self) -> Option<(Timestamp, Timestamp)> {
        range(self.without.iter().filter_map(|(_, otherwise)| match otherwise {
            Otherwise::Outage { end, .. } => *end,
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

/// One alone cannot disagree.
fn spread(times: impl Iterator<Item = Timestamp>) -> Option<Duration> {
    let times: Vec<Timestamp> = times.collect();
    let several = times.len() > 1;
    range(times.into_iter())
        .filter(|_| several)
        .map(|(first, last)| Duration::from_micros(last.micros_since(first).unsigned_abs()))
}

/// Other judgements of the same data, to compare with.
#[derive(Debug)]
pub struct Others<'a> {
    /// All collectors but one.
    pub without: Vec<(Collector, View<'a>)>,
    /// All of them, by IODA's rule.
    pub ioda: View<'a>,
}

impl<'a> Others<'a> {
    /// Judges what `view` rests on again without each collector that has a say, and by IODA's rule.
    pub fn new(view: &View<'a>, criteria: &Criteria) -> Others<'a> {
        let voting: BTreeSet<&Collector> =
            view.vantage_points().iter().map(|vantage_point| &vantage_point.collector).collect();
        let without = |collector: &Collector| {
            let rest = view.replays().iter().copied().filter(|replay| replay.collector != *collector).collect();
            (collector.clone(), View::new(rest, view.window(), criteria))
        };
        // Without the only one nothing is left.
        let n_voting = voting.len();
        Others {
            without: voting.into_iter().filter(|_| n_voting > 1).map(without).collect(),
            ioda: View::new(view.replays().to_vec(), view.window(), &criteria.ioda()),
        }
    }
}

/// How far the collectors agree on outages of one prefix.
pub fn prefix_agreement(
    view: &View,
    others: &Others,
    timeline: &Timeline,
    projects: &BTreeMap<Collector, Project>,
    criteria: &Criteria,
    outages: &mut [&mut Outage],
) {
    let parts = Parts::new(view, timeline, projects);
    let judged = |view: &View, criteria: &Criteria| {
        let timeline = view.timeline(timeline.prefix, timeline.origin);
        Judged::new(&samples(&timeline, criteria.metric), &criteria.thresholds)
    };
    let without: Vec<(&Collector, Judged)> =
        others.without.iter().map(|(collector, rest)| (collector, judged(rest, criteria))).collect();
    let ioda = others.ioda.has_full_feeds(timeline.family()).then(|| judged(&others.ioda, &criteria.ioda()));
    for outage in outages {
        let window = outage.seen();
        outage.agreement = Agreement {
            collectors: parts.collectors.iter().map(|(who, dips)| halves(who.clone(), dips, &window)).collect(),
            projects: parts.projects.iter().map(|(who, dips)| halves(*who, dips, &window)).collect(),
            without: without.iter().map(|(who, judged)| ((*who).clone(), judged.otherwise(&window))).collect(),
            ioda: Some(ioda.as_ref().map_or(Otherwise::NoFullFeed, |judged| judged.otherwise(&window))),
        };
    }
}

/// The falls below one half that each collector, and each project, saw.
struct Parts {
    collectors: Vec<(Collector, Vec<Dip>)>,
    projects: Vec<(Project, Vec<Dip>)>,
}

impl Parts {
    fn new(view: &View, timeline: &Timeline, projects: &BTreeMap<Collector, Project>) -> Parts {
        let pieces = view.pieces(&timeline.prefix);
        let seen_by = |keep: &dyn Fn(&Collector) -> bool| {
            let part = view.part_of(timeline, &pieces, keep);
            dips(&samples(&part, Metric::Baseline), &HALF).outages
        };
        let collectors: BTreeSet<&Collector> =
            view.vantage_points().iter().map(|vantage_point| &vantage_point.collector).collect();
        let present: BTreeSet<Project> =
            collectors.iter().filter_map(|collector| projects.get(*collector).copied()).collect();
        Parts {
            collectors: collectors.iter().map(|who| ((*who).clone(), seen_by(&|other| other == *who))).collect(),
            projects: present.iter().map(|who| (*who, seen_by(&|other| projects.get(other) == Some(who)))).collect(),
        }
    }
}

/// Any fall below one half.
const HALF: Thresholds = Thresholds {
    down_below: 0.5,
    up_at: 0.5,
    min_duration: Duration::ZERO,
    merge_gap: Duration::from_secs(120),
    episode_gap: Duration::ZERO,
    degraded_below: 0.5,
};

/// The edges of the longest of `dips` in `window`, where they are known.
fn halves<T>(of: T, dips: &[Dip], window: &Window) -> Halves<T> {
    let inside = dips.iter().filter_map(|dip| Some((dip.window().intersect(window)?.duration(), dip)));
    let Some((_, dip)) = inside.max_by_key(|(shared, dip)| (*shared, std::cmp::Reverse(dip.start))) else {
        return Halves { of, loss: None, recovery: None };
    };
    let has = |kinds: &[Censoring]| dip.censored.iter().any(|censoring| kinds.contains(censoring));
    Halves {
        of,
        loss: (!has(&[Censoring::Left, Censoring::GapStart])).then_some(dip.start),
        recovery: (!has(&[Censoring::Right, Censoring::GapEnd])).then_some(dip.end),
    }
}

/// What another judgement found.
struct Judged {
    dips: Vec<Dip>,
    observed: Vec<Window>,
}

impl Judged {
    fn new(samples: &[Sample], thresholds: &Thresholds) -> Judged {
        let observed = samples.iter().filter(|sample| sample.share.is_some()).map(|sample| sample.window);
        Judged { dips: dips(samples, thresholds).outages, observed: observed.collect() }
    }

    /// What it found in `window`.
    fn otherwise(&self, window: &Window) -> Otherwise {
        let mut inside = self.dips.iter().filter(|dip| dip.window().intersect(window).is_some()).peekable();
        if let Some(first) = inside.peek() {
            let start = (!first.censored.contains(&Censoring::Left)).then_some(first.start);
            let last = inside.last();
            let end = last.filter(|dip| !dip.censored.contains(&Censoring::Right)).map(|dip| dip.end);
            return Otherwise::Outage { start, end };
        }
        let shared = |observed: &Window| observed.intersect(window).map_or(Duration::ZERO, |shared| shared.duration());
        let seen: Duration = self.observed.iter().map(shared).sum();
        // Half an outage that could not be judged is no outage that was not there.
        if seen * 2 >= window.duration() { Otherwise::NoOutage } else { Otherwise::InsufficientData }
    }
}

/// How far the collectors agree on outages of an AS: their halves are the medians over its prefixes. `timelines_of`
/// gives those of its prefixes in another view, `members` are the outages of prefixes by their id.
#[expect(clippy::too_many_arguments, reason = "the parts of one judgement, used once")]
pub fn asn_agreement(
    others: &Others,
    asn: Asn,
    family: Family,
    timelines_of: &dyn Fn(&View) -> Vec<Timeline>,
    criteria: &Criteria,
    members: &FxHashMap<&str, &Outage>,
    outages: &mut [&mut Outage],
) {
    let judged = |view: &View, criteria: &Criteria| {
        let timelines = timelines_of(view);
        let timelines: Vec<&Timeline> = timelines.iter().collect();
        let space = AsnTimeline::new(asn, family, &timelines, criteria, view.until());
        Judged::new(&space.samples(), &criteria.thresholds)
    };
    let without: Vec<(&Collector, Judged)> =
        others.without.iter().map(|(collector, rest)| (collector, judged(rest, criteria))).collect();
    let ioda = others.ioda.has_full_feeds(family).then(|| judged(&others.ioda, &criteria.ioda()));
    for outage in outages {
        let window = outage.seen();
        let own = outage.prefix_outages.iter().filter_map(|id| members.get(id.as_str()));
        let own: Vec<&Agreement> = own.map(|member| &member.agreement).collect();
        outage.agreement = Agreement {
            collectors: medians(own.iter().flat_map(|agreement| &agreement.collectors)),
            projects: medians(own.iter().flat_map(|agreement| &agreement.projects)),
            without: without.iter().map(|(who, judged)| ((*who).clone(), judged.otherwise(&window))).collect(),
            ioda: Some(ioda.as_ref().map_or(Otherwise::NoFullFeed, |judged| judged.otherwise(&window))),
        };
    }
}

fn medians<'a, T: Clone + Ord + 'a>(halves: impl Iterator<Item = &'a Halves<T>>) -> Vec<Halves<T>> {
    let mut times: BTreeMap<&T, (Vec<Timestamp>, Vec<Timestamp>)> = BTreeMap::new();
    for halves in halves {
        let (losses, recoveries) = times.entry(&halves.of).or_default();
        losses.extend(halves.loss);
        recoveries.extend(halves.recovery);
    }
    times
        .into_iter()
        .map(|(of, (losses, recoveries))| Halves { of: of.clone(), loss: median(losses), recovery: median(recoveries) })
        .collect()
}

/// The lower one of two in the middle.
fn median<T: Copy + Ord>(mut values: Vec<T>) -> Option<T> {
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied()
}

/// How far the clock of one collector seems to be off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skew {
    /// Median of its halves against those of all together, in microseconds; positive when it is late.
    pub micros: i64,
    /// How many edges it rests on.
    pub n_events: usize,
}

impl Skew {
    /// Whether it is worth a warning.
    pub fn is_suspect(&self) -> bool {
        self.n_events >= MIN_EVENTS && self.micros.unsigned_abs() > MAX_SKEW.as_micros() as u64
    }
}

/// The skew of every collector that saw both sides of an edge, from the outages of prefixes.
pub fn skews(outages: &[Outage]) -> BTreeMap<Collector, Skew> {
    let mut late: BTreeMap<&Collector, Vec<i64>> = BTreeMap::new();
    for outage in outages.iter().filter(|outage| outage.scope == Scope::Prefix) {
        for halves in &outage.agreement.collectors {
            let edges = [(halves.loss, outage.loss.half), (halves.recovery, outage.recovery.and_then(|r| r.half))];
            let both = edges.into_iter().filter_map(|(own, all)| Some(own?.micros_since(all?)));
            late.entry(&halves.of).or_default().extend(both);
        }
    }
    late.into_iter()
        .filter_map(|(collector, micros)| {
            let n_events = micros.len();
            Some((collector.clone(), Skew { micros: median(micros)?, n_events }))
        })
        .collect()
}
