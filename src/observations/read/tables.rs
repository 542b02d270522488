//! The tables of a folder, row by row.

use std::collections::BTreeMap;
use std::path::Path;

use rustc_hash::FxHashMap;

use super::super::columns::*;
use super::super::manifest::{MANIFEST, ResultFile};
use super::super::write::{DOUBTS, PEERS, RIB_ENTRIES, RIB_TABLES, SPANS};
use super::rows::{Rows, read_frame};
use crate::bgp::{AsPath, Asn, Family, Peer, PerFamily, Prefix};
use crate::coverage::FileReading;
use crate::replay::{
    Basis, Doubt, DoubtReason, FileIndex, Holder, PeerId, PeerSpan, RecordRef, Replay, RibTable, RouteSpan, RouteState,
};
use crate::time::Window;

/// Looks up what rows refer to by name. Paths are interned, because many rows have the same one.
pub(super) struct KnownNames {
    /// Index of the replay and of the peer in it, by collector, address and AS number.
    peers: FxHashMap<(String, String, u32), (usize, PeerId)>,
    /// Index of the replay, by collector.
    collectors: BTreeMap<String, usize>,
    /// By text, and whether the path has no known origin.
    paths: FxHashMap<(String, bool), AsPath>,
}

impl KnownNames {
    pub(super) fn new(replays: &[Replay]) -> KnownNames {
        let mut peers = FxHashMap::default();
        for (index, replay) in replays.iter().enumerate() {
            for (id, peer) in replay.peer_ids().zip(&replay.peers) {
                let key = (replay.collector.to_string(), peer.address.to_string(), peer.asn.0);
                peers.insert(key, (index, id));
            }
        }
        KnownNames { peers, collectors: collectors(replays), paths: FxHashMap::default() }
    }

    fn collector(&self, rows: &Rows, row: usize) -> Result<usize, String> {
        collector(&self.collectors, rows, row)
    }

    fn peer(&self, rows: &Rows, row: usize) -> Result<(usize, PeerId), String> {
        let (collector, address) = (rows.text(COLLECTOR, row)?, rows.text(PEER_ADDRESS, row)?);
        let asn = rows.number(PEER_ASN, row)? as u32;
        let known = self.peers.get(&(collector.to_owned(), address.to_owned(), asn)).copied();
        known.ok_or_else(|| format!("row {row} names AS{asn} {address} at {collector}, which {PEERS} does not list"))
    }

    fn path(&mut self, rows: &Rows, row: usize) -> Result<Option<AsPath>, String> {
        let Some(text) = rows.maybe_text(AS_PATH, row)? else { return Ok(None) };
        let has_origin = rows.maybe_number(ORIGIN, row)?.is_some();
        let is_open = is_open(text, has_origin, rows.maybe_number(UPSTREAM, row)?);
        let key = (text.to_owned(), is_open);
        if let Some(path) = self.paths.get(&key) {
            return Ok(Some(path.clone()));
        }
        let path = parse_path(text, is_open).ok_or_else(|| format!("row {row} has the invalid AS path '{text}'"))?;
        self.paths.insert(key, path.clone());
        Ok(Some(path))
    }
}

/// Whether the last AS of a stored path is not its origin: the path ended in a segment that names none.
///
/// The origin column is then null. It is also null for an AS_SET, and for `AS_TRANS`, which is an origin unless the route was
/// also handed to that AS.
fn is_open(text: &str, has_origin: bool, upstream: Option<u64>) -> bool {
    let last = text.rsplit(' ').next().and_then(|word| word.parse::<u64>().ok());
    let is_trans = last == Some(u64::from(Asn::TRANS.0));
    !has_origin && !text.ends_with('}') && (!is_trans || upstream == last)
}

/// Parses `7018 4837 {64500,64501}`: the reverse of [`AsPath`]'s display.
fn parse_path(text: &str, is_open: bool) -> Option<AsPath> {
    let (plain, set) = match text.strip_suffix('}').and_then(|text| text.split_once('{')) {
        Some((plain, set)) => (plain, set),
        None => (text, ""),
    };
    let words = plain.split_whitespace().chain(set.split(',').filter(|word| !word.is_empty()));
    let hops: Vec<Asn> = words.map(|word| word.parse().ok().map(Asn)).collect::<Option<_>>()?;
    let n_origins = if is_open { 0 } else { set.split(',').count() };
    Some(AsPath::new(hops, n_origins))
}

fn collectors(replays: &[Replay]) -> BTreeMap<String, usize> {
    replays.iter().enumerate().map(|(index, replay)| (replay.collector.to_string(), index)).collect()
}

fn collector(known: &BTreeMap<String, usize>, rows: &Rows, row: usize) -> Result<usize, String> {
    let name = rows.text(COLLECTOR, row)?;
    known.get(name).copied().ok_or_else(|| format!("row {row} names {name}, which {MANIFEST} does not list"))
}

fn prefix(rows: &Rows, row: usize) -> Result<Option<Prefix>, String> {
    let Some(text) = rows.maybe_text(PREFIX, row)? else { return Ok(None) };
    text.parse().map(Some).map_err(|error| format!("row {row}: {error}"))
}

