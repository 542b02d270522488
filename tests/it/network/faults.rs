//! Faults of networks, one after the other. The program invents nothing, reports every loss, leaves no partial file
//! behind, and the next run succeeds as if there had been no fault.

use std::fmt::Write;
use std::net::TcpListener;
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

/// The expected result of a permanent fault.
#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    /// It has no effect.
    Same,
    /// The file is lost, and the loss is reported.
    Loss,
}

/// The servers, the proxy, and a run without any fault.
pub struct Bench {
    pub proxy: Proxy,
    pub clean: Report,
    pub cache: TempDir,
    pub table: String,
    /// After the proxy, which needs them.
    _servers: Servers,
}

impl Bench {
    pub fn new() -> Option<Bench> {
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
        // An answer that is final.
        let final_at_once = matches!(fault, Fault::Status(404) | Fault::Redirect(_) | Fault::TooMany("99999"));
        assert!(final_at_once || once == "as without it", "{context}, once: {once}");
        let once = once.lines().next().unwrap_or_default();
        writeln!(self.table, "{fault:?} | {kind} | once: {once} | always: {always} | {took:.1?}").expect("text");
    }

    pub fn print(&self) {
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
    let outages = |report: &Report| {
        let document = serde_json::to_value(document(report)).expect("a document");
        document["outages"].as_array().expect("outages").clone()
    };
    let (found, known) = (outages(report), outages(clean));
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
fn a_broken_transfer_never_loses_data_silently() {
    let Some(mut bench) = Bench::new() else { return };
    for file in [RIB, UPDATES, BZIP2] {
        for fault in [
            Fault::Refuse,
            Fault::Cut(0.5),
            Fault::Cut(0.0),
            Fault::CutUnannounced(0.5),
            Fault::CutUnannounced(0.0),
            Fault::ShortLength,
            Fault::Flip,
        ] {
            bench.check(&fault, file, LIMITS, Outcome::Loss);
        }
        // The body arrived completely, as the second request shows.
        for fault in [Fault::NoLength, Fault::LongLength] {
            bench.check(&fault, file, LIMITS, Outcome::Same);
        }
    }
    bench.print();
}

#[test]
fn a_wrong_answer_never_loses_data_silently() {
    let Some(mut bench) = Bench::new() else { return };
    for file in [RIB, UPDATES] {
        for fault in [
            Fault::Status(404),
            Fault::Status(500),
            Fault::TooMany("0"),
            Fault::TooMany("99999"),
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
fn a_slow_server_never_loses_data_silently() {
    let Some(mut bench) = Bench::new() else { return };
    for file in [RIB, UPDATES] {
        for fault in [Fault::Hang, Fault::Drip, Fault::Loop] {
            bench.check(&fault, file, IMPATIENT, Outcome::Loss);
        }
    }
    bench.print();
}

#[test]
fn a_server_that_delivers_nothing_is_abandoned() {
    let Some(mut bench) = Bench::new() else { return };
    for fault in [Fault::Hang, Fault::TooMany("1")] {
        bench.check(&fault, ALL_UPDATES, IMPATIENT, Outcome::Loss);
        let cache = TempDir::new().expect("a temporary folder");
        copy(bench.cache.path(), cache.path(), ALL_UPDATES.1);
        bench.proxy.reset();
        bench.proxy.fault(ALL_UPDATES.1, fault.clone(), None);
        let report = replay(&bench.proxy.broker_url(), cache.path(), IMPATIENT).expect("a report");
        assert!(lost(&report).contains("no more requests are sent to it"), "{fault:?}: {}", lost(&report));
        // Eight, and those that were in progress with the eighth.
        let n_asked = bench.proxy.file_counts().len();
        assert!((8..=11).contains(&n_asked), "{fault:?}: {n_asked} files were asked for");
        assert!(!report.is_sufficient(), "{fault:?}");
    }
    bench.print();
}

#[test]
fn a_server_that_refuses_connections_is_named() {
    let Some(mut bench) = Bench::new() else { return };
    // Connects to a port at which the listener has just stopped.
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port").port();
    let (from, to) = (format!("127.0.0.1:{}/", bench.proxy.port()), format!("127.0.0.1:{closed}/"));
    let cache = TempDir::new().expect("a temporary folder");
    bench.proxy.reset();
    bench.proxy.fault("/search", Fault::Replace(from, to), None);
    let report = replay(&bench.proxy.broker_url(), cache.path(), IMPATIENT).expect("a report");
    let lost = lost(&report);
    assert!(lost.contains("onnection refused") && lost.contains("no more requests are sent to it"), "{lost}");
    assert!(report.findings.outages.is_empty() && !report.is_sufficient());
    assert_eq!(bench.proxy.file_counts().len(), 0);
    writeln!(bench.table, "a closed port | all | exit 3, {}", lost.lines().next().unwrap_or_default()).expect("text");
    bench.print();
}

#[test]
fn a_file_far_longer_than_listed_is_not_stored() {
    let Some(bench) = Bench::new() else { return };
    let cache = TempDir::new().expect("a temporary folder");
    copy(bench.cache.path(), cache.path(), UPDATES.1);
    bench.proxy.reset();
    bench.proxy.fault(UPDATES.1, Fault::Body("x".repeat(20_000_000)), None);
    let report = replay(&bench.proxy.broker_url(), cache.path(), LIMITS).expect("a run survives a bad file");
    assert!(lost(&report).contains("far more than its listed size"), "{}", lost(&report));
    assert_nothing_invented(&report, &bench.clean, "too long");
    assert_sound(cache.path(), "too long");
    let stored = super::files_below(cache.path());
    assert!(!stored.iter().any(|file| file.ends_with(".part")), "{stored:?}");
    bench.proxy.reset();
    let next = replay(&bench.proxy.broker_url(), cache.path(), LIMITS).expect("the next run");
    assert_eq!(text(&next), text(&bench.clean));
}

#[test]
fn a_cache_that_cannot_be_written_ends_the_run_and_is_no_gap() {
    let Some(bench) = Bench::new() else { return };
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("a file");
    std::fs::write(&file, b"not a folder").expect("a file");
    let long = folder.path().join("x".repeat(300));
    for cache in [file.join("cache"), long] {
        bench.proxy.reset();
        let error = replay(&bench.proxy.broker_url(), &cache, LIMITS).expect_err("a cache that is none");
        let text = error.to_string();
        assert!(matches!(error, Error::Machine { .. }) && text.contains("in the cache at"), "{text}");
        // It does not ask for every file.
        assert!(bench.proxy.file_counts().len() <= 16, "{:?}", bench.proxy.file_counts());
    }
}
