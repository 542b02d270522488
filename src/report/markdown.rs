//! The report as Markdown, for issue trackers and chats that render it.

use std::fmt::Write as _;

use super::headlines::{self, Groups};
use super::sureness::Sureness;
use super::text::{clock, count, from_to, hours, is_unprintable, percent, size};
use super::{Report, printable, question, quiet, troubles, words};
use crate::detect::{Censoring, Episode, Outage};
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
    if words::are_summarised(report, headlines.len(), limit) {
        for sentence in words::overview(report, &headlines) {
            let _ = writeln!(text, "**{}**\n", escape(&sentence));
        }
    } else {
        for headline in &headlines {
            let _ = writeln!(text, "**{}**\n", escape(&sureness.headline(headline)));
            if let Some(few) = words::few_peers(report, headline.summary) {
                let _ = writeln!(text, "Not enough data: {}.\n", escape(&few));
            }
            for details in sureness.details(headline) {
                let _ = writeln!(text, "{}\n", escape(&details));
            }
        }
    }
    if let Some(settings) = question::settings(report) {
        let _ = writeln!(text, "{}\n", escape(&settings));
    }
    outages(&mut text, report, &sureness, all, limit);
    flaps(&mut text, report, all, limit);
    coverage(&mut text, report, limit);
    text.push_str("#### Not known\n\n");
    for (doubt, targets) in words::doubts(report) {
        let _ = writeln!(text, "- {}: {}", escape(&targets.join(", ")), escape(&doubt));
    }
    for doubt in words::general_doubts(report) {
        let _ = writeln!(text, "- {}", escape(&doubt));
    }
    // A fence longer than any in the command cannot be closed by it.
    let command = question::command(report);
    let _ = writeln!(text, "\n#### Repeat\n\n````sh\n{}\n````\n", printable(&command).replace("````", ""));
    let window = from_to(report.parameters.window());
    let _ = writeln!(text, "{} {}, {window} UTC.", TOOL.name, TOOL.version);
    text
}

fn outages(text: &mut String, report: &Report, sureness: &Sureness, all: bool, limit: usize) {
    let Groups { of_networks, alone, members } = headlines::groups(report);
    let found: Vec<&Outage> = of_networks.into_iter().chain(alone).collect();
    let mut rows = headlines::longest_rows(&found, limit);
    let n_shorter = found.len() - rows.len();
    if rows.is_empty() {
        return;
    }
    let mut folded = Vec::new();
    if n_shorter > 0 {
        folded.push(count(n_shorter, "shorter outage", "shorter outages"));
    }
    if all {
        rows.extend(members);
    } else if !members.is_empty() {
        folded.push(count(
            members.len(),
            "outage of a prefix of these networks",
            "outages of prefixes of these networks",
        ));
    }
    text.push_str("#### Outages\n\n");
    text.push_str("| network | start (UTC) | end (UTC) | duration | lost | extent | class | evidence |\n");
    text.push_str("|---|---|---|--:|--:|---|---|---|\n");
    for outage in rows {
        let [lost, back] = sureness.edges(outage);
        let cells = [
            outage.subject.name(),
            edge(outage, outage.fall.start(), Censoring::GapStart, "≤ ", "before the data", lost),
            edge(outage, outage.fall.end(), Censoring::GapEnd, "≥ ", "still down", back),
            length(outage),
            percent(1.0 - outage.visibility.min),
            outage.severity.as_ref().to_owned(),
            outage.class.as_ref().replace('_', " "),
            outage.quality.as_ref().to_owned(),
        ];
        let _ = writeln!(text, "| {} |", cells.map(|cell| escape(&cell)).join(" | "));
    }
    if !folded.is_empty() {
        let _ = writeln!(text, "\nNot shown: {}. `--all` lists them.", folded.join(" and "));
    }
    text.push('\n');
}

/// Falls that were too short to be outages, by episode.
fn flaps(text: &mut String, report: &Report, all: bool, limit: usize) {
    let episodes = report.findings.episodes.iter().filter(|episode| headlines::is_unstable(episode));
    let (of_networks, of_prefixes): (Vec<_>, Vec<_>) =
        episodes.partition(|episode| headlines::is_of_network(report, &episode.subject));
    let shown: Vec<&Episode> =
        if all || of_networks.is_empty() { [of_networks, of_prefixes].concat() } else { of_networks };
    if shown.is_empty() {
        return;
    }
    let shortest = quiet::shortest(report);
    let _ = writeln!(text, "#### Flaps\n\nFalls of less than {shortest} are flaps, not outages.\n");
    text.push_str("| network | flaps | outages | from, to (UTC) | longest flap |\n|---|--:|--:|---|--:|\n");
    for episode in shown.iter().take(limit) {
        let longest = episode.flaps.iter().map(|flap| flap.window.duration()).max();
        let cells = [
            episode.subject.name(),
            episode.flaps.len().to_string(),
            episode.n_outages.to_string(),
            from_to(episode.window),
            longest.map_or_else(|| "-".to_owned(), hours),
        ];
        let _ = writeln!(text, "| {} |", cells.map(|cell| escape(&cell)).join(" | "));
    }
    if shown.len() > limit {
        let _ = writeln!(text, "\nNot shown: {} more. `--all` lists them.", shown.len() - limit);
    }
    text.push('\n');
}

/// Returns an edge. `bound` marks one in a gap in the data, which was no later, or no earlier, than this.
fn edge(
    outage: &Outage,
    at: Option<Timestamp>,
    in_gap: Censoring,
    bound: &str,
    unknown: &str,
    margin: Option<Window>,
) -> String {
    let Some(at) = at else { return unknown.to_owned() };
    let bound = if outage.fall.censored.contains(&in_gap) { bound } else { "" };
    format!("{bound}{}{}", clock(at), words::margin(at, margin))
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
        "#### Coverage\n\n{} ({}), {v4} IPv4 and {v6} IPv6 peer ASes; {} ({}) read.\n",
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
