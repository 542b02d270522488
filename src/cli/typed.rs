//! Targets, collectors and numbers as people type them: what is accepted, and what the error for anything else suggests.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::Context;

use outage_replay::bgp::{Asn, Collector, Prefix};
use outage_replay::query::{GroupName, Match, ParseGroupNameError, Target};
use outage_replay::time::Timestamp;

use super::{similar, text_from, text_of, usage};

/// The name of standard input in place of a file.
const STDIN: &str = "-";

/// Names of the columns with labels and groups in a table of targets.
const LABELS: [&str; 2] = ["label", "name"];
const GROUPS: [&str; 1] = ["group"];
/// Names of the columns with the start and the end of a window.
const STARTS: [&str; 2] = ["from", "start"];
const ENDS: [&str; 2] = ["to", "end"];
const DELIMITERS: [char; 3] = [',', ';', '\t'];
/// Names of its first column. A line that begins with one of them is a heading.
const HEADINGS: [&str; 8] = ["target", "targets", "asn", "as", "prefix", "network", "as number", "resource"];

/// Parses an AS number.
pub fn asn(text: &str) -> Result<Asn, String> {
    text.parse().map_err(|error: outage_replay::bgp::ParseAsnError| match has_digit(text) {
        true => error.to_string(),
        false => {
            format!("{error}; names are not looked up: find the number at https://bgp.tools or https://stat.ripe.net")
        }
    })
}

/// Parses a prefix. An IPv6 address may stand in brackets.
pub fn prefix(text: &str) -> Result<Prefix, String> {
    let plain = text.trim().replacen('[', "", 1).replacen(']', "", 1);
    if let Ok(address) = plain.parse::<IpAddr>() {
        let length = if address.is_ipv4() { 32 } else { 128 };
        return Err(format!(
            "'{text}' is an address, not a prefix: write {address}/{length} with --match less-specific for the prefixes that \
             cover it"
        ));
    }
    let prefix: Prefix = plain.parse().map_err(|error: outage_replay::bgp::ParsePrefixError| error.to_string())?;
    match mapped(&prefix) {
        Some(own) => Err(format!("'{text}' is an IPv4-mapped IPv6 prefix: write {own}")),
        None => Ok(prefix),
    }
}

/// Returns the IPv4 prefix that an IPv4-mapped IPv6 prefix stands for.
fn mapped(prefix: &Prefix) -> Option<Prefix> {
    let IpAddr::V6(address) = IpAddr::from(Ipv6Addr::from(prefix.bits())) else { return None };
    let length = prefix.len().checked_sub(96).filter(|_| prefix.net().addr().is_ipv6())?;
    Prefix::new(address.to_ipv4_mapped()?.into(), length)
}

/// Parses an AS number or a prefix.
pub fn target(text: &str, matching: Match) -> Result<Target, String> {
    match text.contains('/') || text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        true => prefix(text).map(|prefix| Target::Prefix(prefix, matching)),
        false => asn(text).map(Target::Asn),
    }
}

/// A target of a list.
pub struct Listed {
    pub target: Target,
    /// Its name there.
    pub label: Option<String>,
    /// The group that it belongs to.
    pub group: Option<GroupName>,
    /// The start and the end of its own window.
    pub window: Option<(Timestamp, Timestamp)>,
}

/// Reads a list of targets: one a line, or the first column of a table with a heading, whose column `label` or `name` names them,
/// and whose column `group` their group. `-` is standard input.
pub fn list(path: &Path, matching: Match) -> anyhow::Result<Vec<Listed>> {
    let (text, name) = read_list(path, "targets")?;
    listed(&text, matching).map_err(|(line, why)| usage(format!("{name}, line {line}: {why}")))
}

/// Reads a list of windows: the start and the end of one a line, in a table with or without a heading. `-` is standard input.
pub fn windows(path: &Path) -> anyhow::Result<Vec<(Timestamp, Timestamp)>> {
    let (text, name) = read_list(path, "windows")?;
    let wrong = |(line, why): (u64, String)| usage(format!("{name}, line {line}: {why}"));
    let Table { headings, rows } = table(&text, &STARTS).map_err(wrong)?;
    let end_column = column(&headings, &ENDS).unwrap_or(1);
    let window = |row: &csv::StringRecord| {
        let cell = |column: usize| row.get(column).map(content).unwrap_or_default();
        window(cell(0), cell(end_column)).map_err(|why| (line_of(&text, row), why))
    };
    let named = rows.iter().filter(|row| !row.get(0).map(content).unwrap_or_default().is_empty());
    named.map(window).collect::<Result<_, _>>().map_err(wrong)
}

