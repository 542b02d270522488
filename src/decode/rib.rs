//! RIB dumps: TABLE_DUMP (RFC 6396, section 4.2), TABLE_DUMP_V2 (section 4.3, RFC 8050), and BGP4MP_ENTRY before them.
//!
//! Every entry is walked, to count the tables of the peers; the attributes of the few that matter are decoded.

use super::attributes::{Network, max_length, multiprotocol_family, nlri};
use super::events::Draft;
use super::peer_table;
use super::peers::NO_PEER_INDEX;
use super::prefilter::{origin_may_match, prefix_matches};
use super::prefix_hash::hash;
use super::walk::Record;
use super::wire::Octets;
use super::{Change, PeerIndex};
use crate::bgp::{Asn, Family, Peer, Prefix};
use crate::time::Timestamp;

/// The entries of a TABLE_DUMP_V2 record.
#[derive(Clone, Copy)]
pub(super) struct Entries<'a> {
    octets: Octets<'a>,
    n: u16,
    network: Network<'a>,
    add_path: bool,
}

impl<'a> Entries<'a> {
    /// Those of the body of a record.
    pub(super) fn of(body: &'a [u8], family: Family, add_path: bool) -> Option<Entries<'a>> {
        let mut octets = Octets(body);
        octets.take(4)?;
        let (network, n) = rib_header(&mut octets, family)?;
        Some(Entries { octets, n, network, add_path })
    }
}

/// One route in a dump.
struct Entry<'a> {
    peer: PeerIndex,
    path_id: Option<u32>,
    originated_at: Timestamp,
    attributes: &'a [u8],
    four_octets: bool,
}

