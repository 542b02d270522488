//! An archive file as a verified local file: straight from a mirror, or through a cache of what was downloaded.

mod cache;
mod download;
mod resume;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use sha2::{Digest, Sha256};

pub use cache::{Cache, Entry, EntryState};
pub use download::{Checked, Downloader, Limits};

use crate::catalog::{ArchiveFile, Location};

/// An archive file, open at its beginning, and the identity of its bytes.
#[derive(Debug)]
pub struct Opened {
    /// The stored bytes, compressed as published.
    pub file: File,
    /// How many there are.
    pub bytes: u64,
    /// Their SHA-256 in hexadecimal.
    pub sha256: String,
}

/// Why a file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The file system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The server says that there is no such file.
    #[error("{url} is missing: HTTP {status}")]
    Missing {
        /// What was asked for.
        url: String,
        /// The answer.
        status: u16,
    },
    /// The server, or the network, did not deliver it whole in the time allowed.
    #[error("cannot download {url}: {why}")]
    Failed {
        /// What was asked for.
        url: String,
        /// What went wrong last.
        why: String,
    },
    /// It is not in the cache, and the network may not be used.
    #[error("not in the cache, and the network may not be used")]
    Offline,
    /// It is in the cache with other bytes than were downloaded, and the network may not be used.
    #[error("damaged in the cache: {why}; without --offline it is fetched again")]
    Damaged {
        /// How that is known.
        why: &'static str,
    },
    /// The run is to stop.
    #[error("stopped")]
    Cancelled,
}

/// Opens a file and takes its digest, downloading it first where it has to.
pub fn open(file: &ArchiveFile, cache: Option<&Cache>) -> Result<Opened, FetchError> {
    match (&file.location, cache) {
        (Location::Local(path), _) => Ok(open_path(path)?),
        (Location::Remote { url, .. }, Some(cache)) => cache.open(&file.name, url),
        (Location::Cached { .. }, Some(cache)) => cache.open_held(&file.name),
        (Location::Remote { .. } | Location::Cached { .. }, None) => Err(FetchError::Offline),
    }
}

/// Downloads a file unless it is there, so that it is when it is wanted. What goes wrong is said by [`open`].
pub fn fetch(file: &ArchiveFile, cache: &Cache) {
    if let Location::Remote { url, .. } = &file.location
        && !cache.holds(&file.name)
    {
        let _ = cache.open(&file.name, url);
    }
}

/// Opens a file of the file system and takes its digest.
fn open_path(path: &Path) -> io::Result<Opened> {
    let mut stored = File::open(path)?;
    let (bytes, sha256) = digest(&mut stored)?;
    stored.rewind()?;
    Ok(Opened { file: stored, bytes, sha256 })
}

/// Length and SHA-256 of everything that is left to read.
fn digest(input: &mut impl Read) -> io::Result<(u64, String)> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 17];
    let mut bytes = 0;
    loop {
        let n = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        digest.update(&buffer[..n]);
        bytes += n as u64;
    }
    let mut sha256 = String::with_capacity(64);
    for byte in digest.finalize() {
        let _ = write!(sha256, "{byte:02x}");
    }
    Ok((bytes, sha256))
}
