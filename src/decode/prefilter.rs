//! A fast check of raw bytes: may this UPDATE or RIB entry match the selection?
//!
//! It takes one pass without allocation and skips attributes without routes by their length. It returns `None` for
//! malformed or unusual messages, which the caller decodes in full. So false positives are possible and false negatives are
//! not: an UPDATE found irrelevant was read to its end in the form that its record declares.

use super::attributes::{AS_PATH, AS4_PATH, Encoding, MP_REACH, MP_UNREACH, as_number, attribute, nlri, unicast};
use super::lists::MAX_PATH_ID;
use super::prefix_hash::{hash, hash_v4};
use super::selection::Selection;
use super::skipped_prefixes::{SkippedPrefixes, UPDATE_BLOCKS};
use super::wire::Octets;
use crate::bgp::{Asn, Family, Prefix};

/// The part of an UPDATE that may be relevant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relevance {
    /// Neither routes nor the control sample.
    None,
    /// Only prefixes of the control sample.
    ControlSample,
    /// A selected prefix, a selected origin or an End-of-RIB marker; or the UPDATE is malformed or unusual, so that only the
    /// decoder can decide.
    Routes,
}

/// What the prefilter notes about prefixes that are not selected.
pub(super) struct Noted<'a> {
    /// Whether one of them belongs to the control sample.
    pub(super) sampled: bool,
    /// The filter that all of them are added to, while an origin is selected.
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

/// The relevance of an UPDATE, which is given without its header of 19 octets. While an origin is selected, the prefixes of
/// an UPDATE that is not decoded are added to `skipped`; the decoder adds those that it does not report. Hot: once per
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

/// Whether an UPDATE may contain a selected prefix, a selected origin or an End-of-RIB marker; None if it is malformed or
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
    // While prefixes are added to the filter, paths come first: the prefixes of a selected origin are reported.
    let paths_are_checked = noted.skipped.is_some();
    if paths_are_checked && origin_may_match(attributes.0, encoding.four_octets, selection)? {
        return Some(true);
    }
    for list in [withdrawn, announced] {
        if !list.is_empty() && v4_prefixes_match(list, encoding, selection, noted)? {
            return Some(true);
        }
    }
    // ORIGIN is nearly always the first attribute.
    if let Some((&[0x40, 1, 1], [_, rest @ ..])) = attributes.0.split_first_chunk() {
        attributes.0 = rest;
    }
    while let Some((code, value)) = attribute(&mut attributes)? {
        let is_match = match code {
            AS_PATH | AS4_PATH if paths_are_checked => false,
            AS_PATH => path_may_match(value, encoding.four_octets, selection)?,
            AS4_PATH if !encoding.four_octets => any_path_may_match(value, true, selection)?,
            MP_REACH | MP_UNREACH => match unicast(code, value)? {
                Some((_, [])) => true,
                Some((family, prefixes)) => any_prefix_matches(prefixes, family, encoding, selection, noted)?,
                None => false,
            },
            _ => false,
        };
        if is_match {
            return Some(true);
        }
    }
    Some(false)
}

/// Whether attributes may contain a selected origin. Hot: once per route of a dump, while an origin is selected.
#[inline]
pub(super) fn origin_may_match(attributes: &[u8], four_octets: bool, selection: &Selection) -> Option<bool> {
    match usual_origin(attributes, four_octets) {
        Some(origin) => Some(selection.matches_origin(origin)),
        None => any_origin_may_match(attributes, four_octets, selection),
    }
}

/// The origin in attributes that are as most are, with AS numbers of four octets: ORIGIN, then an AS_PATH of one AS_SEQUENCE, whose
/// length many daemons write in two octets. None if they differ from that. Hot: once per route of a dump, while origins matter.
#[inline]
pub(super) fn usual_origin(attributes: &[u8], four_octets: bool) -> Option<Asn> {
    let (length, path) = match attributes {
        [0x40, 1, 1, _, 0x50, AS_PATH, 0, length, path @ ..] | [0x40, 1, 1, _, 0x40, AS_PATH, length, path @ ..] => {
            (usize::from(*length), path)
        }
        _ => return None,
    };
    match path.get(..length)? {
        [2, n, members @ ..] if four_octets && *n > 0 && members.len() == usize::from(*n) * 4 => {
            members.last_chunk().map(|last| Asn(u32::from_be_bytes(*last)))
        }
        _ => None,
    }
}

fn any_origin_may_match(attributes: &[u8], four_octets: bool, selection: &Selection) -> Option<bool> {
    let mut attributes = Octets(attributes);
    while let Some((code, value)) = attribute(&mut attributes)? {
        let is_match = match code {
            AS_PATH => path_may_match(value, four_octets, selection)?,
            AS4_PATH if !four_octets => path_may_match(value, true, selection)?,
            _ => false,
        };
        if is_match {
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

/// Whether a list of unselected IPv4 prefixes contains one of the control sample. None if a prefix may be selected or is
/// unusual, which means not of 1 to 24 bits. Hot: once per IPv4 prefix of an UPDATE.
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
        // Masks out the octets after the prefix.
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

/// Whether a list of prefixes of any family, with path identifiers or without, contains a selected one.
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
        // A default route may be the beginning of an undeclared path identifier, and a large path identifier may be the
        // beginning of a prefix. [`super::lists`] decides on the form of such a list.
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

/// Whether the prefix with this hash is selected.
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

/// Whether the last plain segment of a path ends in a selected origin. Hot: once per route.
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
    let is_selected = |origin| selection.matches_origin(origin);
    Some(if kind == 1 { members.any(is_selected) } else { members.next().is_some_and(is_selected) })
}

#[cfg(test)]
mod tests;
