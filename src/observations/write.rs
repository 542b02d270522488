//! Writes observations: the tables and the manifest.

use std::path::Path;

use polars::prelude::*;
use serde_json::Value;

use super::Observations;
use super::columns::*;
use super::manifest::{self, MANIFEST, TableRows, result_files, sealed};
use crate::bgp::{AsPath, Family, Peer, PerFamily, Prefix};
use crate::coverage::FileReading;
use crate::error::Error;
use crate::folder::Folder;
use crate::replay::{Doubt, FileIndex, Holder, RecordRef, Replay, RibTable, RouteState};
use crate::tables::{Frames, column, columns, frame, frames, single, texts, times, write_parquet};
use crate::time::Timestamp;

pub(super) const SPANS: &str = "spans.parquet";
pub(super) const PEERS: &str = "peers.parquet";
pub(super) const RIB_TABLES: &str = "rib_tables.parquet";
pub(super) const RIB_ENTRIES: &str = "rib_entries.parquet";
pub(super) const DOUBTS: &str = "doubts.parquet";

/// The Parquet files of observations.
pub(crate) const FILES: [&str; 5] = [SPANS, PEERS, RIB_TABLES, RIB_ENTRIES, DOUBTS];

/// Stores observations in `folder`, which must be new or empty. It appears whole or not at all.
///
/// # Errors
///
/// If the folder contains files, or a file cannot be written.
///
/// # Examples
///
/// ```no_run
/// # use outage_replay::{Error, Options, Query, catalog::Mirror, observations, pipeline};
/// # fn example(query: &Query, archive: &Mirror) -> Result<(), Error> {
/// let observed = pipeline::collect(query, archive, 0, &())?;
/// observations::write(&observed, "december-2014".as_ref())?;
/// let report = pipeline::judge(observations::read("december-2014".as_ref())?, &Options::default())?;
/// # Ok(())
/// # }
/// ```
pub fn write(observations: &Observations, folder: &Path) -> Result<(), Error> {
    write_with(observations, folder, None)
}

/// Stores observations, with another key in the manifest.
pub(super) fn write_with(
    observations: &Observations,
    folder: &Path,
    beside: Option<(&str, Value)>,
) -> Result<(), Error> {
    let folder = Folder::begin(folder, &[], false)?;
    let tables = tables(&observations.replays, &observations.files);
    let tables = write_tables(&folder, tables, observations.note.as_deref())?;
    let mut manifest = manifest::manifest(observations, &result_files(folder.written(), &tables));
    if let Some((key, value)) = beside {
        manifest[key] = value;
    }
    folder.write(MANIFEST, sealed(&format!("{manifest:#}")).as_bytes())?;
    folder.finish()
}

/// Returns the tables of observations by the names of their files.
pub(crate) fn tables<'a>(replays: &'a [Replay], files: &'a [FileReading]) -> [(&'static str, Frames<'a>); 5] {
    [
        (SPANS, span_frames(replays, files)),
        (PEERS, single(|| peer_frame(replays))),
        (RIB_TABLES, single(|| rib_table_frame(replays, files))),
        (RIB_ENTRIES, rib_entry_frames(replays, files)),
        (DOUBTS, single(|| doubt_frame(replays))),
    ]
}

/// Writes tables as Parquet files one after the other, so that one row group at a time is in memory.
pub(crate) fn write_tables<'a>(
    folder: &Folder,
    tables: impl IntoIterator<Item = (&'static str, Frames<'a>)>,
    note: Option<&str>,
) -> Result<Vec<TableRows>, Error> {
    let write = |(name, frames): (&'static str, Frames)| {
        let rows = folder.stream(name, |file| write_parquet(name, frames, note, file))?;
        Ok((name, rows))
    };
    tables.into_iter().map(write).collect()
}

/// One row of `spans.parquet`.
struct SpanRow<'a> {
    collector: &'a str,
    peer: Peer,
    prefix: Option<Prefix>,
    family: Family,
    path: Option<&'a AsPath>,
    from: Timestamp,
    to: Timestamp,
    state: &'static str,
    evidence: Option<&'static str>,
    announced_at: Option<Timestamp>,
    complete: Option<bool>,
    record: Option<RecordRef>,
}

