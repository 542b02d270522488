//! One archive file, read, with its row of the manifest; and whether a RIB dump may be taken for whole tables.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use super::collecting::stop;
use crate::archive::{ArchiveFile, DumpKind};
use crate::bgp::{Family, Peer};
use crate::catalog::NAME_PRECISION;
use crate::coverage::{FileReading, Verdict};
use crate::crew::Crew;
use crate::decode::{self, Control, Counts, Ending, Reading, Selection, clock};
use crate::error::Error;
use crate::fetch::{self, Cache, Checked, Digest, FetchError};
use crate::progress::Progress;
use crate::time::Timestamp;

/// A file whose records lie further than this from its name was written by a wrong clock.
const MAX_CLOCK_ERROR: Duration = Duration::from_secs(24 * 3600);
/// A RIB dump with less than this share of the peers of the one before it was cut short.
const MIN_PEERS: f64 = 0.5;
/// So was one in which most tables have less than this share of what they had. Peers come and go and single tables
/// leak, but no event takes a quarter of the Internet from most peers.
const MIN_TABLE: f64 = 0.75;

/// One file: what it says, and what became of it.
pub(super) struct ReadFile {
    pub reading: Reading,
    pub report: FileReading,
}

/// Reads a file and tells so, unless the run is to stop.
pub(super) fn read_one(
    file: &ArchiveFile,
    cache: Option<&Cache>,
    selection: &Selection,
    crew: &Crew,
    progress: &dyn Progress,
) -> Result<ReadFile, Error> {
    stop(progress)?;
    let read = read_file(file, cache, selection, crew, progress);
    // What it says of a run that is to stop is not true.
    stop(progress)?;
    match (read.report.verdict, &read.report.detail) {
        (Verdict::Missing | Verdict::Unavailable, Some(why)) => progress.file_lost(&file.name, why),
        _ => progress.file_read(&file.name),
    }
    Ok(read)
}

fn read_file(
    file: &ArchiveFile,
    cache: Option<&Cache>,
    selection: &Selection,
    crew: &Crew,
    progress: &dyn Progress,
) -> ReadFile {
    let opened = fetch::open(file, cache).and_then(|opened| {
        let digest = crew.offer(opened.digest);
        let reading = decode::read_with(Stoppable { input: opened.file, progress }, selection, crew);
        if progress.is_cancelled() {
            crew.forget(&digest);
            return Err(FetchError::Cancelled);
        }
        match crew.finish(&digest) {
            Some(Digest::Taken { bytes, sha256 }) => Ok((reading, bytes, sha256)),
            Some(Digest::Failed(error)) => Err(error.into()),
            Some(Digest::Due(_)) | None => Err(io::Error::other("its digest was not taken").into()),
        }
    });
    let (reading, bytes, sha256, verdict, detail) = match opened {
        Ok((mut reading, bytes, sha256)) => {
            // Times far from those in the name do not count, unless there are no others.
            let believed = clock::believed(&reading.runs, Some(file.nominal_span()));
            reading.span = clock::span(&believed).or(reading.span);
            let (verdict, detail) = verdict(file, &reading);
            (reading, bytes, sha256, verdict, detail)
        }
        Err(error) => {
            let verdict = match &error {
                FetchError::Missing { .. } => Verdict::Missing,
                FetchError::Failed { .. }
                | FetchError::Offline
                | FetchError::Damaged { .. }
                | FetchError::Cancelled => Verdict::Unavailable,
                FetchError::Io(_) => Verdict::Unreadable,
            };
            (unreadable(error.to_string()), 0, String::new(), verdict, Some(error.to_string()))
        }
    };
    let report = FileReading {
        name: file.name.clone(),
        collector: file.collector.clone(),
        kind: file.kind,
        bytes,
        sha256,
        first_at: reading.span.map(|span| span.0),
        last_at: reading.span.map(|span| span.1),
        n_records: reading.counts.records,
        n_damaged: reading.counts.damaged,
        n_unsupported: reading.counts.unsupported,
        damage: reading.damage.clone(),
        skipped: reading.skipped.clone(),
        verdict,
        detail,
    };
    ReadFile { reading, report }
}

/// A file that ends with an error as soon as the run is to stop.
struct Stoppable<'a> {
    input: File,
    progress: &'a dyn Progress,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.progress.is_cancelled() {
            return Err(io::Error::other("the run was stopped"));
        }
        self.input.read(buffer)
    }
}

fn unreadable(why: String) -> Reading {
    Reading {
        peers: Vec::new(),
        events: Vec::new(),
        control: Control::default(),
        counts: Counts::default(),
        damage: Vec::new(),
        span: None,
        runs: Vec::new(),
        skipped: Vec::new(),
        ending: Ending::Unreadable(why),
        has_peer_table: true,
        read_until: None,
        has_trailing_bytes: false,
        last_blocks: [0; 2],
    }
}

