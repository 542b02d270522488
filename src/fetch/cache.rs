//! Downloaded files in the publishers' layout: a cache is itself a local archive.
//!
//! For each file `NAME` there is a `NAME.sha256`, which is written last. A file without it is incomplete, a file that does
//! not match it is damaged; either is downloaded again. `NAME.part` is an interrupted download. A file that the server sent
//! truncated more than once is kept, and marked so in `NAME.sha256`: the next run requests it again.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, SystemTime};

use super::download::Whole;
use super::resume::Resumable;
use super::{Downloader, FetchError, KnownDigest};
use crate::http::POLL_INTERVAL;
use crate::progress::Progress;

const DIGEST: &str = "sha256";
/// Follows the digest of a file that the server sent truncated more than once.
const CUT: &str = " cut";
const PART: &str = "part";
const LOCK: &str = "lock";
/// The suffix of the validator of a `.part` file, which identifies the version that it is from.
const VALIDATOR: &str = "validator";
/// The suffix of a digest that is being written.
const NEW: &str = "new";

/// A folder of downloaded archive files.
pub struct Cache {
    root: PathBuf,
    downloader: Option<Downloader>,
    /// The files that this run requested. Each is requested once, so that every pass over the files sees the same.
    asked: Mutex<HashMap<String, Asked>>,
    answered: Condvar,
}

/// The state of a file that was requested.
#[derive(Clone)]
enum Asked {
    UnderWay,
    Had,
    Refused(CacheRefusal),
}

/// Why a file is not available in this run.
#[derive(Clone)]
enum CacheRefusal {
    Missing { url: String, status: u16 },
    Failed { url: String, why: String },
}

/// A file of the cache whose digest matches.
struct CachedFile {
    known: KnownDigest,
    whole: Whole,
}

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
    /// Not downloaded by this program: it has no digest and is never removed.
    Foreign,
}

impl Cache {
    /// Returns the cache below `root`. Without a `downloader`, only files that are already in it are available.
    pub fn new(root: &Path, downloader: Option<Downloader>) -> Cache {
        Cache { root: root.to_owned(), downloader, asked: Mutex::default(), answered: Condvar::new() }
    }

    /// Returns the folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns how many downloads from one host may run at the same time: 0 if the network may not be used.
    pub fn n_connections(&self) -> usize {
        self.downloader.as_ref().map_or(0, Downloader::per_host)
    }

    /// Returns what downloads its files; None if the network may not be used.
    pub(super) fn downloader(&self) -> Option<&Downloader> {
        self.downloader.as_ref()
    }

    /// Whether the cache contains a complete file of that name. The digest is not checked.
    pub fn holds(&self, name: &str) -> bool {
        let path = self.root.join(name);
        path.is_file() && beside(&path, DIGEST).is_file()
    }

    /// Opens the file of that name if it is there and its digest matches.
    pub(super) fn open_held(&self, name: &str) -> Result<KnownDigest, FetchError> {
        let path = self.root.join(name);
        match verified(&path)? {
            Some(held) => Ok(held.known),
            None if !path.is_file() => Err(FetchError::Offline),
            None => {
                let has_digest = beside(&path, DIGEST).is_file();
                let why = if has_digest { "its digest does not match" } else { "it has no digest" };
                Err(FetchError::Damaged { why })
            }
        }
    }

