//! Copies of real archives as records that can be changed, and a deliberately plain reader of their contents.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;

use outage_replay::bgp::{Family, Prefix};
use tempfile::TempDir;

/// Records by file: its path below the archive, without the suffix of its container.
#[derive(Clone)]
pub struct Copied {
    pub files: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Copied {
    /// The files of a folder of an archive whose names lie in a range, both ends included.
    pub fn of(archive: &Path, folder: &str, first: &str, last: &str) -> Copied {
        let mut files = BTreeMap::new();
        for file in std::fs::read_dir(archive.join(folder)).expect("a folder") {
            let path = file.expect("a file").path();
            let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
            if first <= stem.as_str() && stem.as_str() <= last {
                files.insert(format!("{folder}/{stem}"), records(&content(&path)));
            }
        }
        Copied { files }
    }

    /// Every record, in the order of the files.
    pub fn records_mut(&mut self) -> impl Iterator<Item = &mut Vec<u8>> {
        self.files.values_mut().flatten()
    }

    /// As an archive of plain files in a folder that vanishes with the value.
    pub fn write(&self) -> TempDir {
        let archive = TempDir::new().expect("a temporary folder");
        for (name, records) in &self.files {
            let path = archive.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, records.concat()).expect("a file");
        }
        archive
    }
}

/// What is in a file, out of its container.
pub fn content(path: &Path) -> Vec<u8> {
    let stored = std::fs::read(path).expect("a file");
    let mut content = Vec::new();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => flate2::read::MultiGzDecoder::new(&stored[..]).read_to_end(&mut content).expect("gzip"),
        Some("bz2") => bzip2::read::MultiBzDecoder::new(&stored[..]).read_to_end(&mut content).expect("bzip2"),
        _ => panic!("{}: neither .gz nor .bz2", path.display()),
    };
    content
}

/// The records of a file; a last one that is cut is left out.
pub fn records(content: &[u8]) -> Vec<Vec<u8>> {
    let (mut records, mut rest) = (Vec::new(), content);
    while rest.len() >= 12 {
        let length = 12 + u32::from_be_bytes(rest[8..12].try_into().expect("four octets")) as usize;
        let Some((record, after)) = rest.split_at_checked(length) else { break };
        records.push(record.to_vec());
        rest = after;
    }
    records
}

pub fn stamped(record: &[u8]) -> i64 {
    i64::from(u32::from_be_bytes(record[..4].try_into().expect("four octets")))
}

pub fn stamp(record: &mut [u8], at: i64) {
    record[..4].copy_from_slice(&(at as u32).to_be_bytes());
}

/// Writes the length of a record that was changed into its header.
pub fn set_length(record: &mut [u8]) {
    let length = record.len() as u32 - 12;
    record[8..12].copy_from_slice(&length.to_be_bytes());
}

/// Makes a record an extended one with these microseconds.
pub fn set_micros(record: &mut Vec<u8>, micros: u32) {
    match record[4..6] {
        [0, 17] => record[12..16].copy_from_slice(&micros.to_be_bytes()),
        _ => {
            record[5] = 17;
            record.splice(12..12, micros.to_be_bytes());
        }
    }
    set_length(record);
}

/// Who speaks in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Speaker {
    pub asn: u32,
    pub address: IpAddr,
}

/// Where the parts of a BGP4MP record are.
pub struct Session {
    pub speaker: Speaker,
    /// Where the number of the peer is, and its width.
    pub asn: std::ops::Range<usize>,
    pub message: usize,
    pub is_wide: bool,
}

/// The session of a record with a BGP message.
pub fn session(record: &[u8]) -> Option<Session> {
    let start = match record.get(4..6)? {
        [0, 16] => 12,
        [0, 17] => 16,
        _ => return None,
    };
    let is_wide = match record.get(6..8)? {
        [0, 1] => false,
        [0, 4] => true,
        _ => return None,
    };
    let width = if is_wide { 4 } else { 2 };
    let asn = number(record.get(start..start + width)?);
    let at = start + 2 * width + 2;
    let (address, message) = match record.get(at..at + 2)? {
        [0, 1] => (IpAddr::from(<[u8; 4]>::try_from(record.get(at + 2..at + 6)?).ok()?), at + 10),
        [0, 2] => (IpAddr::from(<[u8; 16]>::try_from(record.get(at + 2..at + 18)?).ok()?), at + 34),
        _ => return None,
    };
    Some(Session { speaker: Speaker { asn, address }, asn: start..start + width, message, is_wide })
}

