//! Downloaded files, kept in the publishers' layout: a cache is itself a local archive.
//!
//! Beside each file `NAME` lies `NAME.sha256`, written last: a file without it, or that does not match it, was not
//! finished or was damaged since, and is fetched again. `NAME.part` is a download that broke off.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{Downloader, FetchError, Opened, open_path};

const DIGEST: &str = "sha256";
const PART: &str = "part";
const LOCK: &str = "lock";
/// Behind the name of a `.part`: the version of the file that it is part of.
const VALIDATOR: &str = "validator";

/// A folder of downloaded archive files.
pub struct Cache {
    root: PathBuf,
    downloader: Option<Downloader>,
}

/// One file of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path below the cache.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last used.
    pub used_at: SystemTime,
    /// Whether it is whole.
    pub state: EntryState,
}

/// Whether a file of a cache is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// Downloaded to its end; its digest was not compared.
    Complete,
    /// Its digest is right.
    Verified,
    /// Its digest is wrong: it is fetched again when it is needed.
    Damaged,
    /// A download that broke off; it goes on when the file is needed.
    Partial,
}

impl Cache {
    /// The cache below `root`, filled by `downloader`; without one, what is not in it cannot be had.
    pub fn new(root: &Path, downloader: Option<Downloader>) -> Cache {
        Cache { root: root.to_owned(), downloader }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a whole file of that name is there. Its digest is not compared.
    pub fn holds(&self, name: &str) -> bool {
        let path = self.root.join(name);
        path.is_file() && beside(&path, DIGEST).is_file()
    }

    /// Opens the file of that name, downloading it from `url` unless it is there and whole. Of several runs that want
    /// it at once one downloads, the others wait.
    pub(super) fn open(&self, name: &str, url: &str) -> Result<Opened, FetchError> {
        let path = self.root.join(name);
        if let Some(opened) = verified(&path)? {
            return Ok(opened);
        }
        let Some(downloader) = &self.downloader else { return Err(FetchError::Offline { name: name.to_owned() }) };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let lock_path = beside(&path, LOCK);
        let _lock = lock(&lock_path)?;
        let result = self.fill(&path, url, downloader);
        if cfg!(unix) {
            let _ = fs::remove_file(lock_path);
        }
        result
    }

    fn fill(&self, path: &Path, url: &str, downloader: &Downloader) -> Result<Opened, FetchError> {
        if let Some(opened) = verified(path)? {
            return Ok(opened);
        }
        let part = beside(path, PART);
        downloader.download(url, &part)?;
        let opened = open_path(&part)?;
        let mut digest = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(&self.root))?;
        digest.write_all(opened.sha256.as_bytes())?;
        digest.as_file().sync_all()?;
        opened.file.sync_all()?;
        fs::rename(&part, path)?;
        digest.persist(beside(path, DIGEST)).map_err(|error| error.error)?;
        Ok(opened)
    }

    /// Every file, in order of name. With `verify` every digest is compared, which reads everything.
    pub fn entries(&self, verify: bool) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        if self.root.is_dir() {
            self.walk(&self.root, verify, &mut entries)?;
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Removes files not used for longer than `older_than`, then the least recently used ones until at most `max_size`
    /// bytes are left. Files that another run is downloading stay. Returns what was removed.
    pub fn prune(&self, older_than: Option<Duration>, max_size: Option<u64>) -> io::Result<Vec<Entry>> {
        let mut entries = self.entries(false)?;
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.used_at));
        let now = SystemTime::now();
        let mut kept = 0;
        let mut removed = Vec::new();
        for entry in entries {
            let too_old =
                older_than.is_some_and(|limit| now.duration_since(entry.used_at).is_ok_and(|age| age > limit));
            let too_much = max_size.is_some_and(|limit| kept + entry.bytes > limit);
            let path = self.root.join(&entry.name);
            let locked = File::open(beside(&path, LOCK)).is_ok_and(|lock| lock.try_lock().is_err());
            if (too_old || too_much) && !locked {
                let part = beside(&path, PART);
                for file in [beside(&path, DIGEST), beside(&part, VALIDATOR), part, beside(&path, LOCK), path] {
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

    fn walk(&self, folder: &Path, verify: bool, entries: &mut Vec<Entry>) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.walk(&path, verify, entries)?;
                continue;
            }
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            let (subject, state) = match extension {
                DIGEST | LOCK | VALIDATOR => continue,
                PART => (path.with_extension(""), EntryState::Partial),
                _ if !beside(&path, DIGEST).is_file() => (path.clone(), EntryState::Damaged),
                _ if !verify => (path.clone(), EntryState::Complete),
                _ => {
                    let whole = verified(&path)?.is_some();
                    (path.clone(), if whole { EntryState::Verified } else { EntryState::Damaged })
                }
            };
            let Ok(name) = subject.strip_prefix(&self.root) else { continue };
            let metadata = fs::metadata(&path)?;
            let used_at = metadata.accessed().or_else(|_| metadata.modified())?;
            entries.push(Entry { name: name.to_string_lossy().into_owned(), bytes: metadata.len(), used_at, state });
        }
        Ok(())
    }
}

/// The lock file at `path`, locked. Whoever held it may have removed it meanwhile, and others may have made a new one.
fn lock(path: &Path) -> io::Result<File> {
    loop {
        let lock = File::create(path)?;
        lock.lock()?;
        if is_at(&lock, path)? {
            return Ok(lock);
        }
    }
}

/// Whether `path` still leads to that file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (file, there) = (file.metadata()?, fs::metadata(path));
    match there {
        Ok(there) => Ok((file.dev(), file.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Elsewhere lock files are never removed.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

/// `path` with another suffix behind its own.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

/// The file, if it is there and its digest is the one taken when it was downloaded.
fn verified(path: &Path) -> io::Result<Option<Opened>> {
    let expected = match fs::read_to_string(beside(path, DIGEST)) {
        Ok(expected) => expected,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match open_path(path) {
        Ok(opened) if opened.sha256 == expected.trim() => Ok(Some(opened)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
