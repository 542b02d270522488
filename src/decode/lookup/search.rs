//! The search for prefixes in a RIB dump that is sorted by prefix.
//!
//! The search keeps the stretches that were decoded, in order, and halves the space between the one before a prefix and the
//! one after it until they meet. Every stretch is checked against its neighbours, so a dump in another order does not pass.

use super::seeking::SeekableBlocks;
use super::stretch::{Side, Stretch};
use crate::archive::ReadAt;
use crate::bgp::{Peer, Prefix};

/// Bytes of a probe: a whole block of 70 kB lies in most ranges of this size.
const PROBE: u64 = 140_000;
/// A smaller space between two stretches is read as a whole.
const NEAR: u64 = 200_000;
/// Around a guess: dumps two hours apart differ by less in most cases.
const MARGIN: u64 = 24_000;
/// More content is not held at once: a thousand prefixes are looked up in groups.
const MAX_CONTENT: usize = 192 << 20;
/// More steps mean that the search does not converge.
const MAX_STEPS: u32 = 200;

/// The bytes in which a prefix is expected, as shares of the length of the file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Guess {
    pub(super) from: f64,
    pub(super) to: f64,
}

/// A dump and the parts of it that were decoded.
pub(super) struct DumpSearch<'r> {
    pub(super) file: SeekableBlocks<'r>,
    pub(super) peers: Vec<Peer>,
    /// In the order of the file; never empty.
    pub(super) stretches: Vec<Stretch>,
}

/// Where a prefix is among the stretches.
enum PrefixPlace {
    /// All of it is in one.
    Inside,
    /// Between two that follow one another.
    Between(usize, usize),
    AfterLast,
}

