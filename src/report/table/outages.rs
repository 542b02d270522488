//! The findings as rows: outages, episodes, smaller losses.

use super::super::headlines::{self, Groups};
use super::super::text::{clock, count, day_clock, day_from_to, grouped, hours, percent, years};
use super::super::words;
use super::grid::{Grid, GridColumn};
use super::{Report, TextPage, YEAR};
use crate::bgp::Family;
use crate::detect::{Censoring, Class, Event, Loss, Outage};
use crate::time::{Timestamp, Window};

/// What a row of the list of outages shows beside its edges and length. The list uses the richest layout that fits.
#[derive(Clone, Copy)]
struct Layout {
    years: bool,
    lost: bool,
    extent: bool,
    class: ClassNames,
    evidence: bool,
}

/// How the class of an outage is named.
#[derive(Clone, Copy, PartialEq)]
enum ClassNames {
    Long,
    Short,
    Hidden,
}

const EVERYTHING: Layout = Layout { years: true, lost: true, extent: true, class: ClassNames::Long, evidence: true };
const LAYOUTS: [Layout; 7] = [
    EVERYTHING,
    Layout { evidence: false, ..EVERYTHING },
    Layout { evidence: false, years: false, ..EVERYTHING },
    Layout { evidence: false, years: false, extent: false, ..EVERYTHING },
    Layout { evidence: false, years: false, extent: false, class: ClassNames::Short, ..EVERYTHING },
    Layout { evidence: false, years: false, extent: false, class: ClassNames::Hidden, ..EVERYTHING },
    Layout { evidence: false, years: false, extent: false, class: ClassNames::Hidden, lost: false },
];

