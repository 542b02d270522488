//! A RIB dump that begins again inside its file: written twice, or two dumps in one file. The last one counts, on its own.

use super::attributes::Network;
use super::peers::NO_PEER_INDEX;
use super::wire::Octets;
use super::{MaxLengths, PeerIndex};
use crate::bgp::Family;

/// A dump that begins again and then holds less than this share of the routes that it held before ends early.
const MIN_REPEATED: f64 = 0.75;

/// Numbers the prefixes of a dump from 1. A prefix may be split over several records.
#[derive(Default)]
pub(super) struct PrefixCount {
    families: [Order; 2],
    n: u64,
    sequence: u32,
}

/// The order of the prefixes of one family.
#[derive(Default)]
struct Order {
    first: DumpPlace,
    first_peer: PeerIndex,
    latest: DumpPlace,
    /// The number of the latest prefix.
    n: u64,
    last_block: u16,
    /// Whether a prefix was shorter than the one before it, or the dump began again.
    is_not_by_length: bool,
    /// Whether there was another peer table, or the sequence number fell.
    may_begin_again: bool,
    /// The most routes that were counted before the dump began again.
    n_before: u64,
}

/// A prefix as the dump writes it.
#[derive(Default)]
struct DumpPlace {
    length: u8,
    octets: Vec<u8>,
}

impl DumpPlace {
    fn is(&self, network: &Network) -> bool {
        self.length == network.length && self.octets == network.octets
    }

    fn set(&mut self, network: &Network) {
        self.length = network.length;
        self.octets.clear();
        self.octets.extend_from_slice(network.octets);
    }

    fn network(&self, family: Family) -> Network<'_> {
        Network { family, length: self.length, octets: &self.octets }
    }
}

impl PrefixCount {
    /// Notes a peer table. One of peers without any routes so far is that of another view.
    pub(super) fn new_table(&mut self, has_known_peers: bool) {
        self.sequence = 0;
        if has_known_peers {
            self.may_begin_again();
        }
    }

    /// How far the dump reaches in each family.
    pub(super) fn last_blocks(&self) -> [u16; 2] {
        Family::ALL.map(|family| self.families[family as usize].last_block)
    }

    /// Whether the prefixes of each family come in the order of their lengths.
    pub(super) fn is_by_length(&self) -> bool {
        self.families.iter().all(|order| !order.is_not_by_length)
    }

    /// Whether the latest prefix of each family is longer than the longest one needed, where any is.
    pub(super) fn is_beyond(&self, max_lengths: &MaxLengths) -> bool {
        Family::ALL.into_iter().all(|family| {
            let order = &self.families[family as usize];
            max_lengths.longest(family).is_none_or(|longest| order.n > 0 && order.latest.length > longest)
        })
    }

    fn may_begin_again(&mut self) {
        self.families.iter_mut().for_each(|order| order.may_begin_again = true);
    }

    /// Notes the sequence number at the beginning of the body of a TABLE_DUMP_V2 record.
    pub(super) fn numbered(&mut self, body: &[u8]) {
        let sequence = Octets(body).u32().unwrap_or(0);
        if sequence < self.sequence {
            self.may_begin_again();
        }
        self.sequence = sequence;
    }

    /// The number of a prefix, and whether the dump begins again with it. `peer` is that of its first route.
    pub(super) fn count(&mut self, network: &Network, peer: PeerIndex) -> (u64, bool) {
        let order = &mut self.families[network.family as usize];
        if order.n > 0 && order.latest.is(network) {
            return (order.n, false);
        }
        let begins_again = order.n > 0 && order.begins_again(network, peer);
        if order.n == 0 {
            order.first.set(network);
            order.first_peer = peer;
        }
        if begins_again {
            order.last_block = 0;
        }
        order.may_begin_again = false;
        order.is_not_by_length |= begins_again || network.length < order.latest.length;
        order.latest.set(network);
        order.last_block = order.last_block.max(block(network));
        self.n += 1;
        order.n = self.n;
        (self.n, begins_again)
    }

    /// Notes that `n_routes` of a family had been counted when its dump began again.
    pub(super) fn began_again(&mut self, family: Family, n_routes: u64) {
        let order = &mut self.families[family as usize];
        order.n_before = order.n_before.max(n_routes);
    }

    /// How many routes of a family the dump held before it began again, if the last one of `n_routes` ends early.
    pub(super) fn n_before_cut(&self, family: Family, n_routes: u64) -> Option<u64> {
        let n_before = self.families[family as usize].n_before;
        ((n_routes as f64) < MIN_REPEATED * n_before as f64).then_some(n_before)
    }
}

/// The leading 16 bits of a prefix, capped at the end of public unicast addresses (the IANA registries).
fn block(network: &Network) -> u16 {
    const LAST: [u16; 2] = [0xdfff, 0x3fff];
    let octet = |n: usize| network.octets.get(n).copied().unwrap_or(0);
    u16::from_be_bytes([octet(0), octet(1)]).min(LAST[network.family as usize])
}

impl Order {
    /// Whether its first prefix comes again, from the same peer; or a prefix that sorts before the latest one, if a peer
    /// table or sequence number indicates a new beginning. Order alone proves nothing: some dumps are not sorted, and old
    /// ones list one peer after the other.
    fn begins_again(&self, network: &Network, peer: PeerIndex) -> bool {
        let family = network.family;
        let is_before = || network.prefix() < self.latest.network(family).prefix();
        self.first.is(network) && self.first_peer == peer && peer != NO_PEER_INDEX
            || self.may_begin_again && is_before()
    }
}
