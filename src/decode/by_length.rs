//! RIB dumps that list short prefixes before long ones, as RIPE RIS writes them. Where a prefix is revealed only after such a
//! dump was read, just the beginning of it has to be read again: up to the longest prefix that the first reading left out.

use super::limits::MAX_ROUTES;
use super::selection::covering_prefixes;
use super::skipped_prefixes::SkippedPrefixes;
use super::{Ending, Reading, RibEntries};
use crate::bgp::{Family, Prefix};

/// How far a RIB dump that is sorted by length has to be read: the length of the longest prefix that matters, IPv4 then
/// IPv6; `None` where no prefix of the family does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach([Option<u8>; 2]);

impl Reach {
    /// Up to the longest of `prefixes`, and of the less-specific ones that cover them, that may be among `skipped`.
    pub fn of_skipped(skipped: &SkippedPrefixes, prefixes: &[Prefix]) -> Reach {
        let mut reach = Reach::default();
        for prefix in prefixes {
            let longest = &mut reach.0[prefix.family() as usize];
            for prefix in covering_prefixes(*prefix).chain([*prefix]) {
                if longest.is_none_or(|longest| longest < prefix.len()) && skipped.may_contain(&prefix) {
                    *longest = Some(prefix.len());
                }
            }
        }
        reach
    }

    /// The longest prefix of a family that matters.
    pub(super) fn longest(&self, family: Family) -> Option<u8> {
        self.0[family as usize]
    }

    fn contains(&self, prefix: &Prefix) -> bool {
        self.longest(prefix.family()).is_some_and(|longest| prefix.len() <= longest)
    }
}

impl Reading {
    /// Whether the beginning of the file, read again, can complete this reading: a whole and undamaged RIB dump, sorted by
    /// length.
    pub fn can_be_completed(&self) -> bool {
        let counts = self.census.counts;
        self.census.is_by_length
            && self.census.ending == Ending::Complete
            && self.census.skipped.is_empty()
            && counts.damaged == 0
            && counts.rib_records > 0
            && counts.messages + counts.state_changes == 0
    }

    /// The entries within `reach` of `beginning`, a reading of the same file that ended beyond it, and the other entries of
    /// this one, in the order of the file: what a reading of the whole file with the selection of `beginning` returns. `None`
    /// if the two do not agree about the file.
    pub fn completed_with(mut self, beginning: Reading, reach: Reach) -> Option<Reading> {
        let (peers, again) = (&self.census.peers, &beginning.census.peers);
        let has_same_peers =
            again.len() <= peers.len() && peers.iter().zip(again).all(|(peer, again)| peer.peer == again.peer);
        let is_whole = beginning.census.ending == Ending::Complete && beginning.census.counts.damaged == 0;
        if !self.can_be_completed() || !has_same_peers || !is_whole {
            return None;
        }
        let within = beginning.rib.records().filter(|(record, _)| reach.contains(&record.prefix));
        let others = self.rib.records().filter(|(record, _)| !reach.contains(&record.prefix));
        self.rib = RibEntries::in_order(within.chain(others));
        self.skipped_prefixes.merge(&beginning.skipped_prefixes);
        (self.rib.len() <= MAX_ROUTES).then_some(self)
    }
}

#[cfg(test)]
mod tests;