/// Parses the start and the end of a window.
fn window(from: &str, to: &str) -> Result<(Timestamp, Timestamp), String> {
    let time = |text: &str| match text {
        "" => Err("a window needs a start and an end: write 2014-12-22,2014-12-24".to_owned()),
        text => text.parse().map_err(|error: outage_replay::time::ParseTimestampError| error.to_string()),
    };
    Ok((time(from)?, time(to)?))
}

/// Returns the text of a list, and what to call it.
pub fn read_list(path: &Path, what: &str) -> anyhow::Result<(String, String)> {
    let (text, name) = match path.to_str() {
        Some(STDIN) => (standard_input(), "standard input".to_owned()),
        _ => (text_of(path), path.display().to_string()),
    };
    let text = text.with_context(|| format!("cannot read {what} from {name}"))?;
    Ok((text, name))
}

/// A list of any kind.
struct Table {
    /// Empty if the first line is no heading.
    headings: csv::StringRecord,
    rows: Vec<csv::StringRecord>,
}

/// Splits a list into rows. The first line is a heading if its first cell is one of `first_headings`.
fn table(text: &str, first_headings: &[&str]) -> Result<Table, (u64, String)> {
    let heading = text.lines().find(|line| !content(line).is_empty()).unwrap_or_default();
    let delimiter = DELIMITERS.into_iter().find(|delimiter| heading.contains(*delimiter)).unwrap_or(',');
    let first = heading.split(delimiter).next().unwrap_or_default().trim().trim_matches('"');
    let has_heading = first_headings.contains(&first.to_lowercase().as_str());
    let mut rows = csv::ReaderBuilder::new()
        .delimiter(delimiter as u8)
        .has_headers(has_heading)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let unreadable = |error: csv::Error| (error.position().map_or(0, csv::Position::line), error.to_string());
    let headings = if has_heading { rows.headers().map_err(unreadable)?.clone() } else { csv::StringRecord::new() };
    let rows = rows.records().collect::<Result<_, _>>().map_err(unreadable)?;
    Ok(Table { headings, rows })
}

/// Returns the column with one of these names.
fn column(headings: &csv::StringRecord, names: &[&str]) -> Option<usize> {
    headings.iter().position(|word| names.contains(&word.to_lowercase().as_str()))
}

/// Reads the text of a list. An error has its line.
fn listed(text: &str, matching: Match) -> Result<Vec<Listed>, (u64, String)> {
    let Table { headings, rows } = table(text, &HEADINGS)?;
    let column = |names: &[&str]| column(&headings, names);
    let (label_column, group_column) = (column(&LABELS), column(&GROUPS));
    let window_columns = (column(&STARTS), column(&ENDS));
    let mut targets = Vec::new();
    for row in &rows {
        let word = content(row.get(0).unwrap_or_default());
        if word.is_empty() {
            continue;
        }
        let wrong = |why: String| (line_of(text, row), why);
        let target = target(word, matching).map_err(wrong)?;
        let cell = |column: Option<usize>| column.and_then(|column| row.get(column)).filter(|cell| !cell.is_empty());
        let group = cell(group_column).map(str::parse).transpose();
        let group = group.map_err(|why: ParseGroupNameError| wrong(why.to_string()))?;
        let window = match (cell(window_columns.0), cell(window_columns.1)) {
            (None, None) => None,
            (from, to) => Some(window(from.unwrap_or_default(), to.unwrap_or_default()).map_err(wrong)?),
        };
        targets.push(Listed { target, label: cell(label_column).map(str::to_owned), group, window });
    }
    Ok(targets)
}

/// The line of a row. Its position may be that of the comments and empty lines before it.
fn line_of(text: &str, row: &csv::StringRecord) -> u64 {
    let before = row.position().map_or(0, |position| position.line().saturating_sub(1)) as usize;
    let n_empty = text.lines().skip(before).take_while(|line| content(line).is_empty()).count();
    (before + n_empty + 1) as u64
}

