//! The parts that sections are made of: instants, rows of strips, the controls.

use maud::{Markup, html};
use serde_json::json;

use super::super::drawing::{Plot, Reading, ticks};
use super::super::text::{clock, count};
use super::super::{Report, round};
use crate::time::{Timestamp, Window};

/// Marks on an axis at the initial zoom, and on one of half the width.
const TICKS: usize = 8;
const FEW_TICKS: usize = 4;

/// An instant that the script can show in local time.
pub(super) fn instant(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (clock(at)) } }
}

/// An interval that the script can show in local time.
pub(super) fn interval(window: &Window) -> Markup {
    html! { (instant(window.start)) " to " (instant(window.end)) }
}

/// What a row of numbers counts, for the values under the pointer.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Prefixes of a network that are up.
    Space,
    /// Peer ASes that see a prefix.
    Peers,
    /// Prefixes that a vantage point holds.
    Held,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Kind::Space => "space",
            Kind::Peers => "peers",
            Kind::Held => "held",
        }
    }
}

/// The numbers that the strips show, for the script.
pub(super) struct Series {
    window: Window,
    rows: Vec<serde_json::Value>,
}

impl Series {
    pub(super) fn new(window: Window) -> Series {
        Series { window, rows: Vec::new() }
    }

    /// Adds a row and returns its number.
    pub(super) fn add(&mut self, name: &str, kind: Kind, readings: &[Reading]) -> usize {
        let offset = |at: Timestamp| seconds(at.micros_since(self.window.start));
        let readings: Vec<_> = readings
            .iter()
            .map(|r| json!([offset(r.window.start), offset(r.window.end), r.n, r.of, r.share.map(round)]))
            .collect();
        self.rows.push(json!({ "name": name, "kind": kind.name(), "readings": readings }));
        self.rows.len() - 1
    }

    /// Returns the series as JSON that cannot close the script element around it.
    pub(super) fn json(&self) -> String {
        let Window { start, end } = self.window;
        let whole = json!({ "start": seconds(start.micros()), "end": seconds(end.micros()), "rows": self.rows });
        whole.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
    }
}

fn seconds(micros: i64) -> serde_json::Value {
    if micros % 1_000_000 == 0 { json!(micros / 1_000_000) } else { json!(micros as f64 / 1e6) }
}

/// A plot that zooms with all others; `row` is its number in the series.
pub(super) fn plot(class: &str, label: &str, row: Option<usize>, content: Markup) -> Markup {
    html! {
        svg class={ "plot linked " (class) } role="img" aria-label=(label) data-row=[row] {
            svg.world width="100%" height="100%" { (content) }
        }
    }
}

/// A plot of its own time.
pub(super) fn still_plot(class: &str, label: &str, content: Markup) -> Markup {
    html! { svg class={ "plot " (class) } role="img" aria-label=(label) { (content) } }
}

/// The axis above or below strips. Narrow pages leave out every other mark.
pub(super) fn axis(window: Window, linked: bool) -> Markup {
    let plot = Plot::everywhere(window);
    let (class, most) = if linked { ("plot axis linked", TICKS) } else { ("plot axis", FEW_TICKS) };
    html! {
        svg class=(class) aria-hidden="true" {
            g.marks {
                @for (index, tick) in ticks(window, most).iter().enumerate() {
                    g class=[(index % 2 == 1).then_some("odd")] {
                        line x1=(plot.x(tick.at)) x2=(plot.x(tick.at)) y1="15" y2="20" {}
                        text class=[side(&plot, tick.at)] x=(plot.x(tick.at)) y="11" { (tick.label) }
                    }
                }
            }
        }
    }
}

/// Where a label begins or ends at its mark, lest it leave the axis.
fn side(plot: &Plot, at: Timestamp) -> Option<&'static str> {
    match plot.part(at) {
        part if part < 0.03 => Some("first"),
        part if part > 0.97 => Some("last"),
        _ => None,
    }
}

/// Lines through a plot at the marks of its axis.
pub(super) fn grid(window: Window, linked: bool) -> Markup {
    let plot = Plot::everywhere(window);
    html! {
        g.grid {
            @for tick in ticks(window, if linked { TICKS } else { FEW_TICKS }) {
                line x1=(plot.x(tick.at)) x2=(plot.x(tick.at)) y1="0" y2="100%" {}
            }
        }
    }
}

/// The head of a table of strips.
pub(super) fn strip_head(what: &str, window: Window, value: &str) -> Markup {
    html! {
        thead {
            tr {
                th scope="col" { (what) }
                th.axis-cell scope="col" {
                    span.quiet { "Time, " span.zone { "UTC" } }
                    (axis(window, true))
                }
                th.number scope="col" { (value) }
            }
        }
    }
}

/// Explains the shades.
pub(super) fn legend(all: &str, none: &str) -> Markup {
    html! {
        p.legend {
            span { (all) }
            @for shade in ["n5", "n4", "n3", "n2", "n1", "n0"] {
                svg.swatch width="18" height="12" aria-hidden="true" { rect class=(shade) width="18" height="12" {} }
            }
            span { (none) }
            span.apart {
                svg.swatch width="18" height="12" aria-hidden="true" { rect.unknown width="18" height="12" {} }
                "unknown"
            }
        }
    }
}

/// A column of a listing.
#[derive(Clone, Copy)]
pub(super) enum Column {
    Words(&'static str),
    Number(&'static str),
}

/// A table of words and numbers, which scrolls sideways where the page is narrower than it.
pub(super) fn listing(label: &str, caption: Markup, columns: &[Column], rows: Markup) -> Markup {
    html! {
        div.scroll role="region" aria-label=(label) tabindex="0" {
            table.listing {
                caption { (caption) }
                thead {
                    tr {
                        @for column in columns {
                            @match column {
                                Column::Words(name) => th scope="col" { (name) },
                                Column::Number(name) => th.number scope="col" { (name) },
                            }
                        }
                    }
                }
                tbody { (rows) }
            }
        }
    }
}

/// States how many rows a long list leaves out.
pub(super) fn folded(n: usize, one: &str, many: &str, rule: &str) -> Markup {
    html! { @if n > 0 { p.note { "Not shown: " (count(n, one, many)) ". " (rule) } } }
}

/// Controls that need the script. They are hidden until the script shows them.
pub(super) fn toolbar(report: &Report) -> Markup {
    let collectors = &report.coverage.collectors;
    html! {
        div.toolbar #toolbar role="toolbar" aria-label="View" hidden {
            div.group {
                button type="button" data-do="in" title="Zoom in (+)" { "Zoom in" }
                button type="button" data-do="out" title="Zoom out (-)" { "Zoom out" }
                button type="button" data-do="left" title="Earlier (left arrow)" aria-label="Earlier" { "←" }
                button type="button" data-do="right" title="Later (right arrow)" aria-label="Later" { "→" }
                button type="button" data-do="whole" title="The whole window (0)" { "Whole window" }
            }
            div.group {
                label { "Times " select #zone { option value="utc" { "UTC" } option value="local" { "local" } } }
                @if report.timelines.len() > 1 {
                    label { "Prefix " input #prefix-filter type="search" size="15" autocomplete="off" spellcheck="false"; }
                }
                @if collectors.len() > 1 {
                    label {
                        "Collector "
                        select #collector-filter {
                            option value="" { "all" }
                            @for of in collectors { option value=(of.collector) { (of.collector) } }
                        }
                    }
                }
            }
            output #readout aria-live="polite" {}
        }
    }
}
