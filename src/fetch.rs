//! An archive file as a verified local file: straight from a mirror, or through a cache of what was downloaded.

mod cache;
mod download;

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
    #[error("{name} is not in the cache, and --offline was given")]
    Offline {
        /// Which.
        name: String,
    },
}

/// Opens a file and takes its digest, downloading it first where it has to.
pub fn open(file: &ArchiveFile, cache: Option<&Cache>) -> Result<Opened, FetchError> {
    match (&file.location, cache) {
        (Location::Local(path), _) => Ok(open_path(path)?),
        (Location::Remote { url, .. }, Some(cache)) => cache.open(&file.name, url),
        (Location::Remote { .. }, None) => Err(FetchError::Offline { name: file.name.clone() }),
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
