//! The notes of archives: `archive.json` in the folder of the data or above it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::archive;
use crate::error::Error;
use crate::files::open_regular;

/// Optional metadata of an archive: a JSON object whose `note` is shown with every result.
const METADATA: &str = "archive.json";

/// The notes of folders, which apply to everything below them.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// By folder; None if it has no note.
    of_folders: BTreeMap<PathBuf, Option<String>>,
}

impl Notes {
    /// Reads the notes that apply to a file, in its folder and in every folder above. `file` contains no links. Metadata that
    /// cannot be read are an error below `root`; above it they may belong to something else.
    pub(super) fn look(&mut self, file: &Path, root: &Path) -> Result<(), Error> {
        for folder in file.ancestors().skip(1) {
            if self.of_folders.contains_key(folder) {
                break;
            }
            let note = match note(folder) {
                Ok(note) => note,
                Err(error) if folder.starts_with(root) => return Err(error),
                Err(_) => None,
            };
            self.of_folders.insert(folder.to_owned(), note);
        }
        Ok(())
    }

    /// Returns the notes that apply to a file, the nearest first.
    pub(super) fn of<'a>(&'a self, file: &'a Path) -> impl Iterator<Item = &'a str> {
        file.ancestors().skip(1).filter_map(|folder| self.of_folders.get(folder)?.as_deref())
    }
}

fn note(folder: &Path) -> Result<Option<String>, Error> {
    let path = folder.join(METADATA);
    let unreadable = |source| Error::Archive { path: path.clone(), source };
    match open_regular(&path).and_then(io::read_to_string) {
        Ok(text) => {
            let metadata: serde_json::Value =
                serde_json::from_str(&text).map_err(|error| unreadable(io::Error::other(error)))?;
            Ok(metadata.get("note").and_then(|note| note.as_str()).map(archive::escaped))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error)),
    }
}
