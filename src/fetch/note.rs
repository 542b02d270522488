//! What the cache notes beside a file: `NAME.sha256`, its digest, and below it where it came from.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::FileDigest;
use crate::archive;

pub(super) const DIGEST: &str = "sha256";
/// The suffix of a digest that is being written.
pub(super) const NEW: &str = "new";
/// Follows the digest of a file that the server sent twice as it should not be: truncated, or with the records of another.
const SUSPECT: &str = " cut";
/// Comes before the URL of a server that the user named.
const MIRROR: &str = "mirror ";

/// Whether an accepted file is what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    Yes,
    /// The server sent it twice as it should not be.
    No,
}

/// Where a file came from. Written as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DownloadSource {
    pub(super) url: String,
    /// Whether the user named the server. Otherwise a catalog did.
    pub(super) is_mirror: bool,
}

impl fmt::Display for DownloadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_mirror { MIRROR } else { "" }, self.url)
    }
}

impl DownloadSource {
    pub(super) fn parse(line: &str) -> DownloadSource {
        match line.strip_prefix(MIRROR) {
            Some(url) => DownloadSource { url: url.to_owned(), is_mirror: true },
            None => DownloadSource { url: line.to_owned(), is_mirror: false },
        }
    }

    /// Whether the file is the one that a catalog now lists at `url`. A user's mirror is trusted to have the same files; a catalog may have
    /// lied.
    pub(super) fn is_of(&self, url: &str) -> bool {
        let is_same =
            || archive::host(&self.url) == archive::host(url) && archive::path(&self.url) == archive::path(url);
        self.is_mirror || is_same()
    }
}

/// What is noted beside a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// In hexadecimal.
    pub(super) sha256: String,
    pub(super) whole: Whole,
    /// None if an earlier run or version downloaded it.
    pub(super) source: Option<DownloadSource>,
}

impl Note {
    /// Returns the note of a file. None if it has none.
    pub(super) fn of(path: &Path) -> io::Result<Option<Note>> {
        match fs::read_to_string(beside(path, DIGEST)) {
            Ok(text) => Ok(Some(Note::parse(&text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Note {
        let mut lines = text.lines();
        let digest = lines.next().unwrap_or_default().trim();
        let source = lines.next().map(DownloadSource::parse);
        let (sha256, whole) = match digest.strip_suffix(SUSPECT) {
            Some(sha256) => (sha256, Whole::No),
            None => (digest, Whole::Yes),
        };
        Note { sha256: sha256.to_owned(), whole, source }
    }

    fn text(&self) -> String {
        let mut text = self.sha256.clone();
        if self.whole == Whole::No {
            text.push_str(SUSPECT);
        }
        if let Some(source) = &self.source {
            text.push_str(&format!("\n{source}\n"));
        }
        text
    }

    /// Whether the file is the one that a catalog lists at `url`, as far as it is known.
    pub(super) fn is_of(&self, url: &str) -> bool {
        self.source.as_ref().is_none_or(|source| source.is_of(url))
    }
}

/// Writes the note of a file under another name, and gives the file its own with `rename`. A note comes last, so that a file with one is
/// whole.
pub(super) fn write(
    path: &Path,
    digest: &FileDigest,
    (whole, source): (Whole, Option<DownloadSource>),
    rename: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    let new = beside(path, NEW);
    let note = Note { sha256: digest.sha256.clone(), whole, source };
    let mut file = File::create(&new)?;
    file.write_all(note.text().as_bytes())?;
    file.sync_all()?;
    rename()?;
    fs::rename(&new, beside(path, DIGEST))
}

/// Returns `path` with a suffix appended.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written_and_so_are_older_ones() {
        let source = |url: &str, is_mirror| Some(DownloadSource { url: url.to_owned(), is_mirror });
        for (whole, source) in [
            (Whole::Yes, source("https://data.ris.ripe.net/rrc00/a.gz", false)),
            (Whole::No, source("http://127.0.0.1:8080/rrc00/a.gz", true)),
            (Whole::No, None),
        ] {
            let note = Note { sha256: "ab".repeat(32), whole, source };
            assert_eq!(Note::parse(&note.text()), note);
        }
        assert_eq!(Note::parse("abcd\n"), Note { sha256: "abcd".to_owned(), whole: Whole::Yes, source: None });
        assert_eq!(Note::parse("abcd cut").whole, Whole::No);
    }

    #[test]
    fn a_file_of_another_server_is_not_the_one_that_is_listed_now() {
        let listed = "https://data.ris.ripe.net/rrc00/a.gz";
        let of = |url: &str, is_mirror| DownloadSource { url: url.to_owned(), is_mirror }.is_of(listed);
        assert!(of(listed, false) && of("http://data.ris.ripe.net/rrc00/a.gz", false));
        assert!(!of("https://data.ris.ripe.net/rrc01/a.gz", false) && !of("https://evil.example/rrc00/a.gz", false));
        assert!(of("https://mirror.example/ris/rrc00/a.gz", true));
    }
}
