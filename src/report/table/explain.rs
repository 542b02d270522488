//! The evidence of each outage in full: edges, upstreams, agreement, records and files, so that it can be checked.

use std::collections::BTreeSet;

use super::super::Report;
use super::super::evidence::{Shown, by_id, commands, file, name, peer, record};
use super::super::text::{clock, count, duration, from_to, wrap};
use super::super::words::{pattern_sentence, sentence};
use super::{Style, TextPage};
use crate::detect::{Bounds, Censoring, Counterfactual, Dump, Edge, Outage, Upstream, Witness};
use crate::error::Error;
use crate::replay::FileIndex;
use crate::time::{Timestamp, Window};

/// Records shown of each edge, unless all are.
const N_SHOWN: usize = 5;

/// Returns the outage with an id, or the only one of a network at a time, as a row of the table names it:
/// `AS131279 2014-12-22T16:15`.
///
/// # Errors
///
/// If there is none, or more than one; the error lists the ids that come into question, or all.
pub fn find_outage<'a>(report: &'a Report, id: &str) -> Result<&'a Outage, Error> {
    let outages = &report.findings.outages;
    let wanted = id.trim();
    if let Some(outage) = outages.iter().find(|outage| outage.id.eq_ignore_ascii_case(wanted)) {
        return Ok(outage);
    }
    let named: Vec<&Outage> = outages.iter().filter(|outage| is_named(outage, wanted)).collect();
    match named[..] {
        [only] => Ok(only),
        [] => Err(unknown(id, outages.iter())),
        _ => Err(unknown(id, named.into_iter())),
    }
}

fn unknown<'a>(id: &str, known: impl Iterator<Item = &'a Outage>) -> Error {
    Error::UnknownOutage { id: id.to_owned(), known: known.map(|outage| outage.id.clone()).collect() }
}

/// Whether words name an outage: its network, its family or not, and its start as far as it is given.
fn is_named(outage: &Outage, words: &str) -> bool {
    let mut words = words.split_whitespace().peekable();
    let subject = &outage.subject;
    let network = subject.prefix.map_or_else(|| subject.target.word(), |prefix| prefix.to_string());
    let is_network =
        |word: &str| word.eq_ignore_ascii_case(&network) || network.strip_prefix("AS").is_some_and(|own| own == word);
    if !words.next().is_some_and(is_network) {
        return false;
    }
    let family = words.next_if(|word| word.to_lowercase().starts_with("ipv"));
    if family.is_some_and(|family| !family.eq_ignore_ascii_case(&subject.family.to_string())) {
        return false;
    }
    let time = words.collect::<Vec<_>>().join(" ");
    let time = time.trim_end_matches("UTC").trim_end_matches('Z').trim_end().replacen('T', " ", 1);
    // A row of the table has no year if all rows have the same.
    let start = outage.fall.start().map(clock).unwrap_or_default();
    start.starts_with(&time) || start.get("2014-".len()..).is_some_and(|start| start.starts_with(&time))
}

/// Explains one outage, or all: those of whole networks, and of prefixes that were lost on their own.
pub fn explain(report: &Report, outage: Option<&Outage>, style: Style) -> String {
    let mut page = TextPage::new(report, style);
    let by_id = by_id(report);
    let shown: Vec<&Outage> = match outage {
        Some(outage) => vec![outage],
        None => {
            let outages = &report.findings.outages;
            let members: BTreeSet<&String> = outages.iter().flat_map(|outage| &outage.prefix_outages).collect();
            outages.iter().filter(|outage| style.all || !members.contains(&outage.id)).collect()
        }
    };
    page.note(report.note.as_deref());
    page.verdict();
    for outage in shown {
        page.line("");
        page.explain(outage, &Shown::new(outage, &by_id));
    }
    page.line("");
    page.paragraph(
        "BGP shows routes, not hosts, and not why a route was withdrawn. The AS next to the origin is where paths met, \
         not where anything broke.",
        0,
    );
    page.finish()
}