    /// Opens the file of that name, and downloads it from `url` unless it is there and complete. If several threads or runs
    /// need it at the same time, one downloads it and the others wait.
    pub(super) fn open(&self, name: &str, url: &str) -> Result<KnownDigest, FetchError> {
        let Some(downloader) = &self.downloader else { return self.open_held(name) };
        let claim = self.claim(name, downloader.progress())?;
        let path = self.root.join(name);
        if let Some(held) = verified(&path)?
            && (held.whole == Whole::Yes || claim.asked.is_some())
        {
            return Ok(held.known);
        }
        if let Some(Asked::Refused(refusal)) = &claim.asked {
            return Err(refusal.clone().into());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let lock_path = beside(&path, LOCK);
        let _lock = lock(&lock_path, downloader.progress())?;
        let result = self.fill(&path, url, downloader);
        match &result {
            Ok(_) => claim.settle(Asked::Had),
            Err(FetchError::Missing { url, status }) => {
                claim.settle(Asked::Refused(CacheRefusal::Missing { url: url.clone(), status: *status }));
            }
            Err(FetchError::Failed { url, why }) => {
                claim.settle(Asked::Refused(CacheRefusal::Failed { url: url.clone(), why: why.clone() }));
            }
            Err(_) => {}
        }
        if cfg!(unix) {
            let _ = fs::remove_file(lock_path);
        }
        result
    }

    fn fill(&self, path: &Path, url: &str, downloader: &Downloader) -> Result<KnownDigest, FetchError> {
        let held = verified(path)?;
        if let Some(CachedFile { known, whole: Whole::Yes }) = held {
            return Ok(known);
        }
        let part = beside(path, PART);
        let whole = match (downloader.download(url, &part), held) {
            (Ok(whole), _) => whole,
            (Err(FetchError::Cancelled), _) => return Err(FetchError::Cancelled),
            // A truncated file is better than none.
            (Err(_), Some(held)) => return Ok(held.known),
            (Err(error), None) => return Err(error),
        };
        let known = KnownDigest::open(&part)?;
        let new = beside(path, NEW);
        let mut digest = File::create(&new)?;
        digest.write_all(known.sha256.as_bytes())?;
        if whole == Whole::No {
            digest.write_all(CUT.as_bytes())?;
        }
        digest.sync_all()?;
        known.file.sync_all()?;
        fs::rename(&part, path)?;
        fs::rename(&new, beside(path, DIGEST))?;
        Resumable::done(&part);
        downloader.progress().downloaded(&path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy());
        Ok(known)
    }

    /// Waits while another thread downloads the file, then claims it.
    fn claim(&self, name: &str, progress: &dyn Progress) -> Result<Claim<'_>, FetchError> {
        let mut all = self.asked();
        loop {
            match all.get(name) {
                Some(Asked::UnderWay) if progress.is_cancelled() => return Err(FetchError::Cancelled),
                Some(Asked::UnderWay) => {
                    all = match self.answered.wait_timeout(all, POLL_INTERVAL) {
                        Ok((all, _)) => all,
                        Err(poisoned) => poisoned.into_inner().0,
                    };
                }
                before => {
                    let asked = before.cloned();
                    all.insert(name.to_owned(), Asked::UnderWay);
                    return Ok(Claim { cache: self, name: name.to_owned(), asked });
                }
            }
        }
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<String, Asked>> {
        self.asked.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Returns every file by name. With `verify` every digest is checked, which reads every file.
    ///
    /// # Errors
    ///
    /// If a folder or file cannot be read.
    pub fn entries(&self, verify: bool) -> io::Result<Vec<CacheEntry>> {
        let mut entries = Vec::new();
        if self.root.exists() {
            self.walk(&self.root, verify, &mut entries)?;
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
            let path = self.root.join(&entry.name);
            // Held until the files are gone.
            let lock = File::open(beside(&path, LOCK)).ok();
            let locked = lock.as_ref().is_some_and(|lock| lock.try_lock().is_err());
            if (too_old || too_much) && !locked {
                let part = beside(&path, PART);
                let notes = [beside(&path, DIGEST), beside(&path, NEW), beside(&part, VALIDATOR), beside(&path, LOCK)];
                for file in notes.into_iter().chain([part, path]) {
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
            let Ok(name) = subject.strip_prefix(&self.root) else { continue };
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

impl From<CacheRefusal> for FetchError {
    fn from(refusal: CacheRefusal) -> FetchError {
        match refusal {
            CacheRefusal::Missing { url, status } => FetchError::Missing { url, status },
            CacheRefusal::Failed { url, why } => FetchError::Failed { url, why },
        }
    }
}

/// The exclusive right to download a file. Dropping it restores the state of before, unless it was settled.
struct Claim<'a> {
    cache: &'a Cache,
    name: String,
    /// The state of before.
    asked: Option<Asked>,
}

impl Claim<'_> {
    fn settle(mut self, asked: Asked) {
        self.asked = Some(asked);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut all = self.cache.asked();
        match self.asked.take() {
            Some(asked) => all.insert(std::mem::take(&mut self.name), asked),
            None => all.remove(&self.name),
        };
        self.cache.answered.notify_all();
    }
}

/// Locks the lock file at `path`. Its last holder may have removed it meanwhile, and another run may have made a new one.
fn lock(path: &Path, progress: &dyn Progress) -> Result<File, FetchError> {
    loop {
        let lock = File::create(path)?;
        match lock.try_lock() {
            Ok(()) if is_at(&lock, path)? => return Ok(lock),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if progress.is_cancelled() => return Err(FetchError::Cancelled),
            Err(TryLockError::WouldBlock) => thread::sleep(POLL_INTERVAL),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

/// Whether `path` still leads to `file`.
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

/// On other systems, lock files are never removed.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Returns `path` with a suffix appended.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

/// Opens a file. None if it does not exist, or its digest does not match the one of its download.
fn verified(path: &Path) -> io::Result<Option<CachedFile>> {
    let note = match fs::read_to_string(beside(path, DIGEST)) {
        Ok(note) => note,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (expected, whole) = match note.strip_suffix(CUT) {
        Some(expected) => (expected, Whole::No),
        None => (note.trim(), Whole::Yes),
    };
    match KnownDigest::open(path) {
        Ok(known) if known.sha256 == expected => Ok(Some(CachedFile { known, whole })),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
