//! Archive files as local files: in a local folder, or downloaded into a cache. A downloaded file enters the cache when the
//! first reading of it has shown that it is whole.

mod cache;
mod download;
mod entries;
mod lock;
mod note;
mod ranges;
mod resume;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

pub use crate::http::BaseUrl;
pub use cache::Cache;
pub use download::{Downloader, Limits, RemoteRanges};
pub use entries::{CacheEntry, EntryState};
pub use ranges::{LocalRanges, Ranges, open_ranges};

use crate::archive::{ArchiveFile, Location};
use crate::files;
use crate::helpers::Work;

/// A usual size of documents that no catalog lists.
const DOCUMENT_BYTES: u64 = 25_000_000;

/// An archive file, open at its beginning, and the digest of its bytes.
#[derive(Debug)]
pub struct Opened {
    /// The stored bytes, compressed as published.
    pub file: File,
    /// The digest of these bytes.
    pub digest: Digest,
}

/// The SHA-256 of a file, which may be taken later.
#[derive(Debug)]
pub enum Digest {
    /// Not taken yet. The file is open at its beginning.
    Due(File),
    /// Taken.
    Taken(FileDigest),
    /// The file could not be read.
    Failed(io::Error),
}

/// The digest of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDigest {
    /// The size of the file in bytes.
    pub bytes: u64,
    /// Their SHA-256 in hexadecimal.
    pub sha256: String,
}

/// What a file contains, and whether it is whole.
#[derive(Debug)]
pub struct ReadFully<T> {
    /// Its content.
    pub content: T,
    /// Whether it could be read to its end.
    pub checked: Checked,
    /// The digest of its bytes.
    pub digest: FileDigest,
}

/// What the reading of a file to its end shows about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It can be read to the end.
    Whole,
    /// It is truncated, or its records are of another time than its name. If the server sends the same number of bytes twice, it was
    /// published so.
    Suspect(String),
    /// It is not an archive file, but for example an error page.
    Foreign(String),
}

impl Work for Digest {
    const IS_LONG: bool = true;

    fn run(&mut self) {
        if let Digest::Due(file) = self {
            *self = match digest(file) {
                Ok(digest) => Digest::Taken(digest),
                Err(error) => Digest::Failed(error),
            };
        }
    }
}

/// A range of bytes that was read, and their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRange {
    /// The first byte.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Their SHA-256 in hexadecimal.
    pub sha256: String,
}

impl ReadRange {
    fn of(offset: u64, octets: &[u8]) -> Result<ReadRange, String> {
        let FileDigest { bytes, sha256 } = digest(&mut &*octets).map_err(|error| error.to_string())?;
        Ok(ReadRange { offset, bytes, sha256 })
    }
}

/// Why a file is not available.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The file system failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The server does not have the file.
    #[error("{url} does not exist: HTTP {status}")]
    Missing {
        /// The URL.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server or the network did not deliver the whole file in the time allowed.
    #[error("cannot download {url}: {why}")]
    Failed {
        /// The URL.
        url: String,
        /// The last error.
        why: String,
    },
    /// The HTTP client cannot be set up, for example because the system has no certificates.
    #[error(
        "cannot use HTTPS: {why}; install the system's CA certificates (ca-certificates), or set SSL_CERT_FILE to a file with CA certificates"
    )]
    NoClient {
        /// The reason.
        why: String,
    },
    /// The file is not in the cache, and the network may not be used.
    #[error("not in the cache, and the network may not be used")]
    Offline,
    /// The file in the cache is damaged, and the network may not be used.
    #[error("damaged in the cache: {why}; run without --offline to download it again")]
    Damaged {
        /// How the damage shows.
        why: &'static str,
    },
    /// An earlier run that is repeated did not get the file.
    #[error("{why}")]
    Lost {
        /// Whether its publisher does not have it.
        is_missing: bool,
        /// The reason, as that run stated it.
        why: String,
    },
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// Opens a file that is in the file system or in the cache. The digest of a local file is taken later, by any idle thread,
/// because no step needs it.
///
/// # Errors
///
/// If the file cannot be opened, or is not in the cache.
pub fn open(file: &ArchiveFile, cache: Option<&Cache>) -> Result<Opened, FetchError> {
    match (&file.location, cache) {
        (Location::Local(path), _) => Ok(Opened::unverified(path)?),
        (Location::Remote { .. } | Location::Cached { .. }, Some(cache)) => {
            cache.open_held(&file.name).map(Opened::from)
        }
        (Location::Remote { .. } | Location::Cached { .. }, None) => Err(FetchError::Offline),
        (Location::Unread(_), _) => Err(io::Error::from(io::ErrorKind::Unsupported).into()),
        (Location::Lost { is_missing, why }, _) => Err(FetchError::Lost { is_missing: *is_missing, why: why.clone() }),
    }
}

