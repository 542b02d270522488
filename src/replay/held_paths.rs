//! The paths that a peer holds to one prefix: nearly always one, with ADD-PATH (RFC 7911) a few, and in a hostile file a million.

use std::collections::{BTreeMap, BTreeSet};

use smallvec::SmallVec;

use crate::bgp::AsPath;

/// A path, and its identifier where it has one (RFC 7911); several paths of a RIB dump may lack one.
pub type IdentifiedPath = (Option<u32>, AsPath);

/// Paths to one prefix. One path, as there nearly always is, needs no allocation.
pub type IdentifiedPaths = SmallVec<[IdentifiedPath; 1]>;

/// With more paths than this they are found by their identifiers.
const MAX_LISTED: usize = 32;

/// Paths in the order in which they were announced.
#[derive(Clone, Debug)]
pub(super) enum HeldPaths {
    Few(IdentifiedPaths),
    Many(Box<IndexedPaths>),
}

#[derive(Clone, Debug, Default)]
pub(super) struct IndexedPaths {
    /// By the order of announcement.
    paths: BTreeMap<u64, IdentifiedPath>,
    by_id: BTreeSet<(Option<u32>, u64)>,
    n_announced: u64,
}

impl Default for HeldPaths {
    fn default() -> HeldPaths {
        HeldPaths::Few(IdentifiedPaths::new())
    }
}

impl FromIterator<IdentifiedPath> for HeldPaths {
    fn from_iter<I: IntoIterator<Item = IdentifiedPath>>(paths: I) -> HeldPaths {
        let paths: IdentifiedPaths = paths.into_iter().collect();
        if paths.len() > MAX_LISTED { HeldPaths::indexed(paths) } else { HeldPaths::Few(paths) }
    }
}

impl HeldPaths {
    fn indexed(paths: IdentifiedPaths) -> HeldPaths {
        let mut indexed = IndexedPaths::default();
        paths.into_iter().for_each(|path| indexed.push(path));
        HeldPaths::Many(Box::new(indexed))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            HeldPaths::Few(paths) => paths.len(),
            HeldPaths::Many(indexed) => indexed.paths.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The path that was announced last.
    pub(super) fn latest(&self) -> Option<&AsPath> {
        match self {
            HeldPaths::Few(paths) => paths.last().map(|(_, path)| path),
            HeldPaths::Many(indexed) => indexed.paths.values().next_back().map(|(_, path)| path),
        }
    }

    /// Whether any path has no identifier. Those without come first in the index.
    pub(super) fn any_lacks_id(&self) -> bool {
        match self {
            HeldPaths::Few(paths) => paths.iter().any(|(id, _)| id.is_none()),
            HeldPaths::Many(indexed) => indexed.by_id.first().is_some_and(|(id, _)| id.is_none()),
        }
    }

    /// Whether there are paths and none has an identifier.
    pub(super) fn all_lack_ids(&self) -> bool {
        match self {
            HeldPaths::Few(paths) => !paths.is_empty() && paths.iter().all(|(id, _)| id.is_none()),
            HeldPaths::Many(indexed) => indexed.by_id.last().is_some_and(|(id, _)| id.is_none()),
        }
    }

    /// Adds a path in place of those with the same identifier. Hot: once per announced prefix.
    pub(super) fn announce(&mut self, id: Option<u32>, path: AsPath) {
        self.remove(id);
        match self {
            HeldPaths::Few(paths) if paths.len() < MAX_LISTED => paths.push((id, path)),
            HeldPaths::Few(paths) => {
                let mut paths = std::mem::take(paths);
                paths.push((id, path));
                *self = HeldPaths::indexed(paths);
            }
            HeldPaths::Many(indexed) => indexed.push((id, path)),
        }
    }

    /// Removes the paths with this identifier.
    pub(super) fn remove(&mut self, id: Option<u32>) {
        match self {
            HeldPaths::Few(paths) => paths.retain(|(other, _)| *other != id),
            HeldPaths::Many(indexed) => {
                let found: Vec<(Option<u32>, u64)> = indexed.by_id.range((id, 0)..=(id, u64::MAX)).copied().collect();
                for key in found {
                    indexed.by_id.remove(&key);
                    indexed.paths.remove(&key.1);
                }
            }
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            HeldPaths::Few(paths) => paths.clear(),
            HeldPaths::Many(_) => *self = HeldPaths::default(),
        }
    }
}

impl IndexedPaths {
    fn push(&mut self, path: IdentifiedPath) {
        self.by_id.insert((path.0, self.n_announced));
        self.paths.insert(self.n_announced, path);
        self.n_announced += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bgp::Asn;

    fn path(n: u32) -> AsPath {
        AsPath::new([Asn(n)], 1)
    }

    #[test]
    fn the_path_announced_last_is_the_latest_however_many_are_held() {
        for n in [1, MAX_LISTED as u32, MAX_LISTED as u32 + 1, 1000] {
            let mut held = HeldPaths::default();
            (0..n).for_each(|id| held.announce(Some(id), path(id)));
            assert_eq!((held.len(), held.latest()), (n as usize, Some(&path(n - 1))));
            held.announce(Some(0), path(n));
            assert_eq!((held.len(), held.latest()), (n as usize, Some(&path(n))));
            held.remove(Some(0));
            assert_eq!(held.latest().cloned(), (n > 1).then(|| path(n - 1)));
            (0..n).for_each(|id| held.remove(Some(id)));
            assert!(held.is_empty());
        }
    }

    #[test]
    fn a_path_without_an_identifier_replaces_all_without_one() {
        let listed = (0..100).map(|n| ((n % 2 == 1).then_some(n), path(n)));
        let mut held: HeldPaths = listed.collect();
        assert_eq!((held.any_lacks_id(), held.all_lack_ids(), held.len()), (true, false, 100));
        held.announce(None, path(7));
        assert_eq!((held.any_lacks_id(), held.all_lack_ids(), held.len()), (true, false, 51));
        (0..100).for_each(|id| held.remove(Some(id)));
        assert_eq!((held.any_lacks_id(), held.all_lack_ids(), held.len()), (true, true, 1));
        held.remove(None);
        assert_eq!((held.any_lacks_id(), held.all_lack_ids(), held.len()), (false, false, 0));
    }
}
