//! RIB dumps: TABLE_DUMP (RFC 6396, section 4.2), TABLE_DUMP_V2 (section 4.3, RFC 8050), and BGP4MP_ENTRY before them.
//!
//! Every entry is walked, to count the tables of the peers; the attributes are decoded only of those that may match.

use super::attributes::{Network, max_length, multiprotocol_family, nlri};
use super::covering::CoveringRecords;
use super::mrt::unicast_table;
use super::peer_table;
use super::peers::NO_PEER_INDEX;
use super::prefilter::{origin_may_match, prefix_matches};
use super::prefix_hash::hash;
use super::reading_builder::{DumpTraits, ReadingBuilder};
use super::repeats::PrefixCount;
use super::walk::Record;
use super::wire::Octets;
use super::{MaxLengths, PeerIndex, RibEntry};
use crate::bgp::{Asn, Family, Peer, Prefix};
use crate::coverage::Damage;
use crate::time::Timestamp;

/// Reads the records of a RIB dump.
#[derive(Default)]
pub(super) struct RibReader {
    /// The peer of each index in TABLE_DUMP_V2 entries.
    table: Vec<PeerIndex>,
    has_peer_table: bool,
    /// Whether a RIB record came before any peer table.
    lacks_peer_table: bool,
    /// Whether the AS number of a peer in the table is lost.
    table_lacks_numbers: bool,
    prefixes: PrefixCount,
    covering: CoveringRecords,
}

/// The entries of a TABLE_DUMP_V2 record.
#[derive(Clone, Copy)]
struct Entries<'a> {
    octets: Octets<'a>,
    n: u16,
    network: Network<'a>,
    add_path: bool,
}

