//! Output folders that appear whole or not at all.
//!
//! A run writes its files into a staging folder, whose name begins with `.outage-replay-`, and exchanges that with the folder that the
//! user named in one step. So there is a whole run under the name at any moment, whenever the program is killed. A staging folder is locked
//! while its run lives; those of dead runs are removed by the next one.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use polars::error::PolarsError;
use tempfile::TempDir;

use crate::error::Error;
use crate::files::Hashing;

const STAGING: &str = ".outage-replay-";
/// Inside a staging folder: the files of the run, and the lock.
const MADE: &str = "made";
const LOCK: &str = "lock";
/// A run writes at least this many bytes. With less space it does not begin.
#[cfg(unix)]
const LEAST_SPACE: u64 = 1 << 20;

/// A new folder in the making.
pub(crate) struct Folder {
    /// The folder as the user named it, for messages.
    named: PathBuf,
    place: OutputPlace,
    own: Vec<String>,
    replaces: bool,
    staging: Staging,
    written: RefCell<Vec<WrittenFile>>,
}

/// A staging folder and its lock. It is deleted with this value, including an earlier run that was replaced: nothing half-written is
/// left behind.
struct Staging {
    folder: TempDir,
    is_kept: bool,
    _lock: File,
}

impl Staging {
    /// Makes a staging folder, and locks it.
    fn new(parent: &Path) -> io::Result<Staging> {
        loop {
            let folder = tempfile::Builder::new().prefix(STAGING).tempdir_in(parent)?;
            match locked(folder.path()) {
                // Another run took it for that of a dead one, because it was empty.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                lock => return Ok(Staging { folder, is_kept: false, _lock: lock? }),
            }
        }
    }

    fn made(&self) -> PathBuf {
        self.folder.path().join(MADE)
    }

    /// Leaves the folder where it is.
    fn keep(&mut self) {
        self.is_kept = true;
        self.folder.disable_cleanup(true);
    }
}

impl Drop for Staging {
    /// The lock goes last: a folder without one is not removed by later runs.
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = fs::remove_dir_all(self.made());
        }
    }
}

/// Where the files of a run go.
#[derive(Debug)]
struct OutputPlace {
    /// The folder, without links.
    target: PathBuf,
    /// Where the staging folder is made.
    staging_in: PathBuf,
    /// Whether the folder exists and cannot be renamed, because it is a mount point or its parent may not be written. Then its files
    /// are replaced one by one.
    is_fixed: bool,
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
    pub(crate) fn begin(folder: &Path, own: &[&str], replaces: bool) -> Result<Folder, Error> {
        check_content(folder, own, replaces)?;
        let failed = |source: io::Error| Error::Write { path: folder.to_owned(), source };
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let place = place(folder).map_err(failed)?;
        remove_dead(&place.staging_in, own);
        let staging = Staging::new(&place.staging_in).map_err(failed)?;
        fs::create_dir(staging.made()).map_err(failed)?;
        let own = own.iter().map(|name| (*name).to_owned()).collect();
        Ok(Folder { named: folder.to_owned(), place, own, replaces, staging, written: RefCell::default() })
    }

    fn made(&self) -> PathBuf {
        self.staging.made()
    }

    /// Returns the files that were written so far, in order.
    pub(crate) fn written(&self) -> Vec<WrittenFile> {
        self.written.borrow().clone()
    }

