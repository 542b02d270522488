//! Visibility over time, one line a network.

use std::time::Duration;

use chrono::{Datelike, NaiveDate, NaiveTime};

use super::super::headlines;
use super::super::text::{about, count, display_width, padded, percent};
use super::grid::name_width;
use super::{Report, TextPage, YEAR};
use crate::bgp::Family;
use crate::detect::SpaceTimeline;
use crate::time::{Timestamp, Window};
use crate::visibility::{LiveFeeds, Timeline};

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const UNKNOWN: char = '·';
/// Below a block in which the share was lower than the block shows.
const LOWER: char = '^';

/// A lower mean is shown even in a block that is partly unknown.
const MOSTLY_LOST: f64 = 0.5;

/// Blanks, `100%`.
const LOWEST: usize = 2 + 6;

/// Distances of the ticks below which hours and days are read.
const TICKS: [u64; 15] =
    [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000];
/// In a window of years, the months between two ticks.
const MONTHS: [u64; 7] = [1, 2, 3, 6, 12, 24, 60];
/// Columns that a tick and its label need.
const TICK_WIDTH: usize = 8;

/// The mean share in each column, marks below those that were lower for a time, and the lowest share of all.
struct BarRow {
    name: String,
    bars: String,
    marks: String,
    lowest: Option<f64>,
}

/// The page on which rows are drawn.
#[derive(Clone, Copy)]
struct Scale {
    window: Window,
    columns: usize,
    /// A network with a lower share is down.
    down_below: f64,
}

