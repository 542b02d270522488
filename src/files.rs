//! Regular files, and digests.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Opens a file that is not a pipe or a device: opening or reading one could wait for ever.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    File::open(path)
}

/// A SHA-256 being taken, and of how many bytes.
#[derive(Default)]
pub(crate) struct Hashing {
    hash: Sha256,
    bytes: u64,
}

impl Hashing {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// Returns the number of bytes, and the digest in hexadecimal.
    pub(crate) fn finish(self) -> (u64, String) {
        let mut sha256 = String::with_capacity(64);
        for byte in self.hash.finalize() {
            // Writing to a string never fails.
            let _ = write!(sha256, "{byte:02x}");
        }
        (self.bytes, sha256)
    }
}

/// Returns the SHA-256 of some bytes in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut hashing = Hashing::default();
    hashing.update(bytes);
    hashing.finish().1
}

/// Returns the size and the SHA-256 of what is left of a file.
pub(crate) fn digest_of(input: &mut impl Read) -> io::Result<(u64, String)> {
    let (mut hashing, mut buffer) = (Hashing::default(), vec![0; 1 << 17]);
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(hashing.finish()),
            Ok(n) => hashing.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
