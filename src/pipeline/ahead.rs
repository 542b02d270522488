//! Downloads that run ahead of the reading: the first files are read while later ones still come, RIB dumps and updates
//! side by side, from every host at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::thread::Scope;

use crate::archive::{self, ArchiveFile, Location};
use crate::error::Error;
use crate::fetch::{self, Cache};
use crate::progress::Progress;

fn lacking<'a>(files: &'a [ArchiveFile], cache: &'a Cache) -> impl Iterator<Item = &'a ArchiveFile> {
    files.iter().filter(|file| matches!(file.location, Location::Remote { .. }) && !cache.holds(&file.name))
}

/// Returns how many of `files` the cache lacks, and about how many bytes they have.
pub(super) fn to_download(files: &[ArchiveFile], cache: Option<&Cache>) -> (usize, u64) {
    let lacking = cache.into_iter().flat_map(|cache| lacking(files, cache));
    lacking.fold((0, 0), |(n, bytes), file| (n + 1, bytes + file.size()))
}

/// Whether `progress` allows to download those of `files` that the cache lacks.
pub(super) fn may_download(files: &[ArchiveFile], cache: Option<&Cache>, progress: &dyn Progress) -> bool {
    let (n_files, bytes) = to_download(files, cache);
    n_files == 0 || progress.may_download(n_files, bytes)
}

/// Fails unless `progress` allows to download those of `files` that the cache lacks.
pub(super) fn check_allowed(
    files: &[ArchiveFile],
    cache: Option<&Cache>,
    progress: &dyn Progress,
) -> Result<(), Error> {
    if may_download(files, cache, progress) {
        return Ok(());
    }
    let (n_files, bytes) = to_download(files, cache);
    Err(Error::NotDownloaded { n_files, bytes })
}

/// Begins to download those of `files` that the cache lacks, in order. Ends with the scope.
pub(super) fn fetch<'scope>(
    scope: &'scope Scope<'scope, '_>,
    files: &[ArchiveFile],
    cache: Option<&'scope Cache>,
    progress: &'scope dyn Progress,
) {
    let Some(cache) = cache.filter(|cache| cache.n_connections() > 0) else { return };
    let mut by_host: BTreeMap<String, Vec<ArchiveFile>> = BTreeMap::new();
    let (mut n_files, mut bytes) = (0, 0);
    for file in lacking(files, cache) {
        let Location::Remote { url, size } = &file.location else { continue };
        by_host.entry(archive::host(url).to_owned()).or_default().push(file.clone());
        (n_files, bytes) = (n_files + 1, bytes + size);
    }
    if n_files > 0 {
        progress.announced(n_files, bytes);
    }
    for files in by_host.into_values() {
        let files = Arc::new(Mutex::new(VecDeque::from(files)));
        for _ in 0..cache.n_connections() {
            let files = Arc::clone(&files);
            let next = move || files.lock().ok()?.pop_front();
            scope.spawn(move || {
                while let Some(file) = next() {
                    if progress.is_cancelled() {
                        break;
                    }
                    // The reader reports it; every further file would meet it too.
                    if fetch::fetch(&file, cache).is_err() {
                        break;
                    }
                }
            });
        }
    }
}
