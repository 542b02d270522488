//! Coverage: which collectors took part, which data are missing, what cannot be known.

use std::time::Duration;

use maud::{Markup, html};

use super::super::drawing::Plot;
use super::super::text::{count, duration, first_of, from_to, percent};
use super::super::{CoverageRow, Report, rows, troubles, words};
use super::MOST_ROWS;
use super::parts::{self, Column, interval};
use crate::bgp::{Collector, Project};
use crate::coverage::{FileReading, GapReason, Verdict};
use crate::time::Window;

/// Collectors whose gaps are drawn.
const MOST_COLLECTORS: usize = 40;

pub(super) fn section(report: &Report) -> Option<Markup> {
    Some(html! {
        (strips(report))
        (collectors(report))
        @if let Some(sentence) = words::look_back(report) { p { (sentence) } }
        @for remark in words::listing(report).iter().take(MOST_ROWS) { p { (remark) } }
        (troubles(report))
        (unknown(report))
        (files(report))
        h3 { "Not known" }
        ul {
            @for (doubt, targets) in words::doubts(report) { li { (first_of(targets.iter().cloned(), 3)) ": " (doubt) } }
            @for doubt in words::general_doubts(report) { li { (doubt) } }
        }
    })
}

/// When the vantage points of each collector were known.
fn strips(report: &Report) -> Markup {
    let window = report.parameters.window();
    let rows = rows::coverage(report);
    html! {
        p.legend { (parts::key("covered", "known")) (parts::key("unknown", "unknown: its vantage points do not count")) }
        table.strips {
            (parts::strip_head("Collector", window, "Known"))
            tbody.coverage-rows {
                @for (collector, unknown) in rows.iter().take(MOST_COLLECTORS) { (covered(collector, unknown, window)) }
            }
        }
        (parts::folded(rows.len().saturating_sub(MOST_COLLECTORS), "collector", "collectors", "coverage.csv lists all of them."))
    }
}

/// One line per collector: known, or hatched with the reason.
fn covered(collector: &Collector, unknown: &[&CoverageRow], window: Window) -> Markup {
    let plot = Plot::everywhere(window);
    let lost: Duration = unknown.iter().filter_map(|row| row.window.intersect(&window)).map(|w| w.duration()).sum();
    let share = 1.0 - lost.as_secs_f64() / window.duration().as_secs_f64();
    let label = match unknown.len() {
        0 => format!("{collector}: known throughout"),
        _ => format!("{collector}: unknown for {}", duration(lost)),
    };
    let content = html! {
        rect.covered x="0" width="100%" y="35%" height="30%" {}
        @for row in unknown {
            @if let Some(shown) = row.window.intersect(&window) {
                rect.unknown x=(plot.x(shown.start)) width=(plot.width(&shown)) y="0" height="100%" {
                    title { (row.collector) " unknown " (from_to(row.window)) ": " (row.detail) }
                }
            }
        }
    };
    html! {
        tr data-collector=(collector) {
            th scope="row" { (collector) }
            td { (parts::plot("strip", &label, None, content)) }
            td.number { (percent(share)) }
        }
    }
}

fn collectors(report: &Report) -> Markup {
    let full = if report.coverage.has_rib { "Full feeds" } else { "Peers that mention the prefixes" };
    // An archive with a note may come from another publisher than the layout of its files suggests.
    let project = if report.note.is_some() { "Layout of" } else { "Project" };
    html! {
        (parts::listing(
            "Collectors",
            html! {
                "Collectors. " (full) ": IPv4 and IPv6. "
                @if !report.coverage.has_rib { "No RIB dump: full tables cannot be identified." }
            },
            &[
                Column::Words("Collector"), Column::Words(project), Column::Number("Peers"), Column::Number(full),
                Column::Number("RIB dumps"), Column::Number("Update files"),
                Column::Number("Routes the updates missed"),
            ],
            html! {
                @for of in &report.coverage.collectors {
                    tr data-collector=(of.collector) {
                        th scope="row" { (of.collector) }
                        td { @match of.source.project { Project::RipeRis => "RIPE RIS", Project::RouteViews => "RouteViews" } }
                        td.number { (of.n_peers) }
                        td.number { (of.n_full_feeds[0]) " and " (of.n_full_feeds[1]) }
                        td.number { (of.n_rib_dumps) @if of.source.n_rib_dumps_rejected > 0 { ", " (of.source.n_rib_dumps_rejected) " rejected" } }
                        td.number { (of.source.n_update_files) }
                        td.number { (of.missed_announcements + of.missed_withdrawals) }
                    }
                }
            },
        ))
    }
}

