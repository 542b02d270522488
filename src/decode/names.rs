//! The prefixes that readers of RIB dumps passed over, so that one that turns out to matter need not be looked for again
//! where it is not.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bgp::Prefix;

/// Bits, a power of two: with 1.5 million prefixes one question in a thousand is answered with a needless yes.
const N_BITS: u64 = 1 << 25;
/// Bits for each prefix.
const N_PLACES: u64 = 4;

/// A set of prefixes that may hold one too many and never one too few (Bloom, 1970), filled by many threads.
pub(super) struct Names(Box<[AtomicU64]>);

impl Default for Names {
    fn default() -> Names {
        Names((0..N_BITS / 64).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Names {
    /// Hot: once per prefix of a RIB dump.
    pub(super) fn add(&self, prefix: &Prefix) {
        for (word, bit) in self.places(prefix) {
            // Most are known from the dump before.
            if word.load(Ordering::Relaxed) & bit == 0 {
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn may_have(&self, prefix: &Prefix) -> bool {
        self.places(prefix).all(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    fn places(&self, prefix: &Prefix) -> impl Iterator<Item = (&AtomicU64, u64)> {
        let bits = prefix.bits();
        let mut hash = (bits >> 64) as u64 ^ (bits as u64).rotate_left(29) ^ u64::from(prefix.len());
        hash = (hash ^ hash >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        hash = (hash ^ hash >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let (first, step) = (hash, hash >> 32 | 1);
        let places = (0..N_PLACES).map(move |n| first.wrapping_add(n.wrapping_mul(step)) % N_BITS);
        places.filter_map(|place| Some((self.0.get((place / 64) as usize)?, 1 << (place % 64))))
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_forgotten_and_little_is_invented() {
        let names = Names::default();
        let prefix = |n: u32, length| Prefix::new(std::net::Ipv4Addr::from(n << 8).into(), length).unwrap();
        (0..1_000_000).for_each(|n| names.add(&prefix(n, 24)));
        assert!((0..1_000_000).all(|n| names.may_have(&prefix(n, 24))));
        let invented = (1_000_000..1_100_000).filter(|n| names.may_have(&prefix(*n, 24))).count();
        assert!(invented < 200, "{invented}");
        assert!((0..1000).filter(|n| names.may_have(&prefix(n * 256, 16))).count() < 10);
    }
}
