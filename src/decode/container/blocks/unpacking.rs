//! The content of one block, in pieces, by our own decoder.

use std::cell::RefCell;

use outage_replay_bzip2::{BLOCK_MAGIC, Content, Decoder, END_MAGIC, Error, Level, Progress};

use super::{HEAD, MAGIC, bits};

/// What the `bzip2` crate says about all damage.
pub(super) const INVALID: &str = "bzip2: invalid data";

thread_local! {
    /// Memory that each thread uses again: new pages for every block would take a tenth of its time.
    static MEMORY: RefCell<Memory> = RefCell::default();
}

#[derive(Default)]
struct Memory {
    decoder: Decoder,
    content: Content,
}

/// A block that has not been written out completely.
#[derive(Default)]
pub(super) struct Unpacking {
    /// Where the bits after the block are, and the content that is left.
    begun: Option<Box<(usize, Content)>>,
}

impl Unpacking {
    /// Adds content to `piece` until that is `n_max` octets long. None if more follows; otherwise how the block ended.
    ///
    /// The stream is a header, one block, and an end.
    pub(super) fn next(&mut self, stream: &[u8], piece: &mut Vec<u8>, n_max: usize) -> Option<Result<(), String>> {
        match self.read(stream, piece, n_max) {
            Ok(Progress::More) => None,
            Ok(Progress::End) => Some(Ok(())),
            Err(Error::Cut) => Some(Err("a block ends early".to_owned())),
            Err(Error::Invalid | Error::Checksum) => Some(Err(INVALID.to_owned())),
        }
    }

    fn read(&mut self, stream: &[u8], piece: &mut Vec<u8>, n_max: usize) -> Result<Progress, Error> {
        let (after, progress) = match &mut self.begun {
            Some(begun) => (begun.0, begun.1.append(piece, n_max)?),
            None => MEMORY.with_borrow_mut(|memory| {
                let after = decode(memory, stream)?;
                let progress = memory.content.append(piece, n_max)?;
                if progress == Progress::More {
                    self.begun = Some(Box::new((after, std::mem::take(&mut memory.content))));
                }
                Ok((after, progress))
            })?,
        };
        if progress == Progress::End {
            end(stream, after)?;
        }
        Ok(progress)
    }
}

fn decode(memory: &mut Memory, stream: &[u8]) -> Result<usize, Error> {
    let level = stream.get(3).and_then(|digit| Level::from_digit(*digit)).ok_or(Error::Invalid)?;
    memory.decoder.decode(level, stream, 32, &mut memory.content)
}

/// Whether the end of the stream follows the block, and not other bits that belong to no block.
fn end(stream: &[u8], after: usize) -> Result<(), Error> {
    let expected = match bits(stream, after, 8) {
        0x31 => BLOCK_MAGIC,
        _ => END_MAGIC,
    };
    // Octet by octet, as libbz2 compares: bits that are wrong are not cut.
    for n in (8..=MAGIC).step_by(8) {
        if after + n > stream.len() * 8 {
            return Err(Error::Cut);
        }
        if bits(stream, after, n) != expected >> (MAGIC - n) {
            return Err(Error::Invalid);
        }
    }
    let is_end = expected == END_MAGIC && bits(stream, after + MAGIC, 32) == bits(stream, 32 + MAGIC, 32);
    match after + HEAD <= stream.len() * 8 {
        false => Err(Error::Cut),
        true if is_end => Ok(()),
        true => Err(Error::Invalid),
    }
}
