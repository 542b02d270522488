//! Downloaded files in the publishers' layout: a cache is itself a local archive.
//!
//! A download goes through three names. `NAME.part` is what was received of an interrupted one. `NAME.pending` has arrived
//! completely, and no run has read it. The first reading shows whether it is whole: then it becomes `NAME`, and otherwise it is
//! downloaded again. So a file is decoded once, and a run that is stopped between download and reading leaves it to the next.
//!
//! For each file `NAME` there is a `NAME.sha256`, which is written last. A file without it is incomplete, a file that does
//! not match it is damaged; either is downloaded again. A file that the server sent truncated more than once, or with the records of
//! another time, is kept, and marked so in `NAME.sha256`: the next run requests it again. The URL is there too: a file that came from
//! elsewhere than where it is listed now is also requested again, so that no broker can leave another file under its name.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::download::Wanted;
use super::lock::Lock;
use super::note::{self, DIGEST, DownloadSource, Note, Whole, beside};
use super::resume::Resumable;
use super::{BaseUrl, Checked, Downloader, FetchError, FileDigest, KnownDigest, Opened, ReadFully};
use crate::archive;
use crate::http::{POLL_INTERVAL, Retry};
use crate::progress::Progress;

pub(super) const PART: &str = "part";
/// The suffix of a complete download that was not read yet.
pub(super) const PENDING: &str = "pending";

/// A folder of downloaded archive files.
pub struct Cache {
    root: PathBuf,
    downloader: Option<Downloader>,
    /// Other sources of the publishers' files, in the order in which they are asked.
    mirrors: Vec<BaseUrl>,
    /// What was remarkable about the copies of files.
    remarks: Mutex<BTreeSet<String>>,
    /// The files that this run requested. Each is requested once, so that every pass over the files sees the same.
    asked: Mutex<HashMap<String, Asked>>,
    answered: Condvar,
}

/// The state of a file that was requested.
#[derive(Clone)]
enum Asked {
    UnderWay,
    /// Downloaded ahead of its reading.
    Received,
    /// Read, or not to be asked for again.
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
pub(super) struct CachedFile {
    known: KnownDigest,
    note: Note,
}

impl Cache {
    /// Returns the cache below `root`. Without a `downloader`, only files that are already in it are available.
    pub fn new(root: &Path, downloader: Option<Downloader>) -> Cache {
        Cache {
            root: root.to_owned(),
            downloader,
            mirrors: Vec::new(),
            remarks: Mutex::default(),
            asked: Mutex::default(),
            answered: Condvar::new(),
        }
    }

    /// Asks `mirrors` for each file before its publisher, in this order. A file has the same path below each of them.
    pub fn with_mirrors(self, mirrors: Vec<BaseUrl>) -> Cache {
        Cache { mirrors, ..self }
    }

