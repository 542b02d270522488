//! The control sample of one collector: how large the tables are, whether updates and RIB dumps agree, how far a table
//! transfer has come, and how often prefixes fall that were not selected.
//!
//! It is evidence about the archive and never about a target. Samples of a few prefixes decide nothing.

use serde::{Deserialize, Deserializer};

use super::bits::Bits;
use super::falls::SampleFalls;
use super::index::{DumpIndex, PeerId, PerPeer};
use super::peers::Peers;
use super::sample::{Difference, MIN_SAMPLE, Sample};
use super::sampled::SampledTables;
use super::session::SessionStates;
use crate::bgp::{Family, Peer};
use crate::decode::Control;
use crate::time::{Timestamp, Window};

/// A vantage point was out of step with a RIB dump if its table differs in more than this share of its prefixes.
pub const MAX_MISMATCH: f64 = 0.01;
/// Fewer mismatches than this are too few for a rate.
const MIN_MISMATCHES: u64 = 4;

/// What the control sample of one collector shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ControlSample {
    /// Sampled prefixes that any accepted RIB dump lists.
    pub n_prefixes: u64,
    /// Vantage points with at least [`MIN_SAMPLE`] of them.
    pub n_vantage_points: u64,
    /// Sampled prefixes that at least once were lost by more than half of the vantage points here that carried them, for two
    /// minutes or more. Written as null where no vantage point has a large enough sample.
    #[serde(deserialize_with = "or_none")]
    pub n_fallen: u64,
    /// Sampled routes compared with a later RIB dump.
    pub n_compared: u64,
    /// Compared routes for which the RIB dump contradicts the updates before it.
    pub n_mismatched: u64,
    /// How often a vantage point differed so much that its history since the previous RIB dump is discarded.
    pub n_lost_sync: u64,
    /// How often a vantage point withdrew its whole table within a minute.
    pub n_lost_tables: u64,
}

impl ControlSample {
    /// The share of mismatched routes among the compared ones; None if none was compared.
    pub fn mismatch_rate(&self) -> Option<f64> {
        (self.n_compared > 0).then(|| self.n_mismatched as f64 / self.n_compared as f64)
    }
}

fn or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The result of comparing the sample of a vantage point with a RIB dump.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Audit {
    /// They differ so much that the history of the vantage point until now is not reliable.
    pub is_out_of_step: bool,
    /// The RIB dump lacks so much that it may show only a part of the table.
    pub lacks_much: bool,
}

/// The sampled prefixes of one collector, at all of its peers.
#[derive(Debug)]
pub(super) struct ControlSamples {
    window: Window,
    /// The sample of the RIB dumps, which also numbers the prefixes.
    tables: SampledTables,
    /// The position of each accepted RIB dump in `tables`.
    positions: Vec<Option<usize>>,
    in_tables: Bits,
    peers: PerPeer<Sample>,
    has_enough: PerPeer<bool>,
    falls: SampleFalls,
    figures: ControlSample,
}

impl ControlSamples {
    pub(super) fn new(window: Window, tables: SampledTables) -> ControlSamples {
        ControlSamples {
            window,
            tables,
            positions: Vec::new(),
            in_tables: Bits::default(),
            peers: PerPeer::default(),
            has_enough: PerPeer::default(),
            falls: SampleFalls::default(),
            figures: ControlSample::default(),
        }
    }

    pub(super) fn add_peer(&mut self, peer: &Peer) {
        self.peers.push(Sample::new(self.tables.is_untracked(peer)));
        self.has_enough.push(false);
    }

    /// Adds an accepted RIB dump; its sample is known by `name`.
    pub(super) fn add_dump(&mut self, name: &str) {
        let position = self.tables.position(name);
        if let Some(position) = position {
            self.tables.show(position);
            self.tables.listed().for_each(|prefix| _ = self.in_tables.set(prefix, true));
        }
        self.positions.push(position);
    }

    /// The numbers that the prefixes of an update file have here.
    pub(super) fn begin_file(&mut self, control: &Control, peers: &[PeerId]) -> Vec<u32> {
        for peer in control.untracked.iter().filter_map(|peer| peers.get(*peer as usize)) {
            self.peers[*peer].is_untracked = true;
        }
        self.tables.number(&control.prefixes)
    }

    pub(super) fn is_untracked(&self, peer: PeerId) -> bool {
        self.peers[peer].is_untracked
    }

    pub(super) fn family(&self, prefix: u32) -> Family {
        self.tables.families()[prefix as usize]
    }

    /// Applies an announcement or withdrawal; returns how many prefixes the peer held before. Hot: once per announced or
    /// withdrawn prefix of the sample.
    pub(super) fn apply(&mut self, peer: PeerId, prefix: u32, is_announced: bool, at: Timestamp) -> u32 {
        let (second, n_prefixes) = (self.second(at), self.tables.families().len());
        let family = self.family(prefix);
        self.peers[peer].apply(prefix, family, is_announced, second, n_prefixes)
    }

