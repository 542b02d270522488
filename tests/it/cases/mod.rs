//! The findings of the library about small archives, case by case: scenario text in, one line out.
//!
//! A question names targets, a window and options in one line; the answer is rendered as one line of what a user would
//! notice, with times in seconds from the scenario's epoch.

mod by_length;
mod december_2014;
mod events;
mod files;
mod judgement;
mod numbers;
mod outages;
mod parsing;
mod replay;
mod ribs;
mod sessions;
mod shares;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use outage_replay::bgp::{Asn, Collector, Prefix};
use outage_replay::catalog::Mirror;
use outage_replay::coverage::FileReading;
use outage_replay::detect::{Bounds, Censoring, Class, Edge, Episode, Loss, Outage};
use outage_replay::query::{Match, Metric, Query, RibChoice, Target};
use outage_replay::report::{CollectorCoverage, Report};
use outage_replay::time::{Timestamp, Window};
use outage_replay::visibility::{RouteState, Step, Timeline};
use outage_replay::{Options, run};

use crate::scenario;

/// The prefix that most cases are about, `P` in questions and answers.
const P: &str = "175.45.176.0/24";

/// Runs the scenario and compares what was found.
fn check(scenario: &str, question: &str, expected: &str) {
    let found = answer(scenario, question);
    assert_eq!(found, expected, "\n{question}\n{scenario}");
}

/// What a user would notice, in one line.
fn answer(scenario: &str, question: &str) -> String {
    let (question, report) = ask(scenario, question);
    question.rendered(&report)
}

/// The whole report.
fn report(scenario: &str, question: &str) -> Report {
    ask(scenario, question).1
}

/// What the archive in a folder shows, with times from the epoch of the scenario that it was made by.
fn answer_in(folder: &Path, scenario: &str, question: &str) -> String {
    let (question, report) = ask_in(folder, scenario, question);
    question.rendered(&report)
}

fn ask(scenario: &str, question: &str) -> (Question, Report) {
    ask_in(scenario::folder(scenario).path(), scenario, question)
}

fn ask_in(folder: &Path, scenario: &str, question: &str) -> (Question, Report) {
    let question = Question::new(question, epoch(scenario));
    let mirror = Mirror::open(folder).expect("an archive");
    let report = run(&question.query, &mirror, &question.options, &()).expect("a report");
    (question, report)
}

/// Three full feeds of one RIPE RIS collector hold P in the RIB dump that ends 15 minutes before the epoch. Every peer
/// sends a KEEPALIVE each minute, so that no update file is empty.
fn three_feeds(more: &str) -> String {
    feeds(3, more)
}

/// As [`three_feeds`], with `n` feeds `p1`, `p2`... of AS1001, AS1002...; the first three are also `a`, `b` and `c`.
fn feeds(n: usize, more: &str) -> String {
    hours_of_feeds(n, "+1800", &format!("rib x -900\n{more}"))
}

/// `n` feeds that hold P from 15 minutes before the epoch to `end`, without any RIB dump.
fn hours_of_feeds(n: usize, end: &str, more: &str) -> String {
    let peers: Vec<String> = (1..=n)
        .map(|number| {
            let name = ["a", "b", "c"].get(number - 1).map_or(format!("p{number}"), |name| (*name).to_owned());
            format!("peer {name} x AS{} 192.0.2.{number}\n", 1000 + number)
        })
        .collect();
    format!(
        "epoch 2014-12-22T08:00\narchive -900 .. {end}\ncollector x riperis updates 300 states keepalives 60\n{}\
         prefix P {P}\ntable rest 20 of 198.18.0.0/15 as /24 origins 64500 via 174 on all\n\
         route all P \"4837 131279\"\n{more}\n",
        peers.concat()
    )
}

fn epoch(scenario: &str) -> Timestamp {
    let line = scenario.lines().find_map(|line| line.trim().strip_prefix("epoch "));
    line.expect("a scenario with an epoch").trim().parse().expect("a time")
}

