//! What a RIB dump lists about the selection. A busy dump has tens of millions of entries, so each takes 24 bytes, and what the entries of
//! a record have in common is kept once.

use super::PeerIndex;
use crate::bgp::{AsPath, Prefix};
use crate::time::Timestamp;

/// The entries of the selected prefixes in a RIB dump, record by record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RibEntries {
    /// Each with the number of entries up to its end.
    records: Vec<(RibRecord, u32)>,
    entries: Vec<RibEntry>,
}

/// A record of a RIB dump, which is about one prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RibRecord {
    /// When the collector wrote it.
    pub at: Timestamp,
    /// Index of the record in its file, from 0.
    pub record: u64,
    /// Where it begins, in bytes of the decompressed file.
    pub offset: u64,
    /// The prefix.
    pub prefix: Prefix,
}

/// A route that a peer held when the RIB dump was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RibEntry {
    /// The peer.
    pub peer: PeerIndex,
    /// The path identifier, where the dump has one (RFC 7911, 8050).
    pub path_id: Option<u32>,
    /// The AS path, AS4_PATH merged.
    pub path: AsPath,
}

impl RibEntries {
    /// Returns every record with its entries, in the order of the file, except that a record may come later whose prefix covers one of a
    /// chosen origin.
    pub fn records(&self) -> impl Iterator<Item = (&RibRecord, &[RibEntry])> {
        let mut from = 0;
        self.records.iter().map(move |(record, end)| {
            let own = self.entries.get(from as usize..*end as usize).unwrap_or_default();
            from = *end;
            (record, own)
        })
    }

    /// Returns every entry with its record.
    pub fn iter(&self) -> impl Iterator<Item = (&RibRecord, &RibEntry)> {
        self.records().flat_map(|(record, entries)| entries.iter().map(move |entry| (record, entry)))
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds an entry of a record; those of one record come one after another.
    pub(crate) fn push(&mut self, record: RibRecord, entry: RibEntry) {
        self.entries.push(entry);
        let end = self.entries.len() as u32;
        match self.records.last_mut() {
            Some((last, last_end)) if *last == record => *last_end = end,
            _ => self.records.push((record, end)),
        }
    }

    /// Keeps only the records of some prefixes.
    pub(super) fn retain(&mut self, keeps: impl Fn(&Prefix) -> bool) {
        let RibEntries { records, entries } = std::mem::take(self);
        let mut entries = entries.into_iter();
        let mut from = 0;
        for (record, end) in records {
            let own = entries.by_ref().take((end - from) as usize);
            from = end;
            match keeps(&record.prefix) {
                true => own.for_each(|entry| self.push(record, entry)),
                false => own.for_each(drop),
            }
        }
    }

    /// These records with their entries, in the order of the file.
    pub(super) fn in_order<'r>(records: impl Iterator<Item = (&'r RibRecord, &'r [RibEntry])>) -> RibEntries {
        let mut records: Vec<(&RibRecord, &[RibEntry])> = records.collect();
        records.sort_by_key(|(record, _)| record.record);
        let mut all = RibEntries::default();
        for (record, entries) in records {
            entries.iter().for_each(|entry| all.push(*record, entry.clone()));
        }
        all
    }

    /// Returns about how much memory they take, in bytes, without that of their paths.
    pub(super) fn n_bytes(&self) -> usize {
        size_of_val(&self.records[..]) + size_of_val(&self.entries[..])
    }

    /// Gives back unused memory.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.records.shrink_to_fit();
        self.entries.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bgp::Asn;

    #[test]
    fn an_entry_takes_24_bytes_and_shares_its_record() {
        assert_eq!(size_of::<RibEntry>(), 24);
        let record = |record, prefix: &str| RibRecord {
            at: Timestamp::from_secs(0),
            record,
            offset: record * 100,
            prefix: prefix.parse().unwrap(),
        };
        let entry = |peer| RibEntry { peer, path_id: None, path: AsPath::new([Asn(64500)], 1) };
        let records = [record(0, "192.0.2.0/24"), record(1, "192.0.2.0/24"), record(2, "2001:db8::/32")];
        let mut all = RibEntries::default();
        for (record, peer) in [(0, 1), (0, 2), (1, 3), (2, 4), (2, 5)] {
            all.push(records[record], entry(peer));
        }
        let found = |all: &RibEntries| all.iter().map(|(of, entry)| (of.record, entry.peer)).collect::<Vec<_>>();
        assert_eq!((all.len(), all.records().count()), (5, 3));
        assert_eq!(found(&all), [(0, 1), (0, 2), (1, 3), (2, 4), (2, 5)]);
        all.retain(|prefix| prefix.to_string() != "192.0.2.0/24");
        assert_eq!(found(&all), [(2, 4), (2, 5)]);
    }
}
