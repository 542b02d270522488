//! The second half of a block: from the last column of its sorted rotations to the block itself.
//!
//! `table[row]` contains the first value of a rotation and the row of the rotation that begins one value later, so the block
//! is read by following rows from the original one. Each step waits for the memory access of the step before. Therefore the
//! block is cut into segments: some rows are marked, and each segment begins after one marked row and ends with the next one
//! that it meets. Segments do not depend on each other, so several are followed at once, and their order is known at the end.

use crate::symbols::LastColumn;
use crate::text::{End, Text};

/// Rows, and more than a block has: a row of 20 bits is always inside.
const ROWS: usize = 1 << 20;

/// In an entry: the value in the low 8 bits, this mark, and the next row from here on.
const MARK: u32 = 1 << 8;
const ROW: u32 = 12;

/// One row of so many is marked, so that a full block has 440 segments: the last chains end at nearly the same time.
const STRIDE: usize = 2048;

/// Segments that are followed at once.
const CHAINS: usize = 16;

/// Steps between two looks for marks.
const STEPS: usize = 16;

/// A row that leads to itself, for chains without a segment.
const IDLE: u32 = ROWS as u32 - 1;

/// Entries that are written at once.
const LANES: usize = 8;

/// The working memory of the second half.
pub(crate) struct Rotations {
    table: Box<[u32; ROWS]>,
}

/// The marked rows, each the end of one segment and, by its number, the place after which another segment begins.
struct Marks {
    /// The number of rows that are marked because of their place.
    n: usize,
    /// The original rotation, which is marked too.
    origin: usize,
}

impl Marks {
    fn row(&self, number: usize) -> usize {
        if number < self.n { number * STRIDE } else { self.origin }
    }

    fn number(&self, row: usize) -> usize {
        if row == self.origin { self.n } else { row / STRIDE }
    }

    /// The number of each marked row, once.
    fn numbers(&self) -> impl Iterator<Item = usize> {
        (0..=self.n).filter(|number| self.number(self.row(*number)) == *number)
    }
}

/// A segment that is being followed.
#[derive(Clone, Copy)]
struct Chain {
    /// The number of the mark that it begins after.
    number: usize,
    end: End,
}

impl Rotations {
    pub(crate) fn new() -> Rotations {
        let table: Box<[u32]> = vec![0; ROWS].into_boxed_slice();
        let Ok(table) = table.try_into() else { unreachable!("the length is ROWS") };
        Rotations { table }
    }

    /// Writes the block into `text`.
    pub(crate) fn restore(&mut self, column: &LastColumn, text: &mut Text) {
        self.sort(column);
        let marks = Marks { n: column.n.div_ceil(STRIDE), origin: column.head.origin };
        self.table[IDLE as usize] = IDLE << ROW;
        for number in marks.numbers() {
            self.table[marks.row(number)] |= MARK;
        }
        text.begin(column.n, marks.n + 1);
        self.follow(&marks, text);
        text.finish(column.n, self.table[marks.origin] as u8, marks.n);
    }

    /// Fills the table: the rows that begin with a value have the order of the rows that end with it.
    fn sort(&mut self, column: &LastColumn) {
        let (mut places, mut ends) = ([0; 256], [0; 256]);
        let mut n = 0;
        for ((place, end), count) in places.iter_mut().zip(&mut ends).zip(&column.counts) {
            *place = n as usize;
            n += count;
            *end = n as usize;
        }
        let mut row = 0;
        // Hot: once per run.
        for run in &column.runs {
            let (value, n) = ((run & 0xff) as usize, (run >> 8) as usize);
            let entry = row << ROW | run & 0xff;
            row += run >> 8;
            let first = places[value];
            let last = first + n;
            places[value] = last;
            let entry_of = |index: usize| entry + ((index as u32) << ROW);
            if last + LANES <= ends[value] {
                // What is written beyond the run is overwritten by the next run of this value.
                let mut done = 0;
                while done < n {
                    if let Some(places) = self.table[first + done..].first_chunk_mut::<LANES>() {
                        *places = std::array::from_fn(|lane| entry_of(done + lane));
                    }
                    done += LANES;
                }
            } else {
                for (index, place) in self.table[first..last].iter_mut().enumerate() {
                    *place = entry_of(index);
                }
            }
        }
    }

    /// Follows all segments.
    fn follow(&self, marks: &Marks, text: &mut Text) {
        let table = &*self.table;
        let mut numbers = marks.numbers();
        let mut next = || match numbers.next() {
            Some(number) => (Some(Chain { number, end: End::default() }), table[marks.row(number)] >> ROW),
            None => (None, IDLE),
        };
        let (mut chains, mut rows) = ([None; CHAINS], [IDLE; CHAINS]);
        for (chain, row) in chains.iter_mut().zip(&mut rows) {
            (*chain, *row) = next();
        }
        while chains.iter().any(Option::is_some) {
            let before = rows;
            let mut values = [[0; STEPS]; CHAINS];
            let mut seen = 0;
            // Hot: once per value.
            for step in 0..STEPS {
                for (row, values) in rows.iter_mut().zip(&mut values) {
                    let entry = table[*row as usize];
                    values[step] = entry as u8;
                    seen |= entry;
                    *row = entry >> ROW;
                }
            }
            for (chain, values) in chains.iter_mut().zip(&values) {
                if let Some(chain) = chain {
                    text.put(chain.number, &mut chain.end, values);
                }
            }
            if seen & MARK != 0 {
                for ((chain, row), before) in chains.iter_mut().zip(&mut rows).zip(before) {
                    if let Some(Chain { number, end }) = *chain
                        && let Some((n, last)) = self.first_mark(before)
                    {
                        text.close(number, end.n() - STEPS + n, marks.number(last));
                        (*chain, *row) = next();
                    }
                }
            }
        }
    }

    /// The first marked row of the next [`STEPS`] from a row on, and the number of rows up to it.
    fn first_mark(&self, mut row: u32) -> Option<(usize, usize)> {
        for n in 1..=STEPS {
            let entry = self.table[row as usize];
            if entry & MARK != 0 {
                return Some((n, row as usize));
            }
            row = entry >> ROW;
        }
        None
    }
}
