//! RIB dumps: TABLE_DUMP (RFC 6396, section 4.2) and TABLE_DUMP_V2 (section 4.3, RFC 8050).
//!
//! Every entry is walked, to count the tables of the peers; the attributes of the few that matter are decoded.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::control::mix;
use super::events::Draft;
use super::prefilter::{longest, nlri, origin_matters, prefix_matters};
use super::walk::Record;
use super::wire::Octets;
use super::{Change, PeerIndex};
use crate::bgp::{Asn, Family, Peer, Prefix};
use crate::time::Timestamp;

/// A prefix as the dump writes it: comparing and testing it needs no more.
#[derive(Clone, Copy)]
struct Network<'a> {
    family: Family,
    length: u8,
    octets: &'a [u8],
}

impl Network<'_> {
    fn prefix(&self) -> Option<Prefix> {
        Prefix::from_nlri(self.family, self.length, self.octets)
    }
}

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

/// Which prefix of the dump is being read, counted from 1. A prefix may be split over several records.
#[derive(Default)]
pub(super) struct PrefixCount {
    family: Option<Family>,
    length: u8,
    octets: Vec<u8>,
    n: u64,
}

impl PrefixCount {
    fn count(&mut self, network: Network) -> u64 {
        if self.family != Some(network.family) || self.length != network.length || self.octets != network.octets {
            self.family = Some(network.family);
            self.length = network.length;
            self.octets.clear();
            self.octets.extend_from_slice(network.octets);
            self.n += 1;
        }
        self.n
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
        for _ in 0..n.unwrap_or(0) {
            let Some(peer) = table_peer(&mut octets) else { break };
            self.table.push(self.peers.index(peer));
        }
        if n.map(usize::from) != Some(self.table.len()) {
            self.damage(record, "a peer table that ends early".to_owned());
        }
    }

    /// The entries of one prefix, or some of them.
    pub(super) fn rib_entries(&mut self, record: &Record, at: Timestamp, family: Family, add_path: bool) {
        self.counts.rib_records += 1;
        let Some(entries) = Entries::of(record.body, family, add_path) else {
            return self.damage(record, "a RIB record without a readable prefix".to_owned());
        };
        let network = entries.network;
        let mixed = mix(network.octets, network.length);
        let wanted = prefix_matters(family, network.length, network.octets, mixed, self.selection).unwrap_or(true);
        let originates = self.count_entries(record, at, &entries, mixed, wanted);
        if !self.selection.has_origins() {
            return;
        }
        let Some(prefix) = network.prefix() else { return };
        self.leave_covers(&prefix);
        if originates && !wanted {
            self.report_covers();
            self.report_entries(record, at, &entries);
        }
        self.pass(record, at, prefix, mixed, wanted || originates);
    }

    /// Counts the entries of a prefix for the table of each peer, and reports them where the prefix is wanted. Where it is
    /// not, says whether any has a wanted origin.
    fn count_entries(&mut self, record: &Record, at: Timestamp, entries: &Entries, mixed: u64, wanted: bool) -> bool {
        let Entries { mut octets, n, network, add_path } = *entries;
        let n_prefix = self.prefixes.count(network);
        let looks_inside = wanted || self.decode_all || self.selection.has_origins();
        let sampled = self.sampled(network, mixed);
        if !wanted && !self.decode_all && !add_path {
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
            if BY_ORIGIN && origin_matters(attributes, true, self.selection) != Some(false) {
                return false;
            }
            octets = rest;
        }
        octets.is_empty()
    }

    /// The number of a prefix, which is also given mixed, if it is in the control sample.
    #[inline]
    fn sampled(&mut self, network: Network, mixed: u64) -> Option<u32> {
        let Network { family, length, octets } = network;
        if self.selection.samples(mixed) { self.control.dumped(family, length, octets) } else { None }
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
            if network.length > longest(family) {
                self.damage(record, format!("a prefix of length {}", network.length));
                continue;
            }
            let peer = self.peers.index(peer);
            let n_prefix = self.prefixes.count(network);
            self.peers.holds(peer, family, n_prefix);
            let mixed = mix(network.octets, network.length);
            if let Some(sampled) = self.sampled(network, mixed) {
                self.control.hold(peer, sampled, false);
            }
            let wanted = prefix_matters(family, network.length, network.octets, mixed, self.selection).unwrap_or(true);
            if !wanted && self.selection.has_origins() {
                self.pass_over(mixed);
            }
            let entry = Entry { peer, path_id: None, originated_at, attributes, four_octets: false };
            if (wanted || self.may_originate(&entry))
                && let Some(prefix) = network.prefix()
            {
                self.entry(record, at, prefix, wanted, entry);
            }
        }
    }

    /// Reports a route if it is wanted.
    fn entry(&mut self, record: &Record, at: Timestamp, prefix: Prefix, wanted: bool, entry: Entry) {
        if self.peers.is_nobody(entry.peer) {
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
        if !self.may_originate(entry) || self.peers.is_nobody(entry.peer) {
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
                && origin_matters(entry.attributes, entry.four_octets, self.selection).unwrap_or(true)
    }
}

/// The family of a TABLE_DUMP_V2 record of unicast routes, and whether these have path identifiers (RFC 6396, section 4.3.2;
/// RFC 8050).
pub(super) fn unicast_table(subtype: u16) -> Option<(Family, bool)> {
    match subtype {
        2 => Some((Family::V4, false)),
        4 => Some((Family::V6, false)),
        8 => Some((Family::V4, true)),
        10 => Some((Family::V6, true)),
        _ => None,
    }
}

/// A row of the peer table: type, BGP identifier, address, AS number.
fn table_peer(octets: &mut Octets) -> Option<Peer> {
    const IPV6: u8 = 1;
    const FOUR_OCTETS: u8 = 2;
    let kind = octets.u8()?;
    octets.take(4)?;
    let address = address(octets, if kind & IPV6 != 0 { Family::V6 } else { Family::V4 })?;
    let asn = if kind & FOUR_OCTETS != 0 { octets.u32()? } else { u32::from(octets.u16()?) };
    Some(Peer { address, asn: Asn(asn) })
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
fn dumped_route<'a>(octets: &mut Octets<'a>, family: Family) -> Option<(Network<'a>, Timestamp, Peer, &'a [u8])> {
    let network = octets.take(usize::from(longest(family) / 8))?;
    let [length, _status] = octets.array()?;
    let originated_at = Timestamp::from_secs(i64::from(octets.u32()?));
    let peer = Peer { address: address(octets, family)?, asn: Asn(u32::from(octets.u16()?)) };
    Some((Network { family, length, octets: network }, originated_at, peer, octets.field()?))
}

pub(super) fn address(octets: &mut Octets, family: Family) -> Option<IpAddr> {
    Some(match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::from(octets.array::<4>()?)),
        Family::V6 => IpAddr::V6(Ipv6Addr::from(octets.array::<16>()?)),
    })
}

#[cfg(test)]
mod tests;
