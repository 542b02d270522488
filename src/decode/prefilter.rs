//! The cheap test of raw bytes: could this UPDATE or RIB entry matter to the selection?
//!
//! No allocation, one pass, attributes that carry no route skipped by length. `None` means malformed or unusual: the
//! caller decodes such a message in full. So the test can say yes too often and never no wrongly; what it says no to was
//! read to its end as its record declares, and lost nothing.

use super::attributes::{AS_PATH, AS4_PATH, Encoding, MP_REACH, MP_UNREACH, as_number, attribute, nlri, unicast};
use super::lists::MAX_PATH_ID;
use super::prefix_hash::{hash, hash_v4};
use super::selection::Selection;
use super::skipped_prefixes::{SkippedPrefixes, UPDATE_BLOCKS};
use super::wire::Octets;
use crate::bgp::{Asn, Family, Prefix};

/// What an UPDATE may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relevance {
    /// Nothing that anybody asked about.
    None,
    /// Nothing but that a prefix of the control sample comes or goes.
    ControlSample,
    /// A wanted prefix, a wanted origin or an End-of-RIB marker; or it is malformed or unusual, and may say anything.
    Routes,
}

/// What the prefilter notes of the prefixes that it passes over.
pub(super) struct Noted<'a> {
    /// Whether one of them is in the control sample.
    pub(super) sampled: bool,
    /// All of them, while an origin is selected.
    pub(super) skipped: Option<&'a mut SkippedPrefixes>,
}

impl Noted<'_> {
    #[inline]
    fn skip(&mut self, hash: u64) {
        if let Some(skipped) = &mut self.skipped {
            skipped.add(hash);
        }
    }
}

/// What an UPDATE (without its header of 19 octets) may say. Its prefixes are added to `skipped` while an origin is
/// selected, unless [`Relevance::Routes`] is returned: then the decoder adds those that it does not report. Hot: once per
/// UPDATE.
#[inline(never)]
pub(super) fn relevance(
    update: &[u8],
    encoding: Encoding,
    selection: &Selection,
    skipped: &mut SkippedPrefixes,
) -> Relevance {
    let skipped = selection.has_origins().then(|| {
        skipped.grow(UPDATE_BLOCKS);
        skipped
    });
    // The control sample has to see whether a session has path identifiers.
    let mut noted = Noted { sampled: encoding.add_path, skipped };
    match routes_may_match(update, encoding, selection, &mut noted) {
        Some(false) if noted.sampled => Relevance::ControlSample,
        Some(false) => Relevance::None,
        _ => Relevance::Routes,
    }
}

