//! The prefixes that readers of RIB dumps passed over, so that one that turns out to matter need not be looked for again
//! where it is not.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::prefix_hash::hash_bits;
use crate::bgp::Prefix;

/// Words of 64 bits, a power of two: with 1.5 million prefixes one question in some hundred is answered with a needless
/// yes.
const N_WORDS: usize = 1 << 19;

/// A set of prefixes that may hold one too many and never one too few (Bloom, 1970), filled by many threads. The bits of
/// a prefix share a word, so that it costs one access to memory.
pub(super) struct Names(Mutex<Box<[u64]>>);

impl Default for Names {
    fn default() -> Names {
        Names(Mutex::new(vec![0; N_WORDS].into()))
    }
}

impl Names {
    /// Adds prefixes, which are given hash. Many at once: one after the other each would wait for memory.
    pub(super) fn add(&self, hash: &[u64]) {
        let mut words = self.words();
        for hash in hash {
            if let Some(word) = words.get_mut(place(*hash)) {
                *word |= bits(*hash);
            }
        }
    }

    pub(super) fn may_have(&self, prefix: &Prefix) -> bool {
        let hash = hash_bits(prefix.bits(), prefix.len());
        self.words().get(place(hash)).is_some_and(|word| word & bits(hash) == bits(hash))
    }

    /// Whoever panicked left whole words behind.
    fn words(&self) -> MutexGuard<'_, Box<[u64]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(hash: u64) -> usize {
    (hash >> 32) as usize & (N_WORDS - 1)
}

fn bits(hash: u64) -> u64 {
    [0, 6, 12, 18].into_iter().fold(0, |bits, shift| bits | 1 << (hash >> shift & 63))
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
        let hash: Vec<u64> = (0..1_000_000).map(|n| prefix(n, 24)).map(|p| hash_bits(p.bits(), p.len())).collect();
        names.add(&hash);
        assert!((0..1_000_000).all(|n| names.may_have(&prefix(n, 24))));
        let invented = (1_000_000..1_100_000).filter(|n| names.may_have(&prefix(*n, 24))).count();
        assert!(invented < 500, "{invented}");
        assert!((0..1000).filter(|n| names.may_have(&prefix(n * 256, 16))).count() < 10);
    }
}
