//! The cheap test of raw bytes: could this UPDATE or RIB entry matter to the selection?
//!
//! No allocation, one pass, attributes that carry no route skipped by length. `None` means malformed or unusual: the
//! caller decodes such a message in full. So the test can say yes too often and never no wrongly.

use super::control::{is_sampled, mix, mix_v4};
use super::selection::Selection;
use super::wire::Octets;
use crate::bgp::{Asn, Family, Prefix};

/// Attribute codes (RFC 4271, 4760, 6793).
pub(super) const AS_PATH: u8 = 2;
pub(super) const MP_REACH: u8 = 14;
pub(super) const MP_UNREACH: u8 = 15;
pub(super) const AS4_PATH: u8 = 17;

/// How a session writes AS numbers and prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    /// AS numbers of four octets (RFC 6793) in AS_PATH.
    pub(super) four_octets: bool,
    /// A path identifier before each prefix (RFC 7911).
    pub(super) add_path: bool,
}

/// Whether an UPDATE (without its header of 19 octets) may hold a wanted prefix, a wanted origin or an End-of-RIB
/// marker; nothing when it is malformed or unusual. Of one that does not matter, `sampled` says whether it names a
/// prefix of the control sample.
pub(super) fn update_matters(
    update: &[u8],
    encoding: Encoding,
    selection: &Selection,
    sampled: &mut bool,
) -> Option<bool> {
    let mut octets = Octets(update);
    let withdrawn = octets.field()?;
    let mut attributes = Octets(octets.field()?);
    let announced = octets.0;
    if attributes.is_empty() && (withdrawn.is_empty() || !announced.is_empty()) {
        return None;
    }
    if prefixes_matter(withdrawn, Family::V4, encoding, selection, sampled)?
        || prefixes_matter(announced, Family::V4, encoding, selection, sampled)?
    {
        return Some(true);
    }
    while let Some((code, value)) = attribute(&mut attributes)? {
        let matters = match code {
            AS_PATH => path_matters(value, encoding.four_octets, selection)?,
            AS4_PATH if !encoding.four_octets => path_matters(value, true, selection)?,
            MP_REACH | MP_UNREACH => match unicast(code, value)? {
                Some((_, [])) => true,
                Some((family, prefixes)) => prefixes_matter(prefixes, family, encoding, selection, sampled)?,
                None => false,
            },
            _ => false,
        };
        if matters {
            return Some(true);
        }
    }
    Some(false)
}

/// Whether the attributes of a RIB entry may name a wanted origin.
pub(super) fn origin_matters(attributes: &[u8], four_octets: bool, selection: &Selection) -> Option<bool> {
    let mut attributes = Octets(attributes);
    while let Some((code, value)) = attribute(&mut attributes)? {
        let matters = match code {
            AS_PATH => path_matters(value, four_octets, selection)?,
            AS4_PATH if !four_octets => path_matters(value, true, selection)?,
            _ => false,
        };
        if matters {
            return Some(true);
        }
        if code == AS_PATH && four_octets {
            return Some(false);
        }
    }
    Some(false)
}

/// The next attribute: its code and value. `Some(None)` after the last one.
#[inline]
pub(super) fn attribute<'a>(attributes: &mut Octets<'a>) -> Option<Option<(u8, &'a [u8])>> {
    if attributes.is_empty() {
        return Some(None);
    }
    let [flags, code] = attributes.array()?;
    const EXTENDED_LENGTH: u8 = 0x10;
    let length =
        if flags & EXTENDED_LENGTH != 0 { usize::from(attributes.u16()?) } else { usize::from(attributes.u8()?) };
    Some(Some((code, attributes.take(length)?)))
}