    /// Returns what was remarkable about the copies of files so far, one sentence each: a damaged copy, or two that differ.
    pub fn remarks(&self) -> Vec<String> {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Remembers a sentence, and tells the user the first time.
    fn remark(&self, what: String, progress: &dyn Progress) {
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        if remarks.insert(what.clone()) {
            drop(remarks);
            progress.warning(&what);
        }
    }

    /// Returns the sources of a file in the order in which they are asked: mirrors, then its publisher.
    pub(super) fn sources(&self, url: &str) -> Vec<DownloadSource> {
        let mirrors = self.mirrors.iter().map(|mirror| (mirror.join(archive::path(url)), true));
        let all = mirrors.chain([(url.to_owned(), false)]);
        all.map(|(url, is_mirror)| DownloadSource { url, is_mirror }).collect()
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

    /// Whether the cache contains all bytes of the file of that name, verified or pending. The digest is not checked.
    pub fn holds(&self, name: &str) -> bool {
        let path = self.root.join(name);
        path.is_file() && beside(&path, DIGEST).is_file() || beside(&path, PENDING).is_file()
    }

    /// The same, as far as it is the file that is listed at `url`.
    fn holds_of(&self, name: &str, url: &str) -> io::Result<bool> {
        let path = self.root.join(name);
        let is_of = match beside(&path, PENDING).is_file() {
            true => Resumable::source(&beside(&path, PART)).is_none_or(|source| source.is_of(url)),
            false => Note::of(&path)?.is_none_or(|note| note.is_of(url)),
        };
        Ok(self.holds(name) && is_of)
    }

    /// Removes what an earlier run downloaded from elsewhere than where the file is listed now, whole or not: nothing of it was verified.
    fn forget_foreign(&self, path: &Path, url: &str) -> io::Result<()> {
        let part = beside(path, PART);
        if Resumable::source(&part).is_some_and(|source| !source.is_of(url)) {
            // The note comes last: without it, what is left would be believed.
            match fs::remove_file(beside(path, PENDING)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => Resumable::forget(&part),
            }
        }
        Ok(())
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

    /// Downloads the file of that name from `url`, unless it is there. The first reading verifies it.
    pub(super) fn receive(&self, name: &str, url: &str, listed: u64) -> Result<(), FetchError> {
        let Some(downloader) = &self.downloader else { return Err(FetchError::Offline) };
        let claim = self.claim(name, downloader.progress())?;
        if claim.asked.is_some() || self.holds_of(name, url)? {
            return Ok(());
        }
        let path = self.root.join(name);
        let _lock = Lock::new(&path, downloader.progress())?;
        if self.holds_of(name, url)? {
            return Ok(());
        }
        self.forget_foreign(&path, url)?;
        let max_bytes = downloader.limits().max_bytes(listed);
        let mut result = Err(FetchError::Offline);
        for source in self.sources(url) {
            result = self.download(&path, (&source, max_bytes), downloader, &mut downloader.attempts());
            match &result {
                Ok(()) => {
                    claim.settle(Asked::Received);
                    return Ok(());
                }
                Err(FetchError::Missing { .. } | FetchError::Failed { .. }) => {}
                Err(_) => return result,
            }
        }
        if let Err(error) = &result {
            claim.settle_refused(error);
        }
        result
    }

    /// Reads the file of that name with `read`, and downloads it from `url` first unless it is there. If several threads or
    /// runs need it at the same time, one downloads and verifies it and the others wait.
    pub(super) fn read<T>(
        &self,
        name: &str,
        (url, listed): (&str, u64),
        read: &mut impl FnMut(Opened) -> Result<ReadFully<T>, FetchError>,
    ) -> Result<ReadFully<T>, FetchError> {
        let Some(downloader) = &self.downloader else { return read(self.open_held(name)?.into()) };
        let claim = self.claim(name, downloader.progress())?;
        let path = self.root.join(name);
        if let Some(held) = verified(&path)?.filter(|held| held.note.is_of(url))
            && (held.note.whole == Whole::Yes || matches!(claim.asked, Some(Asked::Had)))
        {
            drop(claim);
            return read(held.known.into());
        }
        if let Some(Asked::Refused(refusal)) = &claim.asked {
            return Err(refusal.clone().into());
        }
        let _lock = Lock::new(&path, downloader.progress())?;
        self.forget_foreign(&path, url)?;
        let max_bytes = downloader.limits().max_bytes(listed);
        let copies = Copies { name, url, max_bytes, refused: Vec::new(), size: None };
        let result = self.fill(copies, &self.sources(url), downloader, read);
        match &result {
            Ok(_) => claim.settle(Asked::Had),
            Err(error) => claim.settle_refused(error),
        }
        result
    }

    /// Reads a file that is pending or that one of `sources` delivers, and keeps it.
    fn fill<T>(
        &self,
        mut copies: Copies,
        sources: &[DownloadSource],
        downloader: &Downloader,
        read: &mut impl FnMut(Opened) -> Result<ReadFully<T>, FetchError>,
    ) -> Result<ReadFully<T>, FetchError> {
        let path = self.root.join(copies.name);
        let held = match verified(&path)?.filter(|held| held.note.is_of(copies.url)) {
            Some(CachedFile { known, note: Note { whole: Whole::Yes, .. } }) => return read(known.into()),
            held => held,
        };
        let (mut cut, mut failure) = (None, FetchError::Offline);
        for source in sources {
            match self.obtain(&mut copies, source, downloader, read) {
                Ok((found, Whole::Yes)) => return Ok(found),
                Ok((found, Whole::No)) => cut = Some(found),
                Err(FetchError::Cancelled) => return Err(FetchError::Cancelled),
                Err(error) => failure = error,
            }
        }
        // A truncated file is better than none.
        match (cut, held) {
            (Some(found), _) => Ok(found),
            (None, Some(held)) => read(held.known.into()),
            (None, None) => Err(failure),
        }
    }

    /// Reads a file that is pending or that `asked` delivers, until a reading accepts it or no attempt is left.
    fn obtain<T>(
        &self,
        copies: &mut Copies,
        asked: &DownloadSource,
        downloader: &Downloader,
        read: &mut impl FnMut(Opened) -> Result<ReadFully<T>, FetchError>,
    ) -> Result<(ReadFully<T>, Whole), FetchError> {
        let path = self.root.join(copies.name);
        let (part, pending) = (beside(&path, PART), beside(&path, PENDING));
        let mut retry = downloader.attempts();
        loop {
            if !pending.is_file() {
                self.download(&path, (asked, copies.max_bytes), downloader, &mut retry)?;
            }
            let source = Resumable::source(&part);
            let url = source.as_ref().map(|source| source.url.clone());
            let found = read(Opened::unverified(&pending)?)?;
            let is_second = copies.size.replace(found.digest.bytes) == Some(found.digest.bytes);
            let whole = match &found.checked {
                Checked::Whole => Whole::Yes,
                Checked::Suspect(_) if is_second => Whole::No,
                Checked::Suspect(why) | Checked::Foreign(why) => {
                    fs::remove_file(&pending)?;
                    copies.refused.extend(url.map(|url| (url, why.clone())));
                    if is_second {
                        downloader.judged(&asked.url, false);
                        return Err(FetchError::Failed { url: asked.url.clone(), why: why.clone() });
                    }
                    downloader.wait(&asked.url, why, None, &mut retry)?;
                    continue;
                }
            };
            downloader.judged(url.as_deref().unwrap_or(&asked.url), true);
            if whole == Whole::Yes {
                let expected = Note::of(&path)?.filter(|note| note.whole == Whole::Yes && note.is_of(copies.url));
                let expected = expected.map(|note| note.sha256);
                for what in copies.differences(url.as_deref(), &found.digest, expected.as_deref()) {
                    self.remark(what, downloader.progress());
                }
            }
            note::write(&path, &found.digest, (whole, source), || fs::rename(&pending, &path))?;
            Resumable::done(&part);
            return Ok((found, whole));
        }
    }

    /// Downloads a file to the name of those that are to be read.
    fn download(
        &self,
        path: &Path,
        (source, max_bytes): (&DownloadSource, u64),
        downloader: &Downloader,
        retry: &mut Retry,
    ) -> Result<(), FetchError> {
        let part = beside(path, PART);
        downloader.download(&Wanted { source, part: &part, max_bytes }, retry)?;
        File::open(&part)?.sync_all()?;
        fs::rename(&part, beside(path, PENDING))?;
        downloader.progress().downloaded(&path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy());
        Ok(())
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
}

/// The copies of one file that were downloaded.
struct Copies<'a> {
    name: &'a str,
    /// Where it is listed.
    url: &'a str,
    /// The most bytes that one may have.
    max_bytes: u64,
    /// The URLs of copies that a reading refused, and why.
    refused: Vec<(String, String)>,
    /// The size of the last copy that was refused: if it is sent twice, that is how the file was published.
    size: Option<u64>,
}

impl Copies<'_> {
    /// Returns how a whole copy from `source` differs from those of other sources, and from the one that the cache had before
    /// it was damaged, whose digest is `expected`.
    fn differences(&self, source: Option<&str>, digest: &FileDigest, expected: Option<&str>) -> Vec<String> {
        let name = self.name;
        let from = source.unwrap_or("an earlier run");
        let others = self.refused.iter().filter(|(other, _)| source.is_some_and(|source| source != other));
        let mut found: Vec<String> = others
            .map(|(other, why)| format!("{name}: the copy from {other} is not whole ({why}); the one from {from} is"))
            .collect();
        if let Some(expected) = expected.filter(|expected| expected.len() == 64 && *expected != digest.sha256) {
            found.push(format!(
                "{name}: the copy from {from} is not the one that was in the cache (SHA-256 {} now, {expected} before)",
                digest.sha256
            ));
        }
        found
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

    /// No later request in this run has another answer than this error, unless it says nothing about the file.
    fn settle_refused(self, error: &FetchError) {
        let refusal = match error {
            FetchError::Missing { url, status } => CacheRefusal::Missing { url: url.clone(), status: *status },
            FetchError::Failed { url, why } => CacheRefusal::Failed { url: url.clone(), why: why.clone() },
            _ => return,
        };
        self.settle(Asked::Refused(refusal));
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

/// Opens a file. None if it does not exist, or its digest does not match the one of its download.
pub(super) fn verified(path: &Path) -> io::Result<Option<CachedFile>> {
    let Some(note) = Note::of(path)? else { return Ok(None) };
    match KnownDigest::open(path) {
        Ok(known) if known.digest.sha256 == note.sha256 => Ok(Some(CachedFile { known, note })),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
