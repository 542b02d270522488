//! The report for a person at a terminal: the answer first, what is not known last, no line wider than the page.

mod brief;
mod explain;
mod grid;
mod outages;
mod timelines;

use std::collections::BTreeMap;
use std::time::Duration;

use super::sureness::Sureness;
use super::text::{count, from_to, size};
use super::text_page::{Style, TextPage};
use super::{Report, headlines, question, troubles, verdict, words};
use crate::archive::DumpKind;
use crate::bgp::Collector;
use crate::coverage::{FileReading, Verdict};

pub use explain::{explain, find_outage};
pub(super) use timelines::block;

/// Over a longer time dates need their year.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// The report as text. On a terminal it is what fits on one screen, unless everything is asked for.
pub fn table(report: &Report, style: Style) -> String {
    if !style.all
        && let Some(height) = style.height
    {
        return brief::brief(report, style, height);
    }
    let mut page = TextPage::new(report, style);
    page.note(report.note.as_deref());
    page.verdict();
    page.headlines();
    page.settings();
    // A scan asks what else was lost: the events are the answer.
    let is_scan = report.parameters.query.scan.is_some();
    if is_scan {
        page.events();
    }
    page.outages();
    if !is_scan {
        page.events();
    }
    page.episodes();
    page.losses();
    page.timelines();
    page.coverage();
    page.unknown();
    if style.height.is_some_and(|height| page.n_lines() >= height) {
        page.line("");
        page.verdict();
    }
    page.finish()
}

impl TextPage<'_, Report> {
    /// The answer in a word.
    fn verdict(&mut self) {
        let verdict = verdict(self.subject);
        self.painted_paragraph("1", &format!("Verdict: {verdict}"), 0);
    }

    fn headlines(&mut self) {
        let report = self.subject;
        let headlines = headlines::of_targets(report);
        if words::are_summarised(report, headlines.len(), self.limit()) {
            self.overview(&headlines);
            return;
        }
        let sureness = Sureness::new(report);
        for headline in &headlines {
            self.painted_paragraph("1", &sureness.headline(headline), 0);
            self.few_peers(headline);
            for details in sureness.details(headline) {
                self.paragraph(&details, 0);
            }
        }
    }

    /// The answer for many targets.
    fn overview(&mut self, headlines: &[headlines::Headline]) {
        for sentence in words::overview(self.subject, headlines) {
            self.painted_paragraph("1", &sentence, 0);
        }
        self.line("--all lists every target.");
    }

    /// What to do if too few peers are the reason why a target could not be judged.
    fn few_peers(&mut self, headline: &headlines::Headline) {
        if let Some(few) = words::few_peers(self.subject, headline.summary) {
            self.painted_paragraph("33", &format!("Not enough data: {few}."), 0);
        }
    }

    /// The settings that are not the default ones.
    fn settings(&mut self) {
        if let Some(settings) = question::settings(self.subject) {
            self.painted_paragraph("33", &settings, 0);
        }
    }

    fn coverage(&mut self) {
        let report = self.subject;
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
                "{} ({}), {v4} IPv4 and {v6} IPv6 peer ASes that {}; {} ({}) read.",
                count(n_collectors, "collector", "collectors"),
                names.join(", "),
                match coverage.has_rib {
                    true => "have a full table",
                    false => "mention the prefixes (no RIB dump: full tables cannot be identified)",
                },
                count(report.files.len(), "file", "files"),
                size(bytes),
            ),
            0,
        );
        for sentence in [words::look_back(report), words::control(report)].into_iter().flatten() {
            self.paragraph(&sentence, 0);
        }
        for remark in words::listing(report).iter().take(limit) {
            self.painted_paragraph("33", remark, 2);
        }
        let troubles = troubles::lines(report);
        for (collector, trouble) in troubles.iter().take(limit) {
            self.painted_paragraph("33", &format!("{collector}: {trouble}"), 2);
        }
        if troubles.len() > limit {
            self.line(&format!("… and {} more: --all lists them", troubles.len() - limit));
        }
        let mut lines: Vec<String> = words::left_out(report);
        for row in &coverage.rows {
            let Some(reason) = row.reason else { continue };
            let reason = reason.to_string().replace('_', " ");
            lines.push(format!("{} unknown {}: {reason} ({})", row.collector, from_to(row.window), row.detail));
        }
        // Files of one collector with the same verdict share a line.
        let mut bad: BTreeMap<(&Collector, DumpKind, String), Vec<&FileReading>> = BTreeMap::new();
        for file in report.files.iter().filter(|file| file.verdict != Verdict::Ok) {
            if !lines.iter().any(|line| line.contains(&file.name)) {
                bad.entry((&file.collector, file.kind, file.verdict.to_string())).or_default().push(file);
            }
        }
        for ((collector, kind, verdict), files) in bad {
            let Some(first) = files.first() else { continue };
            let (one, many) = match kind {
                DumpKind::Rib => ("RIB dump", "RIB dumps"),
                DumpKind::Updates => ("update file", "update files"),
            };
            let n = count(files.len(), one, many);
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
        let report = self.subject;
        self.heading("Not known");
        let doubts = words::doubts(report);
        let limit = self.limit();
        let n_doubts = doubts.len();
        let named = |(doubt, mut targets): (String, Vec<String>)| {
            let n = targets.len();
            if n > limit {
                targets.truncate(limit);
                targets.push(format!("… ({n})"));
            }
            format!("{}: {doubt}", targets.join(", "))
        };
        let mut unknown: Vec<String> = doubts.into_iter().take(limit).map(named).collect();
        if n_doubts > limit {
            unknown.push(format!("… and {} more: --all lists them", n_doubts - limit));
        }
        unknown.extend(words::general_doubts(report));
        for text in unknown {
            self.paragraph(&text, 2);
        }
    }
}
