//! Compares the claims with the truth, from the report of the library or from the JSON of the program.

use std::path::Path;

use outage_replay::bgp::Asn;
use outage_replay::catalog::Mirror;
use outage_replay::detect::{Outage, Scope};
use outage_replay::query::{Match, Query, Target};
use outage_replay::report::Answer;
use outage_replay::time::{Timestamp, Window};
use outage_replay::{Options, Report, run};
use serde_json::Value;

use super::scene::Scene;
use crate::cli::{Ran, program, ran};

/// Claims that are farther off than this contradict the truth, and truths that are shorter need not be found.
const TOLERANCE: i64 = 120;
/// Edges that are exact.
const EXACT: i64 = 10;

/// How much of the truth an answer has to contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Exact,
    Safe,
}

/// The claims about a window, in Unix seconds.
#[derive(Clone, Debug)]
pub struct Found {
    pub window: (i64, i64),
    pub claims: Vec<Claim>,
    pub unobserved: Vec<(i64, i64)>,
    pub is_sufficient: bool,
    /// Impossible numbers.
    pub nonsense: Vec<String>,
}

/// An outage that is claimed: an end that is not known lies outside the window.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    pub start: i64,
    pub end: i64,
    pub severity: String,
    pub class: String,
}

impl Found {
    /// How much of an interval is reported as unknown, in seconds.
    fn unknown(&self, start: i64, end: i64) -> i64 {
        self.unobserved.iter().map(|(from, to)| (end.min(*to) - start.max(*from)).max(0)).sum()
    }

    fn is_unknown(&self, start: i64, end: i64) -> bool {
        self.unknown(start, end) * 10 >= (end - start) * 9
    }

    /// Everything that is wrong with it, given the intervals for which every vantage point had lost the prefix.
    pub fn faults(&self, truth: &[(i64, i64)], rule: Rule) -> Vec<String> {
        let mut faults = self.nonsense.clone();
        for claim in &self.claims {
            let near: Vec<_> =
                truth.iter().filter(|(x, y)| claim.start < y + TOLERANCE && claim.end > x - TOLERANCE).collect();
            let (Some(first), Some(last)) = (near.iter().map(|t| t.0).min(), near.iter().map(|t| t.1).max()) else {
                faults.push(format!("false outage {}", span(claim.start, claim.end)));
                continue;
            };
            if claim.end > last + TOLERANCE && !self.is_unknown(last + EXACT, claim.end) {
                faults.push(format!("outage lasts {} s too long", claim.end - last));
            }
            if claim.start < first - TOLERANCE && !self.is_unknown(claim.start, first - EXACT) {
                faults.push(format!("outage begins {} s too early", first - claim.start));
            }
            if claim.severity != "total" && rule == Rule::Exact {
                faults.push(format!("{}, should be total", claim.severity));
            }
        }
        // What lies outside of the window need not be found.
        let (from, to) = self.window;
        let inside = truth.iter().map(|(x, y)| ((*x).max(from), (*y).min(to)));
        for (x, y) in inside.filter(|(x, y)| y - x >= TOLERANCE) {
            let hits = || self.claims.iter().filter(|claim| claim.start < y && claim.end > x);
            if hits().count() == 0 && !self.is_unknown(x, y) {
                faults.push(format!("missed outage {}", span(x, y)));
            }
            let is_exact =
                |claim: &Claim| (claim.start.max(from) - x).abs() <= EXACT && (claim.end.min(to) - y).abs() <= EXACT;
            if rule == Rule::Exact && !hits().any(is_exact) {
                faults.push(format!("edges are not {}", span(x, y)));
            }
        }
        if rule == Rule::Exact && truth.is_empty() && !self.is_sufficient {
            faults.push("data are insufficient".to_owned());
        }
        faults
    }

    /// The claims and the unknown time, for messages.
    fn shown(&self) -> String {
        let claims = self.claims.iter().map(|claim| {
            let Claim { start, end, severity, class } = claim;
            format!("{} {severity} {class}", span(*start, *end))
        });
        let unknown = self.unobserved.iter().map(|(from, to)| format!("unknown {}", span(*from, *to)));
        let all: Vec<String> = claims.chain(unknown).collect();
        if all.is_empty() { "no outage, nothing unknown".to_owned() } else { all.join(", ") }
    }
}

fn span(start: i64, end: i64) -> String {
    let clock = |at: i64| Timestamp::from_secs(at).to_string()[11..19].to_owned();
    format!("{}..{}", clock(start), clock(end))
}

