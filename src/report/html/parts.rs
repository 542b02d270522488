//! The parts that sections are made of: instants, rows of strips, the controls.

use maud::{Markup, html};
use serde_json::json;

use super::super::drawing::{Plot, Reading, Room, SHADES, Side, dates, ticks};
use super::super::text::{clock, count};
use super::super::{Report, round};
use super::MOST_OPEN;
use crate::time::{Timestamp, Window};

/// The least width of an axis in pixels, on pages that are wide and narrow, and of two axes side by side.
const WIDE: Room = Room { width: 560.0, letter: LETTER };
const NARROW: Room = Room { width: 250.0, letter: LETTER };
const HALF_OF_WIDE: Room = Room { width: 260.0, letter: LETTER };
const HALF_OF_NARROW: Room = Room { width: 95.0, letter: LETTER };
/// The width of a digit in most fonts, at the size of the labels.
const LETTER: f64 = 7.0;

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
            .map(|r| {
                let (start, end) = (offset(r.window.start), offset(r.window.end));
                match r.is_stuck {
                    true => json!([start, end, r.n, r.of, r.share.map(round), 1]),
                    false => json!([start, end, r.n, r.of, r.share.map(round)]),
                }
            })
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

/// The axis above strips. A narrow page has fewer marks: without its script it cannot measure itself.
pub(super) fn axis(window: Window, linked: bool) -> Markup {
    let plot = Plot::everywhere(window);
    let (class, wide, narrow) = match linked {
        true => ("plot axis linked", WIDE, NARROW),
        false => ("plot axis", HALF_OF_WIDE, HALF_OF_NARROW),
    };
    html! {
        svg class=(class) aria-hidden="true" {
            @for (class, room) in [("marks wide", wide), ("marks narrow", narrow)] {
                g class=(class) {
                    @for tick in ticks(window, room) {
                        line x1=(plot.x(tick.at)) x2=(plot.x(tick.at)) y1="15" y2="20" {}
                        text class=[side(tick.side)] x=(plot.x(tick.at)) y="11" { (tick.label) }
                    }
                }
            }
        }
    }
}

/// Where a label begins or ends at its mark, lest it leave the axis.
fn side(side: Side) -> Option<&'static str> {
    match side {
        Side::First => Some("first"),
        Side::Middle => None,
        Side::Last => Some("last"),
    }
}

/// Lines through a plot at the marks of its axis.
pub(super) fn grid(window: Window, linked: bool) -> Markup {
    let plot = Plot::everywhere(window);
    html! {
        g.grid {
            @for tick in ticks(window, if linked { WIDE } else { HALF_OF_WIDE }) {
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
                    span.quiet { span.dates { (dates(window)) } ", " span.zone { "UTC" } }
                    (axis(window, true))
                }
                th.number scope="col" { (value) }
            }
        }
    }
}

/// Explains the shades: what they are shares of, and from where on each is used.
pub(super) fn legend(what: &str, has_stuck: bool) -> Markup {
    html! {
        p.legend {
            span { (what) }
            @for (shade, name) in SHADES { (key(shade, name)) }
            @if has_stuck { (key("stuck", "only stuck routes")) }
            (key("unknown", "unknown"))
        }
    }
}

/// A colour and its name.
pub(super) fn key(class: &str, name: &str) -> Markup {
    html! {
        span.key {
            svg.swatch width="18" height="12" aria-hidden="true" {
                // A flap as it is drawn: half as high as an outage.
                @if class == "flap" { rect class=(class) x="7" y="7" width="3" height="5" {} }
                @else { rect class=(class) width="18" height="12" {} }
            }
            (name)
        }
    }
}

/// A column of a listing.
#[derive(Clone, Copy)]
pub(super) enum Column {
    Words(&'static str),
    Number(&'static str),
}

/// A table of words and numbers, which scrolls sideways where the page is narrower than it, and shows that it does.
pub(super) fn listing(label: &str, caption: Markup, columns: &[Column], rows: Markup) -> Markup {
    table("scroll", label, caption, columns, rows)
}

/// A table whose rows become cards on a narrow page. Its cells have the names of their columns as `data-label`.
pub(super) fn cards(label: &str, caption: Markup, columns: &[Column], rows: Markup) -> Markup {
    table("scroll cards", label, caption, columns, rows)
}

fn table(class: &str, label: &str, caption: Markup, columns: &[Column], rows: Markup) -> Markup {
    html! {
        div class=(class) role="group" aria-label=(label) tabindex="0" {
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

/// A list whose first rows are open and whose other rows are folded.
pub(super) fn folding<T>(rows: &[T], table: impl Fn(&[T]) -> Markup, one: &str, many: &str) -> Markup {
    let (open, folded) = rows.split_at(rows.len().min(MOST_OPEN));
    html! {
        (table(open))
        @if !folded.is_empty() {
            details {
                summary { (count(folded.len(), one, many)) }
                (table(folded))
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
                button type="button" data-do="left" title="Earlier" aria-label="Earlier" { "←" }
                button type="button" data-do="right" title="Later" aria-label="Later" { "→" }
                button type="button" data-do="whole" title="The whole window (0)" { "Whole window" }
            }
            div.group {
                label { "Times in " select #zone { option value="UTC" { "UTC" } } }
                @if report.timelines.len() > 1 {
                    label { "Prefix " input #prefix-filter type="search" size="12" autocomplete="off" spellcheck="false"; }
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
            p.note #zone-note hidden { "Pictures and tables are in the chosen zone. Sentences stay in UTC." }
        }
    }
}
