//! Reads every file of a cache, and compares what it contains with its name and with the other files of its collector.

use std::collections::BTreeMap;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::reading::{FileReader, ReadFile};
use crate::archive::{ArchiveFile, Location};
use crate::bgp::{Collector, Peer};
use crate::catalog::Mirror;
use crate::coverage::{FileReading, Verdict};
use crate::decode::Selection;
use crate::error::Error;
use crate::fetch::Cache;
use crate::helpers::Helpers;
use crate::progress::Progress;

/// Of fewer files of a collector none can be said to be the odd one.
const FEWEST: usize = 3;

/// A file of the cache, read to its end.
#[derive(Clone, Debug)]
pub struct Examined {
    /// What the reading shows.
    pub report: FileReading,
    /// Why it may not be the file that its name promises. None if nothing speaks against it.
    pub suspicion: Option<String>,
}

/// Reads every archive file of a cache, by name.
pub(super) fn examine(cache: &Cache, progress: &dyn Progress) -> Result<Vec<Examined>, Error> {
    let mirror = match Mirror::open(cache.root()) {
        Err(Error::EmptyArchive { .. }) => return Ok(Vec::new()),
        mirror => mirror?,
    };
    let files = mirror.files().iter().filter(|file| cache.holds(&file.name));
    let files: Vec<ArchiveFile> =
        files.map(|file| ArchiveFile { location: Location::Cached { size: file.size() }, ..file.clone() }).collect();
    let (selection, helpers) = (Selection::new(), Helpers::new());
    let reader = FileReader { cache: Some(cache), selection: &selection, helpers: &helpers, progress };
    let read = |file: &ArchiveFile| {
        let ReadFile { reading, report, .. } = reader.read(file)?;
        Ok((report, reading.census.peers.iter().map(|activity| activity.peer).collect()))
    };
    let read = files.par_iter().map(read).collect::<Result<Vec<(FileReading, FxHashSet<Peer>)>, Error>>()?;
    let strangers = strangers(&read);
    let suspicion = |report: &FileReading, is_stranger: bool| match report.verdict {
        // A collector may have heard nothing, and a damaged record says nothing about the others.
        Verdict::Ok | Verdict::Damaged | Verdict::Empty => {
            is_stranger.then(|| format!("none of its peers is in any other file of {}", report.collector))
        }
        verdict => Some(report.detail.clone().unwrap_or_else(|| verdict.to_string())),
    };
    let examined = read
        .into_iter()
        .zip(strangers)
        .map(|((report, _), is_stranger)| Examined { suspicion: suspicion(&report, is_stranger), report });
    Ok(examined.collect())
}

/// Whether a file shares no peer with any other of its collector.
fn strangers(read: &[(FileReading, FxHashSet<Peer>)]) -> Vec<bool> {
    let mut n_files: BTreeMap<&Collector, usize> = BTreeMap::new();
    let mut n_naming: FxHashMap<(&Collector, &Peer), usize> = FxHashMap::default();
    for (report, peers) in read.iter().filter(|(_, peers)| !peers.is_empty()) {
        *n_files.entry(&report.collector).or_default() += 1;
        peers.iter().for_each(|peer| *n_naming.entry((&report.collector, peer)).or_default() += 1);
    }
    let is_stranger = |(report, peers): &(FileReading, FxHashSet<Peer>)| {
        let is_enough = n_files.get(&report.collector).is_some_and(|n| *n >= FEWEST);
        is_enough && !peers.is_empty() && peers.iter().all(|peer| n_naming[&(&report.collector, peer)] == 1)
    };
    read.iter().map(is_stranger).collect()
}
