//! A quick pass over a whole table: for each prefix, the largest number of peers of one collector that had held it and lacked
//! it at the same time. It bounds from above what a replay would find, and takes a bit for each peer and prefix.

use std::net::IpAddr;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::bits::Bits;
use super::numbering::PrefixNumbers;
use crate::bgp::{Asn, Family, Peer, PerFamily, Prefix};
use crate::decode::{Change, Reading};
use crate::time::Timestamp;

/// The losses of every prefix at one collector, while its files are applied in order of time, read with
/// [`Selection::sample_everything`](crate::decode::Selection::sample_everything).
///
/// A peer has lost a prefix that it withdrew and did not announce again (it must have held what it withdraws), or that an accepted
/// RIB dump lacks in its table although the peer held it before. A closed session is no loss: its peer is unknown. Its prefixes are losses if a later RIB dump
/// lacks them, or if the peer announces nearly all of its table again, and not these.
#[derive(Debug, Default)]
pub struct LossScan {
    numbers: PrefixNumbers,
    peers: Vec<Followed>,
    /// By address: files write the same peer with its number and without, as an IPv4 address and as one that is mapped into IPv6.
    place_of: FxHashMap<IpAddr, usize>,
    n_lost: Vec<u16>,
    most_lost: Vec<u16>,
    origins: FxHashSet<(u32, Asn)>,
    /// When to look for tables that are back.
    next_look: Option<Timestamp>,
}

/// The prefixes of one peer.
#[derive(Debug)]
struct Followed {
    peer: Peer,
    held: Bits,
    lost: Bits,
    /// What it held when its session closed, and has not announced since.
    suspended: Bits,
    n_suspended: u64,
    n_left: u64,
    suspended_at: Timestamp,
    has_reset: bool,
    /// Whether a RIB dump has shown its table.
    is_listed: bool,
    /// Whether it sends several paths of a prefix, which cannot be followed.
    is_untracked: bool,
    /// What it held in the last RIB dump before the window.
    base: Bits,
    table_size: PerFamily<u64>,
}

/// A table is back once this share of it was announced again and [`TRANSFER`] has passed since the session closed.
const NEARLY_WHOLE: f64 = 0.9;
const TRANSFER: Duration = Duration::from_secs(120);

/// What a [`LossScan`] has found.
#[derive(Debug)]
pub struct ScannedLosses {
    prefixes: Vec<Prefix>,
    most_lost: Vec<u16>,
    origins: FxHashSet<(u32, Asn)>,
    /// Peers that cannot be followed. `n_uncertain` also counts those whose session closed or opened in between.
    n_untracked: usize,
    n_uncertain: usize,
    peers: Vec<(Peer, PerFamily<u64>, Bits)>,
}

impl LossScan {
    /// Nothing is known yet.
    pub fn new() -> LossScan {
        LossScan::default()
    }

    /// Applies an accepted RIB dump. One from before the window shows who normally holds a prefix.
    pub fn rib(&mut self, rib: &Reading, is_before: bool) {
        let numbers = self.numbers(rib);
        for (index, activity) in rib.census.peers.iter().enumerate().filter(|(_, of)| of.table_size != [0; 2]) {
            let mut held = Bits::default();
            let words = rib.census.control.held.get(index).cloned().unwrap_or_default();
            for number in Bits::from_words(words).iter().filter_map(|n| *numbers.get(n as usize)?) {
                held.set(number, true);
            }
            let place = self.place(activity.peer);
            let before: Vec<u32> = self.peers[place].ever().collect();
            for number in before.into_iter().filter(|number| !held.has(*number)) {
                self.lose(place, number);
            }
            held.iter().for_each(|number| self.gain(place, number));
            let followed = &mut self.peers[place];
            (followed.suspended, followed.n_suspended, followed.n_left) = (Bits::default(), 0, 0);
            followed.is_listed = true;
            if is_before {
                (followed.base, followed.table_size) =
                    (held, PerFamily::from_fn(|family| activity.table_size[family as usize]));
            }
        }
    }

