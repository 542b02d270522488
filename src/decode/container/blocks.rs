//! One bzip2 stream as blocks that are decoded independently, also by other threads.
//!
//! A block begins anywhere between two bits, with a magic number of 48 bits. Each becomes a stream of its own: a header,
//! its bits moved to the edge of an octet, and an end with its own checksum. The decoder is that of `outage-replay-bzip2`,
//! which takes a third of the CPU time of libbz2; the feature `libbz2` replaces it by libbz2-rs, with the same results.

#[cfg(any(test, feature = "libbz2"))]
mod libbz2;
#[cfg(any(test, not(feature = "libbz2")))]
mod unpacking;

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use outage_replay_bzip2::{BLOCK_MAGIC as BLOCK, END_MAGIC as END};

use super::ContainerInput;
use crate::helpers::{Helpers, Offered, Work};
#[cfg(feature = "libbz2")]
use libbz2::LibbzUnpacking as Unpacking;
#[cfg(not(feature = "libbz2"))]
use unpacking::Unpacking;

/// Bits of a magic number, and with the checksum after it.
const MAGIC: usize = 48;
const HEAD: usize = 80;

/// Content is decoded in pieces of this size: nearly all blocks are one, but a block of runs may be 50 times larger.
const PIECE: usize = 1 << 20;

/// Octets without another magic number in which none will come: 900,000 symbols of at most 20 bits are fewer.
const LONGEST: usize = 4 << 20;

/// One block, and the piece of its content that was decoded last.
pub(super) struct Block {
    /// The block as a stream of its own, and the bits that it has in it.
    stream: Vec<u8>,
    n_bits: usize,
    unpacking: Unpacking,
    piece: Vec<u8>,
    end: Option<Result<(), String>>,
}

impl Block {
    /// The block in `n_bits` of `raw` from `begin` on.
    fn new(level: u8, raw: &[u8], begin: usize, n_bits: usize) -> Block {
        let mut stream = Vec::with_capacity(n_bits / 8 + 16);
        stream.extend([b'B', b'Z', b'h', level]);
        append(&mut stream, 32, raw, begin, n_bits);
        Block::closed(stream, n_bits)
    }

    fn closed(mut stream: Vec<u8>, n_bits: usize) -> Block {
        let checksum = bits(&stream, 32 + MAGIC, 32);
        let end = (u128::from(END) << 32 | u128::from(checksum)) << (128 - HEAD);
        append(&mut stream, 32 + n_bits, &end.to_be_bytes(), 0, HEAD);
        Block { stream, n_bits, unpacking: Unpacking::default(), piece: Vec::new(), end: None }
    }

    /// This block and the next as one: what seemed to begin the next was a part of this.
    fn joined(mut self, next: &Block) -> Block {
        append(&mut self.stream, 32 + self.n_bits, &next.stream, 32, next.n_bits);
        Block::closed(self.stream, self.n_bits + next.n_bits)
    }

    /// Stands in for a block whose decoder panicked.
    fn lost() -> Block {
        let end = Some(Err("a block whose decoder failed".to_owned()));
        Block { stream: Vec::new(), n_bits: 0, unpacking: Unpacking::default(), piece: Vec::new(), end }
    }

    fn checksum(&self) -> u32 {
        bits(&self.stream, 32 + MAGIC, 32) as u32
    }

    /// Decodes the next piece of the content; as a rule all of it.
    fn decode(&mut self) {
        self.piece.clear();
        self.piece.reserve(PIECE);
        if self.end.is_none() {
            self.end = self.unpacking.next(&self.stream, &mut self.piece, PIECE);
        }
        if self.end.is_some() {
            self.unpacking = Unpacking::default();
        }
    }

    /// Whether it cannot be a block at all, because it has no content.
    fn is_empty(&self) -> bool {
        self.piece.is_empty() && matches!(self.end, Some(Err(_)))
    }
}

impl Work for Block {
    const IS_LONG: bool = false;

    fn run(&mut self) {
        self.decode();
    }
}

/// The content of one stream.
pub(super) struct Blocks<'c, R> {
    source: ContainerInput<R>,
    level: u8,
    /// Compressed octets, and the bit at which the next block begins.
    raw: Vec<u8>,
    begin: usize,
    ahead: Ahead<'c>,
    /// The block being read, and how much of its piece was.
    current: Option<Block>,
    n_taken: usize,
    /// The combined checksum of the blocks so far.
    checksum: u32,
    /// What is known to follow the last block that was found.
    end: Option<End>,
}

/// Blocks offered to helper threads, taken back on drop.
struct Ahead<'c> {
    helpers: &'c Helpers,
    tasks: VecDeque<Arc<Offered<Block>>>,
}

impl Ahead<'_> {
    fn next(&mut self) -> Option<Block> {
        self.tasks.pop_front().map(|task| self.helpers.finish(&task).unwrap_or_else(Block::lost))
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        self.tasks.iter().for_each(|task| self.helpers.forget(task));
    }
}

