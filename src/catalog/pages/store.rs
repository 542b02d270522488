//! Lists of folders in the cache, so that a page is not requested for every run.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::folder::MonthFolder;
use crate::archive::FOLDER_LIST;
use crate::time::Timestamp;

/// The first line of a list.
const HEAD: &str = "outage-replay folder list 1";
/// The last line of a list begins so, and the number of files follows.
const END: &str = "end";
/// How long the list of a month is used that may not be over.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// The last files of a month are published this long after it at the latest.
const SETTLES: Duration = Duration::from_secs(3 * 24 * 3600);
/// A list of every minute of a month is shorter.
const MAX_BYTES: u64 = 8 << 20;

/// What a page listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FolderList {
    /// The path of the folder on the server.
    pub(super) path: String,
    /// Its files by name, with their approximate sizes in bytes.
    pub(super) files: BTreeMap<String, u64>,
}

/// Returns the list of a folder from the cache. None if it has none, or one that is too old.
pub(super) fn load(root: &Path, folder: &MonthFolder) -> Option<FolderList> {
    let path = place(root, folder);
    let metadata = fs::metadata(&path).ok().filter(|metadata| metadata.len() <= MAX_BYTES)?;
    let written = metadata.modified().ok()?;
    let age = SystemTime::now().duration_since(written).ok()?;
    if age > FRESH && instant(written)? < folder.month.end + SETTLES {
        return None;
    }
    parse(&fs::read_to_string(path).ok()?, folder)
}

/// Writes a list into the cache.
pub(super) fn save(root: &Path, folder: &MonthFolder, list: &FolderList) -> io::Result<()> {
    let path = place(root, folder);
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    let mut text = format!("{HEAD}\n{}\n", list.path);
    list.files.iter().for_each(|(name, size)| text.push_str(&format!("{name} {size}\n")));
    text.push_str(&format!("{END} {}\n", list.files.len()));
    // Several runs may write the same list, and each needs a name of its own.
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos());
    let new = path.with_extension(format!("{nanos}.new"));
    fs::write(&new, text)?;
    fs::rename(&new, &path)
}

fn place(root: &Path, folder: &MonthFolder) -> PathBuf {
    root.join(folder.path()).join(FOLDER_LIST)
}

/// Returns the current time.
pub(super) fn now() -> Timestamp {
    instant(SystemTime::now()).unwrap_or(Timestamp::MAX)
}

fn instant(time: SystemTime) -> Option<Timestamp> {
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(Timestamp::from_secs(i64::try_from(seconds).ok()?))
}

/// Parses a list. None if it is damaged or of another folder.
fn parse(text: &str, folder: &MonthFolder) -> Option<FolderList> {
    let mut lines = text.lines();
    lines.next().filter(|head| *head == HEAD)?;
    let path = lines.next().filter(|path| folder.published_paths().iter().any(|known| known == path))?;
    let mut files = BTreeMap::new();
    for line in lines.by_ref() {
        let (name, number) = line.split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        if name == END {
            let is_whole = number == files.len() as u64 && lines.next().is_none();
            return is_whole.then(|| FolderList { path: path.to_owned(), files });
        }
        folder.parse(name)?;
        files.insert(name.to_owned(), number);
    }
    None
}
