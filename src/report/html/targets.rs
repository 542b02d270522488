//! The answer for each of several targets, as a table.

use std::time::Duration;

use maud::{Markup, html};

use super::super::headlines::{self, Headline};
use super::super::quiet::{Announced, announced};
use super::super::text::{hours, percent};
use super::super::{Report, words};
use super::MOST_ROWS;
use super::parts::{self, Column};
use crate::detect::Outage;
use crate::time::Windows;

pub(super) fn section(report: &Report) -> Option<Markup> {
    let mut headlines = headlines::of_targets(report);
    if headlines.len() < 2 {
        return None;
    }
    // Those that were down for longest come first; the others stay in the order of the question.
    headlines.sort_by_key(|headline| std::cmp::Reverse((!headline.outages.is_empty()).then(|| downtime(headline))));
    let left = headlines.len().saturating_sub(MOST_ROWS);
    headlines.truncate(MOST_ROWS);
    Some(html! {
        (parts::folding(&headlines, |headlines| table(report, headlines), "more target", "more targets"))
        (parts::folded(left, "target", "targets", "Those that were down for longest come first; the JSON report lists all of them."))
        details {
            summary { "Target by target in words" }
            ul { @for headline in &headlines { li { (words::headline(report, headline)) } } }
        }
    })
}

fn table(report: &Report, headlines: &[Headline]) -> Markup {
    parts::cards(
        "Targets",
        html! { "Targets; times h:mm:ss. Unknown: the part of the window that could not be judged" },
        &[
            Column::Words("Target"),
            Column::Words("Answer"),
            Column::Number("Outages"),
            Column::Number("Flaps"),
            Column::Number("Downtime"),
            Column::Number("Longest"),
            Column::Number("Unknown"),
        ],
        html! { @for headline in headlines { (row(report, headline)) } },
    )
}

fn row(report: &Report, headline: &Headline) -> Markup {
    let summary = headline.summary;
    let whole = report.parameters.window().duration().as_secs_f64();
    let longest = headline.outages.iter().max_by_key(|outage| outage.fall.duration());
    html! {
        tr {
            th scope="row" {
                (summary.target)
                @if let Some(name) = report.label(&summary.target) { span.address { (name) } }
            }
            td data-label="Answer" { (answer(report, headline)) }
            td.number data-label="Outages" { (headline.outages.len()) }
            td.number data-label="Flaps" { (headline.flaps.len()) }
            td.number data-label="Downtime" { @if longest.is_some() { (hours(downtime(headline))) } @else { "none" } }
            td.number data-label="Longest" {
                @match longest {
                    Some(longest) => { @if !words::is_exact(longest) { "≥ " } (hours(longest.fall.duration())) }
                    None => "none",
                }
            }
            td.number data-label="Unknown" { (percent(summary.unobserved_time().as_secs_f64() / whole)) }
        }
    }
}

/// The answer for one target in a word or two.
fn answer(report: &Report, headline: &Headline) -> &'static str {
    match headline.outages.first() {
        Some(first) if headlines::is_of_parts(report, headline.summary, first) => "outages of prefixes",
        Some(_) => "outage",
        None if announced(report, headline.summary) == Announced::No => "not announced",
        None if headline.summary.is_sufficient() => "no outage",
        None => "insufficient data",
    }
}

/// How long a target was down. Outages at the same time, of IPv4 and IPv6 or of several prefixes, count once.
fn downtime(headline: &Headline) -> Duration {
    let down: Windows = headline.outages.iter().map(|outage: &&Outage| outage.fall.seen).collect();
    down.duration()
}
