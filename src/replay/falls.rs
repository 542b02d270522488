//! Falls of control prefixes: how often prefixes that were not selected disappear.

use std::time::Duration;

use rustc_hash::FxHashMap;

use super::bits::Bits;
use crate::time::Timestamp;

/// A control prefix has fallen if fewer than half of the vantage points that carried it still do for this long, as for outages.
const MIN_FALL: Duration = Duration::from_secs(120);

/// Which control prefixes have fallen, by number.
#[derive(Debug, Default)]
pub(super) struct SampleFalls {
    /// The open falls.
    since: FxHashMap<u32, Timestamp>,
    /// Prefixes with a fall that lasted long enough.
    has_fallen: Bits,
}

impl SampleFalls {
    pub(super) fn is_open(&self, prefix: u32) -> bool {
        self.since.contains_key(&prefix)
    }

    /// The prefixes that have fallen and are not back.
    pub(super) fn open(&self) -> Vec<u32> {
        self.since.keys().copied().collect()
    }

    pub(super) fn begin(&mut self, prefix: u32, at: Timestamp) {
        self.since.entry(prefix).or_insert(at);
    }

    pub(super) fn end(&mut self, prefix: u32, at: Timestamp) {
        if let Some(since) = self.since.remove(&prefix)
            && since + MIN_FALL <= at
        {
            self.has_fallen.set(prefix, true);
        }
    }

    pub(super) fn end_all(&mut self, at: Timestamp) {
        self.open().into_iter().for_each(|prefix| self.end(prefix, at));
    }

    pub(super) fn n_fallen(&self) -> u64 {
        self.has_fallen.len()
    }
}
