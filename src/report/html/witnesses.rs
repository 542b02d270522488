//! When each vantage point lost the network, and when it regained it.

use std::collections::BTreeMap;
use std::time::Duration;

use maud::{Markup, html};

use super::super::drawing::{self, Plot};
use super::super::text::{self, count, duration, first_of};
use super::super::witnesses::{Fate, HolderReadings, Instant, witnesses};
use super::super::{Report, headlines};
use super::parts::{self, Kind, Series};
use super::{MOST_READINGS, MOST_ROWS};
use crate::bgp::{Asn, Collector};
use crate::detect::{Outage, Scope};
use crate::time::{Timestamp, Window};

/// Outages whose vantage points are shown: the longest of each target and family.
const MOST_OUTAGES: usize = 3;
/// More vantage points than this are folded away.
const MOST_OPEN: usize = 30;
/// Prefixes of an outage that are examined for each vantage point.
const MOST_PREFIXES: usize = 200;
/// Upstreams that are named beside a vantage point.
const MOST_UPSTREAMS: usize = 2;

pub(super) fn section(report: &Report, series: &mut Series) -> Option<Markup> {
    let longest: Vec<&Outage> =
        headlines::of_targets(report).iter().flat_map(|headline| headlines::longest(&headline.outages)).collect();
    if longest.is_empty() {
        return None;
    }
    let view = report.view();
    let left = longest.len().saturating_sub(MOST_OUTAGES);
    let parts = longest.into_iter().take(MOST_OUTAGES).map(|outage| {
        let origin = if outage.subject.scope == Scope::Asn { outage.subject.asn } else { None };
        let prefixes = &outage.prefixes[..outage.prefixes.len().min(MOST_PREFIXES)];
        let found = witnesses(&view, prefixes, origin, outage, MOST_READINGS / MOST_ROWS);
        of_outage(report, outage, &found, series)
    });
    let parts: Vec<Markup> = parts.collect();
    Some(html! {
        (parts::legend("It holds a route to:", false))
        @for part in &parts { (part) }
        (parts::folded(left, "outage of another target", "outages of other targets", "The longest of the first targets are shown."))
    })
}

fn of_outage(report: &Report, outage: &Outage, found: &[HolderReadings], series: &mut Series) -> Markup {
    let (shown, left) = found.split_at(found.len().min(MOST_ROWS));
    html! {
        h3 {
            (outage.subject.name()) ", lost "
            @match outage.fall.start() { Some(start) => (parts::instant(start)), None => "before the data begin" }
            " " span.zone { "UTC" }
        }
        (wave(found))
        @if shown.len() > MOST_OPEN {
            details {
                summary { "Each of " (shown.len()) " vantage points over the whole window" }
                (strips(report, shown, series))
            }
        } @else {
            (strips(report, shown, series))
        }
        (parts::folded(left.len(), "vantage point", "vantage points", "Those that lost it first are shown; spans.parquet lists all of them."))
    }
}

/// A strip for each vantage point, by collector.
fn strips(report: &Report, shown: &[HolderReadings], series: &mut Series) -> Markup {
    let window = report.parameters.window();
    let mut by_collector: BTreeMap<&Collector, Vec<&HolderReadings>> = BTreeMap::new();
    for witness in shown {
        by_collector.entry(&witness.vantage_point.collector).or_default().push(witness);
    }
    html! {
        table.strips.by-group {
            caption {
                "Each strip is a usable vantage point: the share of this outage's prefixes to which it held a route, over the whole "
                "window. Those that lost it first come first."
            }
            (parts::strip_head("Vantage point", window, "Lost at"))
            @for (collector, witnesses) in &by_collector {
                tbody data-collector=(collector) {
                    tr { th.group colspan="3" scope="rowgroup" { (collector) span.quiet { " " (fates(witnesses)) } } }
                    @for witness in witnesses { (row(report, witness, window, series)) }
                }
            }
        }
    }
}

/// `10 lost it, 1 kept a route`.
fn fates(witnesses: &[&HolderReadings]) -> String {
    let n = |is: fn(&Fate) -> bool| witnesses.iter().filter(|witness| is(&witness.fate)).count();
    let counts = [
        (n(|fate| matches!(fate, Fate::Lost { .. })), "lost it"),
        (n(|fate| *fate == Fate::Kept), "kept a route"),
        (n(|fate| *fate == Fate::NoneBefore), "had none before"),
        (n(|fate| *fate == Fate::Unknown), "not known"),
    ];
    let counts: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    counts.join(", ")
}

fn row(report: &Report, witness: &HolderReadings, window: Window, series: &mut Series) -> Markup {
    let peer = witness.vantage_point.peer;
    let name = format!("{} at {}", peer, witness.vantage_point.collector);
    let number = series.add(&name, Kind::Held, &witness.readings);
    let strip = drawing::strip(&Plot::everywhere(window), &witness.readings);
    html! {
        tr data-collector=(witness.vantage_point.collector) {
            th scope="row" {
                (peer.asn) " "
                span.address {
                    @if let Some(name) = report.labels.names.get(peer.asn) { (name) " " }
                    (peer.address)
                    @if !witness.upstreams.is_empty() { " " span.via { "via " (first_of(witness.upstreams.iter().map(Asn::to_string), MOST_UPSTREAMS)) } }
                }
            }
            td { (parts::plot("strip", &format!("{name}: {}", described(witness.fate)), Some(number), strip)) }
            td.number {
                @match witness.fate {
                    Fate::Lost { lost, back } => {
                        (moment(lost))
                        span.back { @match back { Some(back) => { "back " (moment(back)) }, None => "not back" } }
                    }
                    fate => span.quiet { (described(fate)) },
                }
            }
        }
    }
}

