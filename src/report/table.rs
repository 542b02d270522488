//! The report for a person at a terminal: the answer first, what is not known last, no line wider than the page.

mod grid;
mod outages;
mod text;
mod timelines;

use std::collections::BTreeMap;

use super::*;
use crate::coverage::Verdict;
use crate::detect::{Censoring, Outage, Quality, Scope, Severity, TOTAL_BELOW};
use text::{clock, count, duration, from_to, wrap};

/// How it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// ANSI colours.
    pub colour: bool,
    /// Columns of the page. Paragraphs keep to any width from 40 on, rows to 80 and more.
    pub width: usize,
    /// Every row of long lists, where otherwise the first twenty stand for all.
    pub all: bool,
}

impl Default for Style {
    fn default() -> Style {
        Style { colour: false, width: 80, all: false }
    }
}

/// Rows shown of a long list.
const MAX_ROWS: usize = 20;
/// A narrower page is no page.
const MIN_WIDTH: usize = 40;

/// The report as text.
pub fn table(report: &Report, style: Style) -> String {
    let mut out = String::new();
    let style = Style { width: style.width.max(MIN_WIDTH), ..style };
    let mut page = Page { out: &mut out, report, style };
    page.note();
    page.headlines();
    page.outages();
    page.episodes();
    page.losses();
    page.timelines();
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

    fn paragraph(&mut self, text: &str, indent: usize) {
        self.painted_paragraph("", text, indent);
    }

    fn painted_paragraph(&mut self, code: &str, text: &str, indent: usize) {
        for line in wrap(text, self.style.width, indent) {
            let line = if code.is_empty() { line } else { self.paint(code, &line) };
            self.line(&line);
        }
    }

    fn heading(&mut self, text: &str) {
        let text = self.paint("1", text);
        self.line("");
        self.line(&text);
    }

    /// Rows shown of a list.
    fn limit(&self) -> usize {
        if self.style.all { usize::MAX } else { MAX_ROWS }
    }

    fn note(&mut self) {
        if let Some(note) = &self.report.note {
            self.painted_paragraph("33", &format!("Note: {note}"), 6);
            self.line("");
        }
    }

    fn headlines(&mut self) {
        let report = self.report;
        for summary in report.summaries.iter().take(self.limit()) {
            self.painted_paragraph("1", &self.headline(summary), 0);
        }
        if report.summaries.len() > self.limit() {
            let n = report.summaries.len() - self.limit();
            self.line(&format!("… and {}: --all shows them", count(n, "more target", "more targets")));
        }
    }

    /// The answer for one target: its longest outage of each family, of the whole network before single prefixes.
    fn headline(&self, summary: &Summary) -> String {
        let outages = self.report.findings.outages.iter().filter(|outage| outage.target == summary.target);
        let (of_asn, of_prefix): (Vec<&Outage>, Vec<&Outage>) = outages.partition(|o| o.scope == Scope::Asn);
        if of_asn.is_empty() && of_prefix.is_empty() {
            return self.quiet_sentence(summary);
        }
        if of_asn.is_empty() && matches!(summary.target, Target::Asn(_)) {
            let n = count(of_prefix.len(), "outage of a single prefix", "outages of single prefixes");
            return format!("{}: no outage of the network as a whole; {n}.", summary.target);
        }
        let shown = if of_asn.is_empty() { of_prefix } else { of_asn };
        let mut sentences = Vec::new();
        for family in Family::ALL {
            let own = || shown.iter().filter(|outage| outage.family == family);
            let Some(longest) = own().max_by_key(|o| (o.duration, std::cmp::Reverse(o.start))) else { continue };
            sentences.push(sentence(longest));
            let n = own().count() - 1;
            if n > 0 {
                sentences.push(format!("{} listed below.", count(n, "other outage is", "other outages are")));
            }
        }
        sentences.join(" ")
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
        format!("{target}: no outage from {} UTC.", from_to(window))
    }

    fn coverage(&mut self) {
        let report = self.report;
        let coverage = &report.coverage;
        self.heading("Coverage (UTC)");
        let limit = self.limit();
        let mut names: Vec<String> = coverage.collectors.iter().map(|c| c.collector.to_string()).collect();
        let n_collectors = names.len();
        if n_collectors > limit {
            names.truncate(limit);
            names.push("…".to_owned());
        }
        let [v4, v6] = coverage.n_peer_asns;
        let bytes: u64 = report.files.iter().map(|file| file.bytes).sum();
        self.paragraph(
            &format!(
                "{} ({}), {v4} IPv4 and {v6} IPv6 peer ASes that {}; {} of {} read.",
                count(n_collectors, "collector", "collectors"),
                names.join(", "),
                match coverage.has_rib {
                    true => "have a full table",
                    false => "mention the prefixes (no RIB dump: full tables cannot be told)",
                },
                count(report.files.len(), "file", "files"),
                text::size(bytes),
            ),
            0,
        );
        let mut lines: Vec<String> = Vec::new();
        for row in &coverage.rows {
            let Some(reason) = row.reason else { continue };
            let reason = reason.to_string().replace('_', " ");
            lines.push(format!("{} unknown {}: {reason} ({})", row.collector, from_to(row.window), row.detail));
        }
        // Files of one collector with the same fate are one line.
        let mut bad: BTreeMap<(&Collector, &str, String), Vec<&FileReading>> = BTreeMap::new();
        for file in report.files.iter().filter(|file| file.verdict != Verdict::Ok) {
            if !lines.iter().any(|line| line.contains(&file.name)) {
                bad.entry((&file.collector, file.kind, file.verdict.to_string())).or_default().push(file);
            }
        }
        for ((collector, kind, verdict), files) in bad {
            let Some(first) = files.first() else { continue };
            let n = count(files.len(), &format!("{kind} file"), &format!("{kind} files"));
            let which = if files.len() > 1 { "first " } else { "" };
            let detail = first.detail.as_deref().unwrap_or_default();
            lines.push(format!("{collector}: {n} {verdict}, {which}{}: {detail}", first.name));
        }
        for line in lines.iter().take(limit) {
            self.painted_paragraph("33", line, 2);
        }
        if lines.len() > limit {
            self.line(&format!("… and {} more: --all lists them", lines.len() - limit));
        }
    }

    fn unknown(&mut self) {
        let report = self.report;
        self.heading("Not known");
        let summaries = report.summaries.iter();
        let mut unknown: Vec<String> = summaries.flat_map(|summary| self.unknown_of(summary)).collect();
        let n_unknown = unknown.len();
        if n_unknown > self.limit() {
            unknown.truncate(self.limit());
            unknown.push(format!("… and of {} more: --all says it", n_unknown - self.limit()));
        }
        if report.findings.outages.iter().any(|outage| outage.quality == Quality::Low) {
            unknown.push("Without RIB dumps it is not known who had a route and never changed it.".to_owned());
        }
        unknown.push("BGP shows routes, not hosts: a route can be up while no traffic flows.".to_owned());
        unknown.push("Why a route was withdrawn is not in the data.".to_owned());
        for text in unknown {
            self.paragraph(&text, 2);
        }
    }

    /// What the data leave open about one target.
    fn unknown_of(&self, summary: &Summary) -> Vec<String> {
        let mut unknown = Vec::new();
        let target = summary.target;
        let peers = self.report.coverage.n_peer_asns.into_iter().max().unwrap_or(0);
        let min_peers = self.report.parameters.min_peers;
        if peers == 0 {
            return vec![format!("{target}: {}", self.nobody())];
        }
        if !summary.unobserved.is_empty() && peers < min_peers {
            let found = count(peers, "peer AS", "peer ASes");
            unknown.push(format!(
                "{target}: only {found} of the {min_peers} required: --min-peers {peers} accepts fewer."
            ));
        } else if let Some(first) = summary.unobserved.first() {
            let time = duration(summary.unobserved_time());
            let first = match summary.unobserved.len() {
                1 => from_to(*first),
                _ => format!("first {}", from_to(*first)),
            };
            unknown.push(format!("{target}: {time} could not be judged, {first} UTC."));
        }
        if !summary.never_carried.is_empty() {
            let prefixes = count(summary.never_carried.len(), "prefix is", "prefixes are");
            unknown.push(format!(
                "{target}: {prefixes} in no RIB dump and not held at the end: new or transient, not judged."
            ));
        }
        unknown
    }

    /// Why no vantage point counts.
    fn nobody(&self) -> &'static str {
        match self.report.parameters.metric {
            "ioda" => {
                "no vantage point has the 400,000 IPv4 or 10,000 IPv6 prefixes that --metric ioda asks for; without it \
                 tables are judged by those of their time."
            }
            _ => "no vantage point has a table that is known and full.",
        }
    }
}

/// The finding as a sentence.
fn sentence(outage: &Outage) -> String {
    let Outage { family, .. } = outage;
    let name = match outage.scope {
        Scope::Asn => outage.target.to_string(),
        Scope::Prefix => outage.prefix.map(|prefix| prefix.to_string()).unwrap_or_default(),
    };
    let what = match (outage.severity, outage.scope) {
        (Severity::Total, _) => format!("disappeared from the {family} routing table"),
        (_, Scope::Asn) if outage.visibility_min > TOTAL_BELOW => {
            format!("lost {} of its {family} address space", text::percent(1.0 - outage.visibility_min))
        }
        _ => format!("was missing from most of the {family} routing table"),
    };
    let when = match (outage.start, outage.end) {
        (Some(start), Some(end)) => format!("from {} UTC", from_to(Window { start, end })),
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
