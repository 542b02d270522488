//! A few prefixes looked up in a RIB dump, of which only small parts are read.
//!
//! The blocks of a bzip2 file can be decoded independently, and the daemons of RouteViews write a dump in the order of its
//! prefixes, with a sequence number in each record. So a prefix is found by bisection, and its absence is shown by two records
//! with successive numbers between which it would be. Nothing is claimed about a dump that is not, wherever it was read, in
//! this order: such a file has to be read as a whole.
//!
//! The routes are decoded by the reader of whole files, so that both give the same.

mod bytes;
mod chain;
mod estimate;
mod search;
mod seeking;
mod stretch;
#[cfg(test)]
mod tests;

use std::fmt;

use super::{Selection, container, records};
use crate::archive::ReadAt;
use crate::bgp::{AsPath, Peer, Prefix};
use crate::helpers::Helpers;
use crate::time::Timestamp;
use search::{DumpSearch, Guess};
use stretch::{Side, Stretch};

/// Bytes read at the beginning and at the end of a dump of which nothing is known.
const N_FIRST: u64 = 96_000;
const N_LAST: u64 = 128_000;
/// The same if an earlier dump showed how many are needed.
const SPARE: u64 = 12_000;

/// Why prefixes cannot be looked up in a file. It has to be read as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CannotLookUp(pub String);

impl fmt::Display for CannotLookUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What parts of a RIB dump show about some prefixes.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The prefixes that were looked up, in the order in which they were given.
    pub prefixes: Vec<LookedUp>,
    /// The vantage points of the peer table, once each.
    pub tables: Vec<EstimatedTable>,
    /// How many records were counted to estimate the tables, IPv4 then IPv6.
    pub n_sampled: [u64; 2],
    /// The number of records in the dump, one for nearly every prefix.
    pub n_records: u64,
    /// The earliest and the latest time of the records that were read.
    pub span: (Timestamp, Timestamp),
    /// Bytes read.
    pub n_bytes: u64,
    /// Where to look in the next dump of this collector.
    pub hints: Hints,
}

/// One prefix in a RIB dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedUp {
    /// The prefix.
    pub prefix: Prefix,
    /// When its record was written or, if there is none, the record before its place or, at the beginning, after it.
    pub at: Timestamp,
    /// Whether the dump has a record of it.
    pub is_present: bool,
    /// Its routes in the order of the dump: peer, path identifier, path.
    pub routes: Vec<(Peer, Option<u32>, AsPath)>,
}

/// The estimated table of a vantage point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstimatedTable {
    /// The vantage point.
    pub peer: Peer,
    /// About how many prefixes it holds, IPv4 then IPv6.
    pub sizes: [u64; 2],
}

/// What a lookup shows about the places of prefixes in the next dumps of the same collector. Wrong hints cost time and change
/// nothing else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hints {
    /// Blocks by their first prefix.
    places: Vec<(Prefix, Guess)>,
    /// Bytes of the first and the last blocks.
    n_first: Option<u64>,
    n_last: Option<u64>,
    /// Where IPv6 begins.
    v6: Option<Border>,
}

/// Where IPv6 begins in a dump: after this share of its records, and after this share of its bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Border {
    records: f64,
    bytes: f64,
}

impl Hints {
    fn guess(&self, prefix: &Prefix) -> Option<Guess> {
        let after = self.places.partition_point(|(first, _)| first <= prefix);
        self.places.get(after.checked_sub(1)?).map(|(_, guess)| *guess)
    }

    /// Returns how many bytes of the beginning of a file a lookup reads in any case.
    pub fn first_bytes(&self) -> usize {
        self.n_first.map_or(N_FIRST, |n| n + SPARE) as usize
    }

    /// Returns about which share of the bytes of a dump comes before its IPv6 records. None if it is not known.
    pub fn v4_bytes(&self) -> Option<f64> {
        self.v6.map(|border| border.bytes)
    }

    /// Adds the places that another lookup in the same file found.
    pub fn add(&mut self, other: Hints) {
        self.places.extend(other.places);
        self.places.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.from.total_cmp(&b.1.from)));
        self.places.dedup();
    }
}

/// Looks prefixes up in a RIB dump. `samples` are shares of its length at which one more block each is read, for better
/// estimates of the tables.
///
/// # Errors
///
/// If the file is not a whole dump of TABLE_DUMP_V2 in one bzip2 container, sorted by prefix and numbered, as far as it was
/// read; if a part that is needed is damaged; or if a part cannot be read.
pub fn look_up(
    input: &mut dyn ReadAt,
    prefixes: &[Prefix],
    hints: &Hints,
    samples: &[f64],
) -> Result<Lookup, CannotLookUp> {
    search(input, prefixes, hints, samples).map_err(CannotLookUp)
}