impl TextPage<'_, Report> {
    fn explain(&mut self, outage: &Outage, shown: &Shown) {
        let id = self.paint("1", &outage.id);
        self.line(&id);
        self.item(&sentence(self.subject, outage));
        self.edges(outage);
        self.upstreams(outage);
        self.agreement(outage);
        self.witnesses("Lost it", &shown.losses);
        self.witnesses("Regained it", &shown.returns);
        self.dumps(&shown.dumps);
        self.commands(shown);
        self.digests(shown);
    }

    fn item(&mut self, text: &str) {
        for line in wrap(text, self.style.width.saturating_sub(2), 2) {
            self.line(&format!("  {line}"));
        }
    }

    fn edges(&mut self, outage: &Outage) {
        self.line("");
        self.line("Edges (UTC)");
        // An AS loses address space, one prefix at a time.
        let of = if outage.is_of_space() { "of its address space: " } else { "" };
        self.edge("start", outage.fall.start(), &outage.fall.start_bounds, Some(&outage.fall.loss), of, "a tenth left");
        self.edge(
            "end",
            outage.fall.end(),
            &outage.fall.end_bounds,
            outage.fall.recovery.as_ref(),
            of,
            "nine tenths back",
        );
        for censoring in &outage.fall.censored {
            self.item(censored(*censoring));
        }
    }

    fn edge(&mut self, what: &str, at: Option<Timestamp>, bounds: &Bounds, edge: Option<&Edge>, of: &str, most: &str) {
        let shown = |at: Option<Timestamp>| at.map_or("unknown".to_owned(), clock);
        let mut text = format!("{what} {}", shown(at));
        if bounds.earliest != bounds.latest {
            text += &format!(", between {} and {}", shown(bounds.earliest), shown(bounds.latest));
        }
        if let Some(edge) = edge {
            text += &format!("; {of}first change {}", clock(edge.first));
            text += &edge.half.map_or(String::new(), |at| format!(", half {}", clock(at)));
            text += &edge.most.map_or(String::new(), |at| format!(", {most} {}", clock(at)));
            text += &format!(", last change {}", clock(edge.last));
        }
        self.item(&text);
    }

    fn upstreams(&mut self, outage: &Outage) {
        let upstreams = &outage.upstreams;
        if upstreams.before.is_empty() && upstreams.after.is_empty() {
            return;
        }
        self.line("");
        self.line("Next to the origin");
        for (when, list) in [("before", &upstreams.before), ("after", &upstreams.after)] {
            if !list.is_empty() {
                self.item(&format!("{when}: {}", routes(list, when == "before")));
            }
        }
        for (what, list) in
            [("last to lose it", &upstreams.last_to_lose), ("first to regain it", &upstreams.first_to_regain)]
        {
            if !list.is_empty() {
                let peers: Vec<String> =
                    list.iter().map(|peer| format!("{} {}", peer.peer_asn, clock(peer.at))).collect();
                self.item(&format!("{what}: {}", peers.join(", ")));
            }
        }
        if let Some(pattern) = upstreams.pattern {
            self.item(pattern_sentence(pattern, &upstreams.before));
        }
    }

    fn agreement(&mut self, outage: &Outage) {
        let agreement = &outage.agreement;
        self.line("");
        self.line("Agreement (UTC)");
        let time = |at: Option<Timestamp>| at.map_or("not seen".to_owned(), clock);
        for halves in &agreement.collectors {
            let (loss, recovery) = (time(halves.loss), time(halves.recovery));
            self.line(&format!("  {}: half lost {loss}, half back {recovery}", halves.of));
        }
        if agreement.projects.len() > 1 {
            for halves in &agreement.projects {
                let (loss, recovery) = (time(halves.loss), time(halves.recovery));
                self.line(&format!("  {}: half lost {loss}, half back {recovery}", halves.of));
            }
        }
        for (what, range) in [("start", agreement.start_range()), ("end", agreement.end_range())] {
            if let Some((first, last)) = range {
                let between = match first == last {
                    true => format!("is {}", clock(first)),
                    false => format!("lies between {} and {}", clock(first), clock(last)),
                };
                self.item(&format!("leaving out any one collector, the {what} {between}"));
            }
        }
        for (collector, otherwise) in &agreement.without {
            if !matches!(otherwise, Counterfactual::Outage { .. }) {
                self.line(&format!("  without {collector}: {}", otherwise.as_ref().replace('_', " ")));
            }
        }
        if let Some(ioda) = agreement.ioda {
            self.item(&format!("by IODA's rule: {}", otherwise(ioda)));
        }
    }

    fn witnesses(&mut self, what: &str, witnesses: &[&Witness]) {
        if witnesses.is_empty() {
            return;
        }
        self.line("");
        let n = count(witnesses.len(), "route of a vantage point", "routes of vantage points");
        self.line(&format!("{what} (UTC): {n}"));
        // Changes of several prefixes by the same record share a line.
        let of_one = |a: &&Witness, b: &&Witness| {
            (a.at, a.collector, a.peer, a.provenance) == (b.at, b.collector, b.peer, b.provenance)
        };
        let groups: Vec<&[&Witness]> = witnesses.chunk_by(of_one).collect();
        let limit = self.limit_of(N_SHOWN);
        let report = self.subject;
        for group in groups.iter().take(limit) {
            let [witness, others @ ..] = group else { continue };
            let collector = &report.replays[witness.collector.get()].collector;
            let who = format!("{} {collector} {}", clock(witness.at), peer(report, witness));
            let path = witness.path.as_ref().map_or(String::new(), |path| format!(", path {path}"));
            let what = name(witness).replace('_', " ");
            self.item(&format!("{who}: {what} {}{}{path}", witness.prefix, and_others(others.len())));
            if let Some(record) = record(witness)
                && let Some(file) = file(report, record.file)
            {
                self.line(&format!("    record {} at byte {} of {}", record.record, record.offset, file.name));
            }
        }
        self.more(groups.len(), limit);
    }

    fn dumps(&mut self, dumps: &[&Dump]) {
        if dumps.is_empty() {
            return;
        }
        self.line("");
        self.line("RIB dumps during the outage (UTC)");
        let mut by_file: Vec<&&Dump> = dumps.iter().collect();
        by_file.sort_by_key(|dump| (dump.at, dump.file, dump.prefix));
        let files: Vec<&[&&Dump]> = by_file.chunk_by(|a, b| a.file == b.file).collect();
        let limit = self.limit_of(N_SHOWN);
        let report = self.subject;
        for dumps in files.iter().take(limit) {
            let [dump, others @ ..] = dumps else { continue };
            let n_holding = dumps.iter().map(|dump| dump.holding.len()).max().unwrap_or(0);
            let lists = if n_holding == 1 { "lists" } else { "list" };
            let verdict = match dumps.iter().all(|dump| dump.confirms) {
                true if n_holding == 0 => "no full feed lists".to_owned(),
                true => format!("only {n_holding} of {} full feeds, which never lost it, {lists}", dump.n_full_feeds),
                false => format!("{n_holding} of {} full feeds {lists}", dump.n_full_feeds),
            };
            let of_first = format!("{}{}", dump.prefix, and_others(others.len()));
            self.item(&format!("{}: {verdict} {of_first}", clock(dump.at)));
            self.line(&format!("    {}", file(report, dump.file).map(|file| file.name.as_str()).unwrap_or_default()));
            for (peer, record, path) in &dump.entries {
                let peer = report.replays[dump.collector.get()].peer(*peer);
                self.line(&format!("    record {} at byte {}: {peer}, path {path}", record.record, record.offset));
            }
        }
        self.more(files.len(), limit);
    }

    fn limit_of(&self, few: usize) -> usize {
        if self.style.all { usize::MAX } else { few }
    }

    fn more(&mut self, n: usize, limit: usize) {
        if n > limit {
            self.line(&format!("  … and {} more: --all lists them", n - limit));
        }
    }

    /// How to look up the first record of each edge with public tools.
    fn commands(&mut self, shown: &Shown) {
        let first = |list: &[&Witness]| list.iter().find_map(|witness| commands(self.subject, witness));
        let found: Vec<[String; 2]> = [first(&shown.losses), first(&shown.returns)].into_iter().flatten().collect();
        if found.is_empty() {
            return;
        }
        self.line("");
        self.line("The first record of each edge with other programs (run in the archive folder)");
        for command in found.iter().flatten() {
            self.line(&format!("  {command}"));
        }
    }

    /// The files named above.
    fn digests(&mut self, shown: &Shown) {
        let limit = self.limit_of(N_SHOWN);
        let edges = shown.losses.iter().take(limit).chain(shown.returns.iter().take(limit));
        let records = edges.filter_map(|witness| record(witness)).map(|record| record.file);
        let numbers: BTreeSet<FileIndex> =
            records.chain(shown.dumps.iter().take(limit).map(|dump| dump.file)).collect();
        if numbers.is_empty() {
            return;
        }
        self.line("");
        self.line("SHA-256 of these files");
        let report = self.subject;
        for file in numbers.into_iter().filter_map(|number| file(report, number)) {
            self.line(&format!("  {}  {}", file.sha256, file.name));
        }
    }
}

