//! Catalogs that are slow, cut, doubled or hostile, and one as large as the real ones.

use std::fmt::Write;
use std::time::{Duration, Instant};

use outage_replay::Error;
use outage_replay::bgp::{Asn, Collector};
use outage_replay::catalog::{Catalog, Choice};
use outage_replay::query::{Query, Target};
use outage_replay::report::Report;
use outage_replay::time::Window;
use serde_json::Value;
use tempfile::TempDir;

use super::faults::Bench;
use super::index;
use super::proxy::{Fault, Proxy};
use super::servers::Servers;
use super::{LIMITS, broker, copy, replay, runs, text};

// T61
#[test]
fn an_incomplete_catalog_is_requested_again_and_then_an_error() {
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
        ("\"collector_id\":\"rrc00\"", "\"collector_id\":\"rrc01\""),
    ] {
        bench.proxy.reset();
        let fault = Fault::Replace(from.to_owned(), to.to_owned());
        bench.proxy.fault("/search", fault.clone(), None);
        let why = refusal(replay(&bench.proxy.broker_url(), cache.path(), LIMITS), &fault);
        assert!(why.contains("the broker lists"), "{to}: {why}");
        assert_eq!(super::files_below(cache.path()), [""; 0], "{to}");
    }
}

#[test]
fn items_that_were_not_asked_for_are_ignored_and_said_to_be() {
    let Some(bench) = Bench::new() else { return };
    let broker = broker(&bench.proxy.broker_url(), Choice::default());
    broker.list(&super::query()).expect("a list");
    assert_eq!(broker.source().remarks, [""; 0]);
    bench.proxy.fault(
        "/search",
        Fault::Replace("\"ts_start\":\"2014".to_owned(), "\"ts_start\":\"2013".to_owned()),
        Some(1),
    );
    let files = broker.list(&super::query()).expect("a list");
    assert!(files.iter().all(|file| file.name.contains("/2014.12/")), "files of another year");
    let remarks = broker.source().remarks;
    assert!(remarks.iter().any(|remark| remark.contains("files that were not asked for")), "{remarks:?}");
}

#[test]
fn an_answer_of_the_broker_has_a_largest_size() {
    let Some(bench) = Bench::new() else { return };
    let fault = Fault::Body(" ".repeat(9 << 20));
    bench.proxy.fault("/search", fault, None);
    let why = refusal(replay(&bench.proxy.broker_url(), bench.cache.path(), LIMITS), &Fault::NoLength);
    assert!(why.contains("its answer is longer than 8 MB"), "{why}");
}

