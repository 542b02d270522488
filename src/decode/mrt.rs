//! The numbers of MRT (RFC 6396, 8050) and of the BGP messages inside it (RFC 4271), and the header of a record.

use crate::bgp::Family;

/// Record types (RFC 6396, section 4; BGP is in its appendix B.2.1).
pub(super) const BGP: u16 = 5;
pub(super) const TABLE_DUMP: u16 = 12;
pub(super) const TABLE_DUMP_V2: u16 = 13;
pub(super) const BGP4MP: u16 = 16;
pub(super) const BGP4MP_ET: u16 = 17;

/// Record types of other routing protocols: RIP, IDRP, RIPNG, OSPFv2, IS-IS, IS-IS_ET, OSPFv3, OSPFv3_ET (RFC 6396,
/// section 4 and appendix B.1).
pub(super) const OTHER_PROTOCOLS: [u16; 8] = [6, 7, 8, 11, 32, 33, 48, 49];

/// Subtypes of [`BGP`] (RFC 6396, appendix B.2.1).
pub(super) mod bgp {
    pub(in crate::decode) const UPDATE: u16 = 1;
    pub(in crate::decode) const STATE_CHANGE: u16 = 3;
    pub(in crate::decode) const OPEN: u16 = 5;
    pub(in crate::decode) const NOTIFY: u16 = 6;
    pub(in crate::decode) const KEEPALIVE: u16 = 7;
}

/// Subtypes of [`TABLE_DUMP`] (RFC 6396, section 4.2).
pub(super) mod table_dump {
    pub(in crate::decode) const IPV4: u16 = 1;
    pub(in crate::decode) const IPV6: u16 = 2;
}

/// Subtypes of [`TABLE_DUMP_V2`] (RFC 6396, section 4.3; RFC 6397; RFC 8050).
pub(super) mod table_dump_v2 {
    pub(in crate::decode) const PEER_INDEX_TABLE: u16 = 1;
    pub(in crate::decode) const RIB_IPV4_UNICAST: u16 = 2;
    pub(in crate::decode) const RIB_IPV4_MULTICAST: u16 = 3;
    pub(in crate::decode) const RIB_IPV6_UNICAST: u16 = 4;
    pub(in crate::decode) const RIB_IPV6_MULTICAST: u16 = 5;
    pub(in crate::decode) const RIB_GENERIC: u16 = 6;
    pub(in crate::decode) const GEO_PEER_TABLE: u16 = 7;
    pub(in crate::decode) const RIB_IPV4_UNICAST_ADDPATH: u16 = 8;
    pub(in crate::decode) const RIB_IPV4_MULTICAST_ADDPATH: u16 = 9;
    pub(in crate::decode) const RIB_IPV6_UNICAST_ADDPATH: u16 = 10;
    pub(in crate::decode) const RIB_IPV6_MULTICAST_ADDPATH: u16 = 11;
    pub(in crate::decode) const RIB_GENERIC_ADDPATH: u16 = 12;
}

/// Subtypes of [`BGP4MP`] and [`BGP4MP_ET`] (RFC 6396, section 4.4; RFC 8050). No standard is left of ENTRY and SNAPSHOT
/// (draft-ietf-grow-mrt-00).
pub(super) mod bgp4mp {
    pub(in crate::decode) const STATE_CHANGE: u16 = 0;
    pub(in crate::decode) const MESSAGE: u16 = 1;
    pub(in crate::decode) const ENTRY: u16 = 2;
    pub(in crate::decode) const SNAPSHOT: u16 = 3;
    pub(in crate::decode) const MESSAGE_AS4: u16 = 4;
    pub(in crate::decode) const STATE_CHANGE_AS4: u16 = 5;
    pub(in crate::decode) const MESSAGE_LOCAL: u16 = 6;
    pub(in crate::decode) const MESSAGE_AS4_LOCAL: u16 = 7;
    pub(in crate::decode) const MESSAGE_ADDPATH: u16 = 8;
    pub(in crate::decode) const MESSAGE_AS4_ADDPATH: u16 = 9;
    pub(in crate::decode) const MESSAGE_LOCAL_ADDPATH: u16 = 10;
    pub(in crate::decode) const MESSAGE_AS4_LOCAL_ADDPATH: u16 = 11;
}

