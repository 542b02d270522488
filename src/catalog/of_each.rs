//! Lists of several collectors at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::ArchiveFile;
use crate::bgp::Collector;
use crate::error::Error;

/// The number of collectors that are looked up at the same time.
const CONNECTIONS: usize = 4;

/// Lists the files of each collector with `list`, and returns all of them. The first error ends the work.
pub(super) fn of_each(
    collectors: &[Collector],
    list: impl Fn(&Collector) -> Result<Vec<ArchiveFile>, Error> + Sync,
) -> Result<Vec<ArchiveFile>, Error> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut files = Vec::new();
        while let Some(collector) = collectors.get(next.fetch_add(1, Ordering::Relaxed)) {
            match list(collector) {
                Ok(mut listed) => files.append(&mut listed),
                Err(error) => {
                    // The other threads stop too.
                    next.store(collectors.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(files)
    };
    let parts: Vec<Result<Vec<ArchiveFile>, Error>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS.min(collectors.len())).map(|_| scope.spawn(work)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    let mut files = Vec::new();
    for part in parts {
        files.append(&mut part?);
    }
    Ok(files)
}
