//! A bzip2 decoder that decodes one block at a time, in less than half the CPU time of libbz2.
//!
//! A bzip2 stream is a header of four octets (`BZh` and the [`Level`]), blocks, and an end. Blocks and the end begin anywhere
//! between two bits, each with a magic number of 48 bits. Blocks do not depend on each other, so the caller finds them, decodes
//! them with as many threads as it likes, and checks the end: its 32 bits after [`END_MAGIC`] are the checksums of the blocks,
//! combined by `sum = sum.rotate_left(1) ^ checksum`.
//!
//! A [`Decoder`] is working memory that can be used again for any number of blocks. A [`Content`] is the result for one block;
//! it does not need the decoder any more. Content is written out in pieces, because 900 kB of a block may stand for 45 MB.
//!
//! ```
//! use outage_replay_bzip2::{Content, Decoder, Level, Progress};
//!
//! // `printf 'ten ten ten ten' | bzip2 -1`
//! let stream = [
//!     0x42, 0x5a, 0x68, 0x31, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0x43, 0xb9, 0xe4, 0x0d, 0x00, 0x00, 0x05,
//!     0x91, 0x80, 0x40, 0x00, 0x02, 0x01, 0x04, 0x00, 0x20, 0x00, 0x21, 0x21, 0xa0, 0xcd, 0x34, 0xd1, 0x04,
//!     0x33, 0x38, 0xbb, 0x92, 0x29, 0xc2, 0x84, 0x82, 0x1d, 0xcf, 0x20, 0x68,
//! ];
//! let level = Level::from_digit(stream[3]).expect("a digit from 1 to 9");
//! let (mut decoder, mut content) = (Decoder::new(), Content::new());
//!
//! // The first block begins after the header, at bit 32. What follows it begins at the bit that is returned.
//! let end = decoder.decode(level, &stream, 32, &mut content)?;
//! let mut piece = Vec::new();
//! while content.append(&mut piece, 1 << 20)? == Progress::More {
//!     // More than 1 MiB: use the piece, and go on with an empty one.
//!     piece.clear();
//! }
//! assert_eq!(piece, b"ten ten ten ten");
//! assert_eq!((end, content.checksum()), (285, 0x43b9_e40d));
//! # Ok::<(), outage_replay_bzip2::Error>(())
//! ```
//!
//! # The same as libbz2
//!
//! Content, errors, and the content that comes before an error are those of libbz2 1.0.8 and libbz2-rs, down to the deprecated
//! randomised blocks. Tests and a fuzzer compare them.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]
#![warn(missing_docs, unreachable_pub)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod bits;
mod codes;
mod content;
mod order;
mod randomised;
mod ranks;
mod symbols;
mod text;

use std::fmt;

pub use content::{Content, Progress};

use bits::Bits;
use order::Rotations;
use symbols::LastColumn;

/// The 48 bits that begin a block.
pub const BLOCK_MAGIC: u64 = 0x3141_5926_5359;

/// The 48 bits that begin the end of a stream. The combined checksum of its blocks follows, in 32 bits.
pub const END_MAGIC: u64 = 0x1772_4538_5090;

const MAGIC_BITS: u32 = 48;

/// How long the blocks of a stream may be: 1 to 9 times 100,000 octets, before their runs are written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(u8);

impl Level {
    /// The level in the header of a stream, a digit from `1` to `9`; None for other octets.
    pub const fn from_digit(octet: u8) -> Option<Level> {
        match octet {
            b'1'..=b'9' => Some(Level(octet - b'0')),
            _ => None,
        }
    }

    /// The greatest length of a block in octets, before its runs are written out.
    pub const fn max_block(self) -> usize {
        self.0 as usize * 100_000
    }
}

/// Why a block cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The bits are not a block.
    Invalid,
    /// The content does not have the checksum of the block.
    Checksum,
    /// The input ends before the block does.
    Cut,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::Invalid => "the bits are not a block",
            Error::Checksum => "the checksum of a block does not match",
            Error::Cut => "a block ends early",
        })
    }
}

impl std::error::Error for Error {}

/// The working memory of decoding: 3.6 MB for blocks of level 9, and up to 3.6 MB more for content that hardly compresses.
///
/// Only memory that blocks needed is touched, so a decoder of small blocks is small. To use one decoder for many blocks
/// saves the operating system from providing its pages again and again.
pub struct Decoder {
    column: LastColumn,
    rotations: Rotations,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

impl Decoder {
    /// Memory for one block at a time.
    pub fn new() -> Decoder {
        Decoder { column: LastColumn::new(), rotations: Rotations::new() }
    }

    /// Decodes the block whose magic number is at the bit `begin` of `octets`, and returns the bit after the block. What
    /// `content` contained before is lost.
    ///
    /// The block has been read, but its content has not been compared with its checksum: [`Content::append`] does that.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if there is no block of this level, [`Error::Cut`] if `octets` ends within it. `content` is then empty.
    pub fn decode(&mut self, level: Level, octets: &[u8], begin: usize, content: &mut Content) -> Result<usize, Error> {
        let mut bits = Bits::new(octets, begin);
        let result = self.decode_bits(level, &mut bits, content);
        content.begin(self.column.head, result.err());
        result.map(|()| bits.position())
    }

    fn decode_bits(&mut self, level: Level, bits: &mut Bits, content: &mut Content) -> Result<(), Error> {
        self.column.read(bits, level.max_block())?;
        self.rotations.restore(&self.column, &mut content.text);
        if self.column.head.is_randomised {
            content.text.rewrite(randomised::invert);
        }
        Ok(())
    }
}
