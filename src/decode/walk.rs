//! Record framing (RFC 6396, section 2): a header of twelve octets, then a body of the length in it.

use std::io::{self, Read};

use super::Ending;
use super::mrt::{HEADER, TABLE_DUMP, header, is_of_bgp, is_registered, table_dump};
use super::resync;
use super::wire::Octets;

/// A longer record is taken for lost framing. The longest real ones are peer tables of some 100 KB.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Records are read in place from a buffer of this size, which grows for a longer one.
const BUFFER: usize = 1024 * 1024;

/// One record, with its place in the file.
pub(super) struct Record<'a> {
    pub(super) index: u64,
    pub(super) offset: u64,
    pub(super) seconds: u32,
    pub(super) kind: u16,
    pub(super) subtype: u16,
    pub(super) body: &'a [u8],
    /// The number of octets before it that belong to no record.
    pub(super) n_skipped: u64,
    /// The octets after it, as far as they have been read.
    pub(super) following: &'a [u8],
}

/// A record that may be skipped.
pub(super) struct Next<'a> {
    pub(super) seconds: u32,
    pub(super) kind: u16,
    pub(super) subtype: u16,
    pub(super) body: &'a [u8],
}

/// The records of a file, one after the other.
pub(super) struct Walk<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    index: u64,
    /// The time of the latest record.
    seconds: u32,
    /// Why no more can be read. A decoder that failed once may return end of file when it is called again.
    failure: Option<String>,
}

impl<R: Read> Walk<R> {
    pub(super) fn new(input: R) -> Walk<R> {
        Walk { input, buffer: vec![0; BUFFER], start: 0, end: 0, offset: 0, index: 0, seconds: 0, failure: None }
    }

    pub(super) fn input(&self) -> &R {
        &self.input
    }

    /// The length of the records so far, in octets.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Skips the next record if the buffer contains all of it and `skips` returns true; returns whether it did. Hot: once
    /// per record.
    #[inline]
    pub(super) fn skip_if(&mut self, skips: impl FnOnce(&Next) -> bool) -> bool {
        let Some((seconds, kind, subtype, length)) = header(self.available()) else { return false };
        let body = self.available().get(HEADER..).and_then(|octets| octets.get(..length));
        let Some(body) = body.filter(|_| length <= MAX_BODY) else { return false };
        let is_skipped = skips(&Next { seconds, kind, subtype, body });
        if is_skipped {
            self.advance(seconds, HEADER + length);
        }
        is_skipped
    }

    /// Advances by a record of `whole` octets.
    #[inline]
    fn advance(&mut self, seconds: u32, whole: usize) {
        self.start += whole;
        self.offset += whole as u64;
        self.index += 1;
        self.seconds = seconds;
    }

