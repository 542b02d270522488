//! The second half of a run: timelines, outages and how certain they are. It reads no archive.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::coverage;
use super::subjects::{self, AskedPrefix};
use crate::bgp::{Asn, Collector, Family, Prefix, Project};
use crate::detect::{
    self, Counterfactuals, Detector, Fall, Findings, Outage, PrefixContext, Scope, SpaceContext, SpaceTimeline, Subject,
};
use crate::observations::Observations;
use crate::query::{Criteria, Match, Query, Target};
use crate::replay::Replay;
use crate::report::{Coverage, Labels, Parameters, Report};
use crate::time::{Window, Windows};
use crate::visibility::{BaselineSource, RouteState, Step, Timeline, View};

/// Finds the outages in what the archives showed.
pub(super) fn judge(observations: Observations, criteria: &Criteria, detector: &dyn Detector) -> Report {
    let Observations { query, note, listing, replays, sources, gaps, files } = observations;
    let view = View::new(replays.iter().collect(), query.window, criteria);
    let known = subjects::known_prefixes(view.replays());
    let asked = subjects::asked_prefixes(&query, &known, view.replays());
    let projects = replays.iter().map(|replay| replay.collector.clone()).zip(sources.iter().map(|s| s.project));
    let prefixes = JudgedPrefixes::new(&view, &asked, &known, Some(&projects.collect()), detector);
    let JudgedPrefixes { timelines, of_origins, findings: mut of_prefixes } = prefixes;
    let networks = networks(&query, &timelines, &of_origins);
    let mut judged = judge_networks(&view, &networks, &of_prefixes, detector);
    if !of_prefixes.outages.is_empty() || judged.iter().any(|judged| !judged.findings.outages.is_empty()) {
        let others = Counterfactuals::new(&view, criteria);
        compare_prefixes(&others, &timelines, &mut of_prefixes.outages, detector);
        compare_networks(&others, &networks, &mut judged, &of_prefixes.outages, detector);
    }
    // The data after the window have served to judge what lies inside.
    let end = query.window.end;
    let (mut spaces, mut findings) = (Vec::with_capacity(judged.len()), Findings::default());
    for (AskedNetwork { subject, timelines }, JudgedNetwork { space, findings: found }) in networks.iter().zip(judged) {
        let space = match subject.scope {
            Scope::Group => with_layers(space, &view, timelines, detector),
            Scope::Asn | Scope::Prefix => space,
        };
        spaces.push(space.until(end));
        findings.extend(found);
    }
    // They share memory with the timelines, which are cut in place.
    drop(of_origins);
    let timelines: Vec<Timeline> = timelines.into_iter().map(|timeline| timeline.until(end)).collect();
    findings.events = detect::events(&of_prefixes.outages);
    let skews = detect::skews(&of_prefixes.outages);
    findings.extend(of_prefixes);

    let summaries = subjects::summaries(&query, &asked, &timelines, &spaces, &findings.episodes);
    let coverage = Coverage { listing, ..coverage::coverage(&view, &replays, &sources, &skews, gaps, query.window) };
    let subjects = asked.iter().map(AskedPrefix::subject).collect();
    Report {
        parameters: Parameters { query, criteria: *criteria },
        note,
        labels: Labels::default(),
        findings,
        summaries,
        timelines,
        subjects,
        spaces,
        coverage,
        replays,
        files,
        setting_sources: BTreeMap::new(),
    }
}

/// What a look at replays shows before all files have been read.
pub(super) struct Preview {
    /// The outages of prefixes and networks.
    pub falls: Vec<Fall>,
    /// When most vantage points that normally carry a prefix were unknown.
    pub thin: Vec<Window>,
    /// When a prefix without a baseline was widely seen.
    pub without_baseline: Vec<Window>,
}

