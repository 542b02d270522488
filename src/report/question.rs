//! The question as a command line: which settings are not the default ones, and the command that asks again.

use super::text::shell_word;
use super::{Parameters, Report};
use crate::observations::TOOL;
use crate::query::{Criteria, Match, Metric, Query, RibChoice, Target};

/// A flag and its value.
type Setting = (&'static str, String);

/// Returns the command that repeats the query, a flag a line. Options with their default values are left out.
pub(super) fn command(report: &Report) -> String {
    let Query { targets, window, .. } = &report.parameters.query;
    let list = |of: fn(&Target) -> bool| {
        let chosen: Vec<String> = targets.iter().filter(|target| of(target)).map(ToString::to_string).collect();
        (!chosen.is_empty()).then(|| chosen.join(","))
    };
    let mut settings: Vec<Setting> = Vec::new();
    settings.extend(list(|target| matches!(target, Target::Asn(_))).map(|asns| ("--asn", asns)));
    settings.extend(list(|target| matches!(target, Target::Prefix(..))).map(|prefixes| ("--prefix", prefixes)));
    settings.extend([("--from", window.start.to_string()), ("--to", window.end.to_string())]);
    if report.coverage.listing.catalog.is_none() {
        settings.push(("--archive", "ARCHIVE".to_owned()));
    }
    settings.extend(changed(report));
    let flags = settings.into_iter().map(|(flag, value)| format!("{flag} {}", shell_word(&value)));
    [TOOL.name.to_owned()].into_iter().chain(flags).collect::<Vec<_>>().join(" \\\n  ")
}

/// Names the settings that are not the default ones and change the answer, with their sources. None if there are none.
pub(super) fn settings(report: &Report) -> Option<String> {
    let named = |(flag, value): Setting| {
        let source = report.setting_sources.get(flag.trim_start_matches("--"));
        let source = source.map_or(String::new(), |source| format!(" from {source}"));
        format!("{flag} {}{source}", shell_word(&value))
    };
    let named: Vec<String> = changed(report).into_iter().map(named).collect();
    (!named.is_empty()).then(|| format!("Settings that are not the default ones: {}.", named.join(", ")))
}

/// Returns the settings that are not the default ones and change the answer.
fn changed(report: &Report) -> Vec<Setting> {
    let Parameters { query, criteria } = &report.parameters;
    let Query { collectors, project, baseline, ribs, .. } = query;
    let Criteria { metric, sufficiency, thresholds } = criteria;
    let usual = Criteria::of(*metric);
    let defaults = usual.thresholds;
    let number = |flag: &'static str, value: f64, default: f64| (value != default).then(|| (flag, value.to_string()));
    let seconds =
        |flag: &'static str, value: u64, default: u64| (value != default).then(|| (flag, format!("{value}s")));
    let collectors: Vec<String> = collectors.iter().map(ToString::to_string).collect();
    let changed = [
        query
            .matching()
            .filter(|matching| *matching != Match::default())
            .map(|matching| ("--match", <&str>::from(matching).to_owned())),
        (!collectors.is_empty()).then(|| ("--collector", collectors.join(","))),
        project.map(|project| ("--project", project.to_string())),
        seconds("--baseline", baseline.as_secs(), 0),
        (*ribs != RibChoice::default()).then(|| ("--ribs", <&str>::from(ribs).to_owned())),
        (*metric != Metric::default()).then(|| ("--metric", <&str>::from(metric).to_owned())),
        number("--min-peers", sufficiency.min_peers as f64, usual.sufficiency.min_peers as f64),
        number("--min-coverage", sufficiency.min_coverage, usual.sufficiency.min_coverage),
        number("--down-below", thresholds.down_below, defaults.down_below),
        number("--up-at", thresholds.up_at, defaults.up_at),
        seconds("--min-duration", thresholds.min_duration.as_secs(), defaults.min_duration.as_secs()),
        seconds("--merge-gap", thresholds.merge_gap.as_secs(), defaults.merge_gap.as_secs()),
        seconds("--episode-gap", thresholds.episode_gap.as_secs(), defaults.episode_gap.as_secs()),
        number("--degraded-below", thresholds.degraded_below, defaults.degraded_below),
    ];
    changed.into_iter().flatten().collect()
}
