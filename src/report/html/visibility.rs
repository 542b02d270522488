//! Visibility over time: a curve for each network, with the coverage of the collectors below, and a strip for each prefix.

use std::time::Duration;

use maud::{Markup, html};

use super::super::drawing::{self, Plot};
use super::super::rows::{self, Panel, Row};
use super::super::text::{count, duration, from_to, percent};
use super::super::{CoverageRow, Report};
use super::parts::{self, Kind, Series};
use super::{MOST_READINGS, MOST_ROWS};
use crate::bgp::Collector;
use crate::detect::{Outage, Scope};
use crate::query::Metric;
use crate::time::Window;

/// Networks shown as curves.
const MOST_PANELS: usize = 20;

pub(super) fn networks(report: &Report, series: &mut Series) -> Option<Markup> {
    let window = report.parameters.window();
    let (panels, left) = rows::panels(report, MOST_PANELS, MOST_READINGS / MOST_PANELS);
    if panels.is_empty() {
        return None;
    }
    Some(html! {
        table.strips {
            caption { (what(&panels)) " Above it: outages, and flaps as short marks. Hatched is unknown." }
            (parts::strip_head("Network", window, "Lowest"))
            tbody {
                @for panel in &panels { (curve(panel, window, series)) }
            }
            tbody.coverage-rows {
                tr { th.group colspan="3" scope="rowgroup" { "Coverage of the collectors" } }
                @for (collector, unknown) in rows::coverage(report) { (covered(collector, &unknown, window)) }
            }
        }
        (parts::folded(left, "network", "networks", "Networks with outages come first."))
    })
}

fn what(panels: &[Panel]) -> &'static str {
    let is_asn = |panel: &Panel| panel.scope == Scope::Asn;
    match (panels.iter().all(is_asn), panels.iter().any(is_asn)) {
        (true, _) => "Share of the address space that is not known to be lost.",
        (_, false) => "Share of the peer ASes that see the prefix.",
        _ => {
            "ASes: share of the address space that is not known to be lost. Prefixes: share of the peer ASes that see them."
        }
    }
}

fn curve(panel: &Panel, window: Window, series: &mut Series) -> Markup {
    let kind = if panel.scope == Scope::Asn { Kind::Space } else { Kind::Peers };
    let row = series.add(&panel.name, kind, &panel.readings);
    let lowest = rows::lowest(&panel.readings);
    let label = format!(
        "{}: {}, lowest {}",
        panel.name,
        count(panel.outages.len(), "outage", "outages"),
        lowest.map_or("unknown".to_owned(), percent)
    );
    html! {
        tr.curve {
            th scope="row" { (panel.name) span.scale aria-hidden="true" { span { "100 %" } span { "50 %" } span { "0 %" } } }
            td {
                (parts::plot("rail", "Outages and flaps", None, rail(panel, window)))
                (parts::plot("chart", &label, Some(row), chart(panel, window)))
            }
            td.number { (lowest.map_or("unknown".to_owned(), percent)) }
        }
    }
}

/// Outages as bars and flaps as short marks, however short at least a hair wide.
fn rail(panel: &Panel, window: Window) -> Markup {
    let plot = Plot::everywhere(window);
    let flaps = panel.episodes.iter().flat_map(|episode| &episode.flaps);
    html! {
        @for flap in flaps {
            @if let Some(shown) = flap.window.intersect(&window) {
                rect.flap x=(plot.x(shown.start)) width=(plot.width(&shown)) y="55%" height="45%" {
                    title { "Flap: " (from_to(flap.window)) ", " (duration(flap.window.duration())) }
                }
            }
        }
        @for outage in &panel.outages {
            @if let Some(shown) = shown(outage, window) {
                rect.lost x=(plot.x(shown.start)) width=(plot.width(&shown)) y="0" height="100%" {
                    title { "Outage: " (from_to(shown)) ", " (duration(outage.fall.duration())) }
                }
            }
        }
    }
}

/// The part of an outage that the window shows.
fn shown(outage: &Outage, window: Window) -> Option<Window> {
    let start = outage.fall.start().unwrap_or(window.start);
    Window::new(start, outage.fall.end().unwrap_or(window.end)).ok()?.intersect(&window)
}

/// The curve before bands of outages.
fn chart(panel: &Panel, window: Window) -> Markup {
    let plot = Plot::everywhere(window);
    let bands = panel.outages.iter().filter_map(|outage| drawing::block(&plot, &shown(outage, window)?, "outage"));
    html! {
        (parts::grid(window, true))
        line.half x1="0" x2="100%" y1="50%" y2="50%" {}
        @for band in bands { (band) }
        (drawing::area(&plot, &panel.readings))
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

pub(super) fn prefixes(report: &Report, series: &mut Series) -> Option<Markup> {
    let window = report.parameters.window();
    let most_readings = MOST_READINGS / report.timelines.len().clamp(1, MOST_ROWS);
    let (rows, left) = rows::prefixes(report, MOST_ROWS, most_readings);
    if rows.is_empty() {
        return None;
    }
    Some(html! {
        (parts::legend("all see it", "none"))
        table.strips {
            caption { "Share of the peer ASes that " (carriers(report)) " and still see it." }
            (parts::strip_head("Prefix", window, "Lowest"))
            tbody { @for row in &rows { (prefix(row, window, series)) } }
        }
        (parts::folded(left, "prefix", "prefixes", "Prefixes with outages come first, then those with flaps or smaller losses; timelines.parquet lists all of them."))
        @if rows.iter().any(|row| row.readings.len() >= most_readings) {
            p.note {
                "Rows that change more than " (most_readings) " times are thinned: each of " (most_readings)
                " equal parts of the window shows its lowest share."
            }
        }
    })
}

fn carriers(report: &Report) -> &'static str {
    match report.parameters.criteria.metric {
        Metric::Baseline => "normally carry a prefix",
        Metric::Ioda => "have a full table",
    }
}

fn prefix(row: &Row, window: Window, series: &mut Series) -> Markup {
    let number = series.add(&row.name, Kind::Peers, &row.readings);
    let lowest = row.lowest().map_or("unknown".to_owned(), percent);
    let label = format!("{}: lowest {lowest}", row.name);
    html! {
        tr data-prefix=(row.name) {
            th scope="row" { (row.name) }
            td { (parts::plot("strip", &label, Some(number), drawing::strip(&Plot::everywhere(window), &row.readings))) }
            td.number { (lowest) }
        }
    }
}
