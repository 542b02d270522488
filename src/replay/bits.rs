//! A set of small numbers, one bit each.
//!
//! The crate `fixedbitset` has words of `usize`, does not grow on insertion, and does not report whether an insertion changed
//! the set; the samples of a file come as words of 64 bits.

/// A set of small numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn from_words(words: Vec<u64>) -> Bits {
        Bits(words)
    }

    pub(super) fn has(&self, n: u32) -> bool {
        self.0.get((n / 64) as usize).is_some_and(|word| word >> (n % 64) & 1 != 0)
    }

    /// Adds or removes `n`; returns whether that changed the set.
    pub(super) fn set(&mut self, n: u32, is_in: bool) -> bool {
        let (word, bit) = ((n / 64) as usize, 1 << (n % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let changes = (self.0[word] & bit != 0) != is_in;
        self.0[word] ^= if changes { bit } else { 0 };
        changes
    }

    pub(super) fn len(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        ones(&self.0).map(|n| n as u32)
    }
}

/// The numbers of the bits that are set, 64 to a word.
pub(super) fn ones(words: &[u64]) -> impl Iterator<Item = usize> + '_ {
    words.iter().enumerate().flat_map(|(index, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            let bit = rest.trailing_zeros();
            rest &= rest.wrapping_sub(1);
            (bit < 64).then_some(index * 64 + bit as usize)
        })
    })
}