impl Draft<'_> {
    /// PEER_INDEX_TABLE: what the indices of the entries after it mean.
    pub(super) fn peer_table(&mut self, record: &Record) {
        self.has_peer_table = true;
        self.leave_all_covers();
        self.table.clear();
        let mut octets = Octets(record.body);
        let n = octets.take(4).and_then(|_| octets.field()).and_then(|_| octets.u16());
        let (peers, flaw) = peer_table::rows(octets.0, usize::from(n.unwrap_or(0)));
        self.table.extend(peers.into_iter().map(|peer| self.peers.index_or_placeholder(peer)));
        self.table_lacks_numbers = self.table.iter().any(|peer| self.peers.lacks_number(*peer));
        let flaw = flaw.or_else(|| n.is_none().then_some("a peer table that ends early"));
        if let Some(flaw) = flaw {
            self.damage(record, flaw.to_owned());
        }
        self.prefixes.new_table(self.table.iter().any(|peer| self.peers.holds_any(*peer)));
    }

    /// The entries of one prefix, or some of them.
    pub(super) fn rib_entries(&mut self, record: &Record, at: Timestamp, family: Family, add_path: bool) {
        self.counts.rib_records += 1;
        let Some(entries) = Entries::of(record.body, family, add_path) else {
            return self.damage(record, "a RIB record without a readable prefix".to_owned());
        };
        let network = entries.network;
        let first_peer = Octets(entries.octets.0).u16().and_then(|index| self.table.get(usize::from(index)));
        let first_peer = *first_peer.unwrap_or(&NO_PEER_INDEX);
        self.prefixes.numbered(record.body);
        let n_prefix = self.nth(network, first_peer);
        let hash = hash(network.octets, network.length);
        let wanted = prefix_matches(family, network.length, network.octets, hash, self.selection).unwrap_or(true);
        let originates = self.count_entries(record, at, &entries, (n_prefix, hash), wanted);
        if !self.selection.has_origins() {
            return;
        }
        let Some(prefix) = network.prefix() else { return };
        self.leave_covers(&prefix);
        if originates && !wanted {
            self.report_covers();
            self.report_entries(record, at, &entries);
        }
        self.pass(record, at, prefix, hash, wanted || originates);
    }

    /// Counts the entries of a prefix for the table of each peer, and reports them where the prefix is wanted. Where it is
    /// not, says whether any has a wanted origin.
    fn count_entries(
        &mut self,
        record: &Record,
        at: Timestamp,
        entries: &Entries,
        (n_prefix, hash): (u64, u64),
        wanted: bool,
    ) -> bool {
        let Entries { mut octets, n, network, add_path } = *entries;
        let looks_inside = wanted || self.decode_all || self.selection.has_origins();
        let sampled = self.sampled(network, hash);
        if !wanted && !self.decode_all && !add_path && !self.table_lacks_numbers {
            let is_done = match (looks_inside, sampled) {
                (false, None) => self.count_plain_entries::<false>(entries, n_prefix, None),
                (false, _) => self.count_plain_entries::<false>(entries, n_prefix, sampled),
                (true, _) => self.count_plain_entries::<true>(entries, n_prefix, sampled),
            };
            if is_done {
                return false;
            }
        }
        let prefix = network.prefix();
        let mut originates = false;
        for n_read in 0..n {
            let Some((index, originated_at, path_id, attributes)) = table_entry(&mut octets, add_path) else {
                self.damage(record, format!("RIB entries end after {n_read} of {n}"));
                return originates;
            };
            let Some(&peer) = self.table.get(usize::from(index)) else {
                self.damage(record, format!("peer {index} is not in the peer table"));
                continue;
            };
            self.peers.holds(peer, network.family, n_prefix);
            if let Some(sampled) = sampled {
                self.control.hold(peer, sampled, add_path);
            }
            if self.peers.lacks_number(peer) {
                self.number(peer, attributes, true);
            }
            if looks_inside {
                let entry = Entry { peer, path_id, originated_at, attributes, four_octets: true };
                if let Some(prefix) = prefix.filter(|_| wanted) {
                    self.entry(record, at, prefix, wanted, entry);
                } else if !originates {
                    originates = self.entry_originates(record, &entry);
                }
            }
        }
        if !octets.is_empty() {
            self.damage(record, format!("{} octets after {n} RIB entries", octets.0.len()));
        }
        originates
    }

    /// Counts the entries of a prefix of which only origins might be wanted. Says no when one might be, or is unusual: to
    /// count them all again changes nothing. Hot: once per route of a dump.
    #[inline]
    fn count_plain_entries<const BY_ORIGIN: bool>(
        &mut self,
        entries: &Entries,
        n_prefix: u64,
        sampled: Option<u32>,
    ) -> bool {
        let mut octets = entries.octets.0;
        for _ in 0..entries.n {
            let Some(([i1, i0, _, _, _, _, l1, l0], rest)) = octets.split_first_chunk() else { return false };
            let peer = self.table.get(usize::from(u16::from_be_bytes([*i1, *i0])));
            let attributes = rest.split_at_checked(usize::from(u16::from_be_bytes([*l1, *l0])));
            let (Some(&peer), Some((attributes, rest))) = (peer, attributes) else { return false };
            self.peers.holds(peer, entries.network.family, n_prefix);
            if let Some(sampled) = sampled {
                self.control.hold(peer, sampled, false);
            }
            if BY_ORIGIN && origin_may_match(attributes, true, self.selection) != Some(false) {
                return false;
            }
            octets = rest;
        }
        octets.is_empty()
    }

    /// The number of a prefix, which is also given hash, if it is in the control sample.
    #[inline]
    fn sampled(&mut self, network: Network, hash: u64) -> Option<u32> {
        let Network { family, length, octets } = network;
        if self.selection.samples(hash) { self.control.dumped(family, length, octets) } else { None }
    }

    /// Reports entries that were counted before.
    pub(super) fn report_entries(&mut self, record: &Record, at: Timestamp, entries: &Entries) {
        let Entries { mut octets, n, network, add_path } = *entries;
        let Some(prefix) = network.prefix() else { return };
        for _ in 0..n {
            let Some((index, originated_at, path_id, attributes)) = table_entry(&mut octets, add_path) else { break };
            if let Some(&peer) = self.table.get(usize::from(index)) {
                let entry = Entry { peer, path_id, originated_at, attributes, four_octets: true };
                self.entry(record, at, prefix, true, entry);
            }
        }
    }

    /// TABLE_DUMP: one route, in early files several.
    pub(super) fn table_dump(&mut self, record: &Record, at: Timestamp, family: Family) {
        self.counts.rib_records += 1;
        let mut octets = Octets(record.body);
        if octets.take(4).is_none() || octets.is_empty() {
            return self.damage(record, "a TABLE_DUMP record without an entry".to_owned());
        }
        while !octets.is_empty() {
            let Some((network, originated_at, peer, attributes)) = dumped_route(&mut octets, family) else {
                return self.damage(record, "a TABLE_DUMP entry that ends early".to_owned());
            };
            self.dumped(record, at, network, peer, (originated_at, attributes));
        }
    }

    /// BGP4MP_ENTRY, the table of OpenBGPD and of early Zebra: one route, with AS numbers of two octets.
    pub(super) fn table_entry(&mut self, record: &Record, at: Timestamp, body: Octets) {
        self.counts.rib_records += 1;
        match bgp4mp_entry(body) {
            // Another family than unicast.
            Some(None) => {}
            Some(Some((network, originated_at, peer, attributes))) => {
                self.dumped(record, at, network, peer, (originated_at, attributes));
            }
            None => self.damage(record, "a BGP4MP_ENTRY that ends early".to_owned()),
        }
    }

    /// One route of a dump that writes route by route.
    fn dumped(
        &mut self,
        record: &Record,
        at: Timestamp,
        network: Network,
        peer: Peer,
        (originated_at, attributes): (Timestamp, &[u8]),
    ) {
        let Network { family, length, octets } = network;
        if length > max_length(family) {
            return self.damage(record, format!("a prefix of length {length}"));
        }
        let peer = self.peers.index_or_placeholder(peer);
        let n_prefix = self.nth(network, peer);
        self.peers.holds(peer, family, n_prefix);
        if self.peers.lacks_number(peer) {
            self.number(peer, attributes, false);
        }
        let hash = hash(octets, length);
        if let Some(sampled) = self.sampled(network, hash) {
            self.control.hold(peer, sampled, false);
        }
        let wanted = prefix_matches(family, length, octets, hash, self.selection).unwrap_or(true);
        if !wanted && self.selection.has_origins() {
            self.pass_over(hash);
        }
        let entry = Entry { peer, path_id: None, originated_at, attributes, four_octets: false };
        if (wanted || self.may_originate(&entry))
            && let Some(prefix) = network.prefix()
        {
            self.entry(record, at, prefix, wanted, entry);
        }
    }

    /// A route of a peer that lacks its number.
    fn number(&mut self, peer: PeerIndex, attributes: &[u8], four_octets: bool) {
        if let Ok(Some(path)) = self.paths.decode(attributes, four_octets) {
            self.numbers.count(peer, &path, attributes, four_octets);
        }
    }

    /// Reports a route if it is wanted.
    fn entry(&mut self, record: &Record, at: Timestamp, prefix: Prefix, wanted: bool, entry: Entry) {
        if entry.peer == NO_PEER_INDEX {
            return;
        }
        match self.paths.decode(entry.attributes, entry.four_octets) {
            // A route of the collector itself.
            Ok(None) => {}
            Ok(Some(path)) if path.hops().is_empty() => {}
            Ok(Some(path)) if wanted || self.originates(&path) => {
                let (path_id, originated_at) = (entry.path_id, entry.originated_at);
                self.event(record, at, entry.peer, Change::RibEntry { prefix, path_id, path, originated_at });
            }
            Ok(Some(_)) => {}
            Err(what) => self.damage(record, what),
        }
    }

    /// Whether a route has a wanted origin. Hot: once per route of a dump, where origins are chosen.
    fn entry_originates(&mut self, record: &Record, entry: &Entry) -> bool {
        if !self.may_originate(entry) || entry.peer == NO_PEER_INDEX {
            return false;
        }
        match self.paths.decode(entry.attributes, entry.four_octets) {
            Ok(path) => path.is_some_and(|path| self.originates(&path)),
            Err(what) => {
                self.damage(record, what);
                false
            }
        }
    }

    #[inline]
    fn may_originate(&self, entry: &Entry) -> bool {
        self.decode_all
            || self.selection.has_origins()
                && origin_may_match(entry.attributes, entry.four_octets, self.selection).unwrap_or(true)
    }
}

