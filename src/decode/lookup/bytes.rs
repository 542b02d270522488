//! The bytes of a stored file as far as they were read: no byte is read twice.

use crate::archive::ReadAt;

/// The parts of a file that were read.
pub(super) struct StoredBytes<'r> {
    input: &'r mut dyn ReadAt,
    length: u64,
    /// In order, without overlaps.
    parts: Vec<StoredPart>,
    n_read: u64,
}

struct StoredPart {
    start: u64,
    octets: Vec<u8>,
}

impl StoredPart {
    fn end(&self) -> u64 {
        self.start + self.octets.len() as u64
    }
}

impl<'r> StoredBytes<'r> {
    pub(super) fn new(input: &'r mut dyn ReadAt) -> StoredBytes<'r> {
        let length = input.length();
        StoredBytes { input, length, parts: Vec::new(), n_read: 0 }
    }

    /// The length of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// How many bytes were read.
    pub(super) fn n_read(&self) -> u64 {
        self.n_read
    }

    /// How many bytes from `start` on were read already.
    pub(super) fn n_held(&self, start: u64) -> u64 {
        let next = self.parts.partition_point(|part| part.end() <= start);
        self.parts.get(next).filter(|part| part.start <= start).map_or(0, |part| part.end() - start)
    }

    /// The bytes from `start` to `end`, or to the end of the file if that comes first.
    pub(super) fn get(&mut self, start: u64, end: u64) -> Result<&[u8], String> {
        let end = end.min(self.length);
        let start = start.min(end);
        let first = self.parts.partition_point(|part| part.end() < start);
        let holds = self.parts.get(first).is_some_and(|part| part.start <= start && end <= part.end());
        if !holds {
            self.fill(first, start, end)?;
        }
        let part = self.parts.get(first).ok_or("no part was read")?;
        let range = (start - part.start) as usize..(end - part.start) as usize;
        part.octets.get(range).ok_or_else(|| "a part is shorter than it should be".to_owned())
    }

    /// Joins all parts between `start` and `end`, the first of which is number `first`, and reads what is missing.
    fn fill(&mut self, first: usize, start: u64, end: u64) -> Result<(), String> {
        let past = self.parts.partition_point(|part| part.start <= end).max(first);
        let known: Vec<StoredPart> = self.parts.drain(first..past).collect();
        let start = known.first().map_or(start, |part| part.start.min(start));
        let mut joined = StoredPart { start, octets: Vec::new() };
        for part in known {
            self.read(&mut joined, part.start)?;
            joined.octets.extend_from_slice(&part.octets);
        }
        self.read(&mut joined, end)?;
        self.parts.insert(first, joined);
        Ok(())
    }

    /// Continues a part up to `end`.
    fn read(&mut self, part: &mut StoredPart, end: u64) -> Result<(), String> {
        let Some(n) = end.checked_sub(part.end()).filter(|n| *n > 0) else { return Ok(()) };
        let octets = self.input.read_at(part.end(), n as usize)?;
        if octets.len() as u64 != n {
            return Err(format!("{} bytes came instead of {n}", octets.len()));
        }
        self.n_read += n;
        part.octets.extend_from_slice(&octets);
        Ok(())
    }
}
