//! A RIB dump as a table: how much each peer carries, and who holds the selected prefixes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bgp::{AsPath, Prefix};
use crate::decode::{Change, Reading};
use crate::time::{Timestamp, Window};

/// A peer that a RIB dump lists as holding a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Index into [`super::Replay::peers`].
    pub peer: usize,
    /// When the record was written.
    pub at: Timestamp,
    /// The routes, by path identifier where the dump has one.
    pub paths: Vec<(Option<u32>, Arc<AsPath>)>,
}

/// One accepted RIB dump.
#[derive(Clone, Debug)]
pub struct RibTable {
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

    /// The table that `reading` holds; `peer_of` maps its peers to those of the replay. Nothing for an empty dump.
    pub(super) fn new(reading: &Reading, n_peers: usize, peer_of: impl Fn(u32) -> usize) -> Option<RibTable> {
        let (begun_at, done_at) = reading.span?;
        let mut sizes = vec![[0; 2]; n_peers];
        for (index, activity) in reading.peers.iter().enumerate() {
            // A peer listed twice has its entries under both numbers.
            let size = &mut sizes[peer_of(index as u32)];
            size[0] += activity.table_size[0];
            size[1] += activity.table_size[1];
        }
        let mut holders: BTreeMap<Prefix, Vec<Holder>> = BTreeMap::new();
        for event in &reading.events {
            let Change::RibEntry { prefix, path_id, path, .. } = &event.change else { continue };
            let (peer, list) = (peer_of(event.peer), holders.entry(*prefix).or_default());
            match list.iter_mut().find(|holder| holder.peer == peer) {
                Some(holder) => holder.paths.push((*path_id, path.clone())),
                None => list.push(Holder { peer, at: event.at, paths: vec![(*path_id, path.clone())] }),
            }
        }
        for list in holders.values_mut() {
            list.sort_by_key(|holder| holder.peer);
        }
        Some(RibTable { begun_at, done_at, sizes, holders })
    }
}