impl From<&Report> for Found {
    fn from(report: &Report) -> Found {
        let (from, to) = (report.parameters.window().start, report.parameters.window().end);
        let of = |scope: Scope| report.findings.outages.iter().filter(move |outage| outage.subject.scope == scope);
        let mut rows: Vec<&Outage> = of(Scope::Prefix).collect();
        if rows.is_empty() {
            rows = of(Scope::Asn).collect();
        }
        let claim = |outage: &&Outage| Claim {
            start: outage.fall.start().unwrap_or(from).secs(),
            end: outage.fall.end().unwrap_or(to).secs(),
            severity: outage.severity.as_ref().to_owned(),
            class: outage.class.as_ref().to_owned(),
        };
        let unobserved = report.summaries.iter().flat_map(|summary| &summary.unobserved);
        Found {
            window: (from.secs(), to.secs()),
            claims: rows.iter().map(claim).collect(),
            unobserved: unobserved.map(|window| (window.start.secs(), window.end.secs())).collect(),
            is_sufficient: report.is_sufficient(),
            nonsense: nonsense(report),
        }
    }
}

impl From<&Value> for Found {
    fn from(document: &Value) -> Found {
        let at = |value: &Value| value.as_str().map(|text| text.parse::<Timestamp>().expect("a time").secs());
        let window = &document["query"];
        let edge = |name: &str| at(&window[name]).unwrap_or_else(|| panic!("no {name} in {window}"));
        let outages = document["outages"].as_array().expect("outages");
        let of = |scope: &str| outages.iter().filter(|outage| outage["scope"] == scope).collect::<Vec<_>>();
        let rows = match of("prefix") {
            rows if rows.is_empty() => of("asn"),
            rows => rows,
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let claims = rows.into_iter().map(|outage| Claim {
            start: at(&outage["start"]).unwrap_or_else(|| edge("window_start")),
            end: at(&outage["end"]).unwrap_or_else(|| edge("window_end")),
            severity: text(&outage["severity"]),
            class: text(&outage["class"]),
        });
        let targets = document["coverage"]["targets"].as_array().expect("targets");
        let unobserved = targets.iter().flat_map(|target| target["unobserved"].as_array().expect("windows"));
        Found {
            window: (edge("window_start"), edge("window_end")),
            claims: claims.collect(),
            unobserved: unobserved.filter_map(|window| Some((at(&window["start"])?, at(&window["end"])?))).collect(),
            is_sufficient: document["coverage"]["sufficient"] == true,
            nonsense: Vec::new(),
        }
    }
}

/// Impossible numbers in a report, independent of the archive.
fn nonsense(report: &Report) -> Vec<String> {
    let mut wrong = Vec::new();
    for outage in &report.findings.outages {
        if outage.counts.n_vantage_points_lost > outage.counts.n_vantage_points {
            let (lost, all) = (outage.counts.n_vantage_points_lost, outage.counts.n_vantage_points);
            wrong.push(format!("{}: {lost} of {all} vantage points lost it", outage.id));
        }
        if let (Some(end), Some(recovery)) = (outage.fall.end(), &outage.fall.recovery)
            && recovery.last < end
        {
            wrong.push(format!("{}: the last return at {} is before the end {end}", outage.id, recovery.last));
        }
        if [Some(outage.visibility.min), Some(outage.fall.share_min), outage.visibility.before]
            .into_iter()
            .flatten()
            .any(|share| !(0.0..=1.0).contains(&share))
        {
            wrong.push(format!("{}: a share is not in 0..1", outage.id));
        }
    }
    for timeline in &report.timelines {
        let wild = timeline.steps.values().find(|step| {
            step.n_visible > step.n_live
                || step.n_baseline_visible > step.n_baseline_live
                || step.n_vantage_points_visible > step.n_vantage_points
        });
        wrong.extend(wild.map(|step| format!("{}: more see it than there are: {step:?}", timeline.prefix)));
    }
    wrong
}

impl Scene {
    /// `08:30:00..09:10:00 ...`
    fn truth(&self, text: &str) -> Vec<(i64, i64)> {
        let stretch = |word: &str| {
            let (start, end) = word.split_once("..").expect("two clocks");
            (self.at(start), self.at(end))
        };
        text.split_whitespace().map(stretch).collect()
    }

    /// The arguments of the same question for the program.
    pub fn arguments(&self) -> String {
        let [from, to] = [self.from, self.to].map(Timestamp::from_secs);
        let min_peers = self.min_peers.map(|n| format!(" --min-peers {n}")).unwrap_or_default();
        format!("--prefix {}{min_peers} --from {from} --to {to}", self.prefix)
    }

