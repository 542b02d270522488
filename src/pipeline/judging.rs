//! The second half of a run: shares, outages, what they are worth. It needs no archive.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::coverage;
use super::subjects::{self, Subject};
use crate::bgp::{Asn, Collector, Family, Prefix, Project};
use crate::detect::{self, AsnTimeline, Findings, Others, Outage};
use crate::observations::Observations;
use crate::query::{Criteria, Query, Target};
use crate::report::{Parameters, Report};
use crate::visibility::{BaselineSource, Timeline, View};

/// Finds the outages in what the archives showed.
pub(super) fn judge(observations: Observations, criteria: &Criteria) -> Report {
    let Observations { query, note, replays, sources, gaps, files } = observations;
    let view = View::new(replays.iter().collect(), query.window, criteria);
    let known: BTreeSet<Prefix> = replays.iter().flat_map(|replay| replay.prefixes()).collect();
    let known: Vec<Prefix> = known.into_iter().collect();
    let subjects = subjects::subjects(&query, &known, &replays.iter().collect::<Vec<_>>());
    let (timelines, mut prefix_findings) = judge_prefixes(&view, &subjects, &known, criteria);
    let by_asn = subjects::by_asn(&subjects);
    let (asn_timelines, mut asn_findings) = judge_asns(&view, &query, &by_asn, &prefix_findings, criteria);
    let outages = [&mut prefix_findings.outages, &mut asn_findings.outages];
    if outages.iter().any(|outages| !outages.is_empty()) {
        let others = Others::new(&view, criteria);
        let projects = replays.iter().map(|replay| replay.collector.clone()).zip(sources.iter().map(|s| s.project));
        let [of_prefixes, of_asns] = outages;
        compare_prefixes(&view, &others, &projects.collect(), &timelines, of_prefixes, criteria);
        compare_asns(&others, &by_asn, of_prefixes, of_asns, criteria);
    }
    // What lies beyond the window has served to judge what lies inside.
    let end = query.window.end;
    let timelines: Vec<Timeline> = timelines.into_iter().map(|timeline| timeline.until(end)).collect();
    let asn_timelines: Vec<AsnTimeline> = asn_timelines.into_iter().map(|space| space.until(end)).collect();
    let skews = detect::skews(&prefix_findings.outages);
    let mut findings = asn_findings;
    findings.extend(prefix_findings);

    let summaries = subjects::summaries(&query, &subjects, &timelines, &asn_timelines, &findings.episodes);
    let coverage = coverage::coverage(&view, &replays, &sources, &skews, gaps, query.window);
    Report {
        parameters: Parameters { query, criteria: *criteria },
        note,
        findings,
        summaries,
        timelines,
        asn_timelines,
        coverage,
        replays,
        files,
    }
}

/// Compares outages of prefixes with what each collector saw, and with other judgements.
fn compare_prefixes(
    view: &View,
    others: &Others,
    projects: &BTreeMap<Collector, Project>,
    timelines: &[Timeline],
    outages: &mut [Outage],
    criteria: &Criteria,
) {
    let mut by_prefix: BTreeMap<Option<Prefix>, Vec<&mut Outage>> = BTreeMap::new();
    for outage in outages {
        by_prefix.entry(outage.prefix).or_default().push(outage);
    }
    let timelines = timelines.iter().map(|timeline| (timeline, by_prefix.remove(&Some(timeline.prefix))));
    let lost: Vec<(&Timeline, Vec<&mut Outage>)> = timelines.filter_map(|(t, outages)| Some((t, outages?))).collect();
    lost.into_par_iter().for_each(|(timeline, mut outages)| {
        detect::prefix_agreement(view, others, timeline, projects, criteria, &mut outages);
    });
}

