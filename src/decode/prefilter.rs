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

/// Whether the attributes of a RIB entry may name a wanted origin. Hot: once per route of a dump, where origins are
/// chosen.
#[inline]
pub(super) fn origin_matters(attributes: &[u8], four_octets: bool, selection: &Selection) -> Option<bool> {
    // ORIGIN, then an AS_PATH of one AS_SEQUENCE, in nearly all; many daemons write its length in two octets.
    let (length, path) = match attributes {
        [0x40, 1, 1, _, 0x50, AS_PATH, 0, length, path @ ..] | [0x40, 1, 1, _, 0x40, AS_PATH, length, path @ ..] => {
            (usize::from(*length), path)
        }
        _ => return any_origin_matters(attributes, four_octets, selection),
    };
    match path.get(..length)? {
        [2, n, members @ ..] if four_octets && *n > 0 && members.len() == usize::from(*n) * 4 => {
            Some(members.last_chunk().is_some_and(|last| selection.wants_origin(Asn(u32::from_be_bytes(*last)))))
        }
        _ => any_origin_matters(attributes, four_octets, selection),
    }
}

fn any_origin_matters(attributes: &[u8], four_octets: bool, selection: &Selection) -> Option<bool> {
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
    const EXTENDED_LENGTH: u8 = 0x10;
    let (header, code, length) = match *attributes.0 {
        [] => return Some(None),
        [flags, code, high, low, ..] if flags & EXTENDED_LENGTH != 0 => (4, code, u16::from_be_bytes([high, low])),
        [flags, code, length, ..] if flags & EXTENDED_LENGTH == 0 => (3, code, u16::from(length)),
        _ => return None,
    };
    let attribute = attributes.take(header + usize::from(length))?;
    Some(Some((code, attribute.get(header..)?)))
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

#[inline]
fn prefixes_matter(
    list: &[u8],
    family: Family,
    encoding: Encoding,
    selection: &Selection,
    sampled: &mut bool,
) -> Option<bool> {
    match family {
        _ if list.is_empty() => Some(false),
        Family::V4 if !encoding.add_path => v4_prefixes_matter(list, selection, sampled),
        _ => any_prefixes_matter(list, family, encoding, selection, sampled),
    }
}

/// Hot: once per IPv4 prefix of an UPDATE.
fn v4_prefixes_matter(mut list: &[u8], selection: &Selection, sampled: &mut bool) -> Option<bool> {
    while let [length, octets @ ..] = list {
        let length = *length;
        // Not a default route either, see below.
        if !(1..=32).contains(&length) {
            return None;
        }
        let (octets, rest) = octets.split_at_checked(usize::from(length).div_ceil(8))?;
        let head = head(length, octets);
        let mixed = mix_v4(head, length);
        *sampled |= is_sampled(mixed);
        if selection.may_want(Family::V4, head, mixed)
            && selection.wants(&Prefix::from_nlri(Family::V4, length, octets)?)
        {
            return Some(true);
        }
        list = rest;
    }
    Some(false)
}

/// The same of any family, with path identifiers or without.
fn any_prefixes_matter(
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
    let bits = u32::from_be_bytes(match *octets {
        [a, b, c] => [a, b, c, 0],
        [a, b, c, d, ..] => [a, b, c, d],
        [a, b] => [a, b, 0, 0],
        [a] => [a, 0, 0, 0],
        [] => [0; 4],
    });
    bits & !u32::MAX.checked_shr(u32::from(length)).unwrap_or(0)
}

/// Whether the last plain segment of a path ends in a wanted origin. Hot: once per route.
#[inline]
fn path_matters(path: &[u8], four_octets: bool, selection: &Selection) -> Option<bool> {
    // Nearly all paths are one AS_SEQUENCE.
    match path {
        [2, n, members @ ..] if *n > 0 && four_octets && members.len() == usize::from(*n) * 4 => {
            Some(members.last_chunk().is_some_and(|last| selection.wants_origin(Asn(u32::from_be_bytes(*last)))))
        }
        _ => any_path_matters(path, four_octets, selection),
    }
}

fn any_path_matters(path: &[u8], four_octets: bool, selection: &Selection) -> Option<bool> {
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