enum End {
    /// The end of the stream, at [`Blocks::begin`].
    Whole,
    Cut,
    Damaged(&'static str),
}

impl<'c, R: Read> Blocks<'c, R> {
    /// A stream whose header of four octets comes next.
    pub(super) fn new(mut source: ContainerInput<R>, helpers: &'c Helpers) -> io::Result<Blocks<'c, R>> {
        let level = source.peek(4)?.get(3).copied().unwrap_or_default();
        source.consume(4);
        Ok(Blocks {
            source,
            level,
            raw: Vec::new(),
            begin: 0,
            ahead: Ahead { helpers, tasks: VecDeque::new() },
            current: None,
            n_taken: 0,
            checksum: 0,
            end: None,
        })
    }

    /// What follows the stream, once it has been read to its end.
    pub(super) fn into_source(mut self) -> ContainerInput<R> {
        let after = (self.begin + HEAD).div_ceil(8);
        self.source.put_back(self.raw.get(after..).unwrap_or_default());
        self.source
    }

    /// The next block, decoded as far as it goes in one piece; None after the last one.
    fn block(&mut self) -> io::Result<Option<Block>> {
        let n_ahead = self.ahead.helpers.n_ahead();
        while n_ahead > 0 && self.ahead.tasks.len() <= n_ahead {
            let Some(block) = self.split()? else { break };
            self.ahead.tasks.push_back(self.ahead.helpers.offer(block));
        }
        let mut block = match self.ahead.next() {
            Some(block) => block,
            None => match self.split()? {
                Some(mut block) => {
                    block.decode();
                    block
                }
                None => return Ok(None),
            },
        };
        if block.is_empty()
            && let Some(next) = self.continuation()?
        {
            block = block.joined(&next);
            block.decode();
            if block.is_empty() {
                self.end = Some(End::Damaged("a block that cannot be decoded"));
            }
        }
        Ok(Some(block))
    }

    /// What seemed to follow a block that cannot be decoded: once in a hundred thousand files a magic number is chance.
    fn continuation(&mut self) -> io::Result<Option<Block>> {
        match (self.ahead.next(), &self.end) {
            (Some(block), _) => Ok(Some(block)),
            (None, None | Some(End::Whole)) => self.cut_off(),
            (None, Some(_)) => Ok(None),
        }
    }

    /// The next block as it stands in the stream.
    fn split(&mut self) -> io::Result<Option<Block>> {
        if self.end.is_some() {
            return Ok(None);
        }
        while self.raw.len() * 8 < self.begin + HEAD && self.read_more()? {}
        match bits(&self.raw, self.begin, MAGIC) {
            END => self.end = Some(End::Whole),
            BLOCK => return self.cut_off(),
            _ if self.raw.len() * 8 < self.begin + HEAD => self.end = Some(End::Cut),
            _ => self.end = Some(End::Damaged("no block where one should begin")),
        }
        Ok(None)
    }

    /// Everything from `begin` to the magic number after it.
    fn cut_off(&mut self) -> io::Result<Option<Block>> {
        self.end = None;
        self.raw.drain(..self.begin / 8);
        self.begin %= 8;
        let mut at = 0;
        let n_bits = loop {
            if let Some(next) = find(&self.raw, &mut at, self.begin + MAGIC) {
                break next - self.begin;
            }
            if self.raw.len() > LONGEST {
                self.end = Some(End::Damaged("a block that does not end"));
                return Ok(None);
            }
            if !self.read_more()? {
                self.end = Some(End::Cut);
                break (self.raw.len() * 8).saturating_sub(self.begin);
            }
        };
        if n_bits < HEAD {
            return Ok(None);
        }
        let block = Block::new(self.level, &self.raw, self.begin, n_bits);
        self.begin += n_bits;
        Ok(Some(block))
    }

    fn read_more(&mut self) -> io::Result<bool> {
        let more = self.source.fill_buf()?;
        let n = more.len();
        self.raw.extend_from_slice(more);
        self.source.consume(n);
        Ok(n > 0)
    }

    /// Whether the stream ended as it should.
    fn verdict(&self) -> io::Result<usize> {
        let damaged = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why));
        match self.end {
            Some(End::Whole) if self.raw.len() * 8 < self.begin + HEAD => Err(io::ErrorKind::UnexpectedEof.into()),
            Some(End::Whole) if bits(&self.raw, self.begin + MAGIC, 32) as u32 == self.checksum => Ok(0),
            Some(End::Whole) => damaged("the checksum of the stream does not match"),
            Some(End::Damaged(why)) => damaged(why),
            Some(End::Cut) | None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl<R: Read> Read for Blocks<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(block) = &mut self.current else {
                self.n_taken = 0;
                self.current = self.block()?;
                if self.current.is_none() {
                    return self.verdict();
                }
                continue;
            };
            let mut rest = block.piece.get(self.n_taken..).unwrap_or_default();
            if !rest.is_empty() {
                let n = rest.read(buffer)?;
                self.n_taken += n;
                return Ok(n);
            }
            match &block.end {
                None => {
                    self.n_taken = 0;
                    block.decode();
                }
                Some(Ok(())) => {
                    self.checksum = self.checksum.rotate_left(1) ^ block.checksum();
                    self.current = None;
                }
                // At the end of the input the cut explains the damage.
                Some(Err(_)) if matches!(self.end, Some(End::Cut)) && self.ahead.tasks.is_empty() => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Some(Err(why)) => return Err(io::Error::new(io::ErrorKind::InvalidData, why.clone())),
            }
        }
    }
}

