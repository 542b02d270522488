//! The prefixes and origins whose routes a reader reports.

use std::collections::BTreeSet;
use std::ops::Bound;

use rustc_hash::FxHashSet;

use super::prefix_hash::{hash_bits, is_sampled};
use crate::bgp::{AsPath, Asn, Family, Prefix};

/// A prefix shorter than this (IPv4, IPv6) does not count as a covering prefix: it is a default route or a leak.
pub(super) const MIN_COVER_LENGTH: [u8; 2] = [8, 16];

/// What a reader reports: routes of selected prefixes, of everything inside selected prefixes, and of selected origins;
/// and routes of the less-specific prefixes that cover them, because a covering route may keep a lost prefix reachable.
///
/// All routes of a prefix are relevant once a selected origin originates one of them. So if one route of a TABLE_DUMP_V2
/// record has a selected origin, the whole record is reported, together with the records of covering prefixes before it. In a
/// dump that is sorted by prefix, as BGP daemons write it, these are all covering routes. The prefixes that a reader does not
/// report are in [`super::Reading::skipped_prefixes`].
///
/// ```
/// use outage_replay::decode::Selection;
///
/// let mut selection = Selection::new();
/// selection.add_prefix("175.45.176.0/24".parse()?);
/// assert!(selection.matches(&"175.45.176.0/22".parse()?));
/// assert!(!selection.matches(&"175.45.177.0/24".parse()?));
/// # Ok::<(), outage_replay::bgp::ParsePrefixError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Selection {
    exact: FxHashSet<Prefix>,
    within: FxHashSet<Prefix>,
    /// Both, in order: the prefixes inside a prefix come directly after it.
    chosen: BTreeSet<Prefix>,
    /// Sorted: there are few.
    origins: Vec<Asn>,
    /// Lengths in `within`, so that a look-up tries only those: bit n stands for length n, IPv4 then IPv6.
    within_lengths: [u128; 2],
    /// One bit for each block of addresses in which a matching prefix may begin, IPv4 then IPv6; empty before the first.
    blocks: [Vec<u64>; 2],
    /// Two bits of one word for the hash of each selected prefix and each that covers one; empty before the first.
    filter: Vec<u64>,
    n_marked: usize,
    /// Whether every prefix is in the control sample.
    samples_all: bool,
    samples_origins: bool,
}

/// Bits in `blocks`, which stay in the nearest cache: one for each IPv4 /16; IPv6 networks of 32 bits share them by hash.
const BLOCKS: u32 = 1 << 16;

/// Words of the filter at the beginning.
const FILTER: usize = 1 << 10;
/// Least number of bits of the filter per prefix: one look-up in thirty is a false positive, and fewer where prefixes share those that
/// cover them.
const FILTER_BITS: usize = 8;

impl Selection {
    /// A selection without prefixes and origins.
    pub fn new() -> Selection {
        Selection::default()
    }

    /// Adds a prefix.
    pub fn add_prefix(&mut self, prefix: Prefix) {
        if self.exact.insert(prefix) {
            self.choose(prefix);
        }
    }

    /// Adds a prefix and everything inside it.
    pub fn add_within(&mut self, prefix: Prefix) {
        if self.within.insert(prefix) {
            // The mask has no bit for a /128, and there is nothing inside one: an exact prefix is the same.
            match 1u128.checked_shl(u32::from(prefix.len())) {
                Some(bit) => self.within_lengths[prefix.family() as usize] |= bit,
                None => self.add_prefix(prefix),
            }
            self.mark_within(&prefix);
            self.choose(prefix);
        }
    }

    /// Adds every route that `origin` originates.
    pub fn add_origin(&mut self, origin: Asn) {
        if let Err(place) = self.origins.binary_search(&origin) {
            self.origins.insert(place, origin);
        }
    }

    /// Takes every prefix into the control sample: [`super::Control`] then contains the whole table of every peer, without
    /// paths. The selection of routes does not change.
    pub fn sample_everything(&mut self) {
        self.samples_all = true;
    }

    /// Takes every prefix into the control sample, as [`Selection::sample_everything`] does, and notes who originates it.
    pub fn sample_origins(&mut self) {
        (self.samples_all, self.samples_origins) = (true, true);
    }

    /// Whether the origins of the control sample are noted.
    pub(super) fn samples_origins(&self) -> bool {
        self.samples_origins
    }

    /// Whether every prefix belongs to the control sample.
    pub(super) fn samples_everything(&self) -> bool {
        self.samples_all
    }

    /// Whether the prefix with this hash belongs to the control sample.
    #[inline]
    pub(super) fn samples(&self, hash: u64) -> bool {
        self.samples_all || is_sampled(hash)
    }

    /// Whether events about `prefix` are reported for any origin: it is selected, lies inside a prefix that was added with
    /// [`Selection::add_within`], or covers a selected prefix.
    pub fn matches(&self, prefix: &Prefix) -> bool {
        self.exact.contains(prefix) || self.is_cover(prefix) || self.is_within(prefix)
    }

