//! Runs against real servers on the loopback interface, with and without a proxy that damages their answers.

mod catalog;
mod faults;
mod index;
#[cfg(unix)]
mod machine;
mod mirrors;
mod pages;
mod parts;
mod proxy;
mod ranges;
mod runs;
mod servers;
mod stops;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use outage_replay::bgp::{Asn, Collector};
use outage_replay::catalog::{Broker, Catalog, Choice, Patience};
use outage_replay::coverage::ListingSource;
use outage_replay::fetch::{Cache, Downloader, EntryState, Limits};
use outage_replay::pipeline::Sources;
use outage_replay::query::{Query, Target};
use outage_replay::report::{self, Report};
use outage_replay::time::Window;
use outage_replay::{Error, Options, run};

/// From a dump of all three collectors into the outage that begins at 16:15.
const WINDOW: (&str, &str) = ("2014-12-22T16:10", "2014-12-22T16:40");
const COLLECTORS: [&str; 3] = ["rrc00", "route-views2", "route-views.sydney"];

/// Long timeouts for a busy machine, and short pauses between attempts.
const LIMITS: Limits = Limits {
    per_host: 4,
    silence: Duration::from_secs(20),
    min_rate: 1,
    slow: Duration::from_secs(20),
    attempts: 3,
    first_pause: Duration::from_millis(20),
    total: Duration::from_secs(40),
    max_file: Limits::MAX_FILE,
};
/// For servers that do not answer.
const IMPATIENT: Limits = Limits {
    silence: Duration::from_secs(1),
    min_rate: 1000,
    slow: Duration::from_secs(1),
    attempts: 2,
    total: Duration::from_secs(4),
    ..LIMITS
};
const PATIENCE: Patience = Patience { first_pause: Duration::from_millis(20), total: Duration::from_millis(500) };

/// The network that was lost, and one that never was.
fn query() -> Query {
    let at = |text: &str| text.parse().expect("a time");
    let window = Window::new(at(WINDOW.0), at(WINDOW.1)).expect("a window");
    let mut query = Query::new(vec![Target::Asn(Asn(131_279)), Target::Asn(Asn(64_500))], window);
    query.collectors = COLLECTORS.map(Collector::new).to_vec();
    query
}

fn broker(url: &str, choice: Choice) -> Broker {
    Broker::new(&url.parse().expect("a URL"), choice, PATIENCE, Arc::new(())).expect("a client")
}

/// Asks the broker at `broker_url` and downloads into `cache`.
fn replay(broker_url: &str, cache: &Path, limits: Limits) -> Result<Report, Error> {
    replay_from(&broker(broker_url, Choice::default()), online(cache, limits))
}

fn replay_from(catalog: &dyn Catalog, cache: Cache) -> Result<Report, Error> {
    let options = Options { jobs: 8, ..Options::default() };
    run(&query(), Sources { catalog, cache: Some(&cache) }, &options, &())
}

/// A cache that downloads what it lacks.
fn online(folder: &Path, limits: Limits) -> Cache {
    Cache::new(folder, Some(Downloader::new(limits, Arc::new(())).expect("a client")))
}

/// A report without the catalog that listed its files.
fn without_catalog(mut report: Report) -> Report {
    report.coverage.listing = ListingSource::default();
    report
}

fn text(report: &Report) -> String {
    serde_json::to_string_pretty(&report::document(report)).expect("a document")
}

/// Every file below `folder`, by its path in it.
fn files_below(folder: &Path) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, files: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            match entry.path() {
                path if path.is_dir() => walk(root, &path, files),
                path => files.push(path.strip_prefix(root).expect("below").to_string_lossy().into_owned()),
            }
        }
    }
    let mut files = Vec::new();
    walk(folder, folder, &mut files);
    files.sort();
    files
}

/// No file in the cache is partial: every entry has its digest, and interrupted downloads have a name of their own.
fn assert_sound(cache: &Path, context: &str) {
    let entries = Cache::new(cache, None).entries(true).expect("a cache");
    for entry in entries {
        let sound = matches!(entry.state, EntryState::Verified | EntryState::Partial | EntryState::Pending);
        assert!(sound, "{context}: {} is {:?}", entry.name, entry.state);
    }
    for file in files_below(cache) {
        let known = [".gz", ".bz2", ".sha256", ".part", ".part.validator", ".pending"];
        assert!(known.iter().any(|suffix| file.ends_with(suffix)), "{context}: {file} was left behind");
    }
}

/// A copy of a cache without the files whose path contains `without`.
fn copy(cache: &Path, to: &Path, without: &str) {
    for file in files_below(cache).iter().filter(|file| !file.contains(without)) {
        let target: PathBuf = to.join(file);
        fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
        fs::copy(cache.join(file), target).expect("a copy");
    }
}
