//! An archive file as a verified local file.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Seek};

use sha2::{Digest, Sha256};

use crate::catalog::ArchiveFile;

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

/// Opens a file of a local archive and takes its digest.
pub fn open(file: &ArchiveFile) -> io::Result<Opened> {
    let mut stored = File::open(&file.path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 17];
    let mut bytes = 0;
    loop {
        let n = match stored.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        digest.update(&buffer[..n]);
        bytes += n as u64;
    }
    stored.rewind()?;
    let mut sha256 = String::with_capacity(64);
    for byte in digest.finalize() {
        let _ = write!(sha256, "{byte:02x}");
    }
    Ok(Opened { file: stored, bytes, sha256 })
}
