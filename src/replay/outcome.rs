//! The result of a replay: everything that one collector's archive shows about the selected prefixes.

use std::collections::BTreeSet;

use rustc_hash::FxHashSet;

use super::control::ControlSample;
use super::index::{FileIndex, PeerId};
use super::spans::{Corrections, Doubt, PeerSpan, RouteSpan, RouteState};
use super::table::RibTable;
use crate::bgp::{AsPath, Asn, Collector, Peer, Prefix};
use crate::decode::Reading;
use crate::time::{Timestamp, Window};

/// Everything that one collector's archive shows about the selected prefixes.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The collector.
    pub collector: Collector,
    /// Its peers, sorted. A [`PeerId`] is an index into this list.
    pub peers: Vec<Peer>,
    /// Whether most paths of a peer begin with an AS other than its own, as those of a route server do: such a peer is not a
    /// vantage point of its own.
    pub first_as_mismatch: Vec<bool>,
    /// Peers in the AS of the collector (iBGP).
    pub is_internal: Vec<bool>,
    /// When the data of a vantage point is uncertain, whatever was selected; sorted.
    pub doubts: Vec<Doubt>,
    /// Intervals without any record that are longer than the usual pauses of the collector; in order.
    pub holes: Vec<Window>,
    /// Session states, sorted.
    pub sessions: Vec<PeerSpan>,
    /// Routes and their absence, sorted by prefix, peer and time.
    pub routes: Vec<RouteSpan>,
    /// The accepted RIB dumps, in order, including those after the window.
    pub tables: Vec<RibTable>,
    /// Whether any RIB dump seeded the replay.
    pub has_rib: bool,
    /// What had to be corrected.
    pub corrections: Corrections,
    /// What the control sample shows; None where no RIB dump lists a sampled prefix.
    pub control: Option<ControlSample>,
}

impl Replay {
    /// The address and AS number of a peer.
    pub fn peer(&self, peer: PeerId) -> Peer {
        self.peers[peer.get()]
    }

    /// Every peer, in order.
    pub fn peer_ids(&self) -> impl Iterator<Item = PeerId> + use<> {
        (0..self.peers.len()).map(PeerId::new)
    }

    /// Renumbers all files, which were numbered from 0, from `first` on.
    pub fn number_files_from(&mut self, first: usize) {
        let renumbered = |file: FileIndex| FileIndex::new(file.get() + first);
        let of_sessions = self.sessions.iter_mut().filter_map(|span| span.record.as_mut());
        let of_routes = self.routes.iter_mut().filter_map(|span| span.record.as_mut());
        let of_tables = self.tables.iter_mut().flat_map(|table| table.holders.values_mut().flatten());
        let records = of_sessions.chain(of_routes).chain(of_tables.map(|holder| &mut holder.record));
        records.for_each(|record| record.file = renumbered(record.file));
        self.tables.iter_mut().for_each(|table| table.file = renumbered(table.file));
    }

    /// When the replay begins. Earlier RIB dumps show only which vantage points normally carry a prefix.
    pub fn begins(&self) -> Timestamp {
        self.sessions.iter().map(|span| span.from).min().unwrap_or(Timestamp::MIN)
    }

    /// The spans of one prefix, in order of peer and time.
    pub fn of_prefix(&self, prefix: &Prefix) -> &[RouteSpan] {
        let from = self.routes.partition_point(|span| span.prefix < *prefix);
        let n = self.routes[from..].partition_point(|span| span.prefix == *prefix);
        &self.routes[from..from + n]
    }

    /// Every prefix of which a route, its absence or an entry of a RIB dump is known, sorted.
    pub fn prefixes(&self) -> BTreeSet<Prefix> {
        let in_tables = self.tables.iter().flat_map(|table| table.holders.keys());
        self.routes.iter().map(|span| &span.prefix).chain(in_tables).copied().collect()
    }

    /// The pairs of an AS of `asns` and a prefix that it originated at any time.
    pub fn originated_by(&self, asns: &FxHashSet<Asn>) -> BTreeSet<(Asn, Prefix)> {
        let of_routes = self.routes.iter().filter_map(|span| match &span.state {
            RouteState::Present(Some(path)) => Some((path, span.prefix)),
            _ => None,
        });
        let holders = self.tables.iter().flat_map(|table| &table.holders);
        let of_tables = holders.flat_map(|(prefix, holders)| {
            let paths = holders.iter().flat_map(|holder| &holder.paths);
            paths.map(move |(_, path)| (path, *prefix))
        });
        let origins = |(path, prefix): (&'_ AsPath, Prefix)| {
            let asns = path.origins().iter().filter(|asn| asns.contains(asn));
            asns.map(|asn| (*asn, prefix)).collect::<Vec<_>>()
        };
        of_routes.chain(of_tables).flat_map(origins).collect()
    }

    /// Adds a RIB dump from before the replay. It shows who carried what and changes nothing else. Peers that sent no message
    /// and are in no other RIB dump are left out. `file` is the index by which its records are referred to.
    pub fn take_older(&mut self, file: FileIndex, reading: &Reading) {
        let n_peers = self.peers.len();
        let id = |peer| self.peers.binary_search(peer).unwrap_or(n_peers);
        let peers: Vec<PeerId> = reading.census.peers.iter().map(|activity| PeerId::new(id(&activity.peer))).collect();
        let Some(mut table) = RibTable::new(file, reading, &peers) else { return };
        table.keep_peers(n_peers);
        let place = self.tables.partition_point(|other| other.done_at < table.done_at);
        self.tables.insert(place, table);
    }
}
