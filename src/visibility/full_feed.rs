//! Which vantage points carry a whole table.
//!
//! The global table grew from 100,000 prefixes in 2001 to a million, so a full feed is judged against its
//! contemporaries: the RIB dumps of all collectors nearest in time.

use std::collections::BTreeMap;

use crate::bgp::Family;
use crate::replay::{PeerState, Replay, RibTable};
use crate::time::{Timestamp, Window};

use crate::query::{IODA_FULL_FEED, Metric};

/// A full feed has at least this share of the 95th percentile of all table sizes of its time. A percentile and not the
/// maximum, because leaks inflate single tables.
pub const RELATIVE_SIZE: f64 = 0.75;
/// With fewer tables than this a percentile says nothing: half of the largest table is enough, the run says so, and no
/// finding is of high quality. Nobody can tell whether a lone table is whole.
pub const MIN_TABLES: usize = 3;

/// How full feeds were told from partial ones, for one family.
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
    epochs: BTreeMap<(usize, usize), [Vec<Window>; 2]>,
    /// By collector and table, then family: the smallest table that is full.
    cutoffs: BTreeMap<(usize, usize), [u64; 2]>,
    /// How it was judged.
    pub rules: [Option<FullFeedRule>; 2],
}

impl FullFeed {
    /// Judges every vantage point at every RIB dump; `begins` are the beginnings of the replays.
    pub fn judge(replays: &[&Replay], begins: &[Timestamp], metric: Metric) -> FullFeed {
        let mut full_feed = FullFeed::default();
        for (collector, replay) in replays.iter().enumerate() {
            for (index, table) in replay.tables.iter().enumerate() {
                let mut cutoffs = [0; 2];
                // Which older dumps were read depends on what was asked: none of them tells of another dump or of the window.
                let (is_older, mut rules) = (table.done_at < begins[collector], [None; 2]);
                for family in Family::ALL {
                    let rules = if is_older { &mut rules } else { &mut full_feed.rules };
                    cutoffs[family as usize] = match metric {
                        Metric::Ioda => IODA_FULL_FEED[family as usize],
                        Metric::Baseline => relative_cutoff(replays, begins, (collector, index), family, rules),
                    };
                }
                full_feed.cutoffs.insert((collector, index), cutoffs);
                if is_older {
                    continue;
                }
                let until = replay.tables.get(index + 1).map_or(Timestamp::MAX, |next| next.done_at);
                let Ok(epoch) = Window::new(table.done_at, until) else { continue };
                for peer in 0..replay.peers.len() {
                    for family in Family::ALL {
                        // Of a session that was not established the dump shows no table: the one before it tells.
                        let telling = if is_interrupted(replay, peer, family, table.done_at) {
                            index.checked_sub(1).filter(|before| replay.tables[*before].done_at >= begins[collector])
                        } else {
                            Some(index)
                        };
                        let is_full = telling.is_some_and(|index| {
                            full_feed.is_full(collector, index, &replay.tables[index], peer, family)
                        });
                        if is_full && !replay.foreign_first_hop[peer] {
                            full_feed.epochs.entry((collector, peer)).or_default()[family as usize].push(epoch);
                        }
                    }
                }
            }
        }
        full_feed
    }

    /// Whether a peer has a full table of the family in the given dump.
    pub fn is_full(&self, collector: usize, index: usize, table: &RibTable, peer: usize, family: Family) -> bool {
        let size = table.sizes[peer][family as usize];
        let cutoff = self.cutoffs.get(&(collector, index)).map_or(u64::MAX, |cutoffs| cutoffs[family as usize]);
        size > 0 && size >= cutoff
    }

    /// The stretches in which a vantage point was a full feed.
    pub fn epochs(&self, collector: usize, peer: usize, family: Family) -> &[Window] {
        self.epochs.get(&(collector, peer)).map_or(&[], |epochs| &epochs[family as usize])
    }
}

/// Whether a session was closed or being set up.
fn is_interrupted(replay: &Replay, peer: usize, family: Family, at: Timestamp) -> bool {
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
    (collector, index): (usize, usize),
    family: Family,
    rules: &mut [Option<FullFeedRule>; 2],
) -> u64 {
    let size = |sizes: &[u64; 2]| sizes[family as usize];
    let this = &replays[collector].tables[index];
    let distance = |table: &&RibTable| table.done_at.micros_since(this.done_at).unsigned_abs();
    let tables = |of: usize| {
        let own = replays[of].tables.iter().enumerate();
        own.filter(move |(n, table)| table.done_at >= begins[of] || (of, *n) == (collector, index))
            .map(|(_, table)| table)
    };
    let nearest = (0..replays.len()).filter_map(|of| tables(of).min_by_key(distance));
    let mut sizes: Vec<u64> = nearest.flat_map(|table| table.sizes.iter().map(size)).filter(|size| *size > 0).collect();
    if sizes.len() < MIN_TABLES {
        // A dump may have caught nobody else: then what the others have in any other one is of use.
        let ever = (0..replays.len()).flat_map(|of| {
            (0..replays[of].peers.len()).filter_map(move |peer| {
                let listing = tables(of).filter(|table| size(&table.sizes[peer]) > 0);
                listing.min_by_key(distance).map(|table| size(&table.sizes[peer]))
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
    let rule = rules[family as usize].get_or_insert(FullFeedRule { cutoff: (cutoff, cutoff), uncertain });
    rule.cutoff = (rule.cutoff.0.min(cutoff), rule.cutoff.1.max(cutoff));
    rule.uncertain |= uncertain;
    cutoff
}
