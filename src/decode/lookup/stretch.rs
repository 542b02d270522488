//! Consecutive blocks of a RIB dump, decoded, and the records in them.

use super::chain::{self, ChainedRecord};
use super::seeking::SeekableBlocks;
use crate::bgp::{Peer, Prefix};
use crate::decode::rib::peers_of;

/// Records that begin within this many octets of a stretch only connect it to what comes before. The attributes of a route may
/// contain any octets, so the end of the record in which a stretch begins may look like records that end where a real one
/// begins.
const SETTLE: usize = 64 * 1024;

/// Blocks that are decoded one after the other before a search is given up.
const MAX_BLOCKS: usize = 256;

/// Consecutive blocks. Places are bits of the file.
pub(super) struct Stretch {
    /// Where each block begins, in the file and in the content.
    blocks: Vec<(u64, usize)>,
    /// Where the block after the last one begins; None at the end of the file.
    next: Option<u64>,
    content: Vec<u8>,
    /// Whole records, from the first that was found on.
    records: Vec<ChainedRecord>,
    /// How many of them, at the beginning, are not relied on.
    n_unsettled: usize,
    starts_file: bool,
}

impl Stretch {
    /// The first block of the file, and as many after it as the peer table and one record take; and the peers.
    pub(super) fn first(file: &mut SeekableBlocks) -> Result<(Stretch, Vec<Peer>), String> {
        let mut stretch = Stretch::at(file, file.first())?;
        stretch.starts_file = true;
        let peers = loop {
            if let Some((body, _)) = chain::peer_table(&stretch.content)? {
                break peers_of(body).ok_or("its peer table cannot be read as it declares itself")?;
            }
            stretch.grow(file)?;
        };
        while !stretch.read_records(peers.len())? {
            stretch.grow(file)?;
        }
        match stretch.records.first() {
            Some(record) if record.sequence == 0 => Ok((stretch, peers)),
            Some(record) => Err(format!("its first record has the sequence number {}", record.sequence)),
            None => Err("it has no records of routes".to_owned()),
        }
    }

    /// The block that begins at a bit, without records as yet.
    pub(super) fn at(file: &mut SeekableBlocks, begin: u64) -> Result<Stretch, String> {
        let block = file.block(begin)?;
        Ok(Stretch {
            blocks: vec![(begin, 0)],
            next: block.next,
            content: block.content,
            records: Vec::new(),
            n_unsettled: 0,
            starts_file: begin == file.first(),
        })
    }

    /// Adds the block after the last one.
    pub(super) fn grow(&mut self, file: &mut SeekableBlocks) -> Result<(), String> {
        let Some(begin) = self.next.filter(|_| self.blocks.len() < MAX_BLOCKS) else {
            return Err("its blocks contain too few records to rely on".to_owned());
        };
        let block = file.block(begin)?;
        self.blocks.push((begin, self.content.len()));
        self.content.extend_from_slice(&block.content);
        self.next = block.next;
        Ok(())
    }

    /// Adds the block before the first one.
    pub(super) fn grow_back(&mut self, file: &mut SeekableBlocks) -> Result<(), String> {
        if self.starts_file || self.blocks.len() >= MAX_BLOCKS {
            return Err("its blocks contain too few records to rely on".to_owned());
        }
        let begin = file.before(self.begin())?;
        let mut before = Stretch::at(file, begin)?;
        if before.next != Some(self.begin()) {
            return Err(format!("no block ends at byte {}", self.begin() / 8));
        }
        std::mem::swap(self, &mut before);
        self.append(before);
        Ok(())
    }

    /// Adds the stretch that begins where this one ends.
    pub(super) fn append(&mut self, other: Stretch) {
        let n = self.content.len();
        self.blocks.extend(other.blocks.iter().map(|(begin, offset)| (*begin, n + offset)));
        self.content.extend_from_slice(&other.content);
        self.next = other.next;
    }

    /// Finds the records in the blocks. Returns false if there are too few to rely on any.
    ///
    /// # Errors
    ///
    /// If the records are not those of a dump in order.
    pub(super) fn read_records(&mut self, n_peers: usize) -> Result<bool, String> {
        let chain = if self.starts_file {
            let Some((_, offset)) = chain::peer_table(&self.content)? else { return Ok(false) };
            Some(chain::follow(&self.content, offset, n_peers).map_err(|(_, why)| why)?)
        } else {
            chain::resynchronise(&self.content, n_peers)?
        };
        let Some(chain) = chain else { return Ok(false) };
        if self.next.is_none() && !chain.ends_whole {
            return Err("it ends inside a record".to_owned());
        }
        self.records = chain.records;
        self.n_unsettled = match self.starts_file {
            true => 0,
            false => self.records.partition_point(|record| record.offset < SETTLE),
        };
        Ok(!self.settled().is_empty())
    }

    /// Where its first block begins.
    pub(super) fn begin(&self) -> u64 {
        self.blocks.first().map_or(0, |(begin, _)| *begin)
    }

    /// Where the block after the last one begins; None at the end of the file.
    pub(super) fn next(&self) -> Option<u64> {
        self.next
    }

    /// How many octets its blocks contain.
    pub(super) fn n_octets(&self) -> usize {
        self.content.len()
    }

    pub(super) fn ends_file(&self) -> bool {
        self.next.is_none()
    }

    /// Whether a block that begins at this bit is one of its own.
    pub(super) fn has_block(&self, begin: u64) -> bool {
        self.blocks.iter().any(|(own, _)| *own == begin)
    }

    /// Every record that was found.
    pub(super) fn records(&self) -> &[ChainedRecord] {
        &self.records
    }

    /// The records that are relied on.
    pub(super) fn settled(&self) -> &[ChainedRecord] {
        self.records.get(self.n_unsettled..).unwrap_or_default()
    }

    /// Whether all records of a prefix are here or, if there are none, the two records between which it would be.
    pub(super) fn side(&self, prefix: &Prefix) -> Side {
        let (Some(first), Some(last)) = (self.settled().first(), self.settled().last()) else { return Side::Before };
        if *prefix <= first.prefix && !self.starts_file {
            return Side::Before;
        }
        match prefix.cmp(&last.prefix) {
            std::cmp::Ordering::Less => Side::Inside,
            std::cmp::Ordering::Equal if self.ends_file() => Side::Inside,
            _ => Side::After,
        }
    }

    /// The octets of a record.
    pub(super) fn octets(&self, record: &ChainedRecord) -> &[u8] {
        self.content.get(record.offset..record.offset + record.length).unwrap_or_default()
    }

    /// The octets of the peer table, if the file begins here.
    pub(super) fn peer_table(&self) -> Option<&[u8]> {
        let (_, end) = chain::peer_table(&self.content).ok()??;
        self.content.get(..end).filter(|_| self.starts_file)
    }

    /// Each block with the first prefix whose record begins in it: where it begins and ends, in bits; the last block of a file
    /// has no end.
    pub(super) fn places(&self) -> impl Iterator<Item = (Prefix, u64, Option<u64>)> {
        let ends = self.blocks.iter().skip(1).map(|(begin, _)| Some(*begin)).chain([self.next]);
        self.blocks.iter().zip(ends).filter_map(|((begin, offset), end)| {
            let first = self.records.get(self.records.partition_point(|record| record.offset < *offset))?;
            Some((first.prefix, *begin, end))
        })
    }
}

/// Where a prefix is, as seen from a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    Inside,
    After,
}
