//! Why a run failed. Each error names the action and the subject, and if possible what to do; the cause is its source.

use std::io;
use std::path::PathBuf;

use crate::progress::Progress;

/// The expected layout of a folder.
const LAYOUT: &str = "COLLECTOR/YYYY.MM/updates.YYYYMMDD.HHMM.gz (RIPE RIS) or \
                      COLLECTOR/bgpdata/YYYY.MM/UPDATES/updates.YYYYMMDD.HHMM.bz2 (RouteViews)";

/// Returns what was found and not used, after the path.
fn beside(not_read: &[String]) -> String {
    not_read.iter().map(|why| format!("; {why}")).collect()
}

/// Whether an I/O error comes from the machine, and says nothing about the file that was opened or read: it has no more memory,
/// space or handles, or does not allow it.
pub(crate) fn is_of_the_machine(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(
        error.kind(),
        StorageFull
            | QuotaExceeded
            | FileTooLarge
            | ReadOnlyFilesystem
            | PermissionDenied
            | InvalidFilename
            | OutOfMemory
    ) || is_out_of_handles(error)
}

/// EMFILE or ENFILE.
fn is_out_of_handles(error: &io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

/// Returns what to do about an I/O error of the machine, after a separator.
fn advice(error: &io::Error) -> &'static str {
    use io::ErrorKind::*;
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => "; free some space, or choose another cache with --cache-dir",
        PermissionDenied | ReadOnlyFilesystem => "; check the permissions, or choose another cache with --cache-dir",
        InvalidFilename => "; choose a folder with a shorter path",
        OutOfMemory => "; free some memory",
        _ if is_out_of_handles(error) => "; use fewer threads (--jobs), or raise the limit of open files (ulimit -n)",
        _ => "",
    }
}

