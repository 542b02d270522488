//! A RIB dump as a table: how much each peer carries, and who holds the selected prefixes.

use std::collections::BTreeMap;

use super::{RecordRef, Replay};
use crate::bgp::{AsPath, Family, Prefix};
use crate::decode::{Change, Reading};
use crate::time::{Timestamp, Window};

/// A peer that a RIB dump lists as holding a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Index into [`super::Replay::peers`].
    pub peer: usize,
    /// When the record was written.
    pub at: Timestamp,
    /// The record; the first one where the prefix is split over several.
    pub record: RecordRef,
    /// The routes, by path identifier where the dump has one.
    pub paths: Vec<(Option<u32>, AsPath)>,
}

/// One accepted RIB dump.
#[derive(Clone, Debug)]
pub struct RibTable {
    /// The file, by the number that was given to the [`super::Replayer`] with it.
    pub file: u32,
    /// When its first record was written.
    pub begun_at: Timestamp,
    /// When its last record was written: from here on the table is known.
    pub done_at: Timestamp,
    /// Distinct prefixes per peer (index into [`super::Replay::peers`]), IPv4 then IPv6.
    pub sizes: Vec<[u64; 2]>,
    /// Who holds the selected prefixes, in order of peer.
    pub holders: BTreeMap<Prefix, Vec<Holder>>,
}

impl RibTable {
    /// Whether any of it was written in a stretch of time.
    pub fn overlaps(&self, window: &Window) -> bool {
        self.begun_at < window.end && self.done_at >= window.start
    }

    /// The table that `reading` holds; `peers` are the numbers of its peers. Nothing for an empty dump.
    pub(super) fn new(file: u32, reading: &Reading, peers: &[usize]) -> Option<RibTable> {
        let (begun_at, done_at) = reading.census.span?;
        let mut sizes = vec![[0; 2]; peers.iter().max().map_or(0, |last| last + 1)];
        for (activity, peer) in reading.census.peers.iter().zip(peers) {
            // A peer listed twice has its entries under both numbers.
            let size = &mut sizes[*peer];
            size[0] += activity.table_size[0];
            size[1] += activity.table_size[1];
        }
        let mut holders: BTreeMap<Prefix, Vec<Holder>> = BTreeMap::new();
        for event in &reading.events {
            let Change::RibEntry { prefix, path_id, path, .. } = &event.change else { continue };
            let Some(&peer) = peers.get(event.peer as usize) else { continue };
            let list = holders.entry(*prefix).or_default();
            match list.iter_mut().find(|holder| holder.peer == peer) {
                Some(holder) => holder.paths.push((*path_id, path.clone())),
                None => {
                    let record = RecordRef { file, record: event.record, offset: event.offset };
                    list.push(Holder { peer, at: event.at, record, paths: vec![(*path_id, path.clone())] });
                }
            }
        }
        for list in holders.values_mut() {
            list.sort_by_key(|holder| holder.peer);
            // It stays until the end of the run.
            list.shrink_to_fit();
        }
        Some(RibTable { file, begun_at, done_at, sizes, holders })
    }

    /// How many prefixes of the family a peer carries in it.
    pub(super) fn size(&self, peer: usize, family: Family) -> u64 {
        self.sizes.get(peer).map_or(0, |sizes| sizes[family as usize])
    }

    /// Whether a peer carries anything in it.
    pub(super) fn lists(&self, peer: usize) -> bool {
        self.sizes.get(peer).is_some_and(|sizes| *sizes != [0, 0])
    }

    /// Puts the peers in `order`; `index_of` says where each comes.
    pub(super) fn renumber(&mut self, order: &[usize], index_of: &[usize]) {
        self.sizes = order.iter().map(|peer| self.sizes.get(*peer).copied().unwrap_or_default()).collect();
        for list in self.holders.values_mut() {
            list.iter_mut().for_each(|holder| holder.peer = index_of[holder.peer]);
            list.sort_by_key(|holder| holder.peer);
        }
    }
}

impl Replay {
    /// Takes a RIB dump of before the replay, which tells who carried what and changes nothing else. Peers that sent nothing
    /// and are in no other dump do not count. `file` is how records of it are referred to.
    pub fn take_older(&mut self, file: u32, reading: &Reading) {
        let unknown = self.peers.len();
        let number = |peer| self.peers.binary_search(peer).unwrap_or(unknown);
        let peers: Vec<usize> = reading.census.peers.iter().map(|activity| number(&activity.peer)).collect();
        let Some(mut table) = RibTable::new(file, reading, &peers) else { return };
        table.sizes.resize(unknown, [0; 2]);
        for holders in table.holders.values_mut() {
            holders.retain(|holder| holder.peer < unknown);
        }
        let place = self.tables.partition_point(|other| other.done_at < table.done_at);
        self.tables.insert(place, table);
    }
}