fn search(input: &mut dyn ReadAt, prefixes: &[Prefix], hints: &Hints, samples: &[f64]) -> Result<Lookup, String> {
    let n_first = hints.first_bytes() as u64;
    let n_last = hints.n_last.map_or(N_LAST, |n| n + SPARE);
    let mut search = DumpSearch::open(input, n_first, n_last)?;
    let n_first = search.stretches.first().and_then(Stretch::next).map(|next| next.div_ceil(8));
    let n_last = search.stretches.last().map(|last| search.file.bytes.length() - last.begin() / 8);
    let mut sorted = prefixes.to_vec();
    sorted.sort_unstable();
    for prefix in &sorted {
        search.locate(prefix, hints.guess(prefix))?;
    }
    let v6 = match hints.v6 {
        Some(border) => Some(border),
        None => border(&mut search)?,
    };
    for share in samples {
        search.sample(*share)?;
    }
    let estimates = estimate::estimate(&search.stretches, search.peers.len(), v6.map(|border| border.records));
    let looked_up = prefixes.iter().map(|prefix| looked_up(&search, prefix)).collect::<Result<_, _>>()?;
    let mut tables: Vec<EstimatedTable> = Vec::new();
    for (peer, sizes) in search.peers.iter().zip(&estimates.tables) {
        let peer = Peer { address: peer.address.to_canonical(), asn: peer.asn };
        match tables.iter_mut().find(|table| table.peer == peer) {
            Some(table) => table.sizes = [0, 1].map(|family| table.sizes[family].max(sizes[family])),
            None if super::peers::is_placeholder(&peer) => {}
            None => tables.push(EstimatedTable { peer, sizes: *sizes }),
        }
    }
    let times = || search.stretches.iter().flat_map(Stretch::settled).map(|record| record.seconds);
    let (first, last) = times().min().zip(times().max()).ok_or("it has no records of routes")?;
    let length = search.file.bytes.length().max(1) as f64;
    let share = |bit: u64| bit as f64 / 8.0 / length;
    let places = search.stretches.iter().flat_map(Stretch::places);
    let places = places.map(|(prefix, begin, end)| (prefix, Guess { from: share(begin), to: end.map_or(1.0, share) }));
    Ok(Lookup {
        prefixes: looked_up,
        tables,
        n_sampled: estimates.n_sampled,
        n_records: estimates.n_records.iter().sum(),
        span: (at(first), at(last)),
        n_bytes: search.file.bytes.n_read(),
        hints: Hints { places: places.collect(), n_first, n_last, v6 },
    })
}

fn at(seconds: u32) -> Timestamp {
    Timestamp::from_secs(i64::from(seconds))
}

/// Looks up where IPv6 begins.
fn border(search: &mut DumpSearch) -> Result<Option<Border>, String> {
    let Some(last) = search.stretches.last().and_then(|stretch| stretch.records().last()).copied() else {
        return Ok(None);
    };
    let default = "::/0".parse::<Prefix>().map_err(|error| error.to_string())?;
    if last.prefix < default {
        return Ok(Some(Border { records: 1.0, bytes: 1.0 }));
    }
    search.locate(&default, None)?;
    let length = search.file.bytes.length().max(1) as f64;
    Ok(search.stretches.iter().find_map(|stretch| {
        let first = stretch.settled().iter().find(|record| record.prefix >= default)?;
        let records = f64::from(first.sequence) / (f64::from(last.sequence) + 1.0);
        Some(Border { records, bytes: stretch.begin() as f64 / 8.0 / length })
    }))
}

/// The routes of a prefix that was located.
fn looked_up(search: &DumpSearch, prefix: &Prefix) -> Result<LookedUp, String> {
    let stretch = search.stretches.iter().find(|stretch| stretch.side(prefix) == Side::Inside);
    let stretch = stretch.ok_or("the search lost its place")?;
    let table = search.stretches.first().and_then(Stretch::peer_table).ok_or("it has no peer table")?;
    let all = stretch.settled();
    let from = all.partition_point(|record| record.prefix < *prefix);
    let own = all.get(from..).unwrap_or_default();
    let own = own.get(..own.partition_point(|record| record.prefix == *prefix)).unwrap_or_default();
    let nearest = own.first().or_else(|| all.get(from.saturating_sub(1)));
    let at = at(nearest.ok_or("the search lost its place")?.seconds);
    let mut octets = table.to_vec();
    own.iter().for_each(|record| octets.extend_from_slice(stretch.octets(record)));
    let mut selection = Selection::new();
    selection.add_prefix(*prefix);
    let helpers = Helpers::new();
    let reading = records::read(container::decompress(&octets[..], &helpers), &selection);
    if let Some(damage) = reading.census.damage.first() {
        return Err(format!("its record of {prefix} cannot be read: {}", damage.what));
    }
    let peer = |index: u32| reading.census.peers.get(index as usize).map(|activity| activity.peer);
    let entries = reading.rib.iter().filter(|(record, _)| record.prefix == *prefix);
    let routes = entries.filter_map(|(_, entry)| Some((peer(entry.peer)?, entry.path_id, entry.path.clone())));
    Ok(LookedUp { prefix: *prefix, at, is_present: !own.is_empty(), routes: routes.collect() })
}
