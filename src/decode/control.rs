//! The control sample: one prefix in 64, whatever the selection, to check the archive itself.
//!
//! The hash of a prefix decides ([`super::prefix_hash`]). No path is kept, only which peer holds a prefix in a RIB dump and
//! which announces or withdraws it in an update file.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::FxHashSet;

use super::limits;
use super::lists::{List, Lists};
use super::peers::NO_PEER_INDEX;
use super::prefix_hash::hash;
use super::{PeerIndex, Selection};
use crate::bgp::{Asn, Family, Prefix};
use crate::time::Timestamp;

/// The control sample of one file.
#[derive(Clone, Debug, Default)]
pub struct Control {
    /// The sampled prefixes that the file names; one may occur twice in a RIB dump that is not sorted.
    pub prefixes: Vec<Prefix>,
    /// For each peer, the prefixes that it holds in this RIB dump: bit `n` stands for the `n`th, 64 per word.
    pub held: Vec<Vec<u64>>,
    /// Their announcements and withdrawals in an update file, in order.
    pub changes: Vec<ControlChange>,
    /// Peers with several paths per prefix (RFC 7911): the sample does not count paths and cannot follow them.
    pub untracked: FxHashSet<PeerIndex>,
    /// Who originates them, by any peer; empty without [`Selection::sample_origins`].
    pub origins: FxHashSet<(u32, Asn)>,
    latest_origin: Option<(u32, Asn)>,
    /// Empty once the file has been read.
    index_of: HashTable<(u64, Prefix, u32)>,
    /// The length of all lists in `held`.
    n_words: usize,
}

/// A sampled prefix announced or withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlChange {
    /// The latest time among the records of its run up to this one.
    pub at: Timestamp,
    /// The number of that run in [`super::Census::runs`].
    pub run: u16,
    /// How many of [`super::Reading::events`] come before it.
    pub n_before: u32,
    /// The peer that sent it.
    pub peer: PeerIndex,
    /// The prefix, as an index into [`Control::prefixes`].
    pub prefix: u32,
    /// Whether it was announced; otherwise it was withdrawn.
    pub is_announced: bool,
}

impl Control {
    /// The number of a sampled prefix in a RIB dump, which lists all entries of a prefix together.
    pub(super) fn dumped(&mut self, family: Family, length: u8, octets: &[u8]) -> Option<u32> {
        let prefix = Prefix::from_nlri(family, length, octets)?;
        if self.prefixes.last() != Some(&prefix) {
            self.prefixes.push(prefix);
        }
        Some((self.prefixes.len() - 1) as u32)
    }

    /// The number of a sampled prefix in an update file; `hash` is its hash.
    fn index(&mut self, family: Family, length: u8, octets: &[u8], hash: u64) -> Option<u32> {
        let prefix = Prefix::from_nlri(family, length, octets)?;
        // The lowest bits of all sampled prefixes are zero.
        let hash = hash.rotate_left(32);
        let entry = self.index_of.entry(hash, |(_, known, _)| *known == prefix, |(hash, _, _)| *hash);
        let n = self.prefixes.len() as u32;
        Some(match entry {
            Entry::Occupied(known) => known.get().2,
            Entry::Vacant(place) => {
                place.insert((hash, prefix, n));
                self.prefixes.push(prefix);
                n
            }
        })
    }

    /// Whether a file has more of it than any real one: then the sample is not complete.
    pub(super) fn is_excessive(&self, selection: &Selection) -> bool {
        let is_too_much = self.prefixes.len() > limits::MAX_SAMPLED
            || self.changes.len() > limits::MAX_SAMPLED_CHANGES
            || self.n_words > limits::MAX_SAMPLED_WORDS;
        is_too_much && !selection.samples_everything()
    }

    /// The sample of the whole file.
    pub(super) fn finish(self) -> Control {
        Control { index_of: HashTable::new(), ..self }
    }

    /// A peer holds a sampled prefix in a RIB dump.
    #[inline]
    pub(super) fn hold(&mut self, peer: PeerIndex, prefix: u32, has_path_ids: bool) {
        if peer == NO_PEER_INDEX {
            return;
        }
        if has_path_ids {
            self.untracked.insert(peer);
        }
        let (peer, word) = (peer as usize, (prefix / 64) as usize);
        if self.held.len() <= peer {
            self.held.resize_with(peer + 1, Vec::new);
        }
        if let Some(words) = self.held.get_mut(peer) {
            if words.len() <= word {
                self.n_words += word + 1 - words.len();
                words.resize(word + 1, 0);
            }
            words.iter_mut().skip(word).take(1).for_each(|bits| *bits |= 1 << (prefix % 64));
        }
    }

    /// A sampled prefix has these origins. Hot: once per route of a dump, while origins are sampled.
    pub(super) fn originate(&mut self, prefix: u32, origins: &[Asn]) {
        for origin in origins {
            // Most routes of a prefix have the same.
            if self.latest_origin.replace((prefix, *origin)) != Some((prefix, *origin)) {
                self.origins.insert((prefix, *origin));
            }
        }
    }

    /// Everything that an UPDATE announces has these origins.
    pub(super) fn originate_announced(&mut self, lists: &Lists, origins: &[Asn]) {
        for list in lists.all.iter().filter(|list| list.is_clear() && !list.is_withdrawn()) {
            for (_, length, octets) in list.prefixes() {
                if let Some(prefix) = self.index(list.family(), length, octets, hash(octets, length)) {
                    self.originate(prefix, origins);
                }
            }
        }
    }

