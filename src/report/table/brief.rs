//! The report on one screen of a terminal: the answer, how sure it is, and where to look further.

use super::super::headlines::{self, Groups};
use super::super::sureness::Sureness;
use super::super::text::count;
use super::super::{Report, words};
use super::{Style, TextPage};

/// More targets than this are summarised.
const MAX_TARGETS: usize = 4;
/// Rows of the list of outages that come before a drawing of the visibility.
const MIN_OUTAGES: usize = 4;
/// Networks whose visibility is drawn.
const MAX_STRIPS: usize = 3;
/// A lower terminal is taken for one of this height: the rest scrolls.
const MIN_HEIGHT: usize = 20;
/// A list of outages needs a blank line, two headings, and a line that says what it leaves out.
const AROUND_OUTAGES: usize = 4;

/// Returns the report in at most `height` lines and one for the prompt, if the answer itself is not longer.
pub(super) fn brief(report: &Report, style: Style, height: usize) -> String {
    let part = |write: &dyn Fn(&mut TextPage<Report>)| {
        let mut page = TextPage::new(report, style);
        write(&mut page);
        page.finish()
    };
    let n_lines = |text: &str| text.lines().count();
    let answer = part(&|page| page.brief_answer());
    let further = part(&|page| page.further());
    let height = height.max(MIN_HEIGHT) - 1;
    let mut left = height.saturating_sub(n_lines(&answer) + n_lines(&further));
    let Groups { of_networks, alone, .. } = headlines::groups(report);
    // A single outage is in the headline.
    let n_outages = Some(of_networks.len() + alone.len()).filter(|n| *n > 1).unwrap_or(0);
    let needed = if n_outages > 0 { AROUND_OUTAGES + n_outages.min(MIN_OUTAGES) } else { 0 };
    let strips = (1..=MAX_STRIPS).rev().map(|n| part(&|page| page.strips_of_networks(n)));
    let visibility = strips.into_iter().find(|strips| n_lines(strips) + needed <= left).unwrap_or_default();
    left -= n_lines(&visibility);
    let rows = left.saturating_sub(AROUND_OUTAGES).min(n_outages);
    let outages = if rows > 0 { part(&|page| page.longest_outages(rows)) } else { String::new() };
    let mut text = answer + &outages + &visibility + &further;
    if n_lines(&text) > height {
        text += &part(&|page| page.verdict());
    }
    text
}

impl TextPage<'_, Report> {
    fn brief_answer(&mut self) {
        let report = self.subject;
        self.short_note(report.note.as_deref());
        self.verdict();
        let headlines = headlines::of_targets(report);
        let sureness = Sureness::new(report);
        if words::are_summarised(report, headlines.len(), MAX_TARGETS) {
            self.overview(&headlines);
        } else {
            for headline in &headlines {
                self.painted_paragraph("1", &sureness.headline(headline), 0);
                self.few_peers(headline);
                for evidence in sureness.evidence_of(headline) {
                    self.paragraph(&evidence, 0);
                }
            }
        }
        self.settings();
    }

    /// What the data cover, and where the rest is.
    fn further(&mut self) {
        let report = self.subject;
        self.line("");
        let [v4, v6] = report.coverage.n_peer_asns;
        let gaps = match report.coverage.rows.iter().filter(|row| row.reason.is_some()).count() {
            0 => String::new(),
            n => format!(", {}", count(n, "gap", "gaps")),
        };
        self.paragraph(
            &format!(
                "Data: {}, {v4} IPv4 and {v6} IPv6 peer ASes, {}{gaps}.",
                count(report.coverage.collectors.len(), "collector", "collectors"),
                count(report.files.len(), "file", "files")
            ),
            0,
        );
        let Groups { members, .. } = headlines::groups(report);
        let parts = [
            (members.len(), "outage of a prefix", "outages of prefixes"),
            (report.findings.losses.len(), "smaller loss", "smaller losses"),
            (words::doubts(report).len(), "doubt", "doubts"),
        ];
        let parts: Vec<String> =
            parts.into_iter().filter(|(n, ..)| *n > 0).map(|(n, one, many)| count(n, one, many)).collect();
        let also = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        self.paragraph(&format!("More: --all{also}; --output DIR writes report.html."), 0);
    }
}
