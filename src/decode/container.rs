//! Containers: gzip, bzip2 and Zstandard, recognised by content, with every member, stream and frame; a cut is always
//! reported.
//!
//! The signatures of gzip, bzip2 and Zstandard are also times (a skippable frame of Zstandard begins like a record of
//! 2020-08-05 06:08:24): the octets after it decide.
//!
//! The multi-member modes of the decoders cannot distinguish a cut file from a whole one with bytes after it, so members
//! are opened here one by one.

pub(super) mod blocks;

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use super::walk::is_records;
use crate::helpers::Helpers;
use blocks::Blocks;

/// Compressed bytes are read in steps of this size.
const CHUNK: usize = 128 * 1024;

/// Longest signature: a bzip2 stream header and the magic number of the block or end that follows it.
const SIGNATURE: usize = 10;

/// Bytes to look at to decide whether a signature begins a container.
const RECORDS: usize = CHUNK / 2;

/// The content of `input`; helper threads may decompress blocks of it.
pub(super) fn decompress<R: Read>(input: R, helpers: &Helpers) -> Container<'_, R> {
    let source = ContainerInput { input, buffer: vec![0; CHUNK], start: 0, end: 0 };
    Container { stream: Stream::Between(source), helpers, began: false, is_corrupt: false, n_trailing: 0 }
}

/// Decompressed bytes. Reading fails with `InvalidData` where a member is damaged or cut; the end of the content is
/// reported only after the end of the last member.
pub(super) struct Container<'c, R: Read> {
    stream: Stream<'c, R>,
    helpers: &'c Helpers,
    began: bool,
    is_corrupt: bool,
    n_trailing: u64,
}

enum Stream<'c, R: Read> {
    /// Before the first member and after each.
    Between(ContainerInput<R>),
    Plain(ContainerInput<R>),
    Gzip(Box<GzDecoder<ContainerInput<R>>>),
    Bzip2(Blocks<'c, R>),
    Zstd(zstd::Decoder<'static, ContainerInput<R>>),
    End,
}

#[derive(Clone, Copy)]
enum ContainerFormat {
    Gzip,
    Bzip2,
    Zstd,
}

impl<R: Read> Container<'_, R> {
    /// Bytes after the last member that belong to none; known once the end has been read.
    pub(super) fn n_trailing(&self) -> u64 {
        self.n_trailing
    }

    /// Whether a member that is checked only at its end turned out to be damaged: any of its bytes may be wrong, those
    /// that were read before included. A cut falsifies no byte before it, and bzip2 checks each block.
    pub(super) fn is_corrupt(&self) -> bool {
        self.is_corrupt
    }

    /// Whether the input had no byte at all.
    pub(super) fn was_empty(&self) -> bool {
        !self.began
    }

    /// Opens the next member, or ends.
    fn advance(&mut self) -> io::Result<()> {
        self.stream = match std::mem::replace(&mut self.stream, Stream::End) {
            Stream::Between(mut source) => {
                let first = !self.began;
                let head = source.peek(SIGNATURE)?;
                if head.is_empty() {
                    return Ok(());
                }
                let mut format = format(head);
                // The time of the first record of a plain file may be any number, a signature too.
                if first && format.is_some() && is_records(source.peek(RECORDS)?) {
                    format = None;
                }
                self.began = true;
                match format {
                    Some(ContainerFormat::Gzip) => Stream::Gzip(Box::new(GzDecoder::new(source))),
                    Some(ContainerFormat::Bzip2) => Stream::Bzip2(Blocks::new(source, self.helpers)?),
                    Some(ContainerFormat::Zstd) => Stream::Zstd(zstd::Decoder::with_buffer(source)?.single_frame()),
                    None if first => Stream::Plain(source),
                    None => {
                        if let Some(format) = begun(source.peek(SIGNATURE)?) {
                            return Err(strict(format, io::ErrorKind::UnexpectedEof.into()));
                        }
                        self.n_trailing = source.drain()?;
                        Stream::End
                    }
                }
            }
            Stream::Gzip(decoder) => Stream::Between(decoder.into_inner()),
            Stream::Bzip2(blocks) => Stream::Between(blocks.into_source()),
            Stream::Zstd(decoder) => Stream::Between(decoder.finish()),
            Stream::Plain(_) | Stream::End => Stream::End,
        };
        Ok(())
    }
}