/// The contents of an UPDATE: whole prefixes up to the cut.
#[derive(Clone, Debug, Default)]
pub struct Update {
    pub withdrawn: Vec<Prefix>,
    pub announced: Vec<Prefix>,
    /// The segments of AS_PATH, with numbers of four octets.
    pub path: Vec<u8>,
}

impl Update {
    /// The last number of the path; none where that is a set of several.
    pub fn origin(&self) -> Option<u32> {
        origin(&self.path)
    }
}

/// The last number of the segments of a path; none where that is a set of several.
pub fn origin(path: &[u8]) -> Option<u32> {
    let (mut rest, mut origin) = (path, None);
    while let [kind, n, after @ ..] = rest {
        let (members, next) = after.split_at_checked(4 * usize::from(*n))?;
        origin = match (kind, members.len()) {
            (2, 4..) | (1, 4) => Some(number(&members[members.len() - 4..])),
            _ => None,
        };
        rest = next;
    }
    origin
}

/// Reads the UPDATE of a record, if it has one.
pub fn update(record: &[u8], session: &Session) -> Option<Update> {
    let message = record.get(session.message..)?;
    if message.get(18) != Some(&2) {
        return None;
    }
    let mut update = Update::default();
    read_parts(message.get(19..)?, session.is_wide, &mut update);
    Some(update)
}

/// Reads as far as it goes.
fn read_parts(body: &[u8], is_wide: bool, update: &mut Update) -> Option<()> {
    let n_withdrawn = number(body.get(..2)?) as usize;
    let rest = &body[2..];
    update.withdrawn = prefixes(Family::V4, &rest[..n_withdrawn.min(rest.len())]);
    let n_attributes = number(rest.get(n_withdrawn..n_withdrawn + 2)?) as usize;
    let rest = rest.get(n_withdrawn + 2..)?;
    let mut attributes = rest.get(..n_attributes)?;
    update.announced = prefixes(Family::V4, &rest[n_attributes..]);
    while let [flags, kind, ..] = *attributes {
        let (length, start) = match flags & 0x10 {
            0 => (usize::from(*attributes.get(2)?), 3),
            _ => (number(attributes.get(2..4)?) as usize, 4),
        };
        let value = attributes.get(start..start + length)?;
        attributes = &attributes[start + length..];
        match kind {
            2 if is_wide => update.path = value.to_vec(),
            2 => update.path = widened(value)?,
            14 if value.get(..3) == Some(&[0, 2, 1]) => {
                let after = 5 + usize::from(*value.get(3)?);
                update.announced.extend(prefixes(Family::V6, value.get(after..)?));
            }
            15 if value.get(..3) == Some(&[0, 2, 1]) => update.withdrawn.extend(prefixes(Family::V6, &value[3..])),
            _ => {}
        }
    }
    Some(())
}

/// Segments of two-octet numbers as segments of four-octet ones.
fn widened(mut path: &[u8]) -> Option<Vec<u8>> {
    let mut wide = Vec::new();
    while let [kind, n, after @ ..] = path {
        let (members, rest) = after.split_at_checked(2 * usize::from(*n))?;
        wide.extend([*kind, *n]);
        members.chunks(2).for_each(|asn| wide.extend([0, 0, asn[0], asn[1]]));
        path = rest;
    }
    Some(wide)
}

/// The whole prefixes of a list.
fn prefixes(family: Family, mut list: &[u8]) -> Vec<Prefix> {
    let mut found = Vec::new();
    while let [length, rest @ ..] = list {
        let Some((octets, after)) = rest.split_at_checked(usize::from(*length).div_ceil(8)) else { break };
        found.extend(Prefix::from_nlri(family, *length, octets));
        list = after;
    }
    found
}

fn number(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet))
}
