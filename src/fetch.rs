//! An archive file as a verified local file: straight from a mirror, or through a cache of what was downloaded.

mod cache;
mod download;
mod resume;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use sha2::{Digest as _, Sha256};

pub use cache::{Cache, Entry, EntryState};
pub use download::{Checked, Downloader, Limits};

use crate::archive::{ArchiveFile, Location};
use crate::helpers::Work;

/// An archive file, open at its beginning, and the identity of its bytes.
#[derive(Debug)]
pub struct Opened {
    /// The stored bytes, compressed as published.
    pub file: File,
    /// What tells them from others.
    pub digest: Digest,
}

/// The digest of a file, now or later.
#[derive(Debug)]
pub enum Digest {
    /// Of a file that is still to be read for it; it is open at its beginning.
    Due(File),
    /// Taken.
    Taken {
        /// How many bytes the file has.
        bytes: u64,
        /// Their SHA-256 in hexadecimal.
        sha256: String,
    },
    /// The file could not be read.
    Failed(io::Error),
}

impl Work for Digest {
    const IS_LONG: bool = true;

    fn run(&mut self) {
        if let Digest::Due(file) = self {
            *self = match digest(file) {
                Ok((bytes, sha256)) => Digest::Taken { bytes, sha256 },
                Err(error) => Digest::Failed(error),
            };
        }
    }
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

/// Opens a file, downloading it first where it has to. The digest of a local file is still to be taken: nothing depends on
/// it, and others may have time for it.
pub fn open(file: &ArchiveFile, cache: Option<&Cache>) -> Result<Opened, FetchError> {
    match (&file.location, cache) {
        (Location::Local(path), _) => {
            // Opened twice, at once: each has a place of its own in the same file.
            Ok(Opened { file: File::open(path)?, digest: Digest::Due(File::open(path)?) })
        }
        (Location::Remote { url, .. }, Some(cache)) => cache.open(&file.name, url).map(Opened::from),
        (Location::Cached { .. }, Some(cache)) => cache.open_held(&file.name).map(Opened::from),
        (Location::Remote { .. } | Location::Cached { .. }, None) => Err(FetchError::Offline),
        (Location::Unread(_), _) => Err(io::Error::from(io::ErrorKind::Unsupported).into()),
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

/// A file, open at its beginning, whose digest was taken.
struct Known {
    file: File,
    bytes: u64,
    sha256: String,
}

impl Known {
    fn open(path: &Path) -> io::Result<Known> {
        let mut file = File::open(path)?;
        let (bytes, sha256) = digest(&mut file)?;
        file.rewind()?;
        Ok(Known { file, bytes, sha256 })
    }
}

impl From<Known> for Opened {
    fn from(known: Known) -> Opened {
        Opened { file: known.file, digest: Digest::Taken { bytes: known.bytes, sha256: known.sha256 } }
    }
}

/// Length and SHA-256 of everything that is left to read.
fn digest(input: &mut impl Read) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 17];
    let mut bytes = 0;
    loop {
        let n = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&buffer[..n]);
        bytes += n as u64;
    }
    let mut sha256 = String::with_capacity(64);
    for byte in hash.finalize() {
        let _ = write!(sha256, "{byte:02x}");
    }
    Ok((bytes, sha256))
}
