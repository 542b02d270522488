//! The tables of an earlier run.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use polars::prelude::{
    BooleanChunked, Column, DataType, Int64Chunked, ParquetReader, SerReader, StringChunked, TimeUnit, UInt64Chunked,
};
use rustc_hash::FxHashMap;

use super::super::observed::names::*;
use super::super::observed::session_name;
use super::super::output::{DOUBTS, MANIFEST, PEERS, RIB_ENTRIES, RIB_TABLES, SPANS};
use super::super::*;
use super::manifest::ManifestTable;
use crate::bgp::{AsPath, Asn, Peer, PerFamily};
use crate::replay::{
    Doubt, DoubtReason, Evidence, Holder, PeerId, PeerSpan, PeerState, RecordRef, RibTable, RouteSpan, RouteState,
};

/// What rows refer to, and what they have in common.
pub(super) struct Known {
    /// Collector and peer, by their names.
    peers: FxHashMap<(String, String, u32), (usize, PeerId)>,
    collectors: BTreeMap<String, usize>,
    paths: FxHashMap<(String, bool), AsPath>,
}

impl Known {
    pub fn new(replays: &[Replay], of_collector: &BTreeMap<String, usize>) -> Known {
        let mut peers = FxHashMap::default();
        for (name, replay) in of_collector {
            let replayed = &replays[*replay];
            for (id, peer) in replayed.peer_ids().zip(&replayed.peers) {
                peers.insert((name.clone(), peer.address.to_string(), peer.asn.0), (*replay, id));
            }
        }
        Known { peers, collectors: of_collector.clone(), paths: FxHashMap::default() }
    }

    /// Index of the replay.
    fn collector(&self, name: &str) -> Result<usize, String> {
        self.collectors.get(name).copied().ok_or_else(|| format!("{MANIFEST} does not list {name}"))
    }

    /// Index of the replay and of the peer in it.
    fn peer(&self, rows: &Rows, row: usize) -> Result<(usize, PeerId), String> {
        let (collector, address) = (rows.text(COLLECTOR, row)?, rows.text(PEER_ADDRESS, row)?);
        let asn = rows.number(PEER_ASN, row)? as u32;
        let known = self.peers.get(&(collector.to_owned(), address.to_owned(), asn)).copied();
        known.ok_or_else(|| format!("row {row} names AS{asn} {address} at {collector}, whom {PEERS} does not list"))
    }

    /// The path of a row. Its last AS is the origin, unless it ended in a segment that names none: then the AS handed
    /// to it is that very AS.
    fn path(&mut self, rows: &Rows, row: usize) -> Result<Option<AsPath>, String> {
        let Some(text) = rows.maybe_text(AS_PATH, row)? else { return Ok(None) };
        let ends_openly = rows.maybe_number(ORIGIN, row)?.is_none() && !text.ends_with('}');
        let last = text.rsplit(' ').next().and_then(|word| word.parse::<u64>().ok());
        let ends_openly =
            ends_openly && (last != Some(u64::from(Asn::TRANS.0)) || rows.maybe_number(UPSTREAM, row)? == last);
        if let Some(path) = self.paths.get(&(text.to_owned(), ends_openly)) {
            return Ok(Some(path.clone()));
        }
        let (plain, set) = match text.strip_suffix('}').and_then(|text| text.split_once('{')) {
            Some((plain, set)) => (plain, set),
            None => (text, ""),
        };
        let words = plain.split_whitespace().chain(set.split(',').filter(|word| !word.is_empty()));
        let hops: Result<Vec<Asn>, _> = words.map(|word| word.parse().map(Asn)).collect();
        let hops = hops.map_err(|_| format!("row {row} holds '{text}', which is no AS path"))?;
        let n_origins = match set.split(',').count() {
            _ if ends_openly => 0,
            1 => 1,
            n => n,
        };
        let path = AsPath::new(hops, n_origins);
        self.paths.insert((text.to_owned(), ends_openly), path.clone());
        Ok(Some(path))
    }
}

pub(super) struct Tables<'a> {
    folder: &'a Path,
    listed: &'a [ManifestTable],
    files: FxHashMap<&'a str, u32>,
}