/// Returns `spans.parquet`: one row per vantage point, prefix and state, then one row per session and state.
///
/// `files` are those that the records of `replays` refer to.
pub fn span_frames<'a>(replays: &'a [Replay], files: &'a [FileReading]) -> Frames<'a> {
    let of_routes = replays.iter().flat_map(route_rows);
    let of_sessions = replays.iter().flat_map(session_rows);
    frames(of_routes.chain(of_sessions), |rows| span_frame(files, rows))
}

fn span_frame(files: &[FileReading], rows: &[SpanRow]) -> Result<DataFrame, Error> {
    let file = |record: &Option<RecordRef>| record.and_then(|record| file_name(files, record.file));
    frame(
        "spans",
        columns!(rows, row => {
            column COLLECTOR => row.collector,
            texts PEER_ADDRESS => Some(row.peer.address),
            column PEER_ASN => row.peer.asn.0,
            texts PREFIX => row.prefix,
            texts FAMILY => Some(row.family),
            column ORIGIN => row.path.and_then(|path| path.origin()).map(|asn| asn.0),
            column UPSTREAM => row.path.and_then(|path| path.upstream()).map(|asn| asn.0),
            texts AS_PATH => row.path,
            times STARTED_AT => Some(row.from),
            times ENDED_AT => Some(row.to),
            column STATE => row.state,
            column EVIDENCE => row.evidence,
            times ANNOUNCED_AT => row.announced_at,
            column COMPLETE => row.complete,
            column FILE => file(&row.record),
            column RECORD => row.record.map(|record| u64::from(record.record)),
            column BYTE_OFFSET => row.record.map(|record| record.offset),
        }),
    )
}

fn route_rows(replay: &Replay) -> impl Iterator<Item = SpanRow<'_>> {
    replay.routes.iter().map(|span| SpanRow {
        collector: replay.collector.name(),
        peer: replay.peer(span.peer),
        prefix: Some(span.prefix),
        family: span.prefix.family(),
        path: match &span.state {
            RouteState::Present(path) => path.as_ref(),
            RouteState::Absent | RouteState::Unknown => None,
        },
        from: span.from,
        to: span.to,
        state: route_name(&span.state),
        evidence: Some(span.evidence.name()),
        announced_at: Some(span.announced_at),
        complete: None,
        record: span.record,
    })
}

fn session_rows(replay: &Replay) -> impl Iterator<Item = SpanRow<'_>> {
    replay.sessions.iter().map(|span| SpanRow {
        collector: replay.collector.name(),
        peer: replay.peer(span.peer),
        prefix: None,
        family: span.family,
        path: None,
        from: span.from,
        to: span.to,
        state: session_name(span.state),
        evidence: None,
        announced_at: None,
        complete: Some(span.complete),
        record: span.record,
    })
}

/// Returns the name of an archive file.
fn file_name(files: &[FileReading], file: FileIndex) -> Option<&str> {
    files.get(file.get()).map(|file| file.name.as_str())
}

/// Returns `rib_tables.parquet`: one row per accepted RIB dump and peer with a route in it.
///
/// # Errors
///
/// If polars rejects the columns.
pub fn rib_table_frame(replays: &[Replay], files: &[FileReading]) -> Result<DataFrame, Error> {
    let dumps = replays.iter().flat_map(|replay| replay.tables.iter().map(move |table| (replay, table)));
    let rows: Vec<(&Replay, &RibTable, Peer, PerFamily<u64>)> = dumps
        .flat_map(|(replay, table)| {
            let peers = replay.peers.iter().zip(&table.sizes).filter(|(_, sizes)| **sizes != PerFamily::default());
            peers.map(move |(peer, sizes)| (replay, table, *peer, *sizes))
        })
        .collect();
    frame(
        "rib_tables",
        columns!(rows, row => {
            column COLLECTOR => row.0.collector.name(),
            column FILE => file_name(files, row.1.file),
            times FIRST_AT => Some(row.1.begun_at),
            times LAST_AT => Some(row.1.done_at),
            texts PEER_ADDRESS => Some(row.2.address),
            column PEER_ASN => row.2.asn.0,
            column N_PREFIXES[0] => row.3[Family::V4],
            column N_PREFIXES[1] => row.3[Family::V6],
        }),
    )
}

