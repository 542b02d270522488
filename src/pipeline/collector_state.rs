//! What is known of a collector once its files have been read: enough to decide what else has to be read.

use rustc_hash::FxHashSet;

use crate::archive::ArchiveFile;
use crate::bgp::Collector;
use crate::replay::Replay;

/// A collector whose files have been read and replayed, in this process or by another one.
pub(super) struct CollectorState<'a> {
    pub name: &'a Collector,
    /// The RIB dumps of its plan, in order.
    pub ribs: Vec<&'a ArchiveFile>,
    /// The RIB dumps inside the window that are not in the plan, in order.
    pub left_out: Vec<&'a ArchiveFile>,
    /// The names of RIB dumps that were read and used, or are not to be relied on.
    pub spent_ribs: FxHashSet<&'a str>,
    /// None if it could not begin.
    pub replay: Option<&'a Replay>,
}
