//! The control sample of RIB dumps: which peers hold which sampled prefixes in each. All RIB dumps of a collector are kept
//! until the last of them has been read. Tables hardly change from one to the next, so each is stored as its difference from
//! the previous one.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::bits::ones;
use crate::bgp::{Family, Peer, Prefix};
use crate::decode::{PeerIndex, Reading};

/// The numbers of the prefixes of the control sample, shared by the collectors of a run because they sample the same prefixes.
/// A number depends on which collector reads the prefix first; no result depends on the number.
#[derive(Clone, Debug, Default)]
pub struct SampleNumbers(Arc<Mutex<FxHashMap<Prefix, u32>>>);

/// The control sample of the RIB dumps of one collector.
#[derive(Clone, Debug, Default)]
pub struct SampledTables {
    numbers: SampleNumbers,
    /// The family of each prefix that this collector has named, by number.
    families: Vec<Family>,
    peers: FxHashMap<Peer, u32>,
    /// In order of name, which is the order of time.
    tables: Vec<SampleTable>,
    /// The table shown: the first table that was taken, with the changes of the first `n_shown` tables applied.
    shown: BitGrid,
    n_shown: usize,
}

#[derive(Clone, Debug)]
struct SampleTable {
    name: String,
    /// The difference from the previous table; for the first one, from what was shown before it. In order of block and prefix.
    changes: Arc<[SampleChange]>,
    /// Peers that hold several paths of a prefix, which the sample does not count.
    untracked: Arc<[Peer]>,
}

/// Which of a block of 64 peers begin or stop holding a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SampleChange {
    block: u32,
    prefix: u32,
    peers: u64,
}

/// Which peers hold which prefixes: by block of 64 peers and prefix, one bit for each peer.
#[derive(Clone, Debug, Default)]
struct BitGrid(Vec<Vec<u64>>);

impl SampledTables {
    /// No RIB dump yet.
    pub fn new(numbers: SampleNumbers) -> SampledTables {
        SampledTables { numbers, ..SampledTables::default() }
    }

    /// Takes the sample out of a RIB dump. It replaces the sample of an earlier reading of the same RIB dump.
    pub fn take(&mut self, name: &str, reading: &mut Reading) {
        self.retain(|known| known != name);
        let control = &mut reading.census.control;
        let prefixes = self.number(&mem::take(&mut control.prefixes));
        let mut table = BitGrid::default();
        for (words, activity) in mem::take(&mut control.held).into_iter().zip(&reading.census.peers) {
            let n_peers = self.peers.len() as u32;
            let peer = *self.peers.entry(activity.peer).or_insert(n_peers);
            ones(&words).filter_map(|n| prefixes.get(n)).for_each(|prefix| table.add(*prefix, peer));
        }
        let peer = |index: PeerIndex| reading.census.peers.get(index as usize).map(|activity| activity.peer);
        let untracked = reading.census.control.untracked.iter().filter_map(|index| peer(*index)).collect();
        let at = self.tables.partition_point(|known| known.name.as_str() < name);
        self.show_first(at);
        let changes = if self.tables.is_empty() { Arc::default() } else { self.shown.changes_to(&table) };
        if let Some(next) = self.tables.get_mut(at) {
            next.changes = joined(&next.changes, &changes);
        }
        self.tables.insert(at, SampleTable { name: name.to_owned(), changes, untracked });
        table.0.iter_mut().for_each(Vec::shrink_to_fit);
        (self.shown, self.n_shown) = (table, at + 1);
    }

