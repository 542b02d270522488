//! The files of a cache: their list, and the removal of those that were not used for long.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::cache::{Cache, DIGEST, NEW, PART, PENDING, VALIDATOR, beside, verified};
use super::lock::LOCK;
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
            self.walk(self.root(), verify, &mut entries)?;
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
            // Held until the files are gone.
            let lock = File::open(beside(&path, LOCK)).ok();
            let locked = lock.as_ref().is_some_and(|lock| lock.try_lock().is_err());
            if (too_old || too_much) && !locked {
                let part = beside(&path, PART);
                let notes = [beside(&path, DIGEST), beside(&path, NEW), beside(&part, VALIDATOR), beside(&path, LOCK)];
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

    fn walk(&self, folder: &Path, verify: bool, entries: &mut Vec<CacheEntry>) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.walk(&path, verify, entries)?;
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
            let metadata = fs::metadata(&path)?;
            let used_at = metadata.accessed().or_else(|_| metadata.modified())?;
            entries.push(CacheEntry {
                name: name.to_string_lossy().into_owned(),
                bytes: metadata.len(),
                used_at,
                state,
            });
        }
        Ok(())
    }
}
