//! The peers of a file in order of appearance, what they sent and how large their tables are.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::PeerIndex;
use crate::bgp::{Asn, Family, Peer};
use crate::time::Timestamp;

/// A peer that a file names, and how much it sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerActivity {
    /// Its address and AS number.
    pub peer: Peer,
    /// The earliest record that the peer sent (BGP messages, not state changes); None if it sent none.
    pub first_at: Option<Timestamp>,
    /// The latest one.
    pub last_at: Option<Timestamp>,
    /// Distinct prefixes that the peer holds in this RIB dump, IPv4 then IPv6; zero in update files.
    pub table_size: [u64; 2],
    /// Minutes since the Unix epoch in which the peer sent any message, in order of the file.
    pub minutes: Vec<u32>,
    /// Whether a record shows that the session is inside one AS (iBGP): the collector has the AS number of the peer.
    pub is_internal: bool,
}

/// The index of rows that are not vantage points: the collector itself, or a row that cannot be read.
pub(super) const NO_PEER_INDEX: PeerIndex = PeerIndex::MAX;

/// A peer in a form that hashes fast.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    address: [u64; 2],
    asn_and_family: u64,
}

/// The peers of one file.
pub(super) struct FilePeers {
    list: Vec<Peer>,
    sessions: Vec<SessionActivity>,
    known: FxHashMap<Key, PeerIndex>,
    /// Peers looked up lately, each in the place of its key.
    recent: [Option<(Key, PeerIndex)>; N_RECENT],
    /// Envelopes seen lately, each in its place.
    envelopes: Box<[Seen; N_RECENT]>,
    tables: Vec<TableCount>,
    /// The minutes since the Unix epoch in which each sent a message.
    minutes: Vec<Vec<u32>>,
}

/// What a peer sent: the times of its first and last message, in microseconds, and whether its session is known to be
/// established.
#[derive(Clone, Copy)]
struct SessionActivity {
    first_at: i64,
    last_at: i64,
    /// When the minute of the last message began.
    minute_at: i64,
    is_alive: bool,
    is_internal: bool,
}

impl SessionActivity {
    const SILENT: SessionActivity = SessionActivity {
        first_at: i64::MAX,
        last_at: i64::MIN,
        minute_at: i64::MAX,
        is_alive: false,
        is_internal: false,
    };
}

/// Microseconds.
const MINUTE: u64 = 60_000_000;

/// Places for peers: several times more than most collectors have peers, so that few share one.
const N_RECENT: usize = 256;

/// Octets of the longest envelope: two AS numbers, interface, family, two addresses. An envelope is what comes before a BGP
/// message in its record (RFC 6396, section 4.4.2): the same octets name the same peer.
const MAX_ENVELOPE: usize = 4 + 4 + 2 + 2 + 16 + 16;

/// An envelope that was seen.
#[derive(Clone, Copy)]
struct Seen {
    octets: [u8; MAX_ENVELOPE],
    length: u8,
    peer: PeerIndex,
}

/// The table of a peer as far as it was counted: by family its last prefix, and the size.
#[derive(Clone, Copy, Default)]
struct TableCount {
    last: [u64; 2],
    sizes: [u64; 2],
}

impl Default for FilePeers {
    fn default() -> FilePeers {
        FilePeers {
            list: Vec::new(),
            sessions: Vec::new(),
            known: FxHashMap::default(),
            recent: [None; N_RECENT],
            envelopes: Box::new([Seen { octets: [0; MAX_ENVELOPE], length: 0, peer: 0 }; N_RECENT]),
            tables: Vec::new(),
            minutes: Vec::new(),
        }
    }
}