impl<'a> Tables<'a> {
    /// Those of a folder, as its manifest lists them, with the archive files that they refer to.
    pub fn new(folder: &'a Path, listed: &'a [ManifestTable], files: &'a [FileReading]) -> Tables<'a> {
        let files = files.iter().zip(0..).map(|(file, number)| (file.name.as_str(), number)).collect();
        Tables { folder, listed, files }
    }

    fn open(&self, name: &str, columns: &[&'static str]) -> Result<Rows, String> {
        self.open_with(name, columns, &[])
    }

    /// A table with columns that it may lack.
    fn open_with(&self, name: &str, columns: &[&'static str], optional: &[&'static str]) -> Result<Rows, String> {
        let file = File::open(self.folder.join(name)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "it is missing: the run was written without --export parquet".to_owned(),
            _ => error.to_string(),
        })?;
        let frame = ParquetReader::new(file).set_rechunk(true).finish();
        let frame = frame.map_err(|error| format!("not a whole Parquet file: {error}"))?;
        let expected = self.listed.iter().find(|table| table.name == name).map(|table| table.rows);
        if expected != Some(frame.height()) {
            let expected = expected.map_or("does not mention it".to_owned(), |n| format!("says {n}"));
            return Err(format!("it has {} rows, and {MANIFEST} {expected}", frame.height()));
        }
        let mut rows = Rows { n: frame.height(), columns: FxHashMap::default() };
        let optional = optional.iter().filter(|name| frame.column(name).is_ok());
        for name in columns.iter().chain(optional) {
            let column = frame.column(name).map_err(|_| format!("it has no column '{name}'"))?;
            let values =
                Values::new(column).ok_or_else(|| format!("its column '{name}' is of type {}", column.dtype()))?;
            rows.columns.insert(name, values);
        }
        Ok(rows)
    }

    fn file(&self, rows: &Rows, row: usize) -> Result<Option<u32>, String> {
        let Some(name) = rows.maybe_text(FILE, row)? else { return Ok(None) };
        let file = self.files.get(name).copied();
        file.map(Some).ok_or_else(|| format!("row {row} names {name}, which {MANIFEST} does not list"))
    }

    fn record(&self, rows: &Rows, row: usize) -> Result<Option<RecordRef>, String> {
        let Some(file) = self.file(rows, row)? else { return Ok(None) };
        Ok(Some(RecordRef { file, record: rows.number(RECORD, row)?, offset: rows.number(OFFSET, row)? }))
    }

    pub fn peers(&self, replays: &mut [Replay], of_collector: &BTreeMap<String, usize>) -> Result<(), String> {
        // Folders of earlier versions do not know the last one.
        let columns = [COLLECTOR, PEER_ADDRESS, PEER_ASN, FOREIGN_FIRST_HOP];
        let rows = self.open_with(PEERS, &columns, &[INTERNAL])?;
        for row in 0..rows.n {
            let collector = rows.text(COLLECTOR, row)?;
            let replay = of_collector.get(collector).and_then(|index| replays.get_mut(*index));
            let replay =
                replay.ok_or_else(|| format!("row {row} names {collector}, which {MANIFEST} does not list"))?;
            let address = rows.text(PEER_ADDRESS, row)?;
            let address = address.parse().map_err(|_| format!("row {row} holds '{address}', which is no address"))?;
            replay.peers.push(Peer { address, asn: Asn(rows.number(PEER_ASN, row)? as u32) });
            replay.first_as_mismatch.push(rows.flag(FOREIGN_FIRST_HOP, row)?.unwrap_or_default());
            let has_internal = rows.columns.contains_key(INTERNAL);
            replay.is_internal.push(has_internal && rows.flag(INTERNAL, row)?.unwrap_or_default());
        }
        match replays.iter().all(|replay| replay.peers.is_sorted()) {
            true => Ok(()),
            false => Err("its rows are not in order".to_owned()),
        }
    }

    /// Folders of earlier versions have no such table.
    pub fn doubts(&self, replays: &mut [Replay], known: &Known) -> Result<(), String> {
        if !self.listed.iter().any(|table| table.name == DOUBTS) {
            return Ok(());
        }
        let rows = self.open(DOUBTS, &[COLLECTOR, PEER_ADDRESS, PEER_ASN, FROM, TO, REASON])?;
        for row in 0..rows.n {
            let (replay, peer) = match rows.maybe_text(PEER_ADDRESS, row)? {
                Some(_) => known.peer(&rows, row).map(|(replay, peer)| (replay, Some(peer)))?,
                None => (known.collector(rows.text(COLLECTOR, row)?)?, None),
            };
            let (start, end) = (rows.time(FROM, row)?, rows.time(TO, row)?);
            let window = Window::new(start, end).map_err(|error| format!("row {row}: {error}"))?;
            let name = rows.text(REASON, row)?;
            let reason = DoubtReason::ALL.into_iter().find(|reason| reason.name() == name);
            let reason = reason.ok_or_else(|| format!("row {row} has the unknown reason '{name}'"))?;
            replays[replay].doubts.push(Doubt { window, peer, reason });
        }
        Ok(())
    }

    pub fn rib_tables(&self, replays: &mut [Replay], known: &Known) -> Result<(), String> {
        let [v4, v6] = N_PREFIXES;
        let rows = self.open(RIB_TABLES, &[COLLECTOR, FILE, BEGUN_AT, DONE_AT, PEER_ADDRESS, PEER_ASN, v4, v6])?;
        for row in 0..rows.n {
            let (replay, peer) = known.peer(&rows, row)?;
            let file = self.file(&rows, row)?.ok_or_else(|| format!("row {row} names no file"))?;
            let Replay { tables, peers, .. } = &mut replays[replay];
            if tables.last().is_none_or(|table| table.file != file) {
                let (begun_at, done_at) = (rows.time(BEGUN_AT, row)?, rows.time(DONE_AT, row)?);
                let sizes = vec![PerFamily::default(); peers.len()];
                tables.push(RibTable { file, begun_at, done_at, sizes, holders: BTreeMap::new() });
            }
            if let Some(table) = tables.last_mut() {
                table.sizes[peer.get()] = PerFamily::new(rows.number(v4, row)?, rows.number(v6, row)?);
            }
        }
        Ok(())
    }

    pub fn rib_entries(&self, replays: &mut [Replay], known: &mut Known) -> Result<(), String> {
        let columns =
            [COLLECTOR, FILE, PREFIX, PEER_ADDRESS, PEER_ASN, AT, PATH_ID, ORIGIN, UPSTREAM, AS_PATH, RECORD, OFFSET];
        let rows = self.open(RIB_ENTRIES, &columns)?;
        for row in 0..rows.n {
            let (replay, peer) = known.peer(&rows, row)?;
            let record = self.record(&rows, row)?.ok_or_else(|| format!("row {row} names no file"))?;
            let table = replays[replay].tables.iter_mut().find(|table| table.file == record.file);
            let table = table.ok_or_else(|| format!("row {row} is of a RIB dump that {RIB_TABLES} does not list"))?;
            let prefix = rows.prefix(row)?.ok_or_else(|| format!("row {row} names no prefix"))?;
            let path = known.path(&rows, row)?.ok_or_else(|| format!("row {row} has no AS path"))?;
            let path_id = rows.maybe_number(PATH_ID, row)?.map(|id| id as u32);
            let at = rows.time(AT, row)?;
            let list = table.holders.entry(prefix).or_default();
            match list.iter_mut().find(|holder| holder.peer == peer) {
                Some(holder) => holder.paths.push((path_id, path)),
                None => list.push(Holder { peer, at, record, paths: vec![(path_id, path)] }),
            }
        }
        for list in
            replays.iter_mut().flat_map(|replay| &mut replay.tables).flat_map(|table| table.holders.values_mut())
        {
            list.sort_by_key(|holder| holder.peer);
        }
        Ok(())
    }

    pub fn spans(&self, replays: &mut [Replay], known: &mut Known) -> Result<(), String> {
        let columns = [
            COLLECTOR,
            PEER_ADDRESS,
            PEER_ASN,
            PREFIX,
            FAMILY,
            ORIGIN,
            UPSTREAM,
            AS_PATH,
            FROM,
            TO,
            STATE,
            EVIDENCE,
            ANNOUNCED_AT,
            COMPLETE,
            FILE,
            RECORD,
            OFFSET,
        ];
        let rows = self.open(SPANS, &columns)?;
        for row in 0..rows.n {
            let (replay, peer) = known.peer(&rows, row)?;
            let (from, to, state) = (rows.time(FROM, row)?, rows.time(TO, row)?, rows.text(STATE, row)?);
            let record = self.record(&rows, row)?;
            match rows.prefix(row)? {
                Some(prefix) => {
                    let state = match state {
                        "present" => RouteState::Present(known.path(&rows, row)?),
                        "absent" => RouteState::Absent,
                        "unknown" => RouteState::Unknown,
                        other => return Err(format!("row {row} has the unknown state '{other}'")),
                    };
                    let name = rows.text(EVIDENCE, row)?;
                    let evidence = Evidence::ALL.into_iter().find(|evidence| evidence.name() == name);
                    let evidence = evidence.ok_or_else(|| format!("row {row} has the unknown evidence '{name}'"))?;
                    let announced_at = rows.time(ANNOUNCED_AT, row)?;
                    let span = RouteSpan { peer, prefix, from, to, state, evidence, announced_at, record };
                    replays[replay].routes.push(span);
                }
                None => {
                    let states = [PeerState::Up, PeerState::Syncing, PeerState::Down, PeerState::Unknown];
                    let state = states.into_iter().find(|known| session_name(*known) == state);
                    let state = state.ok_or_else(|| format!("row {row} has an unknown state"))?;
                    let name = rows.text(FAMILY, row)?;
                    let family = Family::ALL.into_iter().find(|family| family.to_string() == name);
                    let family = family.ok_or_else(|| format!("row {row} has the unknown family '{name}'"))?;
                    let complete = rows.flag(COMPLETE, row)?.unwrap_or_default();
                    replays[replay].sessions.push(PeerSpan { peer, family, from, to, state, complete, record });
                }
            }
        }
        Ok(())
    }
}

/// A table as columns of plain values.
struct Rows {
    n: usize,
    columns: FxHashMap<&'static str, Values>,
}

enum Values {
    Text(StringChunked),
    Number(UInt64Chunked),
    Time(Int64Chunked),
    Flag(BooleanChunked),
}

impl Values {
    pub fn new(column: &Column) -> Option<Values> {
        match column.dtype() {
            DataType::String => column.str().ok().cloned().map(Values::Text),
            DataType::Boolean => column.bool().ok().cloned().map(Values::Flag),
            DataType::Datetime(TimeUnit::Microseconds, _) => {
                column.cast(&DataType::Int64).ok()?.i64().ok().cloned().map(Values::Time)
            }
            DataType::UInt32 | DataType::UInt64 => {
                column.cast(&DataType::UInt64).ok()?.u64().ok().cloned().map(Values::Number)
            }
            _ => None,
        }
    }
}

impl Rows {
    fn maybe_text(&self, name: &str, row: usize) -> Result<Option<&str>, String> {
        match self.columns.get(name) {
            Some(Values::Text(values)) => Ok(values.get(row)),
            _ => Err(format!("its column '{name}' is no text")),
        }
    }