/// The family and the prefixes of MP_REACH_NLRI or MP_UNREACH_NLRI; `Some(None)` for other families than unicast.
pub(super) fn unicast(code: u8, value: &[u8]) -> Option<Option<(Family, &[u8])>> {
    let mut octets = Octets(value);
    let family = match (octets.u16()?, octets.u8()?) {
        (1, 1) => Family::V4,
        (2, 1) => Family::V6,
        _ => return Some(None),
    };
    if code == MP_REACH {
        let length = octets.u8()?;
        octets.take(usize::from(length))?;
        // Reserved; once the number of addresses that follow here (RFC 2858), which nobody writes.
        if octets.u8()? != 0 {
            return None;
        }
    }
    Some(Some((family, octets.0)))
}

/// The next prefix of a list with its path identifier, 0 where there is none: length, octets.
#[inline]
pub(super) fn nlri<'a>(list: &mut Octets<'a>, family: Family, add_path: bool) -> Option<(u32, u8, &'a [u8])> {
    let path_id = if add_path { list.u32()? } else { 0 };
    let length = list.u8()?;
    if length > longest(family) {
        return None;
    }
    Some((path_id, length, list.take(usize::from(length).div_ceil(8))?))
}

/// Bits of an address.
pub(super) fn longest(family: Family) -> u8 {
    match family {
        Family::V4 => 32,
        Family::V6 => 128,
    }
}

/// Hot: once per prefix of an UPDATE.
#[inline]
fn prefixes_matter(
    list: &[u8],
    family: Family,
    encoding: Encoding,
    selection: &Selection,
    sampled: &mut bool,
) -> Option<bool> {
    let mut list = Octets(list);
    while !list.is_empty() {
        let (_, length, octets) = nlri(&mut list, family, encoding.add_path)?;
        // A default route; also what path identifiers look like to a collector that does not expect them.
        if length == 0 {
            return None;
        }
        let head = head(length, octets);
        let mixed = match family {
            Family::V4 => mix_v4(head, length),
            Family::V6 => mix(octets, length),
        };
        *sampled |= is_sampled(mixed);
        if selection.may_want(family, head, mixed) && selection.wants(&Prefix::from_nlri(family, length, octets)?) {
            return Some(true);
        }
    }
    Some(false)
}

/// Whether one prefix is wanted, which is also given mixed.
#[inline]
pub(super) fn prefix_matters(
    family: Family,
    length: u8,
    octets: &[u8],
    mixed: u64,
    selection: &Selection,
) -> Option<bool> {
    if !selection.may_want(family, head(length, octets), mixed) {
        return Some(false);
    }
    Some(selection.wants(&Prefix::from_nlri(family, length, octets)?))
}

/// The leading 32 bits of the network address.
#[inline]
fn head(length: u8, octets: &[u8]) -> u32 {
    let bits = match octets.first_chunk() {
        Some(bytes) => u32::from_be_bytes(*bytes),
        None => octets.iter().zip([24, 16, 8]).fold(0, |bits, (octet, shift)| bits | u32::from(*octet) << shift),
    };
    bits & !u32::MAX.checked_shr(u32::from(length)).unwrap_or(0)
}

/// Whether the last plain segment of a path ends in a wanted origin.
#[inline]
fn path_matters(path: &[u8], four_octets: bool, selection: &Selection) -> Option<bool> {
    let mut segments = Octets(path);
    let mut last = (2, &[][..]);
    let width = if four_octets { 4 } else { 2 };
    while !segments.is_empty() {
        let [kind, n] = segments.array()?;
        let members = segments.take(usize::from(n) * width)?;
        match kind {
            _ if n == 0 => return None,
            1 | 2 => last = (kind, members),
            // Confederations (RFC 5065).
            3 | 4 => {}
            _ => return None,
        }
    }
    if !selection.has_origins() {
        return Some(false);
    }
    let (kind, members) = last;
    let mut members = members.rchunks_exact(width).map(number);
    let wanted = |origin| selection.wants_origin(origin);
    Some(if kind == 1 { members.any(wanted) } else { members.next().is_some_and(wanted) })
}

#[inline]
pub(super) fn number(octets: &[u8]) -> Asn {
    Asn(octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
}

#[cfg(test)]
mod tests;
