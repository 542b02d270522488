//! Runs without a broker: the folder pages of the archives' servers, whole, damaged and hostile.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use outage_replay::Error;
use outage_replay::catalog::{BrokerOrPages, Catalog, Choice, PageSources, Pages, Publishers};
use outage_replay::report::{self, Report};
use serde_json::Value;
use tempfile::TempDir;

use super::proxy::{Fault, Proxy};
use super::runs::{bare, document, program};
use super::servers::Servers;
use super::{LIMITS, PATIENCE, WINDOW, broker, copy, files_below, online, query, replay, replay_from, text};

/// The pages of the proxy, and those of `mirrors`; lists are kept in `cache`.
fn pages(proxy: &Proxy, mirrors: &[&Proxy], cache: &Path) -> Pages {
    let url = |proxy: &Proxy| proxy.archive_url().parse().expect("a URL");
    let publishers = Publishers { ripe_ris: url(proxy), routeviews: url(proxy) };
    let mirrors = mirrors.iter().map(|mirror| url(mirror)).collect();
    Pages::new(PageSources { publishers, mirrors, cache: cache.to_owned() }, Choice::default(), PATIENCE, Arc::new(()))
}

fn outages(report: &Report) -> Value {
    serde_json::to_value(report::document(report)).expect("a document")["outages"].clone()
}

/// The catalog of a report, and the remarks about it.
fn listing(report: &Report) -> (&str, &[String]) {
    let listing = &report.coverage.listing;
    (listing.catalog.as_deref().unwrap_or_default(), &listing.remarks)
}

#[test]
fn the_pages_of_the_archives_give_the_same_answer_as_the_broker() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let (cache, other) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let window = ["--from", "2014-12-22T12:00", "--to", "2014-12-23T04:00"];
    let (_, by_broker) = document(&mut program(cache.path(), Some(&proxy.broker_url()), &window));
    assert_eq!(by_broker["coverage"]["catalog"], format!("broker {}", proxy.broker_url()));

    let url = proxy.archive_url();
    let without = ["--catalog", "archives", "--publisher-url", &url];
    let run = |more: &[&str]| {
        let args = [&window[..], &without[..], more].concat();
        document(&mut program(other.path(), Some("http://127.0.0.1:1"), &args)).1
    };
    proxy.reset();
    let found = run(&[]);
    assert_eq!(found["outages"], by_broker["outages"]);
    assert_eq!(found["episodes"], by_broker["episodes"]);
    assert_eq!(found["coverage"]["gaps"], by_broker["coverage"]["gaps"]);
    assert_eq!(found["coverage"]["catalog"], "archive pages");
    assert_eq!(found["coverage"]["remarks"], serde_json::json!([]));
    // Five folders, one of which is first looked for where route-views2 was until 2026.
    let paths = proxy.requests("/").into_iter().map(|request| request.path);
    let asked: Vec<String> = paths.filter(|path| path.ends_with('/')).collect();
    assert_eq!(asked.len(), 7, "{asked:?}");

    // The lists of a month that is over are kept, and a folder of results says where its list is from.
    proxy.reset();
    let folder = other.path().join("run");
    let output = ["--output", folder.to_str().expect("a path")];
    assert_eq!(run(&output)["outages"], found["outages"]);
    assert_eq!(proxy.requests("/").len(), 0, "{:?}", proxy.requests("/"));
    let manifest = fs::read_to_string(folder.join("manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    assert_eq!(manifest["catalog"], "archive pages");
    let again = outage_replay::observations::read(&folder).expect("the run");
    assert_eq!(again.listing.catalog.as_deref(), Some("archive pages"));
}

#[test]
fn when_the_broker_does_not_answer_the_pages_are_read_and_the_result_says_so() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let clean = TempDir::new().expect("a folder");
    let expected = replay(&proxy.broker_url(), clean.path(), LIMITS).expect("a clean run");
    for fault in [Fault::Refuse, Fault::Status(500), Fault::Status(404), Fault::Html, Fault::TooMany("99999")] {
        let cache = TempDir::new().expect("a folder");
        proxy.reset();
        proxy.fault("/search", fault.clone(), None);
        let pages = pages(&proxy, &[], cache.path());
        let catalog = BrokerOrPages::new(broker(&proxy.broker_url(), Choice::default()), pages, Arc::new(()));
        let report = replay_from(&catalog, online(cache.path(), LIMITS)).expect("a report");
        assert_eq!(outages(&report), outages(&expected), "{fault:?}");
        let (catalog, remarks) = listing(&report);
        assert_eq!(catalog, "archive pages", "{fault:?}");
        assert!(remarks.len() == 1 && remarks[0].contains("did not list the files"), "{fault:?}: {remarks:?}");
    }
    // The same from the command line, at once and in the table.
    let cache = TempDir::new().expect("a folder");
    proxy.reset();
    proxy.fault("/search", Fault::Status(404), None);
    let url = proxy.archive_url();
    let args =
        ["--from", WINDOW.0, "--to", WINDOW.1, "--publisher-url", &url, "--asn", "131279", "--collector", "rrc00"];
    let output = bare(cache.path(), Some(&proxy.broker_url())).args(args).output().expect("the program runs");
    let (shown, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("The archives' own pages are read instead"), "{said}");
    assert!(shown.contains("listed from the archives' own folder pages"), "{shown}");
}

