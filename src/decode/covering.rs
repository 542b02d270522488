//! The RIB records whose prefixes cover the one being read. A sorted dump lists a prefix after the less-specific ones, so
//! one pass also finds the covering routes of a prefix that is selected only by its origin AS.

use super::attributes::nlri;
use super::limits::MAX_COVERING;
use super::mrt::{HEADER, TABLE_DUMP_V2, header, unicast_table};
use super::prefix_hash::hash_bits;
use super::selection::MIN_COVER_LENGTH;
use super::walk::Record;
use super::wire::Octets;
use crate::bgp::Prefix;
use crate::time::Timestamp;

/// A stack of covering records, the shortest prefix first.
#[derive(Default)]
pub(super) struct CoveringRecords {
    stack: Vec<CoveringRecord>,
    /// Buffers for copies.
    spare: Vec<Vec<u8>>,
    /// Octets in the stack.
    n_octets: usize,
}

/// A copy of a TABLE_DUMP_V2 record.
pub(super) struct CoveringRecord {
    prefix: Prefix,
    pub(super) at: Timestamp,
    index: u64,
    offset: u64,
    seconds: u32,
    subtype: u16,
    body: Vec<u8>,
    is_reported: bool,
    pub(super) is_damaged: bool,
}

impl CoveringRecord {
    pub(super) fn record(&self) -> Record<'_> {
        let CoveringRecord { index, offset, seconds, subtype, ref body, .. } = *self;
        Record { index, offset, seconds, kind: TABLE_DUMP_V2, subtype, body, n_skipped: 0, following: &[] }
    }
}

impl CoveringRecords {
    /// Removes the records that do not cover this prefix, and passes the prefix hash of each that was not reported to `skip`.
    pub(super) fn keep_covering(&mut self, prefix: &Prefix, mut skip: impl FnMut(u64)) {
        while let Some(last) = self.stack.pop_if(|last| !covers(&last.prefix, prefix)) {
            if !last.is_reported {
                skip(hash(&last.prefix));
            }
            self.n_octets -= last.body.len();
            self.spare.push(last.body);
        }
    }

    /// Removes all records, and passes the prefix hash of each that was not reported to `skip`.
    pub(super) fn clear(&mut self, skip: impl FnMut(u64)) {
        self.n_octets = 0;
        let unreported = self.stack.drain(..).filter(|record| !record.is_reported);
        unreported.map(|record| hash(&record.prefix)).for_each(skip);
    }

    /// The records that were not reported. They count as reported from now on.
    pub(super) fn report(&mut self) -> impl Iterator<Item = &CoveringRecord> {
        self.stack
            .iter_mut()
            .filter_map(|record| (!std::mem::replace(&mut record.is_reported, true)).then_some(&*record))
    }

    /// Keeps a copy of a record if the one after it lies inside its prefix; returns whether it does. A record that is too long to be
    /// kept is read again if it turns out to cover a selected prefix.
    pub(super) fn push(
        &mut self,
        record: &Record,
        at: Timestamp,
        prefix: Prefix,
        is_reported: bool,
        is_damaged: bool,
    ) -> bool {
        let is_long_enough = prefix.len() >= MIN_COVER_LENGTH[prefix.family() as usize];
        let has_room = self.n_octets + record.body.len() <= MAX_COVERING;
        if !is_long_enough || !has_room || !may_cover(&prefix, record.following) {
            return false;
        }
        self.n_octets += record.body.len();
        let mut body = self.spare.pop().unwrap_or_default();
        body.clear();
        body.extend_from_slice(record.body);
        let &Record { index, offset, seconds, subtype, .. } = record;
        self.stack.push(CoveringRecord { prefix, at, index, offset, seconds, subtype, body, is_reported, is_damaged });
        true
    }
}

fn hash(prefix: &Prefix) -> u64 {
    hash_bits(prefix.bits(), prefix.len())
}

fn covers(covering: &Prefix, prefix: &Prefix) -> bool {
    covering.len() < prefix.len() && covering.contains(prefix)
}

/// Whether the prefix of the following record lies inside a prefix; true if it is not known yet.
fn may_cover(prefix: &Prefix, following: &[u8]) -> bool {
    let next = || {
        let (_, kind, subtype, _) = header(following)?;
        let (family, _) = unicast_table(subtype).filter(|_| kind == TABLE_DUMP_V2)?;
        let (_, length, octets) = nlri(&mut Octets(following.get(HEADER + 4..)?), family, false)?;
        Prefix::from_nlri(family, length, octets)
    };
    next().is_none_or(|next| covers(prefix, &next))
}