    /// Drops the tables of other names.
    pub fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        for at in (0..self.tables.len()).rev() {
            if is_kept(&self.tables[at].name) {
                continue;
            }
            self.show_first(at);
            let gone = self.tables.remove(at);
            if let Some(next) = self.tables.get_mut(at) {
                next.changes = joined(&next.changes, &gone.changes);
            }
        }
    }

    /// The numbers of prefixes, new or known.
    pub(super) fn number(&mut self, prefixes: &[Prefix]) -> Vec<u32> {
        let mut known = self.numbers.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = |prefix: &Prefix| {
            let n_known = known.len() as u32;
            let number = *known.entry(*prefix).or_insert(n_known);
            if self.families.len() <= number as usize {
                self.families.resize(number as usize + 1, Family::V4);
            }
            self.families[number as usize] = prefix.family();
            number
        };
        prefixes.iter().map(number).collect()
    }

    /// The families of the numbered prefixes. The entry of a prefix that this collector has not named is meaningless.
    pub(super) fn families(&self) -> &[Family] {
        &self.families
    }

    /// The position of the table with this name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| table.name == name)
    }

    /// Whether any table lists several paths of a prefix for a peer.
    pub(super) fn is_untracked(&self, peer: &Peer) -> bool {
        self.tables.iter().any(|table| table.untracked.contains(peer))
    }

    /// Makes a table the one that [`SampledTables::held_by`] and [`SampledTables::listed`] refer to.
    pub(super) fn show(&mut self, position: usize) {
        self.show_first(position + 1);
    }

    /// Returns whether the peer holds a given prefix in the table shown.
    pub(super) fn held_by(&self, peer: &Peer) -> impl Fn(u32) -> bool + '_ {
        let peer = self.peers.get(peer).copied();
        move |prefix| peer.is_some_and(|peer| self.shown.has(prefix, peer))
    }

    /// The prefixes that any peer holds in the table shown; some are returned more than once.
    pub(super) fn listed(&self) -> impl Iterator<Item = u32> + '_ {
        let blocks = self.shown.0.iter();
        blocks.flat_map(|block| (0..).zip(block).filter(|(_, peers)| **peers != 0).map(|(prefix, _)| prefix))
    }

    /// Makes `shown` the `n`th table. A change that is applied twice is undone, so changes are applied in both directions.
    fn show_first(&mut self, n: usize) {
        for table in &self.tables[self.n_shown.min(n)..self.n_shown.max(n)] {
            for change in table.changes.iter() {
                *self.shown.word(change.block, change.prefix) ^= change.peers;
            }
        }
        self.n_shown = n;
    }
}

impl BitGrid {
    fn word(&mut self, block: u32, prefix: u32) -> &mut u64 {
        let (block, prefix) = (block as usize, prefix as usize);
        if self.0.len() <= block {
            self.0.resize_with(block + 1, Vec::new);
        }
        let words = &mut self.0[block];
        if words.len() <= prefix {
            words.resize(prefix + 1, 0);
        }
        &mut words[prefix]
    }

    fn add(&mut self, prefix: u32, peer: u32) {
        *self.word(peer / 64, prefix) |= 1 << (peer % 64);
    }

    fn peers(&self, block: usize, prefix: usize) -> u64 {
        self.0.get(block).and_then(|words| words.get(prefix)).copied().unwrap_or(0)
    }

    fn has(&self, prefix: u32, peer: u32) -> bool {
        self.peers((peer / 64) as usize, prefix as usize) >> (peer % 64) & 1 != 0
    }

    /// The changes that turn this table into the other one.
    fn changes_to(&self, other: &BitGrid) -> Arc<[SampleChange]> {
        let n_prefixes = |block: usize| [self, other].map(|grid| grid.0.get(block).map_or(0, Vec::len));
        let mut changes = Vec::new();
        for block in 0..self.0.len().max(other.0.len()) {
            for prefix in 0..n_prefixes(block).into_iter().max().unwrap_or(0) {
                let peers = self.peers(block, prefix) ^ other.peers(block, prefix);
                if peers != 0 {
                    changes.push(SampleChange { block: block as u32, prefix: prefix as u32, peers });
                }
            }
        }
        changes.into()
    }
}

