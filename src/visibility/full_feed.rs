//! Which vantage points carry a whole table.
//!
//! The global table grew from 100,000 prefixes in 2001 to a million, so a full feed is judged against its
//! contemporaries: the RIB dumps of all collectors nearest in time.

use std::collections::BTreeMap;

use crate::bgp::{Family, PerFamily};
use crate::replay::{DumpIndex, PeerId, PeerState, Replay, RibTable};
use crate::time::{Timestamp, Window};

use super::index::CollectorIndex;
use crate::query::{IODA_FULL_FEED, Metric};

/// A full feed has at least this share of the 95th percentile of all table sizes of its time. A percentile and not the
/// maximum, because leaks inflate single tables.
pub const RELATIVE_SIZE: f64 = 0.75;
/// With fewer tables than this a percentile means nothing. Then half of the largest table is enough, the report states it, and
/// no finding is of high quality: whether a lone table is whole cannot be known.
pub const MIN_TABLES: usize = 3;

/// How full feeds were distinguished from partial ones, for one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullFeedRule {
    /// The smallest and the largest number of prefixes that was required, over the run.
    pub cutoff: (u64, u64),
    /// Whether too few tables were there to judge well.
    pub uncertain: bool,
}

/// The stretches in which a vantage point was a full feed, per family: from one RIB dump to the next. Frozen in
/// between, so that a vantage point that loses its table during an event stays in the denominator, and so that one whose
/// session was interrupted during a dump counts again as soon as its table is back.
#[derive(Clone, Debug, Default)]
pub struct FullFeed {
    /// By collector and peer (indices of the replays), then family.
    epochs: BTreeMap<(CollectorIndex, PeerId), PerFamily<Vec<Window>>>,
    /// By collector and table, then family: the smallest table that is full.
    cutoffs: BTreeMap<(CollectorIndex, DumpIndex), PerFamily<u64>>,
    /// How it was judged.
    pub rules: PerFamily<Option<FullFeedRule>>,
}

impl FullFeed {
    /// Judges every vantage point at every RIB dump; `begins` are the beginnings of the replays.
    pub fn judge(replays: &[&Replay], begins: &[Timestamp], metric: Metric) -> FullFeed {
        let mut full_feed = FullFeed::default();
        for (collector, replay) in (0..).map(CollectorIndex::new).zip(replays) {
            for (index, table) in (0..).map(DumpIndex::new).zip(&replay.tables) {
                let mut cutoffs = PerFamily::default();
                // Which older RIB dumps were read depends on the question, so they must not decide on other RIB dumps or the window.
                let (is_older, mut rules) = (table.done_at < begins[collector.get()], PerFamily::default());
                for family in Family::ALL {
                    let rules = if is_older { &mut rules } else { &mut full_feed.rules };
                    cutoffs[family] = match metric {
                        Metric::Ioda => IODA_FULL_FEED[family as usize],
                        Metric::Baseline => relative_cutoff(replays, begins, (collector, index), family, rules),
                    };
                }
                full_feed.cutoffs.insert((collector, index), cutoffs);
                if is_older {
                    continue;
                }
                let until = replay.tables.get(index.get() + 1).map_or(Timestamp::MAX, |next| next.done_at);
                let Ok(epoch) = Window::new(table.done_at, until) else { continue };
                for peer in replay.peer_ids() {
                    for family in Family::ALL {
                        // A RIB dump shows no table of a session that was not established: the RIB dump before it does.
                        let telling = if is_interrupted(replay, peer, family, table.done_at) {
                            index
                                .previous()
                                .filter(|before| replay.tables[before.get()].done_at >= begins[collector.get()])
                        } else {
                            Some(index)
                        };
                        let is_full = telling.is_some_and(|index| {
                            full_feed.is_full(collector, index, &replay.tables[index.get()], peer, family)
                        });
                        if is_full && !replay.first_as_mismatch[peer.get()] {
                            full_feed.epochs.entry((collector, peer)).or_default()[family].push(epoch);
                        }
                    }
                }
            }
        }
        full_feed
    }

    /// Whether a peer has a full table of the family in the given dump.
    pub fn is_full(
        &self,
        collector: CollectorIndex,
        index: DumpIndex,
        table: &RibTable,
        peer: PeerId,
        family: Family,
    ) -> bool {
        let size = table.size(peer, family);
        let cutoff = self.cutoffs.get(&(collector, index)).map_or(u64::MAX, |cutoffs| cutoffs[family]);
        size > 0 && size >= cutoff
    }

    /// The stretches in which a vantage point was a full feed.
    pub fn epochs(&self, collector: CollectorIndex, peer: PeerId, family: Family) -> &[Window] {
        self.epochs.get(&(collector, peer)).map_or(&[], |epochs| &epochs[family])
    }
}

/// Whether a session was closed or being set up.
fn is_interrupted(replay: &Replay, peer: PeerId, family: Family, at: Timestamp) -> bool {
    let next = replay.sessions.partition_point(|span| (span.peer, span.family, span.from) <= (peer, family, at));
    let span = next.checked_sub(1).and_then(|index| replay.sessions.get(index));
    span.is_some_and(|span| {
        let is_it = (span.peer, span.family) == (peer, family) && at < span.to;
        is_it && matches!(span.state, PeerState::Down | PeerState::Syncing)
    })
}

/// The smallest table that is full in one RIB dump, by what is in the dumps of all collectors nearest to it.
fn relative_cutoff(
    replays: &[&Replay],
    begins: &[Timestamp],
    (collector, index): (CollectorIndex, DumpIndex),
    family: Family,
    rules: &mut PerFamily<Option<FullFeedRule>>,
) -> u64 {
    let this = &replays[collector.get()].tables[index.get()];
    let distance = |table: &&RibTable| table.done_at.micros_since(this.done_at).unsigned_abs();
    let tables = |of: CollectorIndex| {
        let own = (0..).map(DumpIndex::new).zip(&replays[of.get()].tables);
        own.filter(move |(n, table)| table.done_at >= begins[of.get()] || (of, *n) == (collector, index))
            .map(|(_, table)| table)
    };
    let collectors = (0..replays.len()).map(CollectorIndex::new);
    let nearest = collectors.clone().filter_map(|of| tables(of).min_by_key(distance));
    let mut sizes: Vec<u64> =
        nearest.flat_map(|table| table.sizes.iter().map(|sizes| sizes[family])).filter(|size| *size > 0).collect();
    if sizes.len() < MIN_TABLES {
        // These dumps may contain too few tables: then, for each peer, the nearest dump that contains its table is used.
        let ever = collectors.flat_map(|of| {
            replays[of.get()].peer_ids().filter_map(move |peer| {
                let listing = tables(of).filter(|table| table.size(peer, family) > 0);
                listing.min_by_key(distance).map(|table| table.size(peer, family))
            })
        });
        sizes = ever.collect();
    }
    sizes.sort_unstable();
    let Some(largest) = sizes.last().copied() else { return u64::MAX };
    let uncertain = sizes.len() < MIN_TABLES;
    let cutoff = if uncertain {
        largest.div_ceil(2)
    } else {
        // Nearest rank.
        let rank = (sizes.len() * 95).div_ceil(100);
        (sizes[rank - 1] as f64 * RELATIVE_SIZE).ceil() as u64
    };
    let rule = rules[family].get_or_insert(FullFeedRule { cutoff: (cutoff, cutoff), uncertain });
    rule.cutoff = (rule.cutoff.0.min(cutoff), rule.cutoff.1.max(cutoff));
    rule.uncertain |= uncertain;
    cutoff
}