impl TextPage<'_, Report> {
    /// The list of outages: of whole networks, then of prefixes that were not lost together with theirs.
    pub(super) fn outages(&mut self) {
        let report = self.subject;
        if report.findings.outages.is_empty() {
            return;
        }
        let Groups { of_networks, alone, members } = headlines::groups(report);
        let limit = self.limit();
        let mut shown = headlines::longest_rows(&of_networks, limit);
        shown.extend(headlines::longest_rows(&alone, limit));
        let mut folded = Vec::new();
        if of_networks.len() > limit {
            folded.push(format!("{} more of networks, no longer than these", of_networks.len() - limit));
        }
        if alone.len() > limit {
            folded.push(format!("{} more of single prefixes, no longer than these", alone.len() - limit));
        }
        if self.style.all {
            shown.extend(&members);
        } else if !members.is_empty() {
            folded.push(format!(
                "{} of these networks",
                count(members.len(), "outage of a prefix", "outages of prefixes")
            ));
        }
        self.list(&shown);
        if !folded.is_empty() {
            self.paragraph(&format!("… and {}: --all lists them", folded.join(", ")), 2);
        }
    }

    /// The longest outages in at most `rows` rows and the lines around them.
    pub(super) fn longest_outages(&mut self, rows: usize) {
        let Groups { of_networks, alone, .. } = headlines::groups(self.subject);
        let all: Vec<&Outage> = of_networks.into_iter().chain(alone).collect();
        self.list(&headlines::longest_rows(&all, rows));
        if all.len() > rows {
            self.line(&format!("… and {}: --all lists them", count(all.len() - rows, "shorter one", "shorter ones")));
        }
    }

    fn list(&mut self, outages: &[&Outage]) {
        let edges = outages.iter().flat_map(|o| [o.fall.start(), o.fall.end()]).flatten();
        let span = edges.clone().min().zip(edges.clone().max()).and_then(|(first, last)| Window::new(first, last).ok());
        let is_long = span.is_some_and(|span| span.duration() >= YEAR);
        let layouts = LAYOUTS.map(|layout| Layout { years: layout.years || is_long, ..layout });
        let [.., narrowest] = layouts;
        let fits = |layout: &Layout| grid(outages, *layout).width() <= self.style.width;
        let layout = layouts.into_iter().find(fits).unwrap_or(narrowest);
        let grid = grid(outages, layout);
        let years = if layout.years { String::new() } else { years(edges) };
        self.heading(&format!("Outages ({years}UTC, duration h:mm:ss)"));
        self.line(&grid.headings());
        for (row, outage) in outages.iter().enumerate() {
            for line in grid.lines(row) {
                let line = if headlines::is_of_network(self.subject, &outage.subject) {
                    self.paint("31", line.trim_end())
                } else {
                    line
                };
                self.line(&line);
            }
        }
        let in_gap = |censoring: &Censoring| matches!(censoring, Censoring::GapStart | Censoring::GapEnd);
        if outages.iter().any(|o| o.fall.censored.iter().any(in_gap)) {
            self.paragraph(
                "≤ ≥ the edge lies in a gap in the data: it was no later (≤) or no earlier (≥) than this.",
                4,
            );
        }
    }

    /// Which prefixes were lost together, the largest events first.
    pub(super) fn events(&mut self) {
        let events = headlines::events(self.subject);
        if events.is_empty() {
            return;
        }
        let years = years(events.iter().flat_map(|event| [event.window.start, event.window.end]));
        self.heading(&format!("Events ({years}UTC, duration h:mm:ss)"));
        self.paragraph(&words::about_events(), 2);
        let limit = self.limit().min(events.len());
        let each = || events.iter().take(limit);
        let edge = |at: Option<Timestamp>, unknown: &str| at.map_or(unknown.to_owned(), day_clock);
        let columns = vec![
            GridColumn::number("prefixes", each().map(|event| event.prefixes.len().to_string())),
            GridColumn::number("space", each().map(|event| space(event))),
            GridColumn::text("start", each().map(|event| edge(event.start(), "before the data"))),
            GridColumn::text("end", each().map(|event| edge(event.end(), "still down"))),
            GridColumn::number("duration", each().map(|event| words::event_length(event))),
        ];
        self.grid(&Grid::new(each().map(|event| words::event_name(event)).collect(), columns), limit);
        if events.len() > limit {
            self.line(&format!("… and {} more: --all lists them", grouped((events.len() - limit) as u64)));
        }
    }

    /// The list of episodes: targets with flaps or several outages.
    pub(super) fn episodes(&mut self) {
        let report = self.subject;
        let unstable: Vec<_> =
            report.findings.episodes.iter().filter(|episode| headlines::is_unstable(episode)).collect();
        let n_unstable = unstable.len();
        let of_networks: Vec<_> =
            unstable.iter().copied().filter(|episode| headlines::is_of_network(report, &episode.subject)).collect();
        let shown = if of_networks.is_empty() || self.style.all { unstable } else { of_networks };
        if shown.is_empty() {
            return;
        }
        let years = years(shown.iter().flat_map(|episode| [episode.window.start, episode.window.end]));
        self.heading(&format!("Unstable ({years}UTC)"));
        self.paragraph("A flap is a fall too short to be an outage.", 2);
        let limit = self.limit();
        let names = shown.iter().take(limit).map(|episode| episode.subject.name());
        let names: Vec<String> = names.collect();
        let each = || shown.iter().take(limit);
        let grid = |with_outages: bool| {
            let flaps = GridColumn::number("flaps", each().map(|episode| episode.flaps.len().to_string()));
            let outages = GridColumn::number("outages", each().map(|episode| episode.n_outages.to_string()));
            let times = GridColumn::text("from, to", each().map(|episode| day_from_to(episode.window)));
            let columns = if with_outages { vec![flaps, outages, times] } else { vec![flaps, times] };
            Grid::new(names.clone(), columns)
        };
        let fits = grid(true).width() <= self.style.width;
        self.grid(&grid(fits), shown.len().min(limit));
        let folded = n_unstable - shown.len().min(limit);
        if folded > 0 {
            self.line(&format!("… and {}: --all lists them", count(folded, "more episode", "more episodes")));
        }
    }

    /// The list of losses that were too small to be outages.
    pub(super) fn losses(&mut self) {
        let report = self.subject;
        let mut losses: Vec<&Loss> = report.findings.losses.iter().collect();
        if losses.is_empty() {
            return;
        }
        losses.sort_by_key(|loss| (loss.subject.scope, loss.window, loss.subject.prefix, loss.subject.family));
        let years = years(losses.iter().flat_map(|loss| [loss.window.start, loss.window.end]));
        self.heading(&format!("Smaller losses, not outages ({years}UTC)"));
        let limit = self.limit().min(losses.len());
        let each = || losses.iter().take(limit);
        let columns = vec![
            GridColumn::number("seen", each().map(|loss| percent(loss.share_min))),
            GridColumn::number("lost by", each().map(|loss| loss.lost_by.len().to_string())),
            GridColumn::text("class", each().map(|loss| class(loss.class, ClassNames::Long).to_owned())),
            GridColumn::text("from, to", each().map(|loss| day_from_to(loss.window))),
        ];
        let names = each().map(|loss| loss.subject.name()).collect();
        self.grid(&Grid::new(names, columns), limit);
        if losses.len() > limit {
            self.line(&format!("… and {} more: --all lists them", losses.len() - limit));
        }
    }

    fn grid(&mut self, grid: &Grid, n_rows: usize) {
        self.line(&grid.headings());
        for row in 0..n_rows {
            for line in grid.lines(row) {
                self.line(&line);
            }
        }
    }
}

