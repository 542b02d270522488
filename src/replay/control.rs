//! The control sample of one collector: how large the tables are, whether updates and RIB dumps agree, how far a table
//! transfer has come, and how often prefixes fall that nobody asked about.
//!
//! It judges the archive and never a target. A sample of a few prefixes says nothing, so small ones decide nothing.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Deserializer};

use super::replayer::{Cause, Due, Replayer};
use super::sampled::ones;
use super::*;
use crate::decode::{Control, ControlChange};

/// With fewer sampled prefixes the sample of a table decides nothing: a table of some 2,000.
pub const MIN_SAMPLE: u32 = 32;
/// A vantage point whose table differs from a RIB dump in more than this share was out of step with it.
pub const MAX_MISMATCH: f64 = 0.01;
/// So few mismatches are no rate.
const MIN_MISMATCHES: u64 = 4;
/// A transfer is nearly done when this share of the table before it has come (after Zhang et al., "MCT", 2005), and a
/// table that was lost is back.
pub(super) const NEARLY_WHOLE: f64 = 0.9;
/// A table of which less than this share is left within [`LOSS_TIME`] was lost as a whole.
const NEARLY_EMPTY: f64 = 0.1;
/// Withdrawals of a whole table come within this time.
const LOSS_TIME: Duration = Duration::from_secs(60);
/// A transfer is over when the table grew by less than this share in the last [`QUIET_TIME`] of [`SYNC_TIMEOUT`].
const MAX_GROWTH: f64 = 0.005;
/// See [`MAX_GROWTH`].
pub(super) const QUIET_TIME: Duration = Duration::from_secs(120);
/// A control prefix has fallen when less than half of those that carried it still do, for this long; as for outages.
const MIN_FALL: Duration = Duration::from_secs(120);

/// What the control sample of one collector shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ControlSample {
    /// Sampled prefixes that any accepted RIB dump lists.
    pub n_prefixes: u64,
    /// Vantage points with enough of them to judge by.
    pub n_vantage_points: u64,
    /// Sampled prefixes that at least once were lost by more than half of the vantage points here that carried them,
    /// for two minutes or more. Written as nothing where no vantage point could tell.
    #[serde(deserialize_with = "or_none")]
    pub n_fallen: u64,
    /// Sampled routes compared with a later RIB dump.
    pub n_compared: u64,
    /// Those among them that the updates before it had shown otherwise.
    pub n_mismatched: u64,
    /// How often a vantage point differed so much that its history since the RIB dump before is not believed.
    pub n_lost_sync: u64,
    /// How often a vantage point withdrew its whole table within a minute.
    pub n_lost_tables: u64,
}

impl ControlSample {
    /// The share of the compared routes that the updates had shown otherwise; nothing where none was compared.
    pub fn mismatch_rate(&self) -> Option<f64> {
        (self.n_compared > 0).then(|| self.n_mismatched as f64 / self.n_compared as f64)
    }
}

fn or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The sample of one vantage point.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    present: Bits,
    /// What the latest RIB dump listed.
    base: Bits,
    /// When each prefix was last heard of on this session, in seconds since the beginning, from 1.
    heard: Vec<u32>,
    /// How many are present, per family.
    n: [u32; 2],
    /// The same before the session closed.
    n_before: [u32; 2],
    /// The same two minutes before a transfer times out.
    n_marked: [u32; 2],
    /// Recent sizes from which a sudden loss is measured, per family, the latest first.
    marks: [[Option<(Timestamp, u32)>; 2]; 2],
    is_untracked: bool,
}

/// What comes of comparing the sample of a vantage point with a RIB dump.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Audit {
    /// They differ so much that what was known until then is not to be believed.
    pub is_out_of_step: bool,
    /// The dump lacks so much that it may show a part of the table.
    pub lacks_much: bool,
}

/// The sampled prefixes of one collector.
#[derive(Clone, Debug, Default)]
pub(super) struct Sampled {
    /// The RIB dumps; they number the prefixes.
    tables: SampledTables,
    /// Which of them each accepted RIB dump is.
    positions: Vec<Option<usize>>,
    /// Since when more than half have lost it.
    fallen_since: FxHashMap<u32, Timestamp>,
    has_fallen: Bits,
    in_tables: Bits,
    pub n: ControlSample,
    is_judged: Vec<bool>,
}