/// A time of day; the date is that of the outage.
fn moment(instant: Instant) -> Markup {
    let day_time = instant.at.to_datetime().format("%H:%M:%S").to_string();
    html! { @if instant.is_latest { "≤ " } time.time-of-day datetime=(instant.at) { (day_time) } }
}

fn described(fate: Fate) -> &'static str {
    match fate {
        Fate::Lost { .. } => "lost it",
        Fate::Kept => "kept",
        Fate::NoneBefore => "none before",
        Fate::Unknown => "not known",
    }
}

/// The vantage points as dots at the moment of their loss and of their return, by collector and by upstream.
fn wave(found: &[HolderReadings]) -> Markup {
    let lost = |witness: &HolderReadings| match witness.fate {
        Fate::Lost { lost, .. } if !lost.is_latest => Some(lost.at),
        _ => None,
    };
    let back = |witness: &HolderReadings| match witness.fate {
        Fate::Lost { back: Some(back), .. } if !back.is_latest => Some(back.at),
        _ => None,
    };
    let loss = around(found.iter().filter_map(lost));
    let recovery = around(found.iter().filter_map(back));
    let Some(loss) = loss else { return html! {} };
    let collectors = grouped(found, |witness| vec![witness.vantage_point.collector.to_string()]);
    let upstreams = grouped(found, |witness| witness.upstreams.iter().map(Asn::to_string).collect());
    let has_several = found.iter().any(|witness| witness.upstreams.len() > 1);
    html! {
        table.wave {
            caption {
                "Second by second: each dot is a vantage point when it lost the network, and when it regained it."
                @if has_several { " One that reached its prefixes through several upstreams is under each of them." }
            }
            thead {
                tr {
                    th scope="col" { span.visually-hidden { "Group" } }
                    th.axis-cell scope="col" { span.quiet { "Loss, within " (duration(loss.duration())) ", UTC" } (parts::axis(loss, false)) }
                    @if let Some(recovery) = recovery {
                        th.axis-cell scope="col" { span.quiet { "Return, within " (duration(recovery.duration())) ", UTC" } (parts::axis(recovery, false)) }
                    }
                }
            }
            @for (heading, groups) in [("by collector", &collectors), ("by upstream", &upstreams)] {
                tbody {
                    tr { th.group colspan="3" scope="rowgroup" { (heading) } }
                    @for (name, witnesses) in groups {
                        tr {
                            th scope="row" { (name) }
                            td { (dots(loss, witnesses, lost, name)) }
                            @if let Some(recovery) = recovery { td { (dots(recovery, witnesses, back, name)) } }
                        }
                    }
                }
            }
        }
    }
}

/// The vantage points of each group, by name; `names` are the groups of one.
fn grouped(
    found: &[HolderReadings],
    names: impl Fn(&HolderReadings) -> Vec<String>,
) -> BTreeMap<String, Vec<&HolderReadings>> {
    let mut groups: BTreeMap<String, Vec<&HolderReadings>> = BTreeMap::new();
    for witness in found.iter().filter(|witness| matches!(witness.fate, Fate::Lost { .. })) {
        let mut names = names(witness);
        if names.is_empty() {
            names.push("not known".to_owned());
        }
        names.into_iter().for_each(|name| groups.entry(name).or_default().push(witness));
    }
    groups
}

/// The time from the first to the last change, with some room.
fn around(seen: impl Iterator<Item = Timestamp> + Clone) -> Option<Window> {
    let (first, last) = (seen.clone().min()?, seen.max()?);
    let room = Duration::from_micros(last.micros_since(first).unsigned_abs() / 12).max(Duration::from_secs(2));
    Window::new(first - room, last + room).ok()
}

fn dots(
    window: Window,
    witnesses: &[&HolderReadings],
    at: impl Fn(&HolderReadings) -> Option<Timestamp>,
    name: &str,
) -> Markup {
    let plot = Plot::everywhere(window);
    let shown: Vec<(Timestamp, &HolderReadings)> =
        witnesses.iter().filter_map(|witness| Some((at(witness)?, *witness))).collect();
    let label = format!("{name}: {}", count(shown.len(), "vantage point", "vantage points"));
    let content = html! {
        (parts::grid(window, false))
        @for (index, (at, witness)) in shown.iter().enumerate() {
            // Dots that would hide each other stand at three heights.
            circle.dot cx=(plot.x(*at)) cy=(["50%", "28%", "72%"][index % 3]) r="4" {
                title { (witness.vantage_point) " " (text::clock(*at)) }
            }
        }
    };
    parts::still_plot("dots", &label, content)
}
