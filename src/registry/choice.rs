//! Which files of statistics are read: those that are named, and of a folder the last one of each registry up to a day.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate};

use super::RegistryError;

/// How much older than the window a file of a folder may be, in days: what is registered in a country changes slowly.
const MAX_AGE: u64 = 31;
/// How deep the folders may be: `stats/ripencc/2014/`.
const MAX_DEPTH: usize = 6;

const PREFIX: &str = "delegated-";

/// A file of statistics, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct StatisticsFile {
    registry: String,
    is_extended: bool,
    day: NaiveDate,
}

/// Returns the files to read for what was registered on `day`.
pub(super) fn files(paths: &[PathBuf], day: NaiveDate) -> Result<Vec<PathBuf>, RegistryError> {
    let mut chosen = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => chosen.extend(of_folder(path, day)?),
            false => chosen.push(path.clone()),
        }
    }
    Ok(chosen)
}

fn of_folder(folder: &Path, day: NaiveDate) -> Result<Vec<PathBuf>, RegistryError> {
    let mut found: Vec<(StatisticsFile, PathBuf)> = Vec::new();
    list(folder, MAX_DEPTH, &mut found)?;
    let from = day.checked_sub_days(Days::new(MAX_AGE)).unwrap_or(day);
    let mut best: BTreeMap<&str, (NaiveDate, bool, &PathBuf)> = BTreeMap::new();
    for (named, path) in found.iter().filter(|(named, _)| from <= named.day && named.day <= day) {
        // The last day, the extended file of two.
        let this = (named.day, named.is_extended, path);
        let known = best.entry(&named.registry).or_insert(this);
        if (known.0, known.1) < (this.0, this.1) {
            *known = this;
        }
    }
    if best.is_empty() {
        let days = || found.iter().map(|(named, _)| named.day);
        let found = match days().min().zip(days().max()) {
            Some((first, last)) => format!("the files there are from {first} to {last}"),
            None => format!("no file there is named {PREFIX}REGISTRY-extended-YYYYMMDD"),
        };
        return Err(RegistryError::NoneOfTheDate { path: folder.to_owned(), day, found });
    }
    Ok(best.into_values().map(|(_, _, path)| path.clone()).collect())
}

fn list(folder: &Path, depth: usize, found: &mut Vec<(StatisticsFile, PathBuf)>) -> Result<(), RegistryError> {
    let unreadable =
        |error: std::io::Error| RegistryError::Unreadable { path: folder.to_owned(), why: error.to_string() };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            if depth > 0 {
                list(&path, depth - 1, found)?;
            }
        } else if let Some(named) = path.file_name().and_then(|name| named(name.to_str()?)) {
            found.push((named, path));
        }
    }
    Ok(())
}

/// Whether this is the name of a file of statistics of one day.
pub(super) fn is_of_a_day(name: &str) -> bool {
    named(name).is_some()
}

/// Reads a name: `delegated-ripencc-extended-20141222.bz2`, `delegated-arin-20130101`.
fn named(name: &str) -> Option<StatisticsFile> {
    let stem = name.strip_prefix(PREFIX)?;
    let stem = ["gz", "bz2", "zst"].iter().fold(stem, |stem, kind| stem.strip_suffix(kind).unwrap_or(stem));
    let (rest, day) = stem.trim_end_matches('.').rsplit_once('-')?;
    let registry = rest.strip_suffix("-extended").unwrap_or(rest);
    let day = NaiveDate::parse_from_str(day, "%Y%m%d").ok()?;
    Some(StatisticsFile { registry: registry.to_lowercase(), is_extended: rest.len() > registry.len(), day })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_registry_and_the_day() {
        let day = |text: &str| text.parse().unwrap();
        let is =
            |registry: &str, is_extended, day| Some(StatisticsFile { registry: registry.to_owned(), is_extended, day });
        assert_eq!(named("delegated-ripencc-extended-20141222.bz2"), is("ripencc", true, day("2014-12-22")));
        assert_eq!(named("delegated-arin-20130101"), is("arin", false, day("2013-01-01")));
        assert_eq!(named("delegated-apnic-latest"), None);
        assert_eq!(named("delegated-apnic-extended-20141222.gz.md5"), None);
    }
}
