//! Archive files read in parallel, each with its row of the manifest.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rayon::prelude::*;

use super::Progress;
use crate::catalog::{ArchiveFile, DumpKind};
use crate::coverage::{FileReading, Verdict};
use crate::decode::{self, Counts, Ending, Reading, Selection};
use crate::fetch::{self, Cache, Checked, FetchError};

/// A file whose records lie further than this from its name was written by a wrong clock.
const MAX_CLOCK_ERROR: Duration = Duration::from_secs(24 * 3600);
/// A RIB dump with less than this share of the records or peers of the one before it was cut short.
const MIN_RIB_SHARE: f64 = 0.5;

/// One file: what it says, and what became of it.
pub(super) struct ReadFile {
    pub reading: Reading,
    pub report: FileReading,
}

/// Reads lists of files; the result has the same shape whatever the number of threads.
pub(super) fn read_all(
    stage: &str,
    lists: &[&[ArchiveFile]],
    cache: Option<&Cache>,
    selection: &Selection,
    progress: &dyn Progress,
) -> Vec<Vec<ReadFile>> {
    progress.begin(stage, lists.iter().map(|list| list.len()).sum());
    let flat: Vec<(usize, &ArchiveFile)> =
        lists.iter().enumerate().flat_map(|(index, list)| list.iter().map(move |file| (index, file))).collect();
    let read: Vec<(usize, ReadFile)> = flat
        .into_par_iter()
        .map(|(index, file)| {
            let read = read_file(file, cache, selection);
            progress.file_read(&file.name);
            (index, read)
        })
        .collect();
    let mut result: Vec<Vec<ReadFile>> = lists.iter().map(|list| Vec::with_capacity(list.len())).collect();
    for (index, file) in read {
        result[index].push(file);
    }
    result
}

fn read_file(file: &ArchiveFile, cache: Option<&Cache>, selection: &Selection) -> ReadFile {
    let (reading, bytes, sha256, verdict, detail) = match fetch::open(file, cache) {
        Ok(opened) => {
            let reading = decode::read(opened.file, selection);
            let (verdict, detail) = verdict(file, &reading);
            (reading, opened.bytes, opened.sha256, verdict, detail)
        }
        Err(error) => {
            let verdict = match &error {
                FetchError::Missing { .. } => Verdict::Missing,
                FetchError::Failed { .. } | FetchError::Offline { .. } => Verdict::Unavailable,
                FetchError::Io(_) => Verdict::Unreadable,
            };
            (unreadable(error.to_string()), 0, String::new(), verdict, Some(error.to_string()))
        }
    };
    let report = FileReading {
        name: file.name.clone(),
        collector: file.collector.clone(),
        kind: file.kind.name(),
        bytes,
        sha256,
        first_at: reading.span.map(|span| span.0),
        last_at: reading.span.map(|span| span.1),
        n_records: reading.counts.records,
        n_damaged: reading.counts.damaged,
        damage: reading.damage.clone(),
        verdict,
        detail,
    };
    ReadFile { reading, report }
}

fn unreadable(why: String) -> Reading {
    Reading {
        peers: Vec::new(),
        events: Vec::new(),
        counts: Counts::default(),
        damage: Vec::new(),
        span: None,
        ending: Ending::Unreadable(why),
        has_peer_table: true,
    }
}

fn verdict(file: &ArchiveFile, reading: &Reading) -> (Verdict, Option<String>) {
    match (&reading.ending, reading.span) {
        (Ending::Unreadable(why), _) => (Verdict::Unreadable, Some(why.clone())),
        (Ending::Truncated(why), _) => (Verdict::Truncated, Some(why.clone())),
        (Ending::Complete, None) => (Verdict::Empty, Some("it holds no record".to_owned())),
        (Ending::Complete, Some((first, last))) => {
            if first + MAX_CLOCK_ERROR < file.named_at || last > file.named_at + MAX_CLOCK_ERROR {
                return (Verdict::Unreadable, Some(format!("its records are of {first} to {last}: a wrong clock")));
            }
            let n = reading.counts.damaged + reading.damage.len() as u64;
            match reading.damage.first() {
                Some(damage) if n > 0 => {
                    (Verdict::Damaged, Some(format!("at byte {}: {}", damage.offset, damage.what)))
                }
                _ => (Verdict::Ok, None),
            }
        }
    }
}

/// Rejects RIB dumps that may not be taken for whole tables. `ribs` are those of one collector, in order.
pub(super) fn judge_ribs(ribs: &mut [ReadFile]) {
    let mut previous: Option<(u64, usize)> = None;
    for rib in ribs {
        let Counts { rib_records, damaged, .. } = rib.reading.counts;
        let n_peers = rib.reading.peers.iter().filter(|peer| peer.table_size != [0, 0]).count();
        let shrunk = previous.is_some_and(|(records, peers)| {
            (rib_records as f64) < MIN_RIB_SHARE * records as f64 || (n_peers as f64) < MIN_RIB_SHARE * peers as f64
        });
        let why = match rib.report.verdict {
            Verdict::Unreadable | Verdict::Truncated | Verdict::Empty | Verdict::Missing | Verdict::Unavailable => {
                rib.report.detail.clone()
            }
            _ if !rib.reading.has_peer_table => Some("it has no PEER_INDEX_TABLE".to_owned()),
            _ if n_peers == 0 => Some("no peer holds a unicast route in it".to_owned()),
            _ if damaged > 0 => Some(format!("{damaged} damaged records: what they held would seem absent")),
            _ if shrunk => {
                Some(format!("{rib_records} records of {n_peers} peers, less than half of the dump before it"))
            }
            _ => None,
        };
        match why {
            Some(why) => {
                rib.report.verdict = Verdict::Rejected;
                rib.report.detail = Some(why);
            }
            None => previous = Some((rib_records, n_peers)),
        }
    }
}

/// Reads a downloaded file to its end, for [`fetch::Downloader`].
pub fn check_download(path: &Path) -> Checked {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return Checked::Foreign(error.to_string()),
    };
    match decode::read(file, &Selection::new()).ending {
        Ending::Complete => Checked::Whole,
        Ending::Truncated(why) => Checked::Cut(why),
        Ending::Unreadable(why) => Checked::Foreign(why),
    }
}

/// Whether a file is a RIB dump.
pub(super) fn is_rib(file: &ReadFile) -> bool {
    file.report.kind == DumpKind::Rib.name()
}
