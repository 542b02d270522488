//! The address space of the prefixes that are up: the number of distinct /24 or /48 networks in their union.
//!
//! Overlapping prefixes are never counted twice, and a prefix longer than the unit counts as one unit.

use std::ops::Range;

use crate::bgp::{Family, Prefix};

/// CAIDA counts /24 networks; for IPv6 we count /48, the longest prefix that is commonly accepted.
const UNIT_LENGTH: [u8; 2] = [24, 48];

/// The union of the prefixes that are up, kept as each of them changes.
#[derive(Clone, Debug)]
pub(super) struct Space {
    /// Number of units in each elementary segment: a range of addresses without a prefix boundary inside.
    sizes: Vec<u64>,
    /// Segments of each prefix.
    segments: Vec<Range<usize>>,
    /// How many prefixes that are up contain each segment.
    depth: Vec<u32>,
    total: u64,
}

impl Space {
    /// Returns the space of some prefixes of one family, none of them up.
    pub(super) fn new(prefixes: &[Prefix]) -> Space {
        let spans: Vec<Range<u64>> = prefixes.iter().map(units).collect();
        let mut bounds: Vec<u64> = spans.iter().flat_map(|span| [span.start, span.end]).collect();
        bounds.sort_unstable();
        bounds.dedup();
        let index = |bound: u64| bounds.partition_point(|b| *b < bound);
        let sizes: Vec<u64> = bounds.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let segments = spans.iter().map(|span| index(span.start)..index(span.end)).collect();
        Space { depth: vec![0; sizes.len()], sizes, segments, total: 0 }
    }

    /// Marks the prefix of that index as up or down. Its state must change.
    pub(super) fn set(&mut self, prefix: usize, up: bool) {
        for segment in self.segments[prefix].clone() {
            let depth = &mut self.depth[segment];
            if up {
                self.total += if *depth == 0 { self.sizes[segment] } else { 0 };
                *depth += 1;
            } else {
                *depth -= 1;
                self.total -= if *depth == 0 { self.sizes[segment] } else { 0 };
            }
        }
    }

    /// Returns the number of units in the union of the prefixes that are up.
    pub(super) fn units(&self) -> u64 {
        self.total
    }
}

/// Returns the number of units in the union of some prefixes of one family.
pub(crate) fn units_of(prefixes: &[Prefix]) -> u64 {
    let mut spans: Vec<Range<u64>> = prefixes.iter().map(units).collect();
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    let (mut total, mut end) = (0, 0);
    for span in spans {
        total += span.end.saturating_sub(span.start.max(end));
        end = end.max(span.end);
    }
    total
}

/// Returns the units that a prefix contains or lies in.
fn units(prefix: &Prefix) -> Range<u64> {
    let length = match prefix.family() {
        Family::V4 => UNIT_LENGTH[0],
        Family::V6 => UNIT_LENGTH[1],
    };
    let start = (prefix.bits() >> (128 - u32::from(length))) as u64;
    start..start + (1u64 << length.saturating_sub(prefix.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(up: &str, expected: u64) {
        let prefixes: Vec<Prefix> = up.split_whitespace().map(|text| text.parse().unwrap()).collect();
        let mut space = Space::new(&prefixes);
        for index in 0..prefixes.len() {
            space.set(index, true);
        }
        assert_eq!(space.units(), expected, "{up}");
        assert_eq!(units_of(&prefixes), expected, "{up}");
        for index in 0..prefixes.len() {
            space.set(index, false);
        }
        assert_eq!(space.units(), 0, "{up}");
    }

    #[test]
    fn overlapping_prefixes_count_once() {
        check("175.45.176.0/22 175.45.176.0/24 175.45.177.0/24 175.45.178.0/24 175.45.179.0/24", 4);
        check("10.0.0.0/8 10.0.0.0/8 10.1.0.0/16", 65536);
    }

    #[test]
    fn a_prefix_longer_than_the_unit_counts_as_one_unless_covered() {
        check("192.0.2.0/26 192.0.2.128/26", 1);
        check("192.0.2.0/23 192.0.3.128/25", 2);
        check("2001:db8::/64 2001:db8:1::/48", 2);
        check("2000::/3", 1 << 45);
    }
}