    /// Writes a small file.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.stream(name, |file| file.write_all(bytes).map_err(|source| self.failed(name, source)))
    }

    /// Writes a file piece by piece, so that it never has to fit into memory; returns what `make` returns.
    pub(crate) fn stream<T>(
        &self,
        name: &str,
        make: impl FnOnce(&mut dyn Write) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let failed = |source| self.failed(name, source);
        let file = File::create(self.made().join(name)).map_err(failed)?;
        let mut file = BufWriter::new(Hashed { file, hashing: Hashing::default() });
        let made = make(&mut file).map_err(|error| match error {
            Error::Table { source: PolarsError::IO { error, .. }, .. } => failed(io::Error::new(error.kind(), error)),
            error => error,
        })?;
        let Hashed { file, hashing } = file.into_inner().map_err(|error| failed(error.into_error()))?;
        // After a power cut a renamed file may be empty otherwise.
        file.sync_all().map_err(failed)?;
        let (bytes, sha256) = hashing.finish();
        self.written.borrow_mut().push(WrittenFile { name: name.to_owned(), bytes, sha256 });
        Ok(made)
    }

    fn failed(&self, name: &str, source: io::Error) -> Error {
        Error::Write { path: self.named.join(name), source }
    }

    /// Moves the folder to its place. If that fails, what was there stays, and the error names the folder in which the new files
    /// are kept.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        sync_folder(&self.made());
        let moved = if self.place.is_fixed { self.move_files() } else { self.move_folder() };
        let Err(source) = moved else { return Ok(()) };
        self.staging.keep();
        let made = self.made();
        let source = io::Error::new(source.kind(), format!("{source}; the new files are in {}", made.display()));
        Err(Error::Write { path: self.named, source })
    }

    /// Puts the made folder in the place of the earlier one, in one step where the file system can do that.
    fn move_folder(&self) -> io::Result<()> {
        let (made, target) = (self.made(), &self.place.target);
        match rename_new(&made, target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // It was checked before the run, and may have changed since.
                self.check_unchanged(target)?;
                exchange(&made, target, &self.staging.folder.path().join("earlier"))?;
                // The earlier run lies in its place until this value is dropped.
                if let Err(error) = self.check_unchanged(&made) {
                    exchange(&made, target, &self.staging.folder.path().join("later"))?;
                    return Err(error);
                }
            }
            moved => moved?,
        }
        sync_folder(&self.place.staging_in);
        Ok(())
    }

    /// Moves file after file, the manifest last: a folder without one is no run.
    fn move_files(&self) -> io::Result<()> {
        let target = &self.place.target;
        self.check_unchanged(target)?;
        for name in self.own.iter().rev() {
            remove(&target.join(name))?;
        }
        let mut made = names(&self.made())?;
        made.sort_by_key(|name| self.own.iter().position(|own| name == own.as_str()));
        for name in made {
            fs::rename(self.made().join(&name), target.join(&name))?;
        }
        sync_folder(target);
        Ok(())
    }

    /// Fails if a folder contains what this run may not replace.
    fn check_unchanged(&self, folder: &Path) -> io::Result<()> {
        let names = names(folder)?;
        if let Some(other) = other(folder, &names, &self.own) {
            return Err(io::Error::other(format!("{other} was put there while the run wrote")));
        }
        if !names.is_empty() && !self.replaces {
            return Err(io::Error::other("another run has written there"));
        }
        Ok(())
    }
}

/// A file, and the digest of what was written into it.
struct Hashed {
    file: File,
    hashing: Hashing,
}

impl Write for Hashed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let n = self.file.write(buffer)?;
        self.hashing.update(&buffer[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Checks that `folder` can be written: it does not exist, is empty, or contains only files named in `own` and `replaces`
/// is set. Tries it, so that a run does not find out in the end.
///
/// # Errors
///
/// If it cannot be read or written, contains another file, or contains an earlier run and `replaces` is not set.
pub(crate) fn check(folder: &Path, own: &[&str], replaces: bool) -> Result<(), Error> {
    check_content(folder, own, replaces)?;
    let failed = |source: io::Error| Error::Write { path: folder.to_owned(), source };
    // Folders above it are not made yet.
    let there = folder.ancestors().find(|above| above.exists()).filter(|above| !above.as_os_str().is_empty());
    let there = there.unwrap_or(Path::new("."));
    let written = if there == folder { place(folder).map_err(failed)?.staging_in } else { there.to_owned() };
    try_to_write(&written).and_then(|()| enough_space(&written)).map_err(failed)
}

fn check_content(folder: &Path, own: &[&str], replaces: bool) -> Result<(), Error> {
    let failed = |source: io::Error| Error::Write { path: folder.to_owned(), source };
    let names = match names(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder.is_symlink() => {
            return Err(failed(io::Error::other("it is a link that leads nowhere")));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        names => names.map_err(failed)?,
    };
    if let Some(other) = other(folder, &names, own) {
        return Err(failed(io::Error::other(format!(
            "it contains other files ({other}): choose a new or empty folder"
        ))));
    }
    if !names.is_empty() && !replaces {
        return Err(Error::OutputExists { path: folder.to_owned() });
    }
    Ok(())
}

/// Returns what a folder contains, without staging folders.
fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name()));
    let mut names = names.collect::<io::Result<Vec<OsString>>>()?;
    names.retain(|name| !name.to_string_lossy().starts_with(STAGING));
    names.sort();
    Ok(names)
}

