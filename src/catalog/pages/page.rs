//! Folder pages of web servers: Apache's and nginx's lists of files in HTML.

use std::collections::BTreeMap;

/// The text between a link and the next one is longer than this only on other pages.
const MAX_ROW: usize = 512;

/// Returns the files that a page links to, by name, with their approximate sizes in bytes; 0 where none is shown. Only links
/// for which `is_file` returns true count: whatever else a page contains is ignored.
pub(super) fn files(page: &str, is_file: impl Fn(&str) -> bool) -> BTreeMap<String, u64> {
    let mut files = BTreeMap::new();
    let mut rest = page;
    while let Some(at) = find(rest, "href") {
        rest = rest.get(at + "href".len()..).unwrap_or_default();
        let Some((target, after)) = value(rest) else { continue };
        rest = after;
        if is_file(target) {
            let size = size(row(after));
            files.entry(target.to_owned()).and_modify(|known: &mut u64| *known = size.max(*known)).or_insert(size);
        }
    }
    files
}

/// Whether the end of the page is there.
pub(super) fn is_whole(page: &str) -> bool {
    page.trim_end().to_ascii_lowercase().ends_with("</html>")
}

/// Returns the position of `word`, in lower case, in upper or lower case.
fn find(text: &str, word: &str) -> Option<usize> {
    text.as_bytes().windows(word.len()).position(|bytes| bytes.eq_ignore_ascii_case(word.as_bytes()))
}

/// Returns the value of an attribute and the text after it; `text` begins after the name of the attribute.
fn value(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start().strip_prefix('=')?.trim_start();
    match text.chars().next()? {
        quote @ ('"' | '\'') => text.get(1..)?.split_once(quote),
        _ => Some(text.split_at(text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len()))),
    }
}

/// Returns the text from the end of a link to the next link or the end of its row, without tags.
fn row(after: &str) -> String {
    let end = after.char_indices().map(|(at, _)| at).find(|at| *at >= MAX_ROW).unwrap_or(after.len());
    let after = after.get(..end).unwrap_or_default();
    let after = find(after, "</a>").and_then(|at| after.get(at + "</a>".len()..)).unwrap_or_default();
    let end = ["<a ", "</tr", "\n"].iter().filter_map(|word| find(after, word)).min().unwrap_or(after.len());
    let mut is_tag = false;
    let visible = |c: char| match c {
        '<' | '>' => {
            is_tag = c == '<';
            Some(' ')
        }
        c => (!is_tag).then_some(c),
    };
    after.get(..end).unwrap_or_default().chars().filter_map(visible).collect()
}

/// Returns the size that the text beside a link shows: `1234567`, `6.4M`, `12.0 MiB`. 0 if it shows none.
fn size(text: String) -> u64 {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut sizes = words.iter().enumerate().filter_map(|(index, word)| {
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: f64 = digits.parse().ok().filter(|_| digits.starts_with(|c: char| c.is_ascii_digit()))?;
        let unit = if digits.len() < word.len() { word.get(digits.len()..) } else { words.get(index + 1).copied() };
        let unit = unit.and_then(|unit| unit.chars().next()).map(|c| c.to_ascii_uppercase());
        let exponent = ["K", "M", "G", "T"].iter().position(|known| unit.is_some_and(|unit| known.starts_with(unit)));
        Some((number * 1024_f64.powi(exponent.map_or(0, |exponent| exponent as i32 + 1))) as u64)
    });
    sizes.next_back().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(page: &str, expected: &[(&str, u64)]) {
        let found = files(page, |name| name.starts_with("updates.") || name.starts_with("bview."));
        let found: Vec<(&str, u64)> = found.iter().map(|(name, size)| (name.as_str(), *size)).collect();
        assert_eq!(found, expected, "{page}");
    }

    // Rows as data.ris.ripe.net and archive.routeviews.org have had them since 2022.
    #[test]
    fn pages_of_apache_and_nginx_are_read() {
        check(
            r#"<tr><td valign="top">&nbsp;</td><td><a href="/rrc00/">Parent Directory</a></td><td>&nbsp;</td><td align="right">  - </td></tr>
<tr><td valign="top">&nbsp;</td><td><a href="updates.20221128.2220.gz">updates.20221128.2220.gz</a></td><td align="right">2022-11-28 22:25  </td><td align="right">6.4M</td><td>&nbsp;</td></tr>
<tr><td valign="top">&nbsp;</td><td><a href="bview.20221102.0800.gz">bview.20221102.0800.gz</a></td><td align="right">2022-11-02 10:14  </td><td align="right">1.5G</td><td>&nbsp;</td></tr>
<tr><td valign="top"><img src="/icons/unknown.gif" alt="[   ]"></td><td><a href="updates.20221001.0000.bz2">updates.20221001.000..&gt;</a></td><td align="right">2022-10-01 00:00  </td><td align="right"> 14 </td><td>&nbsp;</td></tr>"#,
            &[
                ("bview.20221102.0800.gz", 1_610_612_736),
                ("updates.20221001.0000.bz2", 14),
                ("updates.20221128.2220.gz", 6_710_886),
            ],
        );
        check(
            "<h1>Index of /rrc00/2001.01/</h1><hr><pre><a href=\"../\">../</a>\n\
             <a href=\"bview.20010101.0609.gz\">bview.20010101.0609.gz</a>        01-Jan-2001 06:09     12M\n\
             <a href=\"updates.20010131.2236.gz\">updates.20010131.2236.gz</a>    31-Jan-2001 22:36     98123\n\
             <a href=\"updates.20010131.2251.gz\">updates.20010131.2251.gz</a>    31-Jan-2001 22:51     -\n</pre>",
            &[
                ("bview.20010101.0609.gz", 12 << 20),
                ("updates.20010131.2236.gz", 98_123),
                ("updates.20010131.2251.gz", 0),
            ],
        );
        check(
            "<tr><td class=link><A HREF = updates.20010131.2236.gz>x</A></td><td class=size>1.5 KiB</td></tr>",
            &[("updates.20010131.2236.gz", 1536)],
        );
    }

    #[test]
    fn whatever_a_page_contains_is_read_to_its_end() {
        for page in
            ["", "href", "href=", "href=\"", "href='a", "<a href=updates.", "hrefhrefhref=\"\"", "é<a hréf=é href=é>é"]
        {
            let _ = files(page, |_| true);
        }
        check("<a href=\"updates.a\">", &[("updates.a", 0)]);
        check("<a href=\"updates.a\">é</a> 12 <", &[("updates.a", 12)]);
        assert!(is_whole("<html></HTML>\r\n") && !is_whole("<html></htm"));
    }
}
