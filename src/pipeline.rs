//! The run of a query in two halves: [`collect`] lists, plans, reads and replays archives, [`judge`] finds the outages in what
//! they show. The [`Observations`] between them can be [stored](crate::observations).
//!
//! Files are read in parallel and each collector's events are applied in order, so the result does not depend on the
//! number of threads.

mod acceptance;
mod ahead;
mod collecting;
mod collector_run;
mod collector_state;
mod copies;
mod coverage;
mod examining;
mod judging;
mod looking_back;
mod narrowing;
mod needed_ribs;
mod reading;
mod reproducing;
mod round;
mod scanning;
mod subjects;
mod surveying;
mod tasks;
mod unnamed;

use std::thread;

use crate::catalog::Catalog;
use crate::detect::{Detector, detector};
use crate::error::Error;
use crate::fetch::Cache;
use crate::observations::{Observations, Part, Task};
use crate::query::{Criteria, Query, Scanned};
use crate::report::Report;

pub use crate::progress::Progress;
pub use examining::Examined;
pub use narrowing::narrow;
pub use reproducing::reproduce;
pub use surveying::survey;
pub use tasks::{Joined, Load};
pub use unnamed::open as open_archive;

/// How a query is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// Threads; 0 for one per core.
    pub jobs: usize,
    /// The criteria of an outage.
    pub criteria: Criteria,
}

/// Where archive files are listed, and where they are kept once downloaded.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Lists the archive files.
    pub catalog: &'a dyn Catalog,
    /// Files of publishers' servers go through it; a local archive needs none.
    pub cache: Option<&'a Cache>,
}

impl<'a, C: Catalog> From<&'a C> for Sources<'a> {
    fn from(catalog: &'a C) -> Sources<'a> {
        Sources { catalog, cache: None }
    }
}

impl<'a> From<&'a dyn Catalog> for Sources<'a> {
    fn from(catalog: &'a dyn Catalog) -> Sources<'a> {
        Sources { catalog, cache: None }
    }
}

/// Answers a query from the files of a catalog.
///
/// # Errors
///
/// If the archives cannot be listed, no file covers the window, or the run is cancelled. Missing and damaged files are not errors.
pub fn run<'a>(
    query: &Query,
    sources: impl Into<Sources<'a>>,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Report, Error> {
    let threads = threads(options.jobs)?;
    let observations = collect_on(&threads, query, sources.into(), progress)?;
    Ok(threads.install(|| judging::judge(observations, &options.criteria, &*detector(&options.criteria))))
}

/// Collects what the archives show about a query, with `jobs` threads; 0 for one per core.
///
/// # Errors
///
/// As [`run`].
pub fn collect<'a>(
    query: &Query,
    sources: impl Into<Sources<'a>>,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Observations, Error> {
    collect_on(&threads(jobs)?, query, sources.into(), progress)
}

fn collect_on(
    threads: &rayon::ThreadPool,
    query: &Query,
    sources: Sources,
    progress: &dyn Progress,
) -> Result<Observations, Error> {
    let listing = list_on(threads, query, sources, progress)?;
    let Sources { catalog, cache } = sources;
    let mut observations = threads.install(|| collecting::collect(query, &listing, cache, progress))?;
    observations.listing = catalog.source();
    observations.listing.remarks.extend(cache.map(Cache::remarks).unwrap_or_default());
    let notes = listing.files.iter().map(|file| (file, catalog.notes(file)));
    observations.note = collecting::note(notes, &observations.files);
    Ok(observations)
}

fn list_on(
    threads: &rayon::ThreadPool,
    query: &Query,
    Sources { catalog, cache }: Sources,
    progress: &dyn Progress,
) -> Result<collecting::Listing, Error> {
    let (files, expected) = (catalog.list(query)?, catalog.expected(query)?);
    let files = threads.install(|| copies::settle(files, query, cache, progress))?;
    Ok(collecting::Listing { files, expected })
}

/// Lists the tasks of a run, one for each collector, in this order. Other processes and machines may
/// [work on them](collect_part).
///
/// # Errors
///
/// If the archives cannot be listed, or no file covers the window.
pub fn tasks<'a>(
    query: &Query,
    sources: impl Into<Sources<'a>>,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Vec<Task>, Error> {
    let sources = sources.into();
    let listing = list_on(&threads(jobs)?, query, sources, progress)?;
    tasks::tasks(query, &listing, sources)
}

