//! The rows of a picture: networks, prefixes and collectors over time.

use rustc_hash::FxHashSet;

use super::drawing::{Reading, merged, thinned};
use super::text::of_family;
use super::{CoverageRow, Parameters, Report, headlines};
use crate::bgp::{Collector, Family, Prefix};
use crate::detect::{AsnTimeline, Episode, Outage, Scope, SpaceStep};
use crate::query::{Metric, Target};
use crate::time::{Steps, Window};
use crate::visibility::{Step, Timeline, View};

/// A target over time: the share by which it is judged, with its outages and episodes.
pub(super) struct Panel<'a> {
    pub name: String,
    pub scope: Scope,
    pub readings: Vec<Reading>,
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

/// Returns every target AS of each family, then every target prefix, and how many are left out. If there are more than `most`,
/// those with outages come first.
pub(super) fn panels(report: &Report, most: usize, most_readings: usize) -> (Vec<Panel<'_>>, usize) {
    let mut subjects: Vec<PanelSubject> = report.asn_timelines.iter().map(PanelSubject::Asn).collect();
    for summary in &report.summaries {
        let Target::Prefix(asked, _) = summary.target else { continue };
        let timeline = report.timelines.binary_search_by_key(&asked, |timeline| timeline.prefix);
        let timeline = timeline.ok().and_then(|index| report.timelines.get(index));
        subjects.extend(timeline.map(|timeline| PanelSubject::Prefix(summary.target, timeline)));
    }
    let left = subjects.len().saturating_sub(most);
    if left > 0 {
        let outages = report.findings.outages.iter();
        let lost: FxHashSet<SubjectKey> =
            outages.map(|o| (o.subject.scope, o.subject.target, o.subject.family, o.subject.prefix)).collect();
        subjects.sort_by_key(|subject| !lost.contains(&subject.of()));
        subjects.truncate(most);
    }
    (subjects.iter().map(|subject| subject.panel(report, most_readings)).collect(), left)
}

/// Identifies the subject of a finding.
type SubjectKey = (Scope, Target, Family, Option<Prefix>);

/// What a panel shows.
enum PanelSubject<'a> {
    Asn(&'a AsnTimeline),
    Prefix(Target, &'a Timeline),
}

impl PanelSubject<'_> {
    fn of(&self) -> SubjectKey {
        match self {
            PanelSubject::Asn(space) => (Scope::Asn, Target::Asn(space.asn), space.family, None),
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
        let (name, scope, readings) = match self {
            PanelSubject::Asn(space) => (of_family(space.asn, space.family), Scope::Asn, of_space(&space.steps)),
            PanelSubject::Prefix(_, timeline) => match report.aggregate(timeline.prefix) {
                // Announced in parts, it is drawn as the space of a network.
                Some(aggregate) => (timeline.prefix.to_string(), Scope::Asn, of_space(&aggregate.steps)),
                None => (timeline.prefix.to_string(), Scope::Prefix, prefix_readings(report, timeline)),
            },
        };
        let readings = thinned(merged(readings.into_iter(), window), window, most_readings);
        let of = self.of();
        let outages = report
            .findings
            .outages
            .iter()
            .filter(|o| (o.subject.scope, o.subject.target, o.subject.family, o.subject.prefix) == of);
        let episodes = report
            .findings
            .episodes
            .iter()
            .filter(|e| (e.subject.scope, e.subject.target, e.subject.family, e.subject.prefix) == of);
        Panel { name, scope, readings, outages: outages.collect(), episodes: episodes.collect() }
    }
}

/// Returns one row per prefix, and how many are left out.
pub(super) fn prefixes(report: &Report, most: usize, most_readings: usize) -> (Vec<Row>, usize) {
    let window = report.parameters.window();
    let (timelines, folded) = headlines::timelines(report, most);
    let rows = timelines.into_iter().map(|timeline| {
        let readings = merged(prefix_readings(report, timeline).into_iter(), window);
        Row { name: timeline.prefix.to_string(), readings: thinned(readings, window, most_readings) }
    });
    (rows.collect(), folded)
}

/// Returns the share by which a prefix is judged.
fn prefix_readings(report: &Report, timeline: &Timeline) -> Vec<Reading> {
    let shares = |step: &Step| match report.parameters.criteria.metric {
        Metric::Baseline => (step.baseline_share(), step.n_baseline_visible, step.n_baseline_live),
        Metric::Ioda => (step.visibility(), step.n_visible, step.n_live),
    };
    let reading = |(interval, step): (Window, &Step)| {
        let (share, n, of) = shares(step);
        Reading::new(interval, share.filter(|_| step.observed), n, of)
    };
    timeline.steps.intervals().map(reading).collect()
}

/// Rebuilds the view of all vantage points from the replays.
pub(super) fn view(report: &Report) -> View<'_> {
    let Parameters { criteria, .. } = &report.parameters;
    View::new(report.replays.iter().collect(), report.parameters.window(), criteria)
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
