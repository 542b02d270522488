//! What was found, as tables: outages, episodes, smaller losses.

use maud::{Markup, html};

use super::super::headlines::{self, Groups};
use super::super::sureness::Sureness;
use super::super::text::{count, duration, hours, percent, time_of_day};
use super::super::{Report, words};
use super::MOST_ROWS;
use super::parts::{self, Column, instant, interval};
use crate::bgp::Family;
use crate::detect::{Bounds, Censoring, Episode, Event, Loss, Outage};
use crate::query::Target;
use crate::time::Window;

pub(super) fn section(report: &Report) -> Option<Markup> {
    let findings = &report.findings;
    let Groups { of_networks, alone, members } = headlines::groups(report);
    let first: Vec<&Outage> =
        headlines::longest_first(of_networks).into_iter().chain(headlines::longest_first(alone)).collect();
    let members = headlines::longest_first(members);
    let sureness = Sureness::new(report);
    // A scan asks what else was lost: the events are the answer.
    let is_scan = report.parameters.query.scan.is_some();
    Some(html! {
        @if is_scan { (events(report)) }
        @if first.is_empty() { p { (none(report)) } } @else { (outages("Outages", &first, &sureness)) }
        @if !members.is_empty() {
            details.again {
                summary { (count(members.len(), "outage of a prefix", "outages of prefixes")) " of these networks: the same again, prefix by prefix" }
                (outages("Outages of prefixes that were lost together with their network", &members, &sureness))
            }
        }
        @if !is_scan { (events(report)) }
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
    let shown = outages.get(..MOST_ROWS).unwrap_or(outages);
    let in_gap = outages
        .iter()
        .any(|o| o.fall.censored.contains(&Censoring::GapStart) || o.fall.censored.contains(&Censoring::GapEnd));
    html! {
        (parts::folding(shown, |outages| outage_table(caption, outages, sureness), "shorter outage", "shorter outages"))
        @if in_gap { p.note { "≤ ≥: the edge lies in a gap in the data; it was no later (≤), or no earlier (≥), than this." } }
        (parts::folded(left, "outage", "outages", "The longest are shown; outages.csv and the JSON report list all of them."))
    }
}

fn outage_table(caption: &str, outages: &[&Outage], sureness: &Sureness) -> Markup {
    parts::cards(
        caption,
        html! { (caption) ", the longest first; times in " span.zone { "UTC" } ", durations h:mm:ss" },
        &[
            Column::Words("Network"),
            Column::Words("Start"),
            Column::Words("End"),
            Column::Number("Duration"),
            Column::Number("Lost"),
            Column::Number("Vantage points"),
            Column::Words("Extent"),
            Column::Words("Class"),
            Column::Words("Evidence"),
        ],
        html! { @for outage in outages { (row(outage, sureness)) } },
    )
}

fn row(outage: &Outage, sureness: &Sureness) -> Markup {
    let [lost, back] = sureness.edges(outage);
    let (start, end) = (outage.fall.start().map(|at| at.to_string()), outage.fall.end().map(|at| at.to_string()));
    html! {
        tr data-prefix=[outage.subject.prefix] data-from=[start] data-to=[end] {
            th scope="row" { (outage.subject.name()) }
            td data-label="Start" {
                @match outage.fall.start() {
                    Some(at) => { @if outage.fall.censored.contains(&Censoring::GapStart) { "≤ " } (instant(at)) }
                    None => "before the data",
                }
                (bounds(&outage.fall.start_bounds)) (within(lost))
            }
            td data-label="End" {
                @match outage.fall.end() {
                    Some(at) => { @if outage.fall.censored.contains(&Censoring::GapEnd) { "≥ " } (instant(at)) }
                    None => "still down",
                }
                (bounds(&outage.fall.end_bounds)) (within(back))
            }
            td.number data-label="Duration" { @if !words::is_exact(outage) { "≥ " } (hours(outage.fall.duration())) }
            td.number data-label="Lost" { (percent(1.0 - outage.visibility.min)) }
            td.number data-label="Vantage points" { (outage.counts.n_vantage_points_lost) " of " (outage.counts.n_vantage_points) }
            td data-label="Extent" { (outage.severity.as_ref()) }
            td data-label="Class" { (outage.class.as_ref().replace('_', " ")) }
            td data-label="Evidence" { (outage.quality.as_ref()) }
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

fn events(report: &Report) -> Markup {
    let events = headlines::events(report);
    if events.is_empty() {
        return html! {};
    }
    let shown = events.get(..MOST_ROWS).unwrap_or(&events);
    html! {
        h3 { "Events" }
        p.note { (words::about_events()) }
        (parts::folding(shown, |events| event_rows(report, events), "smaller event", "smaller events"))
        (parts::folded(events.len() - shown.len(), "event", "events", "The JSON report lists all of them."))
    }
}

fn event_rows(report: &Report, events: &[&Event]) -> Markup {
    let label = |event: &Event| event.shared.and_then(|shared| report.label(&Target::Asn(shared.asn)));
    parts::cards(
        "Events",
        html! { "Events, the largest first, " span.zone { "UTC" } },
        &[
            Column::Words("Network"),
            Column::Number("Prefixes"),
            Column::Number("Space"),
            Column::Words("Time"),
            Column::Number("Duration"),
            Column::Words("Extent"),
        ],
        html! {
            @for event in events {
                tr {
                    th scope="row" {
                        (words::event_name(event))
                        @if let Some(label) = label(event) { span.address { (label) } }
                    }
                    td.number data-label="Prefixes" { (event.prefixes.len()) }
                    td.number data-label="Space" { (event.space) @if event.family == Family::V4 { " /24" } @else { " /48" } }
                    td data-label="Time" { (interval(&event.window)) }
                    td.number data-label="Duration" { (words::event_length(event)) }
                    td data-label="Extent" { (event.severity.as_ref()) }
                }
            }
        },
    )
}

fn episodes(episodes: &[Episode]) -> Markup {
    let mut unstable: Vec<&Episode> = episodes.iter().filter(|episode| headlines::is_unstable(episode)).collect();
    let n_falls = |episode: &Episode| episode.n_outages + episode.flaps.len();
    unstable.sort_by_key(|e| (e.subject.scope, std::cmp::Reverse(n_falls(e)), e.window, e.subject.prefix));
    if unstable.is_empty() {
        return html! {};
    }
    let (of_networks, of_prefixes): (Vec<&Episode>, Vec<&Episode>) =
        unstable.into_iter().partition(|e| e.subject.prefix.is_none());
    html! {
        h3 { "Unstable times" }
        p.note { "A flap is a fall too short to be an outage. Flaps and outages that follow one another closely are one episode." }
        @if !of_networks.is_empty() { (episode_table(&of_networks)) }
        @if of_networks.is_empty() { (episode_table(&of_prefixes)) } @else if !of_prefixes.is_empty() {
            details.again {
                summary { (count(of_prefixes.len(), "episode of a prefix", "episodes of prefixes")) }
                (episode_table(&of_prefixes))
            }
        }
    }
}

fn episode_table(episodes: &[&Episode]) -> Markup {
    let shown = episodes.get(..MOST_ROWS).unwrap_or(episodes);
    html! {
        (parts::folding(shown, episode_rows, "episode with fewer falls", "episodes with fewer falls"))
        (parts::folded(episodes.len() - shown.len(), "episode", "episodes", "The JSON report lists all of them."))
    }
}

fn episode_rows(episodes: &[&Episode]) -> Markup {
    parts::cards(
        "Episodes",
        html! { "Episodes, those with most falls first, " span.zone { "UTC" } },
        &[Column::Words("Network"), Column::Words("Time"), Column::Number("Outages"), Column::Number("Flaps")],
        html! {
            @for episode in episodes {
                tr data-prefix=[episode.subject.prefix] {
                    th scope="row" { (episode.subject.name()) }
                    td data-label="Time" { (interval(&episode.window)) }
                    td.number data-label="Outages" { (episode.n_outages) }
                    td.number data-label="Flaps" { (episode.flaps.len()) }
                }
            }
        },
    )
}

fn losses(losses: &[Loss]) -> Markup {
    let mut losses: Vec<&Loss> = losses.iter().collect();
    losses.sort_by_key(|loss| {
        (loss.subject.scope, std::cmp::Reverse(loss.window.duration()), loss.window, loss.subject.prefix)
    });
    if losses.is_empty() {
        return html! {};
    }
    let shown = losses.get(..MOST_ROWS).unwrap_or(&losses);
    html! {
        h3 { "Smaller losses, not outages" }
        (parts::folding(shown, loss_rows, "shorter loss", "shorter losses"))
        (parts::folded(losses.len() - shown.len(), "loss", "losses", "The JSON report lists all of them."))
    }
}

fn loss_rows(losses: &[&Loss]) -> Markup {
    parts::cards(
        "Smaller losses",
        html! { "Losses that stayed above the threshold, the longest first, " span.zone { "UTC" } },
        &[
            Column::Words("Network"),
            Column::Words("Time"),
            Column::Number("Duration"),
            Column::Number("Still seen by"),
            Column::Number("Lost by"),
            Column::Words("Class"),
        ],
        html! {
            @for loss in losses {
                tr data-prefix=[loss.subject.prefix] {
                    th scope="row" { (loss.subject.name()) }
                    td data-label="Time" { (interval(&loss.window)) }
                    td.number data-label="Duration" { (duration(loss.window.duration())) }
                    td.number data-label="Still seen by" { (percent(loss.share_min)) }
                    td.number data-label="Lost by" { (loss.lost_by.len()) }
                    td data-label="Class" { (loss.class.as_ref().replace('_', " ")) }
                }
            }
        },
    )
}
