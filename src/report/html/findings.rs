//! What was found, as tables: outages, episodes, smaller losses.

use maud::{Markup, html};

use super::super::headlines::{self, Groups};
use super::super::sureness::Sureness;
use super::super::text::{count, duration, hours, of_family, percent, time_of_day};
use super::super::{Report, words};
use super::MOST_ROWS;
use super::parts::{self, Column, instant, interval};
use crate::bgp::{Family, Prefix};
use crate::detect::{Bounds, Censoring, Episode, Loss, Outage, Scope};
use crate::query::Target;
use crate::time::Window;

pub(super) fn section(report: &Report) -> Option<Markup> {
    let findings = &report.findings;
    let Groups { of_asn, alone, members } = headlines::groups(report);
    let first: Vec<&Outage> = of_asn.into_iter().chain(alone).collect();
    let sureness = Sureness::new(report);
    Some(html! {
        @if first.is_empty() { p { (none(report)) } } @else { (outages("Outages", &first, &sureness)) }
        @if !members.is_empty() {
            details {
                summary { (count(members.len(), "outage of a prefix", "outages of prefixes")) " of these networks: the same again, prefix by prefix" }
                (outages("Outages of prefixes that were lost together with their network", &members, &sureness))
            }
        }
        (episodes(&findings.episodes))
        (losses(&findings.losses))
    })
}

fn none(report: &Report) -> &'static str {
    match report.is_sufficient() {
        true => "None was found.",
        false => "None was found in the time that could be judged.",
    }
}

fn outages(caption: &str, outages: &[&Outage], sureness: &Sureness) -> Markup {
    let left = outages.len().saturating_sub(MOST_ROWS);
    let in_gap = outages
        .iter()
        .any(|o| o.fall.censored.contains(&Censoring::GapStart) || o.fall.censored.contains(&Censoring::GapEnd));
    html! {
        (parts::listing(
            caption,
            html! { (caption) ", " span.zone { "UTC" } ", lasting h:mm:ss" },
            &[
                Column::Words("Network"), Column::Words("Start"), Column::Words("End"), Column::Number("Lasting"),
                Column::Number("Lost"), Column::Number("Vantage points"), Column::Words("Extent"),
                Column::Words("Class"), Column::Words("Evidence"),
            ],
            html! { @for outage in outages.iter().take(MOST_ROWS) { (row(outage, sureness)) } },
        ))
        @if in_gap { p.note { "≤ ≥: the edge lies in a gap of the data; it was not later, or not earlier, than this." } }
        (parts::folded(left, "outage", "outages", "outages.csv and the JSON report list all of them."))
    }
}

fn row(outage: &Outage, sureness: &Sureness) -> Markup {
    let [lost, back] = sureness.edges(outage);
    let (start, end) = (outage.fall.start().map(|at| at.to_string()), outage.fall.end().map(|at| at.to_string()));
    html! {
        tr data-prefix=[outage.subject.prefix] data-from=[start] data-to=[end] {
            th scope="row" { (name(outage.subject.target, outage.subject.prefix, outage.subject.family)) }
            td {
                @match outage.fall.start() {
                    Some(at) => { @if outage.fall.censored.contains(&Censoring::GapStart) { "≤ " } (instant(at)) }
                    None => "before the data",
                }
                (bounds(&outage.fall.start_bounds)) (within(lost))
            }
            td {
                @match outage.fall.end() {
                    Some(at) => { @if outage.fall.censored.contains(&Censoring::GapEnd) { "≥ " } (instant(at)) }
                    None => "still down",
                }
                (bounds(&outage.fall.end_bounds)) (within(back))
            }
            td.number { @if !words::is_exact(outage) { "≥ " } (hours(outage.fall.duration())) }
            td.number { (percent(1.0 - outage.visibility.min)) }
            td.number { (outage.counts.n_vantage_points_lost) " of " (outage.counts.n_vantage_points) }
            td { (outage.severity.as_ref()) }
            td { (outage.class.as_ref().replace('_', " ")) }
            td { (outage.quality.as_ref()) }
        }
    }
}

