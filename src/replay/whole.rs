//! Everything that one collector saw at one instant: which peers hold which prefixes, one bit for each peer and prefix.

use rustc_hash::FxHashMap;

use super::bits::Bits;
use super::numbering::PrefixNumbers;
use crate::bgp::{Peer, PerFamily, Prefix};
use crate::decode::{Change, Ending, Reading};

/// Every prefix at every peer of one collector, as of the last file that was applied.
///
/// Apply a RIB dump and the updates after it, read with [`Selection::sample_everything`], in order of time. A peer is known
/// from a RIB dump that lists it until its session closes. Peers that send several paths of a prefix (RFC 7911) become unknown
/// with the first updates. After a file that is truncated or lacks a part, all peers are unknown until the next RIB dump.
/// The caller has to make sure that no file is missing in between; damaged records are in [`crate::decode::Census::counts`].
/// Default routes are left out.
///
/// A whole table takes one bit for each peer and prefix, and about 50 bytes for each prefix.
///
/// [`Selection::sample_everything`]: crate::decode::Selection::sample_everything
#[derive(Clone, Debug, Default)]
pub struct WholeTable {
    numbers: PrefixNumbers,
    peers: Vec<Holdings>,
    place_of: FxHashMap<Peer, usize>,
}

/// The prefixes of one peer.
#[derive(Clone, Debug)]
struct Holdings {
    peer: Peer,
    is_known: bool,
    held: Bits,
}

impl WholeTable {
    /// A table of which nothing is known yet.
    pub fn new() -> WholeTable {
        WholeTable::default()
    }

    /// Applies a file: a RIB dump replaces the tables of its peers, updates change them.
    pub fn apply(&mut self, reading: &Reading) {
        let places: Vec<usize> = reading.census.peers.iter().map(|activity| self.place(activity.peer)).collect();
        let numbers = self.numbers.of(&reading.census.control.prefixes);
        let is_whole = reading.census.ending == Ending::Complete
            && reading.census.skipped.is_empty()
            && !reading.census.lacks_peer_table;
        if reading.census.counts.rib_records > 0 {
            self.apply_dump(reading, &places, &numbers);
        } else {
            self.apply_updates(reading, &places, &numbers);
        }
        if !is_whole {
            self.peers.iter_mut().for_each(|holdings| holdings.is_known = false);
        }
    }

    /// The peers whose whole table is known.
    pub fn peers(&self) -> impl Iterator<Item = Peer> + '_ {
        self.known().map(|holdings| holdings.peer)
    }

    /// How many prefixes of each family a peer holds; None if the peer is not known.
    pub fn size(&self, peer: &Peer) -> Option<PerFamily<u64>> {
        let holdings = self.peers.get(*self.place_of.get(peer)?).filter(|holdings| holdings.is_known)?;
        let mut size = PerFamily::default();
        holdings.held.iter().filter_map(|n| self.numbers.prefixes().get(n as usize)).for_each(|prefix| {
            size[prefix.family()] += 1;
        });
        Some(size)
    }

    /// Every prefix that any peer ever held, in order of appearance, and the number of known peers that hold it.
    pub fn holders(&self) -> impl Iterator<Item = (Prefix, usize)> + '_ {
        (0..)
            .zip(self.numbers.prefixes())
            .map(|(n, prefix)| (*prefix, self.known().filter(|of| of.held.has(n)).count()))
    }

    /// Whether a known peer holds a prefix; None if the peer is not known.
    pub fn holds(&self, peer: &Peer, prefix: &Prefix) -> Option<bool> {
        let holdings = self.peers.get(*self.place_of.get(peer)?).filter(|holdings| holdings.is_known)?;
        Some(self.numbers.known(prefix).is_some_and(|n| holdings.held.has(n)))
    }

    fn known(&self) -> impl Iterator<Item = &Holdings> {
        self.peers.iter().filter(|holdings| holdings.is_known)
    }

    fn place(&mut self, peer: Peer) -> usize {
        *self.place_of.entry(peer).or_insert_with(|| {
            self.peers.push(Holdings { peer, is_known: false, held: Bits::default() });
            self.peers.len() - 1
        })
    }

    fn apply_dump(&mut self, reading: &Reading, places: &[usize], numbers: &[Option<u32>]) {
        // In the first RIB dump the numbers are those of the file.
        let are_same = numbers.iter().zip(0..).all(|(number, n)| *number == Some(n));
        let families = reading.census.peers.iter().map(|activity| activity.table_size);
        // Peers after the last one that holds any prefix have no words.
        let held = reading.census.control.held.iter().map(Vec::as_slice).chain(std::iter::repeat(&[][..]));
        for ((place, words), sizes) in places.iter().zip(held).zip(families) {
            let of_file = Bits::from_words(words.to_vec());
            let Some(holdings) = self.peers.get_mut(*place) else { continue };
            holdings.is_known = sizes != [0; 2];
            holdings.held = if are_same {
                of_file
            } else {
                let mut held = Bits::default();
                for number in of_file.iter().filter_map(|n| *numbers.get(n as usize)?) {
                    held.set(number, true);
                }
                held
            };
        }
    }

    fn apply_updates(&mut self, reading: &Reading, places: &[usize], numbers: &[Option<u32>]) {
        for place in reading.census.control.untracked.iter().filter_map(|peer| places.get(*peer as usize)) {
            self.peers[*place].is_known = false;
        }
        let mut n_events = 0;
        let mut close_until = |peers: &mut [Holdings], n: usize| {
            for event in reading.events.get(n_events..n).into_iter().flatten() {
                if event.change == Change::SessionDown
                    && let Some(holdings) = places.get(event.peer as usize).and_then(|place| peers.get_mut(*place))
                {
                    holdings.is_known = false;
                    holdings.held = Bits::default();
                }
            }
            n_events = n_events.max(n);
        };
        for change in &reading.census.control.changes {
            close_until(&mut self.peers, change.n_before as usize);
            let number = numbers.get(change.prefix as usize).copied().flatten();
            let holdings = places.get(change.peer as usize).and_then(|place| self.peers.get_mut(*place));
            if let (Some(number), Some(holdings)) = (number, holdings) {
                holdings.held.set(number, change.is_announced);
            }
        }
        close_until(&mut self.peers, reading.events.len());
    }
}