fn verdict(file: &ArchiveFile, reading: &Reading) -> (Verdict, Option<String>) {
    if let Ending::Unreadable(why) | Ending::Corrupt(why) = &reading.ending {
        return (Verdict::Unreadable, Some(why.clone()));
    }
    // Cut or damaged, what is left of a file tells just as well that it is another one.
    if let Some(why) = foreign(file, reading) {
        return (Verdict::Unreadable, Some(why));
    }
    if clock::is_unusable(&reading.runs) {
        return (Verdict::Unreadable, Some("the times of its records step back again and again".to_owned()));
    }
    if let Ending::Truncated(why) = &reading.ending {
        return (Verdict::Truncated, Some(why.clone()));
    }
    if reading.span.is_none() {
        return (Verdict::Empty, Some("it holds no record".to_owned()));
    }
    let counts = reading.counts;
    let unsupported = unsupported(counts.unsupported);
    if let Some(what) = &unsupported
        && counts.messages + counts.state_changes + counts.rib_records == 0
    {
        return (Verdict::Unreadable, Some(format!("it holds no message, state change or route, and {what}")));
    }
    let damage = reading.damage.first().map(|damage| format!("at byte {}: {}", damage.offset, damage.what));
    let details: Vec<String> = damage.into_iter().chain(unsupported).collect();
    if details.is_empty() { (Verdict::Ok, None) } else { (Verdict::Damaged, Some(details.join("; "))) }
}

/// What is said of records that were not read and might hide routes, if there are any.
fn unsupported(n: u64) -> Option<String> {
    (n > 0).then(|| format!("{n} records of kinds that this version does not read"))
}

/// Why the records are not those that the name of the file promises.
fn foreign(file: &ArchiveFile, reading: &Reading) -> Option<String> {
    let (first, last) = reading.span?;
    if first + MAX_CLOCK_ERROR < file.named_at || last > file.named_at + MAX_CLOCK_ERROR {
        return Some(format!("its records are of {first} to {last}: a wrong clock"));
    }
    if is_of_another_time(file, first, last) {
        return Some(format!("its records are of {first} to {last}: those of another file"));
    }
    let counts = reading.counts;
    let is_rib = counts.rib_records > 0 && counts.messages + counts.state_changes == 0;
    (file.kind == DumpKind::Updates && is_rib).then(|| "it is a RIB dump".to_owned())
}

/// Whether a file holds nothing of its own time, but of a time before or after it: files were mixed up. Single records of
/// an update file that are early or late prove nothing. A RIB dump is written within minutes, after it was opened; how long
/// after is told by its records, unless it was time for another one.
fn is_of_another_time(file: &ArchiveFile, first: Timestamp, last: Timestamp) -> bool {
    let own = file.nominal_span();
    if file.kind == DumpKind::Rib {
        return last + NAME_PRECISION < own.start || first >= own.end + NAME_PRECISION;
    }
    let is_before = last < own.start + NAME_PRECISION && first + NAME_PRECISION * 2 <= own.start;
    let is_after = first + NAME_PRECISION > own.end && last >= own.end + NAME_PRECISION * 2;
    is_before || is_after
}

/// What is wrong with each of these RIB dumps of one collector, in order: why it may not be taken for whole tables. Of
/// some it is `known`.
pub(super) fn judge_ribs(ribs: &[&ReadFile], known: &BTreeMap<String, String>) -> Vec<Option<String>> {
    let tables: Vec<Tables> = ribs.iter().map(|rib| tables(&rib.reading)).collect();
    let known = |rib: &ReadFile| known.get(&rib.report.name).cloned();
    let flaws: Vec<Option<String>> =
        ribs.iter().zip(&tables).map(|(rib, tables)| known(rib).or_else(|| flaw(rib, tables))).collect();
    let sound: Vec<usize> = (0..ribs.len()).filter(|index| flaws[*index].is_none()).collect();
    let others = |index: usize| sound.iter().copied().filter(move |other| *other != index);
    // One that is larger than most others, which agree with each other and reach as far, says nothing against them.
    let swollen: Vec<Option<String>> = (0..ribs.len())
        .map(|index| {
            let smaller: Vec<usize> =
                others(index).filter(|other| is_cut(&tables[*other], &tables[index]).is_some()).collect();
            let n_others = others(index).count();
            let agree = || {
                let pairs = smaller.iter().flat_map(|a| smaller.iter().map(move |b| (*a, *b)));
                pairs.into_iter().all(|(a, b)| is_cut(&tables[a], &tables[b]).is_none())
            };
            let reach = || smaller.iter().all(|other| reaches_as_far(&ribs[*other].reading, &ribs[index].reading));
            (n_others > 1 && smaller.len() * 2 > n_others && agree() && reach()).then(|| {
                format!("most tables in it are much larger than in {} of {n_others} other dumps", smaller.len())
            })
        })
        .collect();
    let judge = |index: usize| {
        let few = || lists_few(&tables[index], &others(index).map(|other| &tables[other]).collect::<Vec<_>>());
        // Several dumps may be cut alike: any whole one tells.
        let whole = || others(index).filter(|other| swollen[*other].is_none());
        let cut = || whole().find_map(|other| is_cut(&tables[index], &tables[other]));
        flaws[index].clone().or_else(|| swollen[index].clone()).or_else(few).or_else(cut)
    };
    (0..ribs.len()).map(judge).collect()
}