impl TextPage<'_, Report> {
    /// Every network, then every prefix; those with outages first when not all are shown.
    pub(super) fn timelines(&mut self) {
        let report = self.subject;
        if report.timelines.is_empty() {
            return;
        }
        let (mut prefixes, folded) = headlines::timelines(report, self.limit());
        // It has no timeline but that of its parts.
        prefixes.retain(|timeline| report.aggregate(timeline.prefix).is_none());
        let strips = self.strips();
        let mut names: Vec<String> = report.spaces.iter().map(SpaceTimeline::name).collect();
        names.extend(prefixes.iter().map(|timeline| timeline.prefix.to_string()));
        names.extend(strips.iter().map(|(name, _)| name.clone()));
        let name_width = name_width(&names);
        let scale = self.scale(name_width);
        let mut rows: Vec<BarRow> = report.spaces.iter().map(|space| of_space(space, scale)).collect();
        let of_prefixes: Vec<BarRow> = prefixes.into_iter().map(|timeline| of_prefix(timeline, scale)).collect();
        // Rows that show nothing are counted.
        let n_unknown = of_prefixes.iter().filter(|row| row.lowest.is_none()).count();
        let folds = n_unknown > 1 && !self.style.all;
        rows.extend(of_prefixes.into_iter().filter(|row| !folds || row.lowest.is_some()));
        // Peers that are not live are no outage.
        let unmarked = Scale { down_below: 0.0, ..scale };
        for (name, feeds) in strips {
            rows.push(row(name, unmarked, feeds.iter().map(|feeds| (feeds.window, feeds.share()))));
        }
        self.heading("Visibility (UTC)");
        let column = Duration::from_secs(scale.window.duration().as_secs() / scale.columns as u64);
        let marks = match rows.iter().any(|row| !row.marks.is_empty()) {
            true => format!(" {LOWER} down for a part of it;"),
            false => String::new(),
        };
        self.paragraph(
            &format!(
                "Each block: mean over about {}; █ all see it, ▁ none;{marks} {UNKNOWN} partly unknown.",
                about(column)
            ),
            2,
        );
        self.bars(&rows, name_width, scale);
        if folds {
            self.line(&format!("… and {n_unknown} prefixes that are unknown all the time: --all shows them"));
        }
        if folded > 0 {
            self.line(&format!("… and {}: --all shows them", count(folded, "more prefix", "more prefixes")));
        }
    }

    /// The networks asked about, at most `most` of them, with a legend of one line.
    pub(super) fn strips_of_networks(&mut self, most: usize) {
        let report = self.subject;
        let networks = report.spaces.iter().take(most);
        // The prefixes of a network repeat its row.
        let n_left = if networks.len() == 0 { most } else { 0 };
        let (prefixes, _) = headlines::timelines(report, n_left);
        let mut names: Vec<String> = networks.clone().map(SpaceTimeline::name).collect();
        names.extend(prefixes.iter().map(|timeline| timeline.prefix.to_string()));
        let name_width = name_width(&names);
        let scale = self.scale(name_width);
        let mut rows: Vec<BarRow> = networks.map(|space| of_space(space, scale)).collect();
        rows.extend(prefixes.into_iter().map(|timeline| of_prefix(timeline, scale)));
        rows.retain(|row| row.lowest.is_some());
        if rows.is_empty() {
            return;
        }
        let marks = match rows.iter().any(|row| !row.marks.is_empty()) {
            true => format!(", {LOWER} down for a part"),
            false => String::new(),
        };
        self.heading(&format!("Visibility (UTC; █ all see it, ▁ none{marks}, {UNKNOWN} partly unknown)"));
        self.bars(&rows, name_width, scale);
    }

    fn scale(&self, name_width: usize) -> Scale {
        Scale {
            window: self.subject.parameters.window(),
            columns: self.style.width.saturating_sub(name_width + 2 + LOWEST).max(10),
            down_below: self.subject.parameters.criteria.thresholds.down_below,
        }
    }

    fn bars(&mut self, rows: &[BarRow], name_width: usize, scale: Scale) {
        let Scale { window, columns, .. } = scale;
        let axis = axis(window, columns);
        self.line(&format!("{:<name_width$}  {axis:<columns$}  lowest", ""));
        for BarRow { name, bars, marks, lowest } in rows {
            let lowest = lowest.map_or_else(|| UNKNOWN.to_string(), percent);
            if display_width(name) > name_width {
                self.line(name);
                self.line(&format!("{:<name_width$}  {bars}  {lowest:>6}", ""));
            } else {
                self.line(&format!("{}  {bars}  {lowest:>6}", padded(name, name_width)));
            }
            if !marks.is_empty() {
                let marks = self.paint("31", marks);
                self.line(&format!("{:<name_width$}  {marks}", ""));
            }
        }
    }

    /// How many of the full feeds were live, for each family that is shown.
    fn strips(&self) -> Vec<(String, &[LiveFeeds])> {
        let report = self.subject;
        let is_shown = |family: &Family| report.timelines.iter().any(|timeline| timeline.family() == *family);
        let shown = Family::ALL.into_iter().filter(|family| report.coverage.has_rib && is_shown(family));
        shown
            .map(|family| (format!("live peers {family}"), report.coverage.live_feeds[family as usize].as_slice()))
            .collect()
    }
}

fn of_space(space: &SpaceTimeline, scale: Scale) -> BarRow {
    let shares = space.steps.intervals().map(|(interval, step)| (interval, step.share().filter(|_| step.observed)));
    row(space.name(), scale, shares)
}

fn of_prefix(timeline: &Timeline, scale: Scale) -> BarRow {
    let shares =
        timeline.steps.intervals().map(|(interval, step)| (interval, step.baseline_share().filter(|_| step.observed)));
    row(timeline.prefix.to_string(), scale, shares)
}

fn row(name: String, scale: Scale, shares: impl Iterator<Item = (Window, Option<f64>)>) -> BarRow {
    let shown: Vec<(Window, Option<f64>)> =
        shares.filter_map(|(interval, share)| Some((interval.intersect(&scale.window)?, share))).collect();
    let lowest = shown.iter().filter_map(|(_, share)| *share).min_by(f64::total_cmp);
    let (bars, marks) = bars(scale, &shown);
    BarRow { name, bars, marks, lowest }
}

/// The instant at which a column begins.
fn edge(window: Window, columns: usize, column: usize) -> Timestamp {
    let total = i128::from(window.end.micros_since(window.start));
    let offset = total * column as i128 / columns as i128;
    Timestamp::from_micros(window.start.micros() + i64::try_from(offset).unwrap_or(0))
}

