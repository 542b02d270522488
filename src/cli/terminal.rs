//! Text that is safe to print: no name of a file, a collector or a server steers the terminal.

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

/// JSON with everything that steers a terminal spelt out: nothing of it can stand outside of a string but line ends.
pub fn printable_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            c if c != '\n' && steers(c) => safe.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => safe.push(c),
        }
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
    use super::{printable, printable_json};

    #[test]
    fn only_line_ends_and_colours_pass() {
        assert_eq!(printable("a\u{1b}[31mb\u{1b}[0m\nc"), "a\u{1b}[31mb\u{1b}[0m\nc");
        assert_eq!(printable("a\u{1b}[2Jb\tc\r\u{7}\u{9b}1m\u{1b}"), "a\\u{1b}[2Jb\\tc\\r\\u{7}\\u{9b}1m\\u{1b}");
        assert_eq!(printable("▁█ ü"), "▁█ ü");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(printable_json("[\n\"\u{9b}2J \u{202e}ü\"]"), "[\n\"\\u009b2J \\u202eü\"]");
    }
}
