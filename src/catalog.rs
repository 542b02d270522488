//! Which archive files answer a query.
//!
//! A [`Catalog`] lists the files that exist, [`plan`] chooses the ones that a query needs and names the ones that are
//! missing. Nothing is opened here.

mod broker;
mod choice;
mod era;
mod held;
mod mirror;
mod missing;
mod plan;
mod rhythm;

use std::time::Duration;

use crate::archive::{ArchiveFile, DumpKind, Location};
use crate::bgp::Collector;
use crate::error::Error;
use crate::query::Query;
use crate::time::{Timestamp, Window};

pub use broker::{Broker, BrokerUrl, Patience};
pub use choice::Choice;
pub use held::Held;
pub use mirror::{Mirror, Unnamed};
pub use plan::{CollectorPlan, Plan, older_ribs, plan};

/// Names tell no seconds: a file was opened, and ends, up to this long after what its name says. In route-views2 of 2008 it
/// is 58 s. Less than an outage has to last.
pub const NAME_PRECISION: Duration = Duration::from_secs(60);

impl ArchiveFile {
    /// Whether RIPE RIS or RouteViews has a collector of that name.
    pub fn collector_is_published(&self) -> bool {
        choice::project_of(&self.collector).is_some()
    }

    /// The time that a file is of, by its name: from the earliest instant at which it may have been opened, to the latest
    /// at which the next one of its kind should have been.
    pub fn nominal_span(&self) -> Window {
        let (earliest, latest) = era::opened(self);
        Window { start: earliest, end: latest + era::interval(self) }
    }

    /// Where only the spacing of names says that an update file lasts longer than the publisher's files of its time.
    pub fn stretched(&self) -> Option<Stretched> {
        let usual = era::usual_interval(self).filter(|_| self.kind == DumpKind::Updates)?;
        let lasts = self.lasts.filter(|lasts| *lasts >= usual.saturating_mul(3) / 2)?;
        let opened = era::opened(self).1;
        let window = Window { start: opened + usual, end: opened + lasts };
        Some(Stretched { window, proved_from: opened + lasts.saturating_mul(2) / 3 })
    }
}

/// Time that an update file covers if names are right, and not if others are missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretched {
    /// From the end of a file of usual length to that of this one.
    pub window: Window,
    /// A record from then on shows that the file goes on: in its last third.
    pub proved_from: Timestamp,
}

/// A list of archive files: a local mirror, or a broker that indexes the publishers' servers.
pub trait Catalog {
    /// Every file that may matter to `query`: all that the catalog has of the chosen collectors, or at least those
    /// from the baseline to a day after the window.
    fn list(&self, query: &Query) -> Result<Vec<ArchiveFile>, Error>;

    /// The collectors that have to be in the list: those that were named, or the choice made for the query. One without
    /// a file is missing.
    fn expected(&self, query: &Query) -> Result<Vec<Collector>, Error> {
        Ok(query.collectors.clone())
    }

    /// What the archive says about one of its files, such as that it is not captured data.
    fn notes(&self, _file: &ArchiveFile) -> Vec<String> {
        Vec::new()
    }

    /// What was found beside the files of the list and is not used, for a person.
    fn warnings(&self) -> &[String] {
        &[]
    }
}
