//! The report as Markdown, for issue trackers and chats that render it.

use std::fmt::Write as _;

use super::headlines::{self, Groups};
use super::sureness::Sureness;
use super::text::{clock, count, from_to, hours, is_unprintable, of_family, percent, size, time_of_day};
use super::{Report, troubles, words};
use crate::detect::{Censoring, Outage};
use crate::observations::TOOL;
use crate::time::{Timestamp, Window};

/// Rows shown of a list, unless `all` is set.
const LIMIT: usize = 12;

/// The report as GitHub and GitLab render it. With `all` nothing is folded.
pub fn markdown(report: &Report, all: bool) -> String {
    let limit = if all { usize::MAX } else { LIMIT };
    let mut text = String::new();
    if let Some(note) = &report.note {
        let _ = writeln!(text, "> Note: {}\n", escape(note));
    }
    let headlines = headlines::of_targets(report);
    let sureness = Sureness::new(report);
    if headlines.len() > limit {
        for sentence in words::overview(report, &headlines) {
            let _ = writeln!(text, "**{}**\n", escape(&sentence));
        }
    } else {
        for headline in &headlines {
            let _ = writeln!(text, "**{}**\n", escape(&words::headline(report, headline)));
            for details in sureness.details(headline) {
                let _ = writeln!(text, "{}\n", escape(&details));
            }
        }
    }
    outages(&mut text, report, &sureness, all, limit);
    coverage(&mut text, report, limit);
    text.push_str("#### Not known\n\n");
    for (doubt, targets) in words::doubts(report) {
        let _ = writeln!(text, "- {}: {}", escape(&targets.join(", ")), escape(&doubt));
    }
    for doubt in words::general_doubts(report) {
        let _ = writeln!(text, "- {}", escape(&doubt));
    }
    let window = from_to(report.parameters.window());
    let _ = writeln!(text, "\n{} {}, {window} UTC.", TOOL.name, TOOL.version);
    text
}

fn outages(text: &mut String, report: &Report, sureness: &Sureness, all: bool, limit: usize) {
    let Groups { of_asn, alone, members } = headlines::groups(report);
    let mut rows: Vec<&Outage> = of_asn.into_iter().chain(alone).collect();
    let mut n_folded = rows.len().saturating_sub(limit);
    rows.truncate(limit);
    if all {
        rows.extend(members);
    } else {
        n_folded += members.len();
    }
    if rows.is_empty() {
        return;
    }
    text.push_str("#### Outages\n\n");
    text.push_str("| network | start (UTC) | end (UTC) | lasting | lost | extent | class | evidence |\n");
    text.push_str("|---|---|---|--:|--:|---|---|---|\n");
    for outage in rows {
        let [lost, back] = sureness.edges(outage);
        let cells = [
            match outage.subject.prefix {
                Some(prefix) => prefix.to_string(),
                None => of_family(outage.subject.target, outage.subject.family),
            },
            edge(outage, outage.fall.start(), Censoring::GapStart, "≤ ", "before the data") + &within(lost),
            edge(outage, outage.fall.end(), Censoring::GapEnd, "≥ ", "still down") + &within(back),
            length(outage),
            percent(1.0 - outage.visibility.min),
            outage.severity.as_ref().to_owned(),
            outage.class.as_ref().replace('_', " "),
            outage.quality.as_ref().to_owned(),
        ];
        let _ = writeln!(text, "| {} |", cells.map(|cell| escape(&cell)).join(" | "));
    }
    if n_folded > 0 {
        let more = count(n_folded, "more outage", "more outages");
        let _ = writeln!(text, "\n{more}, of single prefixes or later ones: `--all` lists them.");
    }
    text.push('\n');
}

/// Returns an edge. `bound` marks one in a gap of the data, which was not later, or not earlier, than this.
fn edge(outage: &Outage, at: Option<Timestamp>, in_gap: Censoring, bound: &str, unknown: &str) -> String {
    match at {
        Some(at) if outage.fall.censored.contains(&in_gap) => format!("{bound}{}", clock(at)),
        Some(at) => clock(at),
        None => unknown.to_owned(),
    }
}

/// ` (first 16:14:08, last 16:15:40)`: the first and the last vantage point. Empty if they do not differ.
fn within(edge: Option<Window>) -> String {
    edge.map_or(String::new(), |edge| format!(" (first {}, last {})", time_of_day(edge.start), time_of_day(edge.end)))
}

fn length(outage: &Outage) -> String {
    let is_exact = outage.fall.censored.iter().all(|censoring| censoring.is_exact());
    format!("{}{}", if is_exact { "" } else { "≥ " }, hours(outage.fall.duration()))
}

fn coverage(text: &mut String, report: &Report, limit: usize) {
    let coverage = &report.coverage;
    let names: Vec<String> = coverage.collectors.iter().map(|row| row.collector.to_string()).collect();
    let [v4, v6] = coverage.n_peer_asns;
    let bytes: u64 = report.files.iter().map(|file| file.bytes).sum();
    let _ = writeln!(
        text,
        "#### Coverage\n\n{} ({}), {v4} IPv4 and {v6} IPv6 peer ASes; {} of {} read.\n",
        count(names.len(), "collector", "collectors"),
        escape(&names.join(", ")),
        count(report.files.len(), "file", "files"),
        size(bytes),
    );
    if let Some(sentence) = words::look_back(report) {
        let _ = writeln!(text, "{sentence}\n");
    }
    for remark in words::listing(report).iter().take(limit) {
        let _ = writeln!(text, "- {}", escape(remark));
    }
    let troubles = troubles::lines(report);
    for (collector, trouble) in troubles.iter().take(limit) {
        let _ = writeln!(text, "- {}: {}", escape(collector.name()), escape(trouble));
    }
    if troubles.len() > limit {
        let _ = writeln!(text, "- {} more: `--all` lists them", troubles.len() - limit);
    }
    let unknown: Vec<_> = coverage.rows.iter().filter_map(|row| Some((row, row.reason?))).collect();
    for (row, reason) in unknown.iter().take(limit) {
        let reason = reason.to_string().replace('_', " ");
        let (who, when) = (escape(row.collector.name()), from_to(row.window));
        let _ = writeln!(text, "- {who} unknown {when}: {reason} ({})", escape(&row.detail));
    }
    if unknown.len() > limit {
        let _ = writeln!(text, "- {} more: `--all` lists them", unknown.len() - limit);
    }
    if !unknown.is_empty() || !troubles.is_empty() {
        text.push('\n');
    }
}

/// Escapes text, so that the name of a file or collector cannot become markup, a link or a mention.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '@' => escaped.push_str("&#64;"),
            c if is_unprintable(c) => escaped.extend(c.escape_default()),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn names_are_no_markup() {
        assert_eq!(escape("rrc00 | [x](http://y) *b* <img> @team\n\u{1b}"), {
            "rrc00 \\| \\[x\\](http://y) \\*b\\* &lt;img&gt; &#64;team\\n\\u{1b}"
        });
    }
}
