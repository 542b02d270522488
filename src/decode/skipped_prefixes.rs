//! The prefixes that a file names and that its reading does not report: a Bloom filter, filled while an origin is selected.
//!
//! An origin AS stands for prefixes that only the archives reveal. When one is revealed, a file has to be read again only if
//! its filter may contain that prefix, or a less-specific one that covers it.

use std::fmt;

use super::prefix_hash::hash_bits;
use super::selection::covering_prefixes;
use crate::bgp::Prefix;

/// Bits per prefix (Bloom, 1970). More would lower the false-positive rate of RIB dumps only.
const N_BITS: u32 = 4;

/// 32 KB for an update file. A five-minute file of 2021 names some 30,000 prefixes: then a look-up returns a false positive
/// in about 2 of 100 cases, and [`SkippedPrefixes::may_affect`], which looks up the covering prefixes too, in about 3 of
/// 10. A window may take 3,000 files, so a larger filter would cost more than the readings that it saves.
pub(super) const UPDATE_BLOCKS: usize = 1 << 9;

/// 4 MB for a RIB dump. With 1.5 million prefixes a look-up returns a false positive in about 1 of 1,000 cases.
pub(super) const RIB_BLOCKS: usize = 1 << 16;

/// Of the 512 bits of a block: as many as 30,000 prefixes set in an update file's.
const MOST_SET: usize = 190;

/// A set of prefixes with false positives and without false negatives. All bits of a prefix lie in one block of 64 bytes, so
/// that it costs one access to memory.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SkippedPrefixes {
    /// A power of two of them, or none.
    blocks: Vec<[u64; 8]>,
}

impl SkippedPrefixes {
    /// An empty set for the prefixes of many update files: 1 MB. With 500,000 prefixes a look-up returns a false positive in
    /// about 1 of 200 cases.
    pub fn of_many_files() -> SkippedPrefixes {
        SkippedPrefixes { blocks: vec![[0; 8]; 1 << 14] }
    }

    /// How much memory it takes, in bytes.
    pub fn n_bytes(&self) -> usize {
        size_of_val(&self.blocks[..])
    }

    /// Whether the file may name the prefix, or a less-specific one that covers it, in a message or route that its reading
    /// does not contain.
    pub fn may_affect(&self, prefix: &Prefix) -> bool {
        self.may_contain(prefix) || covering_prefixes(*prefix).any(|covering| self.may_contain(&covering))
    }

    /// Whether the file may name this very prefix in a message or route that its reading does not contain.
    pub fn may_contain(&self, prefix: &Prefix) -> bool {
        let hash = hash_bits(prefix.bits(), prefix.len());
        let block = self.blocks.get(self.place(hash));
        block.is_some_and(|block| bits(hash).all(|(word, bit)| block.get(word).is_some_and(|bits| bits & bit != 0)))
    }

    /// Adds the prefixes of another file.
    pub fn merge(&mut self, other: &SkippedPrefixes) {
        self.grow(other.blocks.len());
        self.unite(other.blocks.iter().cycle());
    }

    /// Sets the bits of the first blocks that are set in others.
    fn unite<'b>(&mut self, others: impl Iterator<Item = &'b [u64; 8]>) {
        for (block, added) in self.blocks.iter_mut().zip(others) {
            block.iter_mut().zip(added).for_each(|(bits, added)| *bits |= added);
        }
    }

    /// Gives back the room that the prefixes of the file do not need: a window may have thousands of small files. It folds while at most
    /// [`MOST_SET`] bits of a block are set, so that a look-up hardly returns more false positives than in a full filter.
    pub(super) fn fold(&mut self) {
        let n_set: u32 = self.blocks.iter().flatten().map(|bits| bits.count_ones()).sum();
        while self.blocks.len() > 1 && n_set as usize <= self.blocks.len() / 2 * MOST_SET {
            let upper = self.blocks.split_off(self.blocks.len() / 2);
            self.unite(upper.iter());
        }
        self.blocks.shrink_to_fit();
    }

    /// Makes room for the prefixes of a file; `n_blocks` is a power of two. A block is repeated wherever the larger filter
    /// looks for its prefixes.
    #[inline]
    pub(super) fn grow(&mut self, n_blocks: usize) {
        if self.blocks.len() < n_blocks {
            self.grow_to(n_blocks);
        }
    }

    #[cold]
    fn grow_to(&mut self, n_blocks: usize) {
        match self.blocks.len() {
            0 => self.blocks = vec![[0; 8]; n_blocks],
            n => self.blocks = self.blocks.repeat(n_blocks / n),
        }
    }

    /// Adds the prefix with this hash; does nothing before [`SkippedPrefixes::grow`]. Hot: once per prefix of an UPDATE and
    /// of a RIB dump, while an origin is selected.
    #[inline]
    pub(super) fn add(&mut self, hash: u64) {
        let place = self.place(hash);
        if let Some(block) = self.blocks.get_mut(place) {
            bits(hash).for_each(|(word, bit)| block[word] |= bit);
        }
    }

    #[inline]
    fn place(&self, hash: u64) -> usize {
        (hash >> 48) as usize & self.blocks.len().wrapping_sub(1)
    }
}

