//! The title of a still picture, and the sentences below it and at its foot.

use super::super::headlines::{self, Headline};
use super::super::sureness::Sureness;
use super::super::text::{count, duration, percent};
use super::super::words::{self, Statement};
use super::super::{Report, quiet};
use crate::detect::{Class, Outage, Severity};

/// Limits of longer lists.
const MOST_LINES: usize = 5;
const MOST_TARGETS: usize = 4;

/// Returns the title, and the lines under it.
pub(super) fn title(report: &Report) -> (String, Vec<String>) {
    let (finding, mut lines) = match headlines::of_targets(report).as_slice() {
        [only] => title_of_one(report, only),
        all => title_of_many(report, all),
    };
    match &report.labels.title {
        Some(title) => {
            lines.insert(0, if finding.ends_with('.') { finding } else { finding + "." });
            (title.clone(), lines)
        }
        None => (finding, lines),
    }
}

/// Returns how sure the picture is: the evidence of the longest outage, and how much of the window could be judged.
pub(super) fn sureness(report: &Report) -> String {
    let headlines = headlines::of_targets(report);
    let outages = headlines.iter().flat_map(|headline| &headline.outages).copied();
    let longest = longest(outages);
    let sureness = Sureness::new(report);
    let evidence = longest.map(|outage| {
        let of = if headlines.len() > 1 { " of the longest outage" } else { "" };
        format!("Evidence{of}: {} ({}). ", outage.quality.as_ref(), sureness.evidence(outage))
    });
    let whole = report.parameters.window().duration();
    let missing = report.summaries.iter().map(|summary| summary.unobserved_time()).max().unwrap_or_default();
    let share = percent(1.0 - missing.as_secs_f64() / whole.as_secs_f64());
    let judged = match (missing.is_zero(), headlines.len()) {
        (false, 1) if missing == whole && longest.is_some() => "Judged: never all of it at once.".to_owned(),
        (true, 1) => "Judged: all of the window.".to_owned(),
        (true, _) => "Judged: all of the window, for every target.".to_owned(),
        (false, 1) => format!("Judged: {share} of the window; {} unknown.", duration(missing)),
        (false, _) => format!("Judged: at least {share} of the window for each target."),
    };
    evidence.unwrap_or_default() + &judged
}

/// The first of the longest.
fn longest<'a>(outages: impl Iterator<Item = &'a Outage>) -> Option<&'a Outage> {
    outages.max_by_key(|o| (o.fall.duration(), std::cmp::Reverse(o.fall.start())))
}

/// Returns how many targets had an outage, then the longest outage of each target and family.
fn title_of_many(report: &Report, headlines: &[Headline]) -> (String, Vec<String>) {
    let lost = headlines.iter().filter(|headline| !headline.outages.is_empty());
    let n_whole = lost.clone().filter(|headline| headline.is_whole).count();
    let n_shown = if n_whole > 0 { n_whole } else { lost.count() };
    let title = match n_shown {
        0 if report.is_sufficient() => format!("No outage at {}", words::asked(report)),
        0 if headlines.iter().any(|headline| headline.summary.is_sufficient()) => {
            format!("No outage seen at {}; not all of them could be judged throughout", words::asked(report))
        }
        0 => format!("None of {} could be judged over the whole window", words::asked(report)),
        n if n_whole == 0 => format!("{n} of {} had outages of single prefixes", words::asked(report)),
        n => format!("{n} of {} had an outage", words::asked(report)),
    };
    let mut lines: Vec<String> = headlines.iter().flat_map(|headline| lines_of(report, &headline.outages)).collect();
    lines.extend(quiet::flapping(report, headlines));
    if headlines.len() > MOST_TARGETS {
        lines = words::overview(report, headlines).split_off(1);
    } else if lines.len() > MOST_LINES {
        let left = lines.len() - (MOST_LINES - 1);
        lines.truncate(MOST_LINES - 1);
        lines.push(format!("… and {left} more."));
    }
    (title, lines)
}

/// Returns the longest outage of a target in each family, and how many more there were.
fn lines_of(report: &Report, outages: &[&Outage]) -> Vec<String> {
    let line = |longest: &Outage| {
        let Statement { what, when, .. } = words::statement(report, longest);
        match outages.iter().filter(|outage| outage.subject.family == longest.subject.family).count() - 1 {
            0 => format!("{what} {when}."),
            n => format!("{what} {when}; {}.", count(n, "other outage", "other outages")),
        }
    };
    headlines::longest(outages).into_iter().map(line).collect()
}

fn title_of_one(report: &Report, headline: &Headline) -> (String, Vec<String>) {
    let outages = &headline.outages;
    let Some(longest) = longest(headlines::longest(outages).into_iter()) else {
        return (words::headline(report, headline), Vec::new());
    };
    let Statement { what, when, who } = words::statement(report, longest);
    let mut sentences = vec![format!("{}: {who}.", sentence(longest, &when))];
    if outages.len() > 1 {
        sentences.push(format!("{} in the window.", count(outages.len() - 1, "other outage", "other outages")));
    }
    sentences.extend(Sureness::new(report).edge_sentence(longest));
    sentences.extend(words::too_short(report, longest));
    sentences.extend(quiet::flaps_beside(outages, &headline.flaps));
    let unjudged = quiet::unjudged(report, headline.summary).filter(|unjudged| !unjudged.is_all);
    sentences.extend(unjudged.map(|unjudged| unjudged.text + "."));
    (what, vec![sentences.join(" ")])
}

/// The time of an outage as the beginning of a sentence: `From … to …`, `It disappeared at … and was not back …`.
fn sentence(outage: &Outage, when: &str) -> String {
    let is_total = outage.severity == Severity::Total && outage.class != Class::OriginChanged;
    match when.split_once(' ') {
        Some(("from", rest)) if outage.fall.end().is_some() => format!("From {rest}"),
        Some(("at", _)) => format!("It disappeared {when}"),
        _ if is_total => format!("It was missing {when}"),
        _ => format!("This was the case {when}"),
    }
}