/// A set of small numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn from_words(words: Vec<u64>) -> Bits {
        Bits(words)
    }

    pub(super) fn has(&self, n: u32) -> bool {
        self.0.get((n / 64) as usize).is_some_and(|word| word >> (n % 64) & 1 != 0)
    }

    /// Puts `n` in or takes it out; says whether that changes anything.
    pub(super) fn set(&mut self, n: u32, is_in: bool) -> bool {
        let (word, bit) = ((n / 64) as usize, 1 << (n % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let changes = (self.0[word] & bit != 0) != is_in;
        self.0[word] ^= if changes { bit } else { 0 };
        changes
    }

    fn len(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        ones(&self.0).map(|n| n as u32)
    }
}

impl Sample {
    fn set(&mut self, prefix: u32, family: Family, is_present: bool) {
        if self.present.set(prefix, is_present) {
            let n = &mut self.n[family as usize];
            *n = if is_present { *n + 1 } else { *n - 1 };
        }
    }

    fn heard(&self, prefix: u32) -> u32 {
        self.heard.get(prefix as usize).copied().unwrap_or(0)
    }

    fn progress(&self, family: Family) -> Option<f64> {
        let (n, before) = (self.n[family as usize], self.n_before[family as usize]);
        (before >= MIN_SAMPLE).then(|| f64::from(n) / f64::from(before))
    }

    /// The size since which a family has lost nearly everything within a minute, if it has.
    fn lost_since(&mut self, family: Family, n_before: u32, at: Timestamp) -> Option<(Timestamp, u32)> {
        let marks = &mut self.marks[family as usize];
        if marks[0].is_none_or(|(marked_at, _)| marked_at + LOSS_TIME / 2 <= at || marked_at > at) {
            *marks = [Some((at, n_before)), marks[0]];
        }
        let recent = marks.iter().flatten().filter(|(marked_at, _)| *marked_at + LOSS_TIME >= at);
        let (since, most) = recent.max_by_key(|(_, n)| *n).copied()?;
        let is_lost = most >= MIN_SAMPLE && f64::from(self.n[family as usize]) <= f64::from(most) * NEARLY_EMPTY;
        is_lost.then_some((since, most))
    }
}

impl Sampled {
    pub fn new(tables: SampledTables) -> Sampled {
        Sampled { tables, ..Sampled::default() }
    }

    /// Before anything is known of a peer but what RIB dumps say.
    pub fn of(&self, peer: &Peer) -> Sample {
        Sample { is_untracked: self.tables.is_untracked(peer), ..Sample::default() }
    }

    fn fallen(&self) -> Vec<u32> {
        self.fallen_since.keys().copied().collect()
    }

    /// A prefix is back, or the end has come.
    fn end_fall(&mut self, prefix: u32, at: Timestamp) {
        if let Some(since) = self.fallen_since.remove(&prefix)
            && since + MIN_FALL <= at
        {
            self.has_fallen.set(prefix, true);
        }
    }
}

impl Replayer {
    /// Notes which sampled table an accepted RIB dump is.
    pub(super) fn sample_table(&mut self, name: &str) {
        let Sampled { tables, in_tables, positions, .. } = &mut self.sampled;
        let position = tables.position(name);
        if let Some(position) = position {
            tables.show(position);
            tables.listed().for_each(|prefix| _ = in_tables.set(prefix, true));
        }
        positions.push(position);
    }

    /// The changes of an update file, with the numbers that its prefixes have here.
    pub(super) fn begin_sample(&mut self, control: &Control, peers: &[usize]) -> Vec<u32> {
        for peer in control.untracked.iter().filter_map(|peer| peers.get(*peer as usize)) {
            self.samples[*peer].is_untracked = true;
        }
        self.sampled.tables.number(&control.prefixes)
    }

    /// Hot: once per announced or withdrawn prefix of the sample.
    pub(super) fn sample_change(&mut self, peer: usize, prefix: u32, change: &ControlChange) {
        let moment = self.times.moment(change.run, change.at, change.at);
        let at = moment.at;
        self.advance(self.times.now.min(self.window.end));
        if at >= self.window.end || self.samples[peer].is_untracked {
            return;
        }
        let family = self.sampled.tables.families()[prefix as usize];
        let claimed_at = moment.may_be.map_or(at, |may_be| may_be.start);
        if self.sessions[peer][family as usize].dumped_after(claimed_at).is_some() {
            return;
        }
        let heard = self.second(at);
        let sample = &mut self.samples[peer];
        if sample.heard.len() <= prefix as usize {
            sample.heard.resize(self.sampled.tables.families().len(), 0);
        }
        sample.heard[prefix as usize] = heard;
        let n_before = sample.n[family as usize];
        sample.set(prefix, family, change.is_announced);
        if change.is_announced {
            self.check_progress(peer, family, at);
        } else if let Some((since, most)) = self.samples[peer].lost_since(family, n_before, at) {
            self.lose_table(peer, family, since, most);
        }
        self.check_fall(prefix, family, change.is_announced, at);
    }

    fn second(&self, at: Timestamp) -> u32 {
        u32::try_from(at.secs() - self.window.start.secs() + 1).unwrap_or(1).max(1)
    }

    /// A transfer that has brought nearly the whole table is no reason to leave the vantage point out any longer; a
    /// table that had been lost is back.
    fn check_progress(&mut self, peer: usize, family: Family, at: Timestamp) {
        let session = self.sessions[peer][family as usize];
        if session.state != PeerState::Syncing || self.samples[peer].progress(family).is_none_or(|p| p < NEARLY_WHOLE) {
            return;
        }
        // What a lost table lacks was withdrawn; what a transfer has not brought yet may still come.
        self.set_session(peer, family, PeerState::Up, session.lost_table, Cause::time(at));
    }

    /// Shortly before a transfer times out.
    pub(super) fn mark_sample(&mut self, peer: usize) {
        self.samples[peer].n_marked = self.samples[peer].n;
    }

    /// Whether the sample shows that a table has come whole and nothing more is coming.
    pub(super) fn is_transferred(&self, peer: usize, family: Family) -> bool {
        let sample = &self.samples[peer];
        let (n, marked) = (sample.n[family as usize], sample.n_marked[family as usize]);
        let is_quiet = f64::from(n.saturating_sub(marked)) <= f64::from(n) * MAX_GROWTH;
        is_quiet && !sample.is_untracked && sample.progress(family).is_some_and(|progress| progress >= NEARLY_WHOLE)
    }

    /// The vantage point withdrew its table: its own upstream failed, and it cannot speak for any prefix.
    fn lose_table(&mut self, peer: usize, family: Family, since: Timestamp, most: u32) {
        let session = &self.sessions[peer][family as usize];
        if session.state != PeerState::Up || !session.complete {
            return;
        }
        self.samples[peer].n_before[family as usize] = most;
        self.set_session(peer, family, PeerState::Syncing, false, Cause::time(since));
        self.sessions[peer][family as usize].lost_table = true;
        self.sampled.n.n_lost_tables += 1;
    }

    /// Whether fewer than half of those that carried a prefix in their latest RIB dump still do.
    fn check_fall(&mut self, prefix: u32, family: Family, is_announced: bool, at: Timestamp) {
        // An announcement can only end a fall, and a withdrawal only begin one.
        if self.sampled.fallen_since.contains_key(&prefix) != is_announced {
            return;
        }
        let (mut n_base, mut n_present) = (0, 0);
        for (sample, sessions) in self.samples.iter().zip(&self.sessions) {
            let session = &sessions[family as usize];
            if session.state == PeerState::Up && session.complete && sample.base.has(prefix) {
                n_base += 1;
                n_present += usize::from(sample.present.has(prefix));
            }
        }
        if n_present * 2 < n_base {
            self.sampled.fallen_since.entry(prefix).or_insert(at);
        } else {
            self.sampled.end_fall(prefix, at);
        }
    }

    /// The session closed, or opened: what its table was is not known any longer.
    pub(super) fn forget_sample(&mut self, peer: usize, family: Option<Family>) {
        let sessions = self.sessions[peer];
        let sample = &mut self.samples[peer];
        for family in Family::ALL.into_iter().filter(|other| family.is_none_or(|family| family == *other)) {
            if sessions[family as usize].state == PeerState::Up && sessions[family as usize].complete {
                sample.n_before[family as usize] = sample.n[family as usize];
            }
            sample.n[family as usize] = 0;
            sample.n_marked[family as usize] = 0;
            sample.marks[family as usize] = [None; 2];
            let families = self.sampled.tables.families();
            let gone: Vec<u32> = sample.present.iter().filter(|id| families[*id as usize] == family).collect();
            gone.into_iter().for_each(|id| _ = sample.present.set(id, false));
            sample.heard.iter_mut().zip(families).filter(|(_, f)| **f == family).for_each(|(heard, _)| *heard = 0);
        }
    }

    /// Nothing is known of any vantage point from `at` on: falls end there.
    pub(super) fn forget_falls(&mut self, at: Timestamp) {
        for prefix in self.sampled.fallen() {
            self.sampled.end_fall(prefix, at);
        }
    }

    /// The tables have been confirmed or corrected: whoever was thought to have fallen may be up.
    pub(super) fn check_falls(&mut self, at: Timestamp) {
        for prefix in self.sampled.fallen() {
            self.check_fall(prefix, self.sampled.tables.families()[prefix as usize], true, at);
        }
    }

    /// Compares the sample of a vantage point with a RIB dump and takes over what the dump says. Only a table that was
    /// `known` can be out of step.
    pub(super) fn audit(
        &mut self,
        peer: usize,
        family: Family,
        index: usize,
        table: &RibTable,
        is_known: bool,
    ) -> Audit {
        if self.samples[peer].is_untracked {
            return Audit::default();
        }
        let newest = self.second(table.begun_at - RIB_BACKLOG);
        let Sampled { tables, positions, n: figures, is_judged, .. } = &mut self.sampled;
        let Some(position) = positions.get(index).copied().flatten() else { return Audit::default() };
        tables.show(position);
        let (own, other) =
            (tables.held_by(&self.peers[peer]), self.dumped_as[peer].as_ref().map(|name| tables.held_by(name)));
        let is_held = |id: u32| own(id) || other.as_ref().is_some_and(|other| other(id));
        let sample = &mut self.samples[peer];
        let (mut n_compared, mut n_mismatched, mut n_lacking, mut n) = (0, 0, 0, 0);
        for (id, _) in (0..).zip(tables.families()).filter(|(_, other)| **other == family) {
            let is_listed = is_held(id);
            n += u32::from(is_listed);
            sample.base.set(id, is_listed);
            if sample.heard(id) > newest {
                continue;
            }
            n_compared += u64::from(is_listed || sample.present.has(id));
            n_mismatched += u64::from(is_listed != sample.present.has(id));
            n_lacking += u64::from(!is_listed && sample.present.has(id));
            sample.set(id, family, is_listed);
        }
        sample.marks[family as usize] = [None; 2];
        if is_judged.len() <= peer {
            is_judged.resize(peer + 1, false);
        }
        if n >= MIN_SAMPLE && !std::mem::replace(&mut is_judged[peer], true) {
            figures.n_vantage_points += 1;
        }
        if !is_known {
            return Audit::default();
        }
        figures.n_compared += n_compared;
        figures.n_mismatched += n_mismatched;
        let is_much = |n: u64| n >= MIN_MISMATCHES && n as f64 > MAX_MISMATCH * n_compared as f64;
        let audit = Audit { is_out_of_step: is_much(n_mismatched), lacks_much: is_much(n_lacking) };
        figures.n_lost_sync += u64::from(audit.is_out_of_step);
        audit
    }

    /// What the sample showed; nothing where no RIB dump lists a prefix of it.
    pub(super) fn control_sample(&mut self) -> Option<ControlSample> {
        self.forget_falls(self.window.end);
        let n_prefixes = self.sampled.in_tables.len();
        let n_fallen = self.sampled.has_fallen.len();
        (n_prefixes > 0).then_some(ControlSample { n_prefixes, n_fallen, ..self.sampled.n })
    }

    /// Schedules the end of a transfer that nothing else ends.
    pub(super) fn schedule_timeout(&mut self, peer: usize, opened_at: Timestamp) {
        self.due.insert((opened_at + (SYNC_TIMEOUT - QUIET_TIME), Due::SyncMark(peer)));
        self.due.insert((opened_at + SYNC_TIMEOUT, Due::SyncTimeout(peer)));
    }
}

#[cfg(test)]
mod tests;
