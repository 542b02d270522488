//! Locks between runs that share a cache.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use super::FetchError;
use crate::http::POLL_INTERVAL;
use crate::progress::Progress;

/// The suffix of a lock file.
pub(super) const LOCK: &str = "lock";

/// The exclusive right of this run to change the entry of one file. Other runs wait.
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Locks the file at `path`. The last holder may have removed the lock file meanwhile, and another run may have made a new
    /// one.
    pub(super) fn new(path: &Path, progress: &dyn Progress) -> Result<Lock, FetchError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        loop {
            if let Some(lock) = Lock::try_new(path)? {
                return Ok(lock);
            }
            if progress.is_cancelled() {
                return Err(FetchError::Cancelled);
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Locks the file at `path`, in an existing folder. None if another run has it.
    pub(super) fn try_new(path: &Path) -> io::Result<Option<Lock>> {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(LOCK);
        let path = PathBuf::from(name);
        loop {
            let file = File::create(&path)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path)? => return Ok(Some(Lock { path, _file: file })),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if cfg!(unix) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether `path` still leads to `file`.
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

/// On other systems, lock files are never removed.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}