/// Whether the last prefixes of a RIB dump are about those of another one: it does not end early.
fn reaches_as_far(reading: &Reading, other: &Reading) -> bool {
    reading.last_blocks.iter().zip(other.last_blocks).all(|(block, other)| *block >= other)
}

/// How many prefixes each peer that has any carries, IPv4 then IPv6.
type Tables = BTreeMap<Peer, [u64; 2]>;

fn tables(reading: &Reading) -> Tables {
    let mut tables = Tables::new();
    for activity in reading.peers.iter().filter(|activity| activity.table_size != [0, 0]) {
        let sizes = tables.entry(activity.peer).or_default();
        *sizes = [sizes[0] + activity.table_size[0], sizes[1] + activity.table_size[1]];
    }
    tables
}

/// What is wrong with a RIB dump on its own.
fn flaw(rib: &ReadFile, tables: &Tables) -> Option<String> {
    // What follows a whole container takes nothing from it.
    let damaged = rib.reading.counts.damaged - u64::from(rib.reading.has_trailing_bytes);
    match rib.report.verdict {
        Verdict::Unreadable | Verdict::Truncated | Verdict::Empty | Verdict::Missing | Verdict::Unavailable => {
            rib.report.detail.clone()
        }
        _ if !rib.reading.has_peer_table => Some("it has no PEER_INDEX_TABLE".to_owned()),
        _ if tables.is_empty() && rib.reading.peers.is_empty() => {
            Some("its peer table names no peer: every row has AS 0 or no address".to_owned())
        }
        _ if tables.is_empty() => Some("no peer holds a unicast route in it".to_owned()),
        _ if damaged > 0 => {
            let first = rib.reading.damage.first().map_or(String::new(), |damage| format!(" ({})", damage.what));
            Some(format!("{damaged} damaged records{first}: what they held would seem absent"))
        }
        _ => unsupported(rib.report.n_unsupported).map(|what| format!("{what}: what they held would seem absent")),
    }
}

/// Whether a RIB dump lists too few peers, against most of the others.
fn lists_few(tables: &Tables, others: &[&Tables]) -> Option<String> {
    let n = tables.len();
    let more: Vec<usize> =
        others.iter().map(|other| other.len()).filter(|n_other| (n as f64) < MIN_PEERS * *n_other as f64).collect();
    let least = more.iter().min().filter(|_| more.len() * 2 > others.len())?;
    let of_others = match others.len() {
        1 => format!("in the dump beside it: {least}"),
        n_others => format!("in {} of {n_others} other dumps: {least} or more", more.len()),
    };
    Some(format!("it lists {n} peers, less than half of those {of_others}"))
}

/// Whether a RIB dump ends early inside a whole file, against one of another time.
fn is_cut(tables: &Tables, other: &Tables) -> Option<String> {
    Family::ALL.into_iter().find_map(|family| {
        let sizes = |tables: &Tables, peer: &Peer| tables.get(peer).map_or(0, |sizes| sizes[family as usize]);
        let common = tables.keys().filter(|peer| sizes(other, peer) > 0);
        most_shrunk(family, common.map(|peer| (sizes(tables, peer), sizes(other, peer))))
    })
}

/// Whether most tables of one family are much smaller in a RIB dump than in another; `sizes` are those of one peer in both.
pub(super) fn most_shrunk(family: Family, sizes: impl Iterator<Item = (u64, u64)>) -> Option<String> {
    let (mut n, mut n_shrunk) = (0, 0);
    for (size, other) in sizes {
        n += 1;
        n_shrunk += usize::from((size as f64) < MIN_TABLE * other as f64);
    }
    (n_shrunk * 2 > n).then(|| {
        format!("{n_shrunk} of {n} {family} tables have less than three quarters of what they have in another dump")
    })
}

/// Reads a downloaded file to its end, for [`fetch::Downloader`].
pub fn check_download(path: &Path, progress: &dyn Progress) -> Checked {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return Checked::Foreign(error.to_string()),
    };
    // It could be read to its end; but a collector without messages still publishes the frame of its container.
    if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        return Checked::Cut("it has no byte".to_owned());
    }
    match decode::read(Stoppable { input: file, progress }, &Selection::new()).ending {
        Ending::Complete => Checked::Whole,
        Ending::Truncated(why) | Ending::Corrupt(why) => Checked::Cut(why),
        Ending::Unreadable(why) => Checked::Foreign(why),
    }
}

#[cfg(test)]
mod tests;