/// Reads a file with `read`, and downloads it first if necessary. A file that was just downloaded is verified by this reading:
/// if it is not whole it is downloaded and read again, so `read` may be called more than once.
///
/// # Errors
///
/// If the file cannot be opened or downloaded, or `read` fails.
pub fn read<T>(
    file: &ArchiveFile,
    cache: Option<&Cache>,
    mut read: impl FnMut(Opened) -> Result<ReadFully<T>, FetchError>,
) -> Result<ReadFully<T>, FetchError> {
    match (&file.location, cache) {
        (Location::Remote { url, size }, Some(cache)) => cache.read(&file.name, (url, *size), &mut read),
        _ => read(open(file, cache)?),
    }
}

/// Downloads a file before it is needed. What the server does wrong is ignored here, because [`read()`] returns it.
///
/// # Errors
///
/// If the file cannot be stored.
pub fn fetch(file: &ArchiveFile, cache: &Cache) -> io::Result<()> {
    let Location::Remote { url, size } = &file.location else { return Ok(()) };
    match cache.receive(&file.name, url, *size) {
        Err(FetchError::Io(error)) => Err(error),
        _ => Ok(()),
    }
}

/// Returns the path of a document in the cache, which is downloaded from `url` first unless it is there under this name. `check`
/// returns what is wrong with its bytes; a document that it refuses is not kept.
///
/// # Errors
///
/// If the document cannot be downloaded or stored, or is refused.
pub fn document(
    cache: &Cache,
    name: &str,
    url: &str,
    check: impl Fn(&[u8]) -> Result<(), String>,
) -> Result<PathBuf, FetchError> {
    let mut read = |mut opened: Opened| {
        let mut bytes = Vec::new();
        opened.file.read_to_end(&mut bytes)?;
        let checked = check(&bytes).map_or_else(Checked::Foreign, |()| Checked::Whole);
        Ok(ReadFully { content: (), checked, digest: digest(&mut &bytes[..])? })
    };
    cache.read(name, (url, DOCUMENT_BYTES), &mut read)?;
    Ok(cache.root().join(name))
}

impl Opened {
    /// Opens a file twice, because each handle has its own position in the file.
    fn unverified(path: &Path) -> io::Result<Opened> {
        Ok(Opened { file: File::open(path)?, digest: Digest::Due(File::open(path)?) })
    }
}

/// A file, open at its beginning, and its digest.
struct KnownDigest {
    file: File,
    digest: FileDigest,
}

impl KnownDigest {
    fn open(path: &Path) -> io::Result<KnownDigest> {
        let mut file = File::open(path)?;
        let digest = digest(&mut file)?;
        file.rewind()?;
        Ok(KnownDigest { file, digest })
    }
}

impl From<KnownDigest> for Opened {
    fn from(known: KnownDigest) -> Opened {
        Opened { file: known.file, digest: Digest::Taken(known.digest) }
    }
}

/// Returns the digest of the rest of a file.
fn digest(input: &mut impl Read) -> io::Result<FileDigest> {
    let (bytes, sha256) = files::digest_of(input)?;
    Ok(FileDigest { bytes, sha256 })
}