/// Returns the first of these names that is not a file of a run.
fn other(folder: &Path, names: &[OsString], own: &[impl AsRef<str>]) -> Option<String> {
    let is_own = |name: &&OsString| {
        let is_file = fs::symlink_metadata(folder.join(name)).is_ok_and(|metadata| metadata.is_file());
        is_file && own.iter().any(|own| name.as_os_str() == own.as_ref())
    };
    names.iter().find(|name| !is_own(name)).map(|name| name.display().to_string())
}

/// Finds where a folder whose parent exists can be written.
fn place(folder: &Path) -> io::Result<OutputPlace> {
    // `.` and links cannot be renamed, but the folder that they stand for can.
    let exists = folder.exists();
    let target = if exists { fs::canonicalize(folder)? } else { folder.to_owned() };
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let is_fixed = exists && (is_mount_point(&target, &parent)? || try_to_write(&parent).is_err());
    let staging_in = if is_fixed { target.clone() } else { parent };
    Ok(OutputPlace { target, staging_in, is_fixed })
}

/// Writes a file without a name.
fn try_to_write(folder: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder)?.write_all(b"a test")
}

/// Makes and locks the lock file of a staging folder.
fn locked(staging: &Path) -> io::Result<File> {
    let file = File::create(staging.join(LOCK))?;
    // Only its run locks it, unless another one takes it for dead in this very moment and removes it.
    file.try_lock().map_err(io::Error::from)?;
    Ok(file)
}

/// Removes the staging folders of runs that are dead: their locks are free. What is not of a run stays.
fn remove_dead(folder: &Path, own: &[&str]) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let is_staging = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(STAGING));
        if !is_staging {
            continue;
        }
        let Ok(lock) = File::open(path.join(LOCK)) else {
            // It was killed before it had a lock. This removes nothing but an empty folder.
            let _ = fs::remove_dir(&path);
            continue;
        };
        let made = path.join(MADE);
        let holds_a_run = match names(&made) {
            Ok(names) => other(&made, &names, own).is_none(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        let is_alone = names(&path).is_ok_and(|names| names.iter().all(|name| name == MADE || name == LOCK));
        if lock.try_lock().is_ok() && holds_a_run && is_alone {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes the entries of a folder durable. Some file systems cannot.
fn sync_folder(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

/// Renames a folder to a name that is not taken, or to an empty folder.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match fs::remove_dir(to) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        _ => {}
    }
    without_replacing(from, to)
}

#[cfg(unix)]
fn without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(error) if is_unsupported(error) => fs::rename(from, to),
        renamed => Ok(renamed?),
    }
}

#[cfg(not(unix))]
fn without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Exchanges two folders in one step. Where the file system cannot, the first one goes to `aside` on its way.
fn exchange(made: &Path, target: &Path, aside: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, made, CWD, target, RenameFlags::EXCHANGE) {
            Err(error) if is_unsupported(error) => {}
            exchanged => return Ok(exchanged?),
        }
    }
    fs::rename(target, aside)?;
    fs::rename(made, target).inspect_err(|_| {
        let _ = fs::rename(aside, target);
    })?;
    fs::rename(aside, made)
}

#[cfg(unix)]
fn is_unsupported(error: rustix::io::Errno) -> bool {
    use rustix::io::Errno;
    [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP].contains(&error)
}

/// Whether another file system begins at a folder. Such a folder cannot be renamed.
#[cfg(unix)]
fn is_mount_point(folder: &Path, parent: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(fs::metadata(folder)?.dev() != fs::metadata(parent)?.dev())
}

#[cfg(not(unix))]
fn is_mount_point(_folder: &Path, _parent: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(unix)]
fn enough_space(folder: &Path) -> io::Result<()> {
    let system = rustix::fs::statvfs(folder)?;
    if system.f_bavail.saturating_mul(system.f_frsize) < LEAST_SPACE {
        return Err(io::ErrorKind::StorageFull.into());
    }
    Ok(())
}