/// Judges replays by the default criteria, without comparing collectors.
pub(super) fn preview(query: &Query, replays: &[&Replay]) -> Preview {
    let criteria = Criteria::default();
    let detector = &*detect::detector(&criteria);
    let view = View::new(replays.to_vec(), query.window, &criteria);
    let known = subjects::known_prefixes(replays);
    let asked = subjects::asked_prefixes(query, &known, replays);
    let JudgedPrefixes { timelines, of_origins, findings } = JudgedPrefixes::new(&view, &asked, &known, None, detector);
    let networks = networks(query, &timelines, &of_origins);
    let judged = judge_networks(&view, &networks, &findings, detector);
    let of_networks = judged.into_iter().flat_map(|judged| judged.findings.outages);
    let falls = findings.outages.into_iter().chain(of_networks).map(|outage| outage.fall).collect();
    let thin: Windows = timelines.iter().flat_map(|timeline| thin(timeline, query.window)).collect();
    let seen: Windows = timelines.iter().flat_map(|timeline| seen_without_baseline(timeline, query.window)).collect();
    Preview { falls, thin: thin.into(), without_baseline: seen.into() }
}

/// When less than half of the vantage points that normally carry a prefix were known.
fn thin(timeline: &Timeline, window: Window) -> Vec<Window> {
    let most = timeline.steps.values().map(|step| step.n_baseline_live).max().unwrap_or_default();
    let is_thin = |step: &Step| step.n_baseline_live * 2 < most;
    let intervals = timeline.steps.intervals().filter(|(_, step)| timeline.baseline.decides() && is_thin(step));
    intervals.filter_map(|(interval, _)| interval.intersect(&window)).collect()
}

/// When at least half of all vantage points saw a prefix that has no baseline.
fn seen_without_baseline(timeline: &Timeline, window: Window) -> Vec<Window> {
    let is_seen = |step: &Step| step.visibility().is_some_and(|share| share >= 0.5);
    let intervals = timeline.steps.intervals().filter(|(_, step)| !timeline.baseline.decides() && is_seen(step));
    intervals.filter_map(|(interval, _)| interval.intersect(&window)).collect()
}

/// The timelines that count only routes of one origin, for each target AS and family; sorted by prefix.
type OfOrigins = BTreeMap<(Asn, Family), Vec<Timeline>>;

/// Every prefix that was asked about. Without the projects of the collectors, these are not compared.
struct JudgedPrefixes {
    /// In the order of the prefixes.
    timelines: Vec<Timeline>,
    of_origins: OfOrigins,
    findings: Findings,
}

impl JudgedPrefixes {
    fn new<'a>(
        view: &'a View<'a>,
        asked: &[AskedPrefix],
        known: &'a [Prefix],
        projects: Option<&BTreeMap<Collector, Project>>,
        detector: &dyn Detector,
    ) -> JudgedPrefixes {
        let judge = |asked: &AskedPrefix| judge_prefix(view, asked, known, projects, detector);
        let judged: Vec<(Timeline, Vec<Timeline>, Findings)> = asked.par_iter().map(judge).collect();
        let (mut timelines, mut of_origins) = (Vec::with_capacity(judged.len()), OfOrigins::new());
        let mut findings = Findings::default();
        for (asked, (timeline, origins, found)) in asked.iter().zip(judged) {
            for (asn, of_origin) in asked.asns.iter().zip(origins) {
                of_origins.entry((*asn, timeline.family())).or_default().push(of_origin);
            }
            timelines.push(timeline);
            findings.extend(found);
        }
        JudgedPrefixes { timelines, of_origins, findings }
    }
}

/// Judges one prefix. Returns its timeline whatever the origin, the timelines of the target ASes that originate it, and what was
/// found.
fn judge_prefix<'a>(
    view: &'a View<'a>,
    asked: &AskedPrefix,
    known: &'a [Prefix],
    projects: Option<&BTreeMap<Collector, Project>>,
    detector: &dyn Detector,
) -> (Timeline, Vec<Timeline>, Findings) {
    let context = PrefixContext::new(view, asked.prefix, known);
    let origins: Vec<Timeline> = asked.asns.iter().map(|asn| context.of_origin(*asn)).collect();
    let subject = asked.subject();
    let mut findings = detect::prefix_findings(&context, subject, detector);
    if !findings.is_empty() && !asked.is_asked_itself {
        findings = of_targets(&context, subject, &origins, findings, detector);
    }
    if let Some(projects) = projects.filter(|_| !findings.outages.is_empty()) {
        detect::compare_collectors(&context, projects, &mut findings.outages);
    }
    (context.timeline.into_owned(), origins, findings)
}

