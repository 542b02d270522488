//! Parts of archive files, with the digest of each: from the file system or from a publisher's server.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::download::RemoteRanges;
use super::{Cache, FetchError, ReadRange};
use crate::archive::{ArchiveFile, Location, ReadAt};

/// An archive file of which parts are read.
pub enum Ranges<'c> {
    /// In the file system.
    Local(LocalRanges),
    /// On a publisher's server.
    Remote(RemoteRanges<'c>),
}

impl Ranges<'_> {
    /// Returns what was read so far, in order.
    pub fn read(&self) -> &[ReadRange] {
        match self {
            Ranges::Local(local) => &local.read,
            Ranges::Remote(remote) => remote.read(),
        }
    }

    /// Returns the ETag or the date that identifies the version of the file on its server.
    pub fn validator(&self) -> Option<&str> {
        match self {
            Ranges::Local(_) => None,
            Ranges::Remote(remote) => Some(remote.validator()),
        }
    }
}

impl ReadAt for Ranges<'_> {
    fn length(&self) -> u64 {
        match self {
            Ranges::Local(local) => local.length,
            Ranges::Remote(remote) => remote.length(),
        }
    }

    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, String> {
        match self {
            Ranges::Local(local) => local.read_at(offset, length),
            Ranges::Remote(remote) => remote.read_at(offset, length),
        }
    }
}

/// A local file of which parts are read.
pub struct LocalRanges {
    file: File,
    length: u64,
    read: Vec<ReadRange>,
}

impl LocalRanges {
    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, String> {
        let mut octets = vec![0; length];
        let mut read = || {
            self.file.seek(SeekFrom::Start(offset))?;
            self.file.read_exact(&mut octets)
        };
        read().map_err(|error| error.to_string())?;
        self.read.push(ReadRange::of(offset, &octets)?);
        Ok(octets)
    }
}

/// Opens a file to read parts of it. If it is on a server, its first `n_first` bytes are requested at once. A file that is in the
/// cache is read there.
///
/// # Errors
///
/// If the file cannot be opened, or its server does not send parts of it.
pub fn open_ranges<'c>(file: &ArchiveFile, cache: Option<&'c Cache>, n_first: usize) -> Result<Ranges<'c>, FetchError> {
    let local = |file: File| {
        let length = file.metadata()?.len();
        Ok(Ranges::Local(LocalRanges { file, length, read: Vec::new() }))
    };
    match (&file.location, cache) {
        (Location::Local(path), _) => local(File::open(path)?),
        (Location::Remote { .. } | Location::Cached { .. }, Some(cache)) if cache.holds(&file.name) => {
            // Checked against its digest, as whenever a file of the cache is used.
            local(cache.open_held(&file.name)?.file)
        }
        (Location::Remote { url, size }, Some(cache)) => match cache.downloader() {
            Some(downloader) => {
                let max_bytes = downloader.limits().max_bytes(*size);
                // Mirrors first; what the publisher says decides if none of them has it.
                let mut opened = Err(FetchError::Offline);
                for source in cache.sources(url) {
                    opened = RemoteRanges::open(downloader, &source.url, (n_first, max_bytes)).map(Ranges::Remote);
                    if opened.is_ok() {
                        break;
                    }
                }
                opened
            }
            None => Err(FetchError::Offline),
        },
        (Location::Cached { .. } | Location::Remote { .. }, _) => Err(FetchError::Offline),
        (Location::Unread(_), _) => Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into()),
        (Location::Lost { is_missing, why }, _) => Err(FetchError::Lost { is_missing: *is_missing, why: why.clone() }),
    }
}
