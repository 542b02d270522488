//! What was observed as polars frames: all that a later judgement needs beside the manifest.

use polars::prelude::*;

use super::Report;
use super::frames::{Frames, column, columns, frame, frames, texts, times};
use crate::bgp::{AsPath, Family, Peer, PerFamily, Prefix};
use crate::error::Error;
use crate::replay::{Doubt, Holder, RecordRef, Replay, RibTable};
use crate::time::Timestamp;
use crate::visibility::{PeerState, RouteState};

/// Columns that more than one table has, or that are read back by name.
pub(super) mod names {
    pub const COLLECTOR: &str = "collector";
    pub const PEER_ADDRESS: &str = "peer_address";
    pub const PEER_ASN: &str = "peer_asn";
    pub const PREFIX: &str = "prefix";
    pub const FAMILY: &str = "family";
    pub const ORIGIN: &str = "origin";
    pub const UPSTREAM: &str = "upstream";
    pub const AS_PATH: &str = "as_path";
    pub const FILE: &str = "file";
    pub const RECORD: &str = "record";
    pub const OFFSET: &str = "offset";
    pub const FROM: &str = "from";
    pub const TO: &str = "to";
    pub const STATE: &str = "state";
    pub const EVIDENCE: &str = "evidence";
    pub const ANNOUNCED_AT: &str = "announced_at";
    pub const COMPLETE: &str = "complete";
    pub const BEGUN_AT: &str = "begun_at";
    pub const DONE_AT: &str = "done_at";
    pub const AT: &str = "at";
    pub const PATH_ID: &str = "path_id";
    pub const N_PREFIXES: [&str; 2] = ["n_prefixes_ipv4", "n_prefixes_ipv6"];
    pub const FOREIGN_FIRST_HOP: &str = "foreign_first_hop";
    pub const INTERNAL: &str = "internal";
    pub const REASON: &str = "reason";
}
use names::*;

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

/// One row per vantage point, prefix and state, and one per session state: the columns of `spans.parquet`, in order.
pub fn span_frames(report: &Report) -> Frames<'_> {
    let of_routes = report.replays.iter().flat_map(route_rows);
    let of_sessions = report.replays.iter().flat_map(session_rows);
    frames(of_routes.chain(of_sessions), |rows| span_frame(report, rows))
}

fn span_frame(report: &Report, rows: &[SpanRow]) -> Result<DataFrame, Error> {
    let file = |record: &Option<RecordRef>| record.and_then(|record| file_name(report, record.file));
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
            times FROM => Some(row.from),
            times TO => Some(row.to),
            column STATE => row.state,
            column EVIDENCE => row.evidence,
            times ANNOUNCED_AT => row.announced_at,
            column COMPLETE => row.complete,
            column FILE => file(&row.record),
            column RECORD => row.record.map(|record| record.record),
            column OFFSET => row.record.map(|record| record.offset),
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

fn route_name(state: &RouteState) -> &'static str {
    match state {
        RouteState::Present(_) => "present",
        RouteState::Absent => "absent",
        RouteState::Unknown => "unknown",
    }
}

pub(super) const fn session_name(state: PeerState) -> &'static str {
    match state {
        PeerState::Up => "session_up",
        PeerState::Syncing => "session_syncing",
        PeerState::Down => "session_down",
        PeerState::Unknown => "session_unknown",
    }
}

/// The name of an archive file by its number.
fn file_name(report: &Report, file: u32) -> Option<&str> {
    report.files.get(file as usize).map(|file| file.name.as_str())
}

/// One row per RIB dump and peer with any route in it: the columns of `rib_tables.parquet`, in order.
pub fn rib_table_frame(report: &Report) -> Result<DataFrame, Error> {
    let dumps = report.replays.iter().flat_map(|replay| replay.tables.iter().map(move |table| (replay, table)));
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
            column FILE => file_name(report, row.1.file),
            times BEGUN_AT => Some(row.1.begun_at),
            times DONE_AT => Some(row.1.done_at),
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

/// One row per RIB dump, prefix, peer and path: the columns of `rib_entries.parquet`, in order.
pub fn rib_entry_frames(report: &Report) -> Frames<'_> {
    let rows = report.replays.iter().flat_map(|replay| {
        let lists = replay.tables.iter().flat_map(|table| &table.holders);
        let holders = lists.flat_map(|(prefix, list)| list.iter().map(|holder| (*prefix, holder)));
        holders.flat_map(move |(prefix, holder)| {
            let paths = holder.paths.iter();
            paths.map(move |(path_id, path)| EntryRow { replay, prefix, holder, path_id: *path_id, path })
        })
    });
    frames(rows, |rows| rib_entry_frame(report, rows))
}

fn rib_entry_frame(report: &Report, rows: &[EntryRow]) -> Result<DataFrame, Error> {
    frame(
        "rib_entries",
        columns!(rows, row => {
            column COLLECTOR => row.replay.collector.name(),
            column FILE => file_name(report, row.holder.record.file),
            texts PREFIX => Some(row.prefix),
            texts FAMILY => Some(row.prefix.family()),
            texts PEER_ADDRESS => Some(row.replay.peer(row.holder.peer).address),
            column PEER_ASN => row.replay.peer(row.holder.peer).asn.0,
            times AT => Some(row.holder.at),
            column PATH_ID => row.path_id,
            column ORIGIN => row.path.origin().map(|asn| asn.0),
            column UPSTREAM => row.path.upstream().map(|asn| asn.0),
            texts AS_PATH => Some(row.path),
            column RECORD => row.holder.record.record,
            column OFFSET => row.holder.record.offset,
        }),
    )
}

/// One row per peer that an archive mentions: the columns of `peers.parquet`, in order.
pub fn peer_frame(report: &Report) -> Result<DataFrame, Error> {
    let of_replay = |replay: &'_ Replay| {
        let flags = replay.first_as_mismatch.iter().copied().zip(replay.is_internal.iter().copied());
        let peers: Vec<_> = replay.peers.iter().copied().zip(flags).collect();
        let collector = replay.collector.clone();
        peers.into_iter().map(move |(peer, flags)| (collector.clone(), peer, flags))
    };
    let rows: Vec<_> = report.replays.iter().flat_map(of_replay).collect();
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

/// One row per stretch in which what a vantage point said is uncertain: the columns of `doubts.parquet`, in order.
pub fn doubt_frame(report: &Report) -> Result<DataFrame, Error> {
    let doubts = report.replays.iter().flat_map(|replay| replay.doubts.iter().map(move |doubt| (replay, doubt)));
    let rows: Vec<(&Replay, &Doubt)> = doubts.collect();
    frame(
        "doubts",
        columns!(rows, row => {
            column COLLECTOR => row.0.collector.name(),
            texts PEER_ADDRESS => row.1.peer.map(|peer| row.0.peer(peer).address),
            column PEER_ASN => row.1.peer.map(|peer| row.0.peer(peer).asn.0),
            times FROM => Some(row.1.window.start),
            times TO => Some(row.1.window.end),
            column REASON => row.1.reason.name(),
        }),
    )
}
