//! The reading of a file in the making: events, damage and times are added record by record.

use super::attributes::Encoding;
use super::clock::{self, Runs};
use super::control::Control;
use super::limits;
use super::lists::Lists;
use super::mrt::{HEADER, TABLE_DUMP_V2};
use super::numbers::Numbers;
use super::paths::Paths;
use super::peers::FilePeers;
use super::prefilter::usual_origin;
use super::prefix_hash::hash_bits;
use super::skipped_prefixes::{RIB_BLOCKS, SkippedPrefixes, UPDATE_BLOCKS};
use super::walk::Record;
use super::{
    Census, Change, Ending, Lost, MAX_DAMAGE, PeerIndex, Reading, RecordCounts, RibEntries, RibEntry, RibRecord,
    RouteEvent, Selection,
};
use crate::bgp::{AsPath, Asn, Family, Prefix};
use crate::coverage::{Damage, Skipped};
use crate::time::Timestamp;

/// Each of them waits for memory: together they wait at the same time. A RIB dump with fewer has the filter of an update file.
const SKIPPED_AT_A_TIME: usize = 4096;

/// This many ranges of skipped bytes are kept apart per file; with more, the last one grows to the end of the file.
const MAX_SKIPPED: usize = 100;

/// A [`Reading`] being built.
pub(super) struct ReadingBuilder<'s> {
    pub(super) selection: &'s Selection,
    /// Decode everything: the prefilter is left out. For tests.
    pub(super) decode_all: bool,
    pub(super) peers: FilePeers,
    pub(super) paths: Paths,
    pub(super) numbers: Numbers,
    pub(super) control: Control,
    pub(super) counts: RecordCounts,
    pub(super) skipped_prefixes: SkippedPrefixes,
    /// The hashes of prefixes of RIB dumps that go there next.
    skipped_in_rib: Vec<u64>,
    events: Vec<RouteEvent>,
    rib: RibEntries,
    damage: Vec<Damage>,
    /// The record that was counted as damaged last.
    latest_damaged: Option<u64>,
    has_trailing_bytes: bool,
    runs: Runs,
    skipped: Vec<Skipped>,
    /// The times of the latest two records; the end of time before the first.
    latest: [Timestamp; 2],
}

/// Facts about a whole RIB dump, for the census.
pub(super) struct DumpTraits {
    pub(super) last_blocks: [u16; 2],
    pub(super) is_by_length: bool,
    pub(super) lacks_peer_table: bool,
}