/// A question: `P 0..900 min-duration 60 show R edges`.
struct Question {
    query: Query,
    options: Options,
    show: Vec<String>,
    epoch: Timestamp,
}

impl Question {
    fn new(text: &str, epoch: Timestamp) -> Question {
        let mut options = Options::default();
        options.criteria.sufficiency.min_peers = 1;
        let nowhere = Window { start: Timestamp::MIN, end: Timestamp::MAX };
        let query = Query { ribs: RibChoice::All, ..Query::new(Vec::new(), nowhere) };
        let mut question = Question { query, options, show: Vec::new(), epoch };
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word} without a value: {text}"));
            match word {
                "min-peers" => question.options.criteria.sufficiency.min_peers = value().parse().expect("a number"),
                "min-duration" => question.options.criteria.thresholds.min_duration = seconds(value()),
                "baseline" => question.query.baseline = seconds(value()),
                "collector" => question.query.collectors.push(Collector::new(value())),
                "metric-ioda" => question.options.criteria.metric = Metric::Ioda,
                "jobs" => question.options.jobs = value().parse().expect("a number"),
                "show" => question.show = words.by_ref().map(str::to_owned).collect(),
                word => question.target_or_window(word),
            }
        }
        question
    }

    fn target_or_window(&mut self, word: &str) {
        if let Some((start, end)) = word.split_once("..") {
            self.query.window = Window::new(self.at(start), self.at(end)).expect("a window");
        } else if let Ok(asn) = word.parse::<Asn>() {
            self.query.targets.push(Target::Asn(asn));
        } else {
            let prefix = if word == "P" { P } else { word };
            self.query.targets.push(Target::Prefix(prefix.parse().expect("a target"), Match::MoreSpecific));
        }
    }

    fn at(&self, text: &str) -> Timestamp {
        let offset: i64 = text.parse().expect("seconds from the epoch");
        Timestamp::from_micros(self.epoch.micros() + offset * 1_000_000)
    }

    fn shows(&self, what: &str) -> bool {
        self.show.iter().any(|word| word == what)
    }

    fn rendered(&self, report: &Report) -> String {
        let mut lines: Vec<String> = Vec::new();
        // Prefixes of one AS that share one fate.
        let mut outages: Vec<(Vec<String>, String)> = Vec::new();
        for outage in &report.findings.outages {
            let (who, what) = (subject(outage.subject.target, outage.subject.prefix), self.outage(outage));
            match outages.iter_mut().find(|(_, known)| *known == what) {
                Some((subjects, _)) => subjects.push(who),
                None => outages.push((vec![who], what)),
            }
        }
        lines.extend(outages.into_iter().map(|(who, what)| format!("outage {} {what}", who.join(","))));
        lines.extend(report.findings.episodes.iter().filter_map(|episode| self.episode(episode)));
        lines.extend(report.findings.losses.iter().map(|loss| self.loss(loss)));
        for summary in report.summaries.iter().filter(|summary| !summary.unobserved.is_empty()) {
            let windows: Vec<String> = summary.unobserved.iter().map(|window| self.window(window)).collect();
            lines.push(format!("unobserved {} {}", subject(summary.target, None), windows.join(" ")));
        }
        for summary in report.summaries.iter().filter(|summary| !summary.never_carried.is_empty()) {
            let n_prefixes = summary.never_carried.len();
            lines.push(format!("never carried {n_prefixes} of {}", summary.n_prefixes));
        }
        for row in &report.coverage.rows {
            lines.extend(row.reason.map(|reason| format!("{} {reason} {}", row.collector, self.window(&row.window))));
        }
        lines.extend(report.coverage.collectors.iter().filter_map(corrections));
        if report.findings.outages.is_empty() {
            lines.insert(0, report.answer().name().to_owned());
        }
        lines.extend(self.shown(report));
        lines.join(" | ")
    }

    /// What a question asks for beyond the usual.
    fn shown(&self, report: &Report) -> Vec<String> {
        let mut lines = Vec::new();
        for timeline in &report.timelines {
            if self.shows("R") {
                lines.push(self.steps("R", timeline, |step| (step.n_baseline_visible, step.n_baseline_live)));
            }
            if self.shows("V") {
                lines.push(self.steps("V", timeline, |step| (step.n_visible, step.n_live)));
            }
        }
        for space in report.networks().filter(|_| self.shows("space")) {
            let steps: Vec<String> = space
                .steps
                .intervals()
                .filter_map(|(window, step)| Some((window.intersect(&self.query.window)?, step)))
                .map(|(window, step)| format!("{}:{}/{}", self.time(window.start), step.space_up, step.space))
                .collect();
            lines.push(format!("space {}", steps.join(" ")));
        }
        let of = |asn: Asn| self.shows(&asn.to_string());
        for span in report.spans().filter(|span| of(span.vantage_point.peer.asn)) {
            let held = match &span.state {
                RouteState::Present(Some(path)) => format!("holds \"{path}\""),
                RouteState::Present(None) => "holds it".to_owned(),
                RouteState::Absent => "lacks it".to_owned(),
                RouteState::Unknown => "unknown".to_owned(),
            };
            lines.push(format!("{} {held} {}", self.window(&span.window), span.evidence));
        }
        for span in report.sessions().filter(|span| of(span.vantage_point.peer.asn)) {
            if span.family == self.family() {
                lines.push(format!("{} {:?}", self.window(&span.window), span.state).to_lowercase());
            }
        }
        let wanted = |file: &&FileReading| self.shows("files") || self.shows("not-ok") && file.detail.is_some();
        for file in report.files.iter().filter(wanted) {
            let name = file.name.rsplit('/').next().unwrap_or_default();
            lines.push(format!("{} {}", name.trim_end_matches(".gz").trim_end_matches(".bz2"), file.verdict));
        }
        lines
    }

    fn family(&self) -> outage_replay::bgp::Family {
        match self.query.targets.first() {
            Some(Target::Prefix(prefix, _)) => prefix.family(),
            _ => outage_replay::bgp::Family::V4,
        }
    }

    fn outage(&self, outage: &Outage) -> String {
        let time = |at: Option<Timestamp>| at.map_or("?".to_owned(), |at| self.time(at));
        let (severity, class) = (outage.severity.as_ref(), outage.class.as_ref());
        let mut words = vec![format!("{}..{} {severity} {class}", time(outage.fall.start()), time(outage.fall.end()))];
        for censoring in &outage.fall.censored {
            words.push(match censoring {
                Censoring::GapStart => format!("gap_start in {}", self.bounds(&outage.fall.start_bounds)),
                Censoring::GapEnd => format!("gap_end in {}", self.bounds(&outage.fall.end_bounds)),
                other => other.as_ref().to_owned(),
            });
        }
        if outage.fall.share_min > 0.0 {
            words.push(format!("min {:.2}", outage.fall.share_min));
        }
        if outage.fall.parts.len() > 1 {
            words.push(format!("merged {}", outage.fall.parts.len()));
        }
        let n_zombies = outage.survivors.iter().filter(|survivor| survivor.zombie).count();
        if !outage.survivors.is_empty() {
            words.push(format!("survivors {} zombies {n_zombies}", outage.survivors.len()));
        }
        if self.shows("rib") {
            words.push(format!("rib {:?}", outage.rib_confirmed));
        }
        if self.shows("edges") {
            words.push(format!("loss {}", self.edge(&outage.fall.loss)));
            words.extend(outage.fall.recovery.as_ref().map(|edge| format!("recovery {}", self.edge(edge))));
        }
        words.join(" ")
    }

    fn edge(&self, edge: &Edge) -> String {
        let time = |at: Option<Timestamp>| at.map_or("?".to_owned(), |at| self.time(at));
        format!("{} {} {} {}", self.time(edge.first), time(edge.half), time(edge.most), self.time(edge.last))
    }

    /// Episodes that are more than one outage.
    fn episode(&self, episode: &Episode) -> Option<String> {
        let (n_outages, n_flaps) = (episode.n_outages, episode.flaps.len());
        if n_flaps == 0 && n_outages < 2 {
            return None;
        }
        let who = subject(episode.subject.target, episode.subject.prefix);
        Some(format!("episode {who} {}: {n_outages} outages {n_flaps} flaps", self.window(&episode.window)))
    }

    fn loss(&self, loss: &Loss) -> String {
        let class = if loss.class == Class::Local { "local" } else { "degraded" };
        let mut asns: Vec<Asn> = loss.lost_by.iter().map(|who| who.peer.asn).collect();
        asns.dedup();
        let by = match asns[..] {
            [asn] => format!(" by {asn}"),
            [] => String::new(),
            _ => format!(" by {} ASes", asns.len()),
        };
        let who = subject(loss.subject.target, loss.subject.prefix);
        format!("loss {who} {} {class} min {:.2}{by}", self.window(&loss.window), loss.share_min)
    }

    /// Every change of a share inside the window; `?` where the data do not suffice.
    fn steps(&self, name: &str, timeline: &Timeline, of: impl Fn(&Step) -> (u32, u32)) -> String {
        let mut words = vec![name.to_owned()];
        let mut last = None;
        for (window, step) in timeline.steps.intervals() {
            let Some(shown) = window.intersect(&self.query.window) else { continue };
            let share = (of(step), step.observed);
            if last != Some(share) {
                let ((part, whole), mark) = (share.0, if share.1 { "" } else { "?" });
                words.push(format!("{}:{part}/{whole}{mark}", self.time(shown.start)));
            }
            last = Some(share);
        }
        words.join(" ")
    }

    fn bounds(&self, bounds: &Bounds) -> String {
        let time = |at: Option<Timestamp>| at.map_or("?".to_owned(), |at| self.time(at));
        format!("{}..{}", time(bounds.earliest), time(bounds.latest))
    }

    fn window(&self, window: &Window) -> String {
        format!("{}..{}", self.time(window.start), self.time(window.end))
    }

    /// Seconds from the epoch.
    fn time(&self, at: Timestamp) -> String {
        (at.micros_since(self.epoch) as f64 / 1e6).to_string()
    }
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs(text.parse().expect("seconds"))
}