/// Returns the findings about a prefix of target ASes, without those of the time before any of them originated it. `findings` are
/// those of the whole timeline.
fn of_targets(
    context: &PrefixContext,
    subject: Subject,
    origins: &[Timeline],
    findings: Findings,
    detector: &dyn Detector,
) -> Findings {
    let has_other_origin = context.timeline.baseline.decides();
    let is_origin = |own: &&Timeline| !(has_other_origin && own.baseline.source == BaselineSource::None);
    let origins: Vec<&Timeline> = origins.iter().filter(is_origin).collect();
    let Some(from) = origins.iter().map(|own| own.baseline.mostly_since()).min() else { return Findings::default() };
    let begins_before = context.timeline.steps.intervals().next().is_some_and(|(window, _)| window.start < from);
    let mut findings = match begins_before {
        true => detect::prefix_findings(&context.carried_from(from), subject, detector),
        false => findings,
    };
    // Attribute each outage to the AS with the most routes just before it.
    for outage in findings.outages.iter_mut().filter(|_| origins.len() > 1) {
        let before = outage.fall.loss.first - Duration::from_micros(1);
        let n_routes = |own: &Timeline| own.steps.at(before).map_or(0, |step| step.n_visible);
        if let Some(asn) = origins.iter().rev().max_by_key(|own| n_routes(own)).and_then(|own| own.origin) {
            outage.subject.asn = Some(asn);
            if matches!(outage.subject.target, Target::Asn(_)) {
                outage.subject.target = Target::Asn(asn);
            }
        }
    }
    findings
}

/// A network with the timelines of its prefixes; of an AS they count only routes of this origin.
struct AskedNetwork<'a> {
    subject: Subject,
    timelines: Vec<&'a Timeline>,
}

/// Returns the networks among the targets: ASes, prefixes that are announced in parts, and groups, each family on its own.
/// `timelines` are sorted by prefix.
fn networks<'a>(query: &Query, timelines: &'a [Timeline], of_origins: &'a OfOrigins) -> Vec<AskedNetwork<'a>> {
    let mut networks = Vec::new();
    for target in &query.targets {
        match *target {
            Target::Asn(asn) => networks.extend(Family::ALL.into_iter().filter_map(|family| {
                let own = of_origins.get(&(asn, family))?;
                Some(AskedNetwork { subject: Subject::of_asn(asn, family), timelines: own.iter().collect() })
            })),
            Target::Prefix(asked, matching) => {
                let parts =
                    || parts(asked, timelines).filter(|timeline| timeline.baseline.source != BaselineSource::None);
                let has_parts = matches!(matching, Match::MoreSpecific | Match::Any);
                // One part alone is judged as itself.
                if has_parts && parts().count() > 1 && parts().all(|timeline| timeline.prefix != asked) {
                    let subject = Subject::of_prefix(asked, *target, None);
                    networks.push(AskedNetwork { subject, timelines: parts().collect() });
                }
            }
            Target::Group(name) => networks.extend(Family::ALL.into_iter().filter_map(|family| {
                let timelines = of_group(query.networks_of(target), family, timelines, of_origins);
                (!timelines.is_empty()).then(|| AskedNetwork { subject: Subject::of_group(name, family), timelines })
            })),
        }
    }
    networks
}

/// Returns the timelines of a prefix and of all prefixes inside it. `timelines` are sorted by prefix.
fn parts(prefix: Prefix, timelines: &[Timeline]) -> impl Iterator<Item = &Timeline> {
    // More-specific prefixes sort directly after the prefix that contains them.
    let from = &timelines[timelines.partition_point(|timeline| timeline.prefix < prefix)..];
    from.iter().take_while(move |timeline| prefix.contains(&timeline.prefix))
}

