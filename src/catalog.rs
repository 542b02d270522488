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

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::bgp::{Asn, Collector, Prefix, Project};
use crate::error::Error;
use crate::time::{Timestamp, Window};

pub use broker::{Broker, BrokerUrl, Patience};
pub use choice::Choice;
pub use held::Held;
pub use mirror::{Mirror, Unnamed};
pub use plan::{CollectorPlan, Plan, older_ribs, plan};

/// Which prefixes a prefix target stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Match {
    /// The prefix alone.
    Exact,
    /// The prefix and everything inside it.
    #[default]
    MoreSpecific,
    /// The prefix and every prefix that covers it.
    LessSpecific,
    /// All of these.
    Any,
}

impl Match {
    /// Those of some prefixes, which are sorted, that a question about `asked` means, in order within each direction.
    pub fn select(self, asked: Prefix, prefixes: &[Prefix]) -> Vec<Prefix> {
        let is_known = |prefix: &Prefix| prefixes.binary_search(prefix).is_ok();
        let mut selected: Vec<Prefix> = Some(asked).into_iter().filter(is_known).collect();
        if matches!(self, Match::MoreSpecific | Match::Any) {
            // In the order of prefixes, what lies inside one follows it.
            let behind = &prefixes[prefixes.partition_point(|prefix| *prefix <= asked)..];
            selected.extend(behind.iter().copied().take_while(|prefix| asked.contains(prefix)));
        }
        if matches!(self, Match::LessSpecific | Match::Any) {
            selected.extend((0..asked.len()).map(|length| asked.shortened_to(length)).filter(is_known));
        }
        selected
    }
}

/// What a query asks about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Target {
    /// Every prefix that this AS originates in any RIB dump or update that is read.
    Asn(Asn),
    /// A prefix and, by the match, its relatives.
    Prefix(Prefix, Match),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Asn(asn) => asn.fmt(f),
            Target::Prefix(prefix, _) => prefix.fmt(f),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One question: which networks, when, seen by whom.
#[derive(Clone, Debug)]
pub struct Query {
    /// What is asked about; never empty.
    pub targets: Vec<Target>,
    /// When.
    pub window: Window,
    /// Only these collectors; empty for all of a local archive, or a small and diverse choice of the publishers'.
    pub collectors: Vec<Collector>,
    /// Only the collectors of this project.
    pub project: Option<Project>,
    /// How far before the window RIB dumps are read to learn how widely a prefix is normally seen. Zero: only the dump
    /// that the replay starts from.
    pub baseline: Duration,
}

impl Query {
    /// A question about `targets` in `window`, to every collector that the catalog has.
    pub fn new(targets: Vec<Target>, window: Window) -> Query {
        Query { targets, window, collectors: Vec::new(), project: None, baseline: Duration::ZERO }
    }
}

/// Names tell no seconds: a file was opened, and ends, up to this long after what its name says. In route-views2 of 2008 it
/// is 58 s. Less than an outage has to last.
pub const NAME_PRECISION: Duration = Duration::from_secs(60);

/// What an archive file holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DumpKind {
    /// A full table at one instant.
    Rib,
    /// The messages of one interval.
    Updates,
}

impl DumpKind {
    /// The name used in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            DumpKind::Rib => "rib",
            DumpKind::Updates => "updates",
        }
    }
}

/// One published MRT file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ArchiveFile {
    /// Who recorded it.
    pub collector: Collector,
    /// The time in its name, read as UTC. Era and project decide what that means.
    pub named_at: Timestamp,
    /// Table or messages.
    pub kind: DumpKind,
    /// Whose layout it follows.
    pub project: Project,
    /// Its path in the publishers' layout: the name used in outputs.
    pub name: String,
    /// Where it is.
    pub location: Location,
    /// How long it lasts until the next one is due, as the files around it show. None: as the publisher says of its time.
    pub lasts: Option<Duration>,
    /// The time of its records, where its name does not tell.
    pub records: Option<Window>,
}

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

/// Where an archive file is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Location {
    /// In the file system.
    Local(PathBuf),
    /// In the file system, in a container that is not read.
    Unread(PathBuf),
    /// In the cache, and nowhere else that may be asked.
    Cached {
        /// How large it is, in bytes.
        size: u64,
    },
    /// On a publisher's server.
    Remote {
        /// Its address, http or https.
        url: String,
        /// About how large it is, in bytes; 0 if unknown.
        size: u64,
    },
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
