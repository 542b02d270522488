//! Whole runs: the program itself, the cache that it writes, and downloads that resume where they stopped.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use outage_replay::catalog::Mirror;
use outage_replay::fetch::{Cache, EntryState};
use outage_replay::{Options, run};
use serde_json::Value;
use std::process::Command;
use tempfile::TempDir;

use crate::cli;

use super::proxy::{Fault, Proxy};
use super::servers::Servers;
use super::{COLLECTORS, LIMITS, WINDOW, assert_sound, copy, files_below, query, replay, text, without_catalog};

const UPDATES: &str = "rrc00/2014.12/updates.20141222.1615.gz";
const RIB: &str = "route-views2/bgpdata/2014.12/RIBS/rib.20141222.1600.bz2";

/// The program with the question about North Korea, in a folder of its own and without the caller's settings.
pub fn program(cache: &Path, broker_url: Option<&str>, more: &[&str]) -> Command {
    let mut command = bare(cache, broker_url);
    command.args(["--asn", "131279", "--format", "json", "--collector"]).arg(COLLECTORS.join(",")).args(more);
    command
}

/// The program without a question, and without the caller's settings.
pub fn bare(cache: &Path, broker_url: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outage-replay"));
    cli::without_settings(&mut command);
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(variable);
    }
    if let Some(url) = broker_url {
        command.env("BGPKIT_BROKER_URL", url);
    }
    command.env("NO_PROXY", "127.0.0.1").env("OUTAGE_REPLAY_CACHE", cache).current_dir(cache);
    command
}

