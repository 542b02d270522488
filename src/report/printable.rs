//! Text for a terminal, which the name of a file, collector or server cannot control.

use std::io::{self, Write};

use super::text::is_unprintable;

/// Returns the text with its line ends and colours. Every other control character is escaped.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = colour(rest).unwrap_or(c.len_utf8());
        let (head, tail) = rest.split_at(length);
        match c {
            '\n' => safe.push('\n'),
            c if is_unprintable(c) && length == c.len_utf8() => safe.extend(c.escape_default()),
            _ => safe.push_str(head),
        }
        rest = tail;
    }
    safe
}

/// Writes JSON and escapes every control character in it. Line ends pass, because JSON strings contain none.
pub(super) struct PrintableJson<W>(pub(super) W);

impl<W: Write> Write for PrintableJson<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let chunk = bytes.utf8_chunks().next().map(|chunk| chunk.valid()).unwrap_or_default();
        if chunk.is_empty() && !bytes.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a complete character"));
        }
        let is_escaped = |c: char| c != '\n' && is_unprintable(c);
        for part in chunk.split_inclusive(is_escaped) {
            match part.chars().next_back().filter(|c| is_escaped(*c)) {
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

/// Returns the length of the colour change that the text begins with: `ESC [ 31 m`.
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
    fn control_characters_in_json_are_escaped_wherever_a_write_ends() {
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
