//! Archive files, as collectors publish them.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bgp::{Collector, Project};
use crate::time::{Timestamp, Window};

/// The name of a list of a publisher's folder in the cache. It is no name of an archive file.
pub(crate) const FOLDER_LIST: &str = "folder-list.txt";

/// What an archive file holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DumpKind {
    /// The full tables of all peers at one time.
    Rib,
    /// The messages of all peers during one interval.
    Updates,
}

impl DumpKind {
    /// Returns the name used in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            DumpKind::Rib => "rib",
            DumpKind::Updates => "updates",
        }
    }
}

/// One published MRT file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ArchiveFile {
    /// The collector that recorded it.
    pub collector: Collector,
    /// The time in its name, read as UTC. Project and year decide what it means.
    pub named_at: Timestamp,
    /// RIB dump or updates.
    pub kind: DumpKind,
    /// The project whose layout it follows.
    pub project: Project,
    /// Its path in the publishers' layout: the name used in outputs.
    pub name: String,
    /// Where it is.
    pub location: Location,
    /// How long it lasts until the next one is due, as the files around it show. None for the usual interval of the publisher.
    pub lasts: Option<Duration>,
    /// The interval of its records, if its name does not contain a time.
    pub records: Option<Window>,
}

/// The place of an archive file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Location {
    /// In the file system.
    Local(PathBuf),
    /// In the file system, in a container that is not supported.
    Unread(PathBuf),
    /// In the cache; the network may not be used.
    Cached {
        /// Its size in bytes.
        size: u64,
    },
    /// On a publisher's server.
    Remote {
        /// Its URL, http or https.
        url: String,
        /// Its approximate size in bytes; 0 if unknown.
        size: u64,
    },
    /// Nowhere: an earlier run that is repeated did not get it.
    Lost {
        /// Whether its publisher does not have it.
        is_missing: bool,
        /// The reason, as that run stated it.
        why: String,
    },
}

/// Returns the path of a URL without its first slash, and what follows it: `rrc00/2014.12/updates.20141222.1615.gz`.
pub(crate) fn path(url: &str) -> &str {
    url.splitn(4, '/').nth(3).unwrap_or_default()
}

/// A stored file of which any part can be read on its own.
pub trait ReadAt {
    /// Returns the length of the file in bytes.
    fn length(&self) -> u64;

    /// Reads `length` bytes from `offset` on; the caller stays within [`ReadAt::length`].
    ///
    /// # Errors
    ///
    /// Why these bytes, of the same version of the file as all before, are not to be had.
    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, String>;
}

/// Returns the host and port of a URL: `archive.routeviews.org`, `127.0.0.1:8080`.
pub(crate) fn host(url: &str) -> &str {
    url.split('/').nth(2).unwrap_or_default()
}

/// Whether a character could control a terminal or viewer, or cannot be seen: a control character, one that changes the text
/// direction, a separator of lines, a blank without width, or a tag. Joiners without width belong to words of several scripts.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// Returns a text of an archive with its unprintable characters escaped as in JSON, but for line ends.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || !is_unprintable(c) {
            safe.push(c);
        } else {
            let units = c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            safe.push_str(&units);
        }
    }
    safe
}
