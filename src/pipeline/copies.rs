//! Two files of one collector, kind and minute: copies of one another, of which the better one is read, or an error.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::archive::{ArchiveFile, DumpKind, Location};
use crate::decode::{self, Ending, Selection};
use crate::error::Error;
use crate::fetch::{self, Cache};
use crate::helpers::Helpers;
use crate::progress::Progress;
use crate::query::Query;
use crate::time::Timestamp;

/// No plan needs files from longer before the window, or after it.
pub(super) const AROUND: Duration = Duration::from_secs(9 * 24 * 3600);
/// Contents are compared in steps of this size.
const CHUNK: usize = 1 << 16;
/// Smaller files may hold nothing, and be the same everywhere.
const MIN_BYTES: u64 = 100;

/// Of the files of one collector, kind and time, keeps only the one that contains everything in the others.
pub(super) fn settle(
    files: Vec<ArchiveFile>,
    query: &Query,
    cache: Option<&Cache>,
    progress: &dyn Progress,
) -> Result<Vec<ArchiveFile>, Error> {
    let mut same: BTreeMap<_, Vec<&ArchiveFile>> = BTreeMap::new();
    let (from, to) = (query.window.start - AROUND, query.window.end + AROUND);
    for file in files.iter().filter(|file| file.named_at >= from && file.named_at < to) {
        // What is not here yet cannot be compared; nor is there a use for what is not read.
        if matches!(file.location, Location::Local(_) | Location::Cached { .. }) {
            same.entry((&file.collector, file.kind, file.named_at)).or_default().push(file);
        }
    }
    check_twins(&files)?;
    let groups: Vec<Vec<&ArchiveFile>> = same
        .into_values()
        .filter_map(|mut files| {
            files.sort_by_key(|file| &file.name);
            files.dedup_by_key(|file| &file.name);
            (files.len() > 1).then_some(files)
        })
        .collect();
    let settled = |files: &Vec<&ArchiveFile>| -> Result<Vec<String>, Error> {
        Error::if_cancelled(progress)?;
        let mut files = files.iter();
        let Some(mut best) = files.next().copied() else { return Ok(Vec::new()) };
        let mut others = Vec::new();
        for file in files {
            let (better, other) = better(best, file, cache)?;
            others.push(other.name.clone());
            best = better;
        }
        Ok(others)
    };
    let dropped = groups.par_iter().map(settled).collect::<Result<Vec<_>, Error>>()?;
    let dropped: FxHashSet<String> = dropped.into_iter().flatten().collect();
    Ok(files.into_iter().filter(|file| !dropped.contains(&file.name)).collect())
}

/// Two folders that hold the same file are one collector and a copy, not two collectors that agree with each other. The
/// folders of publishers' collectors have published names.
fn check_twins(files: &[ArchiveFile]) -> Result<(), Error> {
    let own = files.iter().filter(|file| file.kind == DumpKind::Updates && !file.collector_is_published());
    let mut same: BTreeMap<(Timestamp, u64), Vec<(&ArchiveFile, &Path)>> = BTreeMap::new();
    for file in own {
        let Location::Local(path) = &file.location else { continue };
        let bytes = path.metadata().map_or(0, |metadata| metadata.len());
        if bytes >= MIN_BYTES {
            same.entry((file.named_at, bytes)).or_default().push((file, path));
        }
    }
    let mut compared = FxHashSet::default();
    for files in same.into_values() {
        for (index, (second, path)) in files.iter().enumerate() {
            for (first, other) in files.iter().take(index).filter(|(first, _)| first.collector != second.collector) {
                if compared.insert((first.collector.clone(), second.collector.clone()))
                    && let (Ok(a), Ok(b)) = (File::open(other), File::open(path))
                    && matches!(compare(a, b), Likeness::Same { .. })
                {
                    let what = format!(
                        "the same bytes, in the folders of two collectors, {} and {}",
                        first.collector, second.collector
                    );
                    return Err(Error::TwoFiles { first: first.name.clone(), second: second.name.clone(), what });
                }
            }
        }
    }
    Ok(())
}