/// Whether an UPDATE may hold a wanted prefix, a wanted origin or an End-of-RIB marker; nothing when it is malformed or
/// unusual.
#[inline(always)]
fn routes_may_match(update: &[u8], encoding: Encoding, selection: &Selection, noted: &mut Noted) -> Option<bool> {
    let mut octets = Octets(update);
    let withdrawn = octets.field()?;
    let mut attributes = Octets(octets.field()?);
    let announced = octets.0;
    if attributes.is_empty() && (withdrawn.is_empty() || !announced.is_empty()) {
        return None;
    }
    // Checked before prefixes are added to the filter: those of a selected origin are reported.
    if noted.skipped.is_some() && origin_may_match(attributes.0, encoding.four_octets, selection)? {
        return Some(true);
    }
    for list in [withdrawn, announced] {
        if !list.is_empty() && v4_prefixes_match(list, encoding, selection, noted)? {
            return Some(true);
        }
    }
    // Nearly always ORIGIN is the first.
    if let Some((&[0x40, 1, 1], [_, rest @ ..])) = attributes.0.split_first_chunk() {
        attributes.0 = rest;
    }
    while let Some((code, value)) = attribute(&mut attributes)? {
        let matters = match code {
            AS_PATH => path_may_match(value, encoding.four_octets, selection)?,
            AS4_PATH if !encoding.four_octets => any_path_may_match(value, true, selection)?,
            MP_REACH | MP_UNREACH => match unicast(code, value)? {
                Some((_, [])) => true,
                Some((family, prefixes)) => any_prefix_matches(prefixes, family, encoding, selection, noted)?,
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
pub(super) fn origin_may_match(attributes: &[u8], four_octets: bool, selection: &Selection) -> Option<bool> {
    // ORIGIN, then an AS_PATH of one AS_SEQUENCE, in nearly all; many daemons write its length in two octets.
    let (length, path) = match attributes {
        [0x40, 1, 1, _, 0x50, AS_PATH, 0, length, path @ ..] | [0x40, 1, 1, _, 0x40, AS_PATH, length, path @ ..] => {
            (usize::from(*length), path)
        }
        _ => return any_origin_may_match(attributes, four_octets, selection),
    };
    match path.get(..length)? {
        [2, n, members @ ..] if four_octets && *n > 0 && members.len() == usize::from(*n) * 4 => {
            Some(members.last_chunk().is_some_and(|last| selection.matches_origin(Asn(u32::from_be_bytes(*last)))))
        }
        _ => any_origin_may_match(attributes, four_octets, selection),
    }
}

fn any_origin_may_match(attributes: &[u8], four_octets: bool, selection: &Selection) -> Option<bool> {
    let mut attributes = Octets(attributes);
    while let Some((code, value)) = attribute(&mut attributes)? {
        let matters = match code {
            AS_PATH => path_may_match(value, four_octets, selection)?,
            AS4_PATH if !four_octets => path_may_match(value, true, selection)?,
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

#[inline]
fn v4_prefixes_match(list: &[u8], encoding: Encoding, selection: &Selection, noted: &mut Noted) -> Option<bool> {
    let has_sampled = match &mut noted.skipped {
        _ if encoding.add_path => None,
        Some(skipped) => quick_v4_check::<true>(list, selection, skipped),
        None => quick_v4_check::<false>(list, selection, &mut SkippedPrefixes::default()),
    };
    match has_sampled {
        Some(has_sampled) => {
            noted.sampled |= has_sampled;
            Some(false)
        }
        None => any_prefix_matches(list, Family::V4, encoding, selection, noted),
    }
}

/// Whether there is a prefix of the control sample among IPv4 prefixes that nobody wants. Nothing where one might be wanted
/// or is not as nearly all are, of 1 to 24 bits. Hot: once per IPv4 prefix of an UPDATE.
#[inline(never)]
fn quick_v4_check<const BY_ORIGIN: bool>(
    mut list: &[u8],
    selection: &Selection,
    skipped: &mut SkippedPrefixes,
) -> Option<bool> {
    let mut has_sampled = false;
    while let Some(front) = list.first_chunk() {
        let front = u32::from_be_bytes(*front);
        let length = (front >> 24) as u8;
        if !(1..=24).contains(&length) {
            return None;
        }
        // What follows the prefix is masked out.
        let head = front << 8 & u32::MAX << (32 - length);
        let hash = hash_v4(head, length);
        if selection.may_match(Family::V4, head, hash) {
            return None;
        }
        has_sampled |= selection.samples(hash);
        if BY_ORIGIN {
            skipped.add(hash);
        }
        list = list.get(1 + usize::from(length).div_ceil(8)..)?;
    }
    list.is_empty().then_some(has_sampled)
}

/// The same of any family, with path identifiers or without.
fn any_prefix_matches(
    list: &[u8],
    family: Family,
    encoding: Encoding,
    selection: &Selection,
    noted: &mut Noted,
) -> Option<bool> {
    let mut list = Octets(list);
    while !list.is_empty() {
        let (path_id, length, octets) = nlri(&mut list, family, encoding.add_path)?;
        // A default route, also what path identifiers look like where none are expected; or no path identifier. What the
        // list is, if not what its record declares, is not decided here: [`super::lists`].
        if length == 0 || path_id > MAX_PATH_ID {
            return None;
        }
        let head = head(length, octets);
        let hash = match family {
            Family::V4 => hash_v4(head, length),
            Family::V6 => hash(octets, length),
        };
        noted.sampled |= selection.samples(hash);
        if selection.may_match(family, head, hash) && selection.matches(&Prefix::from_nlri(family, length, octets)?) {
            return Some(true);
        }
        noted.skip(hash);
    }
    Some(false)
}

/// Whether one prefix is wanted, which is also given hash.
#[inline]
pub(super) fn prefix_matches(
    family: Family,
    length: u8,
    octets: &[u8],
    hash: u64,
    selection: &Selection,
) -> Option<bool> {
    if !selection.may_match(family, head(length, octets), hash) {
        return Some(false);
    }
    Some(selection.matches(&Prefix::from_nlri(family, length, octets)?))
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
fn path_may_match(path: &[u8], four_octets: bool, selection: &Selection) -> Option<bool> {
    // Nearly all paths are one AS_SEQUENCE.
    match path {
        [2, n, members @ ..] if *n > 0 && four_octets && members.len() == usize::from(*n) * 4 => {
            Some(members.last_chunk().is_some_and(|last| selection.matches_origin(Asn(u32::from_be_bytes(*last)))))
        }
        _ => any_path_may_match(path, four_octets, selection),
    }
}

fn any_path_may_match(path: &[u8], four_octets: bool, selection: &Selection) -> Option<bool> {
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
    let mut members = members.rchunks_exact(width).map(as_number);
    let wanted = |origin| selection.matches_origin(origin);
    Some(if kind == 1 { members.any(wanted) } else { members.next().is_some_and(wanted) })
}

#[cfg(test)]
mod tests;
