//! The broker, and the archives' own pages in its place when it does not answer.

use std::sync::{Arc, OnceLock};

use super::{ArchiveFile, Broker, Catalog, Offer, Pages, Query};
use crate::bgp::Collector;
use crate::coverage::ListingSource;
use crate::error::Error;
use crate::progress::Progress;

/// A broker, and the pages that are read instead when it does not answer within its patience.
pub struct BrokerOrPages {
    broker: Broker,
    pages: Pages,
    progress: Arc<dyn Progress>,
    /// Why the pages were read.
    failure: OnceLock<String>,
}

impl BrokerOrPages {
    /// Returns a catalog that asks `broker` first. `progress` is warned when the pages take its place.
    pub fn new(broker: Broker, pages: Pages, progress: Arc<dyn Progress>) -> BrokerOrPages {
        BrokerOrPages { broker, pages, progress, failure: OnceLock::new() }
    }

    /// Returns the list of the broker or, if it does not answer, of the pages.
    fn either(
        &self,
        list: impl Fn(&dyn Catalog) -> Result<Vec<ArchiveFile>, Error>,
    ) -> Result<Vec<ArchiveFile>, Error> {
        let (url, why) = match list(&self.broker) {
            Err(Error::Broker { url, why }) => (url, why),
            result => return result,
        };
        let failure = format!("The broker {url} did not list the files ({why}).");
        self.progress.warning(&format!("{failure} The archives' own pages are read instead."));
        let _ = self.failure.set(failure);
        list(&self.pages).map_err(|error| match error {
            Error::Broker { url: page, why: also } => {
                Error::Broker { url, why: format!("{why}; nor at {page}: {also}") }
            }
            error => error,
        })
    }
}

impl Catalog for BrokerOrPages {
    fn list(&self, query: &Query) -> Result<Vec<ArchiveFile>, Error> {
        self.either(|catalog| catalog.list(query))
    }

    fn list_ribs(&self, query: &Query) -> Result<Vec<ArchiveFile>, Error> {
        self.either(|catalog| catalog.list_ribs(query))
    }

    fn expected(&self, query: &Query) -> Result<Vec<Collector>, Error> {
        match self.failure.get() {
            None => self.broker.expected(query),
            Some(_) => self.pages.expected(query),
        }
    }

    fn not_chosen(&self, query: &Query) -> Vec<Offer> {
        match self.failure.get() {
            None => self.broker.not_chosen(query),
            Some(_) => self.pages.not_chosen(query),
        }
    }

    fn source(&self) -> ListingSource {
        match self.failure.get() {
            None => self.broker.source(),
            Some(failure) => {
                let mut source = self.pages.source();
                source.remarks.insert(0, failure.clone());
                source
            }
        }
    }
}