/// The column that holds an instant of the window.
fn column_of(window: Window, columns: usize, at: Timestamp) -> usize {
    let total = i128::from(window.end.micros_since(window.start));
    let column = i128::from(at.micros_since(window.start)) * columns as i128 / total;
    usize::try_from(column).unwrap_or(0).min(columns - 1)
}

/// What is known of a column.
#[derive(Clone, Copy, Default)]
struct ColumnShare {
    /// Microseconds in which the share is known.
    known: i64,
    /// The sum of the shares over them.
    sum: f64,
    lowest: Option<f64>,
}

/// Returns one block per column, its mean share, or a dot if part of it is unknown and the mean of the rest is not below one
/// half. The second text marks the columns in which the network was down for a part that the block does not show.
fn bars(scale: Scale, shares: &[(Window, Option<f64>)]) -> (String, String) {
    let Scale { window, columns, down_below } = scale;
    let mut seen = vec![ColumnShare::default(); columns];
    for (interval, share) in shares {
        let Some(share) = share else { continue };
        let first = column_of(window, columns, interval.start);
        for (column, own) in seen.iter_mut().enumerate().skip(first) {
            let (start, end) = (edge(window, columns, column), edge(window, columns, column + 1));
            if start >= interval.end {
                break;
            }
            let Some(part) = Window::new(start, end).ok().and_then(|whole| whole.intersect(interval)) else { continue };
            let micros = part.end.micros_since(part.start);
            own.known += micros;
            own.sum += share * micros as f64;
            own.lowest = Some(own.lowest.map_or(*share, |low| low.min(*share)));
        }
    }
    let (mut blocks, mut marks) = (String::new(), String::new());
    for (column, ColumnShare { known, sum, lowest }) in seen.into_iter().enumerate() {
        let whole = edge(window, columns, column + 1).micros_since(edge(window, columns, column));
        let mean = lowest.map(|_| (sum / known as f64).clamp(0.0, 1.0));
        let shown = mean.filter(|mean| known >= whole || *mean < MOSTLY_LOST);
        blocks.push(shown.map_or(UNKNOWN, block));
        let was_down = lowest.is_some_and(|lowest| lowest < down_below);
        marks.push(if was_down && shown.is_none_or(|mean| mean >= down_below) { LOWER } else { ' ' });
    }
    (blocks, marks.trim_end().to_owned())
}

/// Only a share of 0 has the lowest block and only 1 the highest: shares that round to them have the next one.
pub(in crate::report) fn block(share: f64) -> char {
    let level = (share * 7.0).round() as usize;
    let level = if share > 0.0 && share < 1.0 { level.clamp(1, 6) } else { level.min(7) };
    BLOCKS.get(level).copied().unwrap_or(UNKNOWN)
}

/// Hours and days above the columns in which they begin, `|18:00      |12-23`; in a window of years, months.
fn axis(window: Window, columns: usize) -> String {
    let ticks = if window.duration() >= YEAR { months(window, columns) } else { hours_and_days(window, columns) };
    let mut line = String::new();
    for (at, label) in ticks.into_iter().filter(|(at, _)| window.contains(*at)) {
        let column = column_of(window, columns, at);
        if column >= line.chars().count() && column + label.len() <= columns {
            line.push_str(&" ".repeat(column - line.chars().count()));
            line.push_str(&label);
        }
    }
    line
}

fn hours_and_days(window: Window, columns: usize) -> Vec<(Timestamp, String)> {
    let seconds = window.duration().as_secs().max(1);
    let fits = |tick: &u64| (tick * columns as u64) / seconds >= TICK_WIDTH as u64;
    let [.., coarsest] = TICKS;
    let tick = TICKS.into_iter().find(fits).unwrap_or(coarsest) as i64;
    let first = window.start.secs().div_euclid(tick) * tick;
    let ticks = (0..).map(|n| Timestamp::from_secs(first + n * tick)).take_while(|at| *at < window.end);
    let format = |at: Timestamp| if at.secs() % 86_400 == 0 { "|%m-%d" } else { "|%H:%M" };
    ticks.map(|at| (at, at.to_datetime().format(format(at)).to_string())).collect()
}