/// ` and 3 others`.
fn and_others(n: usize) -> String {
    if n == 0 { String::new() } else { format!(" and {}", count(n, "other", "others")) }
}

fn routes(list: &[Upstream], before: bool) -> String {
    let n: usize = list.iter().map(|upstream| upstream.n_routes).sum();
    let each = list.iter().map(|upstream| {
        let lost = if before { format!(", {} lost", upstream.n_lost) } else { String::new() };
        format!("{} on {} of {} known routes{lost}", upstream.asn, upstream.n_routes, n)
    });
    each.collect::<Vec<_>>().join("; ")
}

fn otherwise(otherwise: Counterfactual) -> String {
    match otherwise {
        Counterfactual::Outage { start: Some(start), end: Some(end) } if start < end => {
            let window = Window { start, end };
            format!("an outage from {} ({})", from_to(window), duration(window.duration()))
        }
        Counterfactual::Outage { start, end } => {
            let start = start.map_or("before the data".to_owned(), clock);
            let end = end.map_or("the end of the window".to_owned(), clock);
            format!("an outage from {start} to {end}")
        }
        Counterfactual::NoOutage => "no outage".to_owned(),
        Counterfactual::InsufficientData => "insufficient data".to_owned(),
        Counterfactual::NoFullFeed => {
            "not judged, because no table has the 400,000 IPv4 or 10,000 IPv6 prefixes that the rule requires"
                .to_owned()
        }
    }
}

fn censored(censoring: Censoring) -> &'static str {
    match censoring {
        Censoring::Left => "it was already down when first judged: the start is unknown",
        Censoring::BeganBeforeFrom => "it began before the window",
        Censoring::GapStart => "the start lies in an interval without sufficient data",
        Censoring::GapEnd => "the end lies in an interval without sufficient data",
        Censoring::EndedAfterTo => "it ended after the window",
        Censoring::Right => "it was down at the end of the window: the length is a lower bound",
    }
}