/// Returns the timelines of the prefixes of a group, sorted by prefix. A prefix that is a member itself, or lies inside one, counts
/// whatever its origin.
fn of_group<'a>(
    members: &[Target],
    family: Family,
    timelines: &'a [Timeline],
    of_origins: &'a OfOrigins,
) -> Vec<&'a Timeline> {
    let mut own: BTreeMap<Prefix, &Timeline> = BTreeMap::new();
    let asns = members.iter().filter_map(|member| match member {
        Target::Asn(asn) => of_origins.get(&(*asn, family)),
        Target::Prefix(..) | Target::Group(_) => None,
    });
    own.extend(asns.flatten().map(|timeline| (timeline.prefix, timeline)));
    for member in members {
        let Target::Prefix(prefix, matching) = member else { continue };
        if prefix.family() == family {
            let is_meant = |timeline: &&Timeline| matching.includes_more_specific() || timeline.prefix == *prefix;
            own.extend(parts(*prefix, timelines).filter(is_meant).map(|timeline| (timeline.prefix, timeline)));
        }
    }
    own.into_values().filter(|timeline| timeline.baseline.source != BaselineSource::None).collect()
}

/// What was found about a network.
struct JudgedNetwork {
    space: SpaceTimeline,
    findings: Findings,
}

fn judge_networks(
    view: &View,
    networks: &[AskedNetwork],
    of_prefixes: &Findings,
    detector: &dyn Detector,
) -> Vec<JudgedNetwork> {
    let judge = |AskedNetwork { subject, timelines }: &AskedNetwork| {
        let space = SpaceTimeline::new(*subject, timelines, detector, view.until());
        let context = SpaceContext { view, space: &space, timelines, prefix_outages: &of_prefixes.outages };
        let findings = detect::space_findings(&context, detector);
        JudgedNetwork { space, findings }
    };
    networks.par_iter().map(judge).collect()
}

/// Splits a group by the AS that originates each prefix for the longest time, at all vantage points together.
fn with_layers(space: SpaceTimeline, view: &View, timelines: &[&Timeline], detector: &dyn Detector) -> SpaceTimeline {
    let origin_of = |timeline: &Timeline| {
        let mut held_for: BTreeMap<Asn, Duration> = BTreeMap::new();
        for span in view.replays().iter().flat_map(|replay| replay.of_prefix(&timeline.prefix)) {
            let RouteState::Present(Some(path)) = &span.state else { continue };
            let held = Window::new(span.from, span.to).map_or(Duration::ZERO, |window| window.duration());
            *held_for.entry(path.origin()?).or_default() += held;
        }
        held_for.into_iter().max_by_key(|(asn, held)| (*held, Reverse(*asn))).map(|(asn, _)| asn)
    };
    space.with_layers(timelines, |timeline| timeline.origin.or_else(|| origin_of(timeline)), detector)
}

/// Compares outages of prefixes with what other judgements find.
fn compare_prefixes(others: &Counterfactuals, timelines: &[Timeline], outages: &mut [Outage], detector: &dyn Detector) {
    // The outages of one prefix come one after another.
    let by_prefix: Vec<&mut [Outage]> = outages.chunk_by_mut(|a, b| a.subject.prefix == b.subject.prefix).collect();
    by_prefix.into_par_iter().for_each(|outages| {
        let prefix = outages.first().and_then(|outage| outage.subject.prefix);
        let timeline = timelines.binary_search_by_key(&prefix, |timeline| Some(timeline.prefix));
        if let Some(timeline) = timeline.ok().and_then(|index| timelines.get(index)) {
            others.compare_prefix(timeline, detector, outages);
        }
    });
}

/// Compares outages of networks with what other judgements find. `judged` is in the order of `networks`.
fn compare_networks(
    others: &Counterfactuals,
    networks: &[AskedNetwork],
    judged: &mut [JudgedNetwork],
    of_prefixes: &[Outage],
    detector: &dyn Detector,
) {
    let members: FxHashMap<&str, &Outage> = of_prefixes.iter().map(|outage| (outage.id.as_str(), outage)).collect();
    for (AskedNetwork { subject, timelines }, JudgedNetwork { findings, .. }) in networks.iter().zip(judged) {
        if !findings.outages.is_empty() {
            let timelines_of = |view: &View| -> Vec<Timeline> {
                timelines.par_iter().map(|timeline| view.timeline(timeline.prefix, timeline.origin)).collect()
            };
            others.compare_network(*subject, &timelines_of, detector, &members, &mut findings.outages);
        }
    }
}
