//! Which address blocks and ASes are registered in a country, by the statistics of the Regional Internet Registries (RIRs): the
//! files `delegated-REGISTRY-extended-DATE`.
//!
//! Registration is not location. A block that is registered in a country may be used elsewhere, and networks of the country may use
//! foreign blocks.

mod choice;
mod records;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use chrono::NaiveDate;

use crate::archive;
use crate::bgp::Prefix;
use crate::decode;
use crate::files::{open_regular, sha256};
use crate::helpers::Helpers;
use crate::query::{Group, GroupSource, Match, RegisteredBy, RegistryFile, Target};
use crate::time::Timestamp;

/// The largest file that is read, decompressed: the largest of 2026 has some 20 MB.
const MAX_BYTES: u64 = 512 << 20;

/// The five registries, by their names in the files.
const REGISTRIES: [&str; 5] = ["afrinic", "apnic", "arin", "lacnic", "ripencc"];

/// A country: two letters of ISO 3166, as registries write them. They also use `EU` and `AP` for regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// A text is no code of a country.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is not a country code: write the two letters from ISO 3166, such as KP or IR", .0.escape_debug())]
pub struct ParseCountryError(String);

impl FromStr for Country {
    type Err = ParseCountryError;

    fn from_str(text: &str) -> Result<Country, ParseCountryError> {
        match text.trim().as_bytes() {
            // ZZ stands for no country.
            [first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
                let code = [first.to_ascii_uppercase(), second.to_ascii_uppercase()];
                (code != *b"ZZ").then_some(Country(code)).ok_or_else(|| ParseCountryError(text.to_owned()))
            }
            _ => Err(ParseCountryError(text.to_owned())),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

/// Why the registrations of a country are not known.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A file or folder cannot be read.
    #[error("cannot read the registry statistics at {}: {why}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        why: String,
    },
    /// A line is not as the format demands.
    #[error("{}, line {line}: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A folder has no file of the date.
    #[error(
        "no registry statistics for {day} below {}: {found}; fetch those for that day or for the weeks before it, such as {}",
        path.display(), examples(*day)
    )]
    NoneOfTheDate {
        /// The folder.
        path: PathBuf,
        /// The first day of the window.
        day: NaiveDate,
        /// What there is.
        found: String,
    },
    /// The files do not name the country.
    #[error("no {what} is registered in {country} according to {files}")]
    Nothing {
        /// The country.
        country: Country,
        /// Blocks or ASes.
        what: &'static str,
        /// The files.
        files: String,
    },
}

/// Returns the addresses of files of a day.
fn examples(day: NaiveDate) -> String {
    let year = day.format("%Y");
    let compact = day.format("%Y%m%d");
    format!(
        "https://ftp.apnic.net/stats/apnic/{year}/delegated-apnic-extended-{compact}.gz or \
         https://ftp.ripe.net/pub/stats/ripencc/{year}/delegated-ripencc-extended-{compact}.bz2"
    )
}

/// Returns what is registered in a country, as a group. `paths` are files of registries, or folders with files of several days, of
/// which the last of each registry up to the day of `at` is read.
///
/// Adjacent blocks are merged, because they may be announced as one prefix.
///
/// # Errors
///
/// If a file cannot be read, a folder has none of the date, or nothing is registered in the country.
pub fn group(paths: &[PathBuf], country: Country, by: RegisteredBy, at: Timestamp) -> Result<Group, RegistryError> {
    let day = at.to_datetime().date_naive();
    let (mut files, mut blocks, mut asns) = (Vec::new(), Vec::new(), Vec::new());
    for path in choice::files(paths, day)? {
        let (bytes, text) = text_of(&path)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let malformed = |records::Malformed { line, why }| RegistryError::Malformed { path: path.clone(), line, why };
        let records = records::parse(&text, country).map_err(malformed)?;
        files.push(RegistryFile { name, registry: records.registry, date: records.date, sha256: sha256(&bytes) });
        blocks.extend(records.blocks);
        asns.extend(records.asns);
    }
    files.sort_by(|a, b| (&a.registry, &a.name).cmp(&(&b.registry, &b.name)));
    let members: Vec<Target> = match by {
        RegisteredBy::Address => {
            let merged = ipnet::IpNet::aggregate(&blocks.iter().map(Prefix::net).collect());
            let mut blocks: Vec<Prefix> = merged.into_iter().map(Prefix::from).collect();
            blocks.sort_unstable();
            blocks.into_iter().map(|block| Target::Prefix(block, Match::MoreSpecific)).collect()
        }
        RegisteredBy::Asn => {
            asns.sort_unstable();
            asns.dedup();
            asns.into_iter().map(Target::Asn).collect()
        }
    };
    if members.is_empty() {
        let what = if by == RegisteredBy::Address { "address block" } else { "AS" };
        let files = files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(RegistryError::Nothing { country, what, files });
    }
    Ok(Group { members, source: GroupSource::Registrations { country: country.to_string(), by, files } })
}

/// Returns the name in the cache of a file of statistics on a server.
///
/// # Errors
///
/// If the last part of the URL is not the name of such a file of one day.
pub fn cached_name(url: &str) -> Result<String, String> {
    let name = url.rsplit('/').next().unwrap_or_default();
    match choice::is_of_a_day(name) {
        true => Ok(format!("registry/{}/{name}", archive::host(url))),
        false => Err(format!(
            "'{}' is not the name of a file of statistics of one day, such as delegated-apnic-extended-20141222.gz",
            name.escape_debug()
        )),
    }
}

/// Checks that these bytes are a file of statistics.
///
/// # Errors
///
/// What is wrong with them.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    let any = Country(*b"ZZ");
    let text = decompressed(bytes)?;
    records::parse(&text, any).map(drop).map_err(|records::Malformed { line, why }| format!("line {line}: {why}"))
}

/// Returns the names of the registries of which no file is among these.
pub fn missing_registries(files: &[RegistryFile]) -> Vec<&'static str> {
    REGISTRIES.into_iter().filter(|name| files.iter().all(|file| file.registry != *name)).collect()
}

/// Returns the bytes of a file, and its text: gzip, bzip2, Zstandard or plain.
fn text_of(path: &Path) -> Result<(Vec<u8>, String), RegistryError> {
    let unreadable = |why: String| RegistryError::Unreadable { path: path.to_owned(), why };
    let mut bytes = Vec::new();
    let read = open_regular(path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(|error| unreadable(error.to_string()))?;
    let text = decompressed(&bytes).map_err(unreadable)?;
    Ok((bytes, text))
}

fn decompressed(bytes: &[u8]) -> Result<String, String> {
    let helpers = Helpers::new();
    let mut text = Vec::new();
    let content = decode::content(bytes, &helpers).take(MAX_BYTES + 1).read_to_end(&mut text);
    content.map_err(|error| error.to_string())?;
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    String::from_utf8(text).map_err(|_| "it is not UTF-8 text".to_owned())
}
