//! The prefixes that readers of RIB dumps passed over, so that one that turns out to matter need not be looked for again
//! where it is not.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::control::mix_bits;
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
    /// Adds prefixes, which are given mixed. Many at once: one after the other each would wait for memory.
    pub(super) fn add(&self, mixed: &[u64]) {
        let mut words = self.words();
        for mixed in mixed {
            if let Some(word) = words.get_mut(place(*mixed)) {
                *word |= bits(*mixed);
            }
        }
    }

    pub(super) fn may_have(&self, prefix: &Prefix) -> bool {
        let mixed = mix_bits(prefix.bits(), prefix.len());
        self.words().get(place(mixed)).is_some_and(|word| word & bits(mixed) == bits(mixed))
    }

    /// Whoever panicked left whole words behind.
    fn words(&self) -> MutexGuard<'_, Box<[u64]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(mixed: u64) -> usize {
    (mixed >> 32) as usize & (N_WORDS - 1)
}

fn bits(mixed: u64) -> u64 {
    [0, 6, 12, 18].into_iter().fold(0, |bits, shift| bits | 1 << (mixed >> shift & 63))
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
        let mixed: Vec<u64> = (0..1_000_000).map(|n| prefix(n, 24)).map(|p| mix_bits(p.bits(), p.len())).collect();
        names.add(&mixed);
        assert!((0..1_000_000).all(|n| names.may_have(&prefix(n, 24))));
        let invented = (1_000_000..1_100_000).filter(|n| names.may_have(&prefix(*n, 24))).count();
        assert!(invented < 500, "{invented}");
        assert!((0..1000).filter(|n| names.may_have(&prefix(n * 256, 16))).count() < 10);
    }
}