/// What `plan` prints with the default choice of collectors.
pub fn plan(cache: &Path, broker_url: &str, more: &[&str]) -> Vec<u8> {
    let mut command = bare(cache, Some(broker_url));
    let output = command.args(["plan", "--asn", "131279"]).args(more).output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A JSON report without the lines about its catalog.
fn without_catalog_lines(report: &[u8]) -> String {
    let text = String::from_utf8_lossy(report);
    text.lines().filter(|line| !line.starts_with("    \"catalog\":")).collect()
}

pub fn document(command: &mut Command) -> (Vec<u8>, Value) {
    let output = command.output().expect("the program runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let document = serde_json::from_slice(&output.stdout).expect("a document");
    (output.stdout, document)
}

#[test]
fn without_an_archive_the_files_come_from_the_network_and_then_from_the_cache() {
    let Some(servers) = Servers::start() else { return };
    let cache = TempDir::new().expect("a temporary folder");
    let window = ["--from", "2014-12-22T12:00", "--to", "2014-12-23T04:00"];
    let archive = Servers::archive();
    let local = ["--archive", archive.to_str().expect("a path")];
    let with = |more: &[&'static str]| [&window[..], more].concat();

    let (_, expected) = document(&mut program(cache.path(), None, &[&window[..], &local[..]].concat()));
    let (online, found) = document(&mut program(cache.path(), Some(&servers.broker_url()), &window));
    assert_eq!(found["outages"], expected["outages"]);
    assert_eq!(found["episodes"], expected["episodes"]);
    assert_eq!(found["answer"], "outage");
    assert!(!found["outages"].as_array().expect("outages").is_empty());
    assert_sound(cache.path(), "after the first run");

    let url = servers.broker_url();
    servers.stop();
    let (offline, _) = document(&mut program(cache.path(), Some(&url), &with(&["--offline"])));
    let same = |first: &[u8], second: &[u8]| without_catalog_lines(first) == without_catalog_lines(second);
    assert!(same(&offline, &online), "the second run, without network, prints the same bytes");

    let copied = TempDir::new().expect("a temporary folder");
    copy(cache.path(), copied.path(), "no such file");
    let as_archive = ["--archive", copied.path().to_str().expect("a path")];
    let elsewhere = TempDir::new().expect("a temporary folder");
    let (archived, _) = document(&mut program(elsewhere.path(), None, &[&window[..], &as_archive[..]].concat()));
    assert!(same(&archived, &online), "the cache is an archive");
    assert_eq!(files_below(elsewhere.path()), [""; 0], "a local archive needs no cache");
}

#[test]
fn a_broker_that_cannot_be_reached_or_understood_ends_the_program_with_1() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let cache = TempDir::new().expect("a temporary folder");
    proxy.fault("/search", Fault::Status(404), None);
    let window = ["--from", WINDOW.0, "--to", WINDOW.1, "--catalog", "broker"];
    let output = program(cache.path(), Some(&proxy.broker_url()), &window).output().expect("the program runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("cannot list archives at") && errors.contains("--offline"), "{errors}");
    assert_eq!(output.stdout, b"");
}

#[test]
fn an_interrupted_download_resumes_where_it_stopped() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let clean_cache = TempDir::new().expect("a temporary folder");
    let clean = text(&replay(&proxy.broker_url(), clean_cache.path(), LIMITS).expect("a clean run"));
    for file in [UPDATES, RIB] {
        let right = fs::read(Servers::archive().join(file)).expect("a file");
        // The fault of the second request, after half of the file arrived, and the number of requests after it.
        for (then, n_requests) in [(None, 2), (Some(Fault::OtherVersion), 3), (Some(Fault::ShortRange), 3)] {
            let cache = TempDir::new().expect("a temporary folder");
            copy(clean_cache.path(), cache.path(), file);
            proxy.reset();
            proxy.fault(file, Fault::Cut(0.5), Some(1));
            if let Some(fault) = &then {
                proxy.fault(file, fault.clone(), Some(1));
            }
            let report = replay(&proxy.broker_url(), cache.path(), LIMITS).expect("a report");
            assert_eq!(text(&report), clean, "{file}, {then:?}");
            let requests = proxy.requests(file);
            assert_eq!(requests.len(), n_requests, "{file}, {then:?}: {requests:?}");
            let second = &requests[1];
            assert_eq!(second.range, Some(format!("bytes={}-", right.len() / 2)), "{file}, {then:?}");
            assert!(second.if_range.as_ref().is_some_and(|etag| etag.starts_with('"')), "{second:?}");
            assert!(fs::read(cache.path().join(file)).expect("a file") == right, "{file}, {then:?}: other bytes");
            assert_sound(cache.path(), file);
        }
        // In the next run too; but not with a file that has changed meanwhile.
        for etag in [None, Some("\"older\"")] {
            let cache = TempDir::new().expect("a temporary folder");
            copy(clean_cache.path(), cache.path(), file);
            proxy.reset();
            proxy.fault(file, Fault::Cut(0.5), Some(1));
            proxy.fault(file, Fault::Status(404), None);
            let _ = replay(&proxy.broker_url(), cache.path(), LIMITS).expect("a report");
            let part = cache.path().join(format!("{file}.part"));
            assert_eq!(fs::metadata(&part).expect("a part").len() as usize, right.len() / 2);
            if let Some(etag) = etag {
                fs::write(cache.path().join(format!("{file}.part.validator")), etag).expect("a validator");
                fs::write(&part, vec![0; right.len() / 2]).expect("a part");
            }
            proxy.reset();
            let report = replay(&proxy.broker_url(), cache.path(), LIMITS).expect("a report");
            assert_eq!(text(&report), clean, "{file}, {etag:?}");
            assert!(proxy.requests(file)[0].range.is_some(), "{file}, {etag:?}");
            assert_eq!(proxy.requests(file).len(), 1, "{file}, {etag:?}");
            assert!(fs::read(cache.path().join(file)).expect("a file") == right, "{file}, {etag:?}");
        }
    }
}

#[test]
fn a_damaged_entry_of_the_cache_is_fetched_again_and_nothing_else() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let cache = TempDir::new().expect("a temporary folder");
    let clean = text(&replay(&proxy.broker_url(), cache.path(), LIMITS).expect("a clean run"));
    let path = cache.path().join(UPDATES);
    let right = fs::read(&path).expect("an entry");
    let note = cache.path().join(format!("{UPDATES}.sha256"));
    type Damage<'a> = (&'a str, &'a dyn Fn());
    let damages: [Damage; 5] = [
        ("a byte", &|| fs::write(&path, right.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>()).expect("written")),
        ("its end", &|| fs::write(&path, &right[..right.len() / 2]).expect("written")),
        ("the file", &|| fs::remove_file(&path).expect("removed")),
        ("its digest", &|| fs::remove_file(&note).expect("removed")),
        ("half of its digest", &|| fs::write(&note, "12ab").expect("written")),
    ];
    for (what, damage) in damages {
        damage();
        proxy.reset();
        let report = replay(&proxy.broker_url(), cache.path(), LIMITS).expect("a report");
        assert_eq!(text(&report), clean, "{what}");
        let counts: Vec<(String, usize)> = proxy.file_counts().into_iter().collect();
        assert_eq!(counts, [(format!("/{UPDATES}"), 1)], "{what}");
        assert!(fs::read(&path).expect("an entry") == right, "{what}");
        assert_sound(cache.path(), what);
    }
}

#[test]
fn a_large_download_needs_consent_and_none_exceeds_the_budget() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let cache = TempDir::new().expect("a temporary folder");
    let run = |more: &[&str]| {
        let window = ["--from", WINDOW.0, "--to", WINDOW.1];
        let mut command = program(cache.path(), Some(&proxy.broker_url()), &[&window, more].concat());
        let output = command.output().expect("the program runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (more, expected) in [
        (&["--max-download", "1k"][..], "more than --max-download 1 kB: pass --yes to allow it"),
        (&["--budget", "1k"], "more than --budget 1 kB"),
        (&["--budget", "1k", "--yes"], "more than --budget 1 kB"),
    ] {
        let (code, said) = run(more);
        assert_eq!(code, Some(2), "{more:?}: {said}");
        assert!(said.contains(expected), "{more:?}: {said}");
    }
    assert_eq!(proxy.file_counts().len(), 0, "nothing is downloaded before consent");
    // Larger files are lost, each with the name of the limit, and nothing of them stays.
    let (code, said) = run(&["--max-file-size", "100"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("longer than 100 bytes, the most that a file may have (--max-file-size)"), "{said}");
    let stored = files_below(cache.path());
    assert!(!stored.iter().any(|file| file.ends_with(".gz") || file.ends_with(".part")), "{stored:?}");
    let (code, said) = run(&["--max-download", "1k", "--yes"]);
    assert_eq!(code, Some(0), "{said}");
    // What is in the cache needs no consent.
    let (code, said) = run(&["--max-download", "1k"]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_download_that_no_run_has_read_is_believed_only_after_it_was_read() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let clean_cache = TempDir::new().expect("a temporary folder");
    let clean = text(&replay(&proxy.broker_url(), clean_cache.path(), LIMITS).expect("a clean run"));
    let window = ["--from", WINDOW.0, "--to", WINDOW.1, "--offline"];
    for file in [UPDATES, RIB] {
        let right = fs::read(Servers::archive().join(file)).expect("a file");
        let flipped: Vec<u8> = right.iter().map(|byte| byte ^ 1).collect();
        let page = b"<html><body>Please sign in</body></html>";
        for (what, bytes, n_requests) in [
            ("whole", &right[..], 0),
            ("cut", &right[..right.len() / 2], 1),
            ("changed", &flipped[..], 1),
            ("a page", &page[..], 1),
            ("empty", &[][..], 1),
        ] {
            // A run that was stopped after it had downloaded the file.
            let cache = TempDir::new().expect("a temporary folder");
            copy(clean_cache.path(), cache.path(), file);
            let pending = cache.path().join(format!("{file}.pending"));
            fs::write(&pending, bytes).expect("written");
            let entries = Cache::new(cache.path(), None).entries(true).expect("a cache");
            let state = entries.iter().find(|entry| entry.name == file).map(|entry| entry.state);
            assert_eq!(state, Some(EntryState::Pending), "{file}, {what}");
            let output = program(cache.path(), None, &window).output().expect("the program runs");
            let offline: Value = serde_json::from_slice(&output.stdout).expect("a document");
            assert!(!offline["coverage"]["gaps"].as_array().expect("gaps").is_empty() || file == RIB, "{file}, {what}");
            assert!(pending.is_file(), "{file}, {what}: a run without network leaves it to the next");

            proxy.reset();
            let report = replay(&proxy.broker_url(), cache.path(), LIMITS).expect("a report");
            assert_eq!(text(&report), clean, "{file}, {what}");
            assert_eq!(proxy.requests(file).len(), n_requests, "{file}, {what}");
            assert!(fs::read(cache.path().join(file)).expect("a file") == right, "{file}, {what}");
            assert_eq!(files_below(cache.path()), files_below(clean_cache.path()), "{file}, {what}");
            assert_sound(cache.path(), what);
        }
    }
}

#[test]
fn what_an_earlier_run_left_is_used_only_if_it_is_from_where_the_file_is_listed() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let clean_cache = TempDir::new().expect("a temporary folder");
    let clean = text(&replay(&proxy.broker_url(), clean_cache.path(), LIMITS).expect("a clean run"));
    // Of another collector, and whole.
    let other = "route-views2/bgpdata/2014.12/UPDATES/updates.20141222.1615.bz2";
    let read = |file: &str| fs::read(Servers::archive().join(file)).expect("a file");
    let (right, wrong) = (read(UPDATES), read(other));
    let listed = format!("{}/{UPDATES}", proxy.archive_url());
    let elsewhere = format!("{}/{other}", proxy.archive_url());
    let etag = etag(&listed);
    for (suffix, content, source, n_requests) in [
        ("pending", &right[..], &listed, 0),
        ("pending", &wrong[..], &elsewhere, 1),
        ("part", &right[..right.len() / 2], &listed, 1),
        ("part", &wrong[..wrong.len() / 2], &elsewhere, 1),
    ] {
        let context = format!("{suffix} from {source}");
        let cache = TempDir::new().expect("a temporary folder");
        copy(clean_cache.path(), cache.path(), UPDATES);
        let beside = |suffix: &str| cache.path().join(format!("{UPDATES}.{suffix}"));
        fs::write(beside(suffix), content).expect("written");
        // A server of another file can claim its version, too.
        fs::write(beside("part.validator"), format!("{etag}\n{source}\n")).expect("written");
        proxy.reset();
        let report = replay(&proxy.broker_url(), cache.path(), LIMITS).expect("a report");
        assert_eq!(text(&report), clean, "{context}");
        let requests = proxy.requests(UPDATES);
        assert_eq!(requests.len(), n_requests, "{context}");
        let resumes = requests.iter().any(|request| request.range.is_some());
        assert_eq!(resumes, suffix == "part" && *source == listed, "{context}");
        assert!(fs::read(cache.path().join(UPDATES)).expect("a file") == right, "{context}");
        assert_eq!(files_below(cache.path()), files_below(clean_cache.path()), "{context}");
    }
}

/// The ETag of the file at `url`.
fn etag(url: &str) -> String {
    let client = reqwest::blocking::Client::builder().no_proxy().build().expect("a client");
    let response = client.get(url).send().expect("a response");
    response.headers()["etag"].to_str().expect("an ETag").to_owned()
}

#[test]
fn runs_at_once_share_one_cache_and_four_connections_are_the_most() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let cache = TempDir::new().expect("a temporary folder");
    proxy.fault("2014.12/", Fault::Late(Duration::from_millis(50)), None);
    let alone = TempDir::new().expect("a temporary folder");
    let clean = text(&replay(&proxy.broker_url(), alone.path(), LIMITS).expect("a clean run"));
    assert_eq!(proxy.most_open(), 4, "eight threads, four connections");
    let own_name = concat!("outage-replay/", env!("CARGO_PKG_VERSION"));
    for request in proxy.requests("2014.12/") {
        assert!(request.user_agent.as_ref().is_some_and(|name| name.starts_with(own_name)), "{request:?}");
    }

    proxy.reset();
    proxy.fault("2014.12/", Fault::Late(Duration::from_millis(50)), None);
    let (url, folder) = (proxy.broker_url(), cache.path());
    let texts: Vec<String> = thread::scope(|scope| {
        let run = || text(&replay(&url, folder, LIMITS).expect("a report"));
        let runs = [scope.spawn(run), scope.spawn(run), scope.spawn(run)];
        runs.map(|run| run.join().expect("a run")).to_vec()
    });
    assert!(texts.iter().all(|text| *text == clean));
    let twice: Vec<_> = proxy.file_counts().into_iter().filter(|(_, count)| *count != 1).collect();
    assert_eq!(twice, [], "each file is downloaded once");
    assert_sound(folder, "three runs at once");
    assert_eq!(files_below(folder), files_below(alone.path()));

    let mirror = Mirror::open(folder).expect("the cache is an archive");
    let archived = run(&query(), &mirror, &Options::default(), &()).expect("a report");
    let again = replay(&proxy.broker_url(), folder, LIMITS).expect("a report");
    assert_eq!(text(&without_catalog(archived)), text(&without_catalog(again)));
}

#[test]
fn a_run_is_reproduced_from_the_urls_in_its_manifest_and_then_from_the_cache() {
    let Some(servers) = Servers::start() else { return };
    let (cache, other) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let run = cache.path().join("results");
    let window = ["--from", "2014-12-22T15:00", "--to", "2014-12-22T17:00", "--output", run.to_str().expect("a path")];
    let mut command = program(cache.path(), Some(&servers.broker_url()), &window);
    assert!(command.output().expect("the program runs").status.success());
    for more in [&[][..], &["--offline"]] {
        let mut command = bare(other.path(), None);
        let output = command.arg("reproduce").arg(&run).arg("--json").args(more).output().expect("the program runs");
        assert_eq!(output.status.code(), Some(0), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
        let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(found["same"], true, "{more:?}: {found}");
    }
}