    /// Applies updates.
    pub fn updates(&mut self, updates: &Reading) {
        let numbers = self.numbers(updates);
        let census = &updates.census;
        let places: Vec<usize> = census.peers.iter().map(|activity| self.place(activity.peer)).collect();
        for place in census.control.untracked.iter().filter_map(|peer| places.get(*peer as usize)) {
            self.peers[*place].is_untracked = true;
        }
        let mut events = updates.events.iter().enumerate().peekable();
        let is_reset = |change: &Change| matches!(change, Change::SessionDown | Change::Open);
        let mut reset_until = |scan: &mut LossScan, n: usize| {
            while let Some((_, event)) = events.next_if(|(index, _)| *index < n) {
                if let Some(place) = places.get(event.peer as usize).filter(|_| is_reset(&event.change)) {
                    scan.peers[*place].suspend(event.at);
                }
            }
        };
        for change in &census.control.changes {
            reset_until(self, change.n_before as usize);
            if self.next_look.is_none_or(|next| change.at >= next) {
                self.take_back(change.at);
                self.next_look = Some(change.at + TRANSFER / 2);
            }
            let number = numbers.get(change.prefix as usize).copied().flatten();
            let Some((number, place)) = number.zip(places.get(change.peer as usize).copied()) else { continue };
            if change.is_announced {
                if self.peers[place].may_have_lacked(number, change.at) {
                    self.lose(place, number);
                }
                self.gain(place, number);
            } else {
                self.lose(place, number);
            }
        }
        reset_until(self, updates.events.len());
    }

    /// Everything that was found.
    pub fn finish(mut self) -> ScannedLosses {
        self.take_back(Timestamp::MAX);
        let is_uncertain = |followed: &&Followed| followed.is_untracked || followed.has_reset;
        let n_uncertain = self.peers.iter().filter(is_uncertain).count();
        let n_untracked = self.peers.iter().filter(|followed| followed.is_untracked).count();
        let peers = self.peers.into_iter().map(|followed| (followed.peer, followed.table_size, followed.base));
        ScannedLosses {
            prefixes: self.numbers.into_prefixes(),
            most_lost: self.most_lost,
            origins: self.origins,
            n_untracked,
            n_uncertain,
            peers: peers.collect(),
        }
    }

    /// Takes for lost what peers have not announced again although their tables are back.
    fn take_back(&mut self, now: Timestamp) {
        for place in 0..self.peers.len() {
            let followed = &self.peers[place];
            let is_back = followed.n_left as f64 <= (1.0 - NEARLY_WHOLE) * followed.n_suspended as f64;
            if followed.n_suspended > 0 && is_back && followed.is_past_transfer(now) {
                let left: Vec<u32> = followed.suspended.iter().collect();
                left.into_iter().for_each(|number| self.lose(place, number));
                self.peers[place].n_suspended = 0;
            }
        }
    }

    fn numbers(&mut self, reading: &Reading) -> Vec<Option<u32>> {
        let numbers = self.numbers.of(&reading.census.control.prefixes);
        self.n_lost.resize(self.numbers.prefixes().len(), 0);
        self.most_lost.resize(self.numbers.prefixes().len(), 0);
        let origins = reading.census.control.origins.iter();
        self.origins.extend(origins.filter_map(|(prefix, asn)| Some((numbers.get(*prefix as usize).copied()??, *asn))));
        numbers
    }

    fn place(&mut self, peer: Peer) -> usize {
        *self.place_of.entry(peer.address.to_canonical()).or_insert_with(|| {
            self.peers.push(Followed {
                peer,
                held: Bits::default(),
                lost: Bits::default(),
                suspended: Bits::default(),
                n_suspended: 0,
                n_left: 0,
                suspended_at: Timestamp::MIN,
                has_reset: false,
                is_listed: false,
                is_untracked: false,
                base: Bits::default(),
                table_size: PerFamily::default(),
            });
            self.peers.len() - 1
        })
    }

