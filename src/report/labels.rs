//! What a reader adds to a report: names of ASes, a title, the form of its pictures. No finding depends on it.

use std::fmt;

use rustc_hash::FxHashMap;

use super::text::is_unprintable;
use crate::bgp::Asn;

/// Longer names are cut: headlines contain them.
const LONGEST_NAME: usize = 80;

/// Names, a title, and the form of pictures.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// The title of the page and of the pictures. None for the finding itself.
    pub title: Option<String>,
    /// Names of ASes.
    pub names: AsNames,
    /// The form of pictures.
    pub picture: PictureForm,
}

impl Labels {
    /// Returns a title as it is shown: without control characters. None if nothing is left.
    pub fn clean_title(text: &str) -> Option<String> {
        let title = printable(text);
        (!title.is_empty()).then_some(title)
    }

    /// Returns an AS with its name.
    pub fn asn(&self, asn: Asn) -> String {
        match self.names.get(asn) {
            Some(name) => format!("{asn} ({name})"),
            None => asn.to_string(),
        }
    }
}

/// Names of ASes, which come from a file and are shown as text only.
#[derive(Clone, Default)]
pub struct AsNames(FxHashMap<Asn, String>);

impl fmt::Debug for AsNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} names of ASes", self.0.len())
    }
}

impl AsNames {
    /// Reads names: lines of a number and a name, separated by a blank or a comma, as RIPE NCC publishes them in `asnames.txt`. `#`
    /// begins a comment, and the first line may be the heading of a table.
    ///
    /// ```
    /// use outage_replay::bgp::Asn;
    /// use outage_replay::report::AsNames;
    ///
    /// let names = AsNames::parse("asn,name\n64500,\"Example, Inc.\"\nAS64501 EXAMPLE-2, ZZ\n").unwrap();
    /// assert_eq!(names.get(Asn(64500)), Some("Example, Inc."));
    /// assert_eq!(names.get(Asn(64501)), Some("EXAMPLE-2, ZZ"));
    /// ```
    ///
    /// # Errors
    ///
    /// If a line does not begin with an AS number: the message has the number of the line.
    pub fn parse(text: &str) -> Result<AsNames, String> {
        let mut names = FxHashMap::default();
        let lines = text.lines().map(str::trim).enumerate();
        let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).peekable();
        let first = lines.peek().map(|(index, _)| *index);
        for (index, line) in lines {
            let (number, name) = line.split_once([',', ' ', '\t', ';']).unwrap_or((line, ""));
            // RIPE NCC's file begins with AS 0, which is reserved.
            let is_reserved = number.trim_start_matches(['A', 'S', 'a', 's']) == "0";
            match number.trim_matches('"').parse::<Asn>() {
                Ok(asn) => {
                    let name = cleaned(name);
                    if !name.is_empty() {
                        names.insert(asn, name);
                    }
                }
                Err(_) if is_reserved || Some(index) == first => {}
                Err(_) => {
                    let word: String = number.chars().take(40).collect();
                    return Err(format!(
                        "line {}: '{}' is not an AS number: write a number and a name a line, 'AS64500 Example, ZZ'",
                        index + 1,
                        word.escape_debug()
                    ));
                }
            }
        }
        Ok(AsNames(names))
    }

    /// Returns the name of an AS. None if it has none.
    pub fn get(&self, asn: Asn) -> Option<&str> {
        self.0.get(&asn).map(String::as_str)
    }
}

/// A name without the quotes of CSV, without control characters, and not too long.
fn cleaned(name: &str) -> String {
    let name = name.trim_start_matches([',', ' ', '\t', ';']).trim();
    let name = match name.strip_prefix('"').and_then(|rest| rest.rsplit_once('"')) {
        Some((quoted, _)) => quoted.replace("\"\"", "\""),
        None => name.to_owned(),
    };
    let words = printable(&name);
    match words.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default().trim_end()),
        None => words,
    }
}

/// Text in one line without control characters.
fn printable(text: &str) -> String {
    let text: String = text.chars().map(|c| if is_unprintable(c) { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How wide a picture is, and whether it has its title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureForm {
    /// How wide it is.
    pub width: PictureWidth,
    /// Whether it has its title and the sentences below it, which a paper has in a caption.
    pub has_title: bool,
}

impl Default for PictureForm {
    fn default() -> PictureForm {
        PictureForm { width: PictureWidth::Post, has_title: true }
    }
}

/// How wide a picture is. In print its text is at least 7 points high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PictureWidth {
    /// One column of a paper: 3.3 inches.
    Column,
    /// The text of a page: 6.9 inches.
    Page,
    /// 1,200 pixels, for a page on the web or a post.
    #[default]
    Post,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Vec<(u32, String)> {
        let mut names: Vec<_> = AsNames::parse(text).unwrap().0.into_iter().map(|(asn, name)| (asn.0, name)).collect();
        names.sort();
        names
    }

    #[test]
    fn names_are_read_from_the_lists_that_people_have() {
        let ripe = "0 -Reserved AS-, ZZ\n1 LVLT-1, US\n131279 STAR-KP Ryugyong-dong, KP\n";
        let star = "STAR-KP Ryugyong-dong, KP".to_owned();
        assert_eq!(named(ripe), [(1, "LVLT-1, US".to_owned()), (131_279, star.clone())]);
        assert_eq!(named("# mine\n\nAS131279\tSTAR-KP Ryugyong-dong, KP\r\n"), [(131_279, star)]);
        let csv = "asn,name\n64500,\"He said \"\"no\"\", ZZ\"\n64501,Plain\n64502,\n";
        assert_eq!(named(csv), [(64500, "He said \"no\", ZZ".to_owned()), (64501, "Plain".to_owned())]);
    }

    #[test]
    fn a_line_without_a_number_is_an_error_and_names_its_line() {
        let error = AsNames::parse("64500 Example\nExample 64501\n").unwrap_err();
        assert!(error.starts_with("line 2: 'Example' is not an AS number"), "{error}");
    }

    #[test]
    fn control_characters_and_endless_names_do_not_reach_a_headline() {
        assert_eq!(named("64500 Red\u{1b}[31m\u{202e}Team")[0].1, "Red [31m Team");
        assert_eq!(named(&format!("64500 {}", "x".repeat(500)))[0].1.chars().count(), LONGEST_NAME + 1);
    }
}
