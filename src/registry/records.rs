//! The lines of a file of statistics: `registry|cc|type|start|value|date|status[|opaque-id]`, after a line with the version and the
//! dates (the registries' "RIR statistics exchange format").

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::NaiveDate;
use ipnet::Ipv4Subnets;

use super::Country;
use crate::bgp::{Asn, Prefix};

/// What a file says about one country.
pub(super) struct Records {
    pub(super) registry: String,
    /// The last day that the file covers.
    pub(super) date: String,
    pub(super) blocks: Vec<Prefix>,
    pub(super) asns: Vec<Asn>,
}

/// A line that cannot be read.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) line: u64,
    pub(super) why: String,
}

/// Reads the text of a file. Only what is allocated or assigned counts.
pub(super) fn parse(text: &str, country: Country) -> Result<Records, Malformed> {
    let code = country.to_string();
    let lines = (1..).zip(text.lines().map(str::trim));
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let (line, version) = lines.next().ok_or(Malformed { line: 1, why: "the file is empty".to_owned() })?;
    let (registry, date) = header(version).ok_or_else(|| Malformed {
        line,
        why: "this is not the first line of registry statistics, 'version|registry|serial|records|startdate|enddate|offset'"
            .to_owned(),
    })?;
    let mut records = Records { registry, date, blocks: Vec::new(), asns: Vec::new() };
    for (line, text) in lines {
        let fields: Vec<&str> = text.split('|').collect();
        let [_, cc, kind, start, value, _, status, ..] = fields[..] else {
            // A summary: registry|*|type|*|count|summary
            if fields.get(1) == Some(&"*") {
                continue;
            }
            return Err(Malformed {
                line,
                why: "it has fewer than seven fields: the file may be truncated".to_owned(),
            });
        };
        if !cc.eq_ignore_ascii_case(&code) || !["allocated", "assigned"].contains(&status.to_lowercase().as_str()) {
            continue;
        }
        records
            .add(kind, start, value)
            .ok_or_else(|| Malformed { line, why: format!("'{kind}|{start}|{value}' is not a valid {kind}") })?;
    }
    Ok(records)
}

/// Returns the registry and the last day of a file, from its first line.
fn header(line: &str) -> Option<(String, String)> {
    let fields: Vec<&str> = line.split('|').collect();
    let [version, registry, serial, _, _, end, ..] = fields[..] else { return None };
    let is_version = version.starts_with(|c: char| c.is_ascii_digit());
    // Some files leave the end out; the serial is then the day.
    let day = [end, serial].into_iter().find_map(|text| NaiveDate::parse_from_str(text, "%Y%m%d").ok())?;
    is_version.then(|| (registry.to_lowercase(), day.to_string()))
}

impl Records {
    /// Adds one record. None if it is malformed; kinds that are not known are left out.
    fn add(&mut self, kind: &str, start: &str, value: &str) -> Option<()> {
        match kind {
            "ipv4" => {
                let first: Ipv4Addr = start.parse().ok()?;
                let n: u32 = value.parse().ok()?;
                let last = first.to_bits().checked_add(n.checked_sub(1)?)?;
                let blocks = Ipv4Subnets::new(first, Ipv4Addr::from_bits(last), 0);
                self.blocks.extend(blocks.map(|block| Prefix::from(ipnet::IpNet::V4(block))));
            }
            "ipv6" => {
                let first: Ipv6Addr = start.parse().ok()?;
                self.blocks.push(Prefix::new(IpAddr::V6(first), value.parse().ok()?)?);
            }
            "asn" => {
                let first: u32 = start.parse().ok()?;
                let n: u32 = value.parse().ok()?;
                let last = first.checked_add(n.checked_sub(1)?)?;
                self.asns.extend((first..=last).map(Asn));
            }
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The registry and the day, the blocks, the ASes.
    type Parsed = (String, Vec<String>, Vec<u32>);

    fn parsed(text: &str, country: &str) -> Result<Parsed, (u64, String)> {
        let records = parse(text, country.parse().unwrap()).map_err(|error| (error.line, error.why))?;
        let blocks = records.blocks.iter().map(ToString::to_string).collect();
        let asns = records.asns.iter().map(|asn| asn.0).collect();
        Ok((format!("{} {}", records.registry, records.date), blocks, asns))
    }

    const APNIC: &str = "\
# a comment
2|apnic|20141222|5|19830613|20141221|+1000
apnic|*|asn|*|2|summary
apnic|*|ipv4|*|3|summary
apnic|KP|asn|131279|1|20091211|allocated|A9177C3E
apnic|KP|ipv4|175.45.176.0|1024|20091218|allocated|A9177C3E
apnic|kp|ipv6|2001:db8::|32|20141218|assigned|A9177C3E
apnic|JP|ipv4|175.45.180.0|768|20091218|allocated|A9
apnic||ipv4|175.45.192.0|512||available|
apnic|KP|ipv4|175.45.200.0|256|20091218|reserved|
";

    #[test]
    fn only_what_is_allocated_or_assigned_in_the_country_counts() {
        let (head, blocks, asns) = parsed(APNIC, "kp").unwrap();
        assert_eq!(head, "apnic 2014-12-21");
        assert_eq!(blocks, ["175.45.176.0/22", "2001:db8::/32"]);
        assert_eq!(asns, [131_279]);
    }

    #[test]
    fn a_number_of_addresses_may_be_several_prefixes() {
        let (_, blocks, _) = parsed(APNIC, "JP").unwrap();
        assert_eq!(blocks, ["175.45.180.0/23", "175.45.182.0/24"]);
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line() {
        assert_eq!(parsed("", "KP").unwrap_err().0, 1);
        assert!(parsed("<html>\n", "KP").unwrap_err().1.contains("not the first line"));
        let cut = APNIC.rsplit_once("|assigned").unwrap().0;
        assert_eq!(parsed(cut, "KP").unwrap_err().0, 7);
        let wrong = APNIC.replace("|1024|", "|0|");
        assert_eq!(parsed(&wrong, "KP").unwrap_err(), (6, "'ipv4|175.45.176.0|0' is not a valid ipv4".to_owned()));
    }
}