/// The changes of `first`, followed by those of `second`.
fn joined(first: &[SampleChange], second: &[SampleChange]) -> Arc<[SampleChange]> {
    let place = |change: &SampleChange| (change.block, change.prefix);
    let mut changes = [first, second].concat();
    changes.sort_by_key(place);
    let changes = changes
        .chunk_by(|a, b| place(a) == place(b))
        .map(|same| SampleChange { peers: same.iter().fold(0, |peers, change| peers ^ change.peers), ..same[0] });
    changes.filter(|change| change.peers != 0).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bgp::Asn;
    use crate::decode::{Census, Control, PeerActivity};

    const N_PREFIXES: u8 = 200;

    fn peer(n: u8) -> Peer {
        Peer { address: [192, 0, 2, n].into(), asn: Asn(64500 + u32::from(n)) }
    }

    fn prefix(n: u8) -> Prefix {
        Prefix::new([198, 18, n, 0].into(), 24).unwrap()
    }

    /// A RIB dump in which each of 70 peers holds the prefixes for which `is_held` returns true. Peers and prefixes are rotated
    /// by `shift`.
    fn dump(shift: u8, is_held: impl Fn(u8, u8) -> bool) -> Reading {
        let peers: Vec<u8> = (0..70).map(|n| (n + shift) % 70).collect();
        let prefixes: Vec<u8> = (0..N_PREFIXES).map(|n| (n + shift) % N_PREFIXES).collect();
        let words = |peer: &u8| {
            let mut words = vec![0u64; 4];
            let held = (0..).zip(&prefixes).filter(|(_, prefix)| is_held(*peer, **prefix));
            held.for_each(|(n, _)| words[n / 64] |= 1 << (n % 64));
            words
        };
        let mut control = Control::default();
        control.held.extend(peers.iter().map(words));
        control.prefixes.extend(prefixes.iter().map(|n| prefix(*n)));
        let activity = |n: &u8| PeerActivity {
            peer: peer(*n),
            first_at: None,
            last_at: None,
            table_size: [0, 0],
            minutes: Vec::new(),
            is_internal: false,
        };
        let census = Census { peers: peers.iter().map(activity).collect(), control, ..Census::default() };
        Reading { census, ..Reading::default() }
    }

    /// Whether the `n`th of these RIB dumps lists a prefix for a peer. They differ a lot.
    fn is_held(n: u8, peer: u8, prefix: u8) -> bool {
        !(u32::from(n) * 31 + u32::from(peer) * 17 + u32::from(prefix) * 7).is_multiple_of(5)
    }

    fn check(samples: &mut SampledTables, n: u8) {
        let position = samples.position(&n.to_string()).unwrap();
        samples.show(position);
        let numbers = samples.number(&(0..N_PREFIXES).map(prefix).collect::<Vec<_>>());
        for index in 0..70 {
            let peer = peer(index);
            let shown: Vec<bool> = numbers.iter().map(|number| samples.held_by(&peer)(*number)).collect();
            let expected: Vec<bool> = (0..N_PREFIXES).map(|prefix| is_held(n, index, prefix)).collect();
            assert_eq!(shown, expected, "peer {index} in dump {n}");
        }
    }

    #[test]
    fn every_dump_is_shown_as_it_was_in_any_order() {
        let mut samples = SampledTables::default();
        for n in [5, 2, 8, 1, 9, 3, 2] {
            samples.take(&n.to_string(), &mut dump(n, |peer, prefix| is_held(n, peer, prefix)));
        }
        [8, 1, 9, 9, 2, 5, 3].into_iter().for_each(|n| check(&mut samples, n));
        samples.retain(|name| !["1", "5", "9"].contains(&name));
        assert_eq!(samples.tables.len(), 3);
        [3, 8, 2].into_iter().for_each(|n| check(&mut samples, n));
        samples.retain(|_| false);
        samples.take("4", &mut dump(0, |peer, prefix| is_held(4, peer, prefix)));
        check(&mut samples, 4);
    }

    #[test]
    fn a_dump_takes_space_for_its_changes_only() {
        let mut samples = SampledTables::default();
        for n in [30, 10, 50, 20, 40] {
            // Each adds one prefix at 70 peers, which are two blocks.
            samples.take(&n.to_string(), &mut dump(n, |_, prefix| prefix < n / 10));
        }
        let n_changes: Vec<usize> = samples.tables.iter().map(|table| table.changes.len()).collect();
        assert_eq!(n_changes[1..], [2; 4]);
    }
}
