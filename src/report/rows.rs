//! The rows of a picture: networks, prefixes and collectors over time.

use std::cmp::Reverse;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::drawing::{Reading, merged, thinned};
use super::layers::Layers;
use super::{CoverageRow, Report, headlines};
use crate::bgp::{Collector, Family, Prefix};
use crate::detect::{Episode, Outage, Scope, Severity, SpaceStep, SpaceTimeline, Subject};
use crate::query::{Metric, Target};
use crate::time::{Steps, Window};
use crate::visibility::{Step, Timeline};

/// More networks than this are drawn as strips.
pub(super) const MOST_CURVES: usize = 4;

/// So many groups are shown by origin AS.
pub(super) const MOST_LAYERED: usize = 4;

/// Intervals of layers: each has a shape for each AS.
const MOST_CELLS: usize = 240;

/// Up to this number prefixes are in the order of their addresses.
const MOST_AT_A_GLANCE: usize = 8;

/// A target over time: the share by which it is judged, with its outages and episodes.
pub(super) struct Panel<'a> {
    pub name: String,
    pub target: Target,
    /// Whether its shares are of address space, not of the peers that see a prefix.
    pub is_of_space: bool,
    pub readings: Vec<Reading>,
    /// The space of a group by origin AS.
    pub layers: Option<Layers>,
    pub outages: Vec<&'a Outage>,
    pub episodes: Vec<&'a Episode>,
}

/// One line of many: a prefix, a vantage point.
pub(super) struct Row {
    pub name: String,
    pub readings: Vec<Reading>,
}

impl Row {
    /// The lowest share known.
    pub(super) fn lowest(&self) -> Option<f64> {
        lowest(&self.readings)
    }
}

/// The lowest share known.
pub(super) fn lowest(readings: &[Reading]) -> Option<f64> {
    readings.iter().filter_map(|reading| reading.share).min_by(f64::total_cmp)
}

/// Returns every group and AS of each family, then every target prefix, and how many are left out. If there are more than
/// [`MOST_CURVES`], those that were down for longest come first.
pub(super) fn panels(report: &Report, most: usize, most_readings: usize) -> (Vec<Panel<'_>>, usize) {
    let mut subjects: Vec<PanelSubject> = report.networks().map(PanelSubject::Network).collect();
    for headline in headlines::of_targets(report) {
        let Target::Prefix(asked, _) = headline.summary.target else { continue };
        let timeline = |prefix: Prefix| {
            let index = report.timelines.binary_search_by_key(&prefix, |timeline| timeline.prefix).ok()?;
            report.timelines.get(index)
        };
        // A prefix that is not announced itself is shown by the one in its headline.
        let is_carried = !headline.summary.never_carried.contains(&asked);
        let lost = || headlines::longest(&headline.outages).into_iter().find_map(|outage| outage.subject.prefix);
        let shown = timeline(asked).filter(|_| is_carried).or_else(|| timeline(lost()?));
        subjects.extend(shown.map(|timeline| PanelSubject::Prefix(headline.summary.target, timeline)));
    }
    let left = subjects.len().saturating_sub(most);
    if subjects.len() > MOST_CURVES {
        let mut down: FxHashMap<SubjectKey, Duration> = FxHashMap::default();
        for outage in &report.findings.outages {
            *down.entry(key(&outage.subject)).or_default() += outage.fall.duration();
        }
        subjects.sort_by_key(|subject| Reverse(down.get(&subject.of()).copied()));
        subjects.truncate(most);
    }
    (subjects.iter().map(|subject| subject.panel(report, most_readings)).collect(), left)
}

/// Says in plain words what the curves of some panels show.
pub(super) fn quantity(panels: &[Panel]) -> &'static str {
    let is_of_space = |panel: &Panel| panel.is_of_space;
    match (panels.iter().all(is_of_space), panels.iter().any(is_of_space)) {
        (true, _) => "Share of address space still routed",
        (_, false) => "Share of peer ASes that still see the prefix",
        _ => "Share of address space still routed; of prefixes: share of peer ASes that still see them",
    }
}

/// Identifies the subject of a finding.
type SubjectKey = (Scope, Target, Family, Option<Prefix>);

fn key(subject: &Subject) -> SubjectKey {
    (subject.scope, subject.target, subject.family, subject.prefix)
}