/// The one of two files that holds what the other does, and the other.
fn better<'a>(
    first: &'a ArchiveFile,
    second: &'a ArchiveFile,
    cache: Option<&Cache>,
) -> Result<(&'a ArchiveFile, &'a ArchiveFile), Error> {
    let open = |file| fetch::open(file, cache).map(|opened| opened.file);
    let (Ok(a), Ok(b)) = (open(first), open(second)) else {
        return Ok(if open(first).is_ok() { (first, second) } else { (second, first) });
    };
    match compare(a, b) {
        Likeness::Same { first_is_whole: false } | Likeness::FirstIsPart => Ok((second, first)),
        Likeness::Same { first_is_whole: true } | Likeness::SecondIsPart => Ok((first, second)),
        // Damage can make a copy differ. Truncation cannot: a truncated copy is the beginning of the other file.
        Likeness::Different => match [first, second].map(|file| open(file).map_or(CopyState::Damaged, state)) {
            [CopyState::Whole, CopyState::Damaged] => Ok((first, second)),
            [CopyState::Damaged, CopyState::Whole] => Ok((second, first)),
            _ => Err(two_files(first, second)),
        },
    }
}

/// The error for two files that claim the same time.
pub(super) fn two_files(first: &ArchiveFile, second: &ArchiveFile) -> Error {
    let kind = match first.kind {
        DumpKind::Rib => "RIB dumps",
        DumpKind::Updates => "updates",
    };
    let what = format!(
        "two different files with {kind} of the collector {} at the same time, and neither is a damaged copy of the other",
        first.collector
    );
    Error::TwoFiles { first: first.name.clone(), second: second.name.clone(), what }
}

/// How two contents are alike.
#[derive(Debug, PartialEq)]
enum Likeness {
    Same { first_is_whole: bool },
    FirstIsPart,
    SecondIsPart,
    Different,
}

fn compare(first: File, second: File) -> Likeness {
    let helpers = Helpers::new();
    let (mut first, mut second) = (decode::content(first, &helpers), decode::content(second, &helpers));
    let (mut a, mut b) = (vec![0; CHUNK], vec![0; CHUNK]);
    loop {
        let ((n_a, end_a), (n_b, end_b)) = (fill(&mut first, &mut a), fill(&mut second, &mut b));
        let n = n_a.min(n_b);
        if a.get(..n) != b.get(..n) {
            return Likeness::Different;
        }
        match (end_a, end_b) {
            _ if n_a < n_b => return Likeness::FirstIsPart,
            _ if n_b < n_a => return Likeness::SecondIsPart,
            (Some(end), Some(_)) => return Likeness::Same { first_is_whole: end.is_ok() },
            (Some(_), None) => return Likeness::FirstIsPart,
            (None, Some(_)) => return Likeness::SecondIsPart,
            (None, None) => {}
        }
    }
}

/// Reads until the buffer is full or the content ends, and how it ended.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> (usize, Option<io::Result<()>>) {
    let mut n = 0;
    while let Some(rest) = buffer.get_mut(n..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => return (n, Some(Ok(()))),
            Ok(more) => n += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (n, Some(Err(error))),
        }
    }
    (n, None)
}

/// What reading a file to its end shows.
#[derive(Clone, Copy, PartialEq)]
enum CopyState {
    Whole,
    Cut,
    Damaged,
}

fn state(file: File) -> CopyState {
    let reading = decode::read(file, &Selection::new());
    match reading.census.ending {
        Ending::Complete if reading.census.counts.damaged == 0 => CopyState::Whole,
        Ending::Truncated(_) => CopyState::Cut,
        Ending::Complete | Ending::Corrupt(_) | Ending::Unreadable(_) => CopyState::Damaged,
    }
}