impl<R: Read> Read for Container<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let is_corrupt = &mut self.is_corrupt;
            let mut late = |format: &str, error: io::Error| {
                *is_corrupt |= is_damage(&error);
                strict(format, error)
            };
            let n = match &mut self.stream {
                Stream::Between(_) => 0,
                Stream::Plain(source) => source.read(buffer)?,
                Stream::Gzip(decoder) => decoder.read(buffer).map_err(|error| late("gzip", error))?,
                Stream::Bzip2(blocks) => blocks.read(buffer).map_err(|error| strict("bzip2", error))?,
                Stream::Zstd(decoder) => decoder.read(buffer).map_err(|error| late("Zstandard", error))?,
                Stream::End => return Ok(0),
            };
            if n > 0 {
                return Ok(n);
            }
            self.advance()?;
        }
    }
}

/// A decoder's "unexpected end of file" must not look like the end of the content.
fn strict(format: &str, error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::new(io::ErrorKind::InvalidData, format!("the {format} container is truncated"))
        }
        _ if is_damage(&error) => {
            io::Error::new(io::ErrorKind::InvalidData, format!("the {format} container is damaged: {error}"))
        }
        _ => error,
    }
}

/// Whether the error of a decoder means that its input is damaged, and not merely cut.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other)
}

fn format(head: &[u8]) -> Option<ContainerFormat> {
    match head {
        [0x1f, 0x8b, ..] => Some(ContainerFormat::Gzip),
        // "BZh" alone is also the time 2005-04-11 12:05 in a plain MRT file.
        [b'B', b'Z', b'h', b'1'..=b'9', magic @ ..] => {
            let starts = |whole: &[u8]| whole.starts_with(magic) || magic.starts_with(whole);
            let known = starts(&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59]) || starts(&[0x17, 0x72, 0x45, 0x38, 0x50, 0x90]);
            known.then_some(ContainerFormat::Bzip2)
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(ContainerFormat::Zstd),
        _ => None,
    }
}

/// The format of the next member, if the file ends before its signature does. So short a rest is more likely a cut
/// member than trailing bytes, and as trailing bytes it would hide that the member is lost.
fn begun(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x1f] => Some("gzip"),
        b"B" | b"BZ" | b"BZh" => Some("bzip2"),
        [0x28] | [0x28, 0xb5] | [0x28, 0xb5, 0x2f] => Some("Zstandard"),
        [0x50..=0x5f] | [0x50..=0x5f, 0x2a] | [0x50..=0x5f, 0x2a, 0x4d] => Some("Zstandard"),
        _ => None,
    }
}

/// A buffered reader that can look several bytes ahead across the end of its buffer.
struct ContainerInput<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl<R: Read> ContainerInput<R> {
    /// The next `n` bytes, fewer only at the end.
    fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        if self.end - self.start < n {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            while self.end < n && self.read_more()? > 0 {}
        }
        let end = self.end.min(self.start + n);
        Ok(self.buffer.get(self.start..end).unwrap_or_default())
    }

    /// Gives bytes back that were consumed, to be read again.
    fn put_back(&mut self, bytes: &[u8]) {
        let rest = self.buffer.get(self.start..self.end).unwrap_or_default();
        let mut buffer = [bytes, rest].concat();
        (self.start, self.end) = (0, buffer.len());
        buffer.resize(buffer.len().max(CHUNK), 0);
        self.buffer = buffer;
    }

    /// Reads to the end and returns the number of bytes.
    fn drain(&mut self) -> io::Result<u64> {
        let mut n = 0;
        loop {
            let available = self.fill_buf()?.len();
            if available == 0 {
                return Ok(n);
            }
            n += available as u64;
            self.consume(available);
        }
    }

    fn read_more(&mut self) -> io::Result<usize> {
        loop {
            match self.input.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Ok(n) => {
                    let n = n.min(self.buffer.len() - self.end);
                    self.end += n;
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl<R: Read> BufRead for ContainerInput<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            self.read_more()?;
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, n: usize) {
        self.start = self.end.min(self.start + n);
    }
}

impl<R: Read> Read for ContainerInput<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end && buffer.len() >= self.buffer.len() {
            return self.input.read(buffer);
        }
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