/// Messages that were lost, late or doubtful in files that were read.
fn troubles(report: &Report) -> Markup {
    let lines = troubles::lines(report);
    html! {
        @if !lines.is_empty() {
            h3 { "Lost, late or doubtful" }
            (parts::folding(
                lines.get(..MOST_ROWS).unwrap_or(&lines),
                |lines| html! {
                    ul { @for (collector, text) in lines { li data-collector=(collector) { (collector) ": " (text) } } }
                },
                "more line",
                "more lines",
            ))
            (parts::folded(lines.len().saturating_sub(MOST_ROWS), "line", "lines", "coverage.csv and the JSON report list all of them."))
        }
    }
}

/// When the vantage points of a collector were not known, and why.
fn unknown(report: &Report) -> Markup {
    let unknown: Vec<(&CoverageRow, GapReason)> =
        report.coverage.rows.iter().filter_map(|row| Some((row, row.reason?))).collect();
    if unknown.is_empty() {
        return html! { p { "No collector has a gap in the window." } };
    }
    let shown = unknown.get(..MOST_ROWS).unwrap_or(&unknown);
    html! {
        (parts::folding(shown, gaps, "more gap", "more gaps"))
        (parts::folded(unknown.len() - shown.len(), "gap", "gaps", "coverage.csv lists all of them."))
    }
}

fn gaps(rows: &[(&CoverageRow, GapReason)]) -> Markup {
    parts::cards(
        "Gaps",
        html! { "Gaps: when the vantage points of a collector were unknown, " span.zone { "UTC" } },
        &[
            Column::Words("Collector"),
            Column::Words("Time"),
            Column::Number("Duration"),
            Column::Words("Reason"),
            Column::Words("Details"),
        ],
        html! {
            @for (row, reason) in rows {
                tr data-collector=(row.collector) {
                    th scope="row" { (row.collector) }
                    td data-label="Time" { (interval(&row.window)) }
                    td.number data-label="Duration" { (duration(row.window.duration())) }
                    td data-label="Reason" { (reason.to_string().replace('_', " ")) }
                    td.long data-label="Details" { (row.detail) }
                }
            }
        },
    )
}

/// Files that were not read to their end without damage.
fn files(report: &Report) -> Markup {
    let bad: Vec<&FileReading> = report.files.iter().filter(|file| file.verdict != Verdict::Ok).collect();
    let n_read = report.files.len() - bad.len();
    let share = n_read as f64 / report.files.len().max(1) as f64;
    html! {
        p {
            (count(n_read, "file", "files")) " of " (report.files.len()) " read to their end without damage (" (percent(share)) ")."
        }
        @if !bad.is_empty() {
            details {
                summary { (count(bad.len(), "file was", "files were")) " not" }
                (parts::listing(
                    "Files with damage",
                    html! { "Files that were not read to their end, or with damage" },
                    &[
                        Column::Words("File"), Column::Words("Verdict"), Column::Words("Why"),
                    ],
                    html! {
                        @for file in bad.iter().take(MOST_ROWS) {
                            tr data-collector=(file.collector) {
                                th.long scope="row" { (file.name) }
                                td { (file.verdict) }
                                td.long { (file.detail.as_deref().unwrap_or_default()) }
                            }
                        }
                    },
                ))
                (parts::folded(bad.len().saturating_sub(MOST_ROWS), "file", "files", "manifest.json lists all of them."))
            }
        }
    }
}
