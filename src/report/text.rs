//! Numbers, times and paragraphs as a person reads them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use chrono::Datelike;

pub(super) use crate::archive::is_unprintable;
use crate::time::{Timestamp, Window};

/// `2014-12-22 16:15:00`: UTC, to the second; the other formats have the fractions.
pub(super) fn clock(at: Timestamp) -> String {
    at.to_datetime().format("%Y-%m-%d %H:%M:%S").to_string()
}

/// `16:15:00`, for use beside the date.
pub(super) fn time_of_day(at: Timestamp) -> String {
    at.to_datetime().format("%H:%M:%S").to_string()
}

/// `2014-12-22 16:15:00 to 16:20:00`; the second date is shown only if it differs.
pub(super) fn from_to(window: Window) -> String {
    let (start, end) = (clock(window.start), clock(window.end));
    let end = if start.get(..10) == end.get(..10) { end.get(11..).unwrap_or(&end) } else { &end };
    format!("{start} to {end}")
}

/// `12-22 16:15:00`, for use under a heading with the year.
pub(super) fn day_clock(at: Timestamp) -> String {
    at.to_datetime().format("%m-%d %H:%M:%S").to_string()
}

/// `12-22 16:15:00 to 16:20:00`: [`from_to`] for use under a heading with the year.
pub(super) fn day_from_to(window: Window) -> String {
    from_to(window).get(5..).unwrap_or_default().replacen(&format!("to {}-", year(window.end)), "to ", 1)
}

/// `2014, ` or `2014 to 2015, `: the years of some instants, in front of a heading.
pub(super) fn years(instants: impl Iterator<Item = Timestamp> + Clone) -> String {
    match (instants.clone().map(year).min(), instants.map(year).max()) {
        (Some(first), Some(last)) if first == last => format!("{first}, "),
        (Some(first), Some(last)) => format!("{first} to {last}, "),
        _ => String::new(),
    }
}

fn year(at: Timestamp) -> i32 {
    at.to_datetime().year()
}

/// A duration of this many days needs no hours.
const MANY_DAYS: u64 = 60;