    fn text(&self, name: &str, row: usize) -> Result<&str, String> {
        self.maybe_text(name, row)?.ok_or_else(|| format!("row {row} has no {name}"))
    }

    fn maybe_number(&self, name: &str, row: usize) -> Result<Option<u64>, String> {
        match self.columns.get(name) {
            Some(Values::Number(values)) => Ok(values.get(row)),
            _ => Err(format!("its column '{name}' is no number")),
        }
    }

    fn number(&self, name: &str, row: usize) -> Result<u64, String> {
        self.maybe_number(name, row)?.ok_or_else(|| format!("row {row} has no {name}"))
    }

    fn flag(&self, name: &str, row: usize) -> Result<Option<bool>, String> {
        match self.columns.get(name) {
            Some(Values::Flag(values)) => Ok(values.get(row)),
            _ => Err(format!("its column '{name}' is no flag")),
        }
    }

    fn time(&self, name: &str, row: usize) -> Result<Timestamp, String> {
        let value = match self.columns.get(name) {
            Some(Values::Time(values)) => values.get(row),
            _ => return Err(format!("its column '{name}' is no timestamp")),
        };
        value.map(Timestamp::from_micros).ok_or_else(|| format!("row {row} has no {name}"))
    }

    fn prefix(&self, row: usize) -> Result<Option<Prefix>, String> {
        let Some(text) = self.maybe_text(PREFIX, row)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| format!("row {row}: {error}"))
    }
}