/// Compares outages of ASes with other judgements; what each collector saw is known of their prefixes.
fn compare_asns(
    others: &Others,
    by_asn: &BTreeMap<(Asn, Family), Vec<&Subject>>,
    of_prefixes: &[Outage],
    outages: &mut [Outage],
    criteria: &Criteria,
) {
    let mut of_asns: BTreeMap<(Asn, Family), Vec<&mut Outage>> = BTreeMap::new();
    for outage in outages {
        if let Some(asn) = outage.asn {
            of_asns.entry((asn, outage.family)).or_default().push(outage);
        }
    }
    let members: FxHashMap<&str, &Outage> = of_prefixes.iter().map(|outage| (outage.id.as_str(), outage)).collect();
    for ((asn, family), mut outages) in of_asns {
        let own = by_asn.get(&(asn, family)).map_or(&[][..], |own| own);
        let timelines_of = |view: &View| -> Vec<Timeline> {
            own.par_iter().map(|subject| view.timeline(subject.prefix, Some(asn))).collect()
        };
        detect::asn_agreement(others, asn, family, &timelines_of, criteria, &members, &mut outages);
    }
}

fn judge_prefixes(
    view: &View,
    subjects: &[Subject],
    known: &[Prefix],
    criteria: &Criteria,
) -> (Vec<Timeline>, Findings) {
    let judged: Vec<(Timeline, Findings)> = subjects
        .par_iter()
        .map(|subject| {
            let timeline = view.timeline(subject.prefix, None);
            let asn = subject.asns.first().copied();
            let found =
                |timeline: &Timeline| detect::prefix_findings(view, timeline, subject.target, asn, known, criteria);
            let mut findings = found(&timeline);
            if !findings.is_empty() && matches!(subject.target, Target::Asn(_)) {
                findings = of_origins(view, subject, &timeline, findings, found);
            }
            (timeline, findings)
        })
        .collect();
    let mut findings = Findings::default();
    let mut timelines = Vec::with_capacity(judged.len());
    for (timeline, found) in judged {
        timelines.push(timeline);
        findings.extend(found);
    }
    (timelines, findings)
}

/// What is found of a prefix of one or more ASes that were asked about, without what none of them originated at the time.
/// `findings` are those of the whole timeline.
fn of_origins(
    view: &View,
    subject: &Subject,
    timeline: &Timeline,
    findings: Findings,
    found: impl Fn(&Timeline) -> Findings,
) -> Findings {
    let as_origin = |asn: &Asn| {
        let own = view.timeline(subject.prefix, Some(*asn));
        let is_never_origin = timeline.baseline.decides() && own.baseline.source == BaselineSource::Nobody;
        (!is_never_origin).then_some((*asn, own))
    };
    let origins: Vec<(Asn, Timeline)> = subject.asns.iter().filter_map(as_origin).collect();
    let mut findings = match origins.iter().map(|(_, own)| own.baseline.mostly_since()).min() {
        None => return Findings::default(),
        Some(from) if timeline.steps.iter().any(|step| step.from < from) => found(&timeline.carried_from(from)),
        Some(_) => findings,
    };
    // Attribute each outage to the AS with the most routes just before it.
    for outage in findings.outages.iter_mut().filter(|_| origins.len() > 1) {
        let before = outage.loss.first - Duration::from_micros(1);
        let n_routes = |own: &Timeline| own.at(before).map_or(0, |step| step.n_visible);
        if let Some((asn, _)) = origins.iter().rev().max_by_key(|(_, own)| n_routes(own)) {
            (outage.target, outage.asn) = (Target::Asn(*asn), Some(*asn));
        }
    }
    findings
}

fn judge_asns(
    view: &View,
    query: &Query,
    by_asn: &BTreeMap<(Asn, Family), Vec<&Subject>>,
    prefix_findings: &Findings,
    criteria: &Criteria,
) -> (Vec<AsnTimeline>, Findings) {
    let (mut spaces, mut findings) = (Vec::new(), Findings::default());
    for target in &query.targets {
        let Target::Asn(asn) = target else { continue };
        for family in Family::ALL {
            let Some(own) = by_asn.get(&(*asn, family)) else { continue };
            let timelines: Vec<Timeline> =
                own.par_iter().map(|subject| view.timeline(subject.prefix, Some(*asn))).collect();
            let timelines: Vec<&Timeline> = timelines.iter().collect();
            let space = AsnTimeline::new(*asn, family, &timelines, criteria, view.until());
            findings.extend(detect::asn_findings(view, &space, &timelines, &prefix_findings.outages, criteria));
            spaces.push(space);
        }
    }
    (spaces, findings)
}