    fn gain(&mut self, place: usize, number: u32) {
        let followed = &mut self.peers[place];
        followed.held.set(number, true);
        followed.n_left -= u64::from(followed.suspended.set(number, false));
        if followed.lost.set(number, false) {
            self.n_lost[number as usize] -= 1;
        }
    }

    fn lose(&mut self, place: usize, number: u32) {
        let followed = &mut self.peers[place];
        followed.held.set(number, false);
        followed.n_left -= u64::from(followed.suspended.set(number, false));
        if followed.lost.set(number, true) {
            let n_lost = &mut self.n_lost[number as usize];
            *n_lost = n_lost.saturating_add(1);
            self.most_lost[number as usize] = self.most_lost[number as usize].max(*n_lost);
        }
    }
}

impl Followed {
    fn ever(&self) -> impl Iterator<Item = u32> + '_ {
        self.held.iter().chain(self.suspended.iter())
    }

    /// Whether the peer may have held a prefix before its session closed and not since, which only a RIB dump would show.
    fn may_have_lacked(&self, number: u32, at: Timestamp) -> bool {
        self.has_reset
            && self.is_past_transfer(at)
            && !self.is_listed
            && !self.held.has(number)
            && !self.suspended.has(number)
    }

    /// Whether its table may be whole again after its session closed.
    fn is_past_transfer(&self, at: Timestamp) -> bool {
        at.micros_since(self.suspended_at) >= TRANSFER.as_micros() as i64
    }

    fn suspend(&mut self, at: Timestamp) {
        self.has_reset = true;
        let held = std::mem::take(&mut self.held);
        for number in held.iter() {
            self.suspended.set(number, true);
        }
        self.n_suspended = self.suspended.len();
        (self.n_left, self.suspended_at) = (self.n_suspended, at);
    }
}

impl ScannedLosses {
    /// Every prefix that was seen.
    pub fn prefixes(&self) -> impl Iterator<Item = &Prefix> {
        self.prefixes.iter()
    }

    /// Every prefix that peers may have lost, and how many at most: those that may have lacked it unseen are counted as well.
    pub fn lost(&self) -> impl Iterator<Item = (Prefix, usize)> + '_ {
        let all = self.prefixes.iter().zip(&self.most_lost);
        let number = |(prefix, n): (&Prefix, &u16)| match *n {
            0 => (*prefix, self.n_untracked),
            n => (*prefix, usize::from(n) + self.n_uncertain),
        };
        all.map(number).filter(|(_, n)| *n > 0)
    }

    /// Every prefix with an origin, once for each, in no order. Empty if the files were read without their origins.
    pub fn origins(&self) -> impl Iterator<Item = (Prefix, Asn)> + '_ {
        self.origins.iter().filter_map(|(number, asn)| Some((*self.prefixes.get(*number as usize)?, *asn)))
    }

    /// Every peer with the size of its table in the last RIB dump before the window.
    pub fn peers(&self) -> impl Iterator<Item = (Peer, PerFamily<u64>)> + '_ {
        self.peers.iter().map(|(peer, size, _)| (*peer, *size))
    }

    /// Every prefix, and how many of the peers that `counts` accepts held it in the last RIB dump before the window.
    pub fn holders(&self, counts: impl Fn(&Peer, Family) -> bool) -> impl Iterator<Item = (Prefix, usize)> + '_ {
        let of_family = |family: Family| -> Vec<&Bits> {
            self.peers.iter().filter(|(peer, ..)| counts(peer, family)).map(|(.., base)| base).collect()
        };
        let bases = PerFamily::from_fn(of_family);
        (0..).zip(&self.prefixes).map(move |(number, prefix)| {
            (*prefix, bases[prefix.family()].iter().filter(|base| base.has(number)).count())
        })
    }
}
