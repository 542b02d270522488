//! Whole streams, one block after the other.

use outage_replay_bzip2::{BLOCK_MAGIC, Content, Decoder, END_MAGIC, Error, Level, Progress};

/// Decodes the stream at the beginning of `octets`. Its content is given to `write` in pieces of at most `n_max` octets, all but
/// the last of this length. Returns the number of octets of the stream.
pub fn decode(
    decoder: &mut Decoder,
    content: &mut Content,
    octets: &[u8],
    n_max: usize,
    mut write: impl FnMut(&[u8]),
) -> Result<usize, Error> {
    let mut piece = Vec::with_capacity(n_max);
    let result = blocks(decoder, content, octets, n_max, &mut piece, &mut write);
    write(&piece);
    result
}

fn blocks(
    decoder: &mut Decoder,
    content: &mut Content,
    octets: &[u8],
    n_max: usize,
    piece: &mut Vec<u8>,
    write: &mut impl FnMut(&[u8]),
) -> Result<usize, Error> {
    let level = match *octets {
        [b'B', b'Z', b'h', digit, ..] => Level::from_digit(digit).ok_or(Error::Invalid)?,
        _ if b"BZh".starts_with(octets) || octets.starts_with(b"BZh") => return Err(Error::Cut),
        _ => return Err(Error::Invalid),
    };
    let (mut at, mut sum) = (32, 0u32);
    while octets_at(octets, at, 1).ok_or(Error::Cut)? != END_MAGIC >> 40 {
        at = decoder.decode(level, octets, at, content)?;
        while content.append(piece, n_max)? == Progress::More {
            write(piece);
            piece.clear();
        }
        sum = sum.rotate_left(1) ^ content.checksum();
    }
    for n in 2..=6 {
        if octets_at(octets, at, n).ok_or(Error::Cut)? != END_MAGIC >> (48 - 8 * n) {
            return Err(Error::Invalid);
        }
    }
    let stated = octets_at(octets, at + 48, 4).ok_or(Error::Cut)?;
    if stated == u64::from(sum) { Ok((at + 80).div_ceil(8)) } else { Err(Error::Checksum) }
}

/// `n` octets, 1 to 6, from a bit on; None if there are fewer.
fn octets_at(octets: &[u8], at: usize, n: usize) -> Option<u64> {
    if at + 8 * n > octets.len() * 8 {
        return None;
    }
    let bits = (at..at + 8 * n).map(|bit| octets[bit / 8] >> (7 - bit % 8) & 1);
    Some(bits.fold(0, |number, bit| number << 1 | u64::from(bit)))
}

/// Whether a block begins at this bit.
#[allow(dead_code)]
pub fn is_block(octets: &[u8], at: usize) -> bool {
    octets_at(octets, at, 6) == Some(BLOCK_MAGIC)
}
