//! Downloaded files, kept in the publishers' layout: a cache is itself a local archive.
//!
//! Beside each file `NAME` lies `NAME.sha256`, written last: a file without it, or that does not match it, was not
//! finished or was damaged since, and is fetched again. `NAME.part` is a download that broke off. A file that ended early
//! each time it was sent is kept and marked so in `NAME.sha256`: the next run asks for it again.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, SystemTime};

use super::download::{GLANCE, Whole};
use super::resume::Resumable;
use super::{Downloader, FetchError, Known};
use crate::progress::Progress;

const DIGEST: &str = "sha256";
/// Behind the digest of a file that ended early each time it was sent.
const CUT: &str = " cut";
const PART: &str = "part";
const LOCK: &str = "lock";
/// Behind the name of a `.part`: the version of the file that it is part of.
const VALIDATOR: &str = "validator";
/// Behind a name: a digest that is being written.
const NEW: &str = "new";

/// A folder of downloaded archive files.
pub struct Cache {
    root: PathBuf,
    downloader: Option<Downloader>,
    /// What became of the files that this run asked for: it asks once, and so every pass over them sees the same.
    asked: Mutex<HashMap<String, Asked>>,
    answered: Condvar,
}

/// What is known of a file that was asked for.
#[derive(Clone)]
enum Asked {
    UnderWay,
    Had,
    Refused(Refusal),
}

/// Why a file cannot be had in this run.
#[derive(Clone)]
enum Refusal {
    Missing { url: String, status: u16 },
    Failed { url: String, why: String },
}

/// A file of the cache whose digest is right.
struct Held {
    known: Known,
    whole: Whole,
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
    /// Nothing that this program downloaded: it has no digest, and is left alone.
    Foreign,
}

impl Cache {
    /// The cache below `root`, filled by `downloader`; without one, what is not in it cannot be had.
    pub fn new(root: &Path, downloader: Option<Downloader>) -> Cache {
        Cache { root: root.to_owned(), downloader, asked: Mutex::default(), answered: Condvar::new() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How many downloads from one host may run at the same time; none where the network may not be used.
    pub fn n_connections(&self) -> usize {
        self.downloader.as_ref().map_or(0, Downloader::per_host)
    }

    /// Whether a whole file of that name is there. Its digest is not compared.
    pub fn holds(&self, name: &str) -> bool {
        let path = self.root.join(name);
        path.is_file() && beside(&path, DIGEST).is_file()
    }

    /// Opens the file of that name if it is there and its digest is right.
    pub(super) fn open_held(&self, name: &str) -> Result<Known, FetchError> {
        let path = self.root.join(name);
        match verified(&path)? {
            Some(held) => Ok(held.known),
            None if !path.is_file() => Err(FetchError::Offline),
            None => {
                let has_digest = beside(&path, DIGEST).is_file();
                let why = if has_digest { "its digest is wrong" } else { "it has no digest" };
                Err(FetchError::Damaged { why })
            }
        }
    }

    /// Opens the file of that name, downloading it from `url` unless it is there and whole. Of several threads or runs
    /// that want it at once one downloads, the others wait.
    pub(super) fn open(&self, name: &str, url: &str) -> Result<Known, FetchError> {
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
                claim.settle(Asked::Refused(Refusal::Missing { url: url.clone(), status: *status }));
            }
            Err(FetchError::Failed { url, why }) => {
                claim.settle(Asked::Refused(Refusal::Failed { url: url.clone(), why: why.clone() }));
            }
            Err(_) => {}
        }
        if cfg!(unix) {
            let _ = fs::remove_file(lock_path);
        }
        result
    }

    fn fill(&self, path: &Path, url: &str, downloader: &Downloader) -> Result<Known, FetchError> {
        let held = verified(path)?;
        if let Some(Held { known, whole: Whole::Yes }) = held {
            return Ok(known);
        }
        let part = beside(path, PART);
        let whole = match (downloader.download(url, &part), held) {
            (Ok(whole), _) => whole,
            (Err(FetchError::Cancelled), _) => return Err(FetchError::Cancelled),
            // Better a file that ends early than none.
            (Err(_), Some(held)) => return Ok(held.known),
            (Err(error), None) => return Err(error),
        };
        let known = Known::open(&part)?;
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

    /// Waits while another thread asks for the file. Whoever asks first holds the claim until it is answered.
    fn claim(&self, name: &str, progress: &dyn Progress) -> Result<Claim<'_>, FetchError> {
        let mut all = self.asked();
        loop {
            match all.get(name) {
                Some(Asked::UnderWay) if progress.is_cancelled() => return Err(FetchError::Cancelled),
                Some(Asked::UnderWay) => {
                    all = match self.answered.wait_timeout(all, GLANCE) {
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

    /// Every file, in order of name. With `verify` every digest is compared, which reads everything.
    pub fn entries(&self, verify: bool) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        if self.root.exists() {
            self.walk(&self.root, verify, &mut entries)?;
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Removes files not used for longer than `older_than`, then the least recently used ones until at most `max_size`
    /// bytes are left. Files that another run is downloading stay, and those that were not downloaded. Returns what was
    /// removed.
    pub fn prune(&self, older_than: Option<Duration>, max_size: Option<u64>) -> io::Result<Vec<Entry>> {
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

    fn walk(&self, folder: &Path, verify: bool, entries: &mut Vec<Entry>) -> io::Result<()> {
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
                // Between its last two steps a download has a digest that is not yet in its place.
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
            entries.push(Entry { name: name.to_string_lossy().into_owned(), bytes: metadata.len(), used_at, state });
        }
        Ok(())
    }
}

impl From<Refusal> for FetchError {
    fn from(refusal: Refusal) -> FetchError {
        match refusal {
            Refusal::Missing { url, status } => FetchError::Missing { url, status },
            Refusal::Failed { url, why } => FetchError::Failed { url, why },
        }
    }
}

/// A file that only the holder asks for. Given back with what was known before, unless it is settled.
struct Claim<'a> {
    cache: &'a Cache,
    name: String,
    /// What this run knew of it.
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

/// The lock file at `path`, locked. Whoever held it may have removed it meanwhile, and others may have made a new one.
fn lock(path: &Path, progress: &dyn Progress) -> Result<File, FetchError> {
    loop {
        let lock = File::create(path)?;
        match lock.try_lock() {
            Ok(()) if is_at(&lock, path)? => return Ok(lock),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if progress.is_cancelled() => return Err(FetchError::Cancelled),
            Err(TryLockError::WouldBlock) => thread::sleep(GLANCE),
            Err(TryLockError::Error(error)) => return Err(error.into()),
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
fn verified(path: &Path) -> io::Result<Option<Held>> {
    let note = match fs::read_to_string(beside(path, DIGEST)) {
        Ok(note) => note,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (expected, whole) = match note.strip_suffix(CUT) {
        Some(expected) => (expected, Whole::No),
        None => (note.trim(), Whole::Yes),
    };
    match Known::open(path) {
        Ok(known) if known.sha256 == expected => Ok(Some(Held { known, whole })),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