    pub fn report_on(&self, targets: Vec<Target>, archive: &Path) -> Report {
        let window = Window { start: Timestamp::from_secs(self.from), end: Timestamp::from_secs(self.to) };
        let mut options = Options::default();
        options.criteria.sufficiency.min_peers = self.min_peers.unwrap_or(options.criteria.sufficiency.min_peers);
        let mirror = Mirror::open(archive).expect("an archive");
        run(&Query::new(targets, window), &mirror, &options, &()).expect("a report")
    }

    /// The findings of the library about the prefix.
    pub fn report(&self) -> Report {
        self.report_on(vec![self.target()], self.write().path())
    }

    fn target(&self) -> Target {
        Target::Prefix(self.prefix, Match::MoreSpecific)
    }

    /// The findings of the library about an AS.
    pub fn report_on_asn(&self, asn: u32) -> Report {
        self.report_on(vec![Target::Asn(Asn(asn))], self.write().path())
    }
}

/// Fails unless the outages are found to the second, and nothing else is claimed.
#[track_caller]
pub fn exact(scene: &Scene, truth: &str) -> Found {
    exact_in(scene, scene.write().path(), truth)
}

/// Fails if a claim contradicts the truth.
#[track_caller]
pub fn safe(scene: &Scene, truth: &str) -> Found {
    safe_in(scene, scene.write().path(), truth)
}

/// As `exact`, of an archive that was changed after it was written.
#[track_caller]
pub fn exact_in(scene: &Scene, folder: &Path, truth: &str) -> Found {
    judged(scene, folder, truth, Rule::Exact)
}

/// As `safe`, of an archive that was changed after it was written.
#[track_caller]
pub fn safe_in(scene: &Scene, folder: &Path, truth: &str) -> Found {
    judged(scene, folder, truth, Rule::Safe)
}

#[track_caller]
fn judged(scene: &Scene, folder: &Path, truth: &str, rule: Rule) -> Found {
    let found = Found::from(&scene.report_on(vec![scene.target()], folder));
    let faults = found.faults(&scene.truth(truth), rule);
    assert!(faults.is_empty(), "claimed: {}\ntrue: {truth}\n{}", found.shown(), faults.join("\n"));
    found
}

/// Checks several scenes of one kind, and names each that fails.
#[track_caller]
pub fn each<T: std::fmt::Display>(rule: Rule, members: impl IntoIterator<Item = (T, Scene, String)>) {
    let mut wrong = Vec::new();
    for (name, scene, truth) in members {
        let found = Found::from(&scene.report());
        let faults = found.faults(&scene.truth(&truth), rule);
        if !faults.is_empty() {
            wrong.push(format!("{name}: {}; claimed: {}; true: {truth}", faults.join(", "), found.shown()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Fails unless an interval is known: calling everything "unknown" is not an answer.
#[track_caller]
pub fn known(scene: &Scene, found: &Found, stretch: &str) {
    for (start, end) in scene.truth(stretch) {
        let unknown = found.unknown(start, end);
        assert!(unknown == 0, "{stretch} is known, and {unknown} s of it are said to be unknown: {}", found.shown());
    }
}

/// The program about an archive in a folder: `{}` in the arguments is the folder.
pub fn asked(scene: &Scene, folder: &Path, arguments: &str) -> Ran {
    let arguments = arguments.replace("{}", &folder.display().to_string());
    ran(&mut program(&format!("{} {arguments} --format json", scene.arguments())))
}

/// Fails if the program contradicts the truth, or does not find it.
#[track_caller]
pub fn truthful(scene: &Scene, ran: &Ran, truth: &str, rule: Rule) -> Value {
    let document: Value = serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|error| panic!("no JSON, exit code {}: {error}: {}", ran.code, ran.stderr));
    let found = Found::from(&document);
    let faults = found.faults(&scene.truth(truth), rule);
    assert!(faults.is_empty(), "claimed: {}\ntrue: {truth}\n{}\n{}", found.shown(), faults.join("\n"), ran.stderr);
    document
}

/// Fails unless the program either refuses with all these words, or finds the truth to the second.
#[track_caller]
pub fn refused_or_exact(scene: &Scene, ran: &Ran, words: &[&str], truth: &str) {
    if matches!(ran.code, 1 | 2) && ran.stdout.is_empty() {
        for word in words {
            assert!(ran.stderr.contains(word), "'{word}' is not in: {}", ran.stderr);
        }
    } else {
        truthful(scene, ran, truth, Rule::Exact);
    }
}

/// Fails if a window that lies in an outage is answered with "no outage".
#[track_caller]
pub fn never_no_outage(report: &Report) {
    let found = Found::from(report);
    assert_ne!(report.answer(), Answer::NoOutage, "claimed: {}", found.shown());
}
