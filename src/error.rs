//! Why a run failed. Each error names the action and the subject; the cause is its source.

use std::io;
use std::path::PathBuf;

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
    /// The folder holds no archive in the layout of a publisher.
    #[error(
        "no archive files below {}: expected COLLECTOR/YYYY.MM/updates.YYYYMMDD.HHMM.gz (RIPE RIS) or \
         COLLECTOR/bgpdata/YYYY.MM/UPDATES/updates.YYYYMMDD.HHMM.bz2 (RouteViews)", path.display()
    )]
    EmptyArchive {
        /// Which folder.
        path: PathBuf,
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