    /// Whether it covers a selected prefix, as [`MIN_COVER_LENGTH`] requires.
    fn is_cover(&self, prefix: &Prefix) -> bool {
        let mut after = self.chosen.range((Bound::Excluded(prefix), Bound::Unbounded));
        prefix.len() >= MIN_COVER_LENGTH[prefix.family() as usize]
            && after.next().is_some_and(|chosen| prefix.contains(chosen))
    }

    /// Fast pre-check of [`Selection::matches`]; false positives possible, no false negatives. `head` holds the leading 32
    /// bits of the network address, host bits cleared; `hash` is the hash of the prefix.
    #[inline]
    pub(super) fn may_match(&self, family: Family, head: u32, hash: u64) -> bool {
        // Nearly all prefixes are far from the selected ones, and `blocks` stays in the first-level cache; the filter of many
        // prefixes does not.
        self.is_near(family, head) && (self.within_lengths[family as usize] != 0 || self.is_marked(hash))
    }

    #[inline]
    fn is_near(&self, family: Family, head: u32) -> bool {
        let [v4, v6] = &self.blocks;
        let blocks = if family == Family::V4 { v4 } else { v6 };
        let block = block(family, head);
        blocks.get((block / 64) as usize).is_some_and(|bits| bits >> (block % 64) & 1 != 0)
    }

    #[inline]
    fn is_marked(&self, hash: u64) -> bool {
        let (word, marks) = self.place(hash);
        self.filter.get(word).is_some_and(|bits| bits & marks == marks)
    }

    /// The word of a prefix hash in the filter, and its bits. The lowest bits of the hash belong to the control sample.
    #[inline]
    fn place(&self, hash: u64) -> (usize, u64) {
        ((hash >> 12) as usize & self.filter.len().wrapping_sub(1), 1 << (hash >> 6 & 63) | 1 << (hash >> 58))
    }

    /// Whether the prefix itself was added, and not only one that contains or is covered by it.
    pub fn has_prefix(&self, prefix: &Prefix) -> bool {
        self.exact.contains(prefix)
    }

    /// Whether all routes of `origin` are selected.
    #[inline]
    pub fn matches_origin(&self, origin: Asn) -> bool {
        match self.origins[..] {
            [] => false,
            [one] => one == origin,
            _ => self.origins.binary_search(&origin).is_ok(),
        }
    }

    /// Whether a selected origin may originate a route with this path.
    pub fn originates(&self, path: &AsPath) -> bool {
        self.has_origins() && path.origins().iter().any(|origin| self.matches_origin(*origin))
    }

    /// Whether any origin is selected.
    pub fn has_origins(&self) -> bool {
        !self.origins.is_empty()
    }

    /// The selected origins, in ascending order.
    pub fn origins(&self) -> impl Iterator<Item = Asn> + '_ {
        self.origins.iter().copied()
    }

    fn is_within(&self, prefix: &Prefix) -> bool {
        let mut lengths = self.within_lengths[prefix.family() as usize];
        while lengths != 0 {
            let length = lengths.trailing_zeros() as u8;
            if length > prefix.len() {
                return false;
            }
            if self.within.contains(&prefix.shortened_to(length)) {
                return true;
            }
            lengths &= lengths - 1;
        }
        false
    }

    /// Adds a prefix to `chosen`, and marks it and its covering prefixes in the filter, which grows with their number.
    fn choose(&mut self, prefix: Prefix) {
        self.chosen.insert(prefix);
        self.n_marked += usize::from(prefix.len());
        let n_words = (self.n_marked * FILTER_BITS / 64).next_power_of_two().max(FILTER);
        if n_words > self.filter.len() {
            self.filter = vec![0; n_words];
            let chosen = std::mem::take(&mut self.chosen);
            chosen.iter().for_each(|prefix| self.mark(prefix));
            self.chosen = chosen;
        } else {
            self.mark(&prefix);
        }
    }

    fn mark(&mut self, prefix: &Prefix) {
        covering_prefixes(*prefix).chain([*prefix]).for_each(|prefix| self.mark_one(&prefix));
    }

    fn mark_one(&mut self, prefix: &Prefix) {
        let (word, marks) = self.place(hash_bits(prefix.bits(), prefix.len()));
        if let Some(bits) = self.filter.get_mut(word) {
            *bits |= marks;
        }
        self.mark_block(prefix.family(), block(prefix.family(), head(prefix)));
    }

    /// Marks every block that contains a part of the prefix.
    fn mark_within(&mut self, prefix: &Prefix) {
        match prefix.family() {
            Family::V4 => {
                let first = head(prefix) >> 16;
                let n = 1u32 << 16u8.saturating_sub(prefix.len());
                (first..first + n).for_each(|block| self.mark_block(Family::V4, block));
            }
            // Shorter than the hashed bits: any block may contain a part.
            Family::V6 if prefix.len() < 32 => {
                self.blocks[Family::V6 as usize] = vec![u64::MAX; (BLOCKS / 64) as usize]
            }
            Family::V6 => self.mark_block(Family::V6, block(Family::V6, head(prefix))),
        }
    }

    fn mark_block(&mut self, family: Family, block: u32) {
        let blocks = &mut self.blocks[family as usize];
        if blocks.is_empty() {
            blocks.resize((BLOCKS / 64) as usize, 0);
        }
        if let Some(bits) = blocks.get_mut((block / 64) as usize) {
            *bits |= 1 << (block % 64);
        }
    }
}