fn grid(outages: &[&Outage], layout: Layout) -> Grid {
    let each = || outages.iter();
    let names = each().map(|o| o.subject.name()).collect();
    let mut columns = vec![
        GridColumn::text("start", each().map(|o| start(o, layout.years))),
        GridColumn::text("end", each().map(|o| end(o, layout.years))),
        GridColumn::number("duration", each().map(|o| length(o))),
    ];
    if layout.lost {
        columns.push(GridColumn::number("lost", each().map(|o| percent(1.0 - o.visibility.min))));
    }
    if layout.extent {
        columns.push(GridColumn::text("extent", each().map(|o| o.severity.as_ref().to_owned())));
    }
    if layout.class != ClassNames::Hidden {
        columns.push(GridColumn::text("class", each().map(|o| class(o.class, layout.class).to_owned())));
    }
    if layout.evidence {
        columns.push(GridColumn::number("prefixes", each().map(|o| o.prefixes.len().to_string())));
        let points = |o: &&Outage| format!("{} of {}", o.counts.n_vantage_points_lost, o.counts.n_vantage_points);
        columns.push(GridColumn::number("vantage points", each().map(points)));
        columns.push(GridColumn::text("evidence", each().map(|o| o.quality.as_ref().to_owned())));
    }
    Grid::new(names, columns)
}

/// Returns the address space of an event: `4 /24`.
fn space(event: &Event) -> String {
    format!("{} {}", grouped(event.space), if event.family == Family::V4 { "/24" } else { "/48" })
}

fn instant(at: Timestamp, years: bool) -> String {
    if years { clock(at) } else { day_clock(at) }
}

fn start(outage: &Outage, years: bool) -> String {
    let bound = if outage.fall.censored.contains(&Censoring::GapStart) { "≤" } else { "" };
    outage.fall.start().map_or_else(|| "before data".to_owned(), |at| format!("{bound}{}", instant(at, years)))
}

fn end(outage: &Outage, years: bool) -> String {
    let bound = if outage.fall.censored.contains(&Censoring::GapEnd) { "≥" } else { "" };
    outage.fall.end().map_or_else(|| "still down".to_owned(), |at| format!("{bound}{}", instant(at, years)))
}

fn length(outage: &Outage) -> String {
    format!("{}{}", if words::is_exact(outage) { "" } else { "≥" }, hours(outage.fall.duration()))
}

fn class(class: Class, names: ClassNames) -> &'static str {
    match class {
        Class::Withdrawn | Class::Unknown => "withdrawn",
        Class::OriginChanged if names == ClassNames::Long => "origin changed",
        Class::OriginChanged => "origin",
        Class::CoveredOther if names == ClassNames::Long => "covered by other",
        Class::Covered | Class::CoveredOther => "covered",
        Class::Local => "local",
    }
}
