//! The blocks of a bzip2 file that is not read from its beginning: each is found by its magic number, and its checksum is
//! verified. A magic number that is chance begins no block that can be decoded.

use super::bytes::StoredBytes;
use crate::archive::ReadAt;
use crate::decode::container::blocks::{Magic, content_of, next_magic};

/// More bytes are read in steps of this size while a block has no end. A block of a RIB dump takes 60 to 110 kB.
const STEP: u64 = 48_000;
/// Bytes without a magic number in which none will come: 900,000 symbols of at most 20 bits are fewer.
const LONGEST: u64 = 4 << 20;
/// A longer content is not that of a RIB dump: only a block of runs of one octet has it.
const MAX_CONTENT: usize = 8 << 20;

/// Octets of the header of a stream, and bits of a magic number and of the checksum after it.
const HEADER: u64 = 4;
const MAGIC: u64 = 48;
const CHECKSUM: u64 = 32;

/// The magic number of a block, at the edge of an octet.
const BLOCK: [u8; 6] = [0x31, 0x41, 0x59, 0x26, 0x53, 0x59];

/// A bzip2 file of which any block can be read. Places are counted in bits from the beginning of the file.
pub(super) struct SeekableBlocks<'r> {
    pub(super) bytes: StoredBytes<'r>,
    level: u8,
}

/// The content of a block, and where the next block begins: None if the file ends.
pub(super) struct DecodedBlock {
    pub(super) content: Vec<u8>,
    pub(super) next: Option<u64>,
}

impl<'r> SeekableBlocks<'r> {
    /// A file of which the first `n_first` bytes are needed in any case.
    pub(super) fn open(input: &'r mut dyn ReadAt, n_first: u64) -> Result<SeekableBlocks<'r>, String> {
        let mut bytes = StoredBytes::new(input);
        let head = bytes.get(0, n_first.max(HEADER + MAGIC / 8))?;
        match head {
            [b'B', b'Z', b'h', level @ b'1'..=b'9', magic @ ..] if magic.starts_with(&BLOCK) => {
                let level = *level;
                Ok(SeekableBlocks { bytes, level })
            }
            _ => Err("it does not begin with a block of bzip2, so no part of it can be read on its own".to_owned()),
        }
    }

    /// Where the first block begins.
    pub(super) fn first(&self) -> u64 {
        HEADER * 8
    }

    /// Decodes the block that begins at a bit.
    pub(super) fn block(&mut self, begin: u64) -> Result<DecodedBlock, String> {
        let (end, is_last) = match self.magic_from(begin + MAGIC)? {
            FoundMagic::Block(at) => (at, false),
            FoundMagic::End(at) => (at, true),
            FoundMagic::None => return Err(format!("the block at byte {} has no end", begin / 8)),
        };
        let octets = self.bytes.get(begin / 8, end.div_ceil(8))?;
        let content = content_of(self.level, octets, (begin % 8) as usize, (end - begin) as usize, MAX_CONTENT)
            .map_err(|why| format!("the block at byte {} cannot be decoded: {why}", begin / 8))?;
        let next = if is_last { self.after_stream(end)? } else { Some(end) };
        Ok(DecodedBlock { content, next })
    }

    /// The first block that begins at the byte `start` or later. None if none does.
    pub(super) fn first_from(&mut self, start: u64) -> Result<Option<u64>, String> {
        match self.magic_from(start * 8)? {
            FoundMagic::Block(at) => Ok(Some(at)),
            FoundMagic::End(at) => self.after_stream(at),
            FoundMagic::None => Ok(None),
        }
    }

    /// The block before the one that begins at a bit.
    pub(super) fn before(&mut self, begin: u64) -> Result<u64, String> {
        // The octets of the magic number itself, and as many as the search looks ahead.
        let end = begin / 8 + 16;
        let mut n = 2 * STEP;
        loop {
            let start = (begin / 8).saturating_sub(n);
            let octets = self.bytes.get(start, end)?;
            let (mut at, mut latest) = (0, None);
            while let Some(magic) = next_magic(octets, at) {
                let (Magic::Block(place) | Magic::End(place)) = magic;
                if start * 8 + place as u64 >= begin {
                    break;
                }
                if let Magic::Block(place) = magic {
                    latest = Some(start * 8 + place as u64);
                }
                at = place + 1;
            }
            match latest {
                Some(found) => return Ok(found),
                None if start == 0 || n > LONGEST => return Err(format!("no block ends at byte {}", begin / 8)),
                None => n += STEP,
            }
        }
    }

    /// The first magic number at the bit `from` or later.
    fn magic_from(&mut self, from: u64) -> Result<FoundMagic, String> {
        let start = from / 8;
        let length = self.bytes.length();
        // What is there first.
        let mut n = Some(self.bytes.n_held(start)).filter(|n| *n > 0).unwrap_or(STEP);
        loop {
            let octets = self.bytes.get(start, start + n)?;
            let place = |place: usize| start * 8 + place as u64;
            match next_magic(octets, (from % 8) as usize) {
                Some(Magic::Block(at)) => return Ok(FoundMagic::Block(place(at))),
                Some(Magic::End(at)) => return Ok(FoundMagic::End(place(at))),
                None if start + n >= length => return Ok(FoundMagic::None),
                None if n > LONGEST => return Err(format!("no block begins in {LONGEST} bytes after byte {start}")),
                None => n += STEP,
            }
        }
    }

    /// What follows the stream whose end begins at a bit: the first block of the next stream, or the end of the file.
    fn after_stream(&mut self, end: u64) -> Result<Option<u64>, String> {
        let after = (end + MAGIC + CHECKSUM).div_ceil(8);
        let length = self.bytes.length();
        match self.bytes.get(after, after + HEADER + MAGIC / 8)? {
            [] if after == length => Ok(None),
            [b'B', b'Z', b'h', level, magic @ ..] if *level == self.level && magic == BLOCK => {
                Ok(Some((after + HEADER) * 8))
            }
            _ => Err(format!("what follows the stream that ends at byte {after} is no stream like it")),
        }
    }
}

/// The next magic number.
enum FoundMagic {
    Block(u64),
    End(u64),
    /// There is none up to the end of the file.
    None,
}
