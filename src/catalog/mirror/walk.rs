//! Lists every file below a folder once. Links are followed, and no folder is visited twice.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;

use crate::error::Error;

/// A regular file.
#[derive(Clone, Debug)]
pub(super) struct FoundFile {
    /// The path by which it was found, which may contain links.
    pub(super) path: PathBuf,
    /// The path without links.
    pub(super) canonical: PathBuf,
}

/// The contents of a folder.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) files: Vec<FoundFile>,
    /// Broken links, folders that cannot be opened, and special files, each with the reason.
    pub(super) passed_over: Vec<(PathBuf, String)>,
}

/// Lists the files below `root`. Files that are reached without links come first, so that no file gets its name from a link if
/// it has another one. A link to a folder that contains `root` is ignored.
pub(super) fn walk(root: &Path) -> Result<Tree, Error> {
    let unreadable = |source| Error::Archive { path: root.to_owned(), source };
    let top = fs::canonicalize(root).map_err(unreadable)?;
    let mut tree = Tree::default();
    let (mut seen, mut links) = (FxHashSet::default(), VecDeque::new());
    let mut folders = vec![(root.to_owned(), top.clone())];
    loop {
        while let Some((folder, canonical)) = folders.pop() {
            if !seen.insert(canonical.clone()) {
                continue;
            }
            let entries = match entries(&folder) {
                Ok(entries) => entries,
                Err(error) if canonical == top => return Err(unreadable(error)),
                Err(error) => {
                    tree.passed_over.push((folder, format!("cannot be opened: {error}")));
                    continue;
                }
            };
            for entry in entries {
                let (path, canonical) = (entry.path(), canonical.join(entry.file_name()));
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push((path, canonical)),
                    Ok(kind) if kind.is_symlink() => links.push_back(path),
                    Ok(kind) if kind.is_file() => {
                        seen.insert(canonical.clone());
                        tree.files.push(FoundFile { path, canonical });
                    }
                    Ok(_) => tree.passed_over.push((path, "is not a regular file".to_owned())),
                    Err(error) => tree.passed_over.push((path, error.to_string())),
                }
            }
        }
        let Some(link) = links.pop_front() else { return Ok(tree) };
        match fs::canonicalize(&link).and_then(|target| Ok((fs::metadata(&target)?, target))) {
            Ok((kind, target)) if kind.is_dir() && !top.starts_with(&target) => folders.push((link, target)),
            Ok((kind, _)) if kind.is_dir() => {}
            Ok((kind, target)) if kind.is_file() => {
                if seen.insert(target.clone()) {
                    tree.files.push(FoundFile { path: link, canonical: target });
                }
            }
            Ok(_) => tree.passed_over.push((link, "is a link to something that is not a regular file".to_owned())),
            Err(error) => tree.passed_over.push((link, format!("is a broken link: {error}"))),
        }
    }
}

/// Returns the entries of a folder by name.
fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}
