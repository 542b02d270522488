//! Records that cannot be read completely: if they name a peer, only that peer becomes uncertain.

use super::envelope::{NO_ADDRESS, as_number, legacy_peer};
use super::mrt::{BGP, BGP4MP, BGP4MP_ET, OTHER_PROTOCOLS, TABLE_DUMP, TABLE_DUMP_V2, has_four_octets};
use super::peers::is_placeholder;
use super::reading_builder::ReadingBuilder;
use super::walk::Record;
use super::wire::Octets;
use crate::bgp::{Family, Peer};
use crate::time::Timestamp;

/// A state change that cannot be read.
pub(super) fn unread_state(reading: &mut ReadingBuilder, record: &Record, at: Timestamp, body: Octets) {
    match state_peer(record, body) {
        Some(peer) if is_placeholder(&peer) => reading.counts.ignored += 1,
        peer => {
            reading.counts.state_changes += 1;
            let what = "a state change that cannot be read".to_owned();
            match peer {
                Some(peer) => {
                    let peer = reading.peers.index(peer);
                    reading.lost(record, at, peer, what);
                }
                None => {
                    reading.damage(record, what);
                    reading.orphan(record, at);
                }
            }
        }
    }
}

/// A state change without a peer. Early Zebra left out the addresses of connections that were never established;
/// an established session has addresses.
pub(super) fn placeholder_state(reading: &mut ReadingBuilder, record: &Record, at: Timestamp, body: Octets) {
    const ESTABLISHED: [u8; 2] = [0, 6];
    let Some((numbers, [o1, o0, n1, n0])) = body.0.split_last_chunk() else { return };
    let lacks_addresses = record.kind != BGP && numbers.len() <= 8;
    if lacks_addresses && ([*o1, *o0] == ESTABLISHED || [*n1, *n0] == ESTABLISHED) {
        reading.counts.state_changes += 1;
        reading.damage(record, "a state change of an established session without its addresses".to_owned());
        reading.orphan(record, at);
    } else {
        reading.counts.ignored += 1;
    }
}

/// A record of a kind that this version does not read. Records of other routing protocols contain no BGP routes, and a RIB
/// dump with unread records is rejected as a whole; any other record may contain messages of any peer.
pub(super) fn unread_kind(reading: &mut ReadingBuilder, record: &Record, at: Timestamp) {
    if OTHER_PROTOCOLS.contains(&record.kind) {
        reading.counts.ignored += 1;
        return;
    }
    reading.counts.unsupported += 1;
    if !matches!(record.kind, TABLE_DUMP | TABLE_DUMP_V2) {
        reading.orphan(record, at);
    }
}

/// The peer of a state change whose other fields cannot be read.
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
