//! The control sample of RIB dumps: who holds which sampled prefix in each. All dumps of a collector wait until the last of
//! them has been read, and tables hardly change from one to the next: of each is kept what differs from the one before.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::bgp::{Family, Peer, Prefix};
use crate::decode::Reading;

/// The numbers of the prefixes of the control sample, shared by the collectors of a run: they sample the same ones. Which
/// prefix has which number depends on who comes first, and nothing else does.
#[derive(Clone, Debug, Default)]
pub struct SampleNumbers(Arc<Mutex<FxHashMap<Prefix, u32>>>);

/// The control sample of the RIB dumps of one collector.
#[derive(Clone, Debug, Default)]
pub struct SampledTables {
    numbers: SampleNumbers,
    /// By number of the prefix, as far as this collector has heard of them.
    families: Vec<Family>,
    peers: FxHashMap<Peer, u32>,
    /// In order of name, which is that of time.
    tables: Vec<Table>,
    /// What the changes of the first `n_shown` tables amount to.
    shown: Grid,
    n_shown: usize,
}

#[derive(Clone, Debug)]
struct Table {
    name: String,
    /// Against the table before, or against nothing; in order of block and prefix.
    changes: Arc<[Change]>,
}

/// Which of a block of 64 peers begin or cease to hold a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    block: u32,
    prefix: u32,
    peers: u64,
}

/// Who holds which prefix: by block of 64 peers and prefix, a bit for each peer.
#[derive(Clone, Debug, Default)]
struct Grid(Vec<Vec<u64>>);

impl SampledTables {
    /// Before any RIB dump.
    pub fn new(numbers: SampleNumbers) -> SampledTables {
        SampledTables { numbers, ..SampledTables::default() }
    }

    /// Takes the sample out of a RIB dump, in place of what an earlier reading of it said.
    pub fn take(&mut self, name: &str, reading: &mut Reading) {
        self.retain(|known| known != name);
        let control = &mut reading.control;
        let prefixes = self.number(&mem::take(&mut control.prefixes));
        let mut table = Grid::default();
        for (words, activity) in mem::take(&mut control.held).into_iter().zip(&reading.peers) {
            let n_peers = self.peers.len() as u32;
            let peer = *self.peers.entry(activity.peer).or_insert(n_peers);
            ones(&words).filter_map(|n| prefixes.get(n)).for_each(|prefix| table.add(*prefix, peer));
        }
        let at = self.tables.partition_point(|known| known.name.as_str() < name);
        self.show_first(at);
        let changes = self.shown.changes_to(&table);
        if let Some(next) = self.tables.get_mut(at) {
            next.changes = joined(&next.changes, &changes);
        }
        self.tables.insert(at, Table { name: name.to_owned(), changes });
        (self.shown, self.n_shown) = (table, at + 1);
    }

    /// Drops the tables of other names.
    pub fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        for at in (0..self.tables.len()).rev().filter(|at| !is_kept(&self.tables[*at].name)).collect::<Vec<_>>() {
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

    /// The families of the numbered prefixes; those that this collector has not heard of are in any.
    pub(super) fn families(&self) -> &[Family] {
        &self.families
    }

    /// Which table has this name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| table.name == name)
    }

    /// Shows one table.
    pub(super) fn show(&mut self, position: usize) {
        self.show_first(position + 1);
    }

    /// Whether a peer holds a prefix in the table shown, prefix by prefix.
    pub(super) fn held_by(&self, peer: &Peer) -> impl Fn(u32) -> bool + '_ {
        let peer = self.peers.get(peer).copied();
        move |prefix| peer.is_some_and(|peer| self.shown.has(prefix, peer))
    }

    /// The prefixes that anyone holds in the table shown; some more than once.
    pub(super) fn listed(&self) -> impl Iterator<Item = u32> + '_ {
        self.shown
            .0
            .iter()
            .flat_map(|block| (0..).zip(block).filter(|(_, peers)| **peers != 0).map(|(prefix, _)| prefix))
    }

    /// Makes `shown` what the first `n` tables amount to. A change made twice is undone, so the way back is the way there.
    fn show_first(&mut self, n: usize) {
        for table in &self.tables[self.n_shown.min(n)..self.n_shown.max(n)] {
            for change in table.changes.iter() {
                *self.shown.word(change.block, change.prefix) ^= change.peers;
            }
        }
        self.n_shown = n;
    }
}

impl Grid {
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

    /// What makes this table the other one.
    fn changes_to(&self, other: &Grid) -> Arc<[Change]> {
        let n_prefixes = |block: usize| [self, other].map(|grid| grid.0.get(block).map_or(0, Vec::len));
        let mut changes = Vec::new();
        for block in 0..self.0.len().max(other.0.len()) {
            for prefix in 0..n_prefixes(block).into_iter().max().unwrap_or(0) {
                let peers = self.peers(block, prefix) ^ other.peers(block, prefix);
                if peers != 0 {
                    changes.push(Change { block: block as u32, prefix: prefix as u32, peers });
                }
            }
        }
        changes.into()
    }
}

/// One after the other.
fn joined(first: &[Change], second: &[Change]) -> Arc<[Change]> {
    let place = |change: &Change| (change.block, change.prefix);
    let mut changes = [first, second].concat();
    changes.sort_by_key(place);
    let changes = changes
        .chunk_by(|a, b| place(a) == place(b))
        .map(|same| Change { peers: same.iter().fold(0, |peers, change| peers ^ change.peers), ..same[0] });
    changes.filter(|change| change.peers != 0).collect::<Vec<_>>().into()
}

/// The numbers of the bits that are set, 64 to a word.
fn ones(words: &[u64]) -> impl Iterator<Item = usize> + '_ {
    words.iter().enumerate().flat_map(|(index, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            let bit = rest.trailing_zeros();
            rest &= rest.wrapping_sub(1);
            (bit < 64).then_some(index * 64 + bit as usize)
        })
    })
}
