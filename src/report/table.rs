//! The report for a person at a terminal.

use std::fmt::Write as _;

use super::*;
use crate::detect::{Censoring, Outage, Scope, Severity};

/// How it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// ANSI colours.
    pub colour: bool,
    /// Columns of the terminal.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Style {
        Style { colour: false, width: 80 }
    }
}

/// Rows shown of a long list.
const MAX_ROWS: usize = 20;
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The report as text.
pub fn table(report: &Report, style: Style) -> String {
    let mut out = String::new();
    let mut page = Page { out: &mut out, report, style };
    page.note();
    page.headlines();
    page.outages();
    page.episodes();
    page.visibility();
    page.coverage();
    page.unknown();
    out
}

struct Page<'a> {
    out: &'a mut String,
    report: &'a Report,
    style: Style,
}

impl Page<'_> {
    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.style.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn heading(&mut self, text: &str) {
        let text = self.paint("1", text);
        self.line("");
        self.line(&text);
    }

    fn note(&mut self) {
        if let Some(note) = &self.report.note {
            for line in wrap(&format!("Note: {note}"), self.style.width, 6) {
                let line = self.paint("33", &line);
                self.line(&line);
            }
            self.line("");
        }
    }

    fn headlines(&mut self) {
        let report = self.report;
        let outages = &report.findings.outages;
        for summary in &report.summaries {
            let of_asn: Vec<&Outage> =
                outages.iter().filter(|o| o.target == summary.target && o.scope == Scope::Asn).collect();
            let of_target: Vec<&Outage> = match of_asn.is_empty() {
                true => outages.iter().filter(|o| o.target == summary.target).collect(),
                false => of_asn,
            };
            let mut longest = of_target.clone();
            longest.sort_by_key(|outage| (std::cmp::Reverse(outage.duration), outage.start));
            let sentences: Vec<String> = match longest.first() {
                Some(outage) if !matches!(outage.scope, Scope::Asn) && matches!(summary.target, Target::Asn(_)) => {
                    vec![format!(
                        "{}: no outage of the network as a whole; {}.",
                        summary.target,
                        count(of_target.len(), "outage of a single prefix", "outages of single prefixes")
                    )]
                }
                Some(outage) => {
                    let mut sentences = vec![sentence(outage)];
                    if of_target.len() > 1 {
                        let more = count(of_target.len() - 1, "shorter outage follows", "shorter outages follow");
                        sentences.push(format!("{more} in the list below."));
                    }
                    sentences
                }
                None => vec![self.quiet_sentence(summary)],
            };
            for line in wrap(&sentences.join(" "), self.style.width, 0) {
                let line = self.paint("1", &line);
                self.line(&line);
            }
        }
    }

    fn quiet_sentence(&self, summary: &Summary) -> String {
        let target = summary.target;
        let window = self.report.parameters.window();
        if summary.n_prefixes == 0 {
            return format!("{target}: unknown. No file that was read shows any prefix of it.");
        }
        if summary.n_prefixes == summary.never_carried.len() {
            return format!("{target}: unknown. Nobody is known to carry it normally, so a loss could not be seen.");
        }
        if !summary.is_sufficient() {
            let time = duration(summary.unobserved_time());
            return format!(
                "{target}: no outage seen, but the data are insufficient for {time} of {}.",
                duration(window.duration())
            );
        }
        format!("{target}: no outage from {} to {} UTC.", clock(window.start), clock(window.end))
    }

    fn outages(&mut self) {
        let report = self.report;
        if report.findings.outages.is_empty() {
            return;
        }
        self.heading("Outages (UTC)");
        self.line(&format!("{:<18} {:<19} {:<19} {:>11}  {}", "network", "start", "end", "duration", "kind"));
        let mut outages: Vec<&Outage> = report.findings.outages.iter().collect();
        outages.sort_by_key(|o| (o.scope, o.start.unwrap_or(Timestamp::MIN), o.prefix));
        let (of_asn, of_prefix): (Vec<&Outage>, Vec<&Outage>) =
            outages.into_iter().partition(|o| o.scope == Scope::Asn);
        for outage in &of_asn {
            let name = match outage.family {
                Family::V4 => outage.target.to_string(),
                Family::V6 => format!("{} v6", outage.target),
            };
            self.outage_row(&name, outage);
        }
        // The prefixes of an outage of their whole network say the same again.
        let is_member = |outage: &&Outage| of_asn.iter().any(|asn| is_part_of(outage, asn));
        let (members, alone): (Vec<&Outage>, Vec<&Outage>) = of_prefix.into_iter().partition(is_member);
        for outage in alone.iter().take(MAX_ROWS) {
            let name = outage.prefix.map(|prefix| prefix.to_string()).unwrap_or_default();
            self.outage_row(&name, outage);
        }
        let folded = alone.len().saturating_sub(MAX_ROWS);
        let mut rest = Vec::new();
        if folded > 0 {
            rest.push(format!("{folded} more of single prefixes"));
        }
        if !members.is_empty() {
            rest.push(format!("{} of the prefixes of these networks", members.len()));
        }
        if !rest.is_empty() {
            self.line(&format!("… and {}: --format csv lists all", rest.join(", ")));
        }
    }

    fn outage_row(&mut self, name: &str, outage: &Outage) {
        let start = match outage.start {
            Some(at) => clock(at),
            None => "before the data".to_owned(),
        };
        let end = match outage.end {
            Some(at) => clock(at),
            None => "still down".to_owned(),
        };
        let lower_bound = outage.censored.iter().any(|c| *c != Censoring::BeganBeforeFrom);
        let length = format!("{}{}", if lower_bound { "≥ " } else { "" }, duration(outage.duration));
        let kind = match outage.severity {
            Severity::Total => outage.class.name().replace('_', " "),
            _ => format!("{}, partial", outage.class.name().replace('_', " ")),
        };
        let prefixes = match outage.scope {
            Scope::Asn => format!(", {}", count(outage.prefixes.len(), "prefix", "prefixes")),
            Scope::Prefix => String::new(),
        };
        let row = format!("{name:<18} {start:<19} {end:<19} {length:>11}  {kind}{prefixes}");
        let row = if outage.scope == Scope::Asn { self.paint("31", &row) } else { row };
        self.line(&row);
    }

    fn episodes(&mut self) {
        let report = self.report;
        let unstable: Vec<_> =
            report.findings.episodes.iter().filter(|episode| episode.n_outages + episode.flaps.len() > 1).collect();
        let asn_level: Vec<_> = unstable.iter().copied().filter(|e| e.scope == Scope::Asn).collect();
        let shown = if asn_level.is_empty() { unstable } else { asn_level };
        if shown.is_empty() {
            return;
        }
        self.heading("Unstable (a flap is a fall too short to be an outage)");
        for episode in shown.iter().take(MAX_ROWS) {
            let name = match episode.prefix {
                Some(prefix) => prefix.to_string(),
                None => format!("{} {}", episode.target, episode.family),
            };
            let flaps = count(episode.flaps.len(), "flap", "flaps");
            let outages = count(episode.n_outages, "outage", "outages");
            let (start, end) = (clock(episode.window.start), clock(episode.window.end));
            self.line(&format!("{name:<18} {start} to {end}  {flaps}, {outages}"));
        }
        if shown.len() > MAX_ROWS {
            self.line(&format!("… and {} more episodes: --format json lists all", shown.len() - MAX_ROWS));
        }
    }

    fn visibility(&mut self) {
        let report = self.report;
        let window = report.parameters.window();
        let columns = self.style.width.saturating_sub(20).clamp(10, 120);
        let per_column = Duration::from_micros(window.duration().as_micros() as u64 / columns as u64);
        if report.timelines.is_empty() {
            return;
        }
        self.heading(&format!(
            "Visibility, {} to {} UTC (one column is {}, worst moment shown; · unknown)",
            clock(window.start),
            clock(window.end),
            duration(per_column)
        ));
        for space in &report.asn_timelines {
            let shares = space.stretches().map(|(stretch, step)| (stretch, step.share().filter(|_| step.observed)));
            let bars = bars(window, columns, shares);
            let name = match space.family {
                Family::V4 => space.asn.to_string(),
                Family::V6 => format!("{} v6", space.asn),
            };
            self.line(&format!("{name:<19} {bars}"));
        }
        for timeline in report.timelines.iter().take(MAX_ROWS) {
            let shares =
                timeline.stretches().map(|(stretch, step)| (stretch, step.baseline_share().filter(|_| step.observed)));
            let bars = bars(window, columns, shares);
            self.line(&format!("{:<19} {bars}", timeline.prefix.to_string()));
        }
        if report.timelines.len() > MAX_ROWS {
            let n = report.timelines.len() - MAX_ROWS;
            self.line(&format!("… and {n} more prefixes: --output writes them to timelines.parquet"));
        }
    }

    fn coverage(&mut self) {
        let report = self.report;
        self.heading("Coverage");
        let coverage = &report.coverage;
        let names: Vec<String> = coverage.collectors.iter().map(|c| c.collector.to_string()).collect();
        let [v4, v6] = coverage.n_peer_asns;
        let bytes: u64 = report.files.iter().map(|file| file.bytes).sum();
        let text = format!(
            "{} ({}), {v4} IPv4 and {v6} IPv6 peer ASes that {}; {} of {:.1} MB read.",
            count(names.len(), "collector", "collectors"),
            names.join(", "),
            match coverage.has_rib {
                true => "have a full table",
                false => "mention the prefixes (no RIB dump: full tables cannot be told)",
            },
            count(report.files.len(), "file", "files"),
            bytes as f64 / 1e6,
        );
        for line in wrap(&text, self.style.width, 0) {
            self.line(&line);
        }
        for row in coverage.rows.iter().filter(|row| row.reason.is_some()).take(MAX_ROWS) {
            let Some(reason) = row.reason else { continue };
            let text = format!(
                "{} unknown from {} to {}: {} ({})",
                row.collector,
                clock(row.window.start),
                clock(row.window.end),
                reason.to_string().replace('_', " "),
                row.detail
            );
            for line in wrap(&text, self.style.width, 2) {
                let line = self.paint("33", &line);
                self.line(&line);
            }
        }
        let n_rows = coverage.rows.iter().filter(|row| row.reason.is_some()).count();
        if n_rows > MAX_ROWS {
            self.line(&format!("… and {} more gaps: --format json lists all", n_rows - MAX_ROWS));
        }
    }

    fn unknown(&mut self) {
        let report = self.report;
        let mut unknown: Vec<String> = Vec::new();
        for summary in report.summaries.iter().filter(|summary| !summary.is_sufficient()) {
            let peers = report.coverage.n_peer_asns.into_iter().max().unwrap_or(0);
            let min_peers = report.parameters.min_peers;
            if !summary.unobserved.is_empty() && peers < min_peers {
                unknown.push(format!(
                    "{}: only {} of the {min_peers} required: --min-peers {} accepts fewer.",
                    summary.target,
                    count(peers, "peer AS", "peer ASes"),
                    peers.max(1),
                ));
            } else if let (Some(first), time) = (summary.unobserved.first(), summary.unobserved_time()) {
                unknown.push(format!(
                    "{}: {} could not be judged, first from {} to {}.",
                    summary.target,
                    duration(time),
                    clock(first.start),
                    clock(first.end)
                ));
            }
        }
        for summary in report.summaries.iter().filter(|summary| !summary.never_carried.is_empty()) {
            let n = summary.never_carried.len();
            unknown.push(format!(
                "{}: {} in no RIB dump and not held at the end: new or transient, not judged.",
                summary.target,
                count(n, "prefix is", "prefixes are")
            ));
        }
        let low = report.findings.outages.iter().filter(|o| o.quality == crate::detect::Quality::Low).count();
        if low > 0 {
            unknown.push("Without RIB dumps it is not known who had a route and never changed it.".to_owned());
        }
        unknown.push(
            "BGP shows reachability of routes, not of hosts: a route can be up while no traffic flows.".to_owned(),
        );
        self.heading("Not known");
        for text in unknown {
            for line in wrap(&text, self.style.width, 2) {
                self.line(&line);
            }
        }
    }
}

