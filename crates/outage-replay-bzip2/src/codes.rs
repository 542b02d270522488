//! Prefix codes: which symbol the next bits are.

use crate::bits::Bits;

/// The longest code, in bits.
pub(crate) const MAX_LENGTH: u32 = 20;

/// Symbols of the largest alphabet: 256 values less one, two run lengths, and the end.
pub(crate) const MAX_SYMBOLS: usize = 258;

/// What [`CodeTable::next`] returns for bits that are no code of the table.
pub(crate) const NO_SYMBOL: u32 = 511;

/// Codes of up to this length are looked up at once. Nearly all codes are; longer tables displace other data from the cache.
const DIRECT: u32 = 10;

/// One table of codes.
#[derive(Clone)]
pub(crate) struct CodeTable {
    /// By the next bits: the symbol and, in the low 5 bits, the length of its code; 0 if it is longer.
    direct: [u16; 1 << DIRECT],
    /// By length: the first value of 20 bits that is no code of this length or less.
    limits: [u32; MAX_LENGTH as usize + 1],
    /// By length: what to add to a code to find its symbol in `symbols`.
    offsets: [i32; MAX_LENGTH as usize + 1],
    symbols: [u16; MAX_SYMBOLS],
}

impl CodeTable {
    pub(crate) const EMPTY: CodeTable = CodeTable {
        direct: [0; 1 << DIRECT],
        limits: [0; MAX_LENGTH as usize + 1],
        offsets: [0; MAX_LENGTH as usize + 1],
        symbols: [0; MAX_SYMBOLS],
    };

    /// The table for code lengths of 1 to 20 bits, one for each symbol.
    ///
    /// Codes are numbered as they come, by length and symbol. Lengths that ask for more codes than there are leave the last
    /// symbols without any, and lengths that ask for fewer leave bits that are no code, as in libbz2.
    pub(crate) fn assign(&mut self, lengths: &[u8]) {
        self.direct.fill(0);
        let (mut code, mut n_symbols) = (0u32, 0usize);
        for length in 1..=MAX_LENGTH {
            self.offsets[length as usize] = n_symbols as i32 - code as i32;
            let of_length = lengths.iter().enumerate().filter(|(_, other)| u32::from(**other) == length);
            for (symbol, _) in of_length {
                if let Some(place) = self.symbols.get_mut(n_symbols) {
                    *place = symbol as u16;
                }
                if length <= DIRECT {
                    let first = (code as usize) << (DIRECT - length);
                    let entry = (symbol as u16) << 5 | length as u16;
                    if let Some(places) = self.direct.get_mut(first..first + (1 << (DIRECT - length))) {
                        places.fill(entry);
                    }
                }
                n_symbols += 1;
                code += 1;
            }
            self.limits[length as usize] = (code << (MAX_LENGTH - length)).min(1 << MAX_LENGTH);
            // More codes than the length has: none is left for greater lengths.
            code = code.min(1 << length) << 1;
        }
    }

    /// The next symbol, or [`NO_SYMBOL`]. At least 21 bits must be loaded.
    #[inline(always)]
    pub(crate) fn next(&self, bits: &mut Bits) -> u32 {
        let entry = u32::from(self.direct[bits.peek(DIRECT) as usize]);
        if entry != 0 {
            bits.skip(entry & 31);
            return entry >> 5;
        }
        self.next_long(bits)
    }

    #[inline(never)]
    fn next_long(&self, bits: &mut Bits) -> u32 {
        let value = bits.peek(MAX_LENGTH);
        for length in DIRECT + 1..=MAX_LENGTH {
            if value < self.limits[length as usize] {
                bits.skip(length);
                let index = (value >> (MAX_LENGTH - length)) as i32 + self.offsets[length as usize];
                return self.symbols.get(index as usize).map_or(NO_SYMBOL, |symbol| u32::from(*symbol));
            }
        }
        // libbz2 reads one bit more than the longest code before it gives up.
        bits.skip(MAX_LENGTH + 1);
        NO_SYMBOL
    }
}
