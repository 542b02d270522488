//! Visibility over time: the picture under the headline, and a strip for each prefix.

use maud::{Markup, html};

use super::super::Report;
use super::super::drawing::{self, Plot};
use super::super::layers::Layers;
use super::super::rows::{self, Panel, Row};
use super::super::text::{count, duration, from_to, percent};
use super::parts::{self, Kind, Series};
use super::{MOST_OPEN, MOST_READINGS, MOST_ROWS};
use crate::detect::Outage;
use crate::query::Metric;
use crate::time::Window;

/// Networks shown as strips, and those of them that are not folded away: the first screen has room for them.
const MOST_PANELS: usize = 100;
const MOST_OPEN_PANELS: usize = 12;

/// The picture under the headline: a curve for each of a few networks, a strip for each of many.
pub(super) fn networks(report: &Report, series: &mut Series) -> Option<Markup> {
    let window = report.parameters.window();
    let (panels, left) = rows::panels(report, MOST_PANELS, MOST_READINGS / rows::MOST_CURVES);
    if panels.is_empty() {
        return None;
    }
    let is_curves = panels.len() + left <= rows::MOST_CURVES;
    let (open, folded) = panels.split_at(if is_curves { panels.len() } else { panels.len().min(MOST_OPEN_PANELS) });
    let layered = panels.iter().filter_map(|panel| Some((panel, panel.layers.as_ref()?)));
    Some(html! {
        h2.picture-title #visibility { (rows::quantity(&panels)) }
        @if is_curves {
            table.strips.curves {
                (parts::strip_head("Network", window, "Lowest"))
                tbody { @for panel in open { (curve(report, panel, window, series)) } }
            }
            (legend(&panels))
        } @else {
            (parts::legend("Still routed:", has_stuck(&panels)))
            table.strips {
                (parts::strip_head("Network", window, "Lowest"))
                tbody { @for panel in open { (network(report, panel, window, series)) } }
            }
            @if !folded.is_empty() {
                details {
                    summary { (count(folded.len(), "more network", "more networks")) }
                    table.strips {
                        (parts::strip_head("Network", window, "Lowest"))
                        tbody { @for panel in folded { (network(report, panel, window, series)) } }
                    }
                }
            }
            p.legend { (parts::key("lost", "outage, above its strip")) (parts::key("flap", "flap: a fall too short to be an outage")) }
        }
        (parts::folded(left, "network", "networks", "Those that were down for longest come first."))
        @for (panel, layers) in layered.take(rows::MOST_LAYERED) { (by_origin(panel, layers, window)) }
    })
}

fn has_stuck(panels: &[Panel]) -> bool {
    panels.iter().flat_map(|panel| &panel.readings).any(|reading| reading.is_stuck)
}

/// Every colour and ground of the curves that are shown.
fn legend(panels: &[Panel]) -> Markup {
    let readings = || panels.iter().flat_map(|panel| &panel.readings);
    let has_flaps = panels.iter().flat_map(|panel| &panel.episodes).any(|episode| !episode.flaps.is_empty());
    html! {
        p.legend {
            (parts::key("known", "still routed"))
            @if panels.iter().any(|panel| !panel.outages.is_empty()) { (parts::key("lost", "outage")) (parts::key("outage", "time of the outage")) }
            @if has_flaps { (parts::key("flap", "flap (short mark): too short to be an outage")) }
            @if has_stuck(panels) { (parts::key("stuck", "only stuck routes")) }
            @if readings().any(|reading| reading.share.is_none() || reading.is_partly_unknown) { (parts::key("unknown", "unknown")) }
            span.key { svg.swatch width="18" height="12" aria-hidden="true" { line.half x1="0" x2="18" y1="6" y2="6" {} } "one half" }
        }
    }
}

fn label(panel: &Panel) -> String {
    let lowest = rows::lowest(&panel.readings).map_or("unknown".to_owned(), percent);
    format!("{}: {}, lowest {lowest}", panel.name, count(panel.outages.len(), "outage", "outages"))
}

fn kind(panel: &Panel) -> Kind {
    if panel.is_of_space { Kind::Space } else { Kind::Peers }
}

fn curve(report: &Report, panel: &Panel, window: Window, series: &mut Series) -> Markup {
    let row = series.add(&panel.name, kind(panel), &panel.readings);
    let lowest = rows::lowest(&panel.readings).map_or("unknown".to_owned(), percent);
    html! {
        tr.curve {
            th scope="row" { (named(report, panel)) }
            td {
                span.scale aria-hidden="true" { span { "100%" } span { "50%" } span { "0%" } }
                (parts::plot("rail", "Outages and flaps", None, rail(panel, window)))
                (parts::plot("chart", &label(panel), Some(row), chart(panel, window)))
            }
            td.number { (lowest) }
        }
    }
}

