//! AS paths: AS4_PATH merged, confederations left out, equal ones shared.

use bgpkit_parser::models::{self, AsPathSegment, AsnLength, AttributeValue};
use bgpkit_parser::parser::bgp::attributes::parse_attributes;
use hashbrown::HashTable;

use super::attributes::{AS_PATH, AS4_PATH, as_number, attribute, value_of};
use super::wire::Octets;
use crate::bgp::{AsPath, Asn};

/// Types of segments (RFC 4271, section 4.3).
const AS_SET: u8 = 1;
const AS_SEQUENCE: u8 = 2;

/// The distinct paths of one file, with their hashes. Most of its routes share the path of another.
#[derive(Default)]
pub(super) struct Paths(HashTable<(u64, AsPath)>);

impl Paths {
    /// The path in the attributes of a route; None if they contain no AS_PATH. AS4_PATH counts only on a session of two-octet
    /// AS numbers, and must be ignored with four octets (RFC 6793, section 6).
    ///
    /// Daemons write AS numbers of four octets into records whose subtype declares two, and vice versa: a path that
    /// cannot be read as declared, but completely with the other width, has the other width.
    pub(super) fn decode(&mut self, attributes: &[u8], four_octets: bool) -> Result<Option<AsPath>, String> {
        let mut octets = Octets(attributes);
        let (mut path, mut as4_path) = (None, None);
        while let Some((code, value)) = attribute(&mut octets).ok_or("an attribute longer than the attributes")? {
            match code {
                AS_PATH => path = path.or(Some(value)),
                AS4_PATH if !four_octets => as4_path = as4_path.or(Some(value)),
                _ => {}
            }
        }
        let Some(path) = path else { return Ok(None) };
        if as4_path.is_none()
            && let Some(hops) = sequence(path, four_octets)
        {
            return Ok(Some(self.share(hops, 1)));
        }
        let decoded = match whole(path, as4_path, four_octets) {
            Err(what) if plain(path, !four_octets).is_none() => return Err(what),
            Err(_) if four_octets => whole(path, value_of(AS4_PATH, attributes), false)?,
            Err(_) => whole(path, None, true)?,
            Ok(decoded) => decoded,
        };
        Ok(Some(self.share(decoded.hops().iter().copied(), decoded.origins().len())))
    }

    /// The one copy of a path. Hot: once per route.
    fn share(&mut self, hops: impl ExactSizeIterator<Item = Asn> + Clone, n_origins: usize) -> AsPath {
        let hash = hash(hops.clone());
        let is_same = |path: &AsPath| path.origins().len() == n_origins && hops.clone().eq(path.hops().iter().copied());
        let known = self.0.entry(hash, |(known, path)| *known == hash && is_same(path), |(known, _)| *known);
        known.or_insert_with(|| (hash, AsPath::new(hops.clone(), n_origins))).get().1.clone()
    }
}

/// The path of AS_PATH and AS4_PATH, with AS numbers of two octets or four in the former.
fn whole(path: &[u8], as4_path: Option<&[u8]>, four_octets: bool) -> Result<AsPath, String> {
    let width = if four_octets { AsnLength::Bits32 } else { AsnLength::Bits16 };
    let plain = if as4_path.is_none() { plain(path, four_octets) } else { None };
    plain.map_or_else(|| by_parser(path, as4_path, width), Ok)
}

/// The hops of a path of one AS_SEQUENCE, as nearly all are.
fn sequence(path: &[u8], four_octets: bool) -> Option<impl ExactSizeIterator<Item = Asn> + Clone> {
    let [AS_SEQUENCE, n, members @ ..] = path else { return None };
    let width = if four_octets { 4 } else { 2 };
    (*n > 0 && members.len() == usize::from(*n) * width).then(|| members.chunks_exact(width).map(as_number))
}

/// Like FxHash: multiplies every hop in, and rotates the high bits, which depend on all hops, to where a table looks first.
fn hash(hops: impl Iterator<Item = Asn>) -> u64 {
    let add = |hash: u64, hop: Asn| hash.wrapping_add(hop.0.into()).wrapping_mul(0xf135_7aea_2e62_a9c5);
    hops.fold(0, add).rotate_left(26)
}

