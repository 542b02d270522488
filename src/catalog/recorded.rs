//! The files of an earlier run as a catalog: the same files, and no others.

use std::collections::BTreeMap;
use std::time::Duration;

use super::mirror::kind_and_time;
use super::{ArchiveFile, Catalog, Location, Mirror, Query};
use crate::bgp::{Collector, Project};
use crate::coverage::{FileReading, Verdict};
use crate::error::Error;

/// The files that an earlier run read, in an archive or at their publishers.
#[derive(Debug)]
pub struct Recorded {
    files: Vec<ArchiveFile>,
    collectors: Vec<Collector>,
}

impl Recorded {
    /// Finds the files of `readings` by name in `archive` or, without one, at their URLs. `collectors` are those of the run, with
    /// the project whose layout the files of each have.
    ///
    /// # Errors
    ///
    /// If a file is not there.
    pub fn new(
        readings: &[FileReading],
        collectors: &[(Collector, Project)],
        archive: Option<&Mirror>,
    ) -> Result<Recorded, Error> {
        let projects: BTreeMap<&Collector, Project> =
            collectors.iter().map(|(name, project)| (name, *project)).collect();
        let archived = archive.map(Mirror::files).unwrap_or_default();
        let by_name: BTreeMap<&str, &ArchiveFile> = archived.iter().map(|file| (file.name.as_str(), file)).collect();
        // Folders may lie elsewhere than then.
        let mut by_time: BTreeMap<_, Vec<&ArchiveFile>> = BTreeMap::new();
        for file in archived {
            by_time.entry((&file.collector, file.kind, file.named_at)).or_default().push(file);
        }
        let of_same_time = |reading: &FileReading| {
            let (kind, at) = kind_and_time(&reading.name)?;
            match by_time.get(&(&reading.collector, kind, at)).map(Vec::as_slice) {
                Some([file]) => Some(*file),
                _ => None,
            }
        };
        let is_unread = |file: &&ArchiveFile| {
            matches!(file.location, Location::Unread(_)) && projects.contains_key(&file.collector)
        };
        let mut files: Vec<ArchiveFile> = archived.iter().filter(is_unread).cloned().collect();
        let mut absent = Vec::new();
        for reading in readings {
            let project = projects.get(&reading.collector).copied().unwrap_or(reading.collector.project());
            let archived = by_name.get(reading.name.as_str()).copied().or_else(|| of_same_time(reading));
            let place = match (archived, &reading.url) {
                (Some(file), _) => Some(ArchiveFile { name: reading.name.clone(), ..file.clone() }),
                _ if reading.sha256.is_empty() => lost(reading, project),
                (None, Some(url)) if archive.is_none() => remote(reading, project, url),
                _ => None,
            };
            match place {
                // The names around it have shown how long it lasts, and may not be there any more.
                Some(file) => files.push(ArchiveFile { lasts: reading.lasts_seconds.map(Duration::from_secs), ..file }),
                None => absent.push(reading.name.clone()),
            }
        }
        match absent.first() {
            None => Ok(Recorded { files, collectors: collectors.iter().map(|(name, _)| name.clone()).collect() }),
            Some(first) => Err(Error::NotReproducible {
                n_files: absent.len(),
                first: first.clone(),
                place: if archive.is_some() {
                    "not in the archive"
                } else {
                    "from a local archive: pass it with --archive"
                },
            }),
        }
    }
}

/// A file at its publisher.
fn remote(reading: &FileReading, project: Project, url: &str) -> Option<ArchiveFile> {
    at(reading, project, Location::Remote { url: url.to_owned(), size: reading.bytes })
}

/// A file that the run itself did not get.
fn lost(reading: &FileReading, project: Project) -> Option<ArchiveFile> {
    let (is_missing, why) = (reading.verdict == Verdict::Missing, reading.detail.clone().unwrap_or_default());
    at(reading, project, Location::Lost { is_missing, why })
}

/// None if the name is not one of the publishers' layout.
fn at(reading: &FileReading, project: Project, location: Location) -> Option<ArchiveFile> {
    let (kind, named_at) = kind_and_time(&reading.name)?;
    Some(ArchiveFile {
        collector: reading.collector.clone(),
        named_at,
        kind,
        project,
        name: reading.name.clone(),
        location,
        lasts: None,
        records: None,
    })
}

impl Catalog for Recorded {
    fn list(&self, _query: &Query) -> Result<Vec<ArchiveFile>, Error> {
        Ok(self.files.clone())
    }

    fn expected(&self, _query: &Query) -> Result<Vec<Collector>, Error> {
        Ok(self.collectors.clone())
    }
}
