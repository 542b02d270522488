//! Why a run failed. Each error names the action and the subject; the cause is its source.

use std::io;
use std::path::PathBuf;

/// What is expected of a folder.
const LAYOUT: &str = "COLLECTOR/YYYY.MM/updates.YYYYMMDD.HHMM.gz (RIPE RIS) or \
                      COLLECTOR/bgpdata/YYYY.MM/UPDATES/updates.YYYYMMDD.HHMM.bz2 (RouteViews)";

/// What was found and is of no use, after the place.
fn beside(not_read: &[String]) -> String {
    not_read.iter().map(|why| format!("; {why}")).collect()
}

/// A run that could not finish. Bad data are not errors: they are counted in the coverage.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder or file of the archive cannot be opened.
    #[error("cannot read the archive at {}", path.display())]
    Archive {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder holds no MRT file.
    #[error("no archive files below {}{}: expected {LAYOUT}", path.display(), beside(not_read))]
    EmptyArchive {
        /// Which folder.
        path: PathBuf,
        /// What was found and is not read.
        not_read: Vec<String>,
    },
    /// All files are in containers that are not read.
    #[error(
        "no file below {} can be read: {files}: the containers that are read are gzip, bzip2 and Zstandard; decompress the \
         files, or compress them with one of these", path.display()
    )]
    UnreadContainers {
        /// Which folder.
        path: PathBuf,
        /// Which files.
        files: String,
    },
    /// The folders do not show whose the files are.
    #[error(
        "cannot tell the collectors below {}: {why}; expected {LAYOUT}; or pass the folder of one collector, and its name with \
         --collector-name", path.display()
    )]
    Layout {
        /// Which folder.
        path: PathBuf,
        /// What is unclear.
        why: String,
    },
    /// One name was given to the files of several collectors.
    #[error("--collector-name {name} cannot name them all: the folders name {names}; pass the folder of one of them")]
    CollectorName {
        /// Which name.
        name: String,
        /// What the folders say.
        names: String,
    },
    /// Two files contradict each other.
    #[error(
        "{first} and {second}: {what}; keep the right one, or put the files of each collector into a folder with its name"
    )]
    TwoFiles {
        /// One of them.
        first: String,
        /// The other one.
        second: String,
        /// What is wrong with that.
        what: String,
    },
    /// The broker does not say which files there are.
    #[error("cannot list archives at {url}: {why}; try again later, or use --offline or --archive DIR")]
    Broker {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
    /// Nothing was downloaded yet, and the network may not be used.
    #[error("the cache at {} holds no archive files: run once without --offline", path.display())]
    EmptyCache {
        /// Where it is.
        path: PathBuf,
    },
    /// Whoever watches the run asked for it.
    #[error("stopped: what was downloaded is kept, and the same command goes on from there")]
    Cancelled,
    /// A collector was asked for that the catalog does not have.
    #[error("unknown collector '{name}': the archive has {}", known.join(", "))]
    UnknownCollector {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No file covers the window.
    #[error("no update or RIB file covers {window}: {holds}")]
    NothingCovers {
        /// The window asked about.
        window: String,
        /// What the archive holds instead.
        holds: String,
    },
    /// A result table could not be built.
    #[error("cannot build the table {table}")]
    Table {
        /// Which.
        table: &'static str,
        /// Why.
        source: polars::error::PolarsError,
    },
    /// An output could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The still picture could not be turned into pixels.
    #[error("cannot draw the timeline in pixels")]
    Picture {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The output folder holds an earlier run.
    #[error("{} holds an earlier run: choose another folder or pass --force to replace it", path.display())]
    OutputExists {
        /// Which folder.
        path: PathBuf,
    },
    /// An earlier run cannot be used.
    #[error("cannot use the earlier run: {}: {why}", path.display())]
    Run {
        /// Which file of it.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// An outage was asked for that the run did not find.
    #[error("no outage '{id}' in this run: {}", if known.is_empty() { "it found none".to_owned() } else { known.join(", ") })]
    UnknownOutage {
        /// What was asked for.
        id: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The threads of the run could not be started.
    #[error("cannot start {n} threads")]
    Threads {
        /// How many were asked for.
        n: usize,
        /// Why.
        source: rayon::ThreadPoolBuildError,
    },
}
