//! Which prefixes and origins a reader reports.

use rustc_hash::FxHashSet;

use crate::bgp::{Asn, Family, Prefix};

/// A less-specific prefix shorter than this (IPv4, IPv6) covers nothing: it is a default route or a leak.
pub const MIN_COVER_LENGTH: [u8; 2] = [8, 16];

/// What a reader reports: chosen prefixes, everything inside chosen prefixes, and routes of chosen origins; for each
/// of these also the less-specific prefixes that cover it, because they decide whether its loss disconnects anyone.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    exact: FxHashSet<Prefix>,
    within: FxHashSet<Prefix>,
    covers: FxHashSet<Prefix>,
    origins: FxHashSet<Asn>,
    /// Lengths in `within`, so that a look-up tries only those: bit n stands for length n, IPv4 then IPv6.
    within_lengths: [u128; 2],
    /// One bit for each block of addresses that may hold a wanted prefix, IPv4 then IPv6; empty until there is one.
    blocks: [Vec<u64>; 2],
}

/// Bits in `blocks`: one for each IPv4 /16; IPv6 networks of 32 bits share them by hash.
const BLOCKS: u32 = 1 << 16;

impl Selection {
    /// Nothing yet.
    pub fn new() -> Selection {
        Selection::default()
    }

    /// Adds a prefix.
    pub fn add_prefix(&mut self, prefix: Prefix) {
        if self.exact.insert(prefix) {
            self.mark(&prefix);
            self.add_covers(prefix);
        }
    }

    /// Adds a prefix and everything inside it.
    pub fn add_within(&mut self, prefix: Prefix) {
        if self.within.insert(prefix) {
            // A /128 has no room in the mask and no inside: it is an exact prefix.
            match 1u128.checked_shl(u32::from(prefix.len())) {
                Some(bit) => self.within_lengths[prefix.family() as usize] |= bit,
                None => self.add_prefix(prefix),
            }
            self.mark_within(&prefix);
            self.add_covers(prefix);
        }
    }

    /// Adds every route that `origin` originates.
    pub fn add_origin(&mut self, origin: Asn) {
        self.origins.insert(origin);
    }

    /// Whether an event about `prefix` is wanted, whoever originates it.
    pub fn wants(&self, prefix: &Prefix) -> bool {
        self.exact.contains(prefix) || self.covers.contains(prefix) || self.is_within(prefix)
    }

    /// A cheap form of [`Selection::wants`] that never says no wrongly. `head` holds the leading 32 bits of the network
    /// address, host bits cleared.
    #[inline]
    pub(super) fn may_want(&self, family: Family, head: u32) -> bool {
        let block = block(family, head);
        let [v4, v6] = &self.blocks;
        let blocks = if family == Family::V4 { v4 } else { v6 };
        blocks.get((block / 64) as usize).is_some_and(|bits| bits >> (block % 64) & 1 != 0)
    }

    /// Whether the prefix itself was chosen, not only as a part or a cover of another.
    pub fn wants_exactly(&self, prefix: &Prefix) -> bool {
        self.exact.contains(prefix)
    }

    /// How many prefixes were chosen themselves.
    pub fn n_prefixes(&self) -> usize {
        self.exact.len()
    }

    /// Whether a route of `origin` is wanted, whatever its prefix.
    pub fn wants_origin(&self, origin: Asn) -> bool {
        self.origins.contains(&origin)
    }

    /// Whether any origin is chosen.
    pub fn has_origins(&self) -> bool {
        !self.origins.is_empty()
    }

    /// The chosen origins.
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

    fn add_covers(&mut self, prefix: Prefix) {
        let shortest = match prefix.family() {
            Family::V4 => MIN_COVER_LENGTH[0],
            Family::V6 => MIN_COVER_LENGTH[1],
        };
        for length in shortest..prefix.len() {
            let cover = prefix.shortened_to(length);
            if self.covers.insert(cover) {
                self.mark(&cover);
            }
        }
    }

    /// Marks the block in which a prefix begins: a look-up knows its exact network address.
    fn mark(&mut self, prefix: &Prefix) {
        self.mark_block(prefix.family(), block(prefix.family(), head(prefix)));
    }

    /// Marks every block that holds a part of the prefix.
    fn mark_within(&mut self, prefix: &Prefix) {
        match prefix.family() {
            Family::V4 => {
                let first = head(prefix) >> 16;
                let n = 1u32 << 16u8.saturating_sub(prefix.len());
                (first..first + n).for_each(|block| self.mark_block(Family::V4, block));
            }
            // Shorter than the hashed bits: every block may hold a part.
            Family::V6 if prefix.len() < 32 => {
                self.blocks[Family::V6 as usize] = vec![u64::MAX; (BLOCKS / 64) as usize]
            }
            Family::V6 => self.mark(prefix),
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
    fn covers_of_a_chosen_prefix_are_wanted_but_not_its_neighbours_or_parts() {
        let mut selection = Selection::new();
        selection.add_prefix(prefix("175.45.176.0/24"));
        assert!(selection.wants(&prefix("175.45.176.0/24")));
        assert!(selection.wants(&prefix("175.45.176.0/22")));
        assert!(selection.wants(&prefix("175.0.0.0/8")));
        assert!(!selection.wants(&prefix("174.0.0.0/7")));
        assert!(!selection.wants(&prefix("0.0.0.0/0")));
        assert!(!selection.wants(&prefix("175.45.177.0/24")));
        assert!(!selection.wants(&prefix("175.45.176.0/25")));
    }

    #[test]
    fn the_cheap_form_never_says_no_to_a_wanted_prefix() {
        let mut selection = Selection::new();
        assert!(!selection.may_want(Family::V4, 0xaf2d_b000));
        selection.add_prefix(prefix("175.45.176.0/24"));
        selection.add_within(prefix("10.0.0.0/9"));
        selection.add_within(prefix("192.0.2.0/24"));
        selection.add_within(prefix("2001:db8::/32"));
        selection.add_prefix(prefix("2400:100::/48"));
        for wanted in
            ["175.45.176.0/24", "175.32.0.0/11", "10.127.255.0/24", "10.0.0.0/8", "192.0.2.128/25", "192.0.0.0/12"]
        {
            let wanted = prefix(wanted);
            assert!(selection.wants(&wanted) && selection.may_want(Family::V4, head(&wanted)), "{wanted}");
        }
        for wanted in ["2001:db8:ffff::/48", "2001:db8::/32", "2001::/16", "2400:100::/48", "2400:100::/24"] {
            let wanted = prefix(wanted);
            assert!(selection.wants(&wanted) && selection.may_want(Family::V6, head(&wanted)), "{wanted}");
        }
        assert!(!selection.may_want(Family::V4, 0x0a80_0000));
        selection.add_within(prefix("2a00::/12"));
        assert!(selection.may_want(Family::V6, head(&prefix("2a0f:1234::/32"))));
    }

    #[test]
    fn everything_inside_is_wanted_at_every_length() {
        let mut selection = Selection::new();
        selection.add_within(prefix("2001:db8::/32"));
        selection.add_within(prefix("10.0.0.0/9"));
        assert!(selection.wants(&prefix("2001:db8::/32")));
        assert!(selection.wants(&prefix("2001:db8:ffff::1/128")));
        assert!(selection.wants(&prefix("10.1.2.3/32")));
        assert!(!selection.wants(&prefix("10.128.0.0/16")));
        assert!(!selection.wants(&prefix("2001:db9::/32")));
    }
}