/// What a panel shows.
enum PanelSubject<'a> {
    /// A group or an AS.
    Network(&'a SpaceTimeline),
    Prefix(Target, &'a Timeline),
}

impl PanelSubject<'_> {
    fn of(&self) -> SubjectKey {
        match self {
            PanelSubject::Network(space) => key(&space.subject),
            PanelSubject::Prefix(target, timeline) => {
                (Scope::Prefix, *target, timeline.family(), Some(timeline.prefix))
            }
        }
    }

    fn panel<'a>(&self, report: &'a Report, most_readings: usize) -> Panel<'a> {
        let window = report.parameters.window();
        let of_space = |steps: &Steps<SpaceStep>| -> Vec<Reading> {
            let readings = steps.intervals().map(|(interval, step)| {
                Reading::new(interval, step.share().filter(|_| step.observed), step.n_prefixes_up, step.n_prefixes)
            });
            readings.collect()
        };
        let (name, is_of_space, readings) = match self {
            PanelSubject::Network(space) => (space.name(), true, of_space(&space.steps)),
            PanelSubject::Prefix(_, timeline) => match report.aggregate(timeline.prefix) {
                // Announced in parts, it is drawn as the space of a network.
                Some(aggregate) => (aggregate.name(), true, of_space(&aggregate.steps)),
                None => (timeline.prefix.to_string(), false, prefix_readings(report, timeline)),
            },
        };
        let readings = thinned(merged(readings.into_iter(), window), window, most_readings);
        let of = self.of();
        let outages = report.findings.outages.iter().filter(|outage| key(&outage.subject) == of);
        let episodes = report.findings.episodes.iter().filter(|episode| key(&episode.subject) == of);
        let layers = match self {
            PanelSubject::Network(space) => Layers::new(report, space, most_readings.min(MOST_CELLS)),
            PanelSubject::Prefix(..) => None,
        };
        let (outages, episodes) = (outages.collect(), episodes.collect());
        Panel { name, target: of.1, is_of_space, readings, layers, outages, episodes }
    }
}

/// Returns one row per prefix, and how many are left out. If they are more than a glance takes in, those with the longest outages
/// come first.
pub(super) fn prefixes(report: &Report, most: usize, most_readings: usize) -> (Vec<Row>, usize) {
    let window = report.parameters.window();
    let mut timelines: Vec<&Timeline> = match report.timelines.len() > MOST_AT_A_GLANCE {
        true => headlines::worst_first(report),
        false => report.timelines.iter().collect(),
    };
    let folded = timelines.len().saturating_sub(most);
    timelines.truncate(most);
    let rows = timelines.into_iter().map(|timeline| {
        let readings = merged(prefix_readings(report, timeline).into_iter(), window);
        Row { name: timeline.prefix.to_string(), readings: thinned(readings, window, most_readings) }
    });
    (rows.collect(), folded)
}

/// Returns the share by which a prefix is judged. In a total outage, what is left at its lowest is stuck routes.
fn prefix_readings(report: &Report, timeline: &Timeline) -> Vec<Reading> {
    let shares = |step: &Step| match report.parameters.criteria.metric {
        Metric::Baseline => (step.baseline_share(), step.n_baseline_visible, step.n_baseline_live),
        Metric::Ioda => (step.visibility(), step.n_visible, step.n_live),
    };
    let stuck = stuck(report, timeline);
    let reading = |(interval, step): (Window, &Step)| {
        let (share, n, of) = shares(step);
        let (n, of) = (n as usize, of as usize);
        let is_stuck = n > 0
            && stuck.iter().any(|(window, n_stuck)| n <= *n_stuck && window.intersect(&interval) == Some(interval));
        Reading { is_stuck, ..Reading::new(interval, share.filter(|_| step.observed), n, of) }
    };
    timeline.steps.intervals().map(reading).collect()
}

/// Returns the total outages of a prefix with the number of ASes that kept a stuck route.
fn stuck(report: &Report, timeline: &Timeline) -> Vec<(Window, usize)> {
    let outages = report.findings.outages.iter();
    let total = outages.filter(|o| o.severity == Severity::Total && o.subject.prefix == Some(timeline.prefix));
    let n_stuck = |outage: &Outage| {
        let stuck = outage.survivors.iter().filter(|survivor| survivor.zombie);
        stuck.map(|survivor| survivor.peer_asn).collect::<FxHashSet<_>>().len()
    };
    total.map(|outage| (outage.fall.seen, n_stuck(outage))).filter(|(_, n)| *n > 0).collect()
}

/// Returns, per collector, the intervals of the window in which its vantage points were not known.
pub(super) fn coverage(report: &Report) -> Vec<(&Collector, Vec<&CoverageRow>)> {
    let collectors = report.coverage.collectors.iter().map(|of| &of.collector);
    let unknown = |collector: &Collector| {
        let rows = report.coverage.rows.iter();
        rows.filter(|row| row.collector == *collector && row.reason.is_some()).collect()
    };
    collectors.map(|collector| (collector, unknown(collector))).collect()
}
