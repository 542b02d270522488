//! Output folders that appear whole or not at all.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use polars::error::PolarsError;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// A new folder in the making. Its files are written into a staging folder beside its final place, and
/// [`Folder::finish`] moves them there at once.
pub(crate) struct Folder {
    /// The folder as the user named it, for messages.
    named: PathBuf,
    target: PathBuf,
    /// Deleted with this value, including an earlier run that was replaced: nothing half-written is left behind.
    staging: tempfile::TempDir,
    written: RefCell<Vec<WrittenFile>>,
}

/// A file that was written into a folder.
#[derive(Clone, Debug)]
pub(crate) struct WrittenFile {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// The digest of its bytes in hexadecimal.
    pub(crate) sha256: String,
}

impl Folder {
    /// Begins a new folder at `folder`; see [`check`] for what it may replace.
    ///
    /// # Errors
    ///
    /// If [`check`] fails, or the staging folder cannot be made.
    pub(crate) fn begin(folder: &Path, own: &[&str], replace: bool) -> Result<Folder, Error> {
        check(folder, own, replace)?;
        let failed = |source: io::Error| Error::Write { path: folder.to_owned(), source };
        // `.` and links cannot be renamed, but the folder that they stand for can.
        let target = if folder.exists() { fs::canonicalize(folder).map_err(failed)? } else { folder.to_owned() };
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(failed)?;
        let staging = tempfile::Builder::new().prefix(".outage-replay-").tempdir_in(parent).map_err(failed)?;
        let named = folder.to_owned();
        let folder = Folder { named, target, staging, written: RefCell::default() };
        fs::create_dir(folder.made()).map_err(failed)?;
        Ok(folder)
    }

    fn made(&self) -> PathBuf {
        self.staging.path().join("made")
    }

    /// Returns the files that were written so far, in order.
    pub(crate) fn written(&self) -> Vec<WrittenFile> {
        self.written.borrow().clone()
    }

    /// Writes a small file.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        fs::write(self.made().join(name), bytes).map_err(|source| self.failed(name, source))?;
        let written = WrittenFile { name: name.to_owned(), bytes: bytes.len() as u64, sha256: sha256(bytes) };
        self.written.borrow_mut().push(written);
        Ok(())
    }

    /// Writes a file piece by piece, so that it never has to fit into memory; returns what `make` returns.
    pub(crate) fn stream<T>(
        &self,
        name: &str,
        make: impl FnOnce(&mut dyn Write) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let failed = |source| self.failed(name, source);
        let file = File::create(self.made().join(name)).map_err(failed)?;
        let mut file = BufWriter::new(Hashed { file, hash: Sha256::new(), bytes: 0 });
        let made = make(&mut file).map_err(|error| match error {
            Error::Table { source: PolarsError::IO { error, .. }, .. } => failed(io::Error::new(error.kind(), error)),
            error => error,
        })?;
        let Hashed { hash, bytes, .. } = file.into_inner().map_err(|error| failed(error.into_error()))?;
        self.written.borrow_mut().push(WrittenFile { name: name.to_owned(), bytes, sha256: hex(hash) });
        Ok(made)
    }

    fn failed(&self, name: &str, source: io::Error) -> Error {
        Error::Write { path: self.named.join(name), source }
    }

    /// Moves the folder to its place. If that fails, an earlier run stays where it was.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let failed = |source: io::Error| Error::Write { path: self.named.clone(), source };
        let earlier = self.staging.path().join("earlier");
        if self.target.exists() {
            fs::rename(&self.target, &earlier).map_err(failed)?;
        }
        fs::rename(self.made(), &self.target).map_err(|source| {
            let _ = fs::rename(&earlier, &self.target);
            failed(source)
        })
    }
}

/// A file, and the digest of what was written into it.
struct Hashed {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let n = self.file.write(buffer)?;
        self.hash.update(&buffer[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Returns the SHA-256 of some bytes in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

/// Returns the SHA-256 of what is left of a file, in hexadecimal.
pub(crate) fn sha256_of(input: &mut impl Read) -> io::Result<String> {
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 17]);
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(hex(hash)),
            Ok(n) => hash.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Checks that `folder` can be written: it does not exist, is empty, or contains only files named in `own` and `replace`
/// is set.
///
/// # Errors
///
/// If it cannot be read, contains another file, or contains an earlier run and `replace` is not set.
pub(crate) fn check(folder: &Path, own: &[&str], replace: bool) -> Result<(), Error> {
    let failed = |source: io::Error| Error::Write { path: folder.to_owned(), source };
    let mut names: Vec<OsString> = match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>().map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    names.sort();
    if let Some(other) = names.iter().find(|name| !own.iter().any(|own| name.as_os_str() == *own)) {
        let other = other.display();
        return Err(failed(io::Error::other(format!(
            "it contains other files ({other}): choose a new or empty folder"
        ))));
    }
    if !names.is_empty() && !replace {
        return Err(Error::OutputExists { path: folder.to_owned() });
    }
    Ok(())
}