impl<'a> Entries<'a> {
    /// The entries in the body of a record.
    fn of(body: &'a [u8], family: Family, add_path: bool) -> Option<Entries<'a>> {
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
    attributes: &'a [u8],
    four_octets: bool,
}

impl RibReader {
    /// PEER_INDEX_TABLE: the meaning of the indices in the entries after it.
    pub(super) fn peer_table(&mut self, reading: &mut ReadingBuilder, record: &Record) {
        self.has_peer_table = true;
        self.forget_covering(reading);
        self.table.clear();
        let mut octets = Octets(record.body);
        let n = octets.take(4).and_then(|_| octets.field()).and_then(|_| octets.u16());
        let (peers, flaw) = peer_table::rows(octets.0, usize::from(n.unwrap_or(0)));
        self.table.extend(peers.into_iter().map(|peer| reading.peers.index_or_placeholder(peer)));
        self.table_lacks_numbers = self.table.iter().any(|peer| reading.peers.lacks_number(*peer));
        let flaw = flaw.or_else(|| n.is_none().then_some("a peer table that ends early"));
        if let Some(flaw) = flaw {
            reading.damage(record, flaw.to_owned());
        }
        self.prefixes.new_table(self.table.iter().any(|peer| reading.peers.holds_any(*peer)));
    }

    /// A TABLE_DUMP_V2 record of unicast routes: the entries of one prefix, or some of them.
    pub(super) fn rib_entries(
        &mut self,
        reading: &mut ReadingBuilder,
        record: &Record,
        at: Timestamp,
        (family, add_path): (Family, bool),
    ) {
        self.lacks_peer_table |= !self.has_peer_table;
        reading.counts.rib_records += 1;
        let Some(entries) = Entries::of(record.body, family, add_path) else {
            return reading.damage(record, "a RIB record without a readable prefix".to_owned());
        };
        let network = entries.network;
        let first_peer = Octets(entries.octets.0).u16().and_then(|index| self.table.get(usize::from(index)));
        let first_peer = *first_peer.unwrap_or(&NO_PEER_INDEX);
        self.prefixes.numbered(record.body);
        let n_prefix = self.nth(reading, network, first_peer);
        let hash = hash(network.octets, network.length);
        let is_selected =
            prefix_matches(family, network.length, network.octets, hash, reading.selection).unwrap_or(true);
        let originates = self.count_entries(reading, record, at, &entries, (n_prefix, hash), is_selected);
        if !reading.selection.has_origins() {
            return;
        }
        let Some(prefix) = network.prefix() else { return };
        self.covering.keep_covering(&prefix, |hash| reading.skip_in_rib(hash));
        if originates && !is_selected {
            self.report_covering(reading);
            report_entries(&self.table, reading, record, at, &entries);
        }
        let is_reported = is_selected || originates;
        let is_kept = self.covering.push(record, at, prefix, is_reported, reading.is_damaged(record));
        if !is_kept && !is_reported {
            reading.skip_in_rib(hash);
        }
    }

    /// Counts the entries of a prefix for the table of each peer, and reports them if the prefix is selected. If it is not,
    /// returns whether any entry has a selected origin.
    fn count_entries(
        &mut self,
        reading: &mut ReadingBuilder,
        record: &Record,
        at: Timestamp,
        entries: &Entries,
        (n_prefix, hash): (u64, u64),
        is_selected: bool,
    ) -> bool {
        let Entries { mut octets, n, network, add_path } = *entries;
        let looks_inside = is_selected || reading.decode_all || reading.selection.has_origins();
        let sampled = sampled(reading, network, hash);
        let samples_origins = reading.selection.samples_origins();
        if !is_selected && !reading.decode_all && !add_path && !self.table_lacks_numbers && !samples_origins {
            let is_done = match (looks_inside, sampled) {
                (false, None) => self.count_plain_entries::<false>(reading, entries, n_prefix, None),
                (false, _) => self.count_plain_entries::<false>(reading, entries, n_prefix, sampled),
                (true, _) => self.count_plain_entries::<true>(reading, entries, n_prefix, sampled),
            };
            if is_done {
                return false;
            }
        }
        let prefix = network.prefix();
        let mut originates = false;
        for n_read in 0..n {
            let Some((index, path_id, attributes)) = table_entry(&mut octets, add_path) else {
                reading.damage(record, format!("RIB entries end after {n_read} of {n}"));
                return originates;
            };
            let Some(&peer) = self.table.get(usize::from(index)) else {
                reading.damage(record, format!("peer {index} is not in the peer table"));
                continue;
            };
            reading.peers.holds(peer, network.family, n_prefix);
            if let Some(sampled) = sampled {
                reading.control.hold(peer, sampled, add_path);
                if samples_origins {
                    reading.sample_origin(sampled, attributes, true);
                }
            }
            if reading.peers.lacks_number(peer) {
                reading.count_number(peer, attributes, true);
            }
            if looks_inside {
                let entry = Entry { peer, path_id, attributes, four_octets: true };
                if let Some(prefix) = prefix.filter(|_| is_selected) {
                    report(reading, record, at, prefix, is_selected, entry);
                } else if !originates {
                    originates = entry_originates(reading, record, &entry);
                }
            }
        }
        if !octets.is_empty() {
            reading.damage(record, format!("{} octets after {n} RIB entries", octets.0.len()));
        }
        originates
    }

    /// Fast path: counts the entries of a prefix that is not selected. Returns false if an entry needs full decoding, because
    /// its origin may be selected or its form is unusual; counting the entries again is idempotent. Hot: once per route of a
    /// dump.
    #[inline]
    fn count_plain_entries<const BY_ORIGIN: bool>(
        &self,
        reading: &mut ReadingBuilder,
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
            reading.peers.holds(peer, entries.network.family, n_prefix);
            if let Some(sampled) = sampled {
                reading.control.hold(peer, sampled, false);
            }
            if BY_ORIGIN && origin_may_match(attributes, true, reading.selection) != Some(false) {
                return false;
            }
            octets = rest;
        }
        octets.is_empty()
    }

    /// Reports the covering records that were not reported yet.
    fn report_covering(&mut self, reading: &mut ReadingBuilder) {
        for covering in self.covering.report() {
            let record = covering.record();
            let Some((family, add_path)) = unicast_table(record.subtype) else { continue };
            let Some(entries) = Entries::of(record.body, family, add_path) else { continue };
            let latest_damaged = reading.set_latest_damaged(covering.is_damaged.then_some(record.index));
            report_entries(&self.table, reading, &record, covering.at, &entries);
            reading.set_latest_damaged(latest_damaged);
        }
    }

    /// At the end of the file, and of what a peer table is for.
    fn forget_covering(&mut self, reading: &mut ReadingBuilder) {
        self.covering.clear(|hash| reading.skip_in_rib(hash));
    }

    /// TABLE_DUMP: one route, in early files several.
    pub(super) fn table_dump(&mut self, reading: &mut ReadingBuilder, record: &Record, at: Timestamp, family: Family) {
        reading.counts.rib_records += 1;
        let mut octets = Octets(record.body);
        if octets.take(4).is_none() || octets.is_empty() {
            return reading.damage(record, "a TABLE_DUMP record without an entry".to_owned());
        }
        while !octets.is_empty() {
            let Some(route) = dumped_route(&mut octets, family) else {
                return reading.damage(record, "a TABLE_DUMP entry that ends early".to_owned());
            };
            self.dumped(reading, record, at, route);
        }
    }

    /// BGP4MP_ENTRY, the table of OpenBGPD and of early Zebra: one route, with AS numbers of two octets.
    pub(super) fn bgp4mp_entry(&mut self, reading: &mut ReadingBuilder, record: &Record, at: Timestamp, body: Octets) {
        reading.counts.rib_records += 1;
        match bgp4mp_entry(body) {
            // Another family than unicast.
            Some(None) => {}
            Some(Some(route)) => self.dumped(reading, record, at, route),
            None => reading.damage(record, "a BGP4MP_ENTRY that ends early".to_owned()),
        }
    }

    /// One route of a dump that writes route by route.
    fn dumped(&mut self, reading: &mut ReadingBuilder, record: &Record, at: Timestamp, route: DumpedRoute) {
        let (network, peer, attributes) = route;
        let Network { family, length, octets } = network;
        if length > max_length(family) {
            return reading.damage(record, format!("a prefix of length {length}"));
        }
        let peer = reading.peers.index_or_placeholder(peer);
        let n_prefix = self.nth(reading, network, peer);
        reading.peers.holds(peer, family, n_prefix);
        if reading.peers.lacks_number(peer) {
            reading.count_number(peer, attributes, false);
        }
        let hash = hash(octets, length);
        if let Some(sampled) = sampled(reading, network, hash) {
            reading.control.hold(peer, sampled, false);
            if reading.selection.samples_origins() {
                reading.sample_origin(sampled, attributes, false);
            }
        }
        let is_selected = prefix_matches(family, length, octets, hash, reading.selection).unwrap_or(true);
        if !is_selected {
            reading.skip_in_rib(hash);
        }
        let entry = Entry { peer, path_id: None, attributes, four_octets: false };
        if (is_selected || may_originate(reading, &entry))
            && let Some(prefix) = network.prefix()
        {
            report(reading, record, at, prefix, is_selected, entry);
        }
    }

    /// The number of a prefix of a dump; `peer` is that of its first route. If the dump begins again with it, what it said of
    /// this family so far is forgotten.
    fn nth(&mut self, reading: &mut ReadingBuilder, network: Network, peer: PeerIndex) -> u64 {
        let (n, begins_again) = self.prefixes.count(&network, peer);
        if begins_again {
            let family = network.family;
            self.forget_covering(reading);
            self.prefixes.began_again(family, reading.peers.recount(family));
            reading.forget_rib_entries(family);
        }
        n
    }

    /// Whether no prefix up to `max_lengths` is left, if the dump is sorted by length.
    pub(super) fn is_beyond(&self, max_lengths: &MaxLengths) -> bool {
        self.prefixes.is_beyond(max_lengths)
    }

    /// After the last record. A dump that begins again and does not come as far is damaged.
    pub(super) fn finish(&mut self, reading: &mut ReadingBuilder) -> DumpTraits {
        self.forget_covering(reading);
        for family in Family::ALL {
            let n = reading.peers.n_counted(family);
            if let Some(n_before) = self.prefixes.n_before_cut(family, n) {
                let what = format!("a RIB dump that begins again and then holds {n} {family} routes of {n_before}");
                reading.count_damage(Damage { record: reading.counts.records, offset: 0, what });
            }
        }
        DumpTraits {
            last_blocks: self.prefixes.last_blocks(),
            is_by_length: self.prefixes.is_by_length(),
            lacks_peer_table: self.lacks_peer_table,
        }
    }
}

/// The number of a prefix in the control sample; None if it is not in the sample.
#[inline]
fn sampled(reading: &mut ReadingBuilder, network: Network, hash: u64) -> Option<u32> {
    let Network { family, length, octets } = network;
    if reading.selection.samples(hash) { reading.control.dumped(family, length, octets) } else { None }
}

/// Reports entries that were counted before.
fn report_entries(
    table: &[PeerIndex],
    reading: &mut ReadingBuilder,
    record: &Record,
    at: Timestamp,
    entries: &Entries,
) {
    let Entries { mut octets, n, network, add_path } = *entries;
    let Some(prefix) = network.prefix() else { return };
    for _ in 0..n {
        let Some((index, path_id, attributes)) = table_entry(&mut octets, add_path) else { break };
        if let Some(&peer) = table.get(usize::from(index)) {
            report(reading, record, at, prefix, true, Entry { peer, path_id, attributes, four_octets: true });
        }
    }
}

/// Reports a route if its prefix or its origin is selected.
fn report(
    reading: &mut ReadingBuilder,
    record: &Record,
    at: Timestamp,
    prefix: Prefix,
    is_selected: bool,
    entry: Entry,
) {
    let Entry { peer, path_id, attributes, four_octets } = entry;
    if peer == NO_PEER_INDEX {
        return;
    }
    match reading.paths.decode(attributes, four_octets) {
        // A route of the collector itself.
        Ok(None) => {}
        Ok(Some(path)) if path.hops().is_empty() => {}
        Ok(Some(path)) if is_selected || reading.originates(&path) => {
            reading.rib_entry(record, at, prefix, RibEntry { peer, path_id, path });
        }
        Ok(Some(_)) => {}
        Err(what) => reading.damage(record, what),
    }
}

/// Whether a route has a selected origin. Hot: once per route of a dump, while an origin is selected.
fn entry_originates(reading: &mut ReadingBuilder, record: &Record, entry: &Entry) -> bool {
    if !may_originate(reading, entry) || entry.peer == NO_PEER_INDEX {
        return false;
    }
    match reading.paths.decode(entry.attributes, entry.four_octets) {
        Ok(path) => path.is_some_and(|path| reading.originates(&path)),
        Err(what) => {
            reading.damage(record, what);
            false
        }
    }
}

#[inline]
fn may_originate(reading: &ReadingBuilder, entry: &Entry) -> bool {
    reading.decode_all
        || reading.selection.has_origins()
            && origin_may_match(entry.attributes, entry.four_octets, reading.selection).unwrap_or(true)
}

/// An entry of TABLE_DUMP_V2: peer index, path identifier, attributes. Its originated time is the collector's recollection
/// and not used.
#[inline]
fn table_entry<'a>(octets: &mut Octets<'a>, add_path: bool) -> Option<(u16, Option<u32>, &'a [u8])> {
    let index = octets.u16()?;
    let _originated_at = octets.u32()?;
    let path_id = if add_path { Some(octets.u32()?) } else { None };
    Some((index, path_id, octets.field()?))
}

