//! Parts of files from a server, which may send something else; and surveys over the network.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use outage_replay::archive::{ArchiveFile, DumpKind, Location, ReadAt};
use outage_replay::bgp::{Collector, Project};
use outage_replay::decode::lookup::{Hints, Lookup, look_up};
use outage_replay::fetch::{Cache, Downloader, Limits, open_ranges};
use serde_json::Value;
use tempfile::TempDir;

use crate::cli;

use super::proxy::{Fault, Proxy};
use super::servers::Servers;
use super::{IMPATIENT, LIMITS, files_below};

const RIB: &str = "route-views2/bgpdata/2014.12/RIBS/rib.20141222.1600.bz2";
/// Less than a file has, so that several parts are requested.
const N_FIRST: usize = 1000;

fn cache(folder: &Path, limits: Limits) -> Cache {
    let downloader = Downloader::new(limits, Arc::new(())).expect("a client");
    Cache::new(folder, Some(downloader))
}

fn file(port: u16) -> ArchiveFile {
    ArchiveFile {
        collector: Collector::new("route-views2"),
        named_at: "2014-12-22T16:00".parse().expect("a time"),
        kind: DumpKind::Rib,
        project: Project::RouteViews,
        name: RIB.to_owned(),
        location: Location::Remote { url: format!("http://127.0.0.1:{port}/{RIB}"), size: 0 },
        lasts: None,
        records: None,
    }
}

/// Looks the network up, in parts of the file on the server.
fn look(port: u16, cache: &Cache) -> Result<Lookup, String> {
    let mut ranges = open_ranges(&file(port), Some(cache), N_FIRST).map_err(|error| error.to_string())?;
    let found = look_up(&mut ranges, &["175.45.176.0/24".parse().expect("a prefix")], &Hints::default(), &[]);
    let bytes: u64 = ranges.read().iter().map(|range| range.bytes).sum();
    assert!(bytes <= ranges.length());
    assert!(ranges.validator().is_some_and(|validator| validator.starts_with('"')));
    found.map_err(|why| why.0)
}

#[test]
fn a_lookup_on_a_server_finds_what_the_file_has() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let folder = TempDir::new().expect("a temporary folder");
    let found = look(proxy.port(), &cache(folder.path(), LIMITS)).expect("a lookup");
    assert!(found.prefixes[0].is_present);
    let requests = proxy.requests(RIB);
    assert!(requests.len() > 1, "several parts");
    assert_eq!(requests[0].range.as_deref(), Some("bytes=0-999"));
    assert!(requests[0].if_range.is_none());
    assert!(requests[1..].iter().all(|request| request.if_range.is_some() && request.range.is_some()));
    assert_eq!(files_below(folder.path()), [""; 0], "parts are not kept as files");
}

#[test]
fn a_part_that_is_damaged_on_its_way_is_requested_again() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let folder = TempDir::new().expect("a temporary folder");
    let clean = look(proxy.port(), &cache(folder.path(), LIMITS)).expect("a lookup");
    for fault in [
        Fault::Refuse,
        Fault::Cut(0.5),
        Fault::CutUnannounced(0.5),
        Fault::ShortRange,
        Fault::WrongRange,
        Fault::ShortLength,
        Fault::LongLength,
        Fault::ClaimsEncoding,
        Fault::Status(503),
        Fault::TooMany("0"),
    ] {
        proxy.reset();
        proxy.fault(RIB, fault.clone(), Some(1));
        let found = look(proxy.port(), &cache(folder.path(), LIMITS));
        assert_eq!(found.map(|found| found.prefixes).as_ref(), Ok(&clean.prefixes), "{fault:?}");
        // Always: no answer, and no end of requests.
        proxy.reset();
        proxy.fault(RIB, fault.clone(), None);
        assert!(look(proxy.port(), &cache(folder.path(), IMPATIENT)).is_err(), "{fault:?}");
    }
}

