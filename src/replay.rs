//! RIB dumps and ordered updates of one collector as spans of what each vantage point knew.
//!
//! A vantage point is judged per family: its session is up, being set up, down or unknown, and only while it is up do
//! its routes count. A RIB dump makes its whole table known; until then, and after every gap in the archive, nothing
//! may be inferred from silence. Without any RIB dump a vantage point is known for a prefix from its first
//! announcement on, or, when the first thing it says is a withdrawal, from before it: it must have held the route.

mod control;
mod identity;
mod overlay;
mod reconcile;
mod replayer;
mod routes;
mod sampled;
mod sessions;
mod silence;
mod table;
mod times;
mod whole;

use std::collections::BTreeSet;
use std::time::Duration;

use rustc_hash::FxHashSet;
use serde::Deserialize;

use crate::bgp::{AsPath, Asn, Collector, Family, Peer, Prefix};
use crate::time::{Timestamp, Window};

pub use control::{ControlSample, MAX_MISMATCH, MIN_SAMPLE};
pub use replayer::Replayer;
pub use sampled::{SampleNumbers, SampledTables};
pub use table::{Holder, RibTable};
pub use times::FileTime;
pub use whole::WholeTable;

/// The end of a table transfer when no End-of-RIB marks it.
pub const SYNC_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// Updates from this long before a RIB dump were perhaps not yet in it: the daemon still had them queued. CAIDA's
/// routing-tables engine uses the same value (`RT_RIB_BACKLOG_TIME`).
pub const RIB_BACKLOG: Duration = Duration::from_secs(60);
/// A vantage point that is absent from a RIB dump and has been silent this long was lost when it fell silent. CAIDA's
/// routing-tables engine uses the same value (`RT_MAX_INACTIVE_TIME`).
pub const MAX_SILENCE: Duration = Duration::from_secs(3600);
/// How long a RIB dump speaks for its vantage points where no update file follows it.
pub const RIB_INSTANT: Duration = Duration::from_secs(60);

/// A record in the archive of a collector: what a state can be looked up by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecordRef {
    /// The file, by the number that was given to the [`Replayer`] with it.
    pub file: u32,
    /// Index of the record in its file, from 0.
    pub record: u64,
    /// Where the record begins, in bytes of the decompressed file.
    pub offset: u64,
}

/// What we know about a session. `Unknown` is a gap in the archive, not a closed session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PeerState {
    /// Established, and its table is known.
    Up,
    /// Established; the table transfer is running.
    Syncing,
    /// Not established.
    Down,
    /// Not known.
    Unknown,
}

impl PeerState {
    /// Whether the session is established.
    pub fn is_open(self) -> bool {
        matches!(self, PeerState::Up | PeerState::Syncing)
    }
}

/// The time one session spent in one state, for one address family.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PeerSpan {
    /// Index into [`Replay::peers`].
    pub peer: usize,
    /// Which half of its table.
    pub family: Family,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// The state.
    pub state: PeerState,
    /// Whether the whole table is known, so that a prefix without a route is known to be absent.
    pub complete: bool,
    /// The record that began it; nothing where time, a gap or a RIB dump as a whole did.
    pub record: Option<RecordRef>,
}

/// Why we believe a route to be present or absent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Evidence {
    /// It is in a RIB dump.
    Rib,
    /// It was announced.
    Announce,
    /// It was withdrawn.
    Withdraw,
    /// It is missing from a RIB dump.
    NotInRib,
    /// Nothing was known until it was withdrawn, so it had been there.
    ImpliedByWithdraw,
}

impl Evidence {
    /// Every kind.
    pub const ALL: [Evidence; 5] =
        [Evidence::Rib, Evidence::Announce, Evidence::Withdraw, Evidence::NotInRib, Evidence::ImpliedByWithdraw];

    /// The name used in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Evidence::Rib => "rib",
            Evidence::Announce => "announce",
            Evidence::Withdraw => "withdraw",
            Evidence::NotInRib => "not_in_rib",
            Evidence::ImpliedByWithdraw => "implied_by_withdraw",
        }
    }
}

/// Whether a vantage point held a route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Held {
    /// It did; the path where it is known.
    Present(Option<AsPath>),
    /// It did not.
    Absent,
    /// Not known: a RIB dump contradicts what the updates had shown until then.
    Unknown,
}

impl Held {
    /// Whether a route came, went or changed its origin; another path to the same origin makes no difference.
    pub(crate) fn differs_from(&self, other: &Held) -> bool {
        match (self, other) {
            (Held::Present(Some(path)), Held::Present(Some(other))) => path.origins() != other.origins(),
            _ => self != other,
        }
    }
}

/// The time for which one vantage point held one route to a prefix, or held none. Where there is no span, nothing is
/// known, unless the session's table is complete: then there is no route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RouteSpan {
    /// Index into [`Replay::peers`].
    pub peer: usize,
    /// The prefix.
    pub prefix: Prefix,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// A route or none.
    pub held: Held,
    /// Why we believe so; for `Unknown`, why we believed until then.
    pub evidence: Evidence,
    /// When the peer last announced the route, within the span; its start for an absence.
    pub announced_at: Timestamp,
    /// The record that began it, or, for [`Evidence::ImpliedByWithdraw`], that ended it. Nothing where no single record
    /// did: a RIB dump lacks the route, or contradicts what was believed.
    pub record: Option<RecordRef>,
}