impl<'s> ReadingBuilder<'s> {
    pub(super) fn new(selection: &'s Selection, decode_all: bool) -> ReadingBuilder<'s> {
        ReadingBuilder {
            selection,
            decode_all,
            peers: FilePeers::default(),
            paths: Paths::default(),
            numbers: Numbers::default(),
            control: Control::default(),
            counts: RecordCounts::default(),
            skipped_prefixes: SkippedPrefixes::default(),
            skipped_in_rib: Vec::new(),
            events: Vec::new(),
            rib: RibEntries::default(),
            damage: Vec::new(),
            latest_damaged: None,
            has_trailing_bytes: false,
            runs: Runs::default(),
            skipped: Vec::new(),
            latest: [Timestamp::MAX; 2],
        }
    }

    /// The finished reading.
    pub(super) fn finish(mut self, ending: Ending, traits: DumpTraits) -> Reading {
        self.add_skipped_in_rib();
        self.skipped_prefixes.fold();
        self.numbers.name(&mut self.peers);
        let runs = self.runs.finish();
        let believed = clock::believed(&runs, None);
        let census = Census {
            peers: self.peers.into_list(),
            control: self.control.finish(),
            counts: self.counts,
            damage: self.damage,
            span: clock::span(&believed),
            read_until: believed.last().map(|run| run.last_at),
            runs,
            skipped: self.skipped,
            ending,
            has_trailing_bytes: self.has_trailing_bytes,
            last_blocks: traits.last_blocks,
            is_by_length: traits.is_by_length,
            lacks_peer_table: traits.lacks_peer_table,
        };
        Reading { census, events: self.events, rib: self.rib, skipped_prefixes: self.skipped_prefixes }
    }

    /// What the file has too many of, so that the rest of it is not read; None if its size is that of a real file.
    pub(super) fn excess(&self) -> Option<String> {
        if self.rib.len() > limits::MAX_ROUTES {
            return Some(format!("{} routes of the selected prefixes", limits::MAX_ROUTES));
        }
        if self.events.len() > limits::MAX_CHANGES {
            return Some(format!("{} changes of the selected prefixes", limits::MAX_CHANGES));
        }
        if self.peers.len() > limits::MAX_PEERS {
            return Some(format!("{} peers", limits::MAX_PEERS));
        }
        self.control
            .is_excessive(self.selection)
            .then(|| format!("{} prefixes of the control sample", limits::MAX_SAMPLED))
    }

    /// Adds the time of the next record. Hot: once per record.
    #[inline]
    pub(super) fn time(&mut self, at: Timestamp) {
        self.latest = [at, self.latest[0]];
        self.runs.add(self.counts.records, at);
    }

    pub(super) fn event(&mut self, record: &Record, at: Timestamp, peer: PeerIndex, change: Change) {
        let (clock, run) = (self.runs.now(), self.runs.index());
        self.events.push(RouteEvent { at, clock, run, record: record.index, offset: record.offset, peer, change });
    }

    /// Adds an entry of a RIB dump.
    pub(super) fn rib_entry(&mut self, record: &Record, at: Timestamp, prefix: Prefix, entry: RibEntry) {
        self.rib.push(RibRecord { at, record: record.index, offset: record.offset, prefix }, entry);
    }

    /// Removes the RIB entries of a family: its dump begins again.
    pub(super) fn forget_rib_entries(&mut self, family: Family) {
        self.control.forget_held(family);
        self.rib.retain(|prefix| prefix.family() != family);
    }

    /// Adds the changes of the control sample in an UPDATE.
    #[inline]
    pub(super) fn sample(&mut self, peer: PeerIndex, lists: &Lists, encoding: Encoding) {
        let now = (self.runs.now(), self.runs.index());
        self.control.update(now, self.events.len(), peer, lists, encoding.add_path, self.selection);
        if self.selection.samples_origins() {
            let control = &mut self.control;
            let note = |origins: &[Asn]| control.originate_announced(lists, origins);
            with_origins(&mut self.paths, lists.attributes, encoding.four_octets, note);
        }
    }

    /// Adds the origin of a sampled prefix in a RIB dump.
    pub(super) fn sample_origin(&mut self, prefix: u32, attributes: &[u8], four_octets: bool) {
        let control = &mut self.control;
        with_origins(&mut self.paths, attributes, four_octets, |origins| control.originate(prefix, origins));
    }

    /// Counts a route of a peer whose AS number the records lack.
    pub(super) fn count_number(&mut self, peer: PeerIndex, attributes: &[u8], four_octets: bool) {
        if let Ok(Some(path)) = self.paths.decode(attributes, four_octets) {
            self.numbers.count(peer, &path, attributes, four_octets);
        }
    }

    /// Whether a selected origin may originate a route with this path.
    pub(super) fn originates(&self, path: &AsPath) -> bool {
        self.selection.originates(path)
    }

    /// Notes that an UPDATE names a prefix and no event reports it.
    pub(super) fn skip_in_update(&mut self, prefix: &Prefix) {
        if self.selection.has_origins() {
            self.skipped_prefixes.grow(UPDATE_BLOCKS);
            self.skipped_prefixes.add(hash_bits(prefix.bits(), prefix.len()));
        }
    }

    /// Notes that a RIB dump names the prefix with this hash and not all its routes are reported.
    #[inline]
    pub(super) fn skip_in_rib(&mut self, hash: u64) {
        if self.selection.has_origins() {
            self.skipped_in_rib.push(hash);
            if self.skipped_in_rib.len() == SKIPPED_AT_A_TIME {
                self.add_skipped_in_rib();
            }
        }
    }

    #[cold]
    fn add_skipped_in_rib(&mut self) {
        if !self.skipped_in_rib.is_empty() {
            let is_small = self.skipped_in_rib.len() < SKIPPED_AT_A_TIME;
            self.skipped_prefixes.grow(if is_small { UPDATE_BLOCKS } else { RIB_BLOCKS });
            self.skipped_in_rib.drain(..).for_each(|hash| self.skipped_prefixes.add(hash));
        }
    }

    /// A message of `peer` that cannot be read at all.
    pub(super) fn lost(&mut self, record: &Record, at: Timestamp, peer: PeerIndex, what: String) {
        self.damage(record, what);
        self.event(record, at, peer, Change::Lost(Lost::ANYTHING));
    }

    /// A record that does not name its peer: from here on every peer is uncertain, as if the bytes of the record belonged to
    /// none.
    pub(super) fn orphan(&mut self, record: &Record, at: Timestamp) {
        let (offset, bytes) = (record.offset, (HEADER + record.body.len()) as u64);
        self.push_skipped(Skipped { offset, bytes, after: at, before: at });
    }

    /// Counts the bytes before a record that belong to none. The record before them may be damaged too, so the
    /// uncertain interval begins with the one before that.
    pub(super) fn skip_bytes(&mut self, record: &Record, before: Timestamp) {
        let (offset, n) = (record.offset - record.n_skipped, record.n_skipped);
        let after = before.min(self.latest[0]).min(self.latest[1]);
        let what = format!("{n} bytes that belong to no record");
        self.count_damage(Damage { record: record.index, offset, what });
        self.push_skipped(Skipped { offset, bytes: n, after, before });
    }

    /// Counts bytes after the end of the container.
    pub(super) fn trailing_bytes(&mut self, offset: u64, n: u64) {
        let what = format!("{n} bytes that belong to nothing follow the end of the container");
        self.count_damage(Damage { record: self.counts.records, offset, what });
        self.has_trailing_bytes = true;
    }

    /// Adds a range of bytes, to the one before it if that ends where this one begins.
    fn push_skipped(&mut self, skipped: Skipped) {
        let is_full = self.skipped.len() >= MAX_SKIPPED;
        match self.skipped.last_mut() {
            Some(last) if is_full || last.offset + last.bytes == skipped.offset => {
                last.bytes += skipped.bytes;
                last.after = last.after.min(skipped.after);
                last.before = last.before.max(skipped.before);
            }
            _ => self.skipped.push(skipped),
        }
    }

    /// Counts a record as damaged, once.
    pub(super) fn damage(&mut self, record: &Record, what: String) {
        if self.latest_damaged.replace(record.index) != Some(record.index) {
            self.count_damage(Damage { record: record.index, offset: record.offset, what });
        } else if record.kind == TABLE_DUMP_V2 {
            self.damage_again(record, what);
        }
    }

    /// Keeps the first in alphabetical order of all that is wrong with a RIB record, because which fault is found first
    /// depends on whether the prefix was selected before the record was read.
    fn damage_again(&mut self, record: &Record, what: String) {
        let known = self.damage.iter_mut().find(|known| (known.record, known.offset) == (record.index, record.offset));
        if let Some(known) = known.filter(|known| what < known.what) {
            known.what = what;
        }
    }

    /// Whether this record is the one counted as damaged last.
    pub(super) fn is_damaged(&self, record: &Record) -> bool {
        self.latest_damaged == Some(record.index)
    }

    /// Sets the record that was counted as damaged last, to read an earlier record again; returns the one before.
    pub(super) fn set_latest_damaged(&mut self, record: Option<u64>) -> Option<u64> {
        std::mem::replace(&mut self.latest_damaged, record)
    }

    /// Keeps the list in the order of the file: covering records may be read after records that follow them.
    pub(super) fn count_damage(&mut self, damage: Damage) {
        self.counts.damaged += 1;
        let place = |damage: &Damage| (damage.record, damage.offset);
        let at = self.damage.partition_point(|known| place(known) <= place(&damage));
        if at < MAX_DAMAGE {
            self.damage.insert(at, damage);
            self.damage.truncate(MAX_DAMAGE);
        }
    }
}

/// Calls `note` with the origins of a route, unless it has no readable path. Hot: once per route of a dump, while origins are sampled.
#[inline]
fn with_origins(paths: &mut Paths, attributes: &[u8], four_octets: bool, note: impl FnOnce(&[Asn])) {
    if let Some(origin) = usual_origin(attributes, four_octets) {
        note(&[origin]);
    } else if let Ok(Some(path)) = paths.decode(attributes, four_octets) {
        note(path.origins());
    }
}