/// Why a run could not finish. Damaged data are not errors: they are counted in the coverage.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder or file of the archive cannot be opened.
    #[error("cannot read the archive at {}", path.display())]
    Archive {
        /// The folder or file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The folder contains no MRT file.
    #[error("no archive files below {}{}: expected {LAYOUT}", path.display(), beside(not_read))]
    EmptyArchive {
        /// The folder.
        path: PathBuf,
        /// What was found and not used.
        not_read: Vec<String>,
    },
    /// All files are in unsupported containers.
    #[error(
        "no file below {} is in a supported container: {files}; decompress the files, or compress them with gzip, bzip2 or \
         Zstandard", path.display()
    )]
    UnreadContainers {
        /// The folder.
        path: PathBuf,
        /// The files.
        files: String,
    },
    /// The folders do not show which collector recorded the files.
    #[error(
        "cannot find the collectors below {}: {why}; expected {LAYOUT}; or pass the folder of one collector and its name with \
         --collector-name", path.display()
    )]
    Layout {
        /// The folder.
        path: PathBuf,
        /// What is not clear.
        why: String,
    },
    /// One collector name was given for the files of several.
    #[error(
        "--collector-name {name} names one collector, but the folders name {names}: pass the folder of one of them"
    )]
    CollectorName {
        /// The name.
        name: String,
        /// The names of the folders.
        names: String,
    },
    /// Two files contradict each other.
    #[error(
        "{first} and {second}: {what}; keep the right one, or put the files of each collector into a folder with its name"
    )]
    TwoFiles {
        /// The first.
        first: String,
        /// The second.
        second: String,
        /// The contradiction.
        what: String,
    },
    /// No server lists the files.
    #[error("cannot list archives at {url}: {why}; try again later, or use --offline or --archive DIR")]
    Broker {
        /// The URL of the broker, or of a folder page.
        url: String,
        /// The cause.
        why: String,
    },
    /// The cache is empty, and the network may not be used.
    #[error("the cache at {} contains no archive files: run once without --offline", path.display())]
    EmptyCache {
        /// The cache.
        path: PathBuf,
    },
    /// More prefixes may have been out than can be replayed.
    #[error(
        "{n} prefixes may have been out, which are more than the {limit} that can be replayed: many sessions were lost at once; \
         shorten the window, or ask about some prefixes with --prefix"
    )]
    TooManyLosses {
        /// How many.
        n: usize,
        /// The limit.
        limit: usize,
    },
    /// A line of a list of tasks cannot be used.
    #[error("cannot read the task: {why}")]
    Task {
        /// The cause.
        why: String,
    },
    /// The run may not download what it needs.
    #[error("the run needs to download {n_files} files ({bytes} bytes), and that was not allowed")]
    NotDownloaded {
        /// How many.
        n_files: usize,
        /// About how many bytes.
        bytes: u64,
    },
    /// The machine could not open, read or store a file. That says nothing about the archive, so it is no gap.
    #[error("{what}: {cause}{}", advice(cause))]
    Machine {
        /// What failed.
        what: String,
        /// The cause.
        cause: io::Error,
    },
    /// An AS originates more prefixes than can be judged.
    #[error(
        "{origins} originates more than {limit} prefixes in these files: ask about some of them with --prefix, or pass fewer files"
    )]
    TooManyPrefixes {
        /// The ASes that were asked about.
        origins: String,
        /// The most prefixes that are judged.
        limit: usize,
    },
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The catalog does not have a collector that was asked for.
    #[error("unknown collector '{name}': the archive has {}", known.join(", "))]
    UnknownCollector {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// No file covers the window.
    #[error("no update file or RIB dump covers {window}: {holds}")]
    NothingCovers {
        /// The window asked about.
        window: String,
        /// What the archive contains instead.
        holds: String,
    },
    /// A table of the results could not be built.
    #[error("cannot build the table {table}")]
    Table {
        /// The table.
        table: &'static str,
        /// The cause.
        source: polars::error::PolarsError,
    },
    /// An output could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The report could not be printed.
    #[error("cannot write to standard output")]
    Print {
        /// The cause.
        source: io::Error,
    },
    /// The picture of the timeline could not be rendered.
    #[error("cannot render the timeline as a picture")]
    Picture {
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The output folder contains an earlier run.
    #[error("{} contains an earlier run: choose another folder or pass --force to replace it", path.display())]
    OutputExists {
        /// The folder.
        path: PathBuf,
    },
    /// The folder of an earlier run cannot be read.
    #[error("cannot read the earlier run: {}: {why}", path.display())]
    Run {
        /// The file.
        path: PathBuf,
        /// The cause.
        why: String,
    },
    /// An earlier run cannot be repeated.
    #[error("cannot reproduce the run: {n_files} of its files, such as {first}, are {place}")]
    NotReproducible {
        /// How many files are not there.
        n_files: usize,
        /// One of them.
        first: String,
        /// Where they are, or where they are not.
        place: &'static str,
    },
    /// An earlier run did not observe a target, or not all that belongs to it.
    #[error(
        "the run did not observe all of {target}: it was about {observed}. A prefix can be asked for if it lies inside \
         one that the run asked about together with everything inside it, and an AS if it was itself a target or the run was about 0.0.0.0/0 and ::/0"
    )]
    NotObserved {
        /// The target.
        target: String,
        /// What was asked about.
        observed: String,
    },
    /// The run did not find an outage that was asked for.
    #[error("no outage '{id}' in this run: {}", if known.is_empty() { "it found none".to_owned() } else { known.join(", ") })]
    UnknownOutage {
        /// The id that was asked for.
        id: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// The threads could not be started.
    #[error("cannot start {n} threads")]
    Threads {
        /// The number of threads.
        n: usize,
        /// The cause.
        source: rayon::ThreadPoolBuildError,
    },
}

impl Error {
    /// Ends the run here if it has been cancelled.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`].
    pub(crate) fn if_cancelled(progress: &dyn Progress) -> Result<(), Error> {
        if progress.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }
}
