//! Progress of a run, and its cancellation.

use std::time::Duration;

/// Observes a run. The methods are called from several threads; each has a default that does nothing.
pub trait Progress: Send + Sync {
    /// A server is asked which files there are.
    fn listing(&self, _url: &str) {}
    /// The run begins to read this many files. Called again if updates revealed prefixes and all files are read again.
    fn begin(&self, _n_rib_dumps: usize, _n_update_files: usize) {}
    /// This many files are read in addition.
    fn added(&self, _n_files: usize) {}
    /// A file was read.
    fn file_read(&self, _name: &str) {}
    /// A file is not available: its interval is a gap.
    fn file_lost(&self, _name: &str, _why: &str) {}
    /// This many files, of about this many bytes, are going to be downloaded in addition.
    fn announced(&self, _n_files: usize, _bytes: u64) {}
    /// Whether this many files, of about this many bytes, may be downloaded in addition: those of the plan, and then those that
    /// findings need. Without the former there is no run.
    fn may_download(&self, _n_files: usize, _bytes: u64) -> bool {
        true
    }
    /// This many bytes were received.
    fn received(&self, _bytes: u64) {}
    /// A file was downloaded, and is read next.
    fn downloaded(&self, _name: &str) {}
    /// Something that the user should know at once: another catalog is used, or two copies of a file differ.
    fn warning(&self, _what: &str) {}
    /// A request failed and is made again after a pause.
    fn retrying(&self, _url: &str, _why: &str, _pause: Duration) {}
    /// Whether the run is cancelled. Called between files, while files are read and downloaded, and while a thread waits.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Ignores everything and never cancels.
impl Progress for () {}
