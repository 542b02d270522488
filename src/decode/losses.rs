//! Records that cannot be read, or not as a whole: whose they are decides who is in doubt.

use super::envelope::{NO_ADDRESS, as_number, legacy_peer};
use super::events::Draft;
use super::mrt::{BGP, BGP4MP, BGP4MP_ET, HEADER, OTHER_PROTOCOLS, TABLE_DUMP, TABLE_DUMP_V2, has_four_octets};
use super::peers::is_placeholder;
use super::walk::Record;
use super::wire::Octets;
use super::{Change, Lost, PeerIndex};
use crate::bgp::{Family, Peer};
use crate::coverage::Skipped;
use crate::time::Timestamp;

/// So many stretches of a file are told apart; a file with more of them is in doubt as a whole.
const MAX_SKIPPED: usize = 100;

impl Draft<'_> {
    /// A message of `peer` of which nothing can be read.
    pub(super) fn lost(&mut self, record: &Record, at: Timestamp, peer: PeerIndex, what: String) {
        self.damage(record, what);
        self.event(record, at, peer, Change::Lost(Lost::ANYTHING));
    }

    /// A record that does not show whose it is: from here on nothing is certain of any peer, as if its octets belonged to
    /// no record.
    pub(super) fn orphan(&mut self, record: &Record, at: Timestamp) {
        let (offset, bytes) = (record.offset, (HEADER + record.body.len()) as u64);
        self.push_skipped(Skipped { offset, bytes, after: at, before: at });
    }

    /// Adds a stretch, to the one before it if that ends where this one begins.
    pub(super) fn push_skipped(&mut self, skipped: Skipped) {
        let is_full = self.skipped.len() >= MAX_SKIPPED;
        match self.skipped.last_mut() {
            Some(last) if is_full || last.offset + last.bytes == skipped.offset => {
                last.bytes += skipped.bytes;
                last.after = last.after.min(skipped.after);
                last.before = last.before.max(skipped.before);
            }
            _ => self.skipped.push(skipped),
        }
    }

    /// A state change that cannot be read.
    pub(super) fn unread_state(&mut self, record: &Record, at: Timestamp, body: Octets) {
        match state_peer(record, body) {
            Some(peer) if is_placeholder(&peer) => self.counts.ignored += 1,
            peer => {
                self.counts.state_changes += 1;
                let what = "a state change that cannot be read".to_owned();
                match peer {
                    Some(peer) => {
                        let peer = self.peers.index(peer);
                        self.lost(record, at, peer, what);
                    }
                    None => {
                        self.damage(record, what);
                        self.orphan(record, at);
                    }
                }
            }
        }
    }

    /// A state change without a peer. Early Zebra left the addresses of connections out that never were established; a
    /// session that was has some.
    pub(super) fn placeholder_state(&mut self, record: &Record, at: Timestamp, body: Octets) {
        const ESTABLISHED: [u8; 2] = [0, 6];
        let Some((numbers, [o1, o0, n1, n0])) = body.0.split_last_chunk() else { return };
        let lacks_addresses = record.kind != BGP && numbers.len() <= 8;
        if lacks_addresses && ([*o1, *o0] == ESTABLISHED || [*n1, *n0] == ESTABLISHED) {
            self.counts.state_changes += 1;
            self.damage(record, "a state change of an established session without its addresses".to_owned());
            self.orphan(record, at);
        } else {
            self.counts.ignored += 1;
        }
    }

    /// A record of a kind that is not read. Routing protocols of inside a network say nothing of BGP, and what a RIB dump
    /// lacks is judged with the dump; anything else may hold messages, of anyone.
    pub(super) fn unread_kind(&mut self, record: &Record, at: Timestamp) {
        if OTHER_PROTOCOLS.contains(&record.kind) {
            self.counts.ignored += 1;
            return;
        }
        self.counts.unsupported += 1;
        if !matches!(record.kind, TABLE_DUMP | TABLE_DUMP_V2) {
            self.orphan(record, at);
        }
    }
}

/// Whose a state change is, of which the rest cannot be read.
fn state_peer(record: &Record, mut body: Octets) -> Option<Peer> {
    if record.kind == BGP {
        return legacy_peer(&mut body);
    }
    debug_assert!(matches!(record.kind, BGP4MP | BGP4MP_ET));
    let four_octets = has_four_octets(record.subtype);
    let asn = as_number(&mut body, four_octets)?;
    as_number(&mut body, four_octets)?;
    if body.0.len() == 4 {
        return Some(Peer { address: NO_ADDRESS, asn });
    }
    let [_, _, _, family] = body.array()?;
    let family = if family == 2 { Family::V6 } else { Family::V4 };
    Some(Peer { address: body.address(family)?, asn })
}