#[test]
fn no_page_at_all_is_an_error_with_both_addresses() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    proxy.fault("/", Fault::Refuse, None);
    let cache = TempDir::new().expect("a folder");
    let pages = pages(&proxy, &[], cache.path());
    let catalog = BrokerOrPages::new(broker(&proxy.broker_url(), Choice::default()), pages, Arc::new(()));
    let error = match replay_from(&catalog, online(cache.path(), LIMITS)) {
        Ok(report) => panic!("{}", text(&report)),
        Err(error) => error.to_string(),
    };
    assert!(error.contains(&proxy.broker_url()) && error.contains("2014.12/"), "{error}");
    assert_eq!(files_below(cache.path()), [""; 0]);
}

/// A page with the files of a folder of rrc00, each name changed by `rename`.
fn page(names: impl Iterator<Item = String>) -> String {
    let rows: String = names.map(|name| format!("<a href=\"{name}\">{name}</a>  22-Dec-2014 16:20  330\n")).collect();
    format!("<html><body><pre>\n{rows}</pre></body></html>\n")
}

fn names() -> impl Iterator<Item = String> {
    let folder = fs::read_dir(Servers::archive().join("rrc00/2014.12")).expect("a folder");
    folder.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
}

#[test]
fn a_page_that_cannot_be_read_costs_no_data_and_a_hostile_one_adds_none() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let clean_cache = TempDir::new().expect("a folder");
    let clean = replay(&proxy.broker_url(), clean_cache.path(), LIMITS).expect("a clean run");
    let hostile = |change: fn(&str) -> String| Fault::Body(page(names().map(|name| change(&name))));
    let mut table = String::new();
    for (what, fault) in [
        ("no page", Fault::Status(404)),
        ("refused", Fault::Refuse),
        ("overload", Fault::Status(503)),
        ("an error page", Fault::Html),
        ("a page that is cut", Fault::Cut(0.5)),
        ("a page that is cut without notice", Fault::CutUnannounced(0.5)),
        ("a redirect to a file", Fault::Redirect("file:///etc/passwd")),
        ("another month", hostile(|name| name.replace("201412", "201501"))),
        ("folders above", hostile(|name| format!("../{name}"))),
        ("other servers", hostile(|name| format!("http://127.0.0.1:1/{name}"))),
        ("absolute paths", hostile(|name| format!("/rrc01/2014.12/{name}"))),
        ("queries", hostile(|name| format!("{name}?C=N;O=D"))),
        ("percent signs", hostile(|name| name.replace('.', "%2e"))),
        ("10 MB", Fault::Body(format!("{}{}</html>", page(names()), " ".repeat(10_000_000)))),
        ("nothing", Fault::Body(String::new())),
    ] {
        let cache = TempDir::new().expect("a folder");
        copy(clean_cache.path(), cache.path(), "updates.20141222.1615");
        proxy.reset();
        proxy.fault("rrc00/2014.12/$", fault.clone(), None);
        let report = replay_from(&pages(&proxy, &[], cache.path()), online(cache.path(), LIMITS)).expect("a report");
        assert_eq!(outages(&report), outages(&clean), "{what}");
        let (_, remarks) = listing(&report);
        assert!(remarks.len() == 1 && remarks[0].contains("rrc00/2014.12 could not be read"), "{what}: {remarks:?}");
        writeln!(table, "{what} | {}", remarks[0]).expect("text");
        let strangers = |path: &&str| !path.starts_with("/rrc00/2014.12/") && path.contains("rrc0");
        let counts = proxy.file_counts();
        assert_eq!(counts.keys().map(String::as_str).find(strangers), None, "{what}");
        let lists: Vec<String> = files_below(cache.path()).into_iter().filter(|file| file.ends_with(".txt")).collect();
        assert!(!lists.iter().any(|list| list.starts_with("rrc00")), "{what}: {lists:?} are kept");

        // A mirror has it.
        let cache = TempDir::new().expect("a folder");
        copy(clean_cache.path(), cache.path(), "no such file");
        let mirror = Proxy::start(&servers);
        let with_mirror = pages(&proxy, &[&mirror], cache.path());
        let report = replay_from(&with_mirror, online(cache.path(), LIMITS)).expect("a report");
        assert_eq!(outages(&report), outages(&clean), "{what}, mirror");
        assert_eq!(listing(&report).1, [""; 0], "{what}, mirror");
    }
    println!("page | result\n{table}");
}