/// The bits of a prefix in its block: word and bit. The lowest bits of the hash belong to the control sample.
#[inline]
fn bits(hash: u64) -> impl Iterator<Item = (usize, u64)> {
    (0..N_BITS).map(move |n| {
        let bit = (hash >> (6 + 9 * n)) as usize & 511;
        (bit >> 6, 1 << (bit & 63))
    })
}

impl fmt::Debug for SkippedPrefixes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SkippedPrefixes({} bytes)", self.blocks.len() * 64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The `n`th /24.
    fn prefix(n: u32) -> Prefix {
        Prefix::new(std::net::Ipv4Addr::from(n << 8).into(), 24).unwrap()
    }

    fn filter(n_blocks: usize, prefixes: std::ops::Range<u32>) -> SkippedPrefixes {
        let mut filter = SkippedPrefixes::default();
        filter.grow(n_blocks);
        prefixes.map(prefix).for_each(|prefix| filter.add(hash_bits(prefix.bits(), prefix.len())));
        filter
    }

    #[test]
    fn a_filter_has_no_false_negatives_and_as_few_false_positives_as_documented() {
        for (n_blocks, n_prefixes, at_most) in [(UPDATE_BLOCKS, 30_000, 2_500), (RIB_BLOCKS, 1_500_000, 150)] {
            let filter = filter(n_blocks, 0..n_prefixes);
            assert!((0..n_prefixes).all(|n| filter.may_contain(&prefix(n))));
            let n_false = (4_000_000..4_100_000).filter(|n| filter.may_contain(&prefix(*n))).count();
            assert!(n_false < at_most, "{n_false} of 100,000 with {n_prefixes} prefixes");
        }
    }

    #[test]
    fn a_filter_of_few_prefixes_is_folded_and_answers_as_before() {
        for (n_blocks, n_prefixes, at_most) in [
            (UPDATE_BLOCKS, 0, 64),
            (UPDATE_BLOCKS, 300, 1 << 9),
            (UPDATE_BLOCKS, 30_000, 1 << 15),
            (RIB_BLOCKS, 60_000, 1 << 17),
        ] {
            let mut filter = filter(n_blocks, 0..n_prefixes);
            filter.fold();
            assert!(filter.n_bytes() <= at_most, "{n_prefixes}: {} bytes", filter.n_bytes());
            assert!((0..n_prefixes).all(|n| filter.may_contain(&prefix(n))));
            let n_false = (4_000_000..4_100_000).filter(|n| filter.may_contain(&prefix(*n))).count();
            assert!(n_false < 3_000, "{n_false} of 100,000 with {n_prefixes} prefixes");
            let mut merged = SkippedPrefixes::of_many_files();
            merged.merge(&filter);
            assert!((0..n_prefixes).all(|n| merged.may_contain(&prefix(n))));
        }
    }

    #[test]
    fn filters_of_different_sizes_are_merged() {
        let (few, many) = (filter(UPDATE_BLOCKS, 0..1_000), filter(RIB_BLOCKS, 1_000..2_000));
        for (mut merged, added) in [(few.clone(), &many), (many.clone(), &few), (SkippedPrefixes::default(), &many)] {
            let n_before = if merged == SkippedPrefixes::default() { 1_000 } else { 0 };
            merged.merge(added);
            merged.merge(&SkippedPrefixes::default());
            assert!((n_before..2_000).all(|n| merged.may_contain(&prefix(n))));
        }
    }

    #[test]
    fn a_prefix_is_affected_by_those_that_cover_it() {
        let filter = filter(UPDATE_BLOCKS, 0x0a_01_00..0x0a_01_01);
        assert!(filter.may_affect(&"10.1.0.0/24".parse().unwrap()));
        assert!(filter.may_affect(&"10.1.0.128/25".parse().unwrap()));
        assert!(!filter.may_affect(&"10.0.0.0/8".parse().unwrap()));
        assert!(!filter.may_affect(&"10.1.1.0/24".parse().unwrap()));
    }
}
