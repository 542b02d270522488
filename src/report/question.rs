//! The question as a command line: which settings are not the default ones, and the command that asks again.

use std::collections::BTreeSet;

use super::text::shell_word;
use super::{Parameters, Report};
use crate::observations::TOOL;
use crate::query::{Criteria, GroupSource, Match, Metric, Query, RegisteredBy, RibChoice, Scanned, Target};

/// A flag and its value, which is empty for a switch.
type Setting = (&'static str, String);

/// Returns the command that asks the question again, of `archive` if there is one, as words. Options with their default values are
/// left out, and so is everything that does not change the answer.
pub(super) fn words(parameters: &Parameters, archive: Option<&str>) -> Vec<String> {
    let options = options(parameters, archive).into_iter();
    let words = options.flat_map(|(flag, value)| [flag.to_owned(), value]).filter(|word| !word.is_empty());
    std::iter::once(TOOL.name.to_owned()).chain(words).collect()
}

/// Returns the same as it is typed, a flag a line. Files that a catalog listed need no archive.
pub(super) fn command(report: &Report) -> String {
    let archive = report.coverage.listing.catalog.is_none().then_some("ARCHIVE");
    let options = options(&report.parameters, archive).into_iter();
    let flags = options.map(|(flag, value)| match value.as_str() {
        "" => flag.to_owned(),
        value => format!("{flag} {}", shell_word(value)),
    });
    std::iter::once(TOOL.name.to_owned()).chain(flags).collect::<Vec<_>>().join(" \\\n  ")
}

fn options(parameters: &Parameters, archive: Option<&str>) -> Vec<Setting> {
    let query = &parameters.query;
    let Query { targets, groups, window, .. } = query;
    let listed = groups.values().filter(|group| group.source == GroupSource::List);
    let listed: BTreeSet<&Target> = listed.flat_map(|group| &group.members).collect();
    let list = |of: fn(&Target) -> bool| {
        let chosen = targets.iter().filter(|target| of(target) && !listed.contains(target));
        let chosen: Vec<String> = chosen.map(ToString::to_string).collect();
        (!chosen.is_empty()).then(|| chosen.join(","))
    };
    let mut settings: Vec<Setting> = Vec::new();
    settings.extend(countries(query));
    settings.extend(query.scan.map(|scan| match scan.of {
        Scanned::Prefixes => ("--all-prefixes", String::new()),
        Scanned::Asns => ("--all-asns", String::new()),
    }));
    settings.extend((!listed.is_empty()).then(|| ("--targets", "TARGETS".to_owned())));
    if query.scan.is_none() {
        settings.extend(list(|target| matches!(target, Target::Asn(_))).map(|asns| ("--asn", asns)));
        settings.extend(list(|target| matches!(target, Target::Prefix(..))).map(|prefixes| ("--prefix", prefixes)));
    }
    settings.extend([("--from", window.start.to_string()), ("--to", window.end.to_string())]);
    settings.extend(archive.map(|archive| ("--archive", archive.to_owned())));
    settings.extend(changed(parameters));
    settings
}

/// Returns the countries that are asked about, and the files that say what is registered there.
fn countries(query: &Query) -> Vec<Setting> {
    let (mut settings, mut chosen_by, mut statistics) = (Vec::new(), None, BTreeSet::new());
    for group in query.groups.values() {
        let GroupSource::Registrations { country, by, files } = &group.source else { continue };
        settings.push(("--country", country.clone()));
        chosen_by = Some(*by).filter(|by| *by != RegisteredBy::default());
        statistics.extend(files.iter().map(|file| file.name.clone()));
    }
    settings.extend(chosen_by.map(|by| ("--country-by", <&str>::from(by).to_owned())));
    settings.extend(statistics.into_iter().map(|name| ("--delegated", name)));
    settings
}

/// Names the settings that are not the default ones and change the answer, with their sources. None if there are none.
pub(super) fn settings(report: &Report) -> Option<String> {
    let named = |(flag, value): Setting| {
        let source = report.setting_sources.get(flag.trim_start_matches("--"));
        let source = source.map_or(String::new(), |source| format!(" from {source}"));
        format!("{flag} {}{source}", shell_word(&value))
    };
    let named: Vec<String> = changed(&report.parameters).into_iter().map(named).collect();
    (!named.is_empty()).then(|| format!("Settings that differ from the defaults: {}.", named.join(", ")))
}

/// Returns the settings that are not the default ones and change the answer.
fn changed(parameters: &Parameters) -> Vec<Setting> {
    let Parameters { query, criteria } = parameters;
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
            .filter(|matching| *matching != Match::default() && query.scan.is_none())
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