/// The beginning of a TABLE_DUMP_V2 record: its prefix and the number of entries.
#[inline]
fn rib_header<'a>(octets: &mut Octets<'a>, family: Family) -> Option<(Network<'a>, u16)> {
    let (_, length, network) = nlri(octets, family, false)?;
    Some((Network { family, length, octets: network }, octets.u16()?))
}

/// A route of a dump: prefix, peer, attributes.
type DumpedRoute<'a> = (Network<'a>, Peer, &'a [u8]);

/// An entry of TABLE_DUMP: prefix, length, status, originated time, peer, attributes.
#[inline]
fn dumped_route<'a>(octets: &mut Octets<'a>, family: Family) -> Option<DumpedRoute<'a>> {
    let network = octets.take(usize::from(max_length(family) / 8))?;
    let [length, _status] = octets.array()?;
    let _originated_at = octets.u32()?;
    let peer = Peer { address: octets.address(family)?, asn: Asn(u32::from(octets.u16()?)) };
    Some((Network { family, length, octets: network }, peer, octets.field()?))
}

/// An entry in a BGP4MP record, of which no standard is left (draft-ietf-grow-mrt-00): the AS numbers and addresses of a
/// message, view, status, originated time, family, next hop, prefix, attributes. `Some(None)` for other families than
/// unicast.
fn bgp4mp_entry(mut octets: Octets<'_>) -> Option<Option<DumpedRoute<'_>>> {
    let asn = Asn(u32::from(octets.u16()?));
    let [_, _, _, _, _, session] = octets.array()?;
    let session = if session == 2 { Family::V6 } else { Family::V4 };
    let (peer_address, _local) = (octets.address(session)?, octets.address(session)?);
    let _view_and_status = octets.u32()?;
    let _originated_at = octets.u32()?;
    let family = multiprotocol_family(octets.take(3)?)?;
    let n_next_hop = octets.u8()?;
    octets.take(usize::from(n_next_hop))?;
    let Some(family) = family else { return Some(None) };
    let (_, length, network) = nlri(&mut octets, family, false)?;
    let peer = Peer { address: peer_address, asn };
    Some(Some((Network { family, length, octets: network }, peer, octets.field()?)))
}

/// A TABLE_DUMP_V2 record of unicast routes that was read from its first octet to its last.
pub(super) struct RibOutline {
    pub(super) sequence: u32,
    pub(super) prefix: Prefix,
}

/// Returns the sequence number and the prefix of a record, and calls `holds` with the peer index of every entry. None if the
/// record is not one of unicast routes, has no entry, names a peer beyond the `n_peers` of the table, or its entries do not
/// fill its body exactly.
pub(super) fn outline(body: &[u8], subtype: u16, n_peers: usize, mut holds: impl FnMut(u16)) -> Option<RibOutline> {
    let (family, add_path) = unicast_table(subtype)?;
    let sequence = Octets(body).u32()?;
    let Entries { mut octets, n, network, .. } = Entries::of(body, family, add_path)?;
    for _ in 0..n {
        let (index, _, _) = table_entry(&mut octets, add_path)?;
        if usize::from(index) >= n_peers {
            return None;
        }
        holds(index);
    }
    let prefix = network.prefix()?;
    (n > 0 && octets.is_empty()).then_some(RibOutline { sequence, prefix })
}

/// The peers in the body of a PEER_INDEX_TABLE. None if it cannot be read to its end as it declares itself.
pub(super) fn peers_of(body: &[u8]) -> Option<Vec<Peer>> {
    let mut octets = Octets(body);
    octets.take(4)?;
    octets.field()?;
    let n = octets.u16()?;
    match peer_table::rows(octets.0, usize::from(n)) {
        (peers, None) => Some(peers),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