/// The finding as a sentence.
fn sentence(outage: &Outage) -> String {
    let name = match (outage.scope, outage.family) {
        (Scope::Asn, Family::V6) => format!("{} (IPv6)", outage.target),
        (Scope::Asn, Family::V4) => outage.target.to_string(),
        (Scope::Prefix, _) => outage.prefix.map(|prefix| prefix.to_string()).unwrap_or_default(),
    };
    let what = match (outage.severity, outage.scope) {
        (Severity::Total, _) => "disappeared from the routing table".to_owned(),
        (_, Scope::Asn) if outage.visibility_min > crate::detect::TOTAL_BELOW => {
            format!("lost {:.0} % of its address space", (1.0 - outage.visibility_min) * 100.0)
        }
        _ => "was missing from most of the routing table".to_owned(),
    };
    let when = match (outage.start, outage.end) {
        (Some(start), Some(end)) => format!("from {} to {} UTC", clock(start), clock(end)),
        (Some(start), None) => format!("at {} UTC and was still missing at the end of the window", clock(start)),
        (None, Some(end)) => format!("before the data begin and until {} UTC", clock(end)),
        (None, None) => "throughout the window".to_owned(),
    };
    let exact = outage.censored.iter().all(|c| *c == Censoring::BeganBeforeFrom);
    let length = format!("{}{}", if exact { "" } else { "at least " }, duration(outage.duration));
    let zombies = match outage.survivors.iter().filter(|survivor| survivor.zombie).count() {
        0 => String::new(),
        n => format!(", {} a stuck route", count(n, "keeps", "keep")),
    };
    format!(
        "{name} {what} {when} ({length}): {} of {} usable vantage points lost it{zombies}.",
        outage.n_vantage_points_lost, outage.n_vantage_points
    )
}