#[test]
fn a_broker_that_hangs_ends_the_run() {
    let Some(bench) = Bench::new() else { return };
    bench.proxy.fault("/search", Fault::Hang, None);
    let begun = Instant::now();
    refusal(replay(&bench.proxy.broker_url(), bench.cache.path(), LIMITS), &Fault::Hang);
    // The client's own limit is 30 s.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

/// The error of a run that cannot list its files. It contains the address and the alternatives.
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

#[test]
fn a_broker_that_requests_a_pause_is_not_asked_during_it() {
    let Some(bench) = Bench::new() else { return };
    bench.proxy.reset();
    bench.proxy.fault("/search", Fault::TooMany("99999"), None);
    let fault = Fault::TooMany("99999");
    let why = refusal(replay(&bench.proxy.broker_url(), bench.cache.path(), LIMITS), &fault);
    assert!(why.contains("HTTP 429") && why.contains("the server asks to wait 99999 s"), "{why}");
    let n_asked = bench.proxy.requests("/search").len();
    assert!(n_asked <= bench.clean.coverage.collectors.len(), "{n_asked} requests");
}

/// The query about North Korea for a broker that knows every collector.
fn world_query(from: &str, to: &str, collectors: &[&str]) -> Query {
    let at = |text: &str| text.parse().expect("a time");
    let mut query = Query::new(vec![Target::Asn(Asn(131_279))], Window::new(at(from), at(to)).expect("a window"));
    query.collectors = collectors.iter().map(|name| Collector::new(name)).collect();
    query
}

#[test]
fn every_page_of_a_long_list_is_needed() {
    let Some(servers) = Servers::with_index(index::world) else { return };
    let proxy = Proxy::start(&servers);
    // More updates than fit on one page.
    let query = world_query("2014-12-10", "2014-12-15", &["rrc00"]);
    let broker = broker(&proxy.broker_url(), Choice::default());
    let clean = broker.list(&query).expect("a list");
    assert!(clean.len() > 1000, "{} files", clean.len());
    assert!(!proxy.requests("page=2").is_empty());
    let mut table = String::new();
    for fault in [
        Fault::FirstPage,
        Fault::NoItems,
        Fault::LostItem,
        Fault::Cut(0.5),
        Fault::Refuse,
        Fault::Status(500),
        Fault::Html,
    ] {
        proxy.reset();
        proxy.fault("page=2", fault.clone(), None);
        let always = broker.list(&query).expect_err("a list without its second page").to_string();
        proxy.reset();
        proxy.fault("page=2", fault.clone(), Some(1));
        assert!(broker.list(&query).expect("a list") == clean, "{fault:?}, once");
        writeln!(table, "{fault:?} | second page | once: as without it | always: {always}").expect("text");
    }
    proxy.reset();
    proxy.fault("/search", Fault::Twice, None);
    assert!(broker.list(&query).expect("a list") == clean, "what is listed twice is listed once");
    println!("{table}");
}

#[test]
fn a_run_is_planned_against_an_index_of_the_real_size() {
    let Some(servers) = Servers::with_index(index::world) else { return };
    let cache = TempDir::new().expect("a temporary folder");
    let url = servers.broker_url();

    // 288 update files a day.
    let broker = broker(&url, Choice::All);
    let query = world_query("2014-12-06", "2014-12-26", &["rrc00"]);
    let begun = Instant::now();
    let files = broker.list(&query).expect("a list");
    println!("{} files of one collector listed in {:?}", files.len(), begun.elapsed());
    assert!(files.len() > 5760, "{}", files.len());

    let begun = Instant::now();
    let files = broker.list(&world_query("2014-12-21", "2014-12-24", &[])).expect("a list");
    println!("{} files of all collectors listed in {:?}", files.len(), begun.elapsed());
    let mut collectors: Vec<&str> = files.iter().map(|file| file.collector.name()).collect();
    collectors.dedup();
    assert_eq!(collectors.len(), 86);

    let window = ["--from", "2014-12-21", "--to", "2014-12-24"];
    let plan = |format: &str| {
        let output = runs::plan(cache.path(), &url, &[&window[..], &["--format", format]].concat());
        String::from_utf8(output).expect("text")
    };
    println!("{}", plan("table"));
    let document: Value = serde_json::from_str(&plan("json")).expect("JSON");
    let names: Vec<&str> =
        document["collectors"].as_array().expect("a list").iter().filter_map(|row| row["collector"].as_str()).collect();
    // Three small collectors suffice together, and cost less than one large one.
    assert_eq!(names, ["route-views.amsix", "route-views.chicago", "rrc04"]);
    assert!(document["bytes"].as_u64().is_some_and(|bytes| bytes <= 600_000_000), "{}", document["bytes"]);
    assert!(document["n_requests"].as_u64().is_some_and(|n| n <= 1600), "{}", document["n_requests"]);
    assert_eq!(document["n_files"], document["n_requests"], "nothing is cached yet");

    let named = [&window[..], &["--collector", "route-views.sydney,rrc00", "--format", "json"]].concat();
    let document: Value = serde_json::from_slice(&runs::plan(cache.path(), &url, &named)).expect("JSON");
    assert_eq!(document["n_missing"], 1);
    let slots: Vec<&Value> = document["collectors"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|row| row["missing"].as_array().expect("a list"))
        .map(|gap| &gap["slots"])
        .collect();
    assert_eq!(slots, [&serde_json::json!(["2014-12-22T13:15:00Z"])]);
    assert_eq!(super::files_below(cache.path()), [""; 0], "a plan downloads nothing");
}

#[test]
fn a_day_of_today_costs_less_than_a_gigabyte() {
    let Some(servers) = Servers::with_index(index::world_of_2026) else { return };
    let cache = TempDir::new().expect("a temporary folder");
    let plan = |more: &[&str]| {
        let window = ["--from", "2026-09-10", "--to", "2026-09-11"];
        String::from_utf8(runs::plan(cache.path(), &servers.broker_url(), &[&window, more].concat())).expect("text")
    };
    println!("{}", plan(&[]));
    let document = |more: &[&str]| -> Value {
        serde_json::from_str(&plan(&[more, &["--format", "json"]].concat())).expect("JSON")
    };
    let usual = document(&[]);
    assert!(usual["bytes"].as_u64().is_some_and(|bytes| bytes <= 1_000_000_000), "{}", usual["bytes"]);
    let names = |plan: &Value| -> Vec<String> {
        let rows = plan["collectors"].as_array().expect("a list");
        rows.iter().filter_map(|row| Some(row["collector"].as_str()?.to_owned())).collect()
    };
    assert!(!names(&usual).contains(&"rrc00".to_owned()), "a famous name is no reason: {:?}", names(&usual));
    let left = usual["collectors_not_chosen"].as_array().expect("a list");
    assert!(left.iter().any(|offer| offer["collector"] == "rrc00"), "{left:?}");
    let projects = |plan: &Value| -> Vec<String> {
        let mut projects: Vec<String> =
            plan["collectors"].as_array().expect("a list").iter().map(|row| row["project"].to_string()).collect();
        projects.dedup();
        projects
    };
    assert_eq!(projects(&usual).len(), 2);
    let bounded = document(&["--budget", "800MB"]);
    assert!(bounded["bytes"].as_u64().is_some_and(|bytes| bytes <= 800_000_000), "{}", bounded["bytes"]);
    assert!(names(&bounded).len() < names(&usual).len());
}
