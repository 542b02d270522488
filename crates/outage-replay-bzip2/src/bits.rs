//! Bits of a block, most significant first.

/// Reads bits from octets; zeros follow the last octet.
#[derive(Clone, Copy)]
pub(crate) struct Bits<'a> {
    octets: &'a [u8],
    /// The next octet to load.
    at: usize,
    /// Loaded bits from the top down. `n` of them are counted as loaded; below them are the bits of `octets[at]`, or zeros.
    window: u64,
    n: u32,
}

impl<'a> Bits<'a> {
    /// The bits of `octets` from the bit `begin` on.
    pub(crate) fn new(octets: &'a [u8], begin: usize) -> Bits<'a> {
        let mut bits = Bits { octets, at: begin / 8, window: 0, n: 0 };
        bits.refill();
        bits.skip((begin % 8) as u32);
        bits
    }

    /// Loads bits: at least 56 are there afterwards.
    #[inline(always)]
    pub(crate) fn refill(&mut self) {
        match self.octets.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            Some(next) => {
                self.window |= u64::from_be_bytes(*next) >> self.n;
                let n_octets = (63 - self.n) >> 3;
                self.at += n_octets as usize;
                self.n += 8 * n_octets;
            }
            None => self.refill_at_end(),
        }
    }

    #[cold]
    fn refill_at_end(&mut self) {
        while self.n <= 55 {
            let octet = self.octets.get(self.at).copied().unwrap_or_default();
            self.window |= u64::from(octet) << (56 - self.n);
            self.at += 1;
            self.n += 8;
        }
    }

    /// The number of bits that can be read before the next refill.
    #[inline(always)]
    pub(crate) fn n_loaded(&self) -> u32 {
        self.n
    }

    /// The next 1 to 32 bits, which stay.
    #[inline(always)]
    pub(crate) fn peek(&self, n: u32) -> u32 {
        (self.window >> (64 - n)) as u32
    }

    /// Drops loaded bits.
    #[inline(always)]
    pub(crate) fn skip(&mut self, n: u32) {
        self.window <<= n;
        self.n -= n;
    }

    /// The next 1 to 32 bits.
    #[inline]
    pub(crate) fn take(&mut self, n: u32) -> u32 {
        if self.n < n {
            self.refill();
        }
        let value = self.peek(n);
        self.skip(n);
        value
    }

    /// The position of the next bit.
    #[inline(always)]
    pub(crate) fn position(&self) -> usize {
        self.at * 8 - self.n as usize
    }

    /// Whether bits were read that do not exist.
    #[inline(always)]
    pub(crate) fn is_past_end(&self) -> bool {
        self.position() > self.octets.len() * 8
    }
}
