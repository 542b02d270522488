//! The AS numbers of peers recorded as `AS_TRANS`: records of two-octet numbers cannot contain them, but their routes do.
//!
//! TABLE_DUMP and the BGP4MP messages of its time have no room for the number of a peer above 65535 (RFC 6793). A peer puts
//! its own number first into the path of what it announces, and AS4_PATH keeps it.

use rustc_hash::FxHashMap;

use super::PeerIndex;
use super::attributes::{AS4_PATH, value_of};
use super::peers::FilePeers;
use crate::bgp::{AsPath, Asn};

/// How many routes of such a peer begin with each AS number.
#[derive(Default)]
pub(super) struct Numbers(FxHashMap<PeerIndex, FxHashMap<Asn, u64>>);

impl Numbers {
    /// Counts a route of a peer that lacks its number.
    pub(super) fn count(&mut self, peer: PeerIndex, path: &AsPath, attributes: &[u8], four_octets: bool) {
        let Some(first) = path.first() else { return };
        // If the path lost the number too, it cannot be recovered.
        if first != Asn::TRANS || four_octets || value_of(AS4_PATH, attributes).is_some() {
            *self.0.entry(peer).or_default().entry(first).or_default() += 1;
        }
    }

    /// Gives each peer the number at the beginning of most of its routes. The routes of a route server begin with many
    /// numbers, so it gets none.
    pub(super) fn name(&self, peers: &mut FilePeers) {
        for (peer, counts) in &self.0 {
            let n: u64 = counts.values().sum();
            if let Some((number, _)) = counts.iter().find(|(number, count)| **count * 2 > n && **number != Asn::TRANS) {
                peers.set_number(*peer, *number);
            }
        }
    }
}