/// One row of `rib_entries.parquet`.
struct EntryRow<'a> {
    replay: &'a Replay,
    prefix: Prefix,
    holder: &'a Holder,
    path_id: Option<u32>,
    path: &'a AsPath,
}

/// Returns `rib_entries.parquet`: one row per accepted RIB dump, selected prefix, peer and path.
pub fn rib_entry_frames<'a>(replays: &'a [Replay], files: &'a [FileReading]) -> Frames<'a> {
    let rows = replays.iter().flat_map(|replay| {
        let lists = replay.tables.iter().flat_map(|table| &table.holders);
        let holders = lists.flat_map(|(prefix, list)| list.iter().map(|holder| (*prefix, holder)));
        holders.flat_map(move |(prefix, holder)| {
            let paths = holder.paths.iter();
            paths.map(move |(path_id, path)| EntryRow { replay, prefix, holder, path_id: *path_id, path })
        })
    });
    frames(rows, |rows| rib_entry_frame(files, rows))
}

fn rib_entry_frame(files: &[FileReading], rows: &[EntryRow]) -> Result<DataFrame, Error> {
    frame(
        "rib_entries",
        columns!(rows, row => {
            column COLLECTOR => row.replay.collector.name(),
            column FILE => file_name(files, row.holder.record.file),
            texts PREFIX => Some(row.prefix),
            texts FAMILY => Some(row.prefix.family()),
            texts PEER_ADDRESS => Some(row.replay.peer(row.holder.peer).address),
            column PEER_ASN => row.replay.peer(row.holder.peer).asn.0,
            times AT => Some(row.holder.at),
            column PATH_ID => row.path_id,
            column ORIGIN => row.path.origin().map(|asn| asn.0),
            column UPSTREAM => row.path.upstream().map(|asn| asn.0),
            texts AS_PATH => Some(row.path),
            column RECORD => u64::from(row.holder.record.record),
            column BYTE_OFFSET => row.holder.record.offset,
        }),
    )
}

/// Returns `peers.parquet`: one row per peer that the archive of a collector names.
///
/// # Errors
///
/// If polars rejects the columns.
pub fn peer_frame(replays: &[Replay]) -> Result<DataFrame, Error> {
    let of_replay = |replay: &'_ Replay| {
        let flags = replay.first_as_mismatch.iter().copied().zip(replay.is_internal.iter().copied());
        let peers: Vec<_> = replay.peers.iter().copied().zip(flags).collect();
        let collector = replay.collector.clone();
        peers.into_iter().map(move |(peer, flags)| (collector.clone(), peer, flags))
    };
    let rows: Vec<_> = replays.iter().flat_map(of_replay).collect();
    frame(
        "peers",
        columns!(rows, row => {
            column COLLECTOR => row.0.name(),
            texts PEER_ADDRESS => Some(row.1.address),
            column PEER_ASN => row.1.asn.0,
            column FOREIGN_FIRST_HOP => row.2.0,
            column INTERNAL => row.2.1,
        }),
    )
}

/// Returns `doubts.parquet`: one row per interval in which the messages of a vantage point are uncertain.
///
/// # Errors
///
/// If polars rejects the columns.
pub fn doubt_frame(replays: &[Replay]) -> Result<DataFrame, Error> {
    let doubts = replays.iter().flat_map(|replay| replay.doubts.iter().map(move |doubt| (replay, doubt)));
    let rows: Vec<(&Replay, &Doubt)> = doubts.collect();
    frame(
        "doubts",
        columns!(rows, row => {
            column COLLECTOR => row.0.collector.name(),
            texts PEER_ADDRESS => row.1.peer.map(|peer| row.0.peer(peer).address),
            column PEER_ASN => row.1.peer.map(|peer| row.0.peer(peer).asn.0),
            times STARTED_AT => Some(row.1.window.start),
            times ENDED_AT => Some(row.1.window.end),
            column REASON => row.1.reason.name(),
        }),
    )
}
