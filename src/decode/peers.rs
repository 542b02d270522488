//! Who a file mentions: peers in order of appearance, what they sent and how large their tables are.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::{PeerActivity, PeerIndex};
use crate::bgp::{Family, Peer};
use crate::time::Timestamp;

/// A peer in a form that hashes fast.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    address: [u64; 2],
    asn_and_family: u64,
}

/// The peers of one file.
#[derive(Default)]
pub(super) struct Peers {
    list: Vec<PeerActivity>,
    known: FxHashMap<Key, PeerIndex>,
    /// The peer asked for last: messages come in runs.
    latest: Option<(Key, PeerIndex)>,
    /// By peer, the last prefix counted in its table.
    counted: Vec<u64>,
    /// By peer, whether it is known to have an established session.
    alive: Vec<bool>,
}

impl Peers {
    /// The index of `peer`, new or known.
    pub(super) fn index(&mut self, peer: Peer) -> PeerIndex {
        let key = key(&peer);
        if let Some((latest, index)) = self.latest
            && latest == key
        {
            return index;
        }
        let index = *self.known.entry(key).or_insert_with(|| {
            self.list.push(PeerActivity { peer, first_at: None, last_at: None, table_size: [0; 2] });
            self.counted.push(0);
            self.alive.push(false);
            (self.list.len() - 1) as PeerIndex
        });
        self.latest = Some((key, index));
        index
    }

    /// Whether the peer names nobody.
    pub(super) fn is_nobody(&self, index: PeerIndex) -> bool {
        self.list.get(index as usize).is_none_or(|activity| is_nobody(&activity.peer))
    }

    /// The peer sent a message.
    pub(super) fn heard(&mut self, index: PeerIndex, at: Timestamp) {
        if let Some(activity) = self.list.get_mut(index as usize) {
            activity.first_at = Some(activity.first_at.map_or(at, |first| first.min(at)));
            activity.last_at = Some(activity.last_at.map_or(at, |last| last.max(at)));
        }
    }

    /// Notes whether the session of the peer is established; says whether that is new.
    #[inline]
    pub(super) fn set_alive(&mut self, index: PeerIndex, is_alive: bool) -> bool {
        let known = self.alive.get_mut(index as usize);
        known.is_some_and(|known| std::mem::replace(known, is_alive) != is_alive)
    }

    /// The peer holds the `n`th distinct prefix of the dump, counted from 1; repeats of it count once.
    #[inline]
    pub(super) fn holds(&mut self, index: PeerIndex, family: Family, n: u64) {
        let (Some(counted), Some(activity)) = (self.counted.get_mut(index as usize), self.list.get_mut(index as usize))
        else {
            return;
        };
        if *counted != n {
            *counted = n;
            activity.table_size[family as usize] += 1;
        }
    }

    pub(super) fn into_list(self) -> Vec<PeerActivity> {
        self.list
    }
}

/// Whether a peer stands for no session: the collector's own routes, or a record that lost its addresses.
pub(super) fn is_nobody(peer: &Peer) -> bool {
    peer.asn.0 == 0 || peer.address.is_unspecified()
}

fn key(peer: &Peer) -> Key {
    let (bits, family) = match peer.address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), Family::V4),
        IpAddr::V6(address) => (address.to_bits(), Family::V6),
    };
    Key { address: [(bits >> 64) as u64, bits as u64], asn_and_family: u64::from(peer.asn.0) << 1 | family as u64 }
}