/// What a replay noticed and did not apply, or had to correct.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Corrections {
    /// Records whose times contradict the order in which they were written.
    pub late_records: u64,
    /// Routes in a RIB dump that the updates had withdrawn.
    pub missed_announcements: u64,
    /// Routes that the updates had announced and a RIB dump lacks.
    pub missed_withdrawals: u64,
}

/// Why what a vantage point said is uncertain for a while, though the archive has the files of that time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DoubtReason {
    /// A message could not be read, or only in part.
    LostMessage,
    /// The order of the records and their times contradict each other.
    Clock,
    /// A vantage point fell silent while others went on.
    Silence,
    /// The router took another address or AS number.
    Renumbered,
}

impl DoubtReason {
    /// Every reason.
    pub const ALL: [DoubtReason; 4] =
        [DoubtReason::LostMessage, DoubtReason::Clock, DoubtReason::Silence, DoubtReason::Renumbered];

    /// The name used in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            DoubtReason::LostMessage => "lost_message",
            DoubtReason::Clock => "clock",
            DoubtReason::Silence => "silence",
            DoubtReason::Renumbered => "renumbered",
        }
    }
}

/// A stretch of time for which some of what one vantage point held, or all of it, is uncertain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Doubt {
    /// When; for a lost message, the instant at which it was sent.
    pub window: Window,
    /// Index into [`Replay::peers`]; nothing where all of the collector's vantage points are concerned.
    pub peer: Option<usize>,
    /// Why.
    pub reason: DoubtReason,
}

/// Everything that one collector's archive says about the selected prefixes.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Who recorded it.
    pub collector: Collector,
    /// Its peers, sorted.
    pub peers: Vec<Peer>,
    /// Peers most of whose paths begin with another AS (route servers): not vantage points of their own.
    pub foreign_first_hop: Vec<bool>,
    /// Peers of the collector's own AS (iBGP).
    pub is_internal: Vec<bool>,
    /// When what a vantage point said is uncertain, whatever was asked about; sorted.
    pub doubts: Vec<Doubt>,
    /// Stretches in which the files show no record, for longer than the collector ever pauses; in order.
    pub holes: Vec<Window>,
    /// Session states, sorted.
    pub sessions: Vec<PeerSpan>,
    /// Routes and their absence, sorted by prefix, peer and time.
    pub routes: Vec<RouteSpan>,
    /// The accepted RIB dumps, in order, those after the window included.
    pub tables: Vec<RibTable>,
    /// Whether any RIB dump seeded the replay.
    pub has_rib: bool,
    /// What had to be corrected.
    pub corrections: Corrections,
    /// What the control sample shows; nothing where no RIB dump lists a prefix of it.
    pub control: Option<ControlSample>,
}

impl Replay {
    /// Moves the numbers of all files: they began at 0, and then begin at `first`.
    pub fn number_files_from(&mut self, first: u32) {
        let of_sessions = self.sessions.iter_mut().filter_map(|span| span.record.as_mut());
        let of_routes = self.routes.iter_mut().filter_map(|span| span.record.as_mut());
        let of_tables = self.tables.iter_mut().flat_map(|table| table.holders.values_mut().flatten());
        let records = of_sessions.chain(of_routes).chain(of_tables.map(|holder| &mut holder.record));
        records.for_each(|record| record.file += first);
        self.tables.iter_mut().for_each(|table| table.file += first);
    }

    /// When it begins: RIB dumps of before tell who normally carries a prefix, and no more.
    pub fn begins(&self) -> Timestamp {
        self.sessions.iter().map(|span| span.from).min().unwrap_or(Timestamp::MIN)
    }

    /// The spans of one prefix, in order of peer and time.
    pub fn of_prefix(&self, prefix: &Prefix) -> &[RouteSpan] {
        let from = self.routes.partition_point(|span| span.prefix < *prefix);
        let n = self.routes[from..].partition_point(|span| span.prefix == *prefix);
        &self.routes[from..from + n]
    }

    /// Every prefix that a route, its absence or a RIB dump shows, sorted.
    pub fn prefixes(&self) -> BTreeSet<Prefix> {
        let in_tables = self.tables.iter().flat_map(|table| table.holders.keys());
        self.routes.iter().map(|span| &span.prefix).chain(in_tables).copied().collect()
    }

    /// Those of `asns` that originated any of them at any time, each with what it did.
    pub fn originated_by(&self, asns: &FxHashSet<Asn>) -> BTreeSet<(Asn, Prefix)> {
        let of_routes = self.routes.iter().filter_map(|span| match &span.held {
            Held::Present(Some(path)) => Some((path, span.prefix)),
            _ => None,
        });
        let holders = self.tables.iter().flat_map(|table| &table.holders);
        let of_tables = holders.flat_map(|(prefix, holders)| {
            let paths = holders.iter().flat_map(|holder| &holder.paths);
            paths.map(move |(_, path)| (path, *prefix))
        });
        let origins = |(path, prefix): (&'_ AsPath, Prefix)| {
            let asns = path.origins().iter().filter(|asn| asns.contains(asn));
            asns.map(|asn| (*asn, prefix)).collect::<Vec<_>>()
        };
        of_routes.chain(of_tables).flat_map(origins).collect()
    }
}

#[cfg(test)]
mod tests;
