//! Parts of statements that name nothing: numbers, lists, kinds of damage.

use outage_replay::bgp::Asn;

use super::super::words::{self, Line, Path, ScenarioError, sequence};
use super::{Break, Container, Grid, How, RibFormat};

/// `SECONDS [phase SECONDS]`
pub fn grid(line: &mut Line) -> Result<Grid, ScenarioError> {
    let period = positive(line)? as i64;
    let phase = if line.take("phase") { line.value("a number of seconds")? } else { 0 };
    Ok(Grid { period, phase })
}

pub fn positive(line: &mut Line) -> Result<u64, ScenarioError> {
    match line.value("a whole number")? {
        0 => line.error("zero is not possible here"),
        number => Ok(number),
    }
}

pub fn rib_format(line: &mut Line) -> Result<RibFormat, ScenarioError> {
    match line.word("v1 or v2")?.as_str() {
        "v1" => Ok(RibFormat::TableDump),
        "v2" => Ok(RibFormat::TableDumpV2),
        other => line.error(format!("'{other}' is not a format of RIB dumps: write v1 or v2")),
    }
}

pub fn container(line: &mut Line) -> Result<Container, ScenarioError> {
    let word = line.word("a container")?;
    container_named(&word).map_or_else(|| line.error(format!("'{word}' is not a container: gz, bz2, zst or plain")), Ok)
}

pub fn container_named(word: &str) -> Option<Container> {
    match word {
        "gz" => Some(Container::Gzip),
        "bz2" => Some(Container::Bzip2),
        "zst" => Some(Container::Zstandard),
        "plain" => Some(Container::Plain),
        _ => None,
    }
}

pub fn how(line: &mut Line) -> Result<How, ScenarioError> {
    Ok(match line.word("how records are written")?.as_str() {
        "lost" => How::Lost,
        "stamp" => How::Stamped(line.value("a number of seconds such as +120")?),
        "clock" => How::Clock(line.value("a number of seconds such as +120")?),
        "micros" => How::Micros(line.value("a number of microseconds")?),
        "cut" => How::Cut(positive(line)? as usize),
        "other-width" => How::OtherWidth,
        "unknown-segment" => How::UnknownSegment,
        "other-path-ids" => How::OtherPathIds,
        "bad-length" => How::BadLength,
        "reserved" => How::Reserved(line.value("a number below 256")?),
        "safi" => How::Safi(line.value("a number below 256")?),
        "mapped" => How::Mapped,
        other => return line.error(format!("unknown way '{other}' to write records")),
    })
}

/// AS numbers and ranges of them, separated by commas: `174,64500-64510`.
pub fn as_numbers(line: &mut Line) -> Result<Vec<Asn>, ScenarioError> {
    let word = line.word("AS numbers")?;
    let mut numbers = Vec::new();
    for item in word.split(',') {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        match (words::asn(first), words::asn(last)) {
            (Ok(first), Ok(last)) if first <= last => numbers.extend((first.0..=last.0).map(Asn)),
            (Err(cause), _) | (_, Err(cause)) => return line.error(cause),
            _ => return line.error(format!("'{item}' is an empty range of AS numbers")),
        }
    }
    Ok(numbers)
}

/// From the peer over `vias` to the origin, each AS once.
pub fn table_path(peer: Asn, vias: &[Asn], origin: Asn) -> Path {
    let mut members = vec![peer];
    for asn in vias.iter().chain([&origin]) {
        if !members.contains(asn) {
            members.push(*asn);
        }
    }
    sequence(members)
}

pub fn read_break(line: &mut Line) -> Result<Break, ScenarioError> {
    let kind = line.word("the kind of damage")?;
    Ok(match kind.as_str() {
        "truncate" => {
            let word = line.word("a share such as 50% or a number of bytes")?;
            match (word.strip_suffix('%').map(str::parse), word.parse()) {
                (Some(Ok(share)), _) if share <= 100 => Break::TruncatePercent(share),
                (None, Ok(bytes)) => Break::TruncateTo(bytes),
                _ => return line.error(format!("'{word}' is neither a share such as 50% nor a number of bytes")),
            }
        }
        "empty" => Break::Empty,
        "html" => Break::Html,
        "trailing-garbage" => Break::TrailingGarbage,
        "zero-bytes" => Break::ZeroBytes,
        "bad-crc" => Break::BadCrc,
        "corrupt" => Break::Corrupt(line.percent("a place in the file")?),
        "shorten" => Break::Shorten(line.value("a number of bytes")?),
        "members" => Break::Members(positive(line)? as usize),
        other => return line.error(format!("unknown damage '{other}'")),
    })
}
