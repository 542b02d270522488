//! The fields before a BGP message in its record (RFC 6396, section 4.4): time, peer and encoding; and the header of the
//! message itself (RFC 4271, section 4.1).

use std::net::{IpAddr, Ipv4Addr};

use super::attributes::Encoding;
use super::mrt::{BGP4MP, BGP4MP_ET, MARKER, MESSAGE_HEADER, STATES, UPDATE, bgp4mp, has_four_octets};
use super::wire::Octets;
use crate::bgp::{Asn, Family, Peer};
use crate::time::Timestamp;

/// The address of a peer if none was recorded.
pub(super) const NO_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The time of a record, and the octets after it.
#[inline]
pub(super) fn timed(seconds: u32, kind: u16, body: &[u8]) -> Option<(Timestamp, Octets<'_>)> {
    let mut body = Octets(body);
    let at = Timestamp::from_secs(i64::from(seconds));
    if kind != BGP4MP_ET {
        return Some((at, body));
    }
    // Some daemons wrote nanoseconds here: then only the second is certain.
    let micros = Some(body.u32()?).filter(|micros| *micros < 1_000_000).unwrap_or(0);
    Some((Timestamp::from_micros(at.micros() + i64::from(micros)), body))
}

/// The encoding of a message from a peer in a BGP4MP record (RFC 6396, section 4.4; RFC 8050).
#[inline]
pub(super) fn message_encoding(kind: u16, subtype: u16) -> Option<Encoding> {
    let add_path = match subtype {
        bgp4mp::MESSAGE | bgp4mp::MESSAGE_AS4 => false,
        bgp4mp::MESSAGE_ADDPATH | bgp4mp::MESSAGE_AS4_ADDPATH => true,
        _ => return None,
    };
    matches!(kind, BGP4MP | BGP4MP_ET).then_some(Encoding { four_octets: has_four_octets(subtype), add_path })
}

/// The peer and the message of a BGP4MP record. A family that contradicts the addresses is corrected by where the message
/// begins; early Zebra left out the addresses of an OPEN, so its peer is unknown.
pub(super) fn envelope<'a>(mut body: Octets<'a>, four_octets: bool) -> Option<(Peer, &'a [u8])> {
    let asn = as_number(&mut body, four_octets)?;
    as_number(&mut body, four_octets)?;
    if body.0.starts_with(&MARKER) {
        return Some((Peer { address: NO_ADDRESS, asn }, body.0));
    }
    let [_, _, _, family] = body.array()?;
    let (declared, other) = if family == 2 { (Family::V6, Family::V4) } else { (Family::V4, Family::V6) };
    let addressed = |family: Family| {
        let mut rest = body;
        let (peer_address, _local) = (rest.address(family)?, rest.address(family)?);
        Some((Peer { address: peer_address, asn }, rest.0))
    };
    let found = addressed(declared);
    match found {
        Some((_, message)) if message.starts_with(&MARKER) => found,
        _ => addressed(other).filter(|(_, message)| message.starts_with(&MARKER)).or(found),
    }
}

/// The peer and the new state of a BGP4MP state change. The length decides about the family: early Zebra wrote a wrong one,
/// and records without addresses.
pub(super) fn state_change(mut body: Octets, four_octets: bool) -> Option<(Peer, (u16, u16))> {
    let asn = as_number(&mut body, four_octets)?;
    as_number(&mut body, four_octets)?;
    let peer_address = match body.0.len() {
        4 => NO_ADDRESS,
        n => {
            let [_, _, _, family] = body.array()?;
            let family = if n >= 40 && family == 2 { Family::V6 } else { Family::V4 };
            let (peer_address, _local) = (body.address(family)?, body.address(family)?);
            peer_address
        }
    };
    Some((Peer { address: peer_address, asn }, states(&mut body)?))
}

/// The old and the new state: 1 to 6 of RFC 4271, section 8.2.2, or 7 and 8 of Quagga.
pub(super) fn states(octets: &mut Octets) -> Option<(u16, u16)> {
    let (old, new) = (octets.u16()?, octets.u16()?);
    STATES.contains(&new).then_some((old, new))
}

pub(super) fn as_number(octets: &mut Octets, four_octets: bool) -> Option<Asn> {
    Some(Asn(if four_octets { octets.u32()? } else { u32::from(octets.u16()?) }))
}

pub(super) fn legacy_peer(octets: &mut Octets) -> Option<Peer> {
    let asn = as_number(octets, false)?;
    Some(Peer { address: octets.address(Family::V4)?, asn })
}

/// The content of a message if it is a complete UPDATE.
#[inline]
pub(super) fn whole_update(message: &[u8]) -> Option<&[u8]> {
    let (header, content) = message.split_first_chunk::<MESSAGE_HEADER>()?;
    let [marker @ .., high, low, kind] = header;
    let is_whole =
        *marker == MARKER && *kind == UPDATE && usize::from(u16::from_be_bytes([*high, *low])) == message.len();
    is_whole.then_some(content)
}

/// The type of a message, the declared length of its content, and the octets after its header.
pub(super) fn message_content(message: &[u8]) -> Option<(u8, usize, &[u8])> {
    let mut octets = Octets(message);
    octets.array().filter(|marker| marker == &MARKER)?;
    let length = usize::from(octets.u16()?).checked_sub(MESSAGE_HEADER)?;
    Some((octets.u8()?, length, octets.0))
}

/// The AS number of the collector in a BGP4MP record; None if it is 0 or `AS_TRANS`.
pub(super) fn local_as(mut body: Octets, four_octets: bool) -> Option<Asn> {
    as_number(&mut body, four_octets)?;
    as_number(&mut body, four_octets).filter(|asn| *asn != Asn::TRANS && asn.0 != 0)
}

/// Whether a BGP4MP_SNAPSHOT contains a view and the name of the file with the table, and so no route.
pub(super) fn names_snapshot(mut body: Octets) -> bool {
    let is_printable = |name: &[u8]| name.iter().all(|octet| octet.is_ascii_graphic());
    body.take(2).is_some() && matches!(body.0, [name @ .., 0] if !name.is_empty() && is_printable(name))
}
