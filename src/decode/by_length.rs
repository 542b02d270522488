//! RIB dumps that list short prefixes before long ones, as RIPE RIS writes them. If a prefix is revealed only after such a dump
//! was read, just the beginning has to be read again, up to the longest prefix that the first reading left out.

use super::limits::MAX_ROUTES;
use super::selection::covering_prefixes;
use super::skipped_prefixes::SkippedPrefixes;
use super::{Ending, Reading, RibEntries};
use crate::bgp::{Family, Prefix};

/// How far a RIB dump that is sorted by length has to be read: the length of the longest prefix that is needed, IPv4 then
/// IPv6; `None` if no prefix of the family is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaxLengths([Option<u8>; 2]);

impl MaxLengths {
    /// Up to the longest of `prefixes`, and of the less-specific ones that cover them, that may be among `skipped`.
    pub fn of_skipped(skipped: &SkippedPrefixes, prefixes: &[Prefix]) -> MaxLengths {
        let mut max_lengths = MaxLengths::default();
        for prefix in prefixes {
            let longest = &mut max_lengths.0[prefix.family() as usize];
            for prefix in covering_prefixes(*prefix).chain([*prefix]) {
                if longest.is_none_or(|longest| longest < prefix.len()) && skipped.may_contain(&prefix) {
                    *longest = Some(prefix.len());
                }
            }
        }
        max_lengths
    }

    /// The length of the longest prefix of a family that is needed.
    pub(super) fn longest(&self, family: Family) -> Option<u8> {
        self.0[family as usize]
    }

    fn contains(&self, prefix: &Prefix) -> bool {
        self.longest(prefix.family()).is_some_and(|longest| prefix.len() <= longest)
    }
}

impl Reading {
    /// Whether a second reading of the beginning of the file can extend this one to more prefixes: the file is a whole and
    /// undamaged RIB dump, sorted by length.
    pub fn can_be_extended(&self) -> bool {
        let counts = self.census.counts;
        self.census.is_by_length
            && self.census.ending == Ending::Complete
            && self.census.skipped.is_empty()
            && counts.damaged == 0
            && counts.rib_records > 0
            && counts.messages + counts.state_changes == 0
    }

    /// Takes the entries of prefixes up to `max_lengths` from `beginning`, a reading of the same file that ended beyond them, and
    /// keeps the others. The entries are then those of a reading of the whole file with the selection of `beginning`, provided
    /// that it contains every prefix that a selected origin originates here. `None` if the two do not agree about the file.
    pub fn extended_with(mut self, beginning: Reading, max_lengths: MaxLengths) -> Option<Reading> {
        let (peers, again) = (&self.census.peers, &beginning.census.peers);
        let has_same_peers =
            again.len() <= peers.len() && peers.iter().zip(again).all(|(peer, again)| peer.peer == again.peer);
        let is_undamaged = beginning.census.ending == Ending::Complete && beginning.census.counts.damaged == 0;
        if !self.can_be_extended() || !has_same_peers || !is_undamaged {
            return None;
        }
        let within = beginning.rib.records().filter(|(record, _)| max_lengths.contains(&record.prefix));
        let others = self.rib.records().filter(|(record, _)| !max_lengths.contains(&record.prefix));
        self.rib = RibEntries::in_order(within.chain(others));
        (self.rib.len() <= MAX_ROUTES).then_some(self)
    }
}

#[cfg(test)]
mod tests;
