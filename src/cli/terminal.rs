//! What is printed, safely: no name of a file, a collector or a server steers the terminal, and nobody has to read all of it.

use std::io::{self, Write};

use outage_replay::report::steers;

/// The text with its line ends and colours; everything else that steers a terminal is spelt out.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = colour(rest).unwrap_or(c.len_utf8());
        let (head, tail) = rest.split_at(length);
        match c {
            '\n' => safe.push('\n'),
            c if steers(c) && length == c.len_utf8() => safe.extend(c.escape_default()),
            _ => safe.push_str(head),
        }
        rest = tail;
    }
    safe
}

/// Writes JSON with everything that steers a terminal spelt out: nothing of it can stand outside of a string but line ends.
pub struct PrintableJson<W>(pub W);

impl<W: Write> Write for PrintableJson<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let chunk = bytes.utf8_chunks().next().map(|chunk| chunk.valid()).unwrap_or_default();
        if chunk.is_empty() && !bytes.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no whole character"));
        }
        let is_spelt = |c: char| c != '\n' && steers(c);
        for part in chunk.split_inclusive(is_spelt) {
            match part.chars().next_back().filter(|c| is_spelt(*c)) {
                Some(c) => write!(self.0, "{}\\u{:04x}", part.strip_suffix(c).unwrap_or_default(), u32::from(c))?,
                None => self.0.write_all(part.as_bytes())?,
            }
        }
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Whoever reads standard output. One who has seen enough and left is no failure.
pub struct Reader<W> {
    out: W,
    has_seen_enough: bool,
}

impl<W> Reader<W> {
    /// One who has seen nothing yet.
    pub fn new(out: W) -> Reader<W> {
        Reader { out, has_seen_enough: false }
    }
}

impl<W: Write> Write for Reader<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.has_seen_enough {
            return Ok(bytes.len());
        }
        match self.out.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.has_seen_enough = true;
                Ok(bytes.len())
            }
            result => result,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.out.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }
}

/// The length of the colour change that the text begins with: `ESC [ 31 m`.
fn colour(text: &str) -> Option<usize> {
    let code = text.strip_prefix("\u{1b}[")?;
    let end = code.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    code.get(end..)?.starts_with('m').then_some(end + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_line_ends_and_colours_pass() {
        assert_eq!(printable("a\u{1b}[31mb\u{1b}[0m\nc"), "a\u{1b}[31mb\u{1b}[0m\nc");
        assert_eq!(printable("a\u{1b}[2Jb\tc\r\u{7}\u{9b}1m\u{1b}"), "a\\u{1b}[2Jb\\tc\\r\\u{7}\\u{9b}1m\\u{1b}");
        assert_eq!(printable("▁█ ü"), "▁█ ü");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
    }

    #[test]
    fn of_json_only_line_ends_and_strings_pass() {
        let json = "[\n\"\u{9b}2J \u{202e}ü\"]";
        for size in [3, 5, json.len()] {
            let mut out = PrintableJson(Vec::new());
            let mut rest = json.as_bytes();
            while !rest.is_empty() {
                let n = out.write(&rest[..size.min(rest.len())]).unwrap();
                rest = &rest[n..];
            }
            assert_eq!(String::from_utf8(out.0).unwrap(), "[\n\"\\u009b2J \\u202eü\"]");
        }
    }
}
