//! Peers whose AS number is `AS_TRANS`: a record of two-octet numbers cannot name them, and their routes can.
//!
//! TABLE_DUMP and the BGP4MP messages of its time have no room for the number of a peer above 65535 (RFC 6793). A peer puts
//! its own number first into the path of what it announces, and AS4_PATH keeps it.

use rustc_hash::FxHashMap;

use super::PeerIndex;
use super::attributes::{AS4_PATH, value_of};
use super::peers::Peers;
use crate::bgp::{AsPath, Asn};

/// How often the routes of such peers begin with which number.
#[derive(Default)]
pub(super) struct Numbers(FxHashMap<PeerIndex, FxHashMap<Asn, u64>>);

impl Numbers {
    /// Counts a route of a peer that lacks its number.
    pub(super) fn count(&mut self, peer: PeerIndex, path: &AsPath, attributes: &[u8], four_octets: bool) {
        let Some(first) = path.first() else { return };
        // A session that lost the number in the path too tells nothing.
        if first != Asn::TRANS || four_octets || value_of(AS4_PATH, attributes).is_some() {
            *self.0.entry(peer).or_default().entry(first).or_default() += 1;
        }
    }

    /// Gives each peer the number with which most of its routes begin. Those of a route server begin with many.
    pub(super) fn name(&self, peers: &mut Peers) {
        for (peer, counts) in &self.0 {
            let n: u64 = counts.values().sum();
            if let Some((number, _)) = counts.iter().find(|(number, count)| **count * 2 > n && **number != Asn::TRANS) {
                peers.set_number(*peer, *number);
            }
        }
    }
}