/// What is before a comment.
fn content(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim()
}

fn standard_input() -> io::Result<String> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    text_from(bytes)
}

/// Parses the name of a collector.
pub fn collector_name(text: &str) -> Result<String, String> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    match !text.is_empty() && text.chars().all(is_name) {
        true => Ok(text.to_owned()),
        false => Err(format!("'{text}' is not the name of a collector: write letters, digits, dots and hyphens")),
    }
}

/// Returns a collector. Published names have no capital letters.
pub fn collector(name: &str) -> Collector {
    let published = name.to_lowercase();
    let is_published = published.starts_with("rrc") || published.starts_with("route-views");
    Collector::new(if is_published { &published } else { name })
}

/// Returns the known collector that a mistyped name most likely means.
pub fn nearest_collector<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let padded = name.to_lowercase().strip_prefix("rrc").map(|digits| format!("rrc{digits:0>2}"));
    let exact = known.iter().find(|known| Some(*known) == padded.as_ref());
    exact.map(String::as_str).or_else(|| similar::nearest(name, known.iter().map(String::as_str)))
}

/// Returns a parser of whole numbers in a range.
pub fn number(range: RangeInclusive<usize>) -> impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync + 'static {
    move |text| match text.trim().parse::<usize>() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ if *range.end() == usize::MAX => Err(format!("'{text}' is not a whole number")),
        _ => Err(format!("'{text}' is not a whole number from {} to {}", range.start(), range.end())),
    }
}

/// Whether a text can be meant as a number: names of networks without a digit are no mistyped AS number.
fn has_digit(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_place_of_a_number_is_answered_with_where_to_find_it() {
        assert_eq!(asn("AS131279"), Ok(Asn(131_279)));
        assert!(asn("North Korea").unwrap_err().contains("names are not looked up"));
        assert!(!asn("ASN5").unwrap_err().contains("names are not looked up"));
    }

    #[test]
    fn a_table_of_targets_may_name_them() {
        let targets = |text: &str| {
            let listed = listed(text, Match::default());
            listed.map(|listed| {
                listed.into_iter().map(|Listed { target, label, .. }| format!("{target} {label:?}")).collect::<Vec<_>>()
            })
        };
        let named = ["AS131279 Some(\"Star, Joint Venture\")", "AS64500 None"];
        assert_eq!(targets("# ours\nasn,name\n131279,\"Star, Joint Venture\"\n\nAS64500,\n").unwrap(), named);
        assert_eq!(targets("Prefix;who;Label\n192.0.2.0/24;x;Office\n").unwrap(), ["192.0.2.0/24 Some(\"Office\")"]);
        assert_eq!(targets("131279 # Star\n\n64500\n").unwrap(), ["AS131279 None", "AS64500 None"]);
        assert_eq!(targets("asn,name\n1,a\nx,b\n").unwrap_err().0, 3);
        assert_eq!(targets("# ours\n\n1\n# theirs\n\nx\n").unwrap_err().0, 6);
    }

    #[test]
    fn an_address_is_no_prefix_but_may_stand_in_brackets() {
        assert_eq!(prefix("[2001:db8::]/32"), prefix("2001:db8::/32"));
        assert!(prefix("175.45.176.1").unwrap_err().contains("175.45.176.1/32 with --match less-specific"));
        assert!(prefix("[2001:db8::1]").unwrap_err().contains("2001:db8::1/128"));
        assert!(prefix("::ffff:175.45.176.0/118").unwrap_err().ends_with("write 175.45.176.0/22"));
    }

    #[test]
    fn a_digit_that_is_missing_from_the_name_of_a_collector_is_found() {
        let known = ["rrc00", "rrc01", "rrc19", "route-views2"].map(str::to_owned);
        assert_eq!(nearest_collector("rrc1", &known), Some("rrc01"));
        assert_eq!(nearest_collector("route-view2", &known), Some("route-views2"));
        assert_eq!(collector("RRC00"), Collector::new("rrc00"));
        assert_eq!(collector("Lab"), Collector::new("Lab"));
    }
}