/// Whether a prefix outage lies within an outage of its AS.
fn is_part_of(outage: &Outage, of_asn: &Outage) -> bool {
    let span = |o: &Outage| (o.start.unwrap_or(Timestamp::MIN), o.end.unwrap_or(Timestamp::MAX));
    let ((start, end), (asn_start, asn_end)) = (span(outage), span(of_asn));
    outage.asn == of_asn.asn
        && outage.prefix.is_some_and(|prefix| of_asn.prefixes.contains(&prefix))
        && start < asn_end
        && end > asn_start
}

/// One block per column: the smallest share within it; a dot where any of it is unknown.
fn bars(window: Window, columns: usize, shares: impl Iterator<Item = (Window, Option<f64>)>) -> String {
    let total = window.duration().as_micros() as i64;
    let mut lowest: Vec<Option<f64>> = vec![None; columns];
    let mut covered = vec![0i64; columns];
    let edge = |column: usize| Timestamp::from_micros(window.start.micros() + total * column as i64 / columns as i64);
    for (stretch, share) in shares {
        let (Some(shown), Some(share)) = (stretch.intersect(&window), share) else { continue };
        let first = (shown.start.micros_since(window.start) * columns as i64 / total.max(1)) as usize;
        for column in first..columns {
            let Some(part) = Window::new(edge(column), edge(column + 1)).ok().and_then(|c| c.intersect(&shown)) else {
                if edge(column) >= shown.end {
                    break;
                }
                continue;
            };
            covered[column] += part.end.micros_since(part.start);
            let low = &mut lowest[column];
            *low = Some(low.map_or(share, |low| low.min(share)));
        }
    }
    (0..columns)
        .map(|column| match lowest[column] {
            Some(share) if covered[column] >= edge(column + 1).micros_since(edge(column)) => {
                BLOCKS[((share * 7.0).round() as usize).min(7)]
            }
            _ => '·',
        })
        .collect()
}

fn clock(at: Timestamp) -> String {
    let text = at.to_string();
    text.trim_end_matches('Z').replacen('T', " ", 1)
}

/// `9 h 31 min`, `31 min`, `2 min 5 s`, `4 d 2 h`.
fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut words = String::new();
    let mut left = seconds;
    for (size, name) in units {
        let n = left / size;
        left %= size;
        // Days need no seconds.
        if n > 0 && !(seconds >= 86400 && size == 1) {
            let _ = write!(words, "{}{n} {name}", if words.is_empty() { "" } else { " " });
        }
    }
    if words.is_empty() { format!("{} ms", duration.subsec_millis()) } else { words }
}

fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

/// Lines of at most `width` characters; those after the first are indented.
fn wrap(text: &str, width: usize, indent: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { continue };
        if !line.trim().is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(format!("{}{word}", " ".repeat(indent)));
        } else {
            if !line.trim().is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
