//! Mirrors: other servers with the publishers' files, whole, lagging and damaged.

use std::fs;
use std::path::Path;

use outage_replay::catalog::Choice;
use outage_replay::report::Report;
use tempfile::TempDir;

use super::proxy::{Fault, Proxy};
use super::runs::{document, program};
use super::servers::Servers;
use super::{LIMITS, WINDOW, assert_sound, broker, copy, online, replay, replay_from, text, without_catalog};

const UPDATES: &str = "rrc00/2014.12/updates.20141222.1615.gz";

/// A run whose publisher is one proxy and whose mirror another.
fn run(publisher: &Proxy, mirror: &Proxy, cache: &Path) -> Report {
    let cache = online(cache, LIMITS).with_mirrors(vec![mirror.archive_url().parse().expect("a URL")]);
    replay_from(&broker(&publisher.broker_url(), Choice::default()), cache).expect("a report")
}

#[test]
fn files_come_from_the_mirror_and_what_it_lacks_from_the_publisher() {
    let Some(servers) = Servers::start() else { return };
    let (publisher, mirror) = (Proxy::start(&servers), Proxy::start(&servers));
    let alone = TempDir::new().expect("a folder");
    let clean = text(&without_catalog(replay(&publisher.broker_url(), alone.path(), LIMITS).expect("a clean run")));
    for (what, fault, from_publisher) in [
        ("whole", None, 0),
        ("lagging", Some(("updates.20141222.162", Fault::Status(404))), 2),
        ("down", Some(("2014.12", Fault::Refuse)), usize::MAX),
    ] {
        let cache = TempDir::new().expect("a folder");
        publisher.reset();
        mirror.reset();
        if let Some((path, fault)) = fault {
            mirror.fault(path, fault, None);
        }
        let report = run(&publisher, &mirror, cache.path());
        assert_eq!(report.coverage.listing.remarks, [""; 0], "{what}");
        assert_eq!(text(&without_catalog(report)), clean, "{what}");
        let n = publisher.file_counts().len();
        assert!(n == from_publisher || from_publisher == usize::MAX && n > 10, "{what}: {n}");
        assert_sound(cache.path(), what);
    }
    // The publisher is down, and the mirror is not.
    let cache = TempDir::new().expect("a folder");
    publisher.reset();
    mirror.reset();
    publisher.fault("2014.12", Fault::Refuse, None);
    assert_eq!(text(&without_catalog(run(&publisher, &mirror, cache.path()))), clean);
}

#[test]
fn a_damaged_copy_of_a_mirror_is_replaced_and_named() {
    let Some(servers) = Servers::start() else { return };
    let (publisher, mirror) = (Proxy::start(&servers), Proxy::start(&servers));
    let alone = TempDir::new().expect("a folder");
    let clean = text(&without_catalog(replay(&publisher.broker_url(), alone.path(), LIMITS).expect("a clean run")));
    let right = fs::read(Servers::archive().join(UPDATES)).expect("a file");
    for fault in [Fault::Flip, Fault::CutUnannounced(0.5), Fault::Html] {
        let cache = TempDir::new().expect("a folder");
        copy(alone.path(), cache.path(), UPDATES);
        publisher.reset();
        mirror.reset();
        mirror.fault(UPDATES, fault.clone(), None);
        let report = run(&publisher, &mirror, cache.path());
        let remarks = report.coverage.listing.remarks.join("\n");
        let copies = remarks.contains(&format!("{UPDATES}: the copy from {}", mirror.archive_url()));
        assert!(
            copies && remarks.contains(&format!("the one from {}", publisher.archive_url())),
            "{fault:?}: {remarks}"
        );
        assert_eq!(text(&without_catalog(report)), clean, "{fault:?}");
        assert!(fs::read(cache.path().join(UPDATES)).expect("a file") == right, "{fault:?}");
        assert_sound(cache.path(), &format!("{fault:?}"));

        // A single fault is no property of the mirror.
        let cache = TempDir::new().expect("a folder");
        copy(alone.path(), cache.path(), UPDATES);
        mirror.reset();
        mirror.fault(UPDATES, fault.clone(), Some(1));
        let report = run(&publisher, &mirror, cache.path());
        assert_eq!(report.coverage.listing.remarks, [""; 0], "{fault:?}");
        assert_eq!(text(&without_catalog(report)), clean, "{fault:?}");
    }
}

#[test]
fn a_copy_that_differs_from_the_one_of_the_cache_is_named() {
    let Some(servers) = Servers::start() else { return };
    let (publisher, mirror) = (Proxy::start(&servers), Proxy::start(&servers));
    let cache = TempDir::new().expect("a folder");
    run(&publisher, &mirror, cache.path());
    // Another file was there before, and is damaged now.
    fs::write(cache.path().join(format!("{UPDATES}.sha256")), "ab".repeat(32)).expect("a digest");
    let report = run(&publisher, &mirror, cache.path());
    let remarks = report.coverage.listing.remarks.join("\n");
    assert!(remarks.contains(UPDATES) && remarks.contains("is not the one that was in the cache"), "{remarks}");
    assert!(remarks.contains(&mirror.archive_url()), "{remarks}");
    assert_sound(cache.path(), "after it");
}

#[test]
fn a_file_that_is_cut_at_every_source_is_kept_as_it_is() {
    let Some(servers) = Servers::start() else { return };
    let (publisher, mirror) = (Proxy::start(&servers), Proxy::start(&servers));
    let alone = TempDir::new().expect("a folder");
    publisher.fault(UPDATES, Fault::CutUnannounced(0.5), None);
    let expected = text(&without_catalog(replay(&publisher.broker_url(), alone.path(), LIMITS).expect("a report")));
    mirror.fault(UPDATES, Fault::CutUnannounced(0.5), None);
    let cache = TempDir::new().expect("a folder");
    assert_eq!(text(&without_catalog(run(&publisher, &mirror, cache.path()))), expected);
    // The publisher has it no longer: what the mirror has is better than nothing.
    publisher.reset();
    publisher.fault(UPDATES, Fault::Status(404), None);
    let cache = TempDir::new().expect("a folder");
    assert_eq!(text(&without_catalog(run(&publisher, &mirror, cache.path()))), expected);
}

#[test]
fn the_program_asks_mirrors_first() {
    let Some(servers) = Servers::start() else { return };
    let (publisher, first, second) = (Proxy::start(&servers), Proxy::start(&servers), Proxy::start(&servers));
    first.fault("route-views", Fault::Status(404), None);
    let cache = TempDir::new().expect("a folder");
    let (one, two) = (first.archive_url(), second.archive_url());
    let args = ["--from", WINDOW.0, "--to", WINDOW.1, "--mirror", &one, "--mirror", &two];
    document(&mut program(cache.path(), Some(&publisher.broker_url()), &args));
    assert_eq!(publisher.file_counts().len(), 0);
    assert!(second.file_counts().keys().all(|path| path.contains("route-views")), "{:?}", second.file_counts());
    assert!(first.file_counts().keys().any(|path| path.contains("rrc00")));
}
