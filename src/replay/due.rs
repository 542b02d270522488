//! What falls due as time passes.

use std::collections::BTreeSet;

use super::index::{DumpIndex, PeerId};
use crate::time::Timestamp;

/// What the passing of time brings, in the order in which things of one instant happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    GapEnds,
    GapBegins,
    Dump(DumpIndex),
    DumpExpires(DumpIndex),
    /// Shortly before a table transfer times out.
    SyncMark(PeerId),
    SyncTimeout(PeerId),
}

/// What is still to come, in order of time.
#[derive(Debug, Default)]
pub(super) struct Schedule(BTreeSet<(Timestamp, Due)>);

impl Schedule {
    pub(super) fn add(&mut self, at: Timestamp, due: Due) {
        self.0.insert((at, due));
    }

    /// Removes and returns what comes next, if it is due by `now`. Hot: once per route event.
    #[inline]
    pub(super) fn next_by(&mut self, now: Timestamp) -> Option<(Timestamp, Due)> {
        let (at, _) = self.0.first()?;
        if *at > now { None } else { self.0.pop_first() }
    }
}