/// The Parquet files of a folder, as its manifest lists them.
pub(super) struct Tables<'a> {
    folder: &'a Path,
    listed: &'a [ResultFile],
    /// Archive files by name.
    files: FxHashMap<&'a str, FileIndex>,
}

impl<'a> Tables<'a> {
    pub(super) fn new(folder: &'a Path, listed: &'a [ResultFile], files: &'a [FileReading]) -> Tables<'a> {
        let files =
            files.iter().zip((0..).map(FileIndex::new)).map(|(file, index)| (file.name.as_str(), index)).collect();
        Tables { folder, listed, files }
    }

    /// Reads a table, if it is the one that was written.
    fn open(&self, name: &str, columns: &[&'static str]) -> Result<Rows, String> {
        let listed = self.listed.iter().find(|file| file.name == name);
        let listed = listed.ok_or_else(|| "the run was written without --export parquet".to_owned())?;
        Rows::new(&read_frame(&self.folder.join(name), &listed.sha256)?, columns)
    }

    fn file(&self, rows: &Rows, row: usize) -> Result<Option<FileIndex>, String> {
        let Some(name) = rows.maybe_text(FILE, row)? else { return Ok(None) };
        let file = self.files.get(name).copied();
        file.map(Some).ok_or_else(|| format!("row {row} names {name}, which {MANIFEST} does not list"))
    }

    fn record(&self, rows: &Rows, row: usize) -> Result<Option<RecordRef>, String> {
        let Some(file) = self.file(rows, row)? else { return Ok(None) };
        Ok(Some(RecordRef::new(file, rows.number(RECORD, row)?, rows.number(BYTE_OFFSET, row)?)))
    }

    pub(super) fn peers(&self, replays: &mut [Replay]) -> Result<(), String> {
        let known = collectors(replays);
        let rows = self.open(PEERS, &[COLLECTOR, PEER_ADDRESS, PEER_ASN, FOREIGN_FIRST_HOP, INTERNAL])?;
        for row in 0..rows.n {
            let replay = &mut replays[collector(&known, &rows, row)?];
            let address = rows.text(PEER_ADDRESS, row)?;
            let address = address.parse().map_err(|_| format!("row {row} has the invalid address '{address}'"))?;
            replay.peers.push(Peer { address, asn: Asn(rows.number(PEER_ASN, row)? as u32) });
            replay.first_as_mismatch.push(rows.flag(FOREIGN_FIRST_HOP, row)?.unwrap_or_default());
            replay.is_internal.push(rows.flag(INTERNAL, row)?.unwrap_or_default());
        }
        match replays.iter().all(|replay| replay.peers.is_sorted()) {
            true => Ok(()),
            false => Err("its rows are not sorted".to_owned()),
        }
    }

    pub(super) fn doubts(&self, replays: &mut [Replay], known: &KnownNames) -> Result<(), String> {
        let rows = self.open(DOUBTS, &[COLLECTOR, PEER_ADDRESS, PEER_ASN, STARTED_AT, ENDED_AT, REASON])?;
        for row in 0..rows.n {
            let (replay, peer) = match rows.maybe_text(PEER_ADDRESS, row)? {
                Some(_) => known.peer(&rows, row).map(|(replay, peer)| (replay, Some(peer)))?,
                None => (known.collector(&rows, row)?, None),
            };
            let (start, end) = (rows.time(STARTED_AT, row)?, rows.time(ENDED_AT, row)?);
            let window = Window::new(start, end).map_err(|error| format!("row {row}: {error}"))?;
            let reason = rows.named(REASON, row, &DoubtReason::ALL, DoubtReason::name)?;
            replays[replay].doubts.push(Doubt { window, peer, reason });
        }
        Ok(())
    }

    pub(super) fn rib_tables(&self, replays: &mut [Replay], known: &KnownNames) -> Result<(), String> {
        let [v4, v6] = N_PREFIXES;
        let columns = [COLLECTOR, FILE, FIRST_AT, LAST_AT, PEER_ADDRESS, PEER_ASN, v4, v6];
        let rows = self.open(RIB_TABLES, &columns)?;
        for row in 0..rows.n {
            let (replay, peer) = known.peer(&rows, row)?;
            let file = self.file(&rows, row)?.ok_or_else(|| format!("row {row} has no {FILE}"))?;
            let Replay { tables, peers, .. } = &mut replays[replay];
            if tables.last().is_none_or(|table| table.file != file) {
                let (begun_at, done_at) = (rows.time(FIRST_AT, row)?, rows.time(LAST_AT, row)?);
                let sizes = vec![PerFamily::default(); peers.len()];
                tables.push(RibTable { file, begun_at, done_at, sizes, holders: BTreeMap::new() });
            }
            if let Some(table) = tables.last_mut() {
                table.sizes[peer.get()] = PerFamily::new(rows.number(v4, row)?, rows.number(v6, row)?);
            }
        }
        Ok(())
    }

    pub(super) fn rib_entries(&self, replays: &mut [Replay], known: &mut KnownNames) -> Result<(), String> {
        let columns = [
            COLLECTOR,
            FILE,
            PREFIX,
            PEER_ADDRESS,
            PEER_ASN,
            AT,
            PATH_ID,
            ORIGIN,
            UPSTREAM,
            AS_PATH,
            RECORD,
            BYTE_OFFSET,
        ];
        let rows = self.open(RIB_ENTRIES, &columns)?;
        for row in 0..rows.n {
            let (replay, peer) = known.peer(&rows, row)?;
            let record = self.record(&rows, row)?.ok_or_else(|| format!("row {row} has no {FILE}"))?;
            let table = replays[replay].tables.iter_mut().find(|table| table.file == record.file);
            let table = table.ok_or_else(|| format!("row {row} is from a RIB dump that {RIB_TABLES} does not list"))?;
            let prefix = prefix(&rows, row)?.ok_or_else(|| format!("row {row} has no {PREFIX}"))?;
            let path = known.path(&rows, row)?.ok_or_else(|| format!("row {row} has no {AS_PATH}"))?;
            let path_id = rows.maybe_number(PATH_ID, row)?.map(|id| id as u32);
            let at = rows.time(AT, row)?;
            let holders = table.holders.entry(prefix).or_default();
            match holders.iter_mut().find(|holder| holder.peer == peer) {
                Some(holder) => holder.paths.push((path_id, path)),
                None => holders.push(Holder { peer, at, record, paths: [(path_id, path)].into() }),
            }
        }
        let tables = replays.iter_mut().flat_map(|replay| &mut replay.tables);
        let lists = tables.flat_map(|table| table.holders.values_mut());
        lists.for_each(|holders| holders.sort_by_key(|holder| holder.peer));
        Ok(())
    }

    pub(super) fn spans(&self, replays: &mut [Replay], known: &mut KnownNames) -> Result<(), String> {
        let who = [COLLECTOR, PEER_ADDRESS, PEER_ASN, PREFIX, FAMILY];
        let what = [ORIGIN, UPSTREAM, AS_PATH, STATE, EVIDENCE, COMPLETE];
        let when = [STARTED_AT, ENDED_AT, ANNOUNCED_AT, FILE, RECORD, BYTE_OFFSET];
        let rows = self.open(SPANS, &[&who[..], &what, &when].concat())?;
        for row in 0..rows.n {
            let (replay, peer) = known.peer(&rows, row)?;
            match prefix(&rows, row)? {
                Some(prefix) => {
                    let span = self.route_span(&rows, row, peer, prefix, known)?;
                    replays[replay].routes.push(span);
                }
                None => replays[replay].sessions.push(self.session_span(&rows, row, peer)?),
            }
        }
        Ok(())
    }

    fn route_span(
        &self,
        rows: &Rows,
        row: usize,
        peer: PeerId,
        prefix: Prefix,
        known: &mut KnownNames,
    ) -> Result<RouteSpan, String> {
        let state = match rows.text(STATE, row)? {
            PRESENT => RouteState::Present(known.path(rows, row)?),
            ABSENT => RouteState::Absent,
            UNKNOWN => RouteState::Unknown,
            other => return Err(format!("row {row} has the unknown {STATE} '{other}'")),
        };
        Ok(RouteSpan {
            peer,
            prefix,
            from: rows.time(STARTED_AT, row)?,
            to: rows.time(ENDED_AT, row)?,
            state,
            evidence: rows.named(EVIDENCE, row, &Basis::ALL, Basis::name)?,
            announced_at: rows.time(ANNOUNCED_AT, row)?,
            record: self.record(rows, row)?,
        })
    }

    fn session_span(&self, rows: &Rows, row: usize, peer: PeerId) -> Result<PeerSpan, String> {
        let name = rows.text(FAMILY, row)?;
        let family = Family::ALL.into_iter().find(|family| family.to_string() == name);
        Ok(PeerSpan {
            peer,
            family: family.ok_or_else(|| format!("row {row} has the unknown {FAMILY} '{name}'"))?,
            from: rows.time(STARTED_AT, row)?,
            to: rows.time(ENDED_AT, row)?,
            state: rows.named(STATE, row, &SESSION_STATES, session_name)?,
            complete: rows.flag(COMPLETE, row)?.unwrap_or_default(),
            record: self.record(rows, row)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_parsed_as_it_was_displayed() {
        for (hops, n_origins) in [
            (&[7018, 4837, 131279][..], 1),
            (&[7018, 131279, 65000], 2),
            (&[131279, 65000], 2),
            (&[7018, 4837], 0),
            (&[7018, 23456], 0),
            (&[7018, 23456], 1),
            (&[], 0),
        ] {
            let path = AsPath::new(hops.iter().copied().map(Asn).collect::<Vec<_>>(), n_origins);
            let text = path.to_string();
            let is_open =
                is_open(&text, path.origin().is_some(), path.upstream().map(|upstream| u64::from(upstream.0)));
            assert_eq!(parse_path(&text, is_open), Some(path), "{text}");
        }
        assert_eq!(parse_path("7018 x", false), None);
    }
}