/// Collects what the archive of one collector shows, with `jobs` threads; 0 for one per core. Files of publishers' servers need a
/// cache.
///
/// # Errors
///
/// If the run is cancelled, or the machine cannot open or store a file. Missing and damaged files are not errors.
pub fn collect_part(task: &Task, cache: Option<&Cache>, jobs: usize, progress: &dyn Progress) -> Result<Part, Error> {
    threads(jobs)?.install(|| tasks::collect_part(task, cache, progress))
}

/// Joins the parts of [`tasks`], which `load` returns, into what a single run would have observed. What one collector shows may
/// require more data from another: then returns the tasks that are still to be done. If a task in `failed` has no part, the
/// whole window is a gap of its collector.
///
/// # Errors
///
/// If the tasks do not belong together, or a part cannot be loaded.
pub fn join(
    tasks: Vec<Task>,
    failed: &[Task],
    load: &Load,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Joined, Error> {
    threads(jobs)?.install(|| tasks::join(tasks, failed, load, progress))
}

/// Turns a question about everything into one about the networks that may have been out in its window: reads the archives once, with
/// a bit for each prefix and vantage point. The targets of `query` do not matter.
///
/// # Errors
///
/// If the archives cannot be listed or read, no file covers the window, or more prefixes may have been out than can be replayed.
pub fn scan<'a>(
    query: &Query,
    sources: impl Into<Sources<'a>>,
    of: Scanned,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Query, Error> {
    let sources = sources.into();
    let threads = threads(options.jobs)?;
    let listing = list_on(&threads, query, sources, progress)?;
    threads.install(|| scanning::scan(query, &listing, of, &options.criteria, sources.cache, progress))
}

/// Reads every archive file of a cache with `jobs` threads, 0 for one per core, and compares its records with its name, and its peers
/// with the other files of its collector.
///
/// # Errors
///
/// If the cache cannot be read, or the run is cancelled.
pub fn examine(cache: &Cache, jobs: usize, progress: &dyn Progress) -> Result<Vec<Examined>, Error> {
    threads(jobs)?.install(|| examining::examine(cache, progress))
}

/// Finds the outages in observations, by the detector that the criteria select.
///
/// # Errors
///
/// If the threads cannot be started.
pub fn judge(observations: Observations, options: &Options) -> Result<Report, Error> {
    judge_with(observations, options, &*detector(&options.criteria))
}

/// Finds the outages in observations, by any detector. The report shows the criteria of `options`, which decide
/// which vantage points are full feeds and how much data suffice; it does not name the detector.
///
/// # Errors
///
/// If the threads cannot be started.
pub fn judge_with(observations: Observations, options: &Options, detector: &dyn Detector) -> Result<Report, Error> {
    Ok(threads(options.jobs)?.install(|| judging::judge(observations, &options.criteria, detector)))
}

/// Each thread opens a file twice, for its records and for its digest.
const FILES_PER_THREAD: usize = 2;
/// Files that are open beside those: standard streams, connections, downloads, locks.
const SPARE_FILES: usize = 40;

/// Threads beyond this many, or this many for each core, only wake each other.
const MAX_THREADS: usize = 64;
const MAX_THREADS_PER_CORE: usize = 4;

/// A pool of `jobs` threads, 0 for one per core. It has fewer if more would only wake each other, or would open more files than
/// the process may.
fn threads(jobs: usize) -> Result<rayon::ThreadPool, Error> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let wanted = if jobs == 0 { cores } else { jobs.min(MAX_THREADS.max(cores * MAX_THREADS_PER_CORE)) };
    let jobs = wanted.min(open_files().saturating_sub(SPARE_FILES) / FILES_PER_THREAD).max(1);
    rayon::ThreadPoolBuilder::new().num_threads(jobs).build().map_err(|source| Error::Threads { n: jobs, source })
}

/// How many files the process may have open.
#[cfg(unix)]
fn open_files() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Other systems have no limit that a run would meet.
#[cfg(not(unix))]
fn open_files() -> usize {
    usize::MAX
}