    fn second(&self, at: Timestamp) -> u32 {
        u32::try_from(at.secs() - self.window.start.secs() + 1).unwrap_or(1).max(1)
    }

    pub(super) fn of_peer(&self, peer: PeerId) -> &Sample {
        &self.peers[peer]
    }

    pub(super) fn of_peer_mut(&mut self, peer: PeerId) -> &mut Sample {
        &mut self.peers[peer]
    }

    /// Notes that a vantage point withdrew a table of `n_before` sampled prefixes.
    pub(super) fn lose_table(&mut self, peer: PeerId, family: Family, n_before: u32) {
        self.peers[peer].expect(family, n_before);
        self.figures.n_lost_tables += 1;
    }

    /// The session closed or opened: its table is not known any longer. `states` are those before.
    pub(super) fn forget(&mut self, peer: PeerId, family: Option<Family>, states: &SessionStates) {
        for family in Family::ALL.into_iter().filter(|other| family.is_none_or(|family| family == *other)) {
            let was_whole = states.get(peer, family).is_whole();
            self.peers[peer].forget(family, was_whole, self.tables.families());
        }
    }

    /// Checks whether fewer than half of those that carried a prefix in their latest RIB dump still do.
    pub(super) fn check_fall(&mut self, prefix: u32, is_announced: bool, at: Timestamp, states: &SessionStates) {
        // An announcement can only end a fall, and a withdrawal can only begin one.
        if self.falls.is_open(prefix) != is_announced {
            return;
        }
        let (mut n_base, mut n_present) = (0, 0);
        for (sample, session) in self.peers.values().zip(states.of_family(self.family(prefix))) {
            if session.is_whole() && sample.was_listed(prefix) {
                n_base += 1;
                n_present += usize::from(sample.is_present(prefix));
            }
        }
        if n_present * 2 < n_base {
            self.falls.begin(prefix, at);
        } else {
            self.falls.end(prefix, at);
        }
    }

    /// Checks all open falls after a RIB dump has confirmed or corrected the tables.
    pub(super) fn check_falls(&mut self, at: Timestamp, states: &SessionStates) {
        self.falls.open().into_iter().for_each(|prefix| self.check_fall(prefix, true, at, states));
    }

    /// Ends all falls at an instant from which no vantage point is known.
    pub(super) fn end_falls(&mut self, at: Timestamp) {
        self.falls.end_all(at);
    }

    /// Compares the sample of a vantage point with a RIB dump, and takes over what the RIB dump lists. Updates after `newest`
    /// may not be in the RIB dump yet. Only a table that `is_known` can be out of step.
    pub(super) fn audit(
        &mut self,
        peer: PeerId,
        family: Family,
        dump: DumpIndex,
        newest: Timestamp,
        peers: &Peers,
        is_known: bool,
    ) -> Audit {
        if self.peers[peer].is_untracked {
            return Audit::default();
        }
        let newest = self.second(newest);
        let Some(position) = self.positions.get(dump.get()).copied().flatten() else { return Audit::default() };
        self.tables.show(position);
        let own = self.tables.held_by(peers.name(peer));
        let other = peers.dumped_as(peer).map(|name| self.tables.held_by(name));
        let is_listed = |prefix: u32| own(prefix) || other.as_ref().is_some_and(|other| other(prefix));
        let Difference { n_listed, n_compared, n_mismatched, n_lacking } =
            self.peers[peer].compare(family, self.tables.families(), newest, is_listed);
        if n_listed >= MIN_SAMPLE && !std::mem::replace(&mut self.has_enough[peer], true) {
            self.figures.n_vantage_points += 1;
        }
        if !is_known {
            return Audit::default();
        }
        let is_much = |n: u64| n >= MIN_MISMATCHES && n as f64 > MAX_MISMATCH * n_compared as f64;
        let audit = Audit { is_out_of_step: is_much(n_mismatched), lacks_much: is_much(n_lacking) };
        self.figures.n_compared += n_compared;
        self.figures.n_mismatched += n_mismatched;
        self.figures.n_lost_sync += u64::from(audit.is_out_of_step);
        audit
    }

    /// What the sample showed; None where no RIB dump lists a sampled prefix.
    pub(super) fn finish(mut self) -> Option<ControlSample> {
        self.falls.end_all(self.window.end);
        let n_prefixes = self.in_tables.len();
        (n_prefixes > 0).then_some(ControlSample { n_prefixes, n_fallen: self.falls.n_fallen(), ..self.figures })
    }
}

#[cfg(test)]
mod tests;