/// `9 h 31 min`, `31 min`, `2 min 5 s`, `4 d 2 h`, `2,188 d`, `800 ms`.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds >= MANY_DAYS * 86400 {
        return format!("{} d", grouped((seconds + 43_200) / 86400));
    }
    let units = [(86400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut words = String::new();
    let mut left = seconds;
    for (size, name) in units {
        let n = left / size;
        left %= size;
        // Days need no seconds.
        if n > 0 && !(seconds >= 86400 && size == 1) {
            let _ = write!(words, "{}{n} {name}", if words.is_empty() { "" } else { " " });
        }
    }
    if words.is_empty() { format!("{} ms", duration.subsec_millis()) } else { words }
}

/// `35 min`, `3 h`, `40 days`: in the unit that suffices for something approximate.
pub(super) fn about(duration: Duration) -> String {
    let seconds = duration.as_secs().max(1);
    let rounded = |unit: u64| (seconds + unit / 2) / unit;
    match seconds {
        0..300 => self::duration(Duration::from_secs(seconds)),
        300..36_000 => self::duration(Duration::from_secs(rounded(60) * 60)),
        36_000..172_800 => format!("{} h", rounded(3600)),
        _ => format!("{} days", grouped(rounded(86_400))),
    }
}

/// `9:31:00`: hours, minutes, seconds, for columns of numbers.
pub(super) fn hours(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Quotes a word for the shell if it needs it.
pub(super) fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.,:/+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// `92%`. Only a share of 1 is `100%` and only 0 is `0%`: shares that round to them are `>99%` or `<1%`.
pub(super) fn percent(share: f64) -> String {
    percent_to(share, 0, ["<", ">"])
}

/// The same inside a sentence: `92%`, `less than 1%`.
pub(super) fn percent_in_words(share: f64) -> String {
    percent_to(share, 0, ["less than ", "more than "])
}

/// The same with `decimals` decimals: `0.12%`, `less than 0.01%`.
pub(super) fn percent_exactly(share: f64, decimals: usize) -> String {
    percent_to(share, decimals, ["less than ", "more than "])
}

fn percent_to(share: f64, decimals: usize, [below, above]: [&str; 2]) -> String {
    let unit = 0.1f64.powi(i32::try_from(decimals).unwrap_or(0));
    let rounded = (share * 100.0 / unit).round() * unit;
    match rounded {
        rounded if rounded <= 0.0 && share > 0.0 => format!("{below}{unit:.decimals$}%"),
        rounded if rounded >= 100.0 && share < 1.0 => format!("{above}{:.decimals$}%", 100.0 - unit),
        rounded => format!("{rounded:.decimals$}%"),
    }
}

/// `574 kB`, `4.9 MB`.
pub(super) fn size(bytes: u64) -> String {
    if bytes < 1_000_000 { format!("{} kB", bytes.div_ceil(1000)) } else { format!("{:.1} MB", bytes as f64 / 1e6) }
}

/// `1 file`, `2 files`, `20,000 files`.
pub(super) fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {many}", grouped(n as u64)) }
}

/// `AS64500, AS64501 and 2 more`: the first of some names.
pub(super) fn first_of(names: impl ExactSizeIterator<Item = String>, most: usize) -> String {
    let n = names.len();
    let first = names.take(most).collect::<Vec<_>>().join(", ");
    if n > most { format!("{first} and {} more", n - most) } else { first }
}

/// `7,601`: a number with its thousands apart.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Wraps text to lines of at most `width` columns, except single longer words. Lines after the first are indented.
pub(super) fn wrap(text: &str, width: usize, indent: usize) -> Vec<String> {
    let indent = " ".repeat(indent);
    let options = textwrap::Options::new(width)
        .subsequent_indent(&indent)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
    textwrap::wrap(text, options).into_iter().map(Cow::into_owned).collect()
}

/// Returns how many columns of a terminal a text takes: Chinese characters take two.
pub(super) fn display_width(text: &str) -> usize {
    textwrap::core::display_width(text)
}

/// Returns a text with blanks after it, up to `width` columns.
pub(super) fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(display_width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        for (seconds, words, digits) in [
            (34_260, "9 h 31 min", "9:31:00"),
            (125, "2 min 5 s", "0:02:05"),
            (2 * 86_400 + 3601, "2 d 1 h", "49:00:01"),
            (0, "0 ms", "0:00:00"),
            (59 * 86_400 + 3600, "59 d 1 h", "1417:00:00"),
            (2187 * 86_400 + 86_000, "2,188 d", "52511:53:20"),
        ] {
            let length = Duration::from_secs(seconds);
            assert_eq!((duration(length).as_str(), hours(length).as_str()), (words, digits));
        }
    }

    #[test]
    fn something_approximate_has_one_unit() {
        let shown = [36, 2100, 3 * 3600, 30 * 3600, 3_439_000].map(|seconds| about(Duration::from_secs(seconds)));
        assert_eq!(shown, ["36 s", "35 min", "3 h", "30 h", "40 days"]);
        assert_eq!([7, 999, 7601, 20_000, 1_234_567].map(grouped), ["7", "999", "7,601", "20,000", "1,234,567"]);
    }

    #[test]
    fn a_share_is_never_rounded_to_all_or_nothing() {
        let shares = [0.0, 0.0009, 0.006, 0.5, 0.994, 0.9997, 1.0].map(percent);
        assert_eq!(shares, ["0%", "<1%", "1%", "50%", "99%", ">99%", "100%"]);
        assert_eq!([0.0009, 0.9997].map(percent_in_words), ["less than 1%", "more than 99%"]);
        let exact = [0.0, 0.000_01, 0.001_23, 0.999_99, 1.0].map(|share| percent_exactly(share, 2));
        assert_eq!(exact, ["0.00%", "less than 0.01%", "0.12%", "more than 99.99%", "100.00%"]);
    }

    #[test]
    fn a_second_date_is_named_only_where_it_is_another() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let shown = |start, end| from_to(Window::new(at(start), at(end)).unwrap());
        assert_eq!(shown("2014-12-22T16:15", "2014-12-22T16:20"), "2014-12-22 16:15:00 to 16:20:00");
        assert_eq!(shown("2014-12-22T16:15", "2014-12-23T01:46"), "2014-12-22 16:15:00 to 2014-12-23 01:46:00");
        let short = |start, end| day_from_to(Window::new(at(start), at(end)).unwrap());
        assert_eq!(short("2014-12-22T16:15", "2014-12-22T16:20"), "12-22 16:15:00 to 16:20:00");
        assert_eq!(short("2014-12-31T16:15", "2015-01-01T01:46"), "12-31 16:15:00 to 01-01 01:46:00");
        assert_eq!(years([at("2014-12-31"), at("2015-01-01")].into_iter()), "2014 to 2015, ");
    }

    #[test]
    fn wrapped_lines_keep_within_the_width() {
        assert_eq!(wrap("one two three four", 9, 2), ["one two", "  three", "  four"]);
        assert_eq!(wrap("incomprehensibilities", 9, 2), ["incomprehensibilities"]);
        assert_eq!(wrap("中国 电信 网络", 9, 0), ["中国 电信", "网络"]);
    }
}