/// Up to 64 bits of `octets` from a bit on; zeros where there are none.
fn bits(octets: &[u8], at: usize, n: usize) -> u64 {
    let window = octets.get(at / 8..).unwrap_or_default();
    let mut word = [0; 16];
    let n_octets = window.len().min(9);
    word[..n_octets].copy_from_slice(&window[..n_octets]);
    (u128::from_be_bytes(word) << (at % 8) >> (128 - n)) as u64
}

/// Adds `n_bits` of `from`, from the bit `at` on, after the first `n_kept` bits of `to`.
fn append(to: &mut Vec<u8>, n_kept: usize, from: &[u8], at: usize, n_bits: usize) {
    to.truncate(n_kept.div_ceil(8));
    let (mut at, mut n_bits) = (at, n_bits);
    // Up to the edge of an octet of `to`.
    if let Some(last) = to.last_mut()
        && !n_kept.is_multiple_of(8)
    {
        let n_free = 8 - n_kept % 8;
        *last &= u8::MAX << n_free;
        *last |= bits(from, at, n_free) as u8;
        let n = n_free.min(n_bits);
        (at, n_bits) = (at + n, n_bits - n);
    }
    let n_octets = n_bits.div_ceil(8);
    let (source, shift) = (from.get(at / 8..).unwrap_or_default(), at % 8);
    let n_pairs = n_octets.min(source.len().saturating_sub(1));
    to.extend(source.windows(2).take(n_pairs).map(|pair| {
        // The low octet of the 16 bits, moved left.
        (u16::from_be_bytes([pair[0], pair[1]]) << shift >> 8) as u8
    }));
    to.extend((n_pairs..n_octets).map(|index| bits(from, at + 8 * index, 8) as u8));
}

/// Pairs of octets that occur inside a magic number, wherever it begins: one bit for each pair.
static INSIDE: [u64; 1024] = inside();

const fn inside() -> [u64; 1024] {
    let mut pairs = [0; 1024];
    let magics = [BLOCK, END];
    let mut index = 0;
    while index < 2 {
        // The 16 bits that are `offset` bits after the first.
        let mut offset = 1;
        while offset <= 32 {
            let pair = (magics[index] >> (32 - offset)) as u16 as usize;
            pairs[pair / 64] |= 1 << (pair % 64);
            offset += 1;
        }
        index += 1;
    }
    pairs
}

/// The first magic number that begins at the bit `from` or later. Searching goes on at `at`, which is left where more
/// octets are needed.
///
/// Five whole octets of a magic number stand one after the other, so one of any four pairs of octets lies inside.
fn find(octets: &[u8], at: &mut usize, from: usize) -> Option<usize> {
    while *at + 5 < octets.len() {
        let pair = usize::from(octets[*at]) << 8 | usize::from(octets[*at + 1]);
        if INSIDE[pair / 64] >> (pair % 64) & 1 != 0 {
            let first = (at.saturating_sub(4) * 8).max(from);
            let found = (first..*at * 8).find(|begin| matches!(bits(octets, *begin, MAGIC), BLOCK | END));
            if found.is_some() {
                return found;
            }
        }
        *at += 4;
    }
    None
}

/// Where a magic number stands, in bits, and whether it begins a block or ends a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) enum Magic {
    Block(usize),
    End(usize),
}

/// Returns the first magic number that begins at the bit `from` of `octets` or later.
pub(in crate::decode) fn next_magic(octets: &[u8], from: usize) -> Option<Magic> {
    let mut at = from / 8;
    let found = find(octets, &mut at, from)?;
    Some(if bits(octets, found, MAGIC) == BLOCK { Magic::Block(found) } else { Magic::End(found) })
}

/// Returns the content of the one block in `n_bits` of `octets` from the bit `begin` on, once its checksum was verified.
///
/// # Errors
///
/// If it is not a block, it is damaged, or its content is longer than `limit`.
pub(in crate::decode) fn content_of(
    level: u8,
    octets: &[u8],
    begin: usize,
    n_bits: usize,
    limit: usize,
) -> Result<Vec<u8>, String> {
    let mut block = Block::new(level, octets, begin, n_bits);
    let mut content = Vec::new();
    loop {
        block.decode();
        content.append(&mut block.piece);
        match block.end.take() {
            Some(Ok(())) => return Ok(content),
            Some(Err(why)) => return Err(why),
            None if content.len() > limit => return Err(format!("a block of more than {limit} octets")),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