#[test]
fn a_file_that_changes_or_comes_whole_is_not_looked_up() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let folder = TempDir::new().expect("a temporary folder");
    // The first request is answered as it should be, and then comes something else.
    for fault in [Fault::OtherVersion, Fault::NoRange, Fault::Html] {
        proxy.reset();
        let cache = cache(folder.path(), LIMITS);
        let mut ranges = open_ranges(&file(proxy.port()), Some(&cache), N_FIRST).expect("parts");
        proxy.fault(RIB, fault.clone(), None);
        let why = look_up(&mut ranges, &["175.45.176.0/24".parse().expect("a prefix")], &Hints::default(), &[]);
        let why = why.expect_err("no lookup").to_string();
        assert!(why.contains("changed"), "{fault:?}: {why}");
        assert_eq!(proxy.requests(RIB).len(), 2, "{fault:?}");
    }
    // A server that sends whole files is asked once.
    proxy.reset();
    proxy.fault(RIB, Fault::NoRange, None);
    let cache = cache(folder.path(), LIMITS);
    for _ in 0..3 {
        let why = look(proxy.port(), &cache).expect_err("no lookup");
        assert!(why.contains("whole files only"), "{why}");
    }
    assert_eq!(proxy.requests(RIB).len(), 1);
    for (status, word) in [(404, "404"), (416, "no such part"), (403, "403")] {
        proxy.reset();
        proxy.fault(RIB, Fault::Status(status), None);
        let why = look(proxy.port(), &self::cache(folder.path(), LIMITS)).expect_err("no lookup");
        assert!(why.contains(word), "{why}");
        assert_eq!(proxy.requests(RIB).len(), 1);
    }
}

#[test]
fn a_hostile_server_of_parts_gets_nothing_believed_and_little_time() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let folder = TempDir::new().expect("a temporary folder");
    let clean = look(proxy.port(), &cache(folder.path(), LIMITS)).expect("a lookup");
    // From the beginning, and after a first part as it should be.
    for n_honest in [0, 1] {
        for fault in [
            Fault::Hang,
            Fault::Drip,
            Fault::Endless,
            Fault::Loop,
            Fault::Redirect("file:///etc/passwd"),
            Fault::Redirect("ftp://127.0.0.1/rib.bz2"),
            Fault::Html,
            Fault::Body("[]".to_owned()),
            Fault::Status(204),
            Fault::Status(500),
            Fault::TooMany("99999"),
            Fault::TooMany("99999999999999999999"),
            Fault::NoPlace,
            Fault::Total(0),
            Fault::Total(1),
            Fault::Total(u64::MAX),
            Fault::Cut(0.0),
            Fault::Flip,
        ] {
            proxy.reset();
            proxy.fault_after(n_honest, RIB, fault.clone());
            let begun = Instant::now();
            let found = look(proxy.port(), &cache(folder.path(), IMPATIENT));
            let took = begun.elapsed();
            assert!(found.is_err(), "{fault:?} after {n_honest}: {found:?}");
            assert!(took < Duration::from_secs(20), "{fault:?} after {n_honest}: {took:?}");
            assert_eq!(files_below(folder.path()), [""; 0], "{fault:?}");
        }
        // These do no harm.
        for fault in [Fault::NoLength, Fault::Late(Duration::from_millis(100))] {
            proxy.reset();
            proxy.fault_after(n_honest, RIB, fault.clone());
            let found = look(proxy.port(), &cache(folder.path(), LIMITS));
            assert_eq!(found.map(|found| found.prefixes).as_ref(), Ok(&clean.prefixes), "{fault:?}");
        }
    }
}

fn survey(cache: &Path, broker_url: &str, more: &[&str]) -> (i32, Value, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outage-replay"));
    cli::without_settings(&mut command);
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(variable);
    }
    command.env("NO_PROXY", "127.0.0.1").env("OUTAGE_REPLAY_CACHE", cache).env("BGPKIT_BROKER_URL", broker_url);
    command.args(["survey", "--prefix", "175.45.176.0/24", "--min-peers", "5", "--format", "json"]);
    command.args(["--from", "2014-12-22T12:00", "--to", "2014-12-23T04:00"]).args(more);
    let output = command.current_dir(cache).output().expect("the program runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"));
    (output.status.code().unwrap_or(-1), document, errors)
}

