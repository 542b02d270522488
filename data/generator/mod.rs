//! Archives made from text: a scenario says who peers with which collector and what they say when; out come MRT files
//! in the layout of the publishers.
//!
//! The bytes are written by hand from RFC 6396 and RFC 4271, without the library that the reader uses, so that writer
//! and reader can disagree. The language is described in `data/README.md`.

mod archive;
mod mrt;
mod ribs;
mod scenario;
mod words;
mod world;

use std::io;
use std::path::{Path, PathBuf};

use words::ScenarioError;

/// Why an archive could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the scenario")]
    Scenario(#[from] ScenarioError),
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// Makes the archive of a scenario in memory: relative paths, sorted, and what is in the files.
pub fn archive(scenario: &str) -> Result<Vec<(String, Vec<u8>)>, ScenarioError> {
    archive::files(scenario)
}

/// Makes the archive of a scenario below `folder` and says how many files and bytes it has. Files of an earlier
/// archive that are not in this one stay.
pub fn write_archive(scenario: &str, folder: &Path) -> Result<(usize, u64), Error> {
    let files = archive(scenario)?;
    for (name, bytes) in &files {
        let path = folder.join(name);
        let parents = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        parents.and_then(|()| std::fs::write(&path, bytes)).map_err(|source| Error::Write { path, source })?;
    }
    Ok((files.len(), files.iter().map(|(_, bytes)| bytes.len() as u64).sum()))
}
