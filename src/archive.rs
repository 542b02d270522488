//! Archive files: what collectors publish.

use std::path::PathBuf;
use std::time::Duration;

use crate::bgp::{Collector, Project};
use crate::time::{Timestamp, Window};

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
