//! The grammar of UPDATE messages (RFC 4271, section 4.3): path attributes, their codes, and lists of prefixes (NLRI).

use super::wire::Octets;
use crate::bgp::{Asn, Family, Prefix};

/// Attribute codes (RFC 4271, 4760, 6793).
pub(super) const AS_PATH: u8 = 2;
pub(super) const MP_REACH: u8 = 14;
pub(super) const MP_UNREACH: u8 = 15;
pub(super) const AS4_PATH: u8 = 17;

/// The flag of an attribute whose length takes two octets.
pub(super) const EXTENDED_LENGTH: u8 = 0x10;

/// How a session writes AS numbers and prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    /// AS numbers of four octets (RFC 6793) in AS_PATH.
    pub(super) four_octets: bool,
    /// A path identifier before each prefix (RFC 7911).
    pub(super) add_path: bool,
}

/// A prefix as its record writes it. Comparing and testing it does not need a [`Prefix`].
#[derive(Clone, Copy)]
pub(super) struct Network<'a> {
    pub(super) family: Family,
    pub(super) length: u8,
    pub(super) octets: &'a [u8],
}

impl Network<'_> {
    pub(super) fn prefix(&self) -> Option<Prefix> {
        Prefix::from_nlri(self.family, self.length, self.octets)
    }
}

/// The next attribute: its code and value. `Some(None)` after the last one, None if it is longer than the attributes.
#[inline]
pub(super) fn attribute<'a>(attributes: &mut Octets<'a>) -> Option<Option<(u8, &'a [u8])>> {
    let [flags, code, length, rest @ ..] = attributes.0 else {
        return if attributes.is_empty() { Some(None) } else { None };
    };
    let (mut length, mut rest) = (usize::from(*length), rest);
    if flags & EXTENDED_LENGTH != 0 {
        let (low, after) = rest.split_first()?;
        (length, rest) = (length << 8 | usize::from(*low), after);
    }
    let (value, rest) = rest.split_at_checked(length)?;
    attributes.0 = rest;
    Some(Some((*code, value)))
}

/// The value of the first attribute with this code.
pub(super) fn value_of(code: u8, attributes: &[u8]) -> Option<&[u8]> {
    let mut octets = Octets(attributes);
    while let Some((found, value)) = attribute(&mut octets)? {
        if found == code {
            return Some(value);
        }
    }
    None
}

/// The family and the prefixes of MP_REACH_NLRI or MP_UNREACH_NLRI; `Some(None)` for other families than unicast.
pub(super) fn unicast(code: u8, value: &[u8]) -> Option<Option<(Family, &[u8])>> {
    let Some(family) = multiprotocol_family(value)? else { return Some(None) };
    let mut octets = Octets(value.get(3..)?);
    if code == MP_REACH {
        let length = octets.u8()?;
        octets.take(usize::from(length))?;
        // Reserved: ignored upon receipt (RFC 4760, section 3).
        octets.u8()?;
    }
    Some(Some((family, octets.0)))
}

/// The family at the beginning of MP_REACH_NLRI or MP_UNREACH_NLRI; `Some(None)` for other families than unicast. SAFI 3
/// of RFC 2858 is unicast and multicast at once.
pub(super) fn multiprotocol_family(value: &[u8]) -> Option<Option<Family>> {
    let [high, low, safi, ..] = *value else { return None };
    Some(match (u16::from_be_bytes([high, low]), safi) {
        (1, 1 | 3) => Some(Family::V4),
        (2, 1 | 3) => Some(Family::V6),
        _ => None,
    })
}

/// The next prefix of a list: path identifier (0 if the list has none), length and octets.
#[inline]
pub(super) fn nlri<'a>(list: &mut Octets<'a>, family: Family, add_path: bool) -> Option<(u32, u8, &'a [u8])> {
    let path_id = if add_path { list.u32()? } else { 0 };
    let length = list.u8()?;
    if length > max_length(family) {
        return None;
    }
    Some((path_id, length, list.take(usize::from(length).div_ceil(8))?))
}

/// Bits of an address, the length of the longest prefix.
pub(super) fn max_length(family: Family) -> u8 {
    match family {
        Family::V4 => 32,
        Family::V6 => 128,
    }
}

/// An AS number of two or four octets.
#[inline]
pub(super) fn as_number(octets: &[u8]) -> Asn {
    Asn(octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
}