fn months(window: Window, columns: usize) -> Vec<(Timestamp, String)> {
    // A label of months is two characters longer than one of hours.
    let n_labels = (columns / (TICK_WIDTH + 2)).max(1) as u64;
    let n_months = window.duration().as_secs() / (30 * 86_400) / n_labels;
    let [.., coarsest] = MONTHS;
    let tick = MONTHS.into_iter().find(|tick| *tick > n_months).unwrap_or(coarsest);
    let start = window.start.to_datetime();
    let first = i64::from(start.year()) * 12;
    let begins = (0..).map_while(|n| {
        let month = first + n * tick as i64;
        let (year, month) = (i32::try_from(month / 12).ok()?, u32::try_from(month % 12 + 1).ok()?);
        let day = NaiveDate::from_ymd_opt(year, month, 1)?.and_time(NaiveTime::MIN).and_utc();
        Some(Timestamp::from_secs(day.timestamp()))
    });
    let begins = begins.take_while(|at| *at < window.end);
    begins.map(|at| (at, at.to_datetime().format("|%Y-%m").to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start: &str, end: &str) -> Window {
        Window::new(start.parse().unwrap(), end.parse().unwrap()).unwrap()
    }

    fn check(shares: &[(Window, Option<f64>)], expected: &str, marks: &str) {
        let scale = Scale { window: window("2014-12-22T00:00", "2014-12-22T04:00"), columns: 4, down_below: 0.5 };
        assert_eq!(bars(scale, shares), (expected.to_owned(), marks.to_owned()));
    }

    #[test]
    fn a_block_shows_its_mean_and_a_mark_that_it_was_lower() {
        let shares = [
            (window("2014-12-22T00:00", "2014-12-22T01:10"), Some(1.0)),
            (window("2014-12-22T01:10", "2014-12-22T01:16"), Some(0.0)),
            (window("2014-12-22T01:16", "2014-12-22T02:00"), Some(1.0)),
            (window("2014-12-22T02:00", "2014-12-22T02:30"), Some(0.5)),
            (window("2014-12-22T02:30", "2014-12-22T02:31"), None),
            (window("2014-12-22T02:31", "2014-12-22T03:00"), Some(1.0)),
            (window("2014-12-22T03:00", "2014-12-22T04:00"), Some(0.0)),
        ];
        check(&shares, "█▇·▁", " ^");
    }

    #[test]
    fn a_loss_shows_even_where_the_rest_of_a_column_is_unknown() {
        let lost = (window("2014-12-22T01:10", "2014-12-22T01:11"), Some(0.0));
        let seen = (window("2014-12-22T02:10", "2014-12-22T02:11"), Some(1.0));
        check(&[lost, seen], "·▁··", "");
        // ColumnShare for most of what is known: unknown, with a mark.
        let back = (window("2014-12-22T01:11", "2014-12-22T01:30"), Some(1.0));
        check(&[lost, back, seen], "····", " ^");
    }

    #[test]
    fn only_nothing_and_all_have_the_outermost_blocks() {
        assert_eq!([0.0, 0.04, 0.5, 0.96, 1.0].map(block), ['▁', '▂', '▅', '▇', '█']);
    }

    #[test]
    fn the_axis_names_hours_and_the_days_that_begin() {
        assert_eq!(
            axis(window("2014-12-22T12:00", "2014-12-23T20:00"), 60),
            "|12:00     |18:00     |12-23     |06:00      |12:00"
        );
        assert_eq!(
            axis(window("2010-03-01T00:00", "2020-01-01T00:00"), 55),
            "          |2012-01   |2014-01   |2016-01   |2018-01"
        );
        assert_eq!(axis(window("2021-01-02T05:05", "2021-01-02T05:09"), 40), "|05:05    |05:06    |05:07    |05:08");
    }
}
