//! What a replay reports: sessions and routes over time, the evidence for them, and what is uncertain.

use serde::Deserialize;

use super::index::{FileIndex, PeerId};
use crate::bgp::{AsPath, Family, Prefix};
use crate::time::{Timestamp, Window};

/// A record in the archive of a collector, by which a state can be looked up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecordRef {
    /// The file.
    pub file: FileIndex,
    /// Index of the record in its file, from 0. The few beyond `u32::MAX`, in a file of more than 50 GB, all have that number.
    pub record: u32,
    /// Where the record begins, in bytes of the decompressed file.
    pub offset: u64,
}

impl RecordRef {
    /// The `record`th record of a file, which begins at `offset`.
    pub(crate) fn new(file: FileIndex, record: u64, offset: u64) -> RecordRef {
        RecordRef { file, record: u32::try_from(record).unwrap_or(u32::MAX), offset }
    }
}

/// Why something changes: when, and by which record, where one caused it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cause {
    pub at: Timestamp,
    /// The time that the record bears, or the earliest at which it may have been written.
    pub claimed_at: Timestamp,
    pub record: Option<RecordRef>,
}

impl Cause {
    /// The passing of time alone.
    pub(super) fn time(at: Timestamp) -> Cause {
        Cause { at, claimed_at: at, record: None }
    }
}

/// What we know about a session. `Unknown` is a gap in the archive, not a closed session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PeerState {
    /// Established, and the table is known, wholly or in part.
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
    /// The peer.
    pub peer: PeerId,
    /// The address family.
    pub family: Family,
    /// Its start, inclusive.
    pub from: Timestamp,
    /// Its end, exclusive.
    pub to: Timestamp,
    /// The state.
    pub state: PeerState,
    /// Whether the whole table is known, so that a prefix without a route is known to be absent.
    pub complete: bool,
    /// The record that began it; None where the passing of time, a gap or a whole RIB dump did.
    pub record: Option<RecordRef>,
}

/// Why we believe a route to be present or absent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Basis {
    /// It is in a RIB dump.
    Rib,
    /// It was announced.
    Announce,
    /// It was withdrawn.
    Withdraw,
    /// It is missing from a RIB dump.
    NotInRib,
    /// It was withdrawn before anything else was known about it, so it had been there.
    ImpliedByWithdraw,
}

impl Basis {
    /// Every kind.
    pub const ALL: [Basis; 5] =
        [Basis::Rib, Basis::Announce, Basis::Withdraw, Basis::NotInRib, Basis::ImpliedByWithdraw];

    /// The name used in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Basis::Rib => "rib",
            Basis::Announce => "announce",
            Basis::Withdraw => "withdraw",
            Basis::NotInRib => "not_in_rib",
            Basis::ImpliedByWithdraw => "implied_by_withdraw",
        }
    }
}

/// Whether a vantage point held a route to a prefix.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RouteState {
    /// It held one, with this path where the path is known.
    Present(Option<AsPath>),
    /// It held none.
    Absent,
    /// Not known: for example, a RIB dump contradicts the updates before it.
    Unknown,
}

impl RouteState {
    /// Whether a route came, went or changed its origin. Another path to the same origin is no difference.
    pub(crate) fn differs_from(&self, other: &RouteState) -> bool {
        match (self, other) {
            (RouteState::Present(Some(path)), RouteState::Present(Some(other))) => path.origins() != other.origins(),
            _ => self != other,
        }
    }
}

/// The time for which one vantage point held one route to a prefix, or held none. Where there is no span, nothing is known,
/// unless the table of the session is complete: then there is no route. A span without duration shows that a prefix without any
/// other route was announced and replaced at one instant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RouteSpan {
    /// The peer.
    pub peer: PeerId,
    /// The prefix.
    pub prefix: Prefix,
    /// Its start, inclusive.
    pub from: Timestamp,
    /// Its end, exclusive.
    pub to: Timestamp,
    /// Present, absent or unknown.
    pub state: RouteState,
    /// Why we believe so; for `Unknown`, why we believed what came before it.
    pub evidence: Basis,
    /// When the peer last announced the route, within the span; for an absence, the start of the span.
    pub announced_at: Timestamp,
    /// The record that began it or, for [`Basis::ImpliedByWithdraw`], ended it. None where no single record did: a RIB
    /// dump lacks the route, or contradicts what was believed.
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

/// Why the data of a vantage point is uncertain for a while, although the archive has the files of that time.
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

/// An interval in which some or all of the routes of one vantage point are uncertain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Doubt {
    /// The interval; for a lost message, the instant at which it was sent.
    pub window: Window,
    /// The peer; None where all vantage points of the collector are affected.
    pub peer: Option<PeerId>,
    /// The reason.
    pub reason: DoubtReason,
}
