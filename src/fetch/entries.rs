//! The files of a cache: their list, and the removal of those that were not used for long.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustc_hash::FxHashSet;

use super::cache::{Cache, PART, PENDING, verified};
use super::lock::{LOCK, Lock};
use super::note::{DIGEST, NEW, Note, beside};
use super::resume::VALIDATOR;
use crate::archive::FOLDER_LIST;

/// One file of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheEntry {
    /// The path below the cache.
    pub name: String,
    /// The size in bytes.
    pub bytes: u64,
    /// When the file was last used.
    pub used_at: SystemTime,
    /// Whether the file is complete.
    pub state: EntryState,
    /// The URL that it was downloaded from. None if it is not known.
    pub url: Option<String>,
}

/// Whether a file of a cache is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// Complete; the digest was not checked.
    Complete,
    /// The digest matches.
    Verified,
    /// The digest does not match: the file is downloaded again when it is needed.
    Damaged,
    /// An interrupted download; it resumes when the file is needed.
    Partial,
    /// A complete download that was not read yet: the run that needs it verifies it.
    Pending,
    /// Not downloaded by this program: it has no digest and is never removed.
    Foreign,
}

impl Cache {
    /// Returns every file by name. With `verify` every digest is checked, which reads every file.
    ///
    /// # Errors
    ///
    /// If a folder or file cannot be read.
    pub fn entries(&self, verify: bool) -> io::Result<Vec<CacheEntry>> {
        let mut entries = Vec::new();
        if self.root().exists() {
            self.walk(self.root(), verify, &mut FxHashSet::default(), &mut entries)?;
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Removes files that were not used for longer than `older_than`, then the least recently used ones until at most
    /// `max_size` bytes are left. Files that another run is downloading stay, and so do files that were not downloaded.
    /// Returns the removed files.
    ///
    /// # Errors
    ///
    /// If a file cannot be removed.
    pub fn prune(&self, older_than: Option<Duration>, max_size: Option<u64>) -> io::Result<Vec<CacheEntry>> {
        let mut entries = self.entries(false)?;
        entries.retain(|entry| entry.state != EntryState::Foreign);
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.used_at));
        let now = SystemTime::now();
        let mut kept = 0;
        let mut removed = Vec::new();
        for entry in entries {
            let too_old =
                older_than.is_some_and(|limit| now.duration_since(entry.used_at).is_ok_and(|age| age > limit));
            let too_much = max_size.is_some_and(|limit| kept + entry.bytes > limit);
            let path = self.root().join(&entry.name);
            // Held until the files are gone. Its own file goes last.
            let lock = if too_old || too_much { Lock::try_new(&path)? } else { None };
            if lock.is_some() {
                let part = beside(&path, PART);
                let notes = [beside(&path, DIGEST), beside(&path, NEW), beside(&part, VALIDATOR)];
                for file in notes.into_iter().chain([part, beside(&path, PENDING), path]) {
                    match fs::remove_file(&file) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                        _ => {}
                    }
                }
                removed.push(entry);
            } else {
                kept += entry.bytes;
            }
        }
        Ok(removed)
    }

    /// Lists a folder, unless it is in `seen`: a link may lead back to it. What disappears while the folder is listed, and links
    /// that lead nowhere, are left out.
    fn walk(
        &self,
        folder: &Path,
        verify: bool,
        seen: &mut FxHashSet<PathBuf>,
        entries: &mut Vec<CacheEntry>,
    ) -> io::Result<()> {
        let Some(canonical) = if_there(folder, fs::canonicalize(folder))? else { return Ok(()) };
        if !seen.insert(canonical) {
            return Ok(());
        }
        for entry in if_there(folder, fs::read_dir(folder))?.into_iter().flatten() {
            let path = entry?.path();
            let Some(metadata) = if_there(&path, fs::metadata(&path))? else { continue };
            if metadata.is_dir() {
                self.walk(&path, verify, seen, entries)?;
                continue;
            }
            if !metadata.is_file() {
                continue;
            }
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            let (subject, state) = match extension {
                DIGEST | LOCK | NEW | VALIDATOR => continue,
                PART => (path.with_extension(""), EntryState::Partial),
                PENDING => (path.with_extension(""), EntryState::Pending),
                _ if path.file_name().is_some_and(|name| name == FOLDER_LIST) => (path.clone(), EntryState::Complete),
                // Between its last two steps, a download has a digest that is not renamed yet.
                _ if !beside(&path, DIGEST).is_file() => {
                    let is_own = beside(&path, NEW).is_file();
                    (path.clone(), if is_own { EntryState::Damaged } else { EntryState::Foreign })
                }
                _ if !verify => (path.clone(), EntryState::Complete),
                _ => {
                    let whole = verified(&path)?.is_some();
                    (path.clone(), if whole { EntryState::Verified } else { EntryState::Damaged })
                }
            };
            let Ok(name) = subject.strip_prefix(self.root()) else { continue };
            let used_at = metadata.accessed().or_else(|_| metadata.modified())?;
            let note = Note::of(&subject)?;
            entries.push(CacheEntry {
                name: name.to_string_lossy().into_owned(),
                bytes: metadata.len(),
                used_at,
                state,
                url: note.and_then(|note| note.source).map(|source| source.url),
            });
        }
        Ok(())
    }
}

/// Returns None if a file is not there, or a link leads nowhere.
fn if_there<T>(path: &Path, result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound || path.is_symlink() => Ok(None),
        Err(error) => Err(error),
    }
}