/// A path of AS_SEQUENCEs, perhaps with an AS_SET at its end, as nearly all are; bgpkit-parser decodes the others.
fn plain(path: &[u8], four_octets: bool) -> Option<AsPath> {
    let width = if four_octets { 4 } else { 2 };
    let mut segments = Octets(path);
    let mut hops = Vec::with_capacity(path.len() / width);
    let mut n_origins = 0;
    while !segments.is_empty() {
        let [kind, n] = segments.array()?;
        let members = segments.take(usize::from(n) * width)?;
        n_origins = match kind {
            AS_SEQUENCE if n > 0 => 1,
            AS_SET if n > 0 && segments.is_empty() => usize::from(n),
            _ => return None,
        };
        hops.extend(members.chunks_exact(width).map(as_number));
    }
    Some(AsPath::new(hops, n_origins))
}

fn by_parser(path: &[u8], as4_path: Option<&[u8]>, width: AsnLength) -> Result<AsPath, String> {
    let path = parse(AS_PATH, path, width).ok_or("an AS_PATH that cannot be read")?;
    // A malformed AS4_PATH is discarded (RFC 6793, section 6).
    Ok(match as4_path.and_then(|value| parse(AS4_PATH, value, AsnLength::Bits32)) {
        Some(as4_path) => flatten(&models::AsPath::merge_aspath_as4path(&path, &as4_path)),
        None => flatten(&path),
    })
}

/// Parses one path attribute. The parser gets no other attribute, so no other can influence it.
fn parse(code: u8, value: &[u8], width: AsnLength) -> Option<models::AsPath> {
    const TRANSITIVE_AND_EXTENDED_LENGTH: u8 = 0x50;
    let mut attribute = Vec::with_capacity(4 + value.len());
    attribute.extend([TRANSITIVE_AND_EXTENDED_LENGTH, code]);
    attribute.extend(u16::try_from(value.len()).ok()?.to_be_bytes());
    attribute.extend(value);
    let attributes = parse_attributes(attribute.into(), &width, false, None, None, None).ok()?;
    attributes.into_iter().find_map(|value| match value {
        AttributeValue::AsPath(path) | AttributeValue::As4Path(path) => Some(path),
        _ => None,
    })
}

fn flatten(path: &models::AsPath) -> AsPath {
    let mut hops = Vec::with_capacity(path.route_len());
    let mut n_origins = 0;
    for segment in &path.segments {
        n_origins = match segment {
            AsPathSegment::ConfedSequence(_) | AsPathSegment::ConfedSet(_) => continue,
            _ if segment.is_empty() => continue,
            AsPathSegment::AsSequence(_) => 1,
            AsPathSegment::AsSet(members) => members.len(),
        };
        hops.extend(segment.iter().map(|asn| Asn(asn.to_u32())));
    }
    AsPath::new(hops, n_origins)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::segment;
    use super::*;

    /// Segments as they are and as they should not be: sets and confederations anywhere, empty ones, odd octets.
    fn path(width: usize) -> impl Strategy<Value = Vec<u8>> {
        let kind = prop_oneof![20 => Just(2u8), 4 => Just(1), 1 => Just(3), 1 => Just(4), 1 => any::<u8>()];
        let asn = prop_oneof![64500u32..64504, Just(23456), Just(0), any::<u16>().prop_map(u32::from)];
        let segments = prop::collection::vec((kind, prop::collection::vec(asn, 0..5)), 0..4);
        let tail = prop_oneof![9 => Just(Vec::new()), 1 => prop::collection::vec(any::<u8>(), 0..3)];
        (segments, tail).prop_map(move |(segments, tail)| {
            let segments = segments.iter().map(|(kind, asns)| segment(*kind, width, asns));
            segments.chain([tail]).flatten().collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn own_decoding_equals_that_of_the_parser(two in path(2), four in path(4)) {
            for (octets, width, four_octets) in [(two, AsnLength::Bits16, false), (four, AsnLength::Bits32, true)] {
                let sequence = sequence(&octets, four_octets).map(|hops| AsPath::new(hops, 1));
                for decoded in [plain(&octets, four_octets), sequence].into_iter().flatten() {
                    prop_assert_eq!(Ok(decoded), by_parser(&octets, None, width));
                }
            }
        }
    }
}
