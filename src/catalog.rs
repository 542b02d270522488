//! Which archive files answer a query.
//!
//! A [`Catalog`] lists the files that exist; [`plan`] chooses those that a query needs and lists those that are missing. No
//! file is opened here.

mod broker;
mod broker_or_pages;
mod cached_archive;
mod choice;
mod era;
mod mirror;
mod missing;
mod of_each;
mod pages;
mod plan;
mod published;
mod recorded;
mod rhythm;
mod ribs;

use std::time::Duration;

use crate::archive::{ArchiveFile, DumpKind, Location};
use crate::bgp::Collector;
use crate::coverage::ListingSource;
use crate::error::Error;
use crate::query::Query;
use crate::time::{Timestamp, Window};

pub use crate::http::BaseUrl;
pub use broker::{Broker, BrokerUrl, Patience};
pub use broker_or_pages::BrokerOrPages;
pub use cached_archive::CachedArchive;
pub use choice::{Choice, Offer};
pub(crate) use era::may_be_by_length;
pub use mirror::{Mirror, Unnamed};
pub use pages::{PageSources, Pages, Publishers};
pub use plan::{CollectorPlan, Plan, plan};
pub use published::publisher;
pub use recorded::Recorded;
pub use ribs::{RibNotes, older_ribs};

/// The precision of times in file names, which are in minutes: a file begins and ends up to this much later than its name
/// says (58 s at route-views2 in 2008). It is shorter than the shortest outage.
pub const NAME_PRECISION: Duration = Duration::from_secs(60);

impl ArchiveFile {
    /// Whether RIPE RIS or RouteViews has a collector of that name.
    pub fn collector_is_published(&self) -> bool {
        publisher(&self.collector).is_some()
    }

    /// Returns its size in bytes, approximately if it is on a server; 0 if unknown.
    pub fn size(&self) -> u64 {
        match &self.location {
            Location::Local(path) | Location::Unread(path) => path.metadata().map_or(0, |metadata| metadata.len()),
            Location::Cached { size } | Location::Remote { size, .. } => *size,
            Location::Lost { .. } => 0,
        }
    }

    /// Returns the URL at which its publisher has it. None for a file of a local archive, which need not be a copy of a published
    /// one.
    pub fn url(&self) -> Option<String> {
        match &self.location {
            Location::Remote { url, .. } => Some(url.clone()),
            // Names in the cache are paths below the publisher's URL.
            Location::Cached { .. } => Some(Publishers::default().of(self.project).join(&self.name)),
            Location::Local(_) | Location::Unread(_) | Location::Lost { .. } => None,
        }
    }

    /// Returns how long the file lasts until the next one of its kind is due. None if its name does not contain a time.
    pub fn due_after(&self) -> Option<Duration> {
        self.records.is_none().then(|| era::interval(self))
    }

    /// Returns when a file was opened, judged by its name; if that is ambiguous, the earliest time.
    pub fn opened_at(&self) -> Timestamp {
        era::opened(self).0
    }

    /// Returns the interval that a file covers, judged by its name: from the earliest time at which it may have been opened to
    /// the latest time at which the next one of its kind is due.
    pub fn nominal_span(&self) -> Window {
        let (earliest, latest) = era::opened(self);
        Window { start: earliest, end: latest + era::interval(self) }
    }

    /// Returns the part of an update file's interval that only the spacing of file names suggests. None if the file lasts as
    /// long as the publisher's files usually did at the time.
    pub fn stretched(&self) -> Option<Stretched> {
        let usual = era::usual_interval(self).filter(|_| self.kind == DumpKind::Updates)?;
        let lasts = self.lasts.filter(|lasts| *lasts >= usual.saturating_mul(3) / 2)?;
        let opened = era::opened(self).1;
        let window = Window { start: opened + usual, end: opened + lasts };
        Some(Stretched { window, proved_from: opened + lasts.saturating_mul(2) / 3 })
    }
}

/// An interval that an update file covers unless files after it are missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretched {
    /// From the end of a file of usual length to the end of this one.
    pub window: Window,
    /// The last third of the file. A record in it shows that the file covers the interval.
    pub proved_from: Timestamp,
}

/// Whether a file was opened in a window or at its very end.
fn is_in(file: &ArchiveFile, window: Window) -> bool {
    let opened = era::opened(file).0;
    window.start <= opened && opened <= window.end
}

/// A list of archive files: a local folder, the cache, a broker that indexes the publishers' servers, or the folder pages of
/// these servers.
pub trait Catalog {
    /// Returns every file that may matter to `query`: all files of the chosen collectors, or at least those from the start of
    /// the baseline to a day after the window.
    ///
    /// # Errors
    ///
    /// If the list cannot be had, or the query names a collector that the catalog does not have.
    fn list(&self, query: &Query) -> Result<Vec<ArchiveFile>, Error>;

    /// Returns the RIB dumps named in the window of `query`, and none after it, of the chosen collectors.
    ///
    /// # Errors
    ///
    /// As [`Catalog::list`].
    fn list_ribs(&self, query: &Query) -> Result<Vec<ArchiveFile>, Error> {
        let mut files = self.list(query)?;
        files.retain(|file| file.kind == DumpKind::Rib && is_in(file, query.window));
        Ok(files)
    }

    /// Returns the collectors that must have files: those that the query names, or the default choice. The report shows a gap
    /// for each of them without a file.
    ///
    /// # Errors
    ///
    /// If the query names a collector that the catalog does not have.
    fn expected(&self, query: &Query) -> Result<Vec<Collector>, Error> {
        Ok(query.collectors.clone())
    }

    /// Returns which catalog listed the files, and what is remarkable about its lists so far.
    fn source(&self) -> ListingSource {
        ListingSource::default()
    }

    /// Returns the collectors that the default choice weighed and did not take, cheapest feed first.
    fn not_chosen(&self, _query: &Query) -> Vec<Offer> {
        Vec::new()
    }

    /// Returns the notes of the archive about a file, such as that it is not captured data.
    fn notes(&self, _file: &ArchiveFile) -> Vec<String> {
        Vec::new()
    }

    /// Returns messages about files that were found and are not used.
    fn warnings(&self) -> &[String] {
        &[]
    }
}
