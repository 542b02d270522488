//! What networks do to answers, one fault after the other: nothing is invented, nothing is lost in silence, nothing
//! half-written stays, and the next run is as if nothing had happened.

use std::fmt::Write;
use std::time::{Duration, Instant};

use outage_replay::Error;
use outage_replay::fetch::Limits;
use outage_replay::report::{Report, document};
use serde_json::Value;
use tempfile::TempDir;

use super::proxy::{Fault, Proxy};
use super::servers::Servers;
use super::{IMPATIENT, LIMITS, assert_sound, copy, replay, text};

/// A file of each kind, and all of them.
const RIB: (&str, &str) = ("RIB dump", "route-views2/bgpdata/2014.12/RIBS/rib.20141222.1600");
const UPDATES: (&str, &str) = ("updates", "rrc00/2014.12/updates.20141222.1615");
const BZIP2: (&str, &str) = ("updates, bzip2", "route-views.sydney/bgpdata/2014.12/UPDATES/updates.20141222.1615");
const ALL_RIBS: (&str, &str) = ("all RIB dumps", ".1600.");
const ALL_UPDATES: (&str, &str) = ("all updates", "updates.");

/// What the program should make of a fault that never ends.
#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    /// It does not matter.
    Same,
    /// The file is lost, and that is said.
    Loss,
}

/// The servers, the proxy, and a run without any fault.
struct Bench {
    proxy: Proxy,
    clean: Report,
    cache: TempDir,
    table: String,
    /// After the proxy, which needs them.
    _servers: Servers,
}

impl Bench {
    fn new() -> Option<Bench> {
        let servers = Servers::start()?;
        let proxy = Proxy::start(&servers);
        let cache = TempDir::new().expect("a temporary folder");
        let clean = replay(&proxy.broker_url(), cache.path(), LIMITS).expect("a clean run");
        assert!(clean.is_sufficient(), "{}", text(&clean));
        assert!(!clean.findings.outages.is_empty(), "{}", text(&clean));
        assert_eq!(lost(&clean), "", "{}", text(&clean));
        assert_sound(cache.path(), "clean run");
        Some(Bench { proxy, clean, cache, table: String::new(), _servers: servers })
    }

    /// The fault, always and then once, in a cache that lacks the files concerned; then a run without it.
    fn check(&mut self, fault: &Fault, (kind, path): (&str, &str), limits: Limits, outcome: Outcome) {
        let context = format!("{fault:?}, {kind}");
        let cache = TempDir::new().expect("a temporary folder");
        copy(self.cache.path(), cache.path(), path);
        self.proxy.reset();
        self.proxy.fault(path, fault.clone(), None);
        let begun = Instant::now();
        let report = replay(&self.proxy.broker_url(), cache.path(), limits).expect("a run survives a bad file");
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(120), "{context}: {took:?}");
        assert_sound(cache.path(), &context);
        assert_nothing_invented(&report, &self.clean, &context);
        let always = match outcome {
            Outcome::Same => {
                assert_eq!(text(&report), text(&self.clean), "{context}");
                "as without it".to_owned()
            }
            Outcome::Loss => {
                let lost = lost(&report);
                assert!(lost.contains(path), "{context}: {path} is not among the losses: {lost}");
                let code = if report.is_sufficient() { 0 } else { 3 };
                format!("exit {code}, {}", lost.lines().next().unwrap_or_default())
            }
        };
        self.proxy.reset();
        let next = replay(&self.proxy.broker_url(), cache.path(), LIMITS).expect("the next run");
        assert_eq!(text(&next), text(&self.clean), "{context}: the run after it");
        assert_sound(cache.path(), &context);

        let cache = TempDir::new().expect("a temporary folder");
        copy(self.cache.path(), cache.path(), path);
        self.proxy.reset();
        self.proxy.fault(path, fault.clone(), Some(1));
        let report = replay(&self.proxy.broker_url(), cache.path(), limits).expect("a run survives a bad file");
        assert_sound(cache.path(), &context);
        assert_nothing_invented(&report, &self.clean, &context);
        let once = if text(&report) == text(&self.clean) { "as without it".to_owned() } else { lost(&report) };
        // An answer that is final, or that takes all the time there is.
        let final_at_once = matches!(fault, Fault::Status(404) | Fault::Redirect(_) | Fault::Drip);
        assert!(final_at_once || once == "as without it", "{context}, once: {once}");
        let once = once.lines().next().unwrap_or_default();
        writeln!(self.table, "{fault:?} | {kind} | once: {once} | always: {always} | {took:.1?}").expect("text");
    }

    fn print(&self) {
        println!("fault | file | result\n{}", self.table);
    }
}