    fn cut_off(&mut self, (seconds, kind, subtype): (u32, u16, u16), whole: usize, n_skipped: u64) -> Record<'_> {
        let (index, offset, begin) = (self.index, self.offset, self.start);
        self.advance(seconds, whole);
        let (record, following) =
            self.buffer.get(begin..self.end).and_then(|octets| octets.split_at_checked(whole)).unwrap_or_default();
        let body = record.get(HEADER..).unwrap_or_default();
        Record { index, offset, seconds, kind, subtype, body, n_skipped, following }
    }

    /// The next record, or how the file ended.
    pub(super) fn record(&mut self) -> Result<Record<'_>, Ending> {
        self.fill(HEADER)?;
        let Some((mut seconds, mut kind, mut subtype, mut length)) = header(self.available()) else {
            return Err(self.end_inside_header());
        };
        let mut n_skipped = 0;
        if !is_plausible(kind, length) {
            let lost = self.lost_framing(kind, length);
            n_skipped = self.skip_to_chain().ok_or(lost)?;
            (seconds, kind, subtype, length) = header(self.available()).unwrap_or_default();
        }
        if !self.fill(HEADER + length)? {
            let present = self.available().len().saturating_sub(HEADER);
            return Err(Ending::Truncated(format!(
                "the file ends inside record {} at offset {}: {present} of {length} octets",
                self.index, self.offset
            )));
        }
        let mut whole = HEADER + length;
        if kind == TABLE_DUMP && self.is_short_batch(subtype, whole) && self.fill(whole + 4)? {
            whole += 4;
        }
        Ok(self.cut_off((seconds, kind, subtype), whole, n_skipped))
    }

    /// Skips octets up to the next place where records begin, and returns how many; None if there is no such place.
    #[cold]
    fn skip_to_chain(&mut self) -> Option<u64> {
        if self.index == 0 {
            return None;
        }
        let begin = self.offset;
        let mut has_ended = false;
        let mut n_ahead = 1;
        loop {
            self.skip(n_ahead);
            // A damaged container ends the search as the end of the file does; reading on returns the failure again.
            has_ended = has_ended || !self.fill(resync::REACH).unwrap_or(false);
            match resync::candidate(self.available()) {
                Some(n) if resync::is_chain(self.available().get(n..).unwrap_or_default(), self.seconds) => {
                    self.skip(n);
                    return Some(self.offset - begin);
                }
                Some(n) => n_ahead = n + 1,
                None if has_ended => break,
                // The last octets may be the beginning of one.
                None => n_ahead = self.available().len().saturating_sub(resync::SIGNATURE).max(1),
            }
        }
        self.offset = begin;
        None
    }

    fn skip(&mut self, n: usize) {
        let n = n.min(self.end - self.start);
        self.start += n;
        self.offset += n as u64;
    }

    #[inline]
    fn available(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Makes `n` octets available; false at the end of the file.
    #[inline]
    fn fill(&mut self, n: usize) -> Result<bool, Ending> {
        if self.end - self.start >= n { Ok(true) } else { self.read_more(n) }
    }

    #[cold]
    fn read_more(&mut self, n: usize) -> Result<bool, Ending> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < n {
            self.buffer.resize(n.next_power_of_two(), 0);
        }
        while self.end < n {
            if let Some(failure) = &self.failure {
                return Err(Ending::Truncated(failure.clone()));
            }
            match self.input.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => return Ok(false),
                Ok(n_read) => self.end = self.buffer.len().min(self.end + n_read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let read = self.offset + self.end as u64;
                    self.failure = Some(format!("{error} after {read} decompressed bytes"));
                }
            }
        }
        Ok(true)
    }

    /// Whether this is a batch of the year 2000 whose length does not include the four octets of view and sequence number:
    /// the entries end exactly four octets after the record.
    fn is_short_batch(&self, subtype: u16, whole: usize) -> bool {
        let address = match subtype {
            table_dump::IPV4 => 4,
            table_dump::IPV6 => 16,
            _ => return false,
        };
        let Some(mut entries) = self.available().get(HEADER + 4..whole).map(Octets) else { return false };
        // Prefix, length, status, time, peer address, peer AS.
        while entries.take(address + 6 + address + 2).is_some() {
            let Some(length) = entries.u16() else { return false };
            let left = entries.0.len();
            if entries.take(usize::from(length)).is_none() {
                return usize::from(length) == left + 4;
            }
        }
        false
    }

    fn end_inside_header(&self) -> Ending {
        let available = self.available();
        match (self.index, available.len()) {
            (_, 0) => Ending::Complete,
            (0, _) => Ending::Unreadable(format!("not an MRT file: it holds only {}", quoted(available))),
            (index, n) => Ending::Truncated(format!(
                "the file ends inside the header of record {index} at offset {}: {n} of 12 octets",
                self.offset
            )),
        }
    }

    fn lost_framing(&self, kind: u16, length: usize) -> Ending {
        if self.index == 0 {
            return Ending::Unreadable(format!("not an MRT file: it begins with {}", quoted(self.available())));
        }
        Ending::Truncated(format!(
            "no record begins at offset {}, after record {}: type {kind}, length {length}",
            self.offset,
            self.index - 1
        ))
    }
}

/// Whether a header has a registered type and a length below the limit.
#[inline]
fn is_plausible(kind: u16, length: usize) -> bool {
    is_registered(kind) && length <= MAX_BODY
}

/// Whether the front of a file consists of records of routes, one after the other, with known subtypes.
pub(super) fn is_records(front: &[u8]) -> bool {
    let mut rest = front;
    loop {
        let Some((_, kind, subtype, length)) = header(rest) else {
            // The front may end inside any header but the first.
            return rest.len() < front.len();
        };
        if !is_of_bgp(kind, subtype) || length > MAX_BODY {
            return false;
        }
        match rest.get(HEADER + length..) {
            Some(following) => rest = following,
            None => return true,
        }
    }
}

/// The first few octets, readable where they are text.
fn quoted(available: &[u8]) -> String {
    let head = available.get(..available.len().min(24)).unwrap_or_default();
    format!("\"{}\"", head.escape_ascii())
}

#[cfg(test)]
mod tests;
