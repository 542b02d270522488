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
}

impl Selection {
    /// Nothing yet.
    pub fn new() -> Selection {
        Selection::default()
    }

    /// Adds a prefix.
    pub fn add_prefix(&mut self, prefix: Prefix) {
        if self.exact.insert(prefix) {
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
            self.covers.insert(prefix.shortened_to(length));
        }
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
