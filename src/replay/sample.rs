//! The control sample of one vantage point: which sampled prefixes it holds, and what that shows about its table.

use std::time::Duration;

use super::bits::Bits;
use crate::bgp::{Family, PerFamily};
use crate::time::Timestamp;

/// The smallest sample of a table that is used. It stands for a table of about 2,000 prefixes.
pub const MIN_SAMPLE: u32 = 32;
/// A transfer is nearly done when this share of the previous table has arrived (after Zhang et al., "MCT", 2005). The same
/// share shows that a lost table is back, and a RIB dump with less of the previous table may be partial.
pub(super) const NEARLY_WHOLE: f64 = 0.9;
/// A table was lost as a whole if less than this share of it is left within [`LOSS_TIME`].
const NEARLY_EMPTY: f64 = 0.1;
/// Withdrawals of a whole table arrive within this time.
const LOSS_TIME: Duration = Duration::from_secs(60);
/// A transfer is over if the table grew by less than this share since it was marked, shortly before the timeout.
const MAX_GROWTH: f64 = 0.005;

/// The sample of one vantage point.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    present: Bits,
    /// What the latest RIB dump listed.
    base: Bits,
    /// When each prefix was last announced or withdrawn on this session, in seconds since the beginning, from 1.
    updated: Vec<u32>,
    sizes: PerFamily<Sizes>,
    /// Whether the peer sends several paths of a prefix, which the sample does not count.
    pub is_untracked: bool,
}

/// How many sampled prefixes of one family are present.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    now: u32,
    /// Before the session closed or the table was lost.
    before: u32,
    /// Shortly before a transfer times out.
    marked: u32,
    /// Recent sizes from which a sudden loss is measured, the latest first.
    recent: [Option<(Timestamp, u32)>; 2],
}

/// How the sample of a vantage point differs from a RIB dump.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Difference {
    /// Prefixes that the RIB dump lists.
    pub n_listed: u32,
    pub n_compared: u64,
    pub n_mismatched: u64,
    /// Mismatched prefixes that the RIB dump lacks.
    pub n_lacking: u64,
}

impl Sample {
    /// The sample of a peer of which nothing is known yet.
    pub(super) fn new(is_untracked: bool) -> Sample {
        Sample { is_untracked, ..Sample::default() }
    }

    /// Applies an announcement or withdrawal, sent in second `second`. Returns how many prefixes were present before. Hot:
    /// once per announced or withdrawn prefix of the sample; `n_prefixes` is the size of the sample.
    pub(super) fn apply(
        &mut self,
        prefix: u32,
        family: Family,
        is_announced: bool,
        second: u32,
        n_prefixes: usize,
    ) -> u32 {
        if self.updated.len() <= prefix as usize {
            self.updated.resize(n_prefixes, 0);
        }
        self.updated[prefix as usize] = second;
        let n_before = self.sizes[family].now;
        self.set(prefix, family, is_announced);
        n_before
    }

    fn set(&mut self, prefix: u32, family: Family, is_present: bool) {
        if self.present.set(prefix, is_present) {
            let n = &mut self.sizes[family].now;
            *n = if is_present { *n + 1 } else { *n - 1 };
        }
    }

    pub(super) fn is_present(&self, prefix: u32) -> bool {
        self.present.has(prefix)
    }

    /// Whether the latest RIB dump listed the prefix.
    pub(super) fn was_listed(&self, prefix: u32) -> bool {
        self.base.has(prefix)
    }

    /// Whether nearly all of the previous table is present.
    pub(super) fn is_nearly_whole(&self, family: Family) -> bool {
        let Sizes { now, before, .. } = self.sizes[family];
        before >= MIN_SAMPLE && f64::from(now) / f64::from(before) >= NEARLY_WHOLE
    }

    /// If nearly everything was withdrawn within [`LOSS_TIME`], the size before and the instant at which it was measured.
    /// `n_before` is the size before the withdrawal at `at`.
    pub(super) fn lost_since(&mut self, family: Family, n_before: u32, at: Timestamp) -> Option<(Timestamp, u32)> {
        let Sizes { now, recent, .. } = &mut self.sizes[family];
        if recent[0].is_none_or(|(marked_at, _)| marked_at + LOSS_TIME / 2 <= at || marked_at > at) {
            *recent = [Some((at, n_before)), recent[0]];
        }
        let within = recent.iter().flatten().filter(|(marked_at, _)| *marked_at + LOSS_TIME >= at);
        let (since, most) = within.max_by_key(|(_, n)| *n).copied()?;
        let is_lost = most >= MIN_SAMPLE && f64::from(*now) <= f64::from(most) * NEARLY_EMPTY;
        is_lost.then_some((since, most))
    }

    /// Sets the size that the table must nearly reach to be back.
    pub(super) fn expect(&mut self, family: Family, n_before: u32) {
        self.sizes[family].before = n_before;
    }

    /// Marks the sizes shortly before a transfer times out.
    pub(super) fn mark(&mut self) {
        self.sizes.values_mut().for_each(|sizes| sizes.marked = sizes.now);
    }

    /// Whether the whole table has arrived and nothing more is coming.
    pub(super) fn is_transferred(&self, family: Family) -> bool {
        let Sizes { now, marked, .. } = self.sizes[family];
        let is_quiet = f64::from(now.saturating_sub(marked)) <= f64::from(now) * MAX_GROWTH;
        is_quiet && !self.is_untracked && self.is_nearly_whole(family)
    }

    /// The session closed or opened: its table is not known any longer. `was_whole` is whether it was known until now;
    /// `families` contains the family of each sampled prefix.
    pub(super) fn forget(&mut self, family: Family, was_whole: bool, families: &[Family]) {
        let sizes = &mut self.sizes[family];
        let before = if was_whole { sizes.now } else { sizes.before };
        *sizes = Sizes { before, ..Sizes::default() };
        let gone: Vec<u32> = self.present.iter().filter(|prefix| families[*prefix as usize] == family).collect();
        gone.into_iter().for_each(|prefix| _ = self.present.set(prefix, false));
        self.updated.iter_mut().zip(families).filter(|(_, f)| **f == family).for_each(|(second, _)| *second = 0);
    }

    /// Takes over what a RIB dump lists, except for prefixes that were updated after second `newest`. Returns how the sample
    /// differed from it.
    pub(super) fn compare(
        &mut self,
        family: Family,
        families: &[Family],
        newest: u32,
        is_listed: impl Fn(u32) -> bool,
    ) -> Difference {
        let mut difference = Difference::default();
        for (prefix, _) in (0..).zip(families).filter(|(_, other)| **other == family) {
            let is_listed = is_listed(prefix);
            difference.n_listed += u32::from(is_listed);
            self.base.set(prefix, is_listed);
            if self.updated.get(prefix as usize).is_some_and(|second| *second > newest) {
                continue;
            }
            let is_present = self.present.has(prefix);
            difference.n_compared += u64::from(is_listed || is_present);
            difference.n_mismatched += u64::from(is_listed != is_present);
            difference.n_lacking += u64::from(!is_listed && is_present);
            self.set(prefix, family, is_listed);
        }
        self.sizes[family].recent = [None; 2];
        difference
    }
}
