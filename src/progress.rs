//! How far a run is, told to whoever watches it, who may stop it.

use std::time::Duration;

/// Watches a run. Called from several threads; every method may be left out.
pub trait Progress: Send + Sync {
    /// So many files are going to be read; again, where updates revealed prefixes to look for in all of them.
    fn begin(&self, _n_rib_dumps: usize, _n_update_files: usize) {}
    /// So many more are to be read than was said.
    fn added(&self, _n_files: usize) {}
    /// One of them was read.
    fn file_read(&self, _name: &str) {}
    /// A file could not be had: its time is a gap.
    fn file_lost(&self, _name: &str, _why: &str) {}
    /// About this much is going to be downloaded, beside what was announced before.
    fn announced(&self, _n_files: usize, _bytes: u64) {}
    /// So much more came over the network.
    fn received(&self, _bytes: u64) {}
    /// A file was downloaded and accepted.
    fn downloaded(&self, _name: &str) {}
    /// A request failed, and is made again after a pause.
    fn retrying(&self, _url: &str, _why: &str, _pause: Duration) {}
    /// Whether to stop. Asked between files, while they are read and downloaded, and while waiting.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Tells nobody, and never stops.
impl Progress for () {}
