//! A RIB dump that begins again inside its file: written twice, or two dumps in one. The last one counts, on its own.

use super::attributes::Network;
use super::events::Draft;
use super::peers::NO_PEER_INDEX;
use super::wire::Octets;
use super::{Change, PeerIndex};
use crate::bgp::Family;
use crate::coverage::Damage;

/// A dump that begins again and then holds less than this share of the routes that it held before ends early.
const MIN_REPEATED: f64 = 0.75;

/// Which prefix of the dump is being read, counted from 1. A prefix may be split over several records.
#[derive(Default)]
pub(super) struct PrefixCount {
    families: [Order; 2],
    n: u64,
    sequence: u32,
}

/// The order of the prefixes of one family.
#[derive(Default)]
struct Order {
    first: Place,
    first_peer: PeerIndex,
    latest: Place,
    /// The number of the latest prefix.
    n: u64,
    last_block: u16,
    /// A peer table came, or sequence numbers that had grown fell.
    may_begin_again: bool,
    /// The most routes that were counted before the dump began again.
    n_before: u64,
}

/// A prefix as the dump writes it.
#[derive(Default)]
struct Place {
    length: u8,
    octets: Vec<u8>,
}

impl Place {
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
    /// A peer table came. One of peers that had no routes yet is that of another view.
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

    fn may_begin_again(&mut self) {
        self.families.iter_mut().for_each(|order| order.may_begin_again = true);
    }

    /// Notes the sequence number with which the body of a TABLE_DUMP_V2 record begins.
    pub(super) fn numbered(&mut self, body: &[u8]) {
        let sequence = Octets(body).u32().unwrap_or(0);
        if sequence < self.sequence {
            self.may_begin_again();
        }
        self.sequence = sequence;
    }

    /// The number of a prefix, and whether the dump begins again with it. `peer` is the first whose route of it is named.
    fn count(&mut self, network: &Network, peer: PeerIndex) -> (u64, bool) {
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
        order.latest.set(network);
        order.last_block = order.last_block.max(block(network));
        self.n += 1;
        order.n = self.n;
        (self.n, begins_again)
    }
}

/// The leading 16 bits of a prefix, as far as public unicast addresses go (the IANA registries).
fn block(network: &Network) -> u16 {
    const LAST: [u16; 2] = [0xdfff, 0x3fff];
    let octet = |n: usize| network.octets.get(n).copied().unwrap_or(0);
    u16::from_be_bytes([octet(0), octet(1)]).min(LAST[network.family as usize])
}

impl Order {
    /// Its first prefix comes again, from the same peer; or, where something else tells so, one that sorts before the latest.
    /// Some dumps are not sorted, and old ones hold one peer after the other.
    fn begins_again(&self, network: &Network, peer: PeerIndex) -> bool {
        let family = network.family;
        let is_before = || network.prefix() < self.latest.network(family).prefix();
        self.first.is(network) && self.first_peer == peer && peer != NO_PEER_INDEX
            || self.may_begin_again && is_before()
    }
}

impl Draft<'_> {
    /// The number of a prefix of a dump, whose first route is one of `peer`. Where the dump begins again with it, what it
    /// said before of this family is forgotten.
    pub(super) fn nth(&mut self, network: Network, peer: PeerIndex) -> u64 {
        let (n, begins_again) = self.prefixes.count(&network, peer);
        if begins_again {
            let family = network.family;
            self.leave_all_covers();
            let n_before = self.peers.recount(family);
            let order = &mut self.prefixes.families[family as usize];
            order.n_before = order.n_before.max(n_before);
            self.control.forget_held(family);
            let is_of_family =
                |change: &Change| matches!(change, Change::RibEntry { prefix, .. } if prefix.family() == family);
            self.events.retain(|event| !is_of_family(&event.change));
        }
        n
    }

    /// A dump that begins again and does not come as far is not whole.
    pub(super) fn compare_repeats(&mut self) {
        for family in Family::ALL {
            let (n_before, n) = (self.prefixes.families[family as usize].n_before, self.peers.n_counted(family));
            if (n as f64) < MIN_REPEATED * n_before as f64 {
                let what = format!("a RIB dump that begins again and then holds {n} {family} routes of {n_before}");
                self.count_damage(Damage { record: self.counts.records, offset: 0, what });
            }
        }
    }
}
