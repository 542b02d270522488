//! The peers of one collector, and which names belong to the same one.

use rustc_hash::FxHashMap;

use super::index::{PeerId, PerPeer};
use crate::bgp::{Asn, Peer};

/// The peers of one collector, in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Peers {
    known: PerPeer<KnownPeer>,
    ids: FxHashMap<Peer, PeerId>,
}

#[derive(Clone, Debug)]
struct KnownPeer {
    peer: Peer,
    /// The name that RIB dumps give the peer, where it is another one.
    dumped_as: Option<Peer>,
    /// Whether another peer has the same address.
    has_twin: bool,
    /// Whether the session is inside the AS of the collector (iBGP).
    is_internal: bool,
}

impl Peers {
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = PeerId> + use<> {
        self.known.ids()
    }

    pub(super) fn name(&self, peer: PeerId) -> &Peer {
        &self.known[peer].peer
    }

    pub(super) fn asn(&self, peer: PeerId) -> Asn {
        self.known[peer].peer.asn
    }

    pub(super) fn dumped_as(&self, peer: PeerId) -> Option<&Peer> {
        self.known[peer].dumped_as.as_ref()
    }

    pub(super) fn is_internal(&self, peer: PeerId) -> bool {
        self.known[peer].is_internal
    }

    pub(super) fn note_internal(&mut self, peer: PeerId, is_internal: bool) {
        self.known[peer].is_internal |= is_internal;
    }

    /// Whether another peer has the same address. Hot: once per route event.
    #[inline]
    pub(super) fn has_twin(&self, peer: PeerId) -> bool {
        self.known[peer].has_twin
    }

    /// The other peers at the same address.
    pub(super) fn twins(&self, peer: PeerId) -> impl Iterator<Item = PeerId> {
        let address = self.known[peer].peer.address;
        let is_twin = move |(other, known): &(PeerId, &KnownPeer)| *other != peer && known.peer.address == address;
        self.known.iter().filter(is_twin).map(|(other, _)| other)
    }

    /// The identifier of a peer, new or known.
    pub(super) fn id(&mut self, peer: Peer) -> PeerId {
        if let Some(id) = self.ids.get(&peer).copied().or_else(|| self.renamed(&peer)) {
            return id;
        }
        let id = PeerId::new(self.known.len());
        self.known.push(KnownPeer { peer, dumped_as: None, has_twin: false, is_internal: false });
        let twins: Vec<PeerId> = self.twins(id).collect();
        self.known[id].has_twin = !twins.is_empty();
        twins.into_iter().for_each(|twin| self.known[twin].has_twin = true);
        self.ids.insert(peer, id);
        id
    }

    /// The known peer that this one is under another name. TABLE_DUMP and two-octet sessions write AS_TRANS in place of a
    /// four-octet AS number (RFC 6793): if the address has exactly one other number, the peer is the same.
    fn renamed(&mut self, peer: &Peer) -> Option<PeerId> {
        let is_here = |(_, other): &(PeerId, &KnownPeer)| other.peer.address == peer.address;
        let others: Vec<PeerId> = self.known.iter().filter(is_here).map(|(other, _)| other).collect();
        let [only] = others[..] else { return None };
        let known = &mut self.known[only];
        match (peer.asn == Asn::TRANS, known.peer.asn == Asn::TRANS) {
            (true, false) => known.dumped_as = Some(*peer),
            (false, true) => known.dumped_as = Some(std::mem::replace(&mut known.peer, *peer)),
            _ => return None,
        }
        self.ids.insert(*peer, only);
        Some(only)
    }
}