/// Types of BGP messages (RFC 4271, section 4.1; RFC 2918; 128 is the ROUTE-REFRESH of Cisco that preceded it).
pub(super) const OPEN: u8 = 1;
pub(super) const UPDATE: u8 = 2;
pub(super) const NOTIFICATION: u8 = 3;
pub(super) const KEEPALIVE: u8 = 4;
pub(super) const ROUTE_REFRESH: u8 = 5;
pub(super) const ROUTE_REFRESH_CISCO: u8 = 128;

/// The first field of every BGP message (RFC 4271, section 4.1).
pub(super) const MARKER: [u8; 16] = [0xff; 16];

/// Octets of marker, length and type (RFC 4271, section 4.1).
pub(super) const MESSAGE_HEADER: usize = 19;

/// Session states in state change records: 1 to 6 of RFC 4271, section 8.2.2, and 7 and 8 of Quagga.
pub(super) const STATES: std::ops::RangeInclusive<u16> = 1..=8;
pub(super) const ESTABLISHED: u16 = 6;

/// Octets of the header of a record (RFC 6396, section 2).
pub(super) const HEADER: usize = 12;

/// The header of a record: time in seconds, type, subtype, and octets of the body. None if fewer than twelve octets are
/// left.
#[inline]
pub(super) fn header(available: &[u8]) -> Option<(u32, u16, u16, usize)> {
    let [s0, s1, s2, s3, k0, k1, t0, t1, l0, l1, l2, l3] = *available.first_chunk::<HEADER>()?;
    let (seconds, length) = (u32::from_be_bytes([s0, s1, s2, s3]), u32::from_be_bytes([l0, l1, l2, l3]));
    Some((seconds, u16::from_be_bytes([k0, k1]), u16::from_be_bytes([t0, t1]), length as usize))
}

/// Whether a record type is registered (the IANA registry "MRT", without NULL).
#[inline]
pub(super) fn is_registered(kind: u16) -> bool {
    matches!(kind, 1..=13 | 16 | 17 | 32 | 33 | 48 | 49)
}

/// Whether records of this type and subtype belong in archives of BGP routes.
pub(super) fn is_of_bgp(kind: u16, subtype: u16) -> bool {
    matches!(
        (kind, subtype),
        (BGP, 0..=7) | (TABLE_DUMP, 1..=4) | (TABLE_DUMP_V2, 1..=12) | (BGP4MP | BGP4MP_ET, 0..=11)
    )
}

/// Whether a BGP4MP record writes AS numbers in four octets.
#[inline]
pub(super) fn has_four_octets(subtype: u16) -> bool {
    use bgp4mp::*;
    matches!(
        subtype,
        MESSAGE_AS4 | STATE_CHANGE_AS4 | MESSAGE_AS4_LOCAL | MESSAGE_AS4_ADDPATH | MESSAGE_AS4_LOCAL_ADDPATH
    )
}

/// The family of a TABLE_DUMP_V2 record of unicast routes, and whether these have path identifiers (RFC 6396, section
/// 4.3.2; RFC 8050). None for other records.
pub(super) fn unicast_table(subtype: u16) -> Option<(Family, bool)> {
    match subtype {
        table_dump_v2::RIB_IPV4_UNICAST => Some((Family::V4, false)),
        table_dump_v2::RIB_IPV6_UNICAST => Some((Family::V6, false)),
        table_dump_v2::RIB_IPV4_UNICAST_ADDPATH => Some((Family::V4, true)),
        table_dump_v2::RIB_IPV6_UNICAST_ADDPATH => Some((Family::V6, true)),
        _ => None,
    }
}
