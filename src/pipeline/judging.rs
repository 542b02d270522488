//! The second half of a run: shares, outages, what they are worth. It needs no archive.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::{Options, coverage, subjects};
use crate::bgp::{Family, Prefix};
use crate::catalog::{Query, Target};
use crate::detect::{self, AsnTimeline, Findings};
use crate::report::{Observations, Parameters, Report};
use crate::visibility::{Timeline, View};

/// Finds the outages in what the archives showed.
pub(super) fn judge(observations: Observations, options: &Options) -> Report {
    let Observations { query, note, replays, sources, gaps, rows, files } = observations;
    let view = View::new(&replays, query.window, options.metric, options.sufficiency);
    let known: BTreeSet<Prefix> = replays.iter().flat_map(|replay| replay.prefixes()).collect();
    let known: Vec<Prefix> = known.into_iter().collect();
    let subjects = subjects::subjects(&query, &known, &replays);
    let (timelines, prefix_findings) = judge_prefixes(&view, &subjects, &known, options);
    let (asn_timelines, asn_findings) = judge_asns(&view, &query, &subjects, &prefix_findings, options);
    let mut findings = asn_findings;
    findings.extend(prefix_findings);

    let summaries = subjects::summaries(&query, &subjects, &timelines, &asn_timelines);
    let coverage = coverage::coverage(&view, &replays, &sources, gaps, rows);
    Report {
        parameters: Parameters::new(&query, options.metric, options.sufficiency, options.thresholds),
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

fn judge_prefixes(
    view: &View,
    subjects: &[subjects::Subject],
    known: &[Prefix],
    options: &Options,
) -> (Vec<Timeline>, Findings) {
    let judged: Vec<(Timeline, Findings)> = subjects
        .par_iter()
        .map(|subject| {
            let timeline = view.timeline(subject.prefix, None);
            let asn = subject.asns.first().copied();
            let findings = detect::prefix_findings(
                view,
                &timeline,
                subject.target,
                asn,
                known,
                options.metric,
                &options.thresholds,
            );
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

fn judge_asns(
    view: &View,
    query: &Query,
    subjects: &[subjects::Subject],
    prefix_findings: &Findings,
    options: &Options,
) -> (Vec<AsnTimeline>, Findings) {
    let (mut spaces, mut findings) = (Vec::new(), Findings::default());
    for target in &query.targets {
        let Target::Asn(asn) = target else { continue };
        for family in Family::ALL {
            let timelines: Vec<Timeline> = subjects
                .par_iter()
                .filter(|subject| subject.asns.contains(asn) && subject.prefix.family() == family)
                .map(|subject| view.timeline(subject.prefix, Some(*asn)))
                .collect();
            if timelines.is_empty() {
                continue;
            }
            let timelines: Vec<&Timeline> = timelines.iter().collect();
            let (metric, thresholds) = (options.metric, &options.thresholds);
            let space = AsnTimeline::new(*asn, family, &timelines, metric, thresholds, query.window.end);
            findings.extend(detect::asn_findings(
                view,
                &space,
                &timelines,
                &prefix_findings.outages,
                metric,
                thresholds,
            ));
            spaces.push(space);
        }
    }
    (spaces, findings)
}
