//! AS paths: AS4_PATH merged, confederations left out, equal ones shared.

use std::sync::Arc;

use bgpkit_parser::models::{self, AsPathSegment, Attributes};
use rustc_hash::FxHashSet;

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

/// The path of a route; nothing where the attributes hold none. AS4_PATH counts only on a session of two-octet AS
/// numbers, and with four octets must be ignored (RFC 6793, section 6).
pub(super) fn path(attributes: &Attributes, four_octets: bool) -> Option<AsPath> {
    let path = attributes.as_path()?;
    match attributes.as4_path() {
        Some(as4_path) if !four_octets => Some(flatten(&models::AsPath::merge_aspath_as4path(path, as4_path))),
        _ => Some(flatten(path)),
    }
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