/// What the data allow for an edge, where that is more than an instant.
fn bounds(bounds: &Bounds) -> Markup {
    match (bounds.earliest, bounds.latest) {
        (Some(earliest), Some(latest)) if earliest < latest => {
            html! { span.bounds { "between " (instant(earliest)) " and " (instant(latest)) } }
        }
        _ => html! {},
    }
}

/// When the first and the last vantage point changed, where they differ.
fn within(edge: Option<Window>) -> Markup {
    html! {
        @if let Some(Window { start, end }) = edge {
            span.bounds {
                "first " time.time-of-day datetime=(start) { (time_of_day(start)) }
                ", last " time.time-of-day datetime=(end) { (time_of_day(end)) }
            }
        }
    }
}

fn name(target: Target, prefix: Option<Prefix>, family: Family) -> String {
    prefix.map_or_else(|| of_family(target, family), |prefix| prefix.to_string())
}

fn episodes(episodes: &[Episode]) -> Markup {
    let mut unstable: Vec<&Episode> = episodes.iter().filter(|episode| headlines::is_unstable(episode)).collect();
    unstable.sort_by_key(|episode| (episode.subject.scope, episode.window, episode.subject.prefix));
    if unstable.is_empty() {
        return html! {};
    }
    let (of_asn, of_prefix): (Vec<&Episode>, Vec<&Episode>) =
        unstable.into_iter().partition(|e| e.subject.scope == Scope::Asn);
    html! {
        h3 { "Unstable times" }
        p.note { "A flap is a fall too short to be an outage. Flaps and outages that follow one another closely are one episode." }
        @if !of_asn.is_empty() { (episode_table(&of_asn)) }
        @if of_asn.is_empty() { (episode_table(&of_prefix)) } @else if !of_prefix.is_empty() {
            details {
                summary { (count(of_prefix.len(), "episode of a prefix", "episodes of prefixes")) }
                (episode_table(&of_prefix))
            }
        }
    }
}

fn episode_table(episodes: &[&Episode]) -> Markup {
    html! {
        (parts::listing(
            "Episodes",
            html! { "Episodes, " span.zone { "UTC" } },
            &[
                Column::Words("Network"), Column::Words("Time"), Column::Number("Outages"), Column::Number("Flaps"),
            ],
            html! {
                @for episode in episodes.iter().take(MOST_ROWS) {
                    tr data-prefix=[episode.subject.prefix] {
                        th scope="row" { (name(episode.subject.target, episode.subject.prefix, episode.subject.family)) }
                        td { (interval(&episode.window)) }
                        td.number { (episode.n_outages) }
                        td.number { (episode.flaps.len()) }
                    }
                }
            },
        ))
        (parts::folded(episodes.len().saturating_sub(MOST_ROWS), "episode", "episodes", "The JSON report lists all of them."))
    }
}

fn losses(losses: &[Loss]) -> Markup {
    let mut losses: Vec<&Loss> = losses.iter().collect();
    losses.sort_by_key(|loss| (loss.subject.scope, loss.window, loss.subject.prefix));
    if losses.is_empty() {
        return html! {};
    }
    html! {
        h3 { "Smaller losses, no outages" }
        (parts::listing(
            "Smaller losses",
            html! { "Losses that stayed above the threshold, " span.zone { "UTC" } },
            &[
                Column::Words("Network"), Column::Words("Time"), Column::Number("Lasting"),
                Column::Number("Still seen by"), Column::Number("Lost by"), Column::Words("Class"),
            ],
            html! {
                @for loss in losses.iter().take(MOST_ROWS) {
                    tr data-prefix=[loss.subject.prefix] {
                        th scope="row" { (name(loss.subject.target, loss.subject.prefix, loss.subject.family)) }
                        td { (interval(&loss.window)) }
                        td.number { (duration(loss.window.duration())) }
                        td.number { (percent(loss.share_min)) }
                        td.number { (loss.lost_by.len()) }
                        td { (loss.class.as_ref().replace('_', " ")) }
                    }
                }
            },
        ))
        (parts::folded(losses.len().saturating_sub(MOST_ROWS), "loss", "losses", "The JSON report lists all of them."))
    }
}
