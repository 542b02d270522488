//! The command that asks the question of a report again.

use super::Parameters;
use super::text::shell_word;
use crate::observations::TOOL;
use crate::query::{Criteria, Match, Metric, Query, RibChoice, Target};

/// Returns the command that asks the question again, of `archive` if there is one, as words. Options with their default values are
/// left out, and so is everything that does not change the answer.
pub(super) fn words(parameters: &Parameters, archive: Option<&str>) -> Vec<String> {
    let options = options(parameters, archive).into_iter();
    std::iter::once(TOOL.name.to_owned()).chain(options.flat_map(|(flag, value)| [flag.to_owned(), value])).collect()
}

/// Returns the same as it is typed, one option a line.
pub(super) fn shown(parameters: &Parameters, archive: &str) -> String {
    let options = options(parameters, Some(archive)).into_iter();
    let options = options.map(|(flag, value)| format!(" \\\n  {flag} {}", shell_word(&value)));
    std::iter::once(TOOL.name.to_owned()).chain(options).collect()
}

fn options(parameters: &Parameters, archive: Option<&str>) -> Vec<(&'static str, String)> {
    let Parameters { query, criteria } = parameters;
    let Query { targets, labels: _, window, collectors, project, baseline, ribs } = query;
    let Criteria { metric, sufficiency, thresholds } = criteria;
    let mut options: Vec<(&'static str, String)> = Vec::new();
    let mut add = |flag: &'static str, value: String| options.push((flag, value));
    let list = |values: Vec<String>| values.join(",");
    let asns: Vec<String> = targets.iter().filter(|t| matches!(t, Target::Asn(_))).map(ToString::to_string).collect();
    let prefixes: Vec<String> =
        targets.iter().filter(|t| matches!(t, Target::Prefix(..))).map(ToString::to_string).collect();
    if !asns.is_empty() {
        add("--asn", list(asns));
    }
    if !prefixes.is_empty() {
        add("--prefix", list(prefixes));
    }
    if let Some(matching) = query.matching().filter(|matching| *matching != Match::default()) {
        add("--match", <&str>::from(matching).to_owned());
    }
    add("--from", window.start.to_string());
    add("--to", window.end.to_string());
    if let Some(archive) = archive {
        add("--archive", archive.to_owned());
    }
    if !collectors.is_empty() {
        add("--collector", list(collectors.iter().map(ToString::to_string).collect()));
    }
    if let Some(project) = project {
        add("--project", project.to_string());
    }
    let usual = Criteria::of(*metric);
    let number = |flag: &'static str, value: f64, default: f64| (value != default).then(|| (flag, value.to_string()));
    let seconds =
        |flag: &'static str, value: u64, default: u64| (value != default).then(|| (flag, format!("{value}s")));
    let defaults = usual.thresholds;
    let changed = [
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
    options.extend(changed.into_iter().flatten());
    options
}