#[test]
fn a_survey_over_the_network_says_the_same_as_one_of_the_local_archive() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let folder = TempDir::new().expect("a temporary folder");
    let archive = Servers::archive();
    let collectors = "route-views2,route-views.sydney";
    let local = ["--archive", archive.to_str().expect("a path"), "--collector", collectors];
    let (code, expected, _) = survey(folder.path(), &proxy.broker_url(), &local);
    assert_eq!(code, 0, "{expected:#}");
    // By default the collectors of RouteViews; nothing is downloaded but RIB dumps.
    let (code, found, errors) = survey(folder.path(), &proxy.broker_url(), &[]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(found["prefixes"][0]["looks"], expected["prefixes"][0]["looks"]);
    assert_eq!(found["answer"], "candidates");
    assert!(proxy.file_counts().keys().all(|path| path.contains("/RIBS/")), "{:?}", proxy.file_counts());
    assert!(proxy.most_open() <= 4, "{}", proxy.most_open());
    assert!(found["dumps"].as_array().expect("dumps").iter().all(|dump| dump["validator"].is_string()));
    // Every part that was requested has the same bytes as in the file.
    assert_eq!(found["dumps"][0]["ranges"], expected["dumps"][0]["ranges"]);
}

#[test]
fn dumps_that_cannot_be_looked_up_are_unknown_unless_whole_files_are_allowed() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let folder = TempDir::new().expect("a temporary folder");
    let (_, clean, _) = survey(folder.path(), &proxy.broker_url(), &[]);
    proxy.reset();
    proxy.fault(".bz2", Fault::NoRange, None);
    let (code, found, errors) = survey(folder.path(), &proxy.broker_url(), &[]);
    assert_eq!(code, 3, "{errors}");
    assert_eq!(found["answer"], "insufficient_data");
    assert!(found["dumps"].as_array().expect("dumps").iter().all(|dump| dump["method"] == "not_read"));
    // The two collectors begin at the same time; then the server is known.
    assert!(proxy.file_counts().len() <= 2, "{:?}", proxy.file_counts());
    let (code, whole, errors) =
        survey(folder.path(), &proxy.broker_url(), &["--whole-files", "--project", "routeviews"]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(whole["prefixes"][0]["looks"], clean["prefixes"][0]["looks"]);
    assert!(whole["dumps"].as_array().expect("dumps").iter().all(|dump| dump["method"] == "whole_file"));
    // What is in the cache is looked up there.
    servers.stop();
    let (code, cached, errors) = survey(folder.path(), &proxy.broker_url(), &["--offline"]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(cached["prefixes"][0]["looks"], clean["prefixes"][0]["looks"]);
    assert!(cached["dumps"].as_array().expect("dumps").iter().all(|dump| dump["method"] == "looked_up"));
}

#[test]
fn a_survey_looks_dumps_up_at_a_mirror_and_lists_them_from_pages() {
    let Some(servers) = Servers::start() else { return };
    let (publisher, mirror) = (Proxy::start(&servers), Proxy::start(&servers));
    let folder = TempDir::new().expect("a temporary folder");
    let (_, clean, _) = survey(folder.path(), &publisher.broker_url(), &[]);
    let asked = |more: &[&str]| {
        let (code, found, errors) = survey(folder.path(), &publisher.broker_url(), more);
        assert_eq!(code, 0, "{more:?}: {errors}");
        assert_eq!(found["prefixes"][0]["looks"], clean["prefixes"][0]["looks"], "{more:?}");
    };
    let at_mirror = ["--mirror", &mirror.archive_url()];
    publisher.reset();
    asked(&at_mirror);
    assert!(publisher.file_counts().is_empty(), "{:?}", publisher.file_counts());
    // What a mirror lacks, or does not send in parts, comes from the publisher.
    for fault in [Fault::Status(404), Fault::NoRange] {
        publisher.reset();
        mirror.reset();
        mirror.fault("/RIBS/", fault, None);
        asked(&at_mirror);
        assert!(!publisher.file_counts().is_empty());
    }
    asked(&["--catalog", "archives", "--publisher-url", &publisher.archive_url()]);
}
