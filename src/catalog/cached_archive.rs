//! The cache as a catalog, for runs without network.

use std::io;
use std::path::{Path, PathBuf};

use super::{ArchiveFile, Catalog, Choice, Location, Mirror, Query, choice};
use crate::bgp::Collector;
use crate::coverage::ListingSource;
use crate::error::Error;

/// The files of a cache. It chooses the same collectors as a [`Broker`](super::Broker), so that a query has the same answer
/// with and without network.
#[derive(Debug)]
pub struct CachedArchive {
    root: PathBuf,
    mirror: Mirror,
    choice: Choice,
}

impl CachedArchive {
    /// Lists the files of the cache below `root`.
    ///
    /// # Errors
    ///
    /// If the cache contains no archive file or cannot be read.
    pub fn open(root: &Path, choice: Choice) -> Result<CachedArchive, Error> {
        match Mirror::open(root) {
            Ok(mirror) => Ok(CachedArchive { root: root.to_owned(), mirror, choice }),
            Err(Error::EmptyArchive { path, .. }) => Err(Error::EmptyCache { path }),
            Err(Error::Archive { path, source }) if source.kind() == io::ErrorKind::NotFound && path == root => {
                Err(Error::EmptyCache { path })
            }
            Err(error) => Err(error),
        }
    }
}

impl CachedArchive {
    /// Returns the collectors that a query uses. Those that a run with network chose are the cheapest of the cached ones too.
    fn collectors(&self, query: &Query) -> Result<Vec<Collector>, Error> {
        let candidates = choice::candidates(query, self.choice)?;
        let Some(budget) = choice::budget(query, self.choice) else { return Ok(candidates) };
        let is_candidate = |file: &&ArchiveFile| candidates.contains(&file.collector);
        let files: Vec<ArchiveFile> = self.mirror.files().iter().filter(is_candidate).cloned().collect();
        Ok(choice::cheapest(&choice::offers(query, &files), budget))
    }
}

impl Catalog for CachedArchive {
    fn list(&self, query: &Query) -> Result<Vec<ArchiveFile>, Error> {
        let collectors = self.collectors(query)?;
        let is_chosen =
            |file: &&ArchiveFile| collectors.contains(&file.collector) && !matches!(file.location, Location::Unread(_));
        let chosen = self.mirror.files().iter().filter(is_chosen);
        Ok(chosen.map(cached).collect())
    }

    fn notes(&self, file: &ArchiveFile) -> Vec<String> {
        self.mirror.notes(&ArchiveFile { location: Location::Local(self.root.join(&file.name)), ..file.clone() })
    }

    fn source(&self) -> ListingSource {
        ListingSource { catalog: Some("cache".to_owned()), remarks: Vec::new() }
    }

    fn expected(&self, query: &Query) -> Result<Vec<Collector>, Error> {
        choice::expected(query, self.choice, || self.collectors(query))
    }
}

/// Marks a file as one whose digest is checked before it is read.
fn cached(file: &ArchiveFile) -> ArchiveFile {
    ArchiveFile { location: Location::Cached { size: file.size() }, ..file.clone() }
}