/// An entry of TABLE_DUMP_V2: peer index, originated time, path identifier, attributes.
#[inline]
fn table_entry<'a>(octets: &mut Octets<'a>, add_path: bool) -> Option<(u16, Timestamp, Option<u32>, &'a [u8])> {
    let index = octets.u16()?;
    let originated_at = Timestamp::from_secs(i64::from(octets.u32()?));
    let path_id = if add_path { Some(octets.u32()?) } else { None };
    Some((index, originated_at, path_id, octets.field()?))
}

/// What a TABLE_DUMP_V2 record says before its entries: the prefix and how many there are.
#[inline]
fn rib_header<'a>(octets: &mut Octets<'a>, family: Family) -> Option<(Network<'a>, u16)> {
    let (_, length, network) = nlri(octets, family, false)?;
    Some((Network { family, length, octets: network }, octets.u16()?))
}

/// An entry of TABLE_DUMP: prefix, originated time, peer, attributes.
#[inline]
fn dumped_route<'a>(octets: &mut Octets<'a>, family: Family) -> Option<DumpedRoute<'a>> {
    let network = octets.take(usize::from(max_length(family) / 8))?;
    let [length, _status] = octets.array()?;
    let originated_at = Timestamp::from_secs(i64::from(octets.u32()?));
    let peer = Peer { address: octets.address(family)?, asn: Asn(u32::from(octets.u16()?)) };
    Some((Network { family, length, octets: network }, originated_at, peer, octets.field()?))
}

/// A route of a dump: prefix, originated time, peer, attributes.
type DumpedRoute<'a> = (Network<'a>, Timestamp, Peer, &'a [u8]);

/// An entry in a BGP4MP record, of which no standard is left (draft-ietf-grow-mrt-00): the numbers and addresses of a
/// message, view, status, originated time, family, next hop, prefix, attributes. `Some(None)` for other families than
/// unicast.
fn bgp4mp_entry(mut octets: Octets<'_>) -> Option<Option<DumpedRoute<'_>>> {
    let asn = Asn(u32::from(octets.u16()?));
    let [_, _, _, _, _, session] = octets.array()?;
    let session = if session == 2 { Family::V6 } else { Family::V4 };
    let (peer_address, _local) = (octets.address(session)?, octets.address(session)?);
    octets.take(4)?;
    let originated_at = Timestamp::from_secs(i64::from(octets.u32()?));
    let family = multiprotocol_family(octets.take(3)?)?;
    let n_next_hop = octets.u8()?;
    octets.take(usize::from(n_next_hop))?;
    let Some(family) = family else { return Some(None) };
    let (_, length, network) = nlri(&mut octets, family, false)?;
    let peer = Peer { address: peer_address, asn };
    Some(Some((Network { family, length, octets: network }, originated_at, peer, octets.field()?)))
}

#[cfg(test)]
mod tests;
