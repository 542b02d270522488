//! Text that is safe to print: no name of a file, a collector or a server steers the terminal.

/// The text with its line ends and colours; every other control character is spelt out.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = colour(rest).unwrap_or(c.len_utf8());
        let (head, tail) = rest.split_at(length);
        match c {
            '\n' => safe.push('\n'),
            c if c.is_control() && length == c.len_utf8() => safe.extend(c.escape_default()),
            _ => safe.push_str(head),
        }
        rest = tail;
    }
    safe
}

/// The length of the colour change that the text begins with: `ESC [ 31 m`.
fn colour(text: &str) -> Option<usize> {
    let code = text.strip_prefix("\u{1b}[")?;
    let end = code.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    code.get(end..)?.starts_with('m').then_some(end + 3)
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn only_line_ends_and_colours_pass() {
        assert_eq!(printable("a\u{1b}[31mb\u{1b}[0m\nc"), "a\u{1b}[31mb\u{1b}[0m\nc");
        assert_eq!(printable("a\u{1b}[2Jb\tc\r\u{7}\u{9b}1m\u{1b}"), "a\\u{1b}[2Jb\\tc\\r\\u{7}\\u{9b}1m\\u{1b}");
        assert_eq!(printable("▁█ ü"), "▁█ ü");
    }
}
