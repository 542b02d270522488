//! The content of a block: its values with their runs written out, and the checksum of the result.

use crate::Error;
use crate::symbols::Head;
use crate::text::Text;

/// After so many equal values comes the number of further ones.
const RUN: u32 = 4;

/// Whether content follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The piece is full, and more may follow.
    More,
    /// The content has ended, and it has the checksum of its block.
    End,
}

/// The content of one block, to be read once. Takes about 1.1 octets for each octet of the block before its runs are written
/// out, and keeps that memory for the next block.
pub struct Content {
    pub(crate) text: Text,
    stated: u32,
    is_randomised: bool,
    checksum: Checksum,
    /// The last value, and the number of times it came one after the other, which is 0 after a run length.
    last: u8,
    n_equal: u32,
    /// How often the last value is still to be written.
    n_to_repeat: usize,
    /// The block ended where a run length should be.
    is_beyond: bool,
    state: Result<Progress, Error>,
}

impl Default for Content {
    fn default() -> Content {
        Content::new()
    }
}

impl Content {
    /// The content of no block: empty, and at its end.
    pub fn new() -> Content {
        Content {
            text: Text::default(),
            stated: 0,
            is_randomised: false,
            checksum: Checksum::default(),
            last: 0,
            n_equal: 0,
            n_to_repeat: 0,
            is_beyond: false,
            state: Ok(Progress::End),
        }
    }

    /// The content of a block whose text has been written, or that could not be read.
    pub(crate) fn begin(&mut self, head: Head, error: Option<Error>) {
        self.stated = head.checksum;
        self.is_randomised = head.is_randomised;
        self.checksum = Checksum::default();
        (self.n_equal, self.n_to_repeat) = (0, 0);
        self.is_beyond = false;
        self.state = error.map_or(Ok(Progress::More), Err);
    }

    /// The checksum that the block states: a CRC-32 with the most significant bit first.
    pub fn checksum(&self) -> u32 {
        self.stated
    }

    /// Adds content to `piece` until `piece` has `n_max` octets, or the content ends.
    ///
    /// # Errors
    ///
    /// [`Error::Checksum`] if the content does not have the checksum of its block. All of it has been added then.
    /// [`Error::Invalid`] if the block ends where a run length should be. As libbz2 does, this call then adds nothing, and the
    /// content before it is what libbz2 returns if it is called with buffers of the same lengths. An error of
    /// [`Decoder::decode`](crate::Decoder::decode) is returned again.
    pub fn append(&mut self, piece: &mut Vec<u8>, n_max: usize) -> Result<Progress, Error> {
        let before = piece.len();
        if self.state == Ok(Progress::More) {
            self.state = self.expand(piece, n_max);
            self.checksum.update(piece.get(before..).unwrap_or_default());
            if self.state == Ok(Progress::End) && self.checksum.value() != self.stated {
                self.state = Err(Error::Checksum);
            }
        }
        self.state
    }

    fn expand(&mut self, piece: &mut Vec<u8>, n_max: usize) -> Result<Progress, Error> {
        let before = piece.len();
        loop {
            if self.n_to_repeat > 0 {
                let n = self.n_to_repeat.min(n_max.saturating_sub(piece.len()));
                piece.resize(piece.len() + n, self.last);
                self.n_to_repeat -= n;
                if self.n_to_repeat > 0 {
                    return Ok(Progress::More);
                }
            }
            let room = n_max.saturating_sub(piece.len());
            if self.is_beyond {
                if room == 0 {
                    return Ok(Progress::More);
                }
                // libbz2 forgets what it wrote since it was called, except if the block is randomised.
                if !self.is_randomised {
                    piece.truncate(before);
                }
                return Err(Error::Invalid);
            }
            let next = self.text.next();
            if self.n_equal == RUN {
                self.is_beyond = next.is_empty();
                self.n_to_repeat = usize::from(next.first().copied().unwrap_or_else(|| self.text.beyond()));
                self.n_equal = 0;
                self.text.advance(usize::from(!self.is_beyond));
                continue;
            }
            if next.is_empty() {
                return Ok(Progress::End);
            }
            if room == 0 {
                return Ok(Progress::More);
            }
            let next = next.get(..room).unwrap_or(next);
            let n = plain(next, &mut self.last, &mut self.n_equal);
            piece.extend_from_slice(next.get(..n).unwrap_or_default());
            self.text.advance(n);
        }
    }
}

/// The number of values up to the end of the first run of four, or of all. The run may have begun before.
fn plain(values: &[u8], last: &mut u8, n_equal: &mut u32) -> usize {
    let mut at = 0;
    // The run that began before.
    if *n_equal > 0 {
        while values.get(at) == Some(last) {
            at += 1;
            *n_equal += 1;
            if *n_equal == RUN {
                return at;
            }
        }
        if at == values.len() {
            return at;
        }
    }
    // Hot: once per value.
    while let Some(window) = values.get(at..).and_then(|rest| rest.first_chunk())
        && !has_run::<35>(window)
    {
        at += 32;
    }
    while let Some(window) = values.get(at..).and_then(|rest| rest.first_chunk())
        && !has_run::<11>(window)
    {
        at += 8;
    }
    let rest = values.get(at..).unwrap_or_default();
    if let Some(begin) = rest.windows(4).position(|run| run.iter().all(|value| *value == run[0])) {
        *last = rest[begin];
        *n_equal = RUN;
        return at + begin + 4;
    }
    if let Some(value) = rest.last() {
        *last = *value;
        *n_equal = rest.iter().rev().take_while(|other| *other == value).count() as u32;
    }
    values.len()
}

/// Whether four equal values follow each other. The compiler compares many at once.
#[inline(always)]
fn has_run<const N: usize>(values: &[u8; N]) -> bool {
    let differs =
        |at: usize| values[at] ^ values[at + 1] | values[at + 1] ^ values[at + 2] | values[at + 2] ^ values[at + 3];
    (0..N - 3).fold(false, |any, at| any | (differs(at) == 0))
}

/// The CRC-32 of bzip2: that of zlib with the bits of each octet, and of the result, in reverse order.
#[derive(Default)]
struct Checksum {
    reversed: crc32fast::Hasher,
}

impl Checksum {
    fn update(&mut self, octets: &[u8]) {
        let mut reversed = [0; 1024];
        for octets in octets.chunks(reversed.len()) {
            for (to, from) in reversed.iter_mut().zip(octets) {
                *to = from.reverse_bits();
            }
            self.reversed.update(reversed.get(..octets.len()).unwrap_or_default());
        }
    }

    fn value(&self) -> u32 {
        self.reversed.clone().finalize().reverse_bits()
    }
}