#[test]
fn names_among_strangers_are_found_and_a_file_that_no_page_lists_is_a_gap() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let cache = TempDir::new().expect("a folder");
    let of = |names: Vec<String>| Fault::Body(page(names.into_iter()));
    let mixed = names().flat_map(|name| [format!("../{name}"), name.clone(), format!("{name}.md5"), name]);
    proxy.fault("rrc00/2014.12/$", of(mixed.collect()), None);
    let listed = pages(&proxy, &[], cache.path()).list(&query()).expect("a list");
    let own = listed.iter().filter(|file| file.collector.name() == "rrc00");
    assert!(own.clone().count() > 100);
    assert!(own.clone().all(|file| file.name.starts_with("rrc00/2014.12/") && !file.name.contains("..")));
    let mut unique: Vec<&str> = own.clone().map(|file| file.name.as_str()).collect();
    unique.dedup();
    assert_eq!(unique.len(), own.count(), "each file is listed once");

    let cache = TempDir::new().expect("a folder");
    proxy.reset();
    proxy.fault("rrc00/2014.12/$", of(names().filter(|name| !name.contains("20141222.1620")).collect()), None);
    let report = replay_from(&pages(&proxy, &[], cache.path()), online(cache.path(), LIMITS)).expect("a report");
    let gaps: Vec<String> =
        report.coverage.gaps.iter().map(|gap| format!("{} {}", gap.collector, gap.window.start)).collect();
    assert_eq!(gaps, ["rrc00 2014-12-22T16:20:00Z"]);
}

#[test]
fn a_folder_that_does_not_exist_is_not_asked_for_every_file() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    proxy.fault("rrc00", Fault::Status(404), None);
    let cache = TempDir::new().expect("a folder");
    let report = replay_from(&pages(&proxy, &[], cache.path()), online(cache.path(), LIMITS)).expect("a report");
    let n_asked = proxy.requests("rrc00").len();
    assert!(n_asked < 10, "{n_asked} requests");
    let gaps: Vec<&str> = report.coverage.gaps.iter().map(|gap| gap.detail.as_str()).collect();
    assert_eq!(gaps, ["no file of this collector is listed"]);
}

#[test]
fn an_unknown_collector_is_refused_before_any_request() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let cache = TempDir::new().expect("a folder");
    let mut query = query();
    query.collectors.push(outage_replay::bgp::Collector::new("../../etc"));
    let error = pages(&proxy, &[], cache.path()).list(&query).expect_err("an error");
    assert!(matches!(error, Error::UnknownCollector { .. }), "{error}");
    assert_eq!(proxy.requests("/").len(), 0);
}