/// The less-specific prefixes that may cover a prefix: those of at least [`MIN_COVER_LENGTH`].
pub(super) fn covering_prefixes(prefix: Prefix) -> impl Iterator<Item = Prefix> {
    (MIN_COVER_LENGTH[prefix.family() as usize]..prefix.len()).map(move |length| prefix.shortened_to(length))
}

fn head(prefix: &Prefix) -> u32 {
    (prefix.bits() >> 96) as u32
}

#[inline]
fn block(family: Family, head: u32) -> u32 {
    match family {
        Family::V4 => head >> 16,
        Family::V6 => head.wrapping_mul(0x9e37_79b1) >> 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn a_selected_prefix_matches_with_its_covering_prefixes_and_without_neighbours_and_parts() {
        let mut selection = Selection::new();
        selection.add_prefix(prefix("175.45.176.0/24"));
        assert!(selection.matches(&prefix("175.45.176.0/24")));
        assert!(selection.matches(&prefix("175.45.176.0/22")));
        assert!(selection.matches(&prefix("175.0.0.0/8")));
        assert!(!selection.matches(&prefix("174.0.0.0/7")));
        assert!(!selection.matches(&prefix("0.0.0.0/0")));
        assert!(!selection.matches(&prefix("175.45.177.0/24")));
        assert!(!selection.matches(&prefix("175.45.176.0/25")));
    }

    fn may_match(selection: &Selection, text: &str) -> bool {
        let prefix = prefix(text);
        selection.may_match(prefix.family(), head(&prefix), hash_bits(prefix.bits(), prefix.len()))
    }

    #[test]
    fn the_pre_check_of_many_prefixes_has_few_false_positives() {
        let mut selection = Selection::new();
        let nth = |n: u32| format!("{}.{}.{}.0/24", 11 + n / 65_536, n / 256 % 256, n % 256);
        (0..100_000).step_by(10).for_each(|n| selection.add_prefix(prefix(&nth(n))));
        assert!((0..100_000).step_by(10).all(|n| may_match(&selection, &nth(n))));
        let n_false = (0..100_000).filter(|n| n % 10 != 0 && may_match(&selection, &nth(*n))).count();
        assert!(n_false < 90_000 / 10, "{n_false}");
    }

    #[test]
    fn the_pre_check_has_no_false_negatives() {
        let mut selection = Selection::new();
        assert!(!may_match(&selection, "175.45.176.0/20"));
        selection.add_prefix(prefix("175.45.176.0/24"));
        selection.add_within(prefix("10.0.0.0/9"));
        selection.add_within(prefix("192.0.2.0/24"));
        selection.add_within(prefix("2001:db8::/32"));
        selection.add_prefix(prefix("2400:100::/48"));
        for text in
            ["175.45.176.0/24", "175.32.0.0/11", "10.127.255.0/24", "10.0.0.0/8", "192.0.2.128/25", "192.0.0.0/12"]
        {
            let matching = prefix(text);
            assert!(selection.matches(&matching) && may_match(&selection, text), "{text}");
        }
        for text in ["2001:db8:ffff::/48", "2001:db8::/32", "2001::/16", "2400:100::/48", "2400:100::/24"] {
            let matching = prefix(text);
            assert!(selection.matches(&matching) && may_match(&selection, text), "{text}");
        }
        assert!(!may_match(&selection, "10.128.0.0/9"));
        selection.add_within(prefix("2a00::/12"));
        assert!(may_match(&selection, "2a0f:1234::/32"));
    }

    #[test]
    fn everything_inside_matches_at_every_length() {
        let mut selection = Selection::new();
        selection.add_within(prefix("2001:db8::/32"));
        selection.add_within(prefix("10.0.0.0/9"));
        assert!(selection.matches(&prefix("2001:db8::/32")));
        assert!(selection.matches(&prefix("2001:db8:ffff::1/128")));
        assert!(selection.matches(&prefix("10.1.2.3/32")));
        assert!(!selection.matches(&prefix("10.128.0.0/16")));
        assert!(!selection.matches(&prefix("2001:db9::/32")));
    }
}