/// Every file that was not read well, and why, one a line.
fn lost(report: &Report) -> String {
    let bad = report.files.iter().filter(|file| file.detail.is_some());
    let lines: Vec<String> = bad
        .map(|file| format!("{} {}: {}", file.name, file.verdict, file.detail.as_deref().unwrap_or_default()))
        .collect();
    lines.join("\n")
}

/// Every outage is one of the clean run: seen later, longer or not at all, but not a new one.
fn assert_nothing_invented(report: &Report, clean: &Report, context: &str) {
    let (found, known) = (document(report), document(clean));
    let outages = |document: &Value| document["outages"].as_array().expect("outages").clone();
    let (found, known) = (outages(&found), outages(&known));
    let same_subject = |a: &Value, b: &Value| ["scope", "target", "prefix"].iter().all(|key| a[key] == b[key]);
    let end = |outage: &Value| outage["end"].as_str().unwrap_or("9999").to_owned();
    let start = |outage: &Value| outage["start"].as_str().unwrap_or_default().to_owned();
    for outage in &found {
        let overlaps = |other: &Value| start(outage) < end(other) && start(other) < end(outage);
        assert!(
            known.iter().any(|other| same_subject(outage, other) && overlaps(other)),
            "{context}: an outage that was none: {outage:#}"
        );
    }
}

#[test]
fn transfers_that_break_lose_nothing_in_silence() {
    let Some(mut bench) = Bench::new() else { return };
    for file in [RIB, UPDATES, BZIP2] {
        for fault in [
            Fault::Refuse,
            Fault::Cut(0.5),
            Fault::Cut(0.0),
            Fault::CutUnannounced(0.5),
            Fault::CutUnannounced(0.0),
            Fault::LongLength,
            Fault::ShortLength,
            Fault::Flip,
        ] {
            bench.check(&fault, file, LIMITS, Outcome::Loss);
        }
        bench.check(&Fault::NoLength, file, LIMITS, Outcome::Same);
    }
    bench.print();
}

#[test]
fn answers_that_are_none_lose_nothing_in_silence() {
    let Some(mut bench) = Bench::new() else { return };
    for file in [RIB, UPDATES] {
        for fault in [
            Fault::Status(404),
            Fault::Status(500),
            Fault::TooMany("0"),
            Fault::TooMany("99999999999999999999"),
            Fault::Html,
            Fault::Redirect("file:///etc/passwd"),
            Fault::Redirect("ftp://127.0.0.1/updates.gz"),
        ] {
            bench.check(&fault, file, LIMITS, Outcome::Loss);
        }
        bench.check(&Fault::ClaimsEncoding, file, LIMITS, Outcome::Same);
    }
    for file in [ALL_RIBS, ALL_UPDATES] {
        for fault in [Fault::Status(404), Fault::Html, Fault::CutUnannounced(0.7)] {
            bench.check(&fault, file, LIMITS, Outcome::Loss);
        }
    }
    bench.print();
}

#[test]
fn servers_that_keep_a_run_waiting_lose_nothing_in_silence() {
    let Some(mut bench) = Bench::new() else { return };
    for file in [RIB, UPDATES] {
        for fault in [Fault::Hang, Fault::Drip, Fault::Loop] {
            bench.check(&fault, file, IMPATIENT, Outcome::Loss);
        }
    }
    bench.print();
}