impl FilePeers {
    /// The index of `peer`, new or known. Hot: once per message.
    #[inline]
    pub(super) fn index(&mut self, peer: Peer) -> PeerIndex {
        // Some collectors write IPv4 addresses as IPv4-mapped IPv6 ones (RFC 4291, section 2.5.5.2).
        let peer = Peer { address: peer.address.to_canonical(), asn: peer.asn };
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
            self.sessions.push(SessionActivity::SILENT);
            self.tables.push(TableCount::default());
            self.minutes.push(Vec::new());
            (self.list.len() - 1) as PeerIndex
        });
        self.recent[key.place()] = Some((key, index));
        index
    }

    /// The peer in the envelope of a record, if it was noted lately, and the message. Hot: once per message.
    #[inline]
    pub(super) fn by_envelope<'a>(&self, body: &'a [u8], four_octets: bool) -> Option<(PeerIndex, &'a [u8])> {
        match (four_octets, body) {
            (true, [_, _, _, _, _, _, _, _, _, _, 0, 1, ..]) => self.by_envelope_of::<20>(body),
            (true, [_, _, _, _, _, _, _, _, _, _, 0, 2, ..]) => self.by_envelope_of::<44>(body),
            (false, [_, _, _, _, _, _, 0, 1, ..]) => self.by_envelope_of::<16>(body),
            (false, [_, _, _, _, _, _, 0, 2, ..]) => self.by_envelope_of::<40>(body),
            _ => None,
        }
    }

    #[inline]
    fn by_envelope_of<'a, const N: usize>(&self, body: &'a [u8]) -> Option<(PeerIndex, &'a [u8])> {
        let (octets, message) = body.split_first_chunk::<N>()?;
        let seen = &self.envelopes[place(octets)];
        let is_same = usize::from(seen.length) == N && seen.octets.first_chunk::<N>() == Some(octets);
        is_same.then_some((seen.peer, message))
    }

    /// Notes the peer of an envelope, the octets before `message` in the body of a record. A peer without its number is not
    /// noted, because every one of its messages may contain the number.
    pub(super) fn note_envelope(&mut self, body: &[u8], message: &[u8], peer: PeerIndex) {
        if self.lacks_number(peer) {
            return;
        }
        let n = body.len() - message.len();
        let mut seen = Seen { octets: [0; MAX_ENVELOPE], length: n as u8, peer };
        seen.octets.iter_mut().zip(body.iter().take(n)).for_each(|(to, from)| *to = *from);
        let place = match n {
            20 => body.first_chunk::<20>().map(place),
            44 => body.first_chunk::<44>().map(place),
            16 => body.first_chunk::<16>().map(place),
            40 => body.first_chunk::<40>().map(place),
            _ => None,
        };
        if let Some(place) = place {
            self.envelopes[place] = seen;
        }
    }

    /// The index of `peer` in a RIB dump, or [`NO_PEER_INDEX`] for a row that is not a peer.
    pub(super) fn index_or_placeholder(&mut self, peer: Peer) -> PeerIndex {
        if is_placeholder(&peer) { NO_PEER_INDEX } else { self.index(peer) }
    }

    /// Whether the peer has a number of four octets that was lost.
    pub(super) fn lacks_number(&self, index: PeerIndex) -> bool {
        self.list.get(index as usize).is_some_and(|peer| peer.asn == Asn::TRANS)
    }

    /// The number that was lost.
    pub(super) fn set_number(&mut self, index: PeerIndex, asn: Asn) {
        if let Some(peer) = self.list.get_mut(index as usize) {
            peer.asn = asn;
        }
    }

    /// Notes that the session of the peer is inside one AS.
    pub(super) fn set_internal(&mut self, index: PeerIndex) {
        if let Some(session) = self.sessions.get_mut(index as usize) {
            session.is_internal = true;
        }
    }

    /// The peer sent a message.
    #[inline]
    pub(super) fn heard(&mut self, index: PeerIndex, at: Timestamp) {
        if let Some(session) = self.sessions.get_mut(index as usize) {
            if at.micros().wrapping_sub(session.minute_at) as u64 >= MINUTE {
                let minute = at.secs().div_euclid(60);
                session.minute_at = minute * MINUTE as i64;
                let minutes = self.minutes.get_mut(index as usize);
                minutes.into_iter().for_each(|minutes| minutes.push(u32::try_from(minute).unwrap_or(0)));
            }
            session.first_at = session.first_at.min(at.micros());
            session.last_at = session.last_at.max(at.micros());
        }
    }

    /// Whether the session of the peer is known to be established.
    #[inline]
    pub(super) fn is_alive(&self, index: PeerIndex) -> bool {
        self.sessions.get(index as usize).is_some_and(|session| session.is_alive)
    }

    /// Notes whether the session of the peer is established; returns whether that is new.
    pub(super) fn set_alive(&mut self, index: PeerIndex, is_alive: bool) -> bool {
        let session = self.sessions.get_mut(index as usize);
        session.is_some_and(|session| std::mem::replace(&mut session.is_alive, is_alive) != is_alive)
    }

    /// The peer holds the `n`th distinct prefix of the dump, counted from 1; repeats of it count once.
    #[inline]
    pub(super) fn holds(&mut self, index: PeerIndex, family: Family, n: u64) {
        if let Some(table) = self.tables.get_mut(index as usize)
            && table.last[family as usize] != n
        {
            table.last[family as usize] = n;
            table.sizes[family as usize] += 1;
        }
    }

    /// Whether routes of the peer were counted.
    pub(super) fn holds_any(&self, index: PeerIndex) -> bool {
        self.tables.get(index as usize).is_some_and(|table| table.sizes != [0; 2])
    }

    /// Starts to count the tables of a family again; returns how many routes were counted so far.
    pub(super) fn recount(&mut self, family: Family) -> u64 {
        self.tables.iter_mut().map(|table| std::mem::take(&mut table.sizes[family as usize])).sum()
    }

    /// How many routes of a family were counted.
    pub(super) fn n_counted(&self, family: Family) -> u64 {
        self.tables.iter().map(|table| table.sizes[family as usize]).sum()
    }

    /// How many peers the file named so far.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn into_list(self) -> Vec<PeerActivity> {
        let peers = self.list.into_iter().zip(self.sessions).zip(self.tables).zip(self.minutes);
        let activity = |(((peer, session), table), minutes): (((Peer, SessionActivity), TableCount), Vec<u32>)| {
            let at = |micros| (session.first_at <= session.last_at).then(|| Timestamp::from_micros(micros));
            let (first_at, last_at) = (at(session.first_at), at(session.last_at));
            let (table_size, is_internal) = (table.sizes, session.is_internal);
            PeerActivity { peer, first_at, last_at, table_size, minutes, is_internal }
        };
        peers.map(activity).collect()
    }
}