impl<'r> DumpSearch<'r> {
    /// Decodes the beginning and the end of a dump; `n_first` and `n_last` bytes are expected to suffice for that.
    pub(super) fn open(input: &'r mut dyn ReadAt, n_first: u64, n_last: u64) -> Result<DumpSearch<'r>, String> {
        let mut file = SeekableBlocks::open(input, n_first)?;
        let (first, peers) = Stretch::first(&mut file)?;
        let mut search = DumpSearch { file, peers, stretches: vec![first] };
        if !search.ends() {
            search.read_end(n_last)?;
        }
        match search.ends() {
            true => Ok(search),
            false => Err("its end was not found".to_owned()),
        }
    }

    fn ends(&self) -> bool {
        self.stretches.last().is_some_and(Stretch::ends_file)
    }

    /// Decodes the last blocks.
    fn read_end(&mut self, n_last: u64) -> Result<(), String> {
        let length = self.file.bytes.length();
        let mut n = n_last;
        let begin = loop {
            let start = length.saturating_sub(n);
            self.file.bytes.get(start, length)?;
            let after = self.stretches.first().and_then(Stretch::next).unwrap_or_default();
            match self.file.first_from(start.max(after / 8))? {
                Some(begin) if begin >= after => break begin,
                _ if start <= after / 8 => break after,
                _ => n = n.saturating_mul(2),
            }
        };
        let index = self.insert(begin)?;
        while let Some(last) = self.stretches.get(index)
            && !last.ends_file()
        {
            self.grow(index)?;
        }
        Ok(())
    }

    /// Makes sure that all records of a prefix are in one stretch or, if it has none, the records around its place.
    pub(super) fn locate(&mut self, prefix: &Prefix, guess: Option<Guess>) -> Result<(), String> {
        let (mut guess, mut guessed, mut n_near) = (guess, None, 0);
        for _ in 0..MAX_STEPS {
            let (low, high) = match self.place(prefix) {
                PrefixPlace::Inside => return Ok(()),
                PrefixPlace::AfterLast => return Err(format!("{prefix} would come after the last record")),
                PrefixPlace::Between(low, high) => (low, high),
            };
            let (Some(before), Some(after)) = (self.stretches.get(low), self.stretches.get(high)) else {
                return Err("the search lost its place".to_owned());
            };
            let (Some(from), to) = (before.next(), after.begin()) else {
                return Err("the search lost its place".to_owned());
            };
            let ends_with = before.records().last().is_some_and(|record| record.prefix == *prefix);
            let begins_before = after.records().first().is_some_and(|record| record.prefix <= *prefix);
            let gap = to.saturating_sub(from) / 8;
            if ends_with {
                self.grow(low)?;
            } else if begins_before {
                self.grow_back(high)?;
            } else if let Some(guess) = guess.take() {
                guessed = self.probe_guess(guess, low, (from, to))?;
            } else if gap <= NEAR {
                self.file.bytes.get(from / 8, to.div_ceil(8) + 16)?;
                self.grow(low)?;
            } else {
                // Near the guess first, then farther away, then halfway.
                let is_of = |stretch: &Stretch| guessed.is_some_and(|begin| stretch.has_block(begin));
                let (is_after, is_before) = (is_of(before), is_of(after));
                let far = PROBE << n_near.min(16);
                n_near += 1;
                match (is_after, is_before) {
                    (true, _) if n_near <= 2 => self.grow(low)?,
                    (_, true) if n_near <= 2 => self.grow_back(high)?,
                    (true, _) if far < gap / 2 => self.probe(from / 8 + far, low, to)?,
                    (_, true) if far < gap / 2 => self.probe(to / 8 - far - PROBE, low, to)?,
                    _ => self.probe(from / 8 + (gap - PROBE) / 2, low, to)?,
                }
            }
        }
        Err(format!("the search for {prefix} does not converge"))
    }

    /// Decodes a block at this share of the length of the file, if it is not known.
    pub(super) fn sample(&mut self, share: f64) -> Result<(), String> {
        let start = (self.file.bytes.length() as f64 * share.clamp(0.0, 1.0)) as u64;
        let high = self.stretches.partition_point(|stretch| stretch.begin() <= start * 8);
        let Some(low) = high.checked_sub(1) else { return Ok(()) };
        let (Some(before), Some(after)) = (self.stretches.get(low), self.stretches.get(high)) else { return Ok(()) };
        let (Some(from), to) = (before.next(), after.begin()) else { return Ok(()) };
        if from > start * 8 || to.saturating_sub(from) / 8 < PROBE {
            return Ok(());
        }
        self.probe(start, low, to)
    }

    fn place(&self, prefix: &Prefix) -> PrefixPlace {
        let side = |stretch: &Stretch| stretch.side(prefix);
        let low = self.stretches.partition_point(|stretch| side(stretch) == Side::After);
        match self.stretches.get(low).map(side) {
            Some(Side::Inside) => PrefixPlace::Inside,
            Some(_) if low > 0 => PrefixPlace::Between(low - 1, low),
            _ => PrefixPlace::AfterLast,
        }
    }

    /// Decodes the blocks in which a prefix is expected, as far as they lie between the stretch `low` and the next one. Returns
    /// where the first of them begins.
    fn probe_guess(&mut self, guess: Guess, low: usize, (from, to): (u64, u64)) -> Result<Option<u64>, String> {
        let length = self.file.bytes.length();
        let byte = |share: f64| (length as f64 * share.clamp(0.0, 1.0)) as u64;
        let start = byte(guess.from).saturating_sub(MARGIN);
        let end = byte(guess.to.max(guess.from)) + MARGIN;
        if start <= from / 8 || end >= to / 8 {
            return Ok(None);
        }
        self.file.bytes.get(start, end)?;
        match self.file.first_from(start)? {
            Some(begin) if begin >= from && begin < to => {
                self.insert(begin)?;
                Ok(Some(begin))
            }
            _ => {
                self.grow(low)?;
                Ok(None)
            }
        }
    }

    /// Decodes the first block after a byte or, if none begins before the bit `to`, the one after the stretch `low`.
    fn probe(&mut self, start: u64, low: usize, to: u64) -> Result<(), String> {
        self.file.bytes.get(start, start + PROBE)?;
        match self.file.first_from(start)? {
            Some(begin) if begin < to => self.insert(begin).map(|_| ()),
            _ => self.grow(low),
        }
    }

    /// Adds the block that begins at a bit, which is in no stretch.
    fn insert(&mut self, begin: u64) -> Result<usize, String> {
        let index = self.stretches.partition_point(|stretch| stretch.begin() < begin);
        let stretch = Stretch::at(&mut self.file, begin)?;
        self.stretches.insert(index, stretch);
        self.settle(index)
    }

    /// Adds the block after a stretch.
    fn grow(&mut self, index: usize) -> Result<(), String> {
        if !self.join(index) {
            let stretch = self.stretches.get_mut(index).ok_or("the search lost its place")?;
            stretch.grow(&mut self.file)?;
        }
        self.settle(index).map(|_| ())
    }

    /// Adds the block before a stretch.
    fn grow_back(&mut self, index: usize) -> Result<(), String> {
        let before = index.checked_sub(1).ok_or("the search lost its place")?;
        if self.join(before) {
            return self.settle(before).map(|_| ());
        }
        let stretch = self.stretches.get_mut(index).ok_or("the search lost its place")?;
        stretch.grow_back(&mut self.file)?;
        self.settle(index).map(|_| ())
    }

    /// Joins a stretch with the one after it, if nothing lies between them.
    fn join(&mut self, index: usize) -> bool {
        let meets = match (self.stretches.get(index), self.stretches.get(index + 1)) {
            (Some(stretch), Some(next)) => stretch.next() == Some(next.begin()),
            _ => false,
        };
        if meets {
            let next = self.stretches.remove(index + 1);
            if let Some(stretch) = self.stretches.get_mut(index) {
                stretch.append(next);
            }
        }
        meets
    }

    /// Reads the records of a stretch, and adds blocks until there are enough; then checks the order. Returns where it is.
    fn settle(&mut self, index: usize) -> Result<usize, String> {
        let mut index = index;
        if self.stretches.iter().map(Stretch::n_octets).sum::<usize>() > MAX_CONTENT {
            return Err("the search needs too much of the file".to_owned());
        }
        loop {
            while self.join(index) {}
            if let Some(before) = index.checked_sub(1)
                && self.join(before)
            {
                index = before;
            }
            let n_peers = self.peers.len();
            let stretch = self.stretches.get_mut(index).ok_or("the search lost its place")?;
            if stretch.read_records(n_peers)? {
                break;
            }
            let before = index.checked_sub(1).and_then(|before| self.stretches.get(before));
            let from = before.and_then(Stretch::next).unwrap_or_default();
            let stretch = self.stretches.get_mut(index).ok_or("the search lost its place")?;
            match stretch.next() {
                Some(_) => stretch.grow(&mut self.file)?,
                None => stretch.grow_back(&mut self.file)?,
            }
            if stretch.begin() < from {
                return Err("its blocks do not follow one another".to_owned());
            }
        }
        self.check_order()?;
        Ok(index)
    }

    /// Prefixes and sequence numbers must ascend from each stretch to the next.
    fn check_order(&self) -> Result<(), String> {
        for pair in self.stretches.windows(2) {
            let [before, after] = pair else { continue };
            let (Some(last), Some(first)) = (before.records().last(), after.records().first()) else { continue };
            if last.prefix > first.prefix {
                return Err(format!("it is not sorted by prefix: {} comes before {}", last.prefix, first.prefix));
            }
            if last.sequence >= first.sequence {
                return Err("its sequence numbers do not ascend".to_owned());
            }
        }
        Ok(())
    }
}