#[test]
fn a_catalog_that_is_not_whole_is_asked_again_and_then_an_error() {
    let Some(mut bench) = Bench::new() else { return };
    let search = "/search";
    for fault in [
        Fault::Refuse,
        Fault::Cut(0.5),
        Fault::LongLength,
        Fault::ShortLength,
        Fault::Status(500),
        Fault::TooMany("0"),
        Fault::Html,
        Fault::Status(404),
        Fault::Status(400),
        Fault::Loop,
        Fault::Redirect("file:///etc/passwd"),
        Fault::NoItems,
        Fault::LostItem,
        Fault::Body("{}".to_owned()),
        Fault::Body("null".to_owned()),
    ] {
        let cache = TempDir::new().expect("a temporary folder");
        copy(bench.cache.path(), cache.path(), "no such file");
        bench.proxy.reset();
        bench.proxy.fault(search, fault.clone(), None);
        let begun = Instant::now();
        let always = refusal(replay(&bench.proxy.broker_url(), cache.path(), LIMITS), &fault);
        assert!(begun.elapsed() < Duration::from_secs(30), "{fault:?}: {:?}", begun.elapsed());
        assert_eq!(bench.proxy.file_counts().len(), 0, "{fault:?}: files were asked for");
        bench.proxy.reset();
        bench.proxy.fault(search, fault.clone(), Some(1));
        let once = match replay(&bench.proxy.broker_url(), cache.path(), LIMITS) {
            Ok(report) => {
                assert_eq!(text(&report), text(&bench.clean), "{fault:?}, once");
                "as without it".to_owned()
            }
            Err(error) => {
                let is_final = matches!(fault, Fault::Status(404 | 400) | Fault::Loop | Fault::Redirect(_));
                assert!(is_final, "{fault:?}, once: {error}");
                error.to_string()
            }
        };
        writeln!(bench.table, "{fault:?} | catalog | once: {once} | always: {always}").expect("text");
    }
    bench.proxy.reset();
    bench.proxy.fault(search, Fault::Twice, None);
    let report = replay(&bench.proxy.broker_url(), bench.cache.path(), LIMITS).expect("a list with duplicates");
    assert_eq!(text(&report), text(&bench.clean), "what is listed twice is applied once");
    writeln!(bench.table, "Twice | catalog | as without it").expect("text");
    bench.print();
}

#[test]
fn items_that_lead_elsewhere_are_an_error() {
    let Some(bench) = Bench::new() else { return };
    let cache = TempDir::new().expect("a temporary folder");
    for (from, to) in [
        ("\"url\":\"http://", "\"url\":\"file:///"),
        ("\"url\":\"http://", "\"url\":\"http://user:secret@"),
        ("\"collector_id\":\"", "\"collector_id\":\"../"),
        ("\"collector_id\":\"rrc00\"", "\"collector_id\":\"..\""),
        ("\"data_type\":\"updates\"", "\"data_type\":\"../../updates\""),
        (".gz\"", ".gz/../../../x\""),
    ] {
        bench.proxy.reset();
        let fault = Fault::Replace(from, to);
        bench.proxy.fault("/search", fault.clone(), None);
        let why = refusal(replay(&bench.proxy.broker_url(), cache.path(), LIMITS), &fault);
        assert!(why.contains("the broker lists"), "{to}: {why}");
        assert_eq!(super::files_below(cache.path()), [""; 0], "{to}");
    }
}

#[test]
fn a_server_that_delivers_nothing_is_given_up() {
    let Some(mut bench) = Bench::new() else { return };
    for fault in [Fault::Hang, Fault::TooMany("1")] {
        bench.check(&fault, ALL_UPDATES, IMPATIENT, Outcome::Loss);
        let cache = TempDir::new().expect("a temporary folder");
        copy(bench.cache.path(), cache.path(), ALL_UPDATES.1);
        bench.proxy.reset();
        bench.proxy.fault(ALL_UPDATES.1, fault.clone(), None);
        let report = replay(&bench.proxy.broker_url(), cache.path(), IMPATIENT).expect("a report");
        assert!(lost(&report).contains("is not asked again"), "{fault:?}: {}", lost(&report));
        // Eight, and those that were under way with the eighth.
        let n_asked = bench.proxy.file_counts().len();
        assert!((8..=11).contains(&n_asked), "{fault:?}: {n_asked} files were asked for");
        assert!(!report.is_sufficient(), "{fault:?}");
    }
    bench.print();
}

#[test]
fn a_broker_that_hangs_is_given_up() {
    let Some(bench) = Bench::new() else { return };
    bench.proxy.fault("/search", Fault::Hang, None);
    let begun = Instant::now();
    refusal(replay(&bench.proxy.broker_url(), bench.cache.path(), LIMITS), &Fault::Hang);
    // The client's own limit is 30 s.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

/// The error of a run that cannot list its files: it says where and what else can be done.
fn refusal(result: Result<Report, Error>, fault: &Fault) -> String {
    let error = match result {
        Ok(report) => panic!("{fault:?}: a report without a catalog: {}", text(&report)),
        Err(error) => error.to_string(),
    };
    for expected in ["cannot list archives at http://127.0.0.1", "--offline", "--archive"] {
        assert!(error.contains(expected), "{fault:?}: {error}");
    }
    error
}