/// The place of an envelope of `N` octets: by its first AS number and the last octets of the first address.
#[inline]
fn place<const N: usize>(envelope: &[u8; N]) -> usize {
    let (asns, address) = match N {
        20 | 44 => (8, (N - 12) / 2),
        _ => (4, (N - 8) / 2),
    };
    let word =
        |at: usize| envelope.get(at..).and_then(|octets| octets.first_chunk()).map_or(0, |w| u32::from_be_bytes(*w));
    let mixed = word(asns + address) ^ word(0).rotate_left(16);
    (mixed.wrapping_mul(0x9e37_79b1) >> 16) as usize % N_RECENT
}

impl Key {
    #[inline]
    fn place(&self) -> usize {
        let mixed = (self.address[0] ^ self.address[1] ^ self.asn_and_family).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize % N_RECENT
    }
}

/// Whether a peer stands for no session: the routes of the collector itself, or a record without addresses.
pub(super) fn is_placeholder(peer: &Peer) -> bool {
    peer.asn.0 == 0 || peer.address.to_canonical().is_unspecified()
}

#[inline]
fn key(peer: &Peer) -> Key {
    let (bits, family) = match peer.address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), Family::V4),
        IpAddr::V6(address) => (address.to_bits(), Family::V6),
    };
    Key { address: [(bits >> 64) as u64, bits as u64], asn_and_family: u64::from(peer.asn.0) << 1 | family as u64 }
}
