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
pub(super) struct Peers {
    list: Vec<Peer>,
    sessions: Vec<Session>,
    known: FxHashMap<Key, PeerIndex>,
    /// Peers asked for lately, each in the place of its key.
    recent: [Option<(Key, PeerIndex)>; N_RECENT],
    /// Envelopes seen lately, each in its place.
    envelopes: Box<[Seen; N_RECENT]>,
    tables: Vec<Table>,
}

/// What a peer sent: the times of its first and last message, in microseconds, and whether its session is known to be
/// established.
#[derive(Clone, Copy)]
struct Session {
    first_at: i64,
    last_at: i64,
    is_alive: bool,
}

impl Session {
    const SILENT: Session = Session { first_at: i64::MAX, last_at: i64::MIN, is_alive: false };
}

/// Places for peers: some times more than most collectors have, so that few share one.
const N_RECENT: usize = 256;

/// What comes before a BGP message in its record (RFC 6396, section 4.4.2), as it stands there: the same octets name the
/// same peer.
#[derive(Clone, Copy)]
pub(super) struct Envelope<'a> {
    octets: &'a [u8],
    place: usize,
}

/// Octets of the longest envelope: two AS numbers, interface, family, two addresses.
const MAX_ENVELOPE: usize = 4 + 4 + 2 + 2 + 16 + 16;

/// An envelope that was seen.
#[derive(Clone, Copy)]
struct Seen {
    octets: [u8; MAX_ENVELOPE],
    length: usize,
    peer: PeerIndex,
}

/// The table of a peer as far as it was counted: its last prefix, and the sizes.
#[derive(Clone, Copy, Default)]
struct Table {
    last: u64,
    sizes: [u64; 2],
}

impl Default for Peers {
    fn default() -> Peers {
        Peers {
            list: Vec::new(),
            sessions: Vec::new(),
            known: FxHashMap::default(),
            recent: [None; N_RECENT],
            envelopes: Box::new([Seen { octets: [0; MAX_ENVELOPE], length: 0, peer: 0 }; N_RECENT]),
            tables: Vec::new(),
        }
    }
}

impl Peers {
    /// The index of `peer`, new or known. Hot: once per message.
    #[inline]
    pub(super) fn index(&mut self, peer: Peer) -> PeerIndex {
        let key = key(&peer);
        match self.recent[key.place()] {
            Some((recent, index)) if recent == key => index,
            _ => self.look_up(peer, key),
        }
    }

    #[cold]
    fn look_up(&mut self, peer: Peer, key: Key) -> PeerIndex {
        let index = *self.known.entry(key).or_insert_with(|| {
            self.list.push(peer);
            self.sessions.push(Session::SILENT);
            self.tables.push(Table::default());
            (self.list.len() - 1) as PeerIndex
        });
        self.recent[key.place()] = Some((key, index));
        index
    }

    /// The peer that an envelope names, if it was noted lately. Hot: once per message.
    #[inline]
    pub(super) fn by_envelope(&self, envelope: Envelope) -> Option<PeerIndex> {
        let seen = &self.envelopes[envelope.place];
        (seen.octets.get(..seen.length)? == envelope.octets).then_some(seen.peer)
    }

    /// Notes who an envelope names.
    pub(super) fn note_envelope(&mut self, envelope: Envelope, peer: PeerIndex) {
        let mut seen = Seen { octets: [0; MAX_ENVELOPE], length: envelope.octets.len(), peer };
        seen.octets.iter_mut().zip(envelope.octets).for_each(|(to, from)| *to = *from);
        self.envelopes[envelope.place] = seen;
    }

    /// Whether the peer names nobody.
    pub(super) fn is_nobody(&self, index: PeerIndex) -> bool {
        self.list.get(index as usize).is_none_or(is_nobody)
    }

    /// The peer sent a message.
    #[inline]
    pub(super) fn heard(&mut self, index: PeerIndex, at: Timestamp) {
        if let Some(session) = self.sessions.get_mut(index as usize) {
            session.first_at = session.first_at.min(at.micros());
            session.last_at = session.last_at.max(at.micros());
        }
    }

    /// Notes whether the session of the peer is established; says whether that is new.
    #[inline]
    pub(super) fn set_alive(&mut self, index: PeerIndex, is_alive: bool) -> bool {
        let session = self.sessions.get_mut(index as usize);
        session.is_some_and(|session| std::mem::replace(&mut session.is_alive, is_alive) != is_alive)
    }

    /// The peer holds the `n`th distinct prefix of the dump, counted from 1; repeats of it count once.
    #[inline]
    pub(super) fn holds(&mut self, index: PeerIndex, family: Family, n: u64) {
        if let Some(table) = self.tables.get_mut(index as usize)
            && table.last != n
        {
            table.last = n;
            table.sizes[family as usize] += 1;
        }
    }

    pub(super) fn into_list(self) -> Vec<PeerActivity> {
        let peers = self.list.into_iter().zip(self.sessions).zip(self.tables);
        let activity = |((peer, session), table): ((Peer, Session), Table)| {
            let at = |micros| (session.first_at <= session.last_at).then(|| Timestamp::from_micros(micros));
            let (first_at, last_at) = (at(session.first_at), at(session.last_at));
            PeerActivity { peer, first_at, last_at, table_size: table.sizes }
        };
        peers.map(activity).collect()
    }
}

impl<'a> Envelope<'a> {
    /// The envelope of a record, and the message; nothing where the family is not what it should be or what follows the
    /// addresses is no message.
    #[inline]
    pub(super) fn of(body: &'a [u8], four_octets: bool, marker: &[u8; 16]) -> Option<(Envelope<'a>, &'a [u8])> {
        let asns = if four_octets { 8 } else { 4 };
        let address = match body.get(asns + 2..asns + 4)? {
            [0, 1] => 4,
            [0, 2] => 16,
            _ => return None,
        };
        let (octets, message) = body.split_at_checked(asns + 4 + 2 * address)?;
        let of_peer = octets.get(asns + address..asns + 4 + address)?.first_chunk()?;
        let mixed = u32::from_be_bytes(*of_peer) ^ u32::from_be_bytes(*octets.first_chunk()?).rotate_left(16);
        let place = (mixed.wrapping_mul(0x9e37_79b1) >> 16) as usize % N_RECENT;
        message.starts_with(marker).then_some((Envelope { octets, place }, message))
    }
}

impl Key {
    #[inline]
    fn place(&self) -> usize {
        let mixed = (self.address[0] ^ self.address[1] ^ self.asn_and_family).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize % N_RECENT
    }
}

/// Whether a peer stands for no session: the collector's own routes, or a record that lost its addresses.
pub(super) fn is_nobody(peer: &Peer) -> bool {
    peer.asn.0 == 0 || peer.address.is_unspecified()
}

#[inline]
fn key(peer: &Peer) -> Key {
    let (bits, family) = match peer.address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), Family::V4),
        IpAddr::V6(address) => (address.to_bits(), Family::V6),
    };
    Key { address: [(bits >> 64) as u64, bits as u64], asn_and_family: u64::from(peer.asn.0) << 1 | family as u64 }
}