    /// Forgets every prefix of this family: its dump begins again.
    pub(super) fn forget_held(&mut self, family: Family) {
        let Control { prefixes, held, .. } = self;
        for (n, _) in prefixes.iter().enumerate().filter(|(_, prefix)| prefix.family() == family) {
            held.iter_mut().filter_map(|words| words.get_mut(n / 64)).for_each(|bits| *bits &= !(1 << (n % 64)));
        }
    }

    /// Adds the changes in an UPDATE, without those in unreadable lists.
    pub(super) fn update(
        &mut self,
        (at, run): (Timestamp, u16),
        n_before: usize,
        peer: PeerIndex,
        lists: &Lists,
        add_path: bool,
        selection: &Selection,
    ) {
        if add_path || lists.all.iter().any(List::has_path_ids) {
            self.untracked.insert(peer);
            if selection.samples_everything() {
                self.name(lists);
            }
            return;
        }
        let change = ControlChange { at, run, n_before: n_before as u32, peer, prefix: 0, is_announced: false };
        // Withdrawals of all kinds before announcements: a prefix in both is announced.
        for is_announced in [false, true] {
            for list in lists.all.iter().filter(|list| list.is_clear() && list.is_withdrawn() != is_announced) {
                self.list(list, ControlChange { is_announced, ..change }, selection);
            }
        }
    }

    /// Names the prefixes in an UPDATE that cannot be followed.
    fn name(&mut self, lists: &Lists) {
        for list in lists.all.iter().filter(|list| list.is_clear()) {
            for (_, length, octets) in list.prefixes() {
                self.index(list.family(), length, octets, hash(octets, length));
            }
        }
    }

    fn list(&mut self, list: &List, change: ControlChange, selection: &Selection) {
        for (_, length, octets) in list.prefixes() {
            let hash = hash(octets, length);
            if selection.samples(hash)
                && let Some(prefix) = self.index(list.family(), length, octets, hash)
            {
                self.changes.push(ControlChange { prefix, ..change });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::prefix_hash::{hash, hash_v4, is_sampled};
    use super::super::samples::*;
    use super::super::{Reading, Selection, read};

    /// The sampled ones among all /24 of 198.18.0.0/15.
    fn sampled() -> Vec<String> {
        let networks = (0..512u32).map(|n| format!("198.{}.{}.0/24", 18 + n / 256, n % 256));
        networks.filter(|prefix| is_sampled(hash(&nlri(prefix)[1..], 24))).collect()
    }

    fn reading(records: &[Vec<u8>]) -> Reading {
        read(records.concat().as_slice(), &Selection::new())
    }

    #[test]
    fn the_sample_is_one_prefix_in_64_and_never_changes() {
        let n = |count: u32, prefix: fn(u32) -> Vec<u8>| {
            (0..count).map(prefix).filter(|nlri| is_sampled(hash(&nlri[1..], nlri[0]))).count()
        };
        let n4 = n(64_000, |n| nlri(&format!("{}.{}.{}.0/24", 11 + n / 65_536, n / 256 % 256, n % 256)));
        let n6 = n(64_000, |n| nlri(&format!("2001:{:x}:{:x}::/48", 0xdb8 + n / 65_536, n % 65_536)));
        assert!((900..1100).contains(&n4) && (900..1100).contains(&n6), "{n4} {n6}");
        let expected = [13, 38, 74, 76, 77, 131, 223].map(|n| format!("198.18.{n}.0/24"));
        assert_eq!(sampled(), [&expected[..], &["198.19.165.0/24".to_owned()]].concat());
        assert!((0..64_000u32).all(|n| hash_v4(n << 8, 24) == hash(&(n << 8).to_be_bytes()[..3], 24)));
        let with_host_bits = [198, 18, 13, 1];
        assert!([4, 3].iter().all(|n| is_sampled(hash(&with_host_bits[..*n], 24))));
    }

    #[test]
    fn only_the_holders_of_sampled_prefixes_are_kept() {
        let sampled = &sampled()[0];
        let path = attributes(4, &[64500]);
        let (a, b) = (entry(0, None, &path), entry(1, None, &path));
        let file = [
            peer_table(&[PEER, OTHER]),
            rib(2, "198.18.0.0/24", &[a.clone(), b.clone()]),
            rib(2, sampled, &[a]),
            rib(2, sampled, &[b]),
        ];
        let reading = reading(&file);
        assert_eq!(reading.census.control.prefixes, [sampled.parse().unwrap()]);
        assert_eq!(reading.census.control.held, [[1], [1]]);
        assert_eq!(reading.events, []);
    }

    #[test]
    fn changes_of_a_sampled_prefix_are_kept_in_order_and_withdrawals_of_one_message_first() {
        let sampled = nlri(&sampled()[0]);
        let path = attributes(4, &[64500]);
        let moved = [path.clone(), mp_unreach(1, 1, &sampled)].concat();
        let file = [
            update_record(&sampled, &[], &[]),
            update_record(&nlri("198.18.0.0/24"), &path, &nlri("198.18.1.0/24")),
            update_record(&[], &moved, &sampled),
            update_record(&[&sampled[..], &[33]].concat(), &[], &[]),
        ];
        let changes = reading(&file).census.control.changes.into_iter().map(|change| change.is_announced);
        assert_eq!(changes.collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn a_session_with_path_identifiers_is_left_out() {
        let list = nlri_with_id(1, &sampled()[0]);
        let control = reading(&[bgp4mp(9, PEER, &message(2, &update(&list, &[], &[])))]).census.control;
        assert_eq!((control.changes.len(), control.untracked.contains(&0)), (0, true));
    }
}