#[cfg(not(unix))]
fn enough_space(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [&str; 2] = ["table.csv", "manifest.json"];

    fn folder() -> TempDir {
        TempDir::new().expect("a temporary folder")
    }

    fn write(place: &Path, text: &str, replaces: bool) -> Result<(), Error> {
        let folder = Folder::begin(place, &OWN, replaces)?;
        folder.write("table.csv", text.as_bytes())?;
        folder.finish()
    }

    fn entries(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        let mut entries: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
        entries.sort();
        entries
    }

    #[test]
    fn a_run_replaces_an_earlier_one_and_leaves_nothing_else() {
        let parent = folder();
        let place = parent.path().join("run");
        write(&place, "one", false).expect("a new folder");
        assert!(matches!(write(&place, "two", false), Err(Error::OutputExists { .. })));
        write(&place, "two", true).expect("a folder in its place");
        assert_eq!(fs::read_to_string(place.join("table.csv")).expect("a table"), "two");
        assert_eq!((entries(&place), entries(parent.path())), (vec!["table.csv".to_owned()], vec!["run".to_owned()]));
    }

    #[test]
    fn what_appears_in_the_folder_while_the_run_writes_is_kept_and_so_are_the_results() {
        for replaces in [false, true] {
            let parent = folder();
            let place = parent.path().join("run");
            if replaces {
                write(&place, "earlier", false).expect("a run");
            }
            let run = Folder::begin(&place, &OWN, replaces).expect("a folder");
            run.write("table.csv", b"later").expect("a table");
            fs::create_dir_all(&place).expect("a folder");
            fs::write(place.join("notes.txt"), "mine").expect("a file");
            let error = run.finish().expect_err("a folder that changed");
            let Error::Write { source, .. } = error else { panic!("{error}") };
            let text = source.to_string();
            let (_, kept) = text.split_once("the new files are in ").expect("where they are");
            assert_eq!(fs::read_to_string(Path::new(kept).join("table.csv")).expect("a table"), "later");
            assert_eq!(fs::read_to_string(place.join("notes.txt")).expect("a file"), "mine");
        }
    }

    #[test]
    fn of_two_runs_into_one_new_folder_the_second_one_fails() {
        let parent = folder();
        let place = parent.path().join("run");
        let begun = [(), ()].map(|()| Folder::begin(&place, &OWN, false).expect("a folder"));
        let results = begun.map(|folder| {
            folder.write("table.csv", b"results").expect("a table");
            folder.finish().is_ok()
        });
        assert_eq!(results, [true, false]);
    }

    #[test]
    fn the_staging_folder_of_a_dead_run_is_removed_and_that_of_a_living_one_is_not() {
        let parent = folder();
        let living = Folder::begin(&parent.path().join("one"), &OWN, false).expect("a folder");
        let dead = Folder::begin(&parent.path().join("two"), &OWN, false).expect("a folder");
        dead.write("table.csv", b"half").expect("a table");
        let Folder { mut staging, .. } = dead;
        staging.keep();
        drop(staging);
        fs::create_dir_all(parent.path().join(".outage-replay-mine/made")).expect("a folder of another program");
        write(&parent.path().join("three"), "results", false).expect("a run");
        let staged = entries(parent.path()).into_iter().filter(|name| name.starts_with(STAGING)).count();
        assert_eq!(staged, 2);
        living.finish().expect("the living run");
    }

    #[test]
    fn a_folder_with_the_name_of_a_file_is_not_an_earlier_run() {
        let place = folder();
        fs::create_dir(place.path().join("table.csv")).expect("a folder");
        assert!(check(place.path(), &OWN, true).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_refused_before_the_run() {
        let parent = folder();
        let link = parent.path().join("run");
        std::os::unix::fs::symlink("nowhere", &link).expect("a link");
        assert!(check(&link, &OWN, false).is_err());
    }

    #[test]
    fn a_folder_that_cannot_be_renamed_gets_its_files_one_by_one() {
        let place = folder();
        fs::write(place.path().join("manifest.json"), "earlier").expect("a manifest");
        let mut run = Folder::begin(place.path(), &OWN, true).expect("a folder");
        (run.place.is_fixed, run.place.target) = (true, place.path().to_owned());
        run.write("table.csv", b"later").expect("a table");
        run.finish().expect("a run");
        assert_eq!(entries(place.path()), ["table.csv"]);
    }
}
