//! Typed indices, so that a peer cannot be taken for a RIB dump or a collector.

use std::num::NonZeroU32;
use std::ops::{Index, IndexMut};

/// Declares an index type of 32 bits.
macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(u32);

        impl $name {
            /// The index of the `n`th entry, from 0.
            pub const fn new(n: usize) -> $name {
                $name(n as u32)
            }

            /// The position in its list, from 0.
            pub const fn get(self) -> usize {
                self.0 as usize
            }
        }
    };
}
pub(crate) use index;

index! {
    /// A peer of one replay: an index into [`Replay::peers`](super::Replay::peers). The peers of one file have indices of
    /// their own, [`decode::PeerIndex`](crate::decode::PeerIndex).
    PeerId
}

index! {
    /// An accepted RIB dump of one replay: an index into [`Replay::tables`](super::Replay::tables).
    DumpIndex
}

/// A file of the archive, as records refer to it: the index that the [`Replayer`](super::Replayer) was given for it, and at the end of a
/// run its place in [`Observations::files`](crate::observations::Observations::files).
///
/// It is stored plus one, because zero then marks the absence of a [`RecordRef`](super::RecordRef): a run may have millions of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileIndex(NonZeroU32);

impl FileIndex {
    /// The index of the `n`th file, from 0.
    pub const fn new(n: usize) -> FileIndex {
        FileIndex(NonZeroU32::MIN.saturating_add(n as u32))
    }

    /// The position in its list, from 0.
    pub const fn get(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl DumpIndex {
    /// The RIB dump before this one.
    pub fn previous(self) -> Option<DumpIndex> {
        self.0.checked_sub(1).map(DumpIndex)
    }
}

/// One value for each peer of a replay.
#[derive(Clone, Debug)]
pub(super) struct PerPeer<T>(Vec<T>);

impl<T> PerPeer<T> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = PeerId> + use<T> {
        (0..self.0.len()).map(PeerId::new)
    }

    pub(super) fn push(&mut self, value: T) {
        self.0.push(value);
    }

    pub(super) fn resize_with(&mut self, n_peers: usize, value: impl FnMut() -> T) {
        self.0.resize_with(n_peers, value);
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PeerId, &T)> {
        self.ids().zip(&self.0)
    }
}

impl<T> Default for PerPeer<T> {
    fn default() -> PerPeer<T> {
        PerPeer(Vec::new())
    }
}

impl<T> Index<PeerId> for PerPeer<T> {
    type Output = T;

    #[inline]
    fn index(&self, peer: PeerId) -> &T {
        &self.0[peer.get()]
    }
}

impl<T> IndexMut<PeerId> for PerPeer<T> {
    #[inline]
    fn index_mut(&mut self, peer: PeerId) -> &mut T {
        &mut self.0[peer.get()]
    }
}