/// The space of a group, one layer for each AS that originates it.
fn by_origin(panel: &Panel, layers: &Layers, window: Window) -> Markup {
    let label = format!("{}: address space still routed, by origin AS", panel.name);
    let content = html! { (parts::grid(window, true)) (layers.draw(&Plot::everywhere(window))) };
    html! {
        table.strips.curves {
            (parts::strip_head("By origin AS", window, "Space"))
            tbody {
                tr.curve {
                    th scope="row" { (panel.name) }
                    td { (parts::plot("chart", &label, None, content)) }
                    td.number { (layers.whole) }
                }
            }
        }
        p.legend {
            @for (class, name) in &layers.keys { (parts::key(class, name)) }
            "Space that two of these ASes announce counts for both."
        }
    }
}

fn network(report: &Report, panel: &Panel, window: Window, series: &mut Series) -> Markup {
    let row = series.add(&panel.name, kind(panel), &panel.readings);
    let lowest = rows::lowest(&panel.readings).map_or("unknown".to_owned(), percent);
    let strip = drawing::strip(&Plot::everywhere(window), &panel.readings);
    html! {
        tr.network {
            th scope="row" { (named(report, panel)) }
            td {
                (parts::plot("rail", "Outages and flaps", None, rail(panel, window)))
                (parts::plot("strip", &label(panel), Some(row), strip))
            }
            td.number { (lowest) }
        }
    }
}

/// The number and, below it, the name.
fn named(report: &Report, panel: &Panel) -> Markup {
    html! { (panel.name) @if let Some(name) = report.label(&panel.target) { span.address { (name) } } }
}

/// Outages as bars and flaps as short marks, however short at least two pixels wide.
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

/// The curve, and over it the times of outages: however short, they are not taken for a part of it.
fn chart(panel: &Panel, window: Window) -> Markup {
    let plot = Plot::everywhere(window);
    let bands = panel.outages.iter().filter_map(|outage| drawing::block(&plot, &shown(outage, window)?, "outage"));
    let flaps = panel.episodes.iter().flat_map(|episode| &episode.flaps);
    let bands = bands.chain(flaps.filter_map(|flap| drawing::block(&plot, &flap.window, "flapped")));
    html! {
        (parts::grid(window, true))
        (drawing::area(&plot, &panel.readings))
        @for band in bands { (band) }
        line.half x1="0" x2="100%" y1="50%" y2="50%" {}
    }
}

pub(super) fn prefixes(report: &Report, series: &mut Series) -> Option<Markup> {
    let window = report.parameters.window();
    let most_readings = MOST_READINGS / report.timelines.len().clamp(1, MOST_ROWS);
    let (rows, left) = rows::prefixes(report, MOST_ROWS, most_readings);
    if rows.is_empty() {
        return None;
    }
    let (open, folded) = rows.split_at(rows.len().min(MOST_OPEN));
    let has_stuck = rows.iter().flat_map(|row| &row.readings).any(|reading| reading.is_stuck);
    Some(html! {
        p { "Each strip is a prefix: the share of the peer ASes that " (carriers(report)) " and still see it." }
        (parts::legend("They see it:", has_stuck))
        (strips(open, window, series))
        @if !folded.is_empty() {
            details {
                summary { (count(folded.len(), "more prefix", "more prefixes")) }
                (strips(folded, window, series))
            }
        }
        (parts::folded(left, "prefix", "prefixes", "Prefixes with the longest outages come first, then those with flaps or smaller losses; timelines.parquet lists all of them."))
        @if rows.iter().any(|row| row.readings.len() >= most_readings) {
            p.note {
                "Rows that change more than " (most_readings) " times are thinned: each of " (most_readings)
                " equal parts of the window shows its lowest share."
            }
        }
    })
}

fn strips(rows: &[Row], window: Window, series: &mut Series) -> Markup {
    html! {
        table.strips {
            (parts::strip_head("Prefix", window, "Lowest"))
            tbody { @for row in rows { (prefix(row, window, series)) } }
        }
    }
}

fn carriers(report: &Report) -> &'static str {
    match report.parameters.criteria.metric {
        Metric::Baseline => "normally carry it",
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