fn subject(target: Target, prefix: Option<Prefix>) -> String {
    let name = match (target, prefix) {
        (_, Some(prefix)) => prefix.to_string(),
        (target, None) => target.to_string(),
    };
    if name == P { "P".to_owned() } else { name }
}

/// What one collector's replay had to correct or refuse.
fn corrections(coverage: &CollectorCoverage) -> Option<String> {
    let counts = BTreeMap::from([
        ("late", coverage.late_records),
        ("missed announcements", coverage.missed_announcements),
        ("missed withdrawals", coverage.missed_withdrawals),
        ("rejected", coverage.source.n_rib_dumps_rejected as u64),
    ]);
    let words: Vec<String> =
        counts.into_iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{what} {n}")).collect();
    (!words.is_empty()).then(|| format!("{}: {}", coverage.collector, words.join(", ")))
}

/// The cases T01 to T92 are listed in `docs/testing.md`. A comment above each test names the cases that it covers.
#[test]
fn every_case_of_the_method_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named = BTreeSet::new();
    let mut folders = vec![root.join("src"), root.join("tests/it")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                named.extend(cases_named(&std::fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    let missing: Vec<usize> = (1..=92).filter(|number| !named.contains(number)).collect();
    assert!(missing.is_empty(), "cases without a test: {missing:?}");
    let unknown: Vec<&usize> = named.iter().filter(|number| !(1..=92).contains(*number)).collect();
    assert!(unknown.is_empty(), "no such cases: {unknown:?}");
}

/// The numbers in comments such as `// T12, T13` right above a test.
fn cases_named(source: &str) -> Vec<usize> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let above_a_test =
        lines.windows(2).filter(|pair| pair[1] == "#[test]").filter_map(|pair| pair[0].strip_prefix("// T"));
    above_a_test.flat_map(|numbers| numbers.split(", T")).filter_map(|number| number.parse().ok()).collect()
}
