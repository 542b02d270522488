//! A folder in the publishers' own layout as a catalog.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::NaiveDateTime;

use super::{ArchiveFile, Catalog, DumpKind, Location, Query};
use crate::bgp::{Collector, Project};
use crate::error::Error;
use crate::time::Timestamp;

/// Publishers nest four folders deep; a mirror that keeps their host names, two more.
const MAX_DEPTH: usize = 8;

/// Metadata that an archive may carry at its root: a JSON object, of which `note` is shown with every result.
const METADATA: &str = "archive.json";

/// A local copy of part of the archives: `rrc06/2021.01/updates.20210102.0505.gz` (RIPE RIS),
/// `route-views2/bgpdata/2002.01/UPDATES/updates.20020101.0012.bz2` (RouteViews).
#[derive(Debug)]
pub struct Mirror {
    root: PathBuf,
    files: Vec<ArchiveFile>,
    note: Option<String>,
}

impl Mirror {
    /// Lists the archive files below `root`.
    pub fn open(root: &Path) -> Result<Mirror, Error> {
        let mut files = Vec::new();
        walk(root, root, 0, &mut files)?;
        if files.is_empty() {
            return Err(Error::EmptyArchive { path: root.to_owned() });
        }
        files.sort();
        Ok(Mirror { root: root.to_owned(), files, note: note(root)? })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every archive file in it, in order of collector and time.
    pub fn files(&self) -> &[ArchiveFile] {
        &self.files
    }
}

impl Catalog for Mirror {
    fn list(&self, query: &Query) -> Result<Vec<ArchiveFile>, Error> {
        let mut known: Vec<&Collector> = self.files.iter().map(|file| &file.collector).collect();
        known.dedup();
        let named = &query.collectors;
        for wanted in named {
            if !known.contains(&wanted) {
                let known = known.iter().map(|collector| collector.to_string()).collect();
                return Err(Error::UnknownCollector { name: wanted.to_string(), known });
            }
        }
        let wanted = |file: &&ArchiveFile| {
            (named.is_empty() || named.contains(&file.collector))
                && query.project.is_none_or(|project| project == file.project)
        };
        Ok(self.files.iter().filter(wanted).cloned().collect())
    }

    fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}

fn note(root: &Path) -> Result<Option<String>, Error> {
    let path = root.join(METADATA);
    let unreadable = |source| Error::Archive { path: path.clone(), source };
    match fs::read(&path) {
        Ok(bytes) => {
            let metadata: serde_json::Value =
                serde_json::from_slice(&bytes).map_err(|error| unreadable(io::Error::other(error)))?;
            Ok(metadata.get("note").and_then(|note| note.as_str()).map(str::to_owned))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error)),
    }
}

fn walk(root: &Path, folder: &Path, depth: usize, files: &mut Vec<ArchiveFile>) -> Result<(), Error> {
    let unreadable = |source| Error::Archive { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            if depth < MAX_DEPTH {
                walk(root, &path, depth + 1, files)?;
            }
        } else if let Some(file) = archive_file(root, &path) {
            files.push(file);
        }
    }
    Ok(())
}

/// The file as its name and folders describe it; nothing for a file that is not of an archive.
fn archive_file(root: &Path, path: &Path) -> Option<ArchiveFile> {
    let (kind, named_at) = parse_name(path.file_name()?.to_str()?)?;
    let relative = path.strip_prefix(root).ok()?;
    let folders = || path.ancestors().skip(1).filter_map(|folder| folder.file_name().and_then(OsStr::to_str));
    let collector = folders().find(|folder| !is_structure(folder))?;
    let is_routeviews = folders().any(|folder| folder == "bgpdata") || collector.starts_with("route-views");
    Some(ArchiveFile {
        collector: Collector::new(collector),
        named_at,
        kind,
        project: if is_routeviews { Project::RouteViews } else { Project::RipeRis },
        name: relative.to_string_lossy().into_owned(),
        location: Location::Local(path.to_owned()),
    })
}

/// Folders between a collector's and its files: `bgpdata`, `RIBS`, `UPDATES`, `2014.12`.
fn is_structure(folder: &str) -> bool {
    matches!(folder, "bgpdata" | "RIBS" | "UPDATES")
        || (folder.len() == 7
            && folder.as_bytes()[4] == b'.'
            && folder.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

/// `updates.20141222.1615.bz2`, `rib.20141222.1600.bz2`, `bview.20141222.1600.gz`, with any suffix or none.
fn parse_name(name: &str) -> Option<(DumpKind, Timestamp)> {
    let mut words = name.split('.');
    let kind = match words.next()? {
        "updates" => DumpKind::Updates,
        "rib" | "bview" => DumpKind::Rib,
        _ => return None,
    };
    let (date, time) = (words.next()?, words.next()?);
    let suffix = words.next().unwrap_or_default();
    if words.next().is_some() || !matches!(suffix, "" | "gz" | "bz2" | "zst" | "mrt") {
        return None;
    }
    let at = NaiveDateTime::parse_from_str(&format!("{date} {time}"), "%Y%m%d %H%M").ok()?;
    Some((kind, Timestamp::from_secs(at.and_utc().timestamp())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(path: &str) -> Option<(String, Project, DumpKind, String)> {
        let file = archive_file(Path::new("/mirror"), &Path::new("/mirror").join(path))?;
        Some((file.collector.to_string(), file.project, file.kind, file.named_at.to_string()))
    }

    #[test]
    fn both_layouts_are_recognised_whatever_the_container() {
        let ris = |kind, at: &str| Some(("rrc06".to_owned(), Project::RipeRis, kind, at.to_owned()));
        assert_eq!(described("rrc06/2021.01/updates.20210102.0505.gz"), ris(DumpKind::Updates, "2021-01-02T05:05:00Z"));
        assert_eq!(described("rrc06/2021.01/bview.20210102.0800.zst"), ris(DumpKind::Rib, "2021-01-02T08:00:00Z"));
        assert_eq!(
            described("data.ris.ripe.net/rrc06/2021.01/updates.20210102.0505"),
            ris(DumpKind::Updates, "2021-01-02T05:05:00Z")
        );
        assert_eq!(
            described("route-views.jinx/bgpdata/2014.05/RIBS/rib.20140501.0000.bz2"),
            Some((
                "route-views.jinx".to_owned(),
                Project::RouteViews,
                DumpKind::Rib,
                "2014-05-01T00:00:00Z".to_owned()
            ))
        );
    }

    #[test]
    fn other_files_are_left_alone() {
        for path in [
            "rrc06/README.md",
            "rrc06/2021.01/updates.20210102.0505.gz.sha256",
            "rrc06/updates.2021.gz",
            "a/updates.20219902.0505.gz",
        ] {
            assert_eq!(described(path), None, "{path}");
        }
    }
}
