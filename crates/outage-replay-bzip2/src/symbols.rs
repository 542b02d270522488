//! The first half of a block: from bits to the last column of its sorted rotations, as runs.

use crate::bits::Bits;
use crate::codes::{CodeTable, MAX_LENGTH, MAX_SYMBOLS};
use crate::ranks::Ranks;
use crate::{BLOCK_MAGIC, Error, MAGIC_BITS};

/// Symbols after which another table is chosen.
const GROUP: usize = 50;

/// The number of table choices that are kept; more may be present and are ignored, as in libbz2 1.0.8.
const MAX_SELECTORS: usize = 18_002;

const MAX_TABLES: usize = 6;

/// The last column of the sorted rotations of one block, and what the head of the block says.
pub(crate) struct LastColumn {
    /// Equal values that follow each other: the number and, in the low 8 bits, the value. Some are empty.
    pub(crate) runs: Vec<u32>,
    /// How often each value occurs.
    pub(crate) counts: [u32; 256],
    /// The length of the column.
    pub(crate) n: usize,
    pub(crate) head: Head,
    tables: Box<[CodeTable; MAX_TABLES]>,
    selectors: Vec<u8>,
}

/// The first fields of a block.
#[derive(Clone, Copy, Default)]
pub(crate) struct Head {
    /// Of the content.
    pub(crate) checksum: u32,
    pub(crate) is_randomised: bool,
    /// The row of the rotation that is the block itself.
    pub(crate) origin: usize,
}

impl LastColumn {
    pub(crate) fn new() -> LastColumn {
        LastColumn {
            runs: Vec::new(),
            counts: [0; 256],
            n: 0,
            head: Head::default(),
            tables: Box::new([CodeTable::EMPTY; MAX_TABLES]),
            selectors: Vec::new(),
        }
    }

    /// Reads a block. The column has at most `n_max` values.
    pub(crate) fn read(&mut self, bits: &mut Bits, n_max: usize) -> Result<(), Error> {
        let result = self.read_all(bits, n_max);
        // What was read after the end of the input says nothing.
        if bits.is_past_end() { Err(Error::Cut) } else { result }
    }

    fn read_all(&mut self, bits: &mut Bits, n_max: usize) -> Result<(), Error> {
        self.head = Head::default();
        // As libbz2 does, octet by octet: what is cut within a wrong magic number is wrong, not cut.
        for octet in BLOCK_MAGIC.to_be_bytes().iter().skip(8 - MAGIC_BITS as usize / 8) {
            if bits.take(8) != u32::from(*octet) {
                return Err(Error::Invalid);
            }
        }
        self.head = Head { checksum: bits.take(32), is_randomised: bits.take(1) == 1, origin: bits.take(24) as usize };
        if self.head.origin > n_max + 10 {
            return Err(Error::Invalid);
        }
        let (values, n_values) = read_values(bits);
        if n_values == 0 {
            return Err(Error::Invalid);
        }
        let n_tables = bits.take(3) as usize;
        if !(2..=MAX_TABLES).contains(&n_tables) {
            return Err(Error::Invalid);
        }
        self.read_selectors(bits, n_tables)?;
        for table in &mut self.tables[..n_tables] {
            read_table(bits, n_values + 2, table)?;
        }
        self.read_symbols(bits, n_max, Ranks::new(&values), n_values as u32 + 1)?;
        if self.head.origin >= self.n {
            return Err(Error::Invalid);
        }
        Ok(())
    }

    /// Which table is used for each group of symbols.
    fn read_selectors(&mut self, bits: &mut Bits, n_tables: usize) -> Result<(), Error> {
        let n = bits.take(15) as usize;
        if n == 0 {
            return Err(Error::Invalid);
        }
        let mut order: [u8; MAX_TABLES] = std::array::from_fn(|index| index as u8);
        self.selectors.clear();
        for _ in 0..n {
            bits.refill();
            let rank = (!bits.peek(MAX_TABLES as u32) << (32 - MAX_TABLES)).leading_zeros() as usize;
            if rank >= n_tables {
                bits.skip(n_tables as u32);
                return Err(Error::Invalid);
            }
            bits.skip(rank as u32 + 1);
            if self.selectors.len() < MAX_SELECTORS {
                order[..=rank].rotate_right(1);
                self.selectors.push(order[0]);
            }
            if bits.is_past_end() {
                return Err(Error::Cut);
            }
        }
        Ok(())
    }

    /// Reads symbols up to the end of the block.
    fn read_symbols(&mut self, bits: &mut Bits, n_max: usize, mut ranks: Ranks, end: u32) -> Result<(), Error> {
        let mut reader = *bits;
        self.runs.clear();
        self.counts = [0; 256];
        let (mut n, mut value) = (0, ranks.first());
        // The length of the current run, and what the next symbol of a run length counts.
        let (mut run, mut weight) = (0u32, 1u32);
        let result = 'symbols: {
            // Hot: once per symbol.
            for selector in &self.selectors {
                let table = &self.tables[usize::from(*selector) % MAX_TABLES];
                if reader.is_past_end() {
                    break 'symbols Err(Error::Cut);
                }
                for _ in 0..GROUP {
                    if reader.n_loaded() <= MAX_LENGTH {
                        reader.refill();
                    }
                    let symbol = table.next(&mut reader);
                    if symbol <= 1 {
                        if weight >= 1 << 21 {
                            break 'symbols Err(Error::Invalid);
                        }
                        run += weight << symbol;
                        weight *= 2;
                        continue;
                    }
                    n += run as usize;
                    self.counts[usize::from(value)] += run;
                    self.runs.push(run << 8 | u32::from(value));
                    if symbol >= end {
                        break 'symbols if symbol == end && n <= n_max { Ok(()) } else { Err(Error::Invalid) };
                    }
                    if n >= n_max {
                        break 'symbols Err(Error::Invalid);
                    }
                    value = ranks.use_rank(symbol - 1);
                    (run, weight) = (1, 1);
                }
            }
            Err(Error::Invalid)
        };
        self.n = n;
        *bits = reader;
        result
    }
}

/// The values that occur in the block in ascending order, and their number.
fn read_values(bits: &mut Bits) -> ([u8; 256], usize) {
    let (mut values, mut n) = ([0; 256], 0);
    let ranges = bits.take(16);
    for range in (0..16).filter(|range| ranges >> (15 - range) & 1 == 1) {
        let members = bits.take(16);
        for member in (0..16).filter(|member| members >> (15 - member) & 1 == 1) {
            if let Some(place) = values.get_mut(n) {
                *place = range << 4 | member;
            }
            n += 1;
        }
    }
    (values, n)
}

/// The code lengths of one table, each as its difference to the one before.
fn read_table(bits: &mut Bits, n_symbols: usize, table: &mut CodeTable) -> Result<(), Error> {
    let mut lengths = [0; MAX_SYMBOLS];
    let mut length = bits.take(5);
    let lengths = lengths.get_mut(..n_symbols).unwrap_or_default();
    for place in &mut *lengths {
        loop {
            if !(1..=MAX_LENGTH).contains(&length) {
                return Err(Error::Invalid);
            }
            match bits.take(1) {
                0 => break,
                _ if bits.take(1) == 0 => length += 1,
                _ => length -= 1,
            }
        }
        *place = length as u8;
    }
    table.assign(lengths);
    Ok(())
}
