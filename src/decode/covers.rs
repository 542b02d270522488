//! The records of a RIB dump that cover what comes next: in a sorted dump a prefix follows those that it is a part of, so
//! that one pass finds the covering routes of a prefix that only its origin makes matter.

use super::attributes::nlri;
use super::events::Draft;
use super::mrt::{HEADER, TABLE_DUMP_V2, header, unicast_table};
use super::prefix_hash::hash_bits;
use super::rib::Entries;
use super::selection::MIN_COVER_LENGTH;
use super::skipped_prefixes::RIB_BLOCKS;
use super::walk::Record;
use super::wire::Octets;
use crate::bgp::Prefix;
use crate::time::Timestamp;

/// Records that cover the one that is read, the shortest prefix first.
#[derive(Default)]
pub(super) struct Covers {
    chain: Vec<Cover>,
    /// Room for copies.
    spare: Vec<Vec<u8>>,
}

/// A copy of a record.
struct Cover {
    prefix: Prefix,
    at: Timestamp,
    index: u64,
    offset: u64,
    seconds: u32,
    subtype: u16,
    body: Vec<u8>,
    is_reported: bool,
    is_damaged: bool,
}

impl Draft<'_> {
    /// Leaves the records that do not cover this prefix behind.
    pub(super) fn leave_covers(&mut self, prefix: &Prefix) {
        while let Some(cover) = self.covers.chain.pop_if(|cover| !covers(&cover.prefix, prefix)) {
            if !cover.is_reported {
                self.pass_over(hash(&cover.prefix));
            }
            self.covers.spare.push(cover.body);
        }
    }

    /// At the end of the file, or of what a peer table is for.
    pub(super) fn leave_all_covers(&mut self) {
        let chain = std::mem::take(&mut self.covers.chain);
        chain.into_iter().filter(|cover| !cover.is_reported).for_each(|cover| self.pass_over(hash(&cover.prefix)));
    }

    /// No route of the prefix with this hash was reported.
    pub(super) fn pass_over(&mut self, hash: u64) {
        self.skipped_prefixes.grow(RIB_BLOCKS);
        self.skipped_prefixes.add(hash);
    }

    /// Reports the records that cover the one that is read, as far as that was not done.
    pub(super) fn report_covers(&mut self) {
        let mut chain = std::mem::take(&mut self.covers.chain);
        for cover in chain.iter_mut().filter(|cover| !cover.is_reported) {
            let Cover { at, index, offset, seconds, subtype, .. } = *cover;
            let body = &cover.body;
            let Some((family, add_path)) = unicast_table(subtype) else { continue };
            let Some(entries) = Entries::of(body, family, add_path) else { continue };
            let kind = TABLE_DUMP_V2;
            let record = Record { index, offset, seconds, kind, subtype, body, n_skipped: 0, following: &[] };
            let latest_damaged = std::mem::replace(&mut self.latest_damaged, cover.is_damaged.then_some(index));
            self.report_entries(&record, at, &entries);
            self.latest_damaged = latest_damaged;
            cover.is_reported = true;
        }
        self.covers.chain = chain;
    }

    /// The record of this prefix, which is also given hash, has been read: it is kept where the next one lies inside it.
    pub(super) fn pass(&mut self, record: &Record, at: Timestamp, prefix: Prefix, hash: u64, is_reported: bool) {
        let is_cover = prefix.len() >= MIN_COVER_LENGTH[prefix.family() as usize];
        if !is_cover || !may_cover(&prefix, record.following) {
            if !is_reported {
                self.pass_over(hash);
            }
            return;
        }
        let mut body = self.covers.spare.pop().unwrap_or_default();
        body.clear();
        body.extend_from_slice(record.body);
        let &Record { index, offset, seconds, subtype, .. } = record;
        let is_damaged = self.latest_damaged == Some(index);
        self.covers.chain.push(Cover { prefix, at, index, offset, seconds, subtype, body, is_reported, is_damaged });
    }
}

fn hash(prefix: &Prefix) -> u64 {
    hash_bits(prefix.bits(), prefix.len())
}

fn covers(cover: &Prefix, prefix: &Prefix) -> bool {
    cover.len() < prefix.len() && cover.contains(prefix)
}

/// Whether the record that follows lies inside a prefix; true where that cannot be told.
fn may_cover(prefix: &Prefix, following: &[u8]) -> bool {
    let next = || {
        let (_, kind, subtype, _) = header(following)?;
        let (family, _) = unicast_table(subtype).filter(|_| kind == TABLE_DUMP_V2)?;
        let (_, length, octets) = nlri(&mut Octets(following.get(HEADER + 4..)?), family, false)?;
        Prefix::from_nlri(family, length, octets)
    };
    next().is_none_or(|next| covers(prefix, &next))
}
