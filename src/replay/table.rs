//! RIB dumps: how many prefixes each peer carries, and who holds the selected prefixes.

use std::collections::BTreeMap;

use super::held_paths::IdentifiedPaths;
use super::index::{FileIndex, PeerId};
use super::spans::RecordRef;
use crate::bgp::{Family, PerFamily, Prefix};
use crate::decode::{Reading, RibEntry};
use crate::time::{Timestamp, Window};

/// A peer that a RIB dump lists as holding a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The peer.
    pub peer: PeerId,
    /// When the record was written.
    pub at: Timestamp,
    /// The record; the first one where the prefix is split over several.
    pub record: RecordRef,
    /// The routes, by path identifier where the RIB dump has one.
    pub paths: IdentifiedPaths,
}

/// Who holds the selected prefixes in one RIB dump, in order of peer.
pub(super) type Holders = BTreeMap<Prefix, Vec<Holder>>;

/// Returns the entry of a peer among the holders of a prefix, which are in order of peer. Hot: once per selected prefix and peer.
pub(super) fn holder_of(holders: &[Holder], peer: PeerId) -> Option<&Holder> {
    // The nth holder is the nth peer or a later one, and where all peers hold the prefix it is the nth peer.
    let own = holders.get(..=peer.get()).unwrap_or(holders);
    match own.last() {
        Some(holder) if holder.peer == peer => Some(holder),
        _ => own.binary_search_by_key(&peer, |holder| holder.peer).ok().and_then(|place| own.get(place)),
    }
}

/// One accepted RIB dump.
#[derive(Clone, Debug)]
pub struct RibTable {
    /// The file.
    pub file: FileIndex,
    /// When its first record was written.
    pub begun_at: Timestamp,
    /// When its last record was written: from here on the table is known.
    pub done_at: Timestamp,
    /// Distinct prefixes per peer (index into [`super::Replay::peers`]).
    pub sizes: Vec<PerFamily<u64>>,
    /// Who holds the selected prefixes, in order of peer.
    pub holders: BTreeMap<Prefix, Vec<Holder>>,
}

/// What a RIB dump shows whatever was selected.
#[derive(Clone, Debug)]
pub(super) struct DumpCensus {
    pub file: FileIndex,
    pub begun_at: Timestamp,
    pub done_at: Timestamp,
    pub sizes: Vec<PerFamily<u64>>,
}

impl RibTable {
    /// Whether any of it was written within an interval.
    pub fn overlaps(&self, window: &Window) -> bool {
        self.begun_at < window.end && self.done_at >= window.start
    }

    /// How many prefixes of the family a peer carries in it.
    pub fn size(&self, peer: PeerId, family: Family) -> u64 {
        self.sizes.get(peer.get()).map_or(0, |sizes| sizes[family])
    }

    /// The table in `reading`, whose peers have the identifiers `peers`. None for an empty RIB dump.
    pub(super) fn new(file: FileIndex, reading: &Reading, peers: &[PeerId]) -> Option<RibTable> {
        let (begun_at, done_at) = reading.census.span?;
        let n_peers = peers.iter().max().map_or(0, |last| last.get() + 1);
        let mut sizes = vec![PerFamily::default(); n_peers];
        for (activity, peer) in reading.census.peers.iter().zip(peers) {
            // A peer that is listed twice has entries under both indices.
            let of_file = PerFamily::from(activity.table_size);
            Family::ALL.into_iter().for_each(|family| sizes[peer.get()][family] += of_file[family]);
        }
        let mut holders = Holders::new();
        for (listed, entries) in reading.rib.records() {
            let record = RecordRef::new(file, listed.record, listed.offset);
            let list = holders.entry(listed.prefix).or_default();
            list.reserve(entries.len());
            for RibEntry { peer, path_id, path } in entries {
                let Some(&peer) = peers.get(*peer as usize) else { continue };
                match list.last_mut() {
                    Some(holder) if holder.peer == peer => holder.paths.push((*path_id, path.clone())),
                    _ => list.push(Holder { peer, at: listed.at, record, paths: [(*path_id, path.clone())].into() }),
                }
            }
        }
        for list in holders.values_mut() {
            // A stable sort: the routes of a peer stay in the order of the file.
            list.sort_by_key(|holder| holder.peer);
            list.dedup_by(|next, holder| {
                let is_same = next.peer == holder.peer;
                if is_same {
                    holder.paths.append(&mut next.paths);
                }
                is_same
            });
            // The list is kept until the end of the run.
            list.shrink_to_fit();
        }
        Some(RibTable { file, begun_at, done_at, sizes, holders })
    }

    pub(super) fn split(self) -> (DumpCensus, Holders) {
        let RibTable { file, begun_at, done_at, sizes, holders } = self;
        (DumpCensus { file, begun_at, done_at, sizes }, holders)
    }

    pub(super) fn join(census: DumpCensus, holders: Holders) -> RibTable {
        let DumpCensus { file, begun_at, done_at, sizes } = census;
        RibTable { file, begun_at, done_at, sizes, holders }
    }

    /// Drops all peers but the first `n_peers`.
    pub(super) fn keep_peers(&mut self, n_peers: usize) {
        self.sizes.resize(n_peers, PerFamily::default());
        for holders in self.holders.values_mut() {
            holders.retain(|holder| holder.peer.get() < n_peers);
        }
    }

    /// Puts the peers in `order`; `id_of` contains the new identifier of each.
    pub(super) fn renumber(&mut self, order: &[PeerId], id_of: &[PeerId]) {
        self.sizes = order.iter().map(|peer| self.sizes.get(peer.get()).copied().unwrap_or_default()).collect();
        for list in self.holders.values_mut() {
            list.iter_mut().for_each(|holder| holder.peer = id_of[holder.peer.get()]);
            list.sort_by_key(|holder| holder.peer);
        }
    }
}

impl DumpCensus {
    /// Whether any of it was written within an interval.
    pub(super) fn overlaps(&self, window: &Window) -> bool {
        self.begun_at < window.end && self.done_at >= window.start
    }

    /// How many prefixes of the family a peer carries in it.
    pub(super) fn size(&self, peer: PeerId, family: Family) -> u64 {
        self.sizes.get(peer.get()).map_or(0, |sizes| sizes[family])
    }

    /// Whether a peer carries any prefix in it.
    pub(super) fn lists(&self, peer: PeerId) -> bool {
        self.sizes.get(peer.get()).is_some_and(|sizes| *sizes != PerFamily::default())
    }
}
