//! AS paths: AS4_PATH merged, confederations left out, equal ones shared.

use std::sync::Arc;

use bgpkit_parser::models::{self, AsPathSegment, AsnLength, AttributeValue};
use bgpkit_parser::parser::bgp::attributes::parse_attributes;
use rustc_hash::FxHashSet;

use super::prefilter::{AS_PATH, AS4_PATH, attribute};
use super::wire::Octets;
use crate::bgp::{AsPath, Asn};

/// The distinct paths of one file.
#[derive(Default)]
pub(super) struct Paths(FxHashSet<Arc<AsPath>>);

impl Paths {
    /// The one copy of `path`.
    pub(super) fn share(&mut self, path: AsPath) -> Arc<AsPath> {
        if let Some(known) = self.0.get(&path) {
            return Arc::clone(known);
        }
        let path = Arc::new(path);
        self.0.insert(Arc::clone(&path));
        path
    }
}

/// The path that the attributes of a route hold; nothing where there is no AS_PATH. AS4_PATH counts only on a session
/// of two-octet AS numbers, and with four octets must be ignored (RFC 6793, section 6).
pub(super) fn decode(attributes: &[u8], four_octets: bool) -> Result<Option<AsPath>, String> {
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
    let width = if four_octets { AsnLength::Bits32 } else { AsnLength::Bits16 };
    let path = parse(AS_PATH, path, width).ok_or("an AS_PATH that cannot be read")?;
    // A damaged AS4_PATH is as good as none (RFC 6793, section 6).
    Ok(Some(match as4_path.and_then(|value| parse(AS4_PATH, value, AsnLength::Bits32)) {
        Some(as4_path) => flatten(&models::AsPath::merge_aspath_as4path(&path, &as4_path)),
        None => flatten(&path),
    }))
}

/// One path attribute, the only one that the parser is given: nothing else in a message can matter to it.
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
